"""The answer of a run: its numbers, the reasons for withheld numbers, warnings, notes
and the next step.

:func:`reasons` decides which numbers are withheld, :func:`warnings` and :func:`notes`
decide what is said about the others, and :func:`answer_of` assembles the entry of
``summary.json``. :mod:`provscan.runs.wording` contains the texts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from provscan.calibration.edits import SPREAD
from provscan.estimate.comparison import COLLECTIONS
from provscan.estimate.layers import METHOD, Layers
from provscan.estimate.recall import FINDABLE, Recall
from provscan.runs.chance import UNITS, ChanceMeasure
from provscan.runs.comparability import KNOWN, agreement, span
from provscan.runs.count import STRENGTHS, WORD_FOR_WORD_BITS
from provscan.runs.layers import FEW_FINDINGS, Measured, given
from provscan.runs.null import NullCounts
from provscan.runs.recall import Pair, akin
from provscan.runs.tokenizer import Tokens, characters_a_token
from provscan.runs.wording import (
    NOT_MEASURED,
    SMALL,
    Comparison,
    Scanned,
    details,
    edit_words,
    headline,
    note,
    status_of,
    warning,
    withheld,
)

# An estimate is withheld if the hidden share of the copies plus AT_WORST times the
# worst case exceeds UNSEEN for findings, or UNSEEN_AT_MOST for all matches with severe
# edits included.
UNSEEN, UNSEEN_AT_MOST, AT_WORST = 0.28, 0.45, 0.25
# Maximum difference between the matches and the most similar mixture of test copies.
# ``benchmarks/coverage.py`` measures all four limits.
UNLIKE = 0.15
# If a larger share of the copies is changed throughout, the copies may be retyped. In
# simulated scans of this kind, 55 of 81 intervals for texts and 70 of 83 for records
# contained the true number; in all others, 123 of 125 and 123 of 128 did.
MOSTLY_SPREAD = 0.5
# If at least this share of the matches is in pieces, the number of pieces is unknown.
IN_PIECES = 0.4
POOR_RECALL = 1 / 3
# The accuracy of limits that rest on fewer test copies was not measured.
FEW_PLANTED = 300
# Maximum share of findings in strata without control for an estimate.
LEFT_OUT = 0.1
# An estimate says little about other texts if at most this many texts have more than
# half of the findings.
FEW_TEXTS = 5
# Maximum ratio of the upper end of an interval to its lower end.
WIDE = 10.0
# Minimum share of the control's texts in the dataset for a warning.
IN_DATASET = 0.1
# Minimum share of licensed texts that can't be findings for a warning.
NOT_DETECTABLE = 0.2
# Two sets of texts are from different years if their years overlap by less than this
# share.
IN_COMMON = 0.5
# Minimum overlap in each trait for which weighting by strata does not correct.
COMPARED = {"length": 0.5, "language": 0.5, "wording": 0.5, "author": 0.2}
YEAR = re.compile(r"(?<!\d)(?:19[89]|20[0-4])\d(?!\d)")
# Minimum number of mentions of years in a dataset. Of every LAST_YEARS mentions, the
# latest is ignored, since it may be a mistake or a plan.
YEARS_NAMED, LAST_YEARS = 5, 50


def answer_of(
    measured: Measured,
    numbers: dict[str, Layers],
    withheld: dict[str, str],
    changed: Sequence[str],
    carriers: Sequence[str],
    tokens: Tokens | None,
) -> dict[str, Any]:
    """Return the entry ``answer`` of ``summary.json``.

    Parameters
    ----------
    measured, numbers, withheld
        The measurements, the layers of all numbers, and the reasons why some are
        withheld.
    changed
        Options that change the rule for findings.
    carriers
        Texts of the dataset.
    tokens
        Function that counts the tokens of texts.
    """
    dataset, chance, counts = measured.scanned, measured.chance, measured.counts
    layers = {unit: given(unit, number, withheld) for unit, number in numbers.items()}
    records, told = layers["records"], measured.recall.can_be_told
    # Round up, like upper limits. The number is exact in a sample of records.
    every = math.ceil(round(dataset.all_records.value, 6)) if dataset.sampled else None
    scanned = Scanned(dataset.records, every, dataset.drawn is not None)
    status = status_of(records, usable=chance.usable)
    others = [each.word_for_word for each in COLLECTIONS]
    compared = Comparison(counts.word_for_word, others)
    left_out = measured.findings - measured.claimable if chance.measures else 0
    said = details(status, records, scanned, told, compared, left_out)
    if changed:
        said.insert(0, f"The rule of a finding was changed: {', '.join(changed)}.")
    result: dict[str, Any] = {
        "status": status,
        "headline": headline(status, records, scanned),
        "details": said,
        "next": next_step(measured, carriers) if status == NOT_MEASURED else None,
        "can_be_told": told,
        "word_for_word": {
            "records": counts.word_for_word,
            "bits_from": WORD_FOR_WORD_BITS,
            "collections": [each.as_dict() for each in COLLECTIONS],
        },
        "strengths": _strengths(measured),
    }
    # The number of scanned units, and the scanned share of the whole.
    extents = {
        "records": (dataset.records, dataset.fraction),
        "texts": (measured.controls.licensed_texts, measured.index_fraction),
        "characters": (dataset.characters, dataset.fraction),
    }
    for unit, number in layers.items():
        result[unit] = {
            **_numbers(unit, number),
            "method": METHOD,
            "counts": number.counts,
        }
        if unit in extents:
            shares = _shares(number, *extents[unit])
            result[unit]["share"] = _numbers(unit, shares)
    texts = measured.matches.text[counts.first]
    found = measured.controls.reader.raw_texts(texts).array().to_pylist()
    each = characters_a_token(tokens, found if tokens else [])
    return {
        **result,
        "tokens": {
            **_numbers("tokens", layers["characters"].scaled(1.0 / each)),
            "characters_a_token": each,
        },
        "withheld": withheld,
        "warnings": warnings(measured),
        "notes": notes(measured),
    }


def _numbers(unit: str, number: Layers) -> dict[str, Any]:
    """Return the numbers in one unit; units other than records and texts have only some
    of the layers.
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
    return replace(
        number.scaled(1.0 / max(1.0, whole / fraction), most=1.0),
        findings=facts.findings,
        nearly_verbatim=facts.nearly_verbatim,
        common_or_known=facts.common_or_known,
    )


