"""What a run warns of, what it notes, why it withholds a number, and what to do next.

The words are those of :mod:`provscan.estimate.answer`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from provscan.calibration.edits import SPREAD
from provscan.estimate.answer import SMALL, edit_words, note, warning, withheld
from provscan.estimate.recall import FINDABLE, Recall
from provscan.runs.measured import Measured
from provscan.runs.recalls import Pair, akin
from provscan.runs.sides import KNOWN, agreement, span

# Share of the copies that are hidden, and a quarter of what is at worst, from which on
# there is no estimate: of copies that count, and of all that match, with severe edits
# among them.
UNSEEN, UNSEEN_AT_MOST, AT_WORST = 0.28, 0.45, 0.25
# How unlike any test copies the matches may be. benchmarks/coverage.py is the
# measurement of all four.
UNLIKE = 0.15
# Share of the copies that are changed all over, above which they may be retyped: of 81
# simulated scans of that kind intervals of texts held in 55, and of records in 70 of
# 83; of all others in 123 of 125 and of 128.
MOSTLY_SPREAD = 0.5
# Share of the matches that are in pieces from which on nothing tells in how many.
IN_PIECES = 0.4
POOR_RECALL = 1 / 3
# Test copies below which nothing was measured of the limits that rest on them.
FEW_PLANTED = 300
# Share of the findings in strata without control from which on there is no estimate.
LEFT_OUT = 0.1
# An estimate of which so many texts have more than half of the findings says little of
# the others.
FEW_TEXTS = 5
# How many times its lower end the upper end of an interval may be.
WIDE = 10.0
# Findings below which nothing is divided by source, author, year or language, or said
# of texts that repeat.
FEW_FINDINGS = 20
# Share of the control's texts that stand in the dataset from which on it is said.
IN_DATASET = 0.1
# Share of the licensed texts that can't count from which on it is said.
NOT_DETECTABLE = 0.2
# Years that two sets of texts have in common, as a share, below which they are of other
# years.
IN_COMMON = 0.5
# The same of what no stratum makes up for.
COMPARED = {"length": 0.5, "language": 0.5, "wording": 0.5, "author": 0.2}
YEAR = re.compile(r"(?<!\d)(?:19[89]|20[0-4])\d(?!\d)")
# Years that a dataset must name, and the share of the last ones that may be slips or
# plans.
YEARS_NAMED, LAST_YEARS = 5, 50
CHANCE_BY = {"control": "control", "null": "null dataset"}
NUMBERS = ("records", "texts", "tweets", "characters")
BOUNDED = ("records", "texts")


def reasons(measured: Measured) -> dict[str, str]:
    """Why a number is withheld, by its name, such as ``records.estimate``."""
    if not measured.scanned.records:
        return {"records": withheld("nothing_scanned")}
    result: dict[str, str] = {}

    def withhold(
        layers: Sequence[str], reason: str, numbers: Sequence[str] = NUMBERS
    ) -> None:
        for number in numbers:
            for layer in layers:
                result.setdefault(f"{number}.{layer}", reason)

    recall, _ = measured.recalls.of_records
    if (reason := _no_chance(measured)) is not None:
        withhold(("at_least", "estimate"), reason)
    if measured.recalls.least_nearly is None:
        withhold(
            ("at_most",),
            withheld("no_recall" if recall is None else "few_nearly"),
            BOUNDED,
        )
    if recall is None:
        withhold(("estimate",), withheld("no_recall"))
    elif measured.chance_measures:
        _, left_out = measured.without_control
        if left_out > LEFT_OUT * (left_out + measured.claimable_records):
            withhold(
                ("estimate",), withheld("unlike_control", strata=_strata(measured))
            )
        if (few := _few_texts(measured)) is not None:
            withhold(
                ("estimate",), withheld("few_texts", **few), ("records", "characters")
            )
        if _all_over(recall):
            withhold(("estimate",), withheld("spread_edits"), ("texts", "tweets"))
        for recalls, numbers in (
            (measured.recalls.of_texts, ("texts", "tweets")),
            (measured.recalls.of_records, NUMBERS),
        ):
            if reason := _no_estimate(measured, recalls):
                withhold(("estimate",), reason, numbers)
        for name, number in measured.layers(
            measured.whole, measured.scanned.all_records
        ).items():
            middle = number.estimate
            if middle is not None and middle.high > WIDE * middle.low:
                withhold(("estimate",), withheld("wide"), (name,))
    if measured.finding_records < FEW_FINDINGS:
        result["by"] = withheld("few_findings")
    if measured.scanned.sampled:
        withhold(("estimate", "at_most"), withheld("sampled"), ("texts", "tweets"))
    return result


def _no_chance(measured: Measured) -> str | None:
    """Why nothing can be said of chance."""
    if not measured.chance_measures:
        if measured.control_found:
            return withheld("control_in_dataset")
        if measured.kind is not None:
            return withheld("other_kind", differs=" and ".join(measured.kind.differs))
        return withheld("no_chance")
    return None


def _strata(measured: Measured) -> str:
    """The kinds of text without control that were found, as people write them."""
    return ", ".join(name.capitalize() for name in measured.without_control[0])


def _few_texts(measured: Measured) -> dict[str, Any] | None:
    """Of how few texts more than half of the findings are, as values of a reason; None
    where they are of many.
    """
    copies = np.sort(measured.whole.findings.copies)[::-1]
    places = np.cumsum(copies[:FEW_TEXTS])
    every = int(copies.sum())
    most = np.flatnonzero(2 * places > every)
    if len(most) == 0:
        return None
    count = int(most[0]) + 1
    words = (
        "One licensed text stands"
        if count == 1
        else f"{SMALL[count].capitalize()} licensed texts stand"
    )
    return {"texts": words, "places": int(places[count - 1]), "all": every}


def _by_matches(code: str, measured: Measured) -> str:
    """The code of a reason for which the matches speak; without any finding the test
    copies alone do.
    """
    return code if measured.claimable_records else f"{code}_by_edits"


def _no_estimate(measured: Measured, recalls: Pair) -> str | None:
    """Why the recall of copies like the matches gives no estimate."""
    recall, _ = recalls
    if _unseen(recalls):
        return withheld(_by_matches("unseen", measured))
    if recall is not None and _unlike(measured, recall):
        return withheld("unlike_edits")
    if recall is not None and recall.value < POOR_RECALL:
        return withheld("poor_recall", recall=recall.value)
    return None


def _all_over(recall: Recall) -> bool:
    """Whether most copies are changed all over."""
    return (
        sum(recall.mixture.get(edit.__name__, 0.0) for edit in SPREAD) > MOSTLY_SPREAD
    )


def _unlike(measured: Measured, recall: Recall) -> bool:
    return recall.unlike > UNLIKE or measured.recalls.in_pieces > IN_PIECES


def _unseen(recalls: Pair) -> bool:
    """Whether too many copies may be hidden."""
    hidden = 0.0 if recalls[0] is None else akin(recalls[0])
    limits = zip(recalls, (UNSEEN, UNSEEN_AT_MOST), strict=True)
    return any(
        r is not None and r.hidden + AT_WORST * r.at_worst + hidden > limit
        for r, limit in limits
    )


def warnings(measured: Measured) -> list[dict[str, Any]]:
    """What threatens a number."""
    result = []
    if measured.controls.licensed.left_out.segments:
        rest, missing = (
            measured.controls.licensed.tweets,
            measured.controls.licensed.left_out.tweets,
        )
        result.append(
            warning(
                "segments_left_out", tweets=missing, total=rest + missing, rest=rest
            )
        )
    if measured.control_found > IN_DATASET:
        result.append(warning("control_in_dataset", share=measured.control_found))
    if measured.kind is not None and not measured.kind.same:
        result.append(
            warning("null_other_kind", differs=" and ".join(measured.kind.differs))
        )
    elif (
        not measured.chance_measures
        and not measured.control_found
        and measured.finding_records
    ):
        result.append(warning("no_chance"))
    strata, left_out = measured.without_control
    if strata and measured.chance_measures:
        result.append(
            warning(
                "strata_without_control", strata=_strata(measured), records=left_out
            )
        )
    if (
        few := _few_texts(measured)
    ) is not None and measured.finding_records >= FEW_FINDINGS:
        result.append(warning("repeated_text", **few))
    result += _drift(measured)
    if len(measured.chance_measures) > 1:
        (first, one_range), (second, other_range) = (
            (g.name, g.chance("clusters", None)) for g in measured.chance_measures
        )
        if one_range.low > other_range.high or other_range.low > one_range.high:
            result.append(
                warning(
                    "controls_disagree",
                    first=CHANCE_BY[first],
                    first_low=one_range.low,
                    first_high=one_range.high,
                    second=CHANCE_BY[second],
                    second_low=other_range.low,
                    second_high=other_range.high,
                )
            )
    recall, _ = measured.recalls.of_records
    # Without copies that are established, nothing is known of how these were changed.
    if recall is not None and measured.claimed:
        if _unseen(measured.recalls.of_records):
            result.append(
                warning(
                    "unseen", share=recall.hidden + akin(recall), worst=recall.at_worst
                )
            )
        if _all_over(recall) and not _no_estimate(
            measured, measured.recalls.of_records
        ):
            result.append(warning("spread_edits"))
    if recall is not None and len(measured.planted) < FEW_PLANTED:
        result.append(
            warning("few_spike_ins", planted=len(measured.planted), enough=FEW_PLANTED)
        )
    told = measured.can_be_told
    if told is not None and 1.0 - told > NOT_DETECTABLE:
        result.append(warning("not_detectable", share=1.0 - told))
    if measured.scanned.sampled:
        drawn = measured.scanned.drawn
        if drawn is None:
            result.append(warning("records_sampled"))
        else:
            result.append(
                warning(
                    "files_sampled",
                    parts=drawn.drawn_parts(measured.scanned.results).unseen,
                )
            )
    return result


def notes(measured: Measured) -> list[dict[str, Any]]:
    """What one should know, and what threatens no number that is shown."""
    result = []
    if measured.index_fraction < 1.0:
        result.append(note("fraction_indexed", share=100.0 * measured.index_fraction))
    if measured.scanned.sampled:
        result.append(note("sampled"))
    recall, _ = measured.recalls.of_records
    if recall is not None:
        result.append(note("not_covered"))
        if hardly := [
            edit_words(edit)
            for edit, found in recall.of_edit.items()
            if found < FINDABLE
        ]:
            result.append(note("hardly_found", edits=", ".join(hardly)))
    return result


def next_step(measured: Measured, carriers: Sequence[str]) -> str:
    """What would measure chance, in a sentence: a cutoff by the years that the dataset
    names, or data to give.
    """
    if measured.too_small:
        return (
            "a larger --control can decide; one with as many texts as the index is "
            "enough."
        )
    if measured.chance_measures:
        return (
            f"a --control with texts like those found ({_strata(measured)}) can decide."
        )
    if measured.kind is not None:
        return (
            "--control FILE, or --null DATA of the dataset's kind, makes this a claim "
            "with a lower bound."
        )
    licensed = measured.sides[0].year
    now = datetime.now(UTC).year
    named = sorted(
        int(year)
        for text in carriers
        for year in set(YEAR.findall(text))
        if int(year) <= now
    )
    if len(named) >= YEARS_NAMED:
        last = named[-1 - len(named) // LAST_YEARS]
        # Of a sample, and by the earliest tweet of each text: one without a time or a
        # retweet keeps its text out.
        texts = measured.controls.licensed_texts / max(
            1, min(KNOWN, measured.controls.licensed_texts)
        )
        control = float(f"{texts * int((licensed > last).sum()):.2g}")
        if control and not measured.controls.texts:
            return (
                f"--cutoff {last + 1}-01-01 (the dataset names years up to {last}) "
                f"gives {control:,.0f} control texts."
            )
    return "--control FILE or --null DATA makes this a claim with a lower bound."


def _drift(measured: Measured) -> list[dict[str, Any]]:
    """Whether the control's years are others than the licensed texts', and whether
    chance differs between them.
    """
    if not measured.controls.texts:
        return []
    result = []
    licensed, control = measured.sides
    shares = agreement(licensed, control)
    if shares.get("year", 1.0) < IN_COMMON:
        words = {"control": span(control.year), "licensed": span(licensed.year)}
        result.append(warning("control_from_other_years", **words))
    elif (
        2 * min(len(licensed.year), len(control.year))
        < KNOWN
        <= min(licensed.total, control.total)
    ):
        result.append(warning("years_not_known"))
    # Strata of a length each make up for lengths that differ.
    shares["length"] = measured.classes.lengths
    unlike = [name for name in COMPARED if shares.get(name, 1.0) < COMPARED[name]]
    if unlike:
        result.append(warning("control_unlike", what=", ".join(unlike)))
    placebo = measured.placebo
    if placebo is not None and (
        placebo["low"] > 1.0 or (placebo["high"] is not None and placebo["high"] < 1.0)
    ):
        high = "more" if placebo["high"] is None else f"{placebo['high']:.2g}"
        ratio = (
            f"at least {placebo['low']:.2g}"
            if placebo["ratio"] is None
            else f"{placebo['ratio']:.2g}"
        )
        result.append(
            warning("chance_drifts", **{**placebo, "ratio": ratio, "high": high})
        )
    return result
