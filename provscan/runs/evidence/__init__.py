"""The tables of a run.

- ``tables``: ``matches.parquet`` and ``evidence.parquet``.
- ``baseline``: which findings are new since an earlier run.
"""
