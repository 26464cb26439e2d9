"""Kernels that make texts canonical, in the order of the data.

- :mod:`~provscan.kernels.canonical.chunks` cuts long texts.
- :mod:`~provscan.kernels.canonical.utf8` decodes UTF-8, and encodes it again.
- :mod:`~provscan.kernels.canonical.normalize` runs all stages on a text: character
  references (:mod:`~provscan.kernels.canonical.entities`), dropped tokens
  (:mod:`~provscan.kernels.canonical.tokens`), folding
  (:mod:`~provscan.kernels.canonical.ascii` for ASCII) and look-alike letters
  (:mod:`~provscan.kernels.canonical.lookalikes`).
- :mod:`~provscan.kernels.canonical.items` lists what the original text has around a
  copy, which canonical text lacks in part, and compares it with the tweet's edges.
"""
