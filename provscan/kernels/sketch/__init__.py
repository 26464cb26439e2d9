"""Kernels that compute sketches, with which whole texts are compared.

- :mod:`~provscan.kernels.sketch.hashing` contains the hash functions of all kernels.
- :mod:`~provscan.kernels.sketch.minhash` computes MinHash signatures.
- :mod:`~provscan.kernels.sketch.bands` computes from a signature what an index stores:
  the keys of LSH bands, and a sketch of two bits per minimum.
"""
