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
:mod:`~provscan.blind.keys`, :mod:`~provscan.blind.build`, :mod:`~provscan.blind.index`
    The key; building the index; opening and checking it.
:mod:`~provscan.blind.scan`
    The search for the texts of an index in other texts.
:mod:`~provscan.blind.match`, :mod:`~provscan.blind.reveal`, :mod:`~provscan.blind.run`
    Scans of datasets with a blind index; turning the rows of such a run into evidence;
    the files of both.
:mod:`~provscan.blind.report`
    The report of a blind run, and its lines on a terminal.
"""

from provscan.blind.build import build_index
from provscan.blind.index import info, is_blind, verify
from provscan.blind.match import match
from provscan.blind.reveal import reveal

__all__ = ["build_index", "info", "is_blind", "match", "reveal", "verify"]
