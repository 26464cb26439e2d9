"""Blind indexes: somebody else scans their data for licensed tweets, without seeing a
tweet, and without showing their data.

The platform builds a blind index (:func:`build_index`), which holds ids of tweets and
keyed sketches. The lab scans its data with it (:func:`match`) and hands back a run with
the passages that were found. The platform compares these with the texts of its full
index (:func:`reveal`).

:mod:`~provscan.blind.params`
    Parameters of the index; limits of a search.
:mod:`~provscan.blind.kernels`
    Seeds, fingerprints and keyed hashes, computed and compared.
:mod:`~provscan.blind.index`
    The index on disk: its key, how it is built, opened and checked.
:mod:`~provscan.blind.scan`
    Texts and an index to matches.
:mod:`~provscan.blind.run`
    A scan of datasets with a blind index, and its revelation.
:mod:`~provscan.blind.report`
    Such a run as a page and on a terminal.
"""

from provscan.blind.index import build_index, info, is_blind, verify
from provscan.blind.run import match, reveal

__all__ = ["build_index", "info", "is_blind", "match", "reveal", "verify"]
