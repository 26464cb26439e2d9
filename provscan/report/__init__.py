"""The results of a run, shown to readers: as tables on a terminal, and as a page for a
browser or for printing.

This package makes no estimates. It renders ``summary.json``, so readers and programs
always get the same numbers, and counts rows of ``matches.parquet`` for figures and
lists.
"""
