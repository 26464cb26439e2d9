"""Runs: one execution of ``index`` or ``match`` from beginning to end.

:mod:`~provscan.runs.build` makes an index, :mod:`~provscan.runs.match` a run folder.
"""
