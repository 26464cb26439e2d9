"""Look up texts in an index, and describe the matches for people: similarity,
differences, rarity and authors.

``provscan lookup`` prints the matches in one text, and the page of ``provscan serve``
(:mod:`provscan.server`) shows them while a text is typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from provscan.arrays import Numbers
from provscan.matching import Index
from provscan.names import counted
from provscan.params import FEW_CHARS, MatchParams
from provscan.report import wording
from provscan.report.differences import (
    DIFFERS,
    LEFT_OUT,
    NOT_COMPARED,
    WordDifferences,
)

Match = dict[str, Any]
# The kinds of differences, with their names in results.
DIFFERENCES = {
    LEFT_OUT: "left_out",
    DIFFERS: "differs",
    NOT_COMPARED: "not_compared",
}
NOTHING = (
    "No licensed tweet shares enough wording with this text. A match needs "
    f"{FEW_CHARS} characters in common with a tweet, or {MatchParams.min_chars} that "
    "are nearly the whole tweet: rewritten text and shorter copies are not found, and "
    "only the tweets of this index were searched."
)


def look_up(texts: Sequence[str], index: Index) -> list[list[Match]]:
    """Return the matches in each text: first the findings, then the others, each sorted
    by the rarity of their wording, the rarest first.

    A match is a row of :meth:`provscan.Index.match` with its evidence, in types that
    JSON can represent, and with these additions:

    - ``match`` and ``rarity``: the level and the rarity in words,
    - ``why``: the bits of a finding; otherwise, why the wording is not rare,
    - ``differences``: the ranges in which ``passage`` and ``tweet`` differ, as
      ``[start, end, kind]`` in code points. The kind is ``differs``, ``left_out``
      (links, case, accents and the like, which the comparison ignores) or
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


def summary(matches: Sequence[Match]) -> str:
    """Return a sentence that summarises the matches; if there are none, it explains
    what that means.
    """
    if not matches:
        return NOTHING
    findings = sum(match["counted"] for match in matches)
    others = len(matches) - findings
    common = f"{counted(others, 'match')} of common or known wording"
    if not findings:
        return f"No finding, but {common}."
    return f"{counted(findings, 'finding')}{f' and {common}' if others else ''}."


def _described(row: Match, compare: WordDifferences) -> Match:
    """Return a row with the additions of :func:`look_up`."""
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
    """Return the bits of a finding, or a sentence on why the wording is not rare."""
    if row["common"]:
        return f"{counted(row['authors'], 'author')} posted this text."
    if not row["counted"]:
        return wording.NOT_FINDINGS["ordinary"][1]
    if row["bits"] is None:
        return "The rarity of wording in this script is unknown."
    return f"{row['bits']:.0f} bits"


def _in_code_points(text: str, runs: Numbers) -> list[list[Any]]:
    """Convert the ranges of differences from UTF-16 units to code points."""
    units = np.cumsum([0, *(1 + (character > "\uffff") for character in text)])
    places = np.searchsorted(units, runs[:, :2])
    kinds = [DIFFERENCES[kind] for kind in runs[:, 2].tolist()]
    return [
        [start, end, kind]
        for (start, end), kind in zip(places.tolist(), kinds, strict=True)
    ]
