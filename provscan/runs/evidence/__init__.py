"""The matches of a run, as a table.

- ``tables``: ``matches.parquet``, with the texts of findings and candidates.
- ``baseline``: which findings are new since an earlier run.
"""
