"""What a run warns of, and why it withholds a number; the words are those of :mod:`provscan.estimate.answer`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from provscan.calibration.edits import SPREAD
from provscan.estimate.answer import warning, withheld
from provscan.estimate.recall import FINDABLE, Recall
from provscan.readers import counted
from provscan.runs.measured import Measured, akin
from provscan.runs.sides import KNOWN, agreement, span

# Share of the copies that are hidden, and a quarter of what is at worst, from which on there is no estimate: of copies
# that count, and of all that match, with severe edits among them.
UNSEEN, UNSEEN_AT_MOST, AT_WORST = 0.28, 0.6, 0.25
# How unlike any test copies the matches may be. benchmarks/coverage.py is the measurement of all four.
UNLIKE = 0.15
# Share of the copies that are changed all over, above which they may be retyped: of 81 simulated scans of that kind
# intervals of texts held in 55, and of records in 70 of 83; of all others in 123 of 125 and of 128.
MOSTLY_SPREAD = 0.5
# Share of the matches that are in pieces from which on nothing tells in how many.
IN_PIECES = 0.4
POOR_RECALL = 1 / 3
# Test copies below which nothing was measured of the limits that rest on them.
FEW_PLANTED = 300
# Share of the findings in strata without control from which on there is no estimate, and share of those that do not
# count, if it is twice that of test copies as well, from which on it is said.
LEFT_OUT = 0.1
# Share of the control's texts that stand in the dataset from which on it is said.
IN_DATASET = 0.1
# Share of the licensed texts that can't count from which on it is said.
NOT_DETECTABLE = 0.2
# Years that two sets of texts have in common, as a share, below which they are of other years.
IN_COMMON = 0.5
# The same of what no stratum makes up for.
COMPARED = {"length": 0.5, "language": 0.5, "wording": 0.5, "author": 0.2}
YEAR = re.compile(r"(?<!\d)(?:19[89]|20[0-4])\d(?!\d)")
NUMBERS = ("records", "texts", "tweets", "characters")
Recalls = tuple[Recall | None, Recall | None]  # Of what counts, and of any match.


def reasons(measured: Measured) -> dict[str, str]:
    """Why a number is withheld, by its name, such as ``records.estimate``."""
    if not measured.scanned.records:
        return {"records": withheld("nothing_scanned")}
    result: dict[str, str] = {}

    def withhold(layers: Sequence[str], reason: str, numbers: Sequence[str] = NUMBERS) -> None:
        result.update({f"{number}.{layer}": reason for number in numbers for layer in layers})

    recall, _ = measured.recalls
    if not measured.gauges:
        code = "control_in_dataset" if measured.control_found else "no_chance"
        withhold(("at_least", "estimate"), withheld(code))
    if recall is None:
        withhold(("estimate", "at_most"), withheld("no_recall"))
    elif measured.gauges:
        strata, left_out = measured.without_control
        if left_out > LEFT_OUT * (left_out + measured.counted_records):
            withhold(("estimate",), withheld("unlike_control", strata=", ".join(strata)))
        else:
            if _all_over(recall):
                withhold(("estimate",), withheld("spread_edits"), ("texts", "tweets"))
            for recalls, numbers in ((measured.recalls_of_texts, ("texts", "tweets")), (measured.recalls, NUMBERS)):
                if reason := _no_estimate(measured, recalls):
                    withhold(("estimate",), reason, numbers)
    if recall is not None and _unlike(measured, recall):
        # How much of a copy lies outside of its match is known of the edits of test copies only.
        withhold(("at_most",), withheld("outside_unknown"), ("characters",))
    if measured.scanned.sampled:
        withhold(("estimate", "at_most"), withheld("sampled"), ("texts", "tweets"))
    return result


def _by_matches(code: str, measured: Measured) -> str:
    """The code of a reason for which the matches speak; without any that counts the test copies alone do."""
    return code if measured.counted_records else f"{code}_by_edits"


def _no_estimate(measured: Measured, recalls: Recalls) -> str | None:
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
    return sum(recall.mixture.get(edit.__name__, 0.0) for edit in SPREAD) > MOSTLY_SPREAD


def _unlike(measured: Measured, recall: Recall) -> bool:
    return recall.unlike > UNLIKE or measured.in_pieces > IN_PIECES


def _unseen(recalls: Recalls) -> bool:
    """Whether too many copies may be hidden."""
    hidden = 0.0 if recalls[0] is None else akin(recalls[0])
    limits = zip(recalls, (UNSEEN, UNSEEN_AT_MOST), strict=True)
    return any(r is not None and r.hidden + AT_WORST * r.at_worst + hidden > limit for r, limit in limits)


def warnings(measured: Measured, carriers: Sequence[str]) -> list[dict[str, Any]]:
    result = []
    if measured.control_found > IN_DATASET:
        result.append(warning("control_in_dataset", share=measured.control_found))
    elif not measured.gauges:
        result.append(warning("no_chance", remedy=_remedy(measured, carriers)))
    if (times := measured.too_small) is not None:
        sizes, needed = (" and ".join(_sizes(measured, n)) for n in (1.0, times))
        result.append(warning("chance_not_ruled_out", sizes=sizes, needed=needed))
    strata, left_out = measured.without_control
    if strata:
        result.append(warning("strata_without_control", strata=", ".join(strata), records=left_out))
    findings, left = measured.not_counted
    if measured.gauges and left > max(LEFT_OUT, 2.0 * measured.back.commonplace) * findings:
        result.append(warning("not_counted", records=left, findings=findings))
    result += _drift(measured)
    if len(measured.gauges) > 1:
        (first, one_range), (second, other_range) = ((g.name, g.chance("bunches", None)) for g in measured.gauges)
        if one_range.low > other_range.high or other_range.low > one_range.high:
            result.append(warning(
                "controls_disagree", first=first, first_low=one_range.low, first_high=one_range.high,
                second=second, second_low=other_range.low, second_high=other_range.high,
            ))  # fmt: skip
    recall, _ = measured.recalls
    if recall is not None and measured.gauges and _unseen(measured.recalls):
        code = _by_matches("unseen", measured)
        result.append(warning(code, share=recall.hidden + akin(recall), worst=recall.at_worst))
    if measured.gauges and recall is not None and _all_over(recall) and not _no_estimate(measured, measured.recalls):
        result.append(warning("spread_edits"))
    if recall is not None:
        if len(measured.planted) < FEW_PLANTED:
            result.append(warning("few_spike_ins", planted=len(measured.planted), enough=FEW_PLANTED))
        hardly = {edit: found for edit, found in recall.of_edit.items() if found < FINDABLE}
        if hardly:
            edits = ", ".join(edit.replace("_", " ") for edit in hardly)
            code = _by_matches("hardly_found", measured)
            result.append(warning(code, edits=edits, hidden=recall.at_worst * measured.counted_records))
    detectable = 1.0 if recall is None else float(measured.back.detectable.mean())
    undetectable = 1.0 - detectable * (1.0 - measured.sides[0].too_short)
    if undetectable > NOT_DETECTABLE:
        result.append(warning("not_detectable", share=undetectable))
    if measured.index_fraction < 1.0:
        result.append(warning("fraction_indexed", share=100.0 * measured.index_fraction))
    if measured.scanned.sampled:
        drawn = measured.scanned.drawn
        result.append(warning("sampled"))
        if drawn is None:
            result.append(warning("records_sampled"))
        else:
            result.append(warning("files_sampled", parts=drawn.clusters(measured.scanned.results).unseen))
    if measured.controls.licensed.left_out.segments:
        rest, missing = measured.controls.licensed.tweets, measured.controls.licensed.left_out.tweets
        result.insert(0, warning("segments_left_out", tweets=missing, total=rest + missing, rest=rest))
    return result


def _sizes(measured: Measured, times: float) -> list[str]:
    """What measures chance, so many times as large, in words; rounded up to two digits if it is larger."""
    sizes = {"control": (measured.controls.texts, "control text", "")}
    if measured.null is not None:
        sizes["null"] = (measured.null.records, "record", " of a null dataset")
    result = []
    for gauge in measured.gauges:
        size, noun, of = sizes[gauge.name]
        unit = 1 if times == 1.0 else 10 ** max(0, len(str(math.ceil(size * times))) - 2)
        result.append(counted(math.ceil(size * times / unit) * unit, noun) + of)
    return result


def _drift(measured: Measured) -> list[dict[str, Any]]:
    """Whether the control's years are others than the licensed texts', and whether chance differs between them."""
    if not measured.controls.texts:
        return []
    result = []
    licensed, control = measured.sides
    shares = agreement(licensed, control)
    if shares.get("year", 1.0) < IN_COMMON:
        words = {"control": span(control.year), "licensed": span(licensed.year)}
        result.append(warning("control_from_other_years", **words))
    elif 2 * min(len(licensed.year), len(control.year)) < KNOWN <= min(licensed.total, control.total):
        result.append(warning("years_not_known"))
    # Strata of a length each make up for lengths that differ.
    shares["length"] = measured.classes.lengths
    unlike = [name for name in COMPARED if shares.get(name, 1.0) < COMPARED[name]]
    if unlike:
        result.append(warning("control_unlike", what=", ".join(unlike)))
    placebo = measured.placebo
    if placebo is not None and (placebo["low"] > 1.0 or (placebo["high"] is not None and placebo["high"] < 1.0)):
        high = "more" if placebo["high"] is None else f"{placebo['high']:.2g}"
        ratio = f"at least {placebo['low']:.2g}" if placebo["ratio"] is None else f"{placebo['ratio']:.2g}"
        result.append(warning("chance_drifts", **{**placebo, "ratio": ratio, "high": high}))
    return result


def _remedy(measured: Measured, carriers: Sequence[str]) -> str:
    """How a control could be had: what cutoffs would give, and what the dataset says of its own date."""
    licensed = measured.sides[0].year
    if len(np.unique(licensed)) < 2:
        return withheld("no_dates")
    texts = measured.controls.licensed_texts / max(1, min(KNOWN, measured.controls.licensed_texts))
    latest = np.unique(licensed)[1:][-4:].tolist()
    # Of a sample, and by the earliest tweet of each text: one without a time or a retweet keeps its text out.
    known = [(year, float(f"{texts * int((licensed >= year).sum()):.2g}")) for year in latest]
    cutoffs = "; ".join(f"--cutoff {year}-01-01: {number:,.0f}" for year, number in known)
    named = sorted(int(year) for text in carriers for year in set(YEAR.findall(text)))
    dated = f" The dataset names years up to {named[-1 - len(named) // 50]}." if len(named) >= 5 else ""
    return (
        "If you know when the dataset was collected, the tweets that are younger serve as a control "
        f"(at most about so many texts with {cutoffs}).{dated}"
    )
