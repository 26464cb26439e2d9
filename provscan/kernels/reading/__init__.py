"""Kernels that read records.

- :mod:`~provscan.kernels.reading.elements` writes the elements of a JSON array one per
  line.
- :mod:`~provscan.kernels.reading.other_texts` and
  :mod:`~provscan.kernels.reading.repeated_keys` find the lines of JSON that have to be
  parsed into objects.
"""
