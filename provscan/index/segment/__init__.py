"""Segments, the immutable parts of an index, and their files.

:mod:`~provscan.index.segment.prepare` computes everything to be stored for a batch of
tweets, :mod:`~provscan.index.segment.write` writes a segment from such batches,
:mod:`~provscan.index.segment.read` opens one, :mod:`~provscan.index.segment.tables`
defines the tables that a scan uses, and :mod:`~provscan.index.segment.join` joins the
tables of several segments in memory.

Each kind of file has a module: :mod:`~provscan.index.segment.strings`,
:mod:`~provscan.index.segment.postings` (sorted tables),
:mod:`~provscan.index.segment.filters` (Bloom filters of these tables),
:mod:`~provscan.index.segment.seeds` (the table of seeds),
:mod:`~provscan.index.segment.tweets`, and :mod:`~provscan.index.segment.packed`
(compressed columns). :mod:`~provscan.index.segment.arrays` writes and maps arrays.
"""