def _strengths(measured: Measured) -> list[dict[str, Any]]:
    """Return, for each strength, the records with findings and the maximum number of
    them that chance explains.
    """
    result = []
    for least, found, chance in zip(
        STRENGTHS, measured.counts.claimable, measured.chance.by_strength, strict=True
    ):
        findings = int(found.records.sum())
        high = min(float(findings), chance["records"].high) if chance else None
        result.append(
            {
                "bits_from": least if least > 0 else None,
                "findings": findings,
                "chance_at_most": high,
            }
        )
    return result


def reasons(measured: Measured, numbers: dict[str, Layers]) -> dict[str, str]:
    """Return the reasons for withheld numbers by name, e.g. ``records.estimate``."""
    if not measured.scanned.records:
        return {"records": withheld("nothing_scanned")}
    result: dict[str, str] = {}

    def withhold(
        layers: Sequence[str], reason: str, units: Sequence[str] = UNITS
    ) -> None:
        for unit in units:
            for layer in layers:
                result.setdefault(f"{unit}.{layer}", reason)

    recall, _ = measured.recall.of_records
    if (reason := _no_chance(measured)) is not None:
        withhold(("at_least", "estimate"), reason)
    if measured.recall.least_nearly is None:
        code = "no_recall" if recall is None else "few_nearly"
        withhold(("at_most",), withheld(code), ("records", "texts"))
    if recall is None:
        withhold(("estimate",), withheld("no_recall"))
    elif measured.chance.measures:
        if measured.findings - measured.claimable > LEFT_OUT * measured.findings:
            strata = _strata(measured)
            withhold(("estimate",), withheld("unlike_control", strata=strata))
        if (few := _few_texts(measured)) is not None:
            reason = withheld("few_texts", **few)
            withhold(("estimate",), reason, ("records", "characters"))
        if _all_over(recall):
            withhold(("estimate",), withheld("spread_edits"), ("texts", "tweets"))
        for recalls, units in (
            (measured.recall.of_texts, ("texts", "tweets")),
            (measured.recall.of_records, UNITS),
        ):
            if reason := _no_estimate(measured, recalls):
                withhold(("estimate",), reason, units)
        for unit, number in numbers.items():
            middle = number.estimate
            if middle is not None and middle.high > WIDE * middle.low:
                withhold(("estimate",), withheld("wide"), (unit,))
    if measured.findings < FEW_FINDINGS:
        result["by"] = withheld("few_findings")
    if measured.scanned.sampled:
        withhold(("estimate", "at_most"), withheld("sampled"), ("texts", "tweets"))
    return result


