"""Runs: one execution of ``match`` from beginning to end.

:func:`~provscan.runs.match.run_match` composes a run from the stages below. They are
listed in the order of the data, and import only earlier ones.

- ``folder``: the files of a run: their names, and how they are read and written.
- ``inputs/``: the files to read, a sample of them, and the texts to search for.
- ``target``: the place of a new run, and the folder in which it is written.
- ``scan/``: one task per split; the sums of all parts, and what was not scanned.
- ``counting/``: the matches with their scores, and the numbers of records and texts.
- ``measures/``: chance and recall; with the counts, they are one value, ``Measured``.
- ``answer/``: the numbers with their limits, and their words: ``summary.json``.
- ``evidence/``: the tables of matches and findings.
- ``match``: the whole run.

``questions/`` is about finished runs: why a match counts, and comparison with a truth.
"""
