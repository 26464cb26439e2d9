"""Sketches: MinHash signatures, their LSH bands, and interoperation with datasketch.

:mod:`~provscan.sketch.signatures` computes and exchanges signatures,
:mod:`~provscan.sketch.lsh` computes band keys and two-bit sketches from them.
"""
