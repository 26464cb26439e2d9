"""The warnings and notes of a run: the sentences and condition of each.

:func:`warnings` yields the threats to a number, the most important first, since a
terminal shows only three. :func:`notes` yields facts that a reader should know. The
first sentence of each fits in one line of a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from provscan.estimate.recall import FINDABLE
from provscan.estimate.strata import ENOUGH_TEXTS, HEAVIEST
from provscan.runs.answer.breakdowns import FEW_FINDINGS
from provscan.runs.answer.reasons import (
    changed_throughout,
    differences_in_words,
    few_texts,
    many_hidden,
    no_estimate,
    strata_in_words,
)
from provscan.runs.answer.wording import edit_words
from provscan.runs.counting.strata import (
    TWEET_SAMPLE,
    TextSamples,
    TextStrata,
    agreement,
    year_range,
)
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.chance import ChanceMeasure
from provscan.runs.measures.recall import hidden_heavy

# Shares in words.
SHARES = {1 / 2: "half", 1 / 3: "a third", 1 / 4: "a quarter"}

WARNINGS = {
    "no_chance": (
        "Quotations, headlines and templates from a third source look like copies. "
        "Nothing measures how many of the findings are such coincidences."
    ),
    "strata_without_control": (
        "The control has too few texts of some kinds that were found: {strata}. "
        "Records with findings of only such texts are left out of the lower bound: "
        "{records:,}. "
        f"A kind needs at least {ENOUGH_TEXTS} control texts and one per "
        f"{HEAVIEST:.0f} licensed texts, or half as many control texts as licensed "
        "texts; a small kind needs a third of the average number of control texts per "
        "licensed text."
    ),
    "control_in_dataset": (
        "{texts:,} of the control's texts are in the dataset, more than chance "
        "explains. If they were collected with it or put there, they hide copies of "
        "licensed tweets: give a control, or a cutoff, of texts that the dataset can't "
        "contain."
    ),
    "licensed_in_control": (
        "{texts:,} of the licensed texts found are in the control too, and count as "
        "common wording. Their copies, {places:,}, are not counted: give a control "
        "without licensed tweets."
    ),
    "known_unlike": (
        "The known data contains a far larger share of the control than of the "
        "licensed texts. All control texts therefore count as chance, known or not: "
        "known data must not be made from the control."
    ),
    "null_other_kind": (
        "The null dataset differs from the dataset in {differs}, so it alone measures "
        "no chance. Beside a control, its matches count as chance, and the lower "
        "limits may be too low."
    ),
    "control_from_other_years": (
        "Most control texts are from {control}, most licensed texts from {licensed}. "
        "Quotations and headlines from years that the control does not cover count as "
        "copies: check the findings by year."
    ),
    "years_not_known": (
        "Few texts are dated, so it is unknown whether chance differs between the "
        "years. Quotations and headlines from years that the control does not cover "
        "count as copies."
    ),
    "control_unlike": (
        "The control differs from the licensed texts in {what}. Weighting can't "
        "correct that: the lower bound is valid only if both match by chance equally "
        "often."
    ),
    "chance_drifts": (
        "Before {split}, chance matches were {ratio} times as frequent as later. The "
        "95% interval of the ratio is {interval}; the lower bound is valid only "
        "if the licensed texts' years are like the control's."
    ),
    "controls_disagree": (
        "Two measures of chance disagree. The {first} predicts "
        "{first_low:,.0f}-{first_high:,.0f} groups of texts that match by chance, the "
        "{second} {second_low:,.0f}-{second_high:,.0f}. The lower bound uses the "
        "larger."
    ),
    "unseen": (
        "Too many copies may be changed beyond recognition, so no estimate is given. "
        "Judging by the similarity of the matches, this is true of {share:.0%} of the "
        "copies; if all of the least similar matches are badly damaged copies, "
        "{worst:.2g} copies were missed for each one found."
    ),
    "spread_edits": (
        "Most copies seem to be changed throughout, as in retyping. Such copies are "
        "missed more often than test copies like them: the interval for records was "
        "right in five of six simulated scans of this kind."
    ),
    "few_spike_ins": (
        "Recall is based on only {planted:,} test copies. The upper limits and the "
        "estimate may be less accurate than stated: their accuracy was measured with "
        "{enough} or more."
    ),
    "not_detectable": (
        "{share:.0%} of the licensed texts are too short or too common to be findings. "
        "Copies of them are excluded from all counts."
    ),
    "records_sampled": (
        "Duplicate records are sampled together or not at all, and the limits ignore "
        "that. Duplicates have the same text and id; records without an id are drawn "
        "one by one. If there are many, a sample of files, or the whole dataset, is "
        "more accurate."
    ),
    "files_sampled": (
        "If copies are in {parts:,} files or fewer, the sample can miss them all. No "
        "upper limit allows for a file that was not drawn and that has far more copies "
        "than those drawn. A part of a large file counts as a file."
    ),
    "repeated_text": (
        "{texts} in {places:,} of the {all:,} places found. The number of records says "
        "how often these texts were copied, and little about the others."
    ),
}
"""Sentences of the warnings, by code; a warning says what threatens a number."""

NOTES = {
    "other_authors": (
        "The control's authors are others than those of the licensed texts. Nothing "
        "shows whether authors who quote are as frequent among them."
    ),
    "hardly_found": (
        "Copies with these edits are mostly missed: {edits}. "
        f"Fewer than {SHARES[FINDABLE]} of the test copies with them became findings."
    ),
    "fraction_indexed": (
        "The index has a random {share:.3g}% of all licensed tweets. Findings are "
        "those of its tweets; all other numbers are for all licensed tweets. No upper "
        "limit allows for a text that the index lacks and that is in far more records "
        "than those found."
    ),
    "sampled": (
        "Only a sample was scanned: for texts and tweets there is a lower bound, but "
        "no estimate and no upper limit."
    ),
    "not_covered": (
        "Rewritten or translated text can't be found, and no number includes it. Nor "
        "does any number include copies of which little remains, or many copies of one "
        "tweet that were all edited in the same way and missed."
    ),
}
"""Sentences of the notes, by code; a note says what a reader should know."""

# The accuracy of limits that rest on fewer test copies was not measured.
FEW_PLANTED = 300
# Minimum share of the control's texts in the dataset for a warning.
IN_DATASET = 0.1
# Minimum share of licensed texts that can't be findings for a warning.
NOT_DETECTABLE = 0.2
# Minimum overlap of the years of the control and of the licensed texts.
LEAST_OVERLAP = 0.5
# Minimum agreement of the control with the licensed texts in each trait.
COMPARED = {"length": 0.5, "language": 0.5, "wording": 0.5}
# The same for authors, a difference of which is a note: a control of other authors is
# fair. It is a warning if the control has mostly one author.
SAME_AUTHORS = 0.2


def warning(code: str, **values: Any) -> dict[str, str]:
    return {"code": code, "message": WARNINGS[code].format(**values)}


def note(code: str, **values: Any) -> dict[str, str]:
    return {"code": code, "message": NOTES[code].format(**values)}


def warnings(measured: Measured) -> Iterator[dict[str, str]]:
    """Yield the warnings; each says what threatens a number."""
    chance, null = measured.chance, measured.null
    # Chance.
    found = measured.eligible.control & measured.counts.by_text.found
    if chance.control_found > IN_DATASET:
        yield warning("control_in_dataset", texts=int(found.sum()))
    elif chance.in_dataset:
        yield warning("control_in_dataset", texts=chance.in_dataset)
    texts, places = measured.found_in_control
    if texts:
        yield warning("licensed_in_control", texts=texts, places=places)
    if measured.known is not None and measured.known.unlike:
        yield warning("known_unlike")
    if null is not None and not null.kind.same:
        yield warning("null_other_kind", differs=differences_in_words(null))
    elif not chance.measures and not chance.control_found and measured.finding_records:
        yield warning("no_chance")
    if measured.without_control and chance.measures:
        left_out = measured.finding_records - measured.claimable_records
        strata = strata_in_words(measured)
        yield warning("strata_without_control", strata=strata, records=left_out)
    few = few_texts(measured)
    if few is not None and measured.finding_records >= FEW_FINDINGS:
        yield warning("repeated_text", **few)
    if measured.controls.texts:
        placebo = chance.placebo
        yield from differences_of_control(measured.samples, measured.strata, placebo)
    if len(chance.measures) > 1:
        yield from _disagreement(*chance.measures)
    # Recall. Without more findings than chance explains, nothing is known about edits.
    copies = measured.recall.of_records
    recall = copies.findings
    if recall is not None and chance.claimed:
        if many_hidden(copies):
            hidden = recall.hidden + hidden_heavy(recall)
            yield warning("unseen", share=hidden, worst=recall.at_worst)
        if changed_throughout(recall) and not no_estimate(measured, copies):
            yield warning("spread_edits")
    planted = len(measured.recall.planted)
    if recall is not None and planted < FEW_PLANTED:
        yield warning("few_spike_ins", planted=planted, enough=FEW_PLANTED)
    detectable = measured.recall.detectable_share
    if detectable is not None and 1.0 - detectable > NOT_DETECTABLE:
        yield warning("not_detectable", share=1.0 - detectable)
    # The sample.
    if measured.scanned.sampled:
        drawn = measured.scanned.drawn
        yield (
            warning("records_sampled")
            if drawn is None
            else warning("files_sampled", parts=drawn.unseen)
        )


def differences_of_control(
    samples: TextSamples, strata: TextStrata, placebo: dict[str, Any] | None = None
) -> Iterator[dict[str, str]]:
    """Yield warnings if the control differs from the licensed texts, or if chance
    differs between years (``placebo``).
    """
    licensed, control = samples
    shares = agreement(licensed, control)
    if shares.get("year", 1.0) < LEAST_OVERLAP:
        words = {
            "control": year_range(control.year),
            "licensed": year_range(licensed.year),
        }
        yield warning("control_from_other_years", **words)
    elif (
        2 * min(len(licensed.year), len(control.year))
        < TWEET_SAMPLE
        <= min(licensed.total, control.total)
    ):
        yield warning("years_not_known")
    # Compare lengths after weighting by stratum, since strata by length correct for a
    # difference.
    shares["length"] = strata.length_overlap
    unlike = [name for name in COMPARED if shares.get(name, 1.0) < COMPARED[name]]
    if shares.get("author", 1.0) < SAME_AUTHORS and _mostly_one(control.author):
        unlike.append("author")
    if unlike:
        yield warning("control_unlike", what=", ".join(unlike))
    if placebo is None:
        return
    low, ratio, high = (placebo[name] for name in ("low", "ratio", "high"))
    if low > 1.0 or (high is not None and high < 1.0):
        words = {
            "ratio": f"at least {low:.2g}" if ratio is None else f"{ratio:.2g}",
            "interval": f"above {low:.2g}" if high is None else f"{low:.2g}-{high:.2g}",
        }
        yield warning("chance_drifts", **(placebo | words))


def _mostly_one(authors: pa.ChunkedArray) -> bool:
    """Return whether one author has most of the texts."""
    counts = authors.drop_null().value_counts().field("counts").to_numpy()
    return bool(len(counts)) and 2 * int(counts.max()) > len(authors)


def _disagreement(
    first: ChanceMeasure, second: ChanceMeasure
) -> Iterator[dict[str, str]]:
    """Yield a warning if the limits of two measures of chance do not overlap."""
    one, other = first.chance("clusters"), second.chance("clusters")
    if one.low > other.high or other.low > one.high:
        names = {"control": "control", "null": "null dataset"}
        yield warning(
            "controls_disagree",
            first=names[first.name],
            first_low=one.low,
            first_high=one.high,
            second=names[second.name],
            second_low=other.low,
            second_high=other.high,
        )


def notes(measured: Measured) -> Iterator[dict[str, str]]:
    """Yield the notes: facts to know that threaten none of the numbers shown."""
    if measured.controls.texts:
        shares = agreement(*measured.samples)
        if shares.get("author", 1.0) < SAME_AUTHORS:
            yield note("other_authors")
    if measured.index_fraction < 1.0:
        yield note("fraction_indexed", share=100.0 * measured.index_fraction)
    if measured.scanned.sampled:
        yield note("sampled")
    recall = measured.recall.of_records.findings
    if recall is None:
        return
    yield note("not_covered")
    hardly = [
        edit_words(edit) for edit, found in recall.of_edit.items() if found < FINDABLE
    ]
    if hardly:
        yield note("hardly_found", edits=", ".join(hardly))
