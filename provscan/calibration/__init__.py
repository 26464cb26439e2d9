"""Make the texts that measure chance and recall.

- ``controls``: texts that can't be in the dataset; their matches measure chance.
- ``edits``, ``script_edits``: edits that turn a licensed text into a copy; the second
  module contains those that depend on the script.
- ``spike_ins``: edited copies that are planted in records of the dataset; the share of
  them that is found measures recall.
"""
