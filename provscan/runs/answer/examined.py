"""The examination of a claim in words: why it is withdrawn (:func:`objections`), and
what qualifies it where its number stands (:func:`remarks`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provscan.estimate.examination import Examination
from provscan.messages import message
from provscan.names import percentage

# The reasons for doubts of other names.
REASONS = {"younger_tweets": "younger_than_data"}
UNTESTED = ("direction_not_tested", "direction_partly_tested")


def objections(examination: Examination, *, claimed: bool) -> list[dict[str, str]]:
    """Return why a claim is withdrawn, each with ``code`` and ``message``; empty if it
    stands. If nothing is ``claimed``, the doubts have reduced the lower bound to 0.
    """
    codes = examination.objections
    if not claimed and not codes:
        codes = [REASONS.get(doubt, doubt) for doubt in examination.doubts]
    return [message("reason", code, **_values(examination)) for code in codes]


def remarks(examination: Examination) -> Iterator[dict[str, str]]:
    """Yield what qualifies a claim that stands, each with ``code`` and ``message``."""
    codes = []
    if examination.contributor is not None:
        codes.append("concentrated")
    codes += examination.doubts
    if not examination.direction_tested:
        codes.append(UNTESTED[examination.younger is not None])
    for code in codes:
        yield message("remark", code, **_values(examination))


def _values(examination: Examination) -> dict[str, Any]:
    values: dict[str, Any] = {
        "kind": examination.lacking,
        "dated": examination.dated,
        "all": examination.clusters,
    }
    if examination.younger is not None:
        values["younger"] = percentage(100 * examination.younger, 2)
    if (like := examination.like_dataset) is not None:
        values["like"] = min(1.0, max(0.0, like.value))
    if (one := examination.contributor) is not None:
        week = one.kind == "week"
        values |= {
            "found": one.findings,
            "name": f"the week of {one.name}" if week else f"the account {one.name}",
            "pronoun": "this week" if week else "this account",
            "control": "texts" if one.in_control else "none",
            "alone": ""
            if one.others_claimed
            else ", and without them nothing is claimed",
        }
    return values
