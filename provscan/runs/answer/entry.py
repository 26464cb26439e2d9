"""The answer of a run, as an entry of ``summary.json``.

:func:`answer_of` combines the numbers with their shares, the headline
(:mod:`~provscan.runs.answer.wording`), the withheld numbers
(:mod:`~provscan.runs.answer.reasons`) and the warnings
(:mod:`~provscan.runs.answer.warnings`). :func:`next_step` proposes a way to measure
chance.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from provscan.estimate.layers import METHOD, Layers
from provscan.messages import sentence
from provscan.runs.answer.examined import UNTESTED, remarks
from provscan.runs.answer.facts import without_control
from provscan.runs.answer.judgement import reasons_against
from provscan.runs.answer.layers import without_withheld
from provscan.runs.answer.unscanned import in_one_line
from provscan.runs.answer.warnings import notes, warnings
from provscan.runs.answer.wording import (
    ScannedRecords,
    details,
    headline,
    status_of,
)
from provscan.runs.counting.counts import STRENGTHS
from provscan.runs.counting.strata import TWEET_SAMPLE
from provscan.runs.measures.analysis import Measured
from provscan.statuses import COPIES_FOUND, STATUSES

YEAR = re.compile(r"(?<!\d)(?:19[89]|20[0-4])\d(?!\d)")
# A cutoff is proposed if the carrier records mention years at least YEARS_NAMED times.
# The latest 1 / LAST_YEARS of the mentions are ignored, since they may be mistakes or
# about the future.
YEARS_NAMED, LAST_YEARS = 5, 50


def answer_of(
    measured: Measured,
    numbers: dict[str, Layers],
    withheld: dict[str, str],
    unscanned: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return the entry ``answer`` of ``summary.json``.

    Parameters
    ----------
    measured, numbers, withheld
        The measurements, the layers of all numbers, and the reasons why some are
        withheld.
    unscanned
        The text that was not scanned (:mod:`~provscan.runs.answer.unscanned`).
    """
    layers = {
        unit: without_withheld(unit, number, withheld)
        for unit, number in numbers.items()
    }
    found = list(warnings(measured))
    # A difference of the control is shown with the claim, or among the warnings if
    # there is no claim.
    unlike = [each for each in found if each["code"] == "control_unlike"]
    sentences = _sentences(measured, layers["records"], unscanned, unlike)
    return {
        **sentences,
        "not_scanned": list(unscanned),
        "can_be_told": measured.recall.detectable_share,
        "strengths": _strengths(measured),
        **_units(measured, layers),
        "withheld": withheld,
        "warnings": [each for each in found if each not in sentences["remarks"]],
        "notes": list(notes(measured)),
    }


def _sentences(
    measured: Measured,
    records: Layers,
    unscanned: Sequence[dict[str, Any]],
    unlike: Sequence[dict[str, str]],
) -> dict[str, Any]:
    """Return the status and the sentences of the answer, given the numbers of records
    and the warnings that the control differs from the licensed texts.
    """
    dataset, chance = measured.scanned, measured.chance
    # For a sample of files, the number of records of the whole dataset is a projection:
    # round it up, like upper limits. For a sample of records, the number is exact, and
    # rounding to 6 digits first removes float errors.
    every = math.ceil(round(dataset.all_records.value, 6)) if dataset.sampled else None
    scanned = ScannedRecords(
        dataset.records,
        every,
        projected=dataset.drawn is not None,
        all_tweets=measured.index_fraction == 1.0,
    )
    reasons = reasons_against(measured, records)
    status = status_of(
        records,
        measured=bool(chance.measures),
        judged=not reasons,
        complete=not unscanned,
    )
    detectable = measured.recall.detectable_share
    qualified = []
    if status == COPIES_FOUND:
        qualified = [*unlike, *remarks(measured.examination)]
    untested = [each for each in qualified if each["code"] in UNTESTED]
    said = reasons or [each for each in qualified if each not in untested]
    sentences = [
        *details(
            status,
            records,
            scanned,
            detectable,
            [each["message"] for each in said],
            measured.left_out if chance.measures else 0,
            in_one_line(unscanned),
            [each["message"] for each in untested],
        )
    ]
    command, request = (
        (None, None) if STATUSES[status].judged else next_step(measured, reasons)
    )
    return {
        "status": status,
        "headline": headline(status, records, scanned),
        "details": sentences,
        "reasons": reasons,
        "remarks": qualified,
        "next": command,
        "request": request,
    }


