"""The warnings and notes of a run: the condition of each.

:func:`warnings` yields the threats to a number, the most important first, since a
terminal shows only three. :func:`notes` yields facts that a reader should know. Their
sentences are in ``messages.toml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from provscan.estimate.recall import FINDABLE
from provscan.estimate.strata import ENOUGH_TEXTS, HEAVIEST
from provscan.messages import message
from provscan.runs.answer.facts import (
    changed_throughout,
    copies_not_counted,
    few_texts,
    many_hidden,
    no_chance,
    no_estimate,
    other_kind,
    without_control,
)
from provscan.runs.answer.wording import edit_words
from provscan.runs.counting.strata import (
    TWEET_SAMPLE,
    TextSamples,
    TextStrata,
    agreement,
    by_a_coin,
    year_range,
)
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.chance import ChanceMeasure
from provscan.runs.measures.recall import hidden_heavy

# The accuracy of limits that rest on fewer test copies was not measured.
FEW_PLANTED = 300
# Minimum number of records with findings for a warning that few texts have most.
FEW_FINDINGS = 20
# Minimum share of the control's texts in the dataset for a warning.
IN_DATASET = 0.1
# Minimum share of licensed texts that can't be findings for a warning.
NOT_DETECTABLE = 0.2
# Minimum overlap of the years of the control and of the licensed texts.
LEAST_OVERLAP = 0.5
# Minimum agreement of the control with the licensed texts in each trait. In wording,
# random, later and other months' tweets of 307,000 in English agreed by 0.88 or more,
# those of other authors by 0.93, tweets with shuffled words by 0.70, and variants of
# 200 texts by 0.74. Fewer than LEAST_WORDED texts may differ by chance. A few accounts
# in Turkish agreed by 0.46: no warning is given if randomly divided authors often
# differ as much (``by_a_coin``).
COMPARED = {"length": 0.5, "language": 0.5, "wording": 0.75}
LEAST_WORDED = 50
# The same for authors, a difference of which is a note: a control of other authors is
# fair. It is a warning if the control has mostly one author.
SAME_AUTHORS = 0.2


def warnings(measured: Measured) -> Iterator[dict[str, str]]:
    """Yield the warnings; each says what threatens a number."""
    # Chance.
    chance = measured.chance
    found = measured.eligible.control & measured.counts.by_text.found
    if chance.control_found > IN_DATASET:
        yield message("warning", "control_in_dataset", texts=int(found.sum()))
    elif chance.in_dataset:
        yield message("warning", "control_in_dataset", texts=chance.in_dataset)
    for code, values in copies_not_counted(measured).items():
        if code != "cutoff_in_dataset":  # These are control texts: warned of above.
            yield message("warning", code, **values)
    if measured.known is not None and measured.known.unlike:
        yield message("warning", "known_unlike")
    if (differs := other_kind(measured)) is not None:
        yield message("warning", "null_other_kind", **differs)
    elif no_chance(measured) == "no_chance" and measured.finding_records:
        yield message("warning", "no_chance")
    strata = without_control(measured)
    if strata is not None and chance.measures:
        yield message(
            "warning",
            "strata_without_control",
            **strata,
            records=measured.left_out,
            least=ENOUGH_TEXTS,
            heaviest=HEAVIEST,
        )
    few = few_texts(measured)
    if few is not None and measured.finding_records >= FEW_FINDINGS:
        yield message("warning", "repeated_text", **few)
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
            yield message("warning", "unseen", share=hidden, worst=recall.at_worst)
        if changed_throughout(recall) and not no_estimate(measured, copies):
            yield message("warning", "spread_edits")
    planted = len(measured.recall.planted)
    if recall is not None and planted < FEW_PLANTED:
        yield message("warning", "few_spike_ins", planted=planted, enough=FEW_PLANTED)
    detectable = measured.recall.detectable_share
    if detectable is not None and 1.0 - detectable > NOT_DETECTABLE:
        yield message("warning", "not_detectable", share=1.0 - detectable)
    # The sample.
    if measured.scanned.sampled:
        drawn = measured.scanned.drawn
        yield (
            message("warning", "records_sampled")
            if drawn is None
            else message("warning", "files_sampled", parts=drawn.unseen)
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
        yield message("warning", "control_from_other_years", **words)
    elif (
        2 * min(len(licensed.year), len(control.year))
        < TWEET_SAMPLE
        <= min(licensed.total, control.total)
    ):
        yield message("warning", "years_not_known")
    # Compare lengths after weighting by stratum, since strata by length correct for a
    # difference.
    shares["length"] = strata.length_overlap
    if len(control.rarity) < LEAST_WORDED:
        shares.pop("wording", None)
    unlike = [name for name in COMPARED if shares.get(name, 1.0) < COMPARED[name]]
    if shares.get("author", 1.0) < SAME_AUTHORS:
        if "wording" in unlike and by_a_coin(licensed, control):
            unlike.remove("wording")
        if _mostly_one(control.author):
            unlike.append("author")
    if unlike:
        yield message("warning", "control_unlike", what=", ".join(unlike))
    if placebo is None:
        return
    low, ratio, high = (placebo[name] for name in ("low", "ratio", "high"))
    if low > 1.0 or (high is not None and high < 1.0):
        words = {
            "ratio": f"at least {low:.2g}" if ratio is None else f"{ratio:.2g}",
            "interval": f"above {low:.2g}" if high is None else f"{low:.2g}-{high:.2g}",
        }
        yield message("warning", "chance_drifts", **(placebo | words))


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
        names = {"control": "control", "null": "clean data"}
        yield message(
            "warning",
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
            yield message("note", "other_authors")
    if measured.index_fraction < 1.0:
        yield message("note", "fraction_indexed", share=100.0 * measured.index_fraction)
    if measured.scanned.sampled:
        yield message("note", "sampled")
    if measured.recall.of_records.findings is None:
        return
    yield message("note", "not_covered")
    if hardly := list(map(edit_words, measured.recall.edits_hardly_found)):
        yield message("note", "hardly_found", edits=", ".join(hardly), limit=FINDABLE)
