"""The sentences of a probe's answer: headline, details, the next step, warnings and
notes.

:func:`final_answer` puts the numbers that :mod:`provscan.probe.summary` computes into
words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provscan.names import counted
from provscan.probe.plan import MISPLACED
from provscan.probe.statistics import ALPHA
from provscan.probe.summary import NOT_ALIKE, REVERSED, TOO_FEW
from provscan.report.wording import percent
from provscan.statuses import (
    CANNOT_JUDGE,
    COPIES_FOUND,
    NO_COPIES_SHOWN,
    NOT_MEASURED,
    STATUSES,
)

WARNINGS = {
    "incomplete": (
        "{missing:,} of {pairs:,} pairs were not asked completely, and are left out of "
        "all numbers."
    ),
    "reversed": (
        "The controls are recited more often than the licensed tweets. The model may "
        "have seen them, so they do not measure chance: make a plan with other "
        "controls."
    ),
    "declined": (
        "{all:,} questions were declined, and are not compared. They were refused, "
        "filtered, left empty, or answered with wording that recurs in answers about "
        "other tweets, as that of a refusal does. About licensed tweets: {licensed:,}; "
        "after the beginning of another tweet: {misplaced:,}; about controls: "
        "{control:,}."
    ),
    "cut_off": (
        "{all:,} answers were cut off too early to contain the tweet, and are not "
        "compared. About licensed tweets: {licensed:,}; after the beginning of another "
        "tweet: {misplaced:,}; about controls: {control:,}. A model that reasons first "
        "can use up all tokens before its answer begins (why answers ended: {ended})."
    ),
    "several_systems": (
        "The answers came from {systems} models or system fingerprints. The endpoint "
        "changed during the run, so the numbers describe no single model."
    ),
}
"""Warnings by code: what threatens a number. A terminal shows the first sentence."""
NOTES = {
    "not_alike": (
        "Licensed tweets and controls were not shown to be alike in words and length. "
        "A classifier tells them apart too well, or there are too few pairs to rule "
        "that out ({areas})."
    ),
    "prompts_left_out": (
        "No prompts of these kinds were asked: {kinds}. For them, licensed tweets and "
        "controls were not shown to be alike ({areas})."
    ),
    "departures": (
        "The endpoint refused settings of the plan, and used its own instead: {what}."
    ),
    "elsewhere": (
        "{count:,} tweets were also recited after the beginning of another tweet. The "
        "model may know their wording without the tweet, as of a quotation, so "
        '{licensed:,} licensed ones do not count as recited; "at most" allows for them.'
    ),
    "unmatched": (
        "{count:,} of the {drawn:,} licensed tweets drawn were not asked for, because "
        "no control is similar to them."
    ),
}
"""Notes by code: what a reader should know."""


def final_answer(summary: dict[str, Any], status: str) -> dict[str, Any]:
    """Return ``answer`` of ``summary.json``: the status, the numbers of recited
    licensed tweets, and the sentences.
    """
    tweets = summary["answer"]["tweets"]
    why = summary["tests"]["difference"]["invalid"]
    return {
        "status": status,
        "headline": _headline(status, tweets),
        "details": _details(status, tweets, summary),
        "reasons": _reasons(status, summary),
        "next": _next(status, summary)[0],
        "request": _next(status, summary)[1],
        "tweets": tweets,
        "withheld": _withheld(tweets, why),
        "warnings": [
            {"code": code, "message": WARNINGS[code].format(**values)}
            for code, values in _warnings(summary)
        ],
        "notes": [
            {"code": code, "message": NOTES[code].format(**values)}
            for code, values in _notes(summary)
        ],
    }


def _not_told_apart(why: str) -> str:
    return f"Copies and coincidences can't be told apart: {why}."


def _reasons(status: str, summary: dict[str, Any]) -> list[dict[str, str]]:
    """Return the reasons why the recitations can't be judged, each with ``code`` and
    ``message``.
    """
    if status != CANNOT_JUDGE:
        return []
    tests = summary["tests"]
    asked, recited = summary["asked"], summary["recited"]
    if tests["objection"] != REVERSED and 2 * recited["compared"] < recited["pairs"]:
        declined, cut_off = (sum(asked[x].values()) for x in ("declined", "cut_off"))
        message = (
            f"{recited['compared']:,} of {counted(recited['pairs'], 'pair')} can be "
            f"compared, fewer than half: of {counted(asked['answered'], 'question')}, "
            f"{declined:,} were declined, and {cut_off:,} answers were cut off."
        )
        return [{"code": TOO_FEW, "message": message}]
    if tests["objection"] is not None:
        message = _not_told_apart(tests["difference"]["invalid"])
        return [{"code": tests["objection"], "message": message}]
    message = (
        "Too few to rule chance out: only the licensed tweet is recited in "
        f"{counted(tests['licensed_only'], 'pair')}, only the control in "
        f"{tests['control_only']:,}."
    )
    if summary["recited"][MISPLACED] and tests["difference"]["p_value"] <= ALPHA:
        message = (
            "The model may know the recited tweets as quotations: it recites "
            f"{summary['recited'][MISPLACED]:,} licensed tweets after the beginning of "
            f"another tweet, and {summary['recited']['licensed']:,} only after their "
            "own."
        )
        return [{"code": "quotations", "message": message}]
    return [{"code": "few_findings", "message": message}]


def _headline(status: str, tweets: dict[str, Any]) -> str:
    asked, share = f"{tweets['asked']:,} licensed tweets", tweets["share"]
    if status == NO_COPIES_SHOWN:
        return f"{STATUSES[status].words} in the answers about {asked}."
    if status in (CANNOT_JUDGE, NOT_MEASURED):
        recited = f"{tweets['findings']:,}" if tweets["findings"] else "none"
        return (
            f"{STATUSES[status].words}: the model recites {recited} of {asked} "
            f"({percent(share['findings'])})."
        )
    least = f"at least {tweets['at_least']:,} of {asked} ({percent(share['at_least'])})"
    best = ""
    if tweets["estimate"] is not None:
        value, low, high = (
            round(tweets["estimate"][name]) for name in ("value", "low", "high")
        )
        best = f" Best estimate {value:,} ({low:,}-{high:,})."
    return f"{STATUSES[status].words}: beyond chance, the model recites {least}.{best}"


def _details(status: str, tweets: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    """Return the sentences after the headline: on the controls, and the upper limit."""
    recited = summary["recited"]["control"]
    controls = counted(tweets["asked"], "control")
    if status == NOT_MEASURED:
        why = summary["tests"]["difference"]["invalid"]
        if summary["tests"]["objection"] == NOT_ALIKE:
            why = f"the {controls} ({recited:,} recited) may be of another kind"
        sentences = [_not_told_apart(why)]
    else:
        found = f"{tweets['findings']:,}" if tweets["findings"] else "none"
        recited_controls = f"{recited:,}" if recited else "none"
        recites = (
            f"It recites {found} in all"
            if status in (COPIES_FOUND, CANNOT_JUDGE)
            else f"The model recites {found} of them"
        )
        sentences = [each["message"] for each in _reasons(status, summary)]
        sentences += [
            f"{recites}, and {recited_controls} of {controls}: similar tweets it "
            "cannot have seen."
        ]
    if status == NO_COPIES_SHOWN and tweets["at_most"] is not None:
        sentences.append(
            f"It recites at most {tweets['at_most']:,} beyond chance. Tweets that it "
            "knows but does not recite can't be counted."
        )
    return sentences


def _next(status: str, summary: dict[str, Any]) -> tuple[str, str]:
    """Return the next step for a terminal, and what a reader of the report can do."""
    asked, share = summary["asked"], summary["power"]["detectable_share"]
    if missing := asked["pairs"] - asked["complete_pairs"]:
        pairs = counted(asked["pairs"], "pair")
        questions = f"the missing questions of {missing:,} of {pairs}."
        return (
            f"repeat provscan probe run, which asks {questions}",
            f"Ask whoever ran this to repeat it, which asks {questions}",
        )
    if status == COPIES_FOUND:
        return (
            "compare the recited tweets with the model's words in the report, "
            "strongest first.",
            "Compare the recited tweets with the model's words below.",
        )
    if status == CANNOT_JUDGE and 2 * summary["recited"]["compared"] < asked["pairs"]:
        return (
            "provscan probe plan with the other --style: too many answers were "
            "declined or cut off.",
            "Ask whoever ran this for prompts of the other style: too many answers "
            "were declined or cut off.",
        )
    if status in (CANNOT_JUDGE, NOT_MEASURED):
        return (
            "provscan probe plan with controls of the same time, authors and wording, "
            "or with more --pairs.",
            "Ask whoever ran this for controls of the same time, authors and wording, "
            "or for more pairs.",
        )
    shown = "nothing"
    if share is not None:
        shown = f"recitation only of {percent(share)} or more of the tweets"
    return (
        f"provscan probe plan with more --pairs; this plan can show {shown}.",
        f"Ask whoever ran this for a plan with more pairs; this one can show {shown}.",
    )


def _withheld(tweets: dict[str, Any], why: str | None) -> dict[str, str]:
    names = ("at_least", "estimate", "at_most")
    if why is not None:
        return {f"tweets.{name}": f"{why[0].upper()}{why[1:]}." for name in names}
    wide = "The interval of the estimate spans more than a factor of ten."
    return {} if tweets["estimate"] else {"tweets.estimate": wide}


def _warnings(summary: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the codes of the warnings with the values to fill in."""
    asked, returned = summary["asked"], len(summary["model"]["returned"])
    if missing := asked["pairs"] - asked["complete_pairs"]:
        yield "incomplete", {"missing": missing, "pairs": asked["pairs"]}
    if summary["tests"]["objection"] == REVERSED:
        yield "reversed", {}
    ended = ", ".join(f"{how} {count:,}" for how, count in asked["ended"].items())
    for code in ("declined", "cut_off"):
        if total := sum(asked[code].values()):
            yield code, {**asked[code], "all": total, "ended": ended}
    if returned > 1:
        yield "several_systems", {"systems": returned}