def _units(measured: Measured, layers: dict[str, Layers]) -> dict[str, Any]:
    """Return the numbers of each unit, with their shares if the whole is known."""
    dataset = measured.scanned
    # The number of scanned units, and the scanned share of the whole.
    extents = {
        "records": (dataset.records, dataset.fraction),
        "texts": (measured.controls.licensed_texts, measured.index_fraction),
        "characters": (dataset.characters, dataset.fraction),
    }
    result = {}
    for unit, number in layers.items():
        result[unit] = {
            **_numbers(unit, number),
            "method": METHOD,
            "counts": number.counts,
        }
        if unit in extents:
            shares = _shares(number, *extents[unit])
            result[unit]["share"] = _numbers(unit, shares)
    return result


def _numbers(unit: str, number: Layers) -> dict[str, Any]:
    """Return the layers in one unit; units other than records and texts have only some
    of them.
    """
    numbers = number.as_dict()
    if unit in ("records", "texts"):
        return {**numbers, "chance": number.counts.get("chance_expected")}
    return {name: numbers[name] for name in ("findings", "at_least", "estimate")}


def _shares(number: Layers, whole: int, fraction: float) -> Layers:
    """Return the numbers as shares of the whole; facts are shares of the scanned
    part.
    """
    facts = number.scaled(1.0 / max(1.0, whole))
    chance = number.counts.get("chance_expected")
    return replace(
        number.scaled(1.0 / max(1.0, whole / fraction), most=1.0),
        findings=facts.findings,
        nearly_verbatim=facts.nearly_verbatim,
        common_or_known=facts.common_or_known,
        counts={"chance_expected": chance and chance / max(1.0, whole)},
    )


def _strengths(measured: Measured) -> list[dict[str, Any]]:
    """Return, for each strength, the records with findings and the maximum number of
    them that chance explains.
    """
    result = []
    for least, claim in zip(STRENGTHS, measured.chance.claims, strict=True):
        findings, limits = int(claim.found.records.sum()), claim.limits
        high = min(float(findings), limits["records"].high) if limits else None
        result.append(
            {
                "bits_from": least if least > 0 else None,
                "findings": findings,
                "chance_at_most": high,
            }
        )
    return result


def next_step(measured: Measured, reasons: Sequence[dict[str, str]]) -> tuple[str, str]:
    """Return how to judge the findings, for a terminal and for a reader of the report:
    with another control, as the reasons suggest, or by reading them. If chance was not
    measured, propose a cutoff after the years that the dataset mentions, or other data.
    """
    code, values = _next_code(measured, {reason["code"] for reason in reasons})
    return (
        sentence("next_for_terminal", code, **values),
        sentence("next_for_reader", code, **values),
    )


def _next_code(measured: Measured, codes: set[str]) -> tuple[str, dict[str, Any]]:
    """Return the code of the sentence and the values to fill in."""
    if "licensed_in_control" in codes:
        return "licensed_in_control", {}
    if "licensed_in_other_sources" in codes:
        return "licensed_in_other_sources", {}
    if "unlike_control" in codes:
        return "unlike_control", without_control(measured) or {}
    if "control_too_small" in codes:
        return "control_too_small", {}
    if codes & {"cutoff_in_dataset", "control_in_dataset", "control_partly_in_dataset"}:
        return "control_in_dataset", {}
    if codes:
        return "read", {}
    if measured.null is not None:
        return "other_null", {}
    now = datetime.now(UTC).year
    named = sorted(
        int(year)
        for carrier in measured.scanned.carriers
        for year in set(YEAR.findall(carrier.text))
        if int(year) <= now
    )
    if len(named) >= YEARS_NAMED:
        last = named[-1 - len(named) // LAST_YEARS]
        # Years are known only for a sample of the texts, from their earliest tweets; a
        # text whose earliest tweet has no time or is a retweet is left out.
        every = measured.controls.licensed_texts
        texts = every / max(1, min(TWEET_SAMPLE, every))
        younger = int((measured.samples.licensed.year > last).sum())
        control = float(f"{texts * younger:.2g}")
        if control and not measured.controls.texts:
            return "cutoff", {"first": last + 1, "last": last, "texts": control}
    return "no_chance", {}
