"""Shards: parts of one index, divided by text, that are looked up as one segment.

:mod:`~provscan.index.shards.write` assigns texts to shards and writes the data that
depends on all shards, :mod:`~provscan.index.shards.spread` writes shards in many
processes, :mod:`~provscan.index.shards.lookup` looks them up,
:mod:`~provscan.index.shards.groups` looks them up when several processes have a group
each, and :mod:`~provscan.index.shards.fetch` copies them to the machine of such a
process.
"""
