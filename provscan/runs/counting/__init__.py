"""Count matches, records and texts.

- ``matches``: the matches of a scan with their scores, as columns.
- ``strata``: the strata of licensed and control texts, and which of the found texts
  can be claimed.
- ``exhibits``: the candidates, other matches that keep their texts.
- ``counts``: the counts of all matches, and of groups of texts.
- ``null``: the counts of clean data, and whether it is of the dataset's kind.
"""
