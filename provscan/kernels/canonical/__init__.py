"""Kernels that make texts canonical, in the order of the data.

- :mod:`~provscan.kernels.canonical.chunks` cuts long texts.
- :mod:`~provscan.kernels.canonical.utf8` decodes UTF-8, and encodes it again.
- :mod:`~provscan.kernels.canonical.normalize` runs all stages on a text: character
  references (:mod:`~provscan.kernels.canonical.entities`), dropped tokens
  (:mod:`~provscan.kernels.canonical.tokens`), folding
  (:mod:`~provscan.kernels.canonical.ascii` for ASCII) and look-alike letters
  (:mod:`~provscan.kernels.canonical.lookalikes`).
- :mod:`~provscan.kernels.canonical.items` compares what surrounds a copy in the
  original text, including what canonical text drops, with the edges of the tweet.
"""
