"""Blind indexes: a lab scans its data for licensed tweets without seeing a tweet, and
without showing its data to the platform.

The platform builds a blind index (:func:`build_index`), which contains the ids of
tweets and keyed sketches. The lab scans its data with it (:func:`match`) and returns a
run with the passages that were found. The platform compares these passages with the
texts of its full index (:func:`reveal`).

:mod:`~provscan.blind.params`
    Parameters of the index, and limits of a search.
:mod:`~provscan.blind.kernels`
    Seeds, fingerprints and keyed hashes, computed and compared.
:mod:`~provscan.blind.index`
    The index on disk: its key; building, opening and checking it.
:mod:`~provscan.blind.scan`
    The search for the texts of an index in other texts.
:mod:`~provscan.blind.run`
    Scans of datasets with a blind index, and the revelation of such a run.
:mod:`~provscan.blind.report`
    The report of a blind run, and its lines on a terminal.
"""

from provscan.blind.index import build_index, info, is_blind, verify
from provscan.blind.run import match, reveal

__all__ = ["build_index", "info", "is_blind", "match", "reveal", "verify"]
