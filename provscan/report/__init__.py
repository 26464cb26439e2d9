"""The results of a run, shown to readers: as tables on a terminal, and as a page for a
browser or for printing.

This package renders and computes nothing: every number is already in ``summary.json``,
so readers and programs always get the same numbers.
"""
