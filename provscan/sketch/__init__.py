"""Sketches: MinHash signatures and the data derived from them.

:mod:`~provscan.sketch.signatures` computes signatures and converts them to datasketch
objects, and :mod:`~provscan.sketch.lsh` computes band keys and two-bit sketches.
"""
