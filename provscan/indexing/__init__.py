"""The commands that work on indexes: ``index``, ``forget`` and ``verify``.

- ``corpus``: finds, reads and counts the licensed tweets for an index.
- ``build``: builds an index, or adds to one.
- ``maintain``: forgets tweets, and verifies indexes and runs.
- ``withdrawals``: reads lists of tweets to forget.
- ``copies``: finds runs and pages that still contain forgotten tweets.

:mod:`provscan.index` reads and writes the files of an index.
"""
