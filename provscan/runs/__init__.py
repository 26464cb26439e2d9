"""Runs: one execution of ``match`` from beginning to end.

:func:`~provscan.runs.match.run_match` composes a run from the stages below. They are
listed in the order of the data, and import only earlier ones.

- ``folder``: the files of a run: their names, and how they are read and written.
- ``inputs/``: the files to read, a sample of them, and the texts to search for.
- ``target``: the path of a new run, and the folder in which it is written.
- ``scan/``: one task per split; the sums of all parts, and what was not scanned.
- ``counting/``: the matches with their scores, and counts of records and texts.
- ``measures/``: chance and recall. ``Measured`` contains everything that a run
  measured.
- ``answer/``: the contents of ``summary.json``: numbers with limits, and sentences.
- ``evidence/``: the tables of matches and findings.
- ``match``: the complete run.

``questions/`` answers questions about finished runs and planned ones: why a match is a
finding, which findings two runs share, and what a control can show.
"""
