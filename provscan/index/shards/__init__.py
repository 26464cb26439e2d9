"""Shards: parts of one index, divided by text, that are looked up as one segment.

:mod:`~provscan.index.shards.write` assigns texts to shards and writes the data that
depends on all shards, :mod:`~provscan.index.shards.spread` writes shards in many
processes, :mod:`~provscan.index.shards.lookup` looks up keys in them,
:mod:`~provscan.index.shards.groups` does so if several processes have a group of shards
each, and :mod:`~provscan.index.shards.fetch` copies shards to the machine of such a
process.
"""
