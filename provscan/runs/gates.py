"""Decide the gates of a run, ``--fail-above`` and ``--fail-above-claimed``
(:func:`decide`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from provscan.names import percentage
from provscan.options import MatchOptions
from provscan.runs.answer.unscanned import in_one_line
from provscan.runs.answer.wording import is_projected
from provscan.statuses import STATUSES

# Kinds of gates that do not pass: the limit is exceeded; the bound is withheld or the
# findings can't be judged; text was not scanned.
CROSSED, WITHHELD, INCOMPLETE = "crossed", "withheld", "incomplete"


class Gate(NamedTuple):
    """A gate that does not pass."""

    kind: str  # CROSSED, WITHHELD or INCOMPLETE.
    sentence: str


def decide(summary: dict[str, Any], options: MatchOptions) -> Gate | None:
    """Return the first gate that does not pass; None if all do, or if there is none."""
    return (
        _of_findings(summary, options.fail_above)
        or _of_bound(summary, options.fail_above_claimed)
        or _of_incomplete(summary, options)
    )


def _of_findings(summary: dict[str, Any], allowed: float | None) -> Gate | None:
    """Compare the share of records with findings, or with new ones, with
    ``--fail-above``.
    """
    share = _findings(summary)
    if allowed is None or share <= allowed:
        return None
    found, baseline = "have findings", summary["baseline"]
    if baseline is not None:
        found = f"have findings that are new since {baseline['path']}"
    return Gate(
        CROSSED,
        f"{_percent(share)} of the records {found}: more than the "
        f"{_percent(allowed)} that --fail-above allows",
    )


def _of_bound(summary: dict[str, Any], allowed: float | None) -> Gate | None:
    """Compare the lower bound with ``--fail-above-claimed``."""
    if allowed is None:
        return None
    answer = summary["answer"]
    shares = answer["records"]["share"]
    share = shares["at_least"]
    # A lower bound that is no projection never exceeds the findings.
    if shares["findings"] > (0.0 if is_projected(answer) else allowed):
        undecided = "--fail-above-claimed can't be decided, since "
        if share is None:
            why = answer["withheld"]["records.at_least"]
            return Gate(WITHHELD, f"{undecided}the lower bound is withheld: {why}")
        if not STATUSES[answer["status"]].judged:
            why = answer["reasons"][0]["message"]
            return Gate(WITHHELD, f"{undecided}the findings can't be judged: {why}")
    if share is None or share <= allowed:
        return None
    return Gate(
        CROSSED,
        f"at least {_percent(share)} of the records contain copies: more than the "
        f"{_percent(allowed)} that --fail-above-claimed allows",
    )


def _of_incomplete(summary: dict[str, Any], options: MatchOptions) -> Gate | None:
    """Return a gate if text was not scanned, and the answer is incomplete or a limit
    would be exceeded if all of this text had copies.
    """
    answer, records = summary["answer"], summary["records"]
    accepted = {"unread"} if options.allow_unread else set()
    missing = [each for each in answer["not_scanned"] if each["code"] not in accepted]
    if not missing:
        return None
    status = STATUSES[answer["status"]]
    bound = answer["records"]["share"]["at_least"]
    if bound is None or not status.judged:
        bound = answer["records"]["share"]["findings"]
    # It is unknown how many records a file that was not read has.
    known = not any(each["code"] in ("unread", "damaged") for each in missing)
    more = sum(each["count"] for each in missing)
    for allowed, share in (
        (options.fail_above, _findings(summary)),
        (options.fail_above_claimed, bound),
    ):
        if allowed is None:
            continue
        most = (share * records + more) / (records + more)
        if not known or most > allowed or not status.passes:
            return Gate(
                INCOMPLETE,
                "the gate can't be decided, since not all text was compared: "
                f"{in_one_line(missing)}",
            )
    return None


def _findings(summary: dict[str, Any]) -> float:
    """Return the share of records with findings; with a baseline, with new ones."""
    if summary["baseline"] is not None:
        return float(summary["baseline"]["new"]["share_of_records"])
    return float(summary["answer"]["records"]["share"]["findings"])


def _percent(share: float) -> str:
    return percentage(100.0 * share, 6)
