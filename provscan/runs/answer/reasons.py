"""The reasons why numbers are withheld: the sentences and conditions of each reason.

:func:`reasons` decides from the measurements of a run which numbers would mislead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from provscan.calibration.edits import SPREAD
from provscan.estimate.layers import Layers
from provscan.estimate.recall import Recall
from provscan.names import in_words
from provscan.runs.answer.breakdowns import FEW_FINDINGS
from provscan.runs.answer.examined import objections
from provscan.runs.counting.null import NullCounts
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.chance import UNITS
from provscan.runs.measures.recall import ENOUGH_NEARLY, CopyRecall, hidden_heavy

# Minimum number of spike-ins for an estimate: a few for each edit.
ENOUGH_PLANTED = 100
# Maximum ratio of the upper end of an interval to its lower end.
WIDE = 10.0

WITHHELD = {
    "no_chance": "Chance was not measured: there is no control and no null dataset.",
    "other_kind": (
        "The null dataset is not of the dataset's kind (they differ in {differs}), so "
        "it does not measure this dataset's chance."
    ),
    "no_recall": ("Recall was not measured, because no test copies were planted."),
    "few_planted": (
        "Only {planted} test copies were planted, fewer than {enough}: recall is too "
        "uncertain for an estimate."
    ),
    "unlike_control": (
        "Chance was not measured for some kinds of text that were found: {strata}."
    ),
    "control_in_dataset": (
        "Most of the control's texts are in the dataset, so the control can't measure "
        "chance."
    ),
    "unseen": (
        "Judging by the matches, too many copies were changed beyond recognition: an "
        "estimate would be a guess."
    ),
    "unseen_by_edits": (
        "There are no findings, and too many of the test copies did not become "
        "findings either."
    ),
    "unlike_edits": (
        "The copies were edited in other ways than the test copies, so the number of "
        "missed copies is unknown."
    ),
    "spread_edits": (
        "More than half of the copies seem to be changed throughout, as in retyping, "
        "so it is unknown how many texts were missed with all their copies."
    ),
    "like_dataset": (
        "Many findings are worded like the dataset's own text, and the control does "
        "not explain them."
    ),
    "younger_tweets": "Some findings are of tweets that are younger than the dataset.",
    "poor_recall": (
        "Only {recall:.0%} of the test copies that look like the matches became "
        "findings."
    ),
    "sampled": (
        "Only a sample was scanned: licensed texts that are only in the rest can't be "
        "counted."
    ),
    "wide": (
        "The interval is too wide to be useful: its ends differ by more than a factor "
        f"of {in_words(round(WIDE))}."
    ),
    "few_texts": (
        "{texts} in {places:,} of the {all:,} places found: copies of so few texts say "
        "little about the others."
    ),
    "few_nearly": (
        f"No kind of edit left {ENOUGH_NEARLY} test copies nearly word for word, so no "
        "upper limit was measured."
    ),
    "few_findings": (
        f"There are fewer than {FEW_FINDINGS} findings, too few to break down by "
        "source, author, year or language."
    ),
}
"""Sentences that say why a number is withheld, by code."""

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


def withheld(code: str, **values: Any) -> str:
    return WITHHELD[code].format(**values)


def reasons(measured: Measured, numbers: dict[str, Layers]) -> dict[str, str]:
    """Return the reasons for withheld numbers by name, e.g. ``records.estimate``."""
    result: dict[str, str] = {}

    def withhold(
        reason: str, units: Sequence[str] = UNITS, layers: Sequence[str] = ("estimate",)
    ) -> None:
        for unit in units:
            for layer in layers:
                result.setdefault(f"{unit}.{layer}", reason)

    recall = measured.recall.of_records.findings
    if (reason := _no_chance(measured)) is not None:
        withhold(reason, UNITS, ("at_least", "estimate"))
    for objection in objections(measured.examination):
        withhold(objection["message"], UNITS, ("at_least", "estimate"))
    for doubt in measured.examination.doubts:
        withhold(withheld(doubt))
    if measured.recall.least_nearly is None:
        code = "no_recall" if recall is None else "few_nearly"
        withhold(withheld(code), ("records", "texts"), ("at_most",))
    if recall is None:
        withhold(withheld("no_recall"))
    elif (planted := len(measured.recall.planted)) < ENOUGH_PLANTED:
        withhold(withheld("few_planted", planted=planted, enough=ENOUGH_PLANTED))
    elif measured.chance.measures:
        if (
            measured.finding_records - measured.claimable_records
            > LEFT_OUT * measured.finding_records
        ):
            strata = strata_in_words(measured)
            withhold(withheld("unlike_control", strata=strata))
        if (few := few_texts(measured)) is not None:
            reason = withheld("few_texts", **few)
            withhold(reason, ("records", "characters"))
        if changed_throughout(recall):
            withhold(withheld("spread_edits"), ("texts", "tweets"))
        for copies, units in (
            (measured.recall.of_texts, ("texts", "tweets")),
            (measured.recall.of_records, UNITS),
        ):
            if reason := no_estimate(measured, copies):
                withhold(reason, units)
        for unit, number in numbers.items():
            middle = number.estimate
            if middle is not None and middle.high > WIDE * middle.low:
                withhold(withheld("wide"), (unit,))
    if measured.finding_records < FEW_FINDINGS:
        result["by"] = withheld("few_findings")
    if measured.scanned.sampled:
        withhold(withheld("sampled"), ("texts", "tweets"), ("estimate", "at_most"))
    return result


def _no_chance(measured: Measured) -> str | None:
    """Return the reason why chance was not measured, or None."""
    if measured.chance.measures:
        return None
    if measured.chance.control_found:
        return withheld("control_in_dataset")
    if measured.null is not None:
        return withheld("other_kind", differs=differences_in_words(measured.null))
    return withheld("no_chance")


def differences_in_words(null: NullCounts) -> str:
    return " and ".join(null.kind.differs)


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
    """Return the reason why recall allows no estimate, or None."""
    recall = copies.findings
    if many_hidden(copies):
        # If there are no findings, the reason follows from the test copies alone.
        return withheld("unseen" if measured.claimable_records else "unseen_by_edits")
    if recall is None:
        return None
    if recall.unlike > MISFIT or measured.recall.in_pieces > IN_PIECES:
        return withheld("unlike_edits")
    if recall.value < POOR_RECALL:
        return withheld("poor_recall", recall=recall.value)
    return None


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
