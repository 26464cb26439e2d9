"""One segment: an immutable part of an index, and the files that it is made of.

:mod:`~provscan.index.segment.prepare` computes what is stored of a batch of tweets,
:mod:`~provscan.index.segment.write` writes a segment of such batches,
:mod:`~provscan.index.segment.read` opens one,
:mod:`~provscan.index.segment.tables` is what a scan looks things up in, and
:mod:`~provscan.index.segment.join` joins the tables of two segments in memory. The
files are :mod:`~provscan.index.segment.texts` (strings),
:mod:`~provscan.index.segment.postings` (sorted tables),
:mod:`~provscan.index.segment.filters` (Bloom filters of these),
:mod:`~provscan.index.segment.seeds` (the table for passages) and
:mod:`~provscan.index.segment.tweets`, whose columns are
:mod:`~provscan.index.segment.packed`.
"""
