"""The numbers of a probe, and the objections to them: most of ``summary.json``.

:func:`summarise` counts the recitations, tests the two arms against each other and
assembles the summary. Claims rest only on prompts for which the two arms could not be
told apart beforehand. :func:`status_of` decides what the probe shows as a whole.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan import estimate
from provscan.arrays import Floats
from provscan.errors import InputError
from provscan.estimate.limits import EXPLAINED
from provscan.probe import statistics
from provscan.probe.answers import Answer
from provscan.probe.draw import ENDS
from provscan.probe.evidence import Counts, Evidence, count_recitations
from provscan.probe.files import MODEL_FILE
from provscan.probe.outcomes import CUT_OFF, DECLINED
from provscan.probe.plan import ASKED, MISPLACED, Plan
from provscan.probe.result_tables import tweet_table
from provscan.probe.run import read_model
from provscan.probe.statistics import ALPHA
from provscan.statuses import (
    CANNOT_JUDGE,
    COPIES_FOUND,
    NO_COPIES_SHOWN,
    NOT_MEASURED,
)

SUMMARY_VERSION = 1
# False discovery rate of the list of recited tweets.
RATE = 0.05
# Minimum number of pairs that can support a claim, if only the licensed tweet is
# recited in all of them.
FEWEST_PAIRS = math.ceil(-math.log2(ALPHA))
# An estimate is withheld if the ends of its interval differ by a larger factor.
WIDEST = 10.0
# Minimum number of recited tweets for a trend over copies, and minimum number of tweets
# in a class of copies for a share.
FEWEST = 20
# The codes of objections.
NOT_ALIKE, TOO_FEW, REVERSED = "not_alike", "too_few", "reversed"


class Objection(NamedTuple):
    """The reason why nothing can be claimed from the counts."""

    code: str
    reason: str


def summarise(found: Evidence) -> tuple[dict[str, Any], pa.Table]:
    """Return the numbers of a probe, and a table of the tweets that were asked for."""
    plan = found.plan
    model = read_model(plan.path)
    if not model:
        raise InputError(
            f"{plan.path / MODEL_FILE} is missing, so it is unknown which model "
            "answered: restore it"
        )
    counts = count_recitations(found)
    recited = {arm: int(hits.sum()) for arm, hits in counts.recited.items()}
    able, control = int(counts.able.sum()), counts.compared["control"][counts.able]
    bits = {arm: values[counts.able] for arm, values in counts.compared_bits.items()}
    # Test the arms against each other.
    tests = _tests(counts, _objection(plan, counts))
    numbers = _numbers(counts, tests)
    claimed = bool(numbers["at_least"])
    power = statistics.detectable_share(able, float(control.mean())) if able else None
    q_values = np.full(len(counts.pairs), np.nan)
    if plan.content["claims"] and able:
        chance = np.maximum(bits["control"], bits[MISPLACED])
        q_values[counts.able] = conformal_q_values(bits["licensed"], chance)
    listed = counts.recited["licensed"] & (np.nan_to_num(q_values, nan=1.0) <= RATE)
    # Assemble the summary.
    summary = {
        "version": SUMMARY_VERSION,
        "plan": {
            "digest": plan.digest,
            **{k: v for k, v in plan.content.items() if k not in ("pairs", "version")},
        },
        "model": {**model, "returned": _returned(found.answers)},
        "asked": _asked(found),
        "claimed": claimed,
        "answer": {"tweets": numbers},
        "recited": {
            "pairs": len(counts.pairs),
            "compared": able,
            **recited,
            "elsewhere": len(
                {each.asked[:2] for each in found.found if each.elsewhere}
            ),
            "elsewhere_licensed": counts.elsewhere,
            "prompts": counts.kinds,
        },
        "tests": tests,
        "by_prompt": {kind: _of_kind(found, kind) for kind in plan.content["baseline"]},
        "dose": _dose(plan, counts),
        "listed": {"rate": RATE, "tweets": int(listed.sum())},
        "total": _total(plan, counts, claimed),
        "power": {"pairs": able, "power": statistics.POWER, "detectable_share": power},
    }
    return summary, tweet_table(found, counts, q_values)


def conformal_q_values(licensed: Floats, control: Floats) -> Floats:
    """Return the q-value of each licensed tweet, given the bits of both arms.

    With this weight of a control, the q-values are those of Benjamini & Hochberg for
    conformal p-values, which are jointly valid (Bates et al. 2023,
    doi:10.1214/22-AOS2244).
    """
    weight = len(licensed) / (1 + len(control))
    return estimate.q_values(licensed, licensed, control, weight)


def status_of(summary: dict[str, Any]) -> str:
    """Return what a probe shows as a whole, as for a run: ``copies_found`` if the lower
    limit of recitation beyond chance is above 0; ``no_copies_shown`` if half of the
    pairs or more have answers to compare, and nothing is recited or the recited
    controls explain it; ``not_measured`` if the controls do not measure chance; and
    otherwise ``cannot_judge``.
    """
    tweets, tests = summary["answer"]["tweets"], summary["tests"]
    nothing_shown = CANNOT_JUDGE if _few_answers(summary) else NO_COPIES_SHOWN
    if not tweets["findings"]:
        return nothing_shown
    if tests["objection"] in (TOO_FEW, REVERSED):
        return CANNOT_JUDGE
    if tests["difference"]["invalid"] is not None:
        return NOT_MEASURED
    if tweets["at_least"]:
        return COPIES_FOUND
    recited = tweets["chance"] + tests["licensed_only"] - tests["control_only"]
    # Tweets recited after another tweet's beginning count as chance, like controls.
    chance = max(tweets["chance"], summary["recited"][MISPLACED])
    return nothing_shown if EXPLAINED * recited <= chance else CANNOT_JUDGE


def _few_answers(summary: dict[str, Any]) -> bool:
    """Return whether fewer than half of the pairs have answers to compare, or fewer
    than any claim needs.
    """
    pairs, compared = (summary["recited"][name] for name in ("pairs", "compared"))
    return 2 * compared < pairs or compared < FEWEST_PAIRS


def _objection(plan: Plan, counts: Counts) -> Objection | None:
    """Return the objection to claims from the counts, if there is one: the controls
    differ from the licensed tweets, the pairs are too few, or the model may have seen
    the controls.
    """
    if not plan.content["claims"]:
        reason = "licensed tweets and controls were not shown to be alike"
        return Objection(NOT_ALIKE, reason)
    if (able := counts.able.sum()) < FEWEST_PAIRS:
        reason = (
            f"the arms can be compared in {able:,} pairs, and a claim needs "
            f"{FEWEST_PAIRS} or more"
        )
        return Objection(TOO_FEW, reason)
    licensed_only, control_only = counts.alone("control")
    if statistics.mcnemar(control_only, licensed_only) <= ALPHA:
        reason = "the controls are recited more often than the licensed tweets"
        return Objection(REVERSED, reason)
    return None


def _asked(found: Evidence) -> dict[str, Any]:
    """Return ``asked`` of ``summary.json``: the questions and how they were
    answered.
    """
    answered = list(found.asked.values())
    given = [answer for answer in answered if answer.text is not None]
    return {
        "questions": sum(1 for _ in found.plan.questions()),
        "answered": len(answered),
        "declined": _by_arm(found, DECLINED),
        "cut_off": _by_arm(found, CUT_OFF),
        "ended": dict(Counter(answer.finish or "unknown" for answer in given)),
        "departures": _departures(found.plan, found.answers),
        "pairs": len(found.plan.pairs),
        "complete_pairs": len(found.complete),
    }


def _by_arm(evidence: Evidence, wanted: str) -> dict[str, int]:
    """Count the answers with an outcome about tweets of each arm."""
    found = Counter(
        key.arm for key, outcome in evidence.outcomes.items() if outcome == wanted
    )
    return {name: found[name] for name in ASKED}


def _tests(counts: Counts, objection: Objection | None) -> dict[str, Any]:
    """Run the tests of the pairs; their results are withheld if there is an objection.

    A quotation that the model knows anyway is recited after its own beginning, after
    that of another tweet, or after both. ``misplaced`` tests whether more tweets are
    recited only after their own beginning than after another one. A model that knows
    only quotations fails this test, if it recites a quotation after another beginning
    at least half as often as after its own.
    """
    only, pairs = counts.alone("control"), max(1, int(counts.able.sum()))
    code, reason = objection or (None, None)
    tests = {
        "difference": statistics.paired_difference(*only, pairs),
        "misplaced": dataclasses.replace(
            statistics.paired_difference(*counts.alone(MISPLACED), pairs),
            assumes="The model recites a quotation that it knows anyway after the "
            "beginning of another tweet at least half as often as after its own.",
        ),
    }
    return {
        "licensed_only": only[0],
        "control_only": only[1],
        "objection": code,
        **{
            name: dataclasses.replace(each, invalid=each.invalid or reason).as_dict()
            for name, each in tests.items()
        },
    }


def _numbers(counts: Counts, tests: dict[str, Any]) -> dict[str, Any]:
    """Return the number of recited licensed tweets, and the lower bound, estimate and
    upper bound of the number beyond chance.

    The limits are for the compared pairs. A model that gave no answer might have
    recited the tweet, and one that recites a tweet after another beginning might have
    learned it too, so the upper bounds allow for that. The lower bounds are beyond both
    the controls and the misplaced prompts.
    """
    difference, misplaced = tests["difference"], tests["misplaced"]
    asked, findings = len(counts.pairs), int(counts.recited["licensed"].sum())
    able = int(counts.able.sum())
    numbers: dict[str, Any] = {"findings": findings, "asked": asked}
    limits: dict[str, Any] = dict.fromkeys(
        ("at_least", "at_most", "estimate", "chance")
    )
    if difference["value"] is not None:
        value = able * difference["value"]
        low = able * min(difference["low"], misplaced["low"])
        high = able * difference["high"] + counts.elsewhere
        p_value = max(difference["p_value"], misplaced["p_value"])
        limits["at_least"] = max(0, math.floor(low)) if p_value <= ALPHA else 0
        limits |= {
            "at_most": min(asked, max(0, math.ceil(high)) + asked - able),
            "chance": int(counts.compared["control"].sum()),
        }
        if 0.0 < high <= WIDEST * low:
            limits["estimate"] = {"value": value, "low": low, "high": high}
    bounds = {
        name: None if limits[name] is None else limits[name] / asked
        for name in ("at_least", "at_most")
    }
    return {
        **numbers,
        **limits,
        "share": {"findings": findings / asked, **bounds},
        "method": difference["method"],
    }


def _of_kind(found: Evidence, kind: str) -> dict[str, Any]:
    shares = found.recited([kind])
    use = ~np.isnan(shares["licensed"])
    return {
        "pairs": int(use.sum()),
        **{arm: int((values[use] > 0).sum()) for arm, values in shares.items()},
        "answers": found.by_outcome(kind),
    }


def _dose(plan: Plan, counts: Counts) -> dict[str, Any]:
    """Return the number of recited tweets by class of copies, and the trend per
    doubling of copies.
    """
    from scipy.optimize import isotonic_regression

    pairs = np.array(counts.pairs, np.int64)[counts.able].tolist()
    licensed = counts.compared["licensed"][counts.able]
    stratum = np.array([plan.pairs[pair]["stratum"] for pair in pairs])
    classes = np.unique(stratum)
    hits = [int(licensed[stratum == each].sum()) for each in classes]
    totals = [int((stratum == each).sum()) for each in classes]
    copies = np.array(
        [plan.pairs[pair]["licensed"]["copies"] for pair in pairs], np.float64
    )
    doses, place = np.unique(np.log2(np.maximum(copies, 1)), return_inverse=True)
    trend = statistics.cochran_armitage(
        doses,
        np.bincount(place, licensed, len(doses)),
        np.bincount(place, minlength=len(doses)),
    )
    if sum(hits) < FEWEST:
        why = (
            f"{sum(hits):,} recited licensed tweets can be compared, and {FEWEST} are "
            "needed"
        )
        return {
            "classes": [],
            "trend": dataclasses.replace(trend, invalid=why).as_dict(),
        }
    # Fit the best shares that never decrease from class to class.
    fitted = isotonic_regression(np.divide(hits, totals), weights=totals).x.tolist()
    found = []
    for least, n, k, fit in zip(classes.tolist(), totals, hits, fitted, strict=True):
        low, high = estimate.clopper_pearson(k, n)
        known = {"low": low, "high": high, "fitted": fit}
        known = known if n >= FEWEST else dict.fromkeys(known)
        found.append(
            {
                "copies": least,
                "up_to": ENDS.get(least),
                "tweets": n,
                "recited": k,
                **known,
            }
        )
    return {"classes": found, "trend": trend.as_dict()}


def _total(plan: Plan, counts: Counts, claimed: bool) -> dict[str, Any]:
    """Return a lower bound on the licensed texts that would be recited if all were
    asked for.
    """
    hits: Counter[int] = Counter(
        plan.pairs[pair]["stratum"]
        for pair in np.array(counts.pairs)[counts.compared["licensed"]].tolist()
    )
    chance = max(int(counts.compared[arm].sum()) for arm in ("control", MISPLACED))
    strata = plan.content["strata"]
    size, drawn = (
        [max(s[name], s["drawn"]) for s in strata] for name in ("population", "drawn")
    )
    found, first = statistics.stratified_excess(
        size,
        drawn,
        [hits[s["copies"]] for s in strata],
        chance,
        max(1, int(counts.able.sum())),
    )
    total = {**found.as_dict(), "from_copies": strata[first]["copies"]}
    if not claimed:
        # The total and the test of the pairs are claimed together or not at all.
        total |= {
            "low": None,
            "value": None,
            "invalid": "nothing is claimed from the pairs that were asked",
        }
    return {**total, "population": float(sum(size))}


def _returned(answers: dict[str, Answer]) -> list[dict[str, Any]]:
    """Return the models and system fingerprints that the endpoint reported, with the
    number of answers of each.
    """
    seen = Counter(
        (answer.model, answer.fingerprint)
        for answer in answers.values()
        if answer.text is not None
    )
    return [
        {"model": m, "fingerprint": f, "answers": n}
        for (m, f), n in sorted(seen.items(), key=lambda x: -x[1])
    ]


def _departures(plan: Plan, answers: dict[str, Answer]) -> list[dict[str, Any]]:
    """Return the settings of the plan that the endpoint refused: the parameter, its
    value, and the number of answers that were asked for without it.
    """
    asked = Counter[tuple[str, float | None]]()
    without = Counter[tuple[str, float | None]]()
    for question in plan.questions():
        if question.key in answers:
            planned: list[tuple[str, float | None]] = [
                ("temperature", question.temperature),
                ("seed", None),
            ]
            asked.update(planned)
            without.update(
                each for each in planned if each[0] in answers[question.key].without
            )
    return [
        {"parameter": name, "value": value, "answers": count, "of": asked[name, value]}
        for (name, value), count in without.items()
    ]
