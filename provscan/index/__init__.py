"""The index on disk: licensed texts with their tweets, and the tables for looking them
up.

docs/format.md describes the bytes. All access goes through an :class:`IndexReader`:

:mod:`~provscan.index.opening`
    Opens and checks an index.
:mod:`~provscan.index.reader`, :mod:`~provscan.index.texts`
    Answer queries about an open index, its texts and its tweets.
:mod:`~provscan.index.checks`, :mod:`~provscan.index.rebuild`, \
:mod:`~provscan.index.mapped_files`
    These find damaged files, forged files, and files that change while they are mapped.

A change to the folder is a single commit. Three modules make changes:

:mod:`~provscan.index.build`
    Builds an index, or adds tweets to one.
:mod:`~provscan.index.tombstones`
    Forgets tweets.
:mod:`~provscan.index.merges`
    Merges segments, and purges forgotten tweets.

They use :mod:`~provscan.index.ingest`, which turns tweets into segments,
:mod:`~provscan.index.folder`, which keeps the folder consistent,
:mod:`~provscan.index.lock`, which admits one writer at a time, and
:mod:`~provscan.index.format`, which defines the manifest. A
:mod:`~provscan.index.segment` is an immutable part of an index.
"""

from provscan.index.build import append, write_index
from provscan.index.ingest import Written
from provscan.index.merges import merge
from provscan.index.opening import open_reader
from provscan.index.reader import IndexReader
from provscan.index.segment.prepare import sketch_texts
from provscan.index.segment.seeds import seed_params, seed_scratch
from provscan.index.segment.strings import Strings
from provscan.index.segment.tables import LookupTables
from provscan.index.tombstones import forget, forgotten_ids
