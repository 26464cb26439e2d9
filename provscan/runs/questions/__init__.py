"""Answer questions about finished runs, and about planned ones.

- ``explain``: why a text is or is not a match, and a match is or is not a finding.
- ``compare``: which findings two runs have in common.
- ``control``: what a control can show, before a dataset is scanned.
"""
