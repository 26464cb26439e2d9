"""Shows the results of a run to readers: as tables on a terminal, and as a page for a
browser or for paper.

This package only renders and computes nothing: every number is already in
``summary.json``, so readers and programs always get the same numbers.
"""
