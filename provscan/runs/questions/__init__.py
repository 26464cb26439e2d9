"""Questions about finished runs.

- ``explain``: why a text is or is not a match, and a match is or is not a finding.
- ``evaluation``: the matches of a run compared with a truth: precision and recall.
"""
