"""The index on disk: licensed texts with their tweets, and the tables that find them.

:mod:`~provscan.index.format` owns the manifest, :mod:`~provscan.index.segment` the immutable parts,
:mod:`~provscan.index.postings` and :mod:`~provscan.index.texts` the two kinds of files that they are made of,
:mod:`~provscan.index.seeds` the table of seeds that is made of them,
:mod:`~provscan.index.join` makes one segment of two in memory, :mod:`~provscan.index.prepare` turns tweets into what
a segment stores, :mod:`~provscan.index.writer` writes the whole, :mod:`~provscan.index.reader` is the only way in.
"""

from provscan.index.prepare import Prepared, prepare, seed_params, seed_scratch, sketch_texts
from provscan.index.reader import IndexReader, open_reader
from provscan.index.seeds import SIZE_STEP
from provscan.index.segment import LookupTables
from provscan.index.texts import Strings
from provscan.index.writer import replacing, write_index

__all__ = [
    "SIZE_STEP",
    "IndexReader",
    "LookupTables",
    "Prepared",
    "Strings",
    "open_reader",
    "prepare",
    "replacing",
    "seed_params",
    "seed_scratch",
    "sketch_texts",
    "write_index",
]
