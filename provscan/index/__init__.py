"""The index on disk: licensed texts with their tweets, and the tables that find them.

Everybody asks an :class:`IndexReader`, which :mod:`~provscan.index.opening` opens;
docs/format.md describes the bytes. Every change is one commit of the folder:

:mod:`~provscan.index.build`
    Builds an index, or adds tweets to one.
:mod:`~provscan.index.tombstones`
    Forgets tweets.
:mod:`~provscan.index.merges`
    Merges segments, and purges what is forgotten.

Below them, :mod:`~provscan.index.write` makes segments of tweets,
:mod:`~provscan.index.folder` keeps the folder whole (one writer, generations), and
:mod:`~provscan.index.format` is the manifest. :mod:`~provscan.index.segment` is one
immutable part of an index, :mod:`~provscan.index.shards` an index in parts that are
looked up as one. :mod:`~provscan.index.checks` finds damage,
:mod:`~provscan.index.rebuild` forged files, and :mod:`~provscan.index.truncation` keeps
a process alive whose files are cut short.
"""

from provscan.index.build import append, write_index
from provscan.index.merges import merge
from provscan.index.opening import open_reader
from provscan.index.reader import NOTHING, IndexReader, LeftOut
from provscan.index.segment.prepare import sketch_texts
from provscan.index.segment.seeds import seed_params, seed_scratch
from provscan.index.segment.tables import LookupTables, MatchedPlaces, Tables
from provscan.index.segment.texts import Strings
from provscan.index.segment.write import WrittenSegment
from provscan.index.shards.groups import CONSTANT, GroupReader, hold_shards
from provscan.index.shards.lookup import ShardGroup
from provscan.index.shards.spread import (
    MadeShards,
    Parted,
    write_parts,
    write_shard,
    write_shards,
)
from provscan.index.shards.write import MOST_SHARDS
from provscan.index.tombstones import forget
from provscan.index.write import Written

# What a scan reads.
ScanReader = IndexReader | GroupReader
