"""The parts of an answer that the page and the terminal share: status, chance and upper
limits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from provscan.messages import sentence
from provscan.report.wording import amount, count, percent
from provscan.runs.answer.wording import is_projected
from provscan.statuses import STATUSES

UPPER_LIMITS = {
    "records": "Records with a nearly verbatim copy",
    "texts": "Licensed texts copied nearly verbatim",
}
NOT_COVERED = sentence("page", "not_covered")


def headline(answer: Mapping[str, Any]) -> tuple[str, str, str]:
    """Split the headline into the status, a separator and the rest."""
    status = STATUSES[answer["status"]].words
    rest = answer["headline"].removeprefix(status)
    return (
        (status, ": ", rest[2:])
        if rest.startswith(": ")
        else (status, " ", rest.strip())
    )


def upper_limits(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the upper limits of an answer with their meanings; empty if withheld."""
    limits = [
        (meaning, amount(answer[name]["at_most"], "at_most"))
        for name, meaning in UPPER_LIMITS.items()
    ]
    return [] if all(limit == "–" for _, limit in limits) else limits


def covered(answer: Mapping[str, Any]) -> str:
    """Return a sentence about the licensed texts that the upper limits cover; empty if
    this was not measured.
    """
    if answer["can_be_told"] is None:
        return ""
    return sentence("page", "covered", share=percent(answer["can_be_told"]))


def withheld(answer: Mapping[str, Any]) -> list[str]:
    """Return the reasons why numbers are withheld, each once."""
    return [
        reason.rstrip(".") + "."
        for reason in dict.fromkeys(answer.get("withheld", {}).values())
    ]


def strengths(answer: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return, for each strength of evidence, the findings and the maximum that chance
    explains; empty if chance was not measured.
    """
    records = answer["records"]
    if records["chance"] is None or not records["findings"]:
        return []
    every = answer["strengths"][0]["findings"] == records["findings"]
    everything = "all findings" if every else "findings for which chance was measured"
    return [
        (
            everything
            if (bits := row["bits_from"]) is None
            else f"{bits:g} bits or more",
            count(row["findings"]),
            amount(row["chance_at_most"], "at_most"),
        )
        for row in answer["strengths"]
    ]


def recall_rows(name: str, classes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return classes of test copies with their recall: lengths from the shortest on,
    other classes from the highest recall on.
    """
    if name == "length":
        # "under 30 characters" precedes "from 30 characters".
        return sorted(
            classes.items(),
            key=lambda item: (
                [int(digits) for digits in re.findall(r"\d+", item[0])],
                not item[0].startswith("under"),
            ),
        )
    return sorted(classes.items(), key=lambda item: -item[1]["value"])


def first_sentence(text: str) -> str:
    """Return the text up to the first full stop that is followed by a space."""
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]


def explained(records: Mapping[str, Any]) -> str:
    """Return how many of the findings chance explains, in words."""
    return f"about {amount(min(records['chance'], records['findings']))}"


def numbers_mean(answer: Mapping[str, Any]) -> str:
    """Return how the numbers of a claim depend on each other: unless it is a
    projection, the lower bound is the findings less those that may be chance.
    """
    records = answer["records"]
    findings, least = records["findings"], records["at_least"]
    suspected = records["counts"].get("suspected")
    bound = "less_chance_and_doubts" if suspected else "less_chance"
    bound = "projected_bound" if is_projected(answer) else bound
    values = {"findings": findings, "chance": findings - math.floor(least)}
    code = "estimate" if records["estimate"] else "no_estimate"
    reason = answer["withheld"].get("records.estimate", "").rstrip(".") + "."
    return " ".join(
        (sentence("page", bound, **values), sentence("page", code, reason=reason))
    )


def chance_explains(answer: Mapping[str, Any]) -> str:
    """Return the sentence above the list of findings, which says how many of them
    chance explains.
    """
    records = answer["records"]
    if not STATUSES[answer["status"]].judged:
        return sentence("page", "chance_unknown")
    if not records["findings"] or records["chance"] is None:
        return ""
    findings, least = records["findings"], records["at_least"]
    rest = findings - math.floor(least or 0) - (records["counts"].get("suspected") or 0)
    most = f", at most {count(math.floor(rest))}" if rest >= records["chance"] else ""
    values = {
        "findings": findings,
        "explained": explained(records),
        "most": most if least and not is_projected(answer) else "",
    }
    which = sentence("page", "which") if round(records["chance"]) else ""
    return f"{sentence('page', 'chance_explains', **values)}{which}."


def known_elsewhere(summary: Mapping[str, Any]) -> str:
    """Return a sentence about licensed texts in data that can't come from the platform;
    empty if no such data was given.
    """
    if (known := summary["known"]) is None:
        return ""
    share = percent(known["share"])
    return sentence("page", "known", texts=known["texts"], share=share)