def _no_chance(measured: Measured) -> str | None:
    """Return the reason why chance was not measured, or None."""
    if measured.chance.measures:
        return None
    if measured.chance.control_found:
        return withheld("control_in_dataset")
    if measured.null is not None:
        return withheld("other_kind", differs=_differs(measured.null))
    return withheld("no_chance")


def _differs(null: NullCounts) -> str:
    return " and ".join(null.kind.differs)


def _strata(measured: Measured) -> str:
    """Return in words the kinds of text that were found but have no control."""
    return ", ".join(name.capitalize() for name in measured.without_control)


def _few_texts(measured: Measured) -> dict[str, Any] | None:
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
        "One licensed text stands"
        if count == 1
        else f"{SMALL[count].capitalize()} licensed texts stand"
    )
    return {"texts": words, "places": int(places[count - 1]), "all": every}


def _no_estimate(measured: Measured, recalls: Pair) -> str | None:
    """Return the reason why recall gives no estimate, or None."""
    recall, _ = recalls
    if _unseen(recalls):
        # Without findings, the reason follows from the test copies alone.
        return withheld("unseen" if measured.claimable else "unseen_by_edits")
    if recall is None:
        return None
    if recall.unlike > UNLIKE or measured.recall.in_pieces > IN_PIECES:
        return withheld("unlike_edits")
    if recall.value < POOR_RECALL:
        return withheld("poor_recall", recall=recall.value)
    return None


def _all_over(recall: Recall) -> bool:
    """Return whether most copies are changed throughout."""
    return (
        sum(recall.mixture.get(edit.__name__, 0.0) for edit in SPREAD) > MOSTLY_SPREAD
    )


def _unseen(recalls: Pair) -> bool:
    """Return whether too many copies may be hidden."""
    hidden = 0.0 if recalls[0] is None else akin(recalls[0])
    limits = zip(recalls, (UNSEEN, UNSEEN_AT_MOST), strict=True)
    return any(
        r is not None and r.hidden + AT_WORST * r.at_worst + hidden > limit
        for r, limit in limits
    )


def warnings(measured: Measured) -> list[dict[str, Any]]:
    """Return the warnings; each says what threatens a number."""
    chance, recall, null = measured.chance, measured.recall.of_records[0], measured.null
    result = []
    licensed = measured.controls.licensed
    if licensed.left_out.segments:
        rest, missing = licensed.tweets, licensed.left_out.tweets
        result.append(
            warning(
                "segments_left_out", tweets=missing, total=rest + missing, rest=rest
            )
        )
    if chance.control_found > IN_DATASET:
        result.append(warning("control_in_dataset", share=chance.control_found))
    if null is not None and not null.kind.same:
        result.append(warning("null_other_kind", differs=_differs(null)))
    elif not chance.measures and not chance.control_found and measured.findings:
        result.append(warning("no_chance"))
    if measured.without_control and chance.measures:
        left_out = measured.findings - measured.claimable
        strata = _strata(measured)
        result.append(
            warning("strata_without_control", strata=strata, records=left_out)
        )
    few = _few_texts(measured)
    if few is not None and measured.findings >= FEW_FINDINGS:
        result.append(warning("repeated_text", **few))
    result += _drift(measured)
    if len(chance.measures) > 1:
        result += _disagreement(*chance.measures)
    # If no copies are established, nothing is known about their edits.
    if recall is not None and chance.claimed:
        if _unseen(measured.recall.of_records):
            hidden = recall.hidden + akin(recall)
            result.append(warning("unseen", share=hidden, worst=recall.at_worst))
        if _all_over(recall) and not _no_estimate(measured, measured.recall.of_records):
            result.append(warning("spread_edits"))
    planted = len(measured.recall.planted)
    if recall is not None and planted < FEW_PLANTED:
        result.append(warning("few_spike_ins", planted=planted, enough=FEW_PLANTED))
    told = measured.recall.can_be_told
    if told is not None and 1.0 - told > NOT_DETECTABLE:
        result.append(warning("not_detectable", share=1.0 - told))
    if measured.scanned.sampled:
        drawn = measured.scanned.drawn
        result.append(
            warning("records_sampled")
            if drawn is None
            else warning("files_sampled", parts=drawn.unseen)
        )
    return result


