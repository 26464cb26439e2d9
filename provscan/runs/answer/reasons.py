"""The reasons why numbers are withheld: the condition of each.

:func:`reasons` decides from the measurements of a run which numbers would mislead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from provscan.calibration.edits import SPREAD
from provscan.estimate.layers import Layers
from provscan.estimate.recall import Recall
from provscan.messages import sentence
from provscan.names import in_words
from provscan.runs.answer.examined import objections
from provscan.runs.counting.null import NullCounts
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.chance import UNITS
from provscan.runs.measures.recall import ENOUGH_NEARLY, CopyRecall, hidden_heavy

# Minimum number of spike-ins for an estimate: a few for each edit.
ENOUGH_PLANTED = 100
# Maximum ratio of the upper end of an interval to its lower end.
WIDE = 10.0

# An estimate is withheld if too many copies may be missed without a trace. Three
# numbers are added up: the share of the copies in unseen cells, the share of the copies
# with heavy edits of low recall (``hidden_heavy``), and AT_WORST times the number of
# copies that are missed per match in the worst case. The limit of the sum is UNSEEN for
# findings, and UNSEEN_AT_MOST for all matches, whose copies may have severe edits.
UNSEEN, UNSEEN_AT_MOST, AT_WORST = 0.28, 0.45, 0.25
# Maximum difference between the matches and the most similar mixture of test copies.
# ``benchmarks/coverage.py`` measures all four limits.
MISFIT = 0.15
# If a larger share of the copies is changed throughout, the copies may be retyped. In
# simulated scans of this kind, 55 of 81 intervals for texts and 70 of 83 for records
# contained the true number; in all others, 123 of 125 and 123 of 128 did.
MOSTLY_SPREAD = 0.5
# Maximum share of the records with copies in pieces. Recall depends on the number of
# pieces of a copy, which is unknown.
IN_PIECES = 0.4
POOR_RECALL = 1 / 3
# Maximum share of findings in strata without control for an estimate.
LEFT_OUT = 0.1
# An estimate says little about other texts if at most this many texts have more than
# half of the findings.
FEW_TEXTS = 5


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
                reason = sentence("withheld", code, **values)
                result.setdefault(f"{unit}.{layer}", reason)

    recall = measured.recall.of_records.findings
    if (code := _no_chance(measured)) is not None:
        differs = differences_in_words(measured.null)
        withhold(code, layers=("at_least", "estimate"), differs=differs)
    for objection in objections(measured.examination):
        for unit in UNITS:
            for layer in ("at_least", "estimate"):
                result.setdefault(f"{unit}.{layer}", objection["message"])
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
        if measured.left_out > LEFT_OUT * measured.finding_records:
            withhold("unlike_control", strata=strata_in_words(measured))
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


def _no_chance(measured: Measured) -> str | None:
    """Return the code of the reason why chance was not measured, or None."""
    if measured.chance.measures:
        return None
    if measured.chance.control_found:
        return "control_in_dataset"
    return "no_chance" if measured.null is None else "other_kind"


def differences_in_words(null: NullCounts | None) -> str:
    return " and ".join(null.kind.differs if null else ())


def strata_in_words(measured: Measured) -> str:
    """Return the strata that have findings but no measured chance, in words."""
    return ", ".join(name.capitalize() for name in measured.without_control)


def few_texts(measured: Measured) -> dict[str, Any] | None:
    """Return the values of the reason ``few_texts`` if a few texts have more than half
    of the findings, else None.
    """
    copies = np.sort(measured.counts.findings.copies)[::-1]
    places = np.cumsum(copies[:FEW_TEXTS])
    every = int(copies.sum())
    most = np.flatnonzero(2 * places > every)
    if len(most) == 0:
        return None
    count = int(most[0]) + 1
    words = (
        "One licensed text is"
        if count == 1
        else f"{in_words(count).capitalize()} licensed texts are"
    )
    return {"texts": words, "places": int(places[count - 1]), "all": every}


def no_estimate(measured: Measured, copies: CopyRecall) -> str | None:
    """Return the code of the reason why recall allows no estimate, or None."""
    recall = copies.findings
    if many_hidden(copies):
        # If there are no findings, the reason follows from the test copies alone.
        return "unseen" if measured.claimable_records else "unseen_by_edits"
    if recall is None:
        return None
    if recall.unlike > MISFIT or measured.recall.in_pieces > IN_PIECES:
        return "unlike_edits"
    return "poor_recall" if recall.value < POOR_RECALL else None


def changed_throughout(recall: Recall) -> bool:
    """Return whether most copies are changed throughout."""
    return (
        sum(recall.mixture.get(edit.__name__, 0.0) for edit in SPREAD) > MOSTLY_SPREAD
    )


def many_hidden(copies: CopyRecall) -> bool:
    """Return whether too many copies may be missed without a trace."""
    hidden = 0.0 if copies.findings is None else hidden_heavy(copies.findings)
    limits = zip(copies, (UNSEEN, UNSEEN_AT_MOST), strict=True)
    return any(
        r is not None and r.hidden + AT_WORST * r.at_worst + hidden > limit
        for r, limit in limits
    )
