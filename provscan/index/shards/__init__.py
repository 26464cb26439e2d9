"""An index in shards: parts of one index, by text, that are looked up as one segment.

:mod:`~provscan.index.shards.write` says which text belongs to which shard and writes
what is decided over all of them, :mod:`~provscan.index.shards.spread` writes shards in
many processes, :mod:`~provscan.index.shards.lookup` looks them up,
:mod:`~provscan.index.shards.groups` does so while several processes hold them, and
:mod:`~provscan.index.shards.fetch` copies them to the machine that holds them.
"""
