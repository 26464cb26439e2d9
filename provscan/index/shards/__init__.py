"""Shards: parts of one index that are looked up as if they were a single segment. Each
shard has some of the texts.

:mod:`~provscan.index.shards.divide` assigns texts to shards and writes the data that
depends on all shards, :mod:`~provscan.index.shards.build` writes shards in many
processes, and :mod:`~provscan.index.shards.lookup` looks up keys in shards.
:mod:`~provscan.index.shards.groups` looks up keys in groups of shards that are open in
several processes, and copies shards to the machines of these processes.
"""
