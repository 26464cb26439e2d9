"""Kernels that build and read the tables of an index.

- Keys: :mod:`~provscan.kernels.storage.keys` hashes and numbers texts.
- Tables: :mod:`~provscan.kernels.storage.radix` sorts entries,
  :mod:`~provscan.kernels.storage.postings` packs them and looks keys up, and
  :mod:`~provscan.kernels.storage.bloom` filters look-ups.
- Columns: :mod:`~provscan.kernels.storage.packing` compresses whole numbers.
- Digests: :mod:`~provscan.kernels.storage.digests` identifies sets of tweets.
"""
