"""The examination of a claim in words: why it is withdrawn (:func:`objections`), and
what qualifies it where its number stands (:func:`remarks`).
"""

from __future__ import annotations

from collections.abc import Iterator

from provscan.estimate.examination import Examination
from provscan.names import counted, percentage

OBJECTIONS = {
    "younger_than_data": (
        "{younger} of the dated findings are of tweets that are younger than the "
        "dataset's own text, so the tweets may have been copied from it."
    ),
    "like_dataset": (
        "About {like} of the findings are worded like the dataset's own text and not "
        "like the licensed tweets, and the control does not explain them. The tweets "
        "may quote the dataset, or both a third source."
    ),
    "control_lacks": (
        "Most findings are of a kind of text that the control hardly has ({kind}), so "
        "it does not measure their chance."
    ),
    "automatic": (
        "{found} of {all} are texts of {name}, which look made by a program; the "
        "control has nothing of this account. It may repeat a third source."
    ),
}
"""Sentences that say why a claim is withdrawn, by code."""

REMARKS = {
    "like_dataset": (
        "About {like} of the findings are worded like the dataset's own text, so they "
        "are left out of the lower bound, and no estimate is given."
    ),
    "concentrated": (
        "Concentrated: {found} of {all} are texts of {name}{alone}. The control has "
        "{control} of {pronoun}."
    ),
    "younger_tweets": (
        "{younger} of the dated findings are of tweets that are younger than the "
        "dataset, so as many are left out of the lower bound, and no estimate is given."
    ),
    "direction_not_tested": (
        "Direction not tested: the time of the dataset is not known."
    ),
    "direction_partly_tested": (
        "Direction not tested for most findings: only {dated} of {all} have a known "
        "time of the tweet and of the data."
    ),
}
"""Sentences that qualify a claim, by code. They stand where its number stands."""

UNTESTED = ("direction_not_tested", "direction_partly_tested")


def objections(examination: Examination) -> list[dict[str, str]]:
    """Return why a claim is withdrawn, each with ``code`` and ``message``; empty if it
    stands.
    """
    return [
        {"code": code, "message": OBJECTIONS[code].format(**_values(examination))}
        for code in examination.objections
    ]


def remarks(examination: Examination) -> Iterator[dict[str, str]]:
    """Yield what qualifies a claim that stands, each with ``code`` and ``message``."""
    codes = []
    if examination.contributor is not None:
        codes.append("concentrated")
    codes += examination.doubts
    if not examination.direction_tested:
        codes.append(UNTESTED[examination.younger is not None])
    for code in codes:
        message = REMARKS[code].format(**_values(examination))
        yield {"code": code, "message": message}


def _values(examination: Examination) -> dict[str, str]:
    values = {
        "kind": examination.lacking or "",
        "dated": f"{examination.dated:,}",
        "all": f"{counted(examination.clusters, 'different finding')}",
    }
    if examination.younger is not None:
        values["younger"] = f"{percentage(100 * examination.younger, 2)}"
    if (like := examination.like_dataset) is not None:
        values["like"] = f"{min(1.0, max(0.0, like.value)):.0%}"
    if (one := examination.contributor) is not None:
        week = one.kind == "week"
        values |= {
            "found": f"{one.findings:,}",
            "name": f"the week of {one.name}" if week else f"the account {one.name}",
            "pronoun": "this week" if week else "this account",
            "control": "texts" if one.in_control else "none",
            "alone": ""
            if one.others_claimed
            else ", and without them nothing is claimed",
        }
    return values