def _notes(summary: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the codes of the notes with the values to fill in."""
    plan = summary["plan"]
    drawn, matched = (
        sum(stratum[name] for stratum in plan["strata"])
        for name in ("drawn", "matched")
    )
    fail = {kind: area for kind, area in plan["baseline"].items() if not area["holds"]}
    if fail:
        areas = "; ".join(f"{kind}: {area_of(area)}" for kind, area in fail.items())
        yield (
            "not_alike" if not plan["claims"] else "prompts_left_out",
            {"kinds": " and ".join(fail), "areas": areas},
        )
    if summary["asked"]["departures"]:
        yield (
            "departures",
            {"what": "; ".join(map(departure, summary["asked"]["departures"]))},
        )
    recited = summary["recited"]
    if count := recited["elsewhere"]:
        yield "elsewhere", {"count": count, "licensed": recited["elsewhere_licensed"]}
    if drawn > matched:
        yield "unmatched", {"count": drawn - matched, "drawn": drawn}


def departure(item: dict[str, Any]) -> str:
    """Return in words how often a parameter was left out."""
    name = (
        item["parameter"]
        if item["value"] is None
        else f"{item['parameter']} {item['value']:g}"
    )
    why = ""
    if item["parameter"] == "seed":
        why = ", so that these answers cannot be drawn again"
    elif item["value"] == 0.0:
        why = ", so that these answers are not greedy"
    of_all = counted(item["of"], "question")
    return f"{name} left out of {item['answers']:,} of {of_all}{why}"


def area_of(area: Mapping[str, Any]) -> str:
    """Return in words how well a classifier tells licensed tweets from controls."""
    if area["value"] is None:
        return f"not measured, {area['invalid']}"
    return (
        f"area under the ROC curve {area['value']:.2f}, 95% interval "
        f"{area['low']:.2f}-{area['high']:.2f}, limit {area['limit']:g}"
    )
