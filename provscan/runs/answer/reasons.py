"""The reasons why numbers are withheld.

:func:`reasons` decides from the measurements of a run which numbers would mislead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from provscan.estimate.layers import Layers
from provscan.messages import sentence, terms
from provscan.runs.answer.examined import objections
from provscan.runs.answer.facts import (
    changed_throughout,
    copies_not_counted,
    few_texts,
    no_chance,
    no_estimate,
    other_kind,
    unlike_control,
)
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.chance import UNITS
from provscan.runs.measures.recall import ENOUGH_NEARLY

# Minimum number of spike-ins for an estimate: a few for each edit.
ENOUGH_PLANTED = 100
# Maximum ratio of the upper end of an interval to its lower end.
WIDE = 10.0


def reasons(measured: Measured, numbers: dict[str, Layers]) -> dict[str, str]:
    """Return the reasons for withheld numbers by name, e.g. ``records.estimate``."""
    result: dict[str, str] = {}

    def withhold(
        code: str,
        units: Sequence[str] = UNITS,
        layers: Sequence[str] = ("estimate",),
        **values: Any,
    ) -> None:
        for unit in units:
            for layer in layers:
                kind = "withheld" if code in terms("withheld") else "reason"
                reason = sentence(kind, code, **values)
                result.setdefault(f"{unit}.{layer}", reason)

    recall = measured.recall.of_records.findings
    if (code := no_chance(measured)) is not None:
        values = other_kind(measured) or {}
        withhold(code, layers=("at_least", "estimate"), **values)
    claimed = bool(numbers["records"].at_least) or not measured.chance.claimed
    for objection in objections(measured.examination, claimed=claimed):
        for unit in UNITS:
            for layer in ("at_least", "estimate"):
                result.setdefault(f"{unit}.{layer}", objection["message"])
    for code, values in copies_not_counted(measured).items():
        withhold(code, layers=("estimate", "at_most"), **values)
    for doubt in measured.examination.doubts:
        withhold(doubt)
    if measured.recall.alike_recall is None:
        code = "no_recall" if recall is None else "few_nearly"
        withhold(code, ("records", "texts"), ("at_most",), enough=ENOUGH_NEARLY)
    if recall is None:
        withhold("no_recall")
    elif (planted := len(measured.recall.planted)) < ENOUGH_PLANTED:
        withhold("few_planted", planted=planted, enough=ENOUGH_PLANTED)
    elif measured.chance.measures:
        if (strata := unlike_control(measured)) is not None:
            withhold("unlike_control", **strata)
        if (few := few_texts(measured)) is not None:
            withhold("few_texts", ("records", "characters"), **few)
        if changed_throughout(recall):
            withhold("spread_edits", ("texts", "tweets"))
        for copies, units in (
            (measured.recall.of_texts, ("texts", "tweets")),
            (measured.recall.of_records, UNITS),
        ):
            if (code := no_estimate(measured, copies)) is not None:
                withhold(code, units, recall=copies.findings and copies.findings.value)
        for unit, number in numbers.items():
            middle = number.estimate
            if middle is not None and middle.high > WIDE * middle.low:
                withhold("wide", (unit,), factor=WIDE)
    if measured.scanned.sampled:
        withhold("sampled", ("texts", "tweets"), ("estimate", "at_most"))
    return result
