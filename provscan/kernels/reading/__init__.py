"""Kernels that read records.

- :mod:`~provscan.kernels.reading.elements` writes the elements of a JSON array one per
  line.
- :mod:`~provscan.kernels.reading.json_lines` parses JSON lines into columns.
- :mod:`~provscan.kernels.reading.garbled` recognises wrongly decoded and escaped
  texts.
"""
