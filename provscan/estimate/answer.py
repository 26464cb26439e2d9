"""What a run says first: the headline, and the words of every warning and of every reason to withhold a number."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from provscan.estimate.layers import Layers

WITHHELD = {
    "no_chance": "Chance was not measured: give --cutoff, --control or --null.",
    "no_dates": "Give tweets that the dataset can't hold with --control, or data that can't hold these tweets with "
    "--null.",
    "no_recall": "Recall was not measured: no test copies were planted (--spike-ins 0, or no licensed text was fit for "
    "it).",
    "nothing_scanned": "No record was scanned.",
    "unlike_control": "Nothing measures chance for texts like some of those found: {strata}.",
    "control_in_dataset": "Most of the control's texts stand in the dataset: it can't measure chance.",
    "unseen": "Judging by the matches, too many copies were changed too much to be found.",
    "unseen_by_edits": "Nothing that counts was found, and of the test copies too many were changed too much to be "
    "found.",
    "unlike_edits": "The copies were edited unlike any test copies, so that nothing shows how many were missed.",
    "spread_edits": "More than half of the copies seem to be changed all over, as retyped ones are: nothing shows how "
    "many texts were missed with all their copies.",
    "outside_unknown": "The copies were edited unlike any test copies, so that nothing shows how much of a copy lies "
    "outside of its match.",
    "poor_recall": "Only {recall:.0%} of the test copies that look like the matches were found.",
    "sampled": "A sample was scanned: texts that stand only in the rest can't be counted.",
}
"""Why a number is withheld, by code."""

WARNINGS = {
    "no_chance": "Nothing measures chance: quotations, headlines and templates that both sides copied from a third "
    "source look like copies. {remedy}",
    "chance_not_ruled_out": "With {sizes} to measure chance, it can't be ruled out as the cause of these findings. "
    "With {needed} or more, if they match as rarely, it could be.",
    "strata_without_control": "The control, or the null dataset, has too few texts of these kinds (50, and one for 100 "
    "licensed ones, are enough): {strata}. Records that match only such texts take no part in the lower bound: "
    "{records:,}.",
    "control_in_dataset": "Of the control's texts {share:.0%} stand in the dataset, where chance puts few. If it holds "
    "copies of them, they hide copies of licensed tweets: give a control, or a cutoff, of texts that it can't hold.",
    "not_counted": "Of the records found ({findings:,}), so many hold only matches of commonplace wording, or of too "
    "little to tell from chance: {records:,}. The lower bound and the estimate leave them out, copies or not; "
    '"at most" does not.',
    "control_from_other_years": "The control's texts are from {control}, the licensed ones from {licensed}. Quotations "
    "and headlines of years without control count as copies: check the findings by year.",
    "years_not_known": "Few of the control's or of the licensed texts are dated, so that nothing shows whether chance "
    "differs between their years. Quotations and headlines of years without control count as copies.",
    "control_unlike": "The control differs from the licensed texts in {what}, which no weight makes up for. The lower "
    "bound holds only if its texts match by chance as often as theirs.",
    "chance_drifts": "Chance differs between the control's years: before {split} it is {ratio} times that of later "
    "years (95% interval {low:.2g}-{high}). The lower bound holds only if the licensed texts' years are like the "
    "control's.",
    "controls_disagree": "Two measures of chance disagree: {first} predicts {first_low:,.0f}-{first_high:,.0f} bunches "
    "of chance texts, {second} {second_low:,.0f}-{second_high:,.0f}. Lower limits use the larger.",
    "unseen": "Judging by the similarity of the matches, {share:.0%} of the copies were changed too much to be found. "
    "If all of the least similar matches are badly damaged copies, {worst:.2g} copies were missed for each one "
    "that was found. That is too many for an estimate.",
    "unseen_by_edits": "Nothing that counts was found, and {share:.0%} of copies edited like the test copies are "
    "changed too much to be found. That is too many for an estimate.",
    "spread_edits": "More than half of the copies seem to be changed all over, as retyped ones are, of which more are "
    "missed than of test copies like that. The interval of records held in five of six simulated scans of this kind.",
    "few_spike_ins": "With test copies as few as {planted:,}, recall is hardly measured, and the upper limit and "
    "the estimate may be off by more than they say. Give --spike-ins {enough} or more, or leave it out.",
    "hardly_found": "Fewer than a third of the test copies with these edits were found: {edits}. Copies edited like "
    "that are mostly missed: if all of the least similar matches are such copies, {hidden:,.0f} more went unfound.",
    "hardly_found_by_edits": "Fewer than a third of the test copies with these edits were found: {edits}. Copies "
    "edited like that are mostly missed.",
    "not_detectable": "{share:.0%} of the licensed texts are too short or too commonplace to count even as exact "
    "copies.",
    "segments_left_out": "Damaged segments of the index were left out on request, so {tweets:,} of {total:,} licensed "
    "tweets were not looked for. Every number is for the other {rest:,} only.",
    "fraction_indexed": "The index holds {share:.3g}% of all licensed tweets, drawn at random (--fraction): findings "
    "are those of its tweets, all other numbers are for all licensed tweets. No upper limit allows for a text that the "
    "index lacks and that stands in far more records than those found.",
    "sampled": "A sample was scanned: of texts and tweets in the whole dataset there is a lower bound only.",
    "records_sampled": "Records with the same text and id (without ids, place in their file) are in the sample all or "
    "none, and no limit allows for that. Of a dataset with many of them give all, or draw files (--sample-by files).",
    "files_sampled": "Copies that stand in {parts:,} files (or parts of files) or fewer can all be outside of the "
    "sample. No upper limit allows for a file that was not drawn and that holds far more copies than those drawn.",
}
"""Words of the warnings, by code."""

PROJECTED = " All records are about {whole}, projected from the sample: there may be more."
"""What is said where an upper limit is larger than the number of all records, which a sample of files only projects."""


def withheld(code: str, **values: Any) -> str:
    return WITHHELD[code].format(**values)


def warning(code: str, **values: Any) -> dict[str, Any]:
    return {"code": code, "message": WARNINGS[code].format(**values)}


def number(value: float) -> str:
    return f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """A share with two digits, never rounded to nothing or to all."""
    percent = 100.0 * part / whole if whole else 0.0
    digits = 2 if percent < 99.5 else 4
    while percent < 100 and digits < 15 and float(f"{percent:.{digits}g}") == 100:
        digits += 1
    return f"{Decimal(f'{percent:.{digits}g}'):f}%"


def _verb(stem: str, count: float) -> str:
    """A verb whose subject is so many records: one holds, two hold."""
    return stem if count != 1 else f"{stem}es" if stem.endswith("ch") else f"{stem}s"


def headline(
    records: Layers, scanned: int, whole: int | None = None, *, about: bool = False, without_chance: int = 0
) -> tuple[str, str]:
    """The layer of records that is shown ("estimate", "at_least", "findings", "nothing"), and the sentence that is
    shown everywhere.

    `scanned` are the records in which the findings are. Where they are a sample, `whole` are those of the whole
    dataset, to which all other numbers refer; `about` says that their number is projected from the sample.
    `without_chance` are the findings that match only texts whose chance was not measured.
    """
    if scanned == 0:
        return "nothing", "No record was scanned."
    of, rest = f"of {number(scanned)} record{'' if scanned == 1 else 's'}", ""
    every, counted = scanned, number(scanned)
    if whole is not None:
        every, counted = whole, f"{'about ' if about else ''}{number(whole)}"
        of, rest = f"{of} in the sample", f" of {counted} in all"
    upper = ""
    if records.at_most is not None:
        most = math.ceil(records.at_most)
        upper = f" At most {number(most)}{rest} {_verb('hold', most)} one."
        if most > every:
            upper = f" At most {number(most)} in all hold one.{PROJECTED.format(whole=number(every))}"
    if records.findings == 0:
        return "nothing", f"None {of} matches a licensed tweet.{upper}"
    if records.at_least:
        least = math.floor(records.at_least)
        sentence = (
            f"At least {number(least)} of {counted} record{'' if every == 1 else 's'} ({share(least, every)}) "
            f"{_verb('hold', least)} copies of licensed tweets"
        )
        middle = records.estimate
        if middle is None:
            return "at_least", f"{sentence}."
        interval = f"{number(middle.low)}-{number(middle.high)}"
        projected = PROJECTED.format(whole=number(every)) if middle.high > every else ""
        return "estimate", f"{sentence}; the estimate is {number(middle.value)} (95% interval {interval}).{projected}"
    verb = _verb("match", records.findings)
    found = f"{number(records.findings)} {of} ({share(records.findings, scanned)}) {verb} licensed tweets"
    if records.at_least is None:
        return "findings", f"{found}; how many of them match by chance was not measured.{upper}"
    if without_chance >= records.findings:
        return "findings", f"{found}; chance was measured for none of them.{upper}"
    if without_chance:
        found += f": for {number(without_chance)} of them chance was not measured, and the others are"
    elif records.counts.get("counted") == 0:
        return "findings", f"{found}; the wording of none is rare enough to tell copies from chance.{upper}"
    else:
        found += ","
    return "findings", f"{found} no more than chance can explain.{upper}"
