"""Texts against an index, with all that people compare: what is alike, how rare it is,
who said it.

``provscan lookup`` prints it for one text, and the live page (:mod:`provscan.server`)
shows it while a text is typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from provscan.arrays import Numbers
from provscan.matching import Index
from provscan.params import MatchParams
from provscan.readers import counted
from provscan.report import wording
from provscan.report.differences import (
    DIFFERS,
    LEFT_OUT,
    NOT_COMPARED,
    WordDifferences,
)

Match = dict[str, Any]
# What the kinds of a difference are called.
DIFFERENCES = {
    LEFT_OUT: "left_out",
    DIFFERS: "differs",
    NOT_COMPARED: "not_compared",
}
NOTHING = (
    "No licensed tweet shares enough wording with this text. A match needs "
    f"{MatchParams.min_chars} letters in common with a tweet: rewritten text and "
    "shorter copies are not found, and only the tweets of this index were looked for."
)


def look_up(texts: Sequence[str], index: Index) -> list[list[Match]]:
    """The matches in each text, findings first and then by how rare their wording is.

    A match is a row of :meth:`provscan.Index.match` with its evidence, in types that
    JSON knows, and in addition

    - ``match`` and ``rarity``: level and rarity in words, and ``why`` for the latter,
    - ``differences``: of ``passage`` and ``tweet`` the places at which they differ, as
      ``[start, end, kind]`` in code points, where the kind is ``differs``, ``left_out``
      (links, case, accents and the like, which the comparison leaves out) or
      ``not_compared`` (in very long texts).
    """
    rows = index.match(texts, evidence=True).drop_columns(["source", "field"])
    compare = WordDifferences()
    matches: list[list[Match]] = [[] for _ in texts]
    for row in rows.to_pylist():
        del row["record_id"]
        matches[row.pop("record")].append(_described(row, compare))
    for found in matches:
        found.sort(key=lambda row: (not row["counted"], -(row["bits"] or 0.0)))
    return matches


def said(matches: Sequence[Match]) -> str:
    """What was found, as a sentence; if nothing, what that means."""
    if not matches:
        return NOTHING
    findings = sum(match["counted"] for match in matches)
    others = len(matches) - findings
    parts = [counted(findings, "finding")]
    if others:
        parts.append(f"{counted(others, 'match')} of common or known wording")
    return f"{' and '.join(parts)}."


def _described(row: Match, compare: WordDifferences) -> Match:
    """A row with its words, and the places at which its texts differ."""
    if row["bits"] is not None:
        row["bits"] = round(row["bits"], 1)
    for name in ("similarity", "containment"):
        row[name] = round(row[name], 4)
    row["time"] = None if row["time"] is None else row["time"].isoformat()
    differing = compare.runs(row["passage"], row["tweet"])
    return {
        **row,
        "match": wording.KINDS[row["level"]],
        "rarity": wording.rarity(row["counted"], row["bits"]),
        "why": _why(row),
        "differences": {
            name: _in_code_points(row[name], runs)
            for name, runs in zip(("passage", "tweet"), differing, strict=True)
        },
    }


def _why(row: Match) -> str:
    """What explains the words for how rare the wording is."""
    if row["common"]:
        return f"{counted(row['authors'], 'author')} posted this text."
    if not row["counted"]:
        return wording.NOT_FINDINGS["ordinary"][1]
    if row["bits"] is None:
        return "No rarity is known of this script."
    return f"{row['bits']:.0f} bits"


def _in_code_points(text: str, runs: Numbers) -> list[list[Any]]:
    """Runs whose places are UTF-16 units, with code points as places."""
    units = np.cumsum([0, *(1 + (character > "\uffff") for character in text)])
    places = np.searchsorted(units, runs[:, :2])
    kinds = [DIFFERENCES[kind] for kind in runs[:, 2].tolist()]
    return [
        [start, end, kind]
        for (start, end), kind in zip(places.tolist(), kinds, strict=True)
    ]
