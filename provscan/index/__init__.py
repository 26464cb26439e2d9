"""The index on disk: licensed texts with their tweets, and the tables for looking them
up.

docs/format.md describes the bytes. All access goes through an :class:`IndexReader`:

:mod:`~provscan.index.opening`
    Opens an index, and checks it.
:mod:`~provscan.index.reader`, :mod:`~provscan.index.texts`
    An open index; queries about its texts and tweets.
:mod:`~provscan.index.checks`, :mod:`~provscan.index.rebuild`, \
:mod:`~provscan.index.mapped_files`
    Damaged files; forged files; files that change while they are mapped.

Every change of the folder is one commit, made by one of three modules:

:mod:`~provscan.index.build`
    Builds an index, or adds tweets to one.
:mod:`~provscan.index.tombstones`
    Forgets tweets.
:mod:`~provscan.index.merges`
    Merges segments, and purges forgotten tweets.

They rely on :mod:`~provscan.index.ingest`, which turns tweets into segments,
:mod:`~provscan.index.folder`, which keeps the folder consistent,
:mod:`~provscan.index.lock`, the lock of the only writer, and
:mod:`~provscan.index.format`, the manifest. A :mod:`~provscan.index.segment` is an
immutable part of an index; :mod:`~provscan.index.shards` are parts that are looked up
as one.
"""

from provscan.index.build import append, write_index
from provscan.index.ingest import Written
from provscan.index.merges import merge
from provscan.index.opening import open_reader
from provscan.index.reader import NOTHING, IndexReader, LeftOut
from provscan.index.segment.prepare import sketch_texts
from provscan.index.segment.seeds import seed_params, seed_scratch
from provscan.index.segment.strings import Strings
from provscan.index.segment.tables import LookupTables, MatchedPlaces, Tables
from provscan.index.segment.write import WrittenSegment
from provscan.index.shards.build import (
    MadeShards,
    Parted,
    write_parts,
    write_shard,
    write_shards,
)
from provscan.index.shards.divide import MOST_SHARDS
from provscan.index.shards.groups import CONSTANT, GroupReader, open_shards
from provscan.index.shards.lookup import ShardGroup
from provscan.index.tombstones import forget

# The readers that a scan can use.
ScanReader = IndexReader | GroupReader
