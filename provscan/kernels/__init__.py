"""Numba kernels: the loops over bytes, code points and table entries.

- :mod:`~provscan.kernels.reading` parses records and recognises damaged ones.
- :mod:`~provscan.kernels.canonical` makes texts canonical.
- :mod:`~provscan.kernels.sketch` computes MinHash signatures and hashes.
- :mod:`~provscan.kernels.storage` builds, reads and compresses an index's tables.
- :mod:`~provscan.kernels.search` finds licensed texts in records and verifies them.

All use :mod:`~provscan.kernels.jit` (compilation and its cache),
:mod:`~provscan.kernels.instructions` (vector instructions),
:mod:`~provscan.kernels.records` (named tuples of arrays),
:mod:`~provscan.kernels.characters` (names of ASCII characters) and
:mod:`~provscan.kernels.scratch` (memory that is reused).
:mod:`~provscan.kernels.warmup` compiles the kernels before a run.
"""
