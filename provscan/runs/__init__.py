"""Runs: one execution of ``index`` or ``match`` from beginning to end.

:mod:`~provscan.runs.build` builds an index, :mod:`~provscan.runs.match` writes a run
folder.
"""