def _disagreement(first: ChanceMeasure, second: ChanceMeasure) -> list[dict[str, Any]]:
    """Return a warning if two measures predict contradictory numbers of clusters."""
    one, other = first.chance("clusters"), second.chance("clusters")
    if one.low <= other.high and other.low <= one.high:
        return []
    names = {"control": "control", "null": "null dataset"}
    return [
        warning(
            "controls_disagree",
            first=names[first.name],
            first_low=one.low,
            first_high=one.high,
            second=names[second.name],
            second_low=other.low,
            second_high=other.high,
        )
    ]


def notes(measured: Measured) -> list[dict[str, Any]]:
    """Return the notes: facts to know that threaten none of the numbers shown."""
    result = []
    if measured.index_fraction < 1.0:
        result.append(note("fraction_indexed", share=100.0 * measured.index_fraction))
    if measured.scanned.sampled:
        result.append(note("sampled"))
    recall, _ = measured.recall.of_records
    if recall is not None:
        result.append(note("not_covered"))
        hardly = [
            edit_words(edit)
            for edit, found in recall.of_edit.items()
            if found < FINDABLE
        ]
        if hardly:
            result.append(note("hardly_found", edits=", ".join(hardly)))
    return result


def next_step(measured: Measured, carriers: Sequence[str]) -> str:
    """Return a sentence on how to measure chance: with a cutoff after the years that
    the dataset mentions, or with other data.
    """
    if measured.chance.too_small:
        return (
            "a larger --control can decide; one with as many texts as the index is "
            "enough."
        )
    if measured.chance.measures:
        return (
            f"a --control with texts like those found ({_strata(measured)}) can decide."
        )
    if measured.null is not None:
        return (
            "--control FILE, or --null DATA of the dataset's kind, makes this a claim "
            "with a lower bound."
        )
    now = datetime.now(UTC).year
    named = sorted(
        int(year)
        for text in carriers
        for year in set(YEAR.findall(text))
        if int(year) <= now
    )
    if len(named) >= YEARS_NAMED:
        last = named[-1 - len(named) // LAST_YEARS]
        # Years are known only for a sample of the texts, from their earliest tweets; a
        # text whose earliest tweet has no time or is a retweet is left out.
        every = measured.controls.licensed_texts
        texts = every / max(1, min(KNOWN, every))
        younger = int((measured.samples[0].year > last).sum())
        control = float(f"{texts * younger:.2g}")
        if control and not measured.controls.texts:
            return (
                f"--cutoff {last + 1}-01-01 (the dataset names years up to {last}) "
                f"gives {control:,.0f} control texts."
            )
    return "--control FILE or --null DATA makes this a claim with a lower bound."


def _drift(measured: Measured) -> list[dict[str, Any]]:
    """Return warnings if the control's years differ from those of the licensed texts,
    or if chance differs between years.
    """
    if not measured.controls.texts:
        return []
    result = []
    licensed, control = measured.samples
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
    # Strata by length correct for different lengths.
    shares["length"] = measured.strata.lengths
    unlike = [name for name in COMPARED if shares.get(name, 1.0) < COMPARED[name]]
    if unlike:
        result.append(warning("control_unlike", what=", ".join(unlike)))
    placebo = measured.chance.placebo
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
