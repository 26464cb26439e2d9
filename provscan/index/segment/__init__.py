"""A segment, an immutable part of an index, and the files that it consists of.

:mod:`~provscan.index.segment.prepare` computes what is stored for a batch of tweets,
:mod:`~provscan.index.segment.write` writes a segment from such batches,
:mod:`~provscan.index.segment.read` opens one, :mod:`~provscan.index.segment.tables`
defines the tables that a scan uses, and :mod:`~provscan.index.segment.join` joins the
tables of two segments in memory. The files are :mod:`~provscan.index.segment.strings`
(strings), :mod:`~provscan.index.segment.postings` (sorted tables),
:mod:`~provscan.index.segment.filters` (their Bloom filters),
:mod:`~provscan.index.segment.seeds` (the table for passages) and
:mod:`~provscan.index.segment.tweets`, whose columns are stored by
:mod:`~provscan.index.segment.packed`.
"""
