"""Shards: parts of one index, divided by text, that are looked up as one segment.

:mod:`~provscan.index.shards.divide` assigns texts to shards and writes the data that
depends on all shards, :mod:`~provscan.index.shards.build` writes shards in many
processes, and :mod:`~provscan.index.shards.lookup` looks up keys in them.
:mod:`~provscan.index.shards.groups` does so if several processes have a group of shards
each, and copies shards to the machines of these processes.
"""
