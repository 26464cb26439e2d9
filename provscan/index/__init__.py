"""The index on disk: licensed texts with their tweets, and the tables that find them.

:mod:`~provscan.index.reader` is the only way in, opened by
:mod:`~provscan.index.opening`; :mod:`~provscan.index.writer` makes every change;
docs/format.md describes the bytes. Below them: :mod:`~provscan.index.format` the
manifest, :mod:`~provscan.index.folder` lock, commit and leftovers,
:mod:`~provscan.index.segment` the immutable parts and
:mod:`~provscan.index.segments_writer` their writer, in shards if asked for,
:mod:`~provscan.index.checks` and :mod:`~provscan.index.remake` what is checked of them
and :mod:`~provscan.index.checked` when. A segment is made of
:mod:`~provscan.index.postings`, :mod:`~provscan.index.filters`,
:mod:`~provscan.index.texts`, :mod:`~provscan.index.seeds` and
:mod:`~provscan.index.tweets`, whose columns are :mod:`~provscan.index.packed`;
:mod:`~provscan.index.prepare` computes what it stores, :mod:`~provscan.index.join`
makes one of two in memory. :mod:`~provscan.index.spread` lets many processes write
shards, :mod:`~provscan.index.shards` looks them up as one segment, and
:mod:`~provscan.index.shard_groups` does while several processes hold them.
"""

from provscan.index.opening import open_reader
from provscan.index.prepare import Prepared, prepare, sketch_texts
from provscan.index.reader import NOTHING, IndexReader, LeftOut
from provscan.index.seeds import seed_params, seed_scratch
from provscan.index.segment import LookupTables
from provscan.index.segments_writer import MOST_SHARDS, Shard
from provscan.index.shard_groups import CONSTANT, GroupReader, hold_shards
from provscan.index.shards import ShardGroup, ShardTables, answers
from provscan.index.spread import (
    MadeShards,
    Parted,
    write_parts,
    write_shard,
    write_shards,
)
from provscan.index.texts import Strings
from provscan.index.writer import append, forget, merge, merge_needs, write_index

# What a scan reads.
ScanReader = IndexReader | GroupReader
