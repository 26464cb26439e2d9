"""Answer questions about finished runs.

- ``explain``: why a text is or is not a match, and a match is or is not a finding.
- ``evaluation``: precision and recall of the matches of a run, given a ground truth.
"""
