"""The texts of a run's answer: status, headline, details, warnings, notes and reasons.

:func:`status_of` classifies a run, :func:`headline` writes the first sentence and
:func:`details` the sentences after it. The texts are written for readers without
statistics, with one fact in each sentence. A terminal shows only the first sentence of
a warning or note, so this sentence fits in one line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from provscan.estimate.layers import Layers

COPIES_FOUND, NO_COPIES_SHOWN, NOT_MEASURED = (
    "copies_found",
    "no_copies_shown",
    "not_measured",
)
STATUS = {
    COPIES_FOUND: "COPIES FOUND",
    NO_COPIES_SHOWN: "NO COPIES SHOWN",
    NOT_MEASURED: "CHANCE NOT MEASURED",
}
"""The text of each status."""

WITHHELD = {
    "no_chance": "Chance was not measured: give --cutoff, --control or --null.",
    "other_kind": "The null dataset is not of the dataset's kind (they differ in "
    "{differs}), so it does not measure "
    "this dataset's chance.",
    "no_recall": "Recall was not measured: no test copies were planted (--spike-ins 0, "
    "or no licensed text was fit for "
    "it).",
    "nothing_scanned": "No record was scanned.",
    "unlike_control": "Chance was not measured for some kinds of text that were found: "
    "{strata}.",
    "control_in_dataset": "Most of the control's texts stand in the dataset, so the "
    "control can't measure chance.",
    "unseen": "Judging by the matches, so many copies were changed beyond recognition "
    "that an estimate would be a "
    "guess.",
    "unseen_by_edits": "There are no findings, and too many of the test copies did not "
    "become findings either.",
    "unlike_edits": "The copies were edited in other ways than the test copies, so "
    "nothing shows how many were missed.",
    "spread_edits": "More than half of the copies seem to be changed throughout, as in "
    "retyping, so nothing shows how "
    "many texts were missed with all their copies.",
    "poor_recall": "Only {recall:.0%} of the test copies that look like the matches "
    "became findings.",
    "sampled": "Only a sample was scanned: licensed texts that stand only in the rest "
    "can't be counted.",
    "wide": "The interval is too wide to help: its ends differ by more than a factor "
    "of ten.",
    "few_texts": "{texts} in {places:,} of the {all:,} places found: copies of so few "
    "texts say little about the "
    "others.",
    "few_nearly": "No kind of edit left 30 test copies nearly word for word, so no "
    "upper limit was measured.",
    "few_findings": "There are fewer than 20 findings, too few to break down by "
    "source, author, year or language.",
}
"""Why a number is withheld, by code."""

WARNINGS = {
    "no_chance": "Quotations, headlines and templates from a third source look like "
    "copies. Nothing measures how many "
    "of the findings are such coincidences.",
    "strata_without_control": "The control has too few texts of some kinds that were "
    "found: {strata}. "
    "Records with findings of only such texts are left out of the lower bound: "
    "{records:,}. Enough are 50 control "
    "texts of a kind, and one per 100 licensed ones.",
    "control_in_dataset": "Of the control's texts {share:.0%} stand in the dataset, "
    "where chance puts few. If the "
    "dataset holds copies of them, they hide copies of licensed tweets: give a "
    "control, or a cutoff, of texts that it "
    "can't hold.",
    "null_other_kind": "The null dataset is of another kind and was not used to "
    "measure chance. It differs from the "
    "dataset in {differs}.",
    "control_from_other_years": "Most control texts are from {control}, most licensed "
    "texts from {licensed}. "
    "Quotations and headlines from years that the control does not cover count as "
    "copies: check the findings by year.",
    "years_not_known": "Few texts are dated, so nothing shows whether chance differs "
    "between the years. Quotations "
    "and headlines from years that the control does not cover count as copies.",
    "control_unlike": "The control differs from the licensed texts in {what}. "
    "Weighting can't correct that: the lower "
    "bound holds only if both match by chance equally often.",
    "chance_drifts": "Before {split}, chance matches were {ratio} times as frequent as "
    "later. The 95% interval of the "
    "ratio is {low:.2g}-{high}; the lower bound holds only if the licensed texts' "
    "years are like the control's.",
    "controls_disagree": "Two measures of chance disagree. The {first} predicts "
    "{first_low:,.0f}-{first_high:,.0f} "
    "groups of texts that match by chance, the {second} "
    "{second_low:,.0f}-{second_high:,.0f}. The lower bound uses the "
    "larger.",
    "unseen": "So many copies may be changed beyond recognition that no estimate is "
    "given. Judging by the similarity "
    "of the matches, {share:.0%} of the copies are; if all of the least similar "
    "matches are badly damaged copies, "
    "{worst:.2g} copies were missed for each one found.",
    "spread_edits": "Most copies seem to be changed throughout, as in retyping. Such "
    "copies are missed more often than "
    "test copies like them: the interval for records was right in five of six "
    "simulated scans of this kind.",
    "few_spike_ins": "Recall rests on only {planted:,} test copies. The upper limits "
    "and the estimate may be off by "
    "more than they say: give --spike-ins {enough} or more, or leave it out.",
    "not_detectable": "{share:.0%} of the licensed texts are too short or too common "
    "to be told. Copies of "
    "them are excluded from all counts.",
    "segments_left_out": "Damaged segments of the index were left out. {tweets:,} of "
    "{total:,} licensed "
    "tweets were not looked for; every number is for the other {rest:,} only.",
    "records_sampled": "Duplicate records are sampled together or not at all, and the "
    "limits ignore that. Duplicates "
    "have the same text and id; records without an id are drawn one by one. If there "
    "are many, scan the whole dataset, "
    "or sample files (--sample-by files).",
    "files_sampled": "If copies are in {parts:,} files or fewer, the sample can miss "
    "them all. No upper limit allows "
    "for a file that was not drawn and that has far more copies than those drawn. A "
    "part of a large file counts as a "
    "file.",
    "repeated_text": "{texts} in {places:,} of the {all:,} places found. The number of "
    "records says how often "
    "these texts were copied, and little about the others.",
}
"""Texts of the warnings by code; a warning says what threatens a number."""

NOTES = {
    "hardly_found": "Copies with these edits are mostly missed: {edits}. Fewer than a "
    "third of the test copies with "
    "them became findings.",
    "fraction_indexed": "The index holds a random {share:.3g}% of all licensed tweets "
    "(--fraction). Findings are those "
    "of its tweets, all other numbers are for all licensed tweets. No upper limit "
    "allows for a text that the index "
    "lacks and that stands in far more records than those found.",
    "sampled": "Only a sample was scanned: for texts and tweets there is a lower "
    "bound, but no estimate and no upper "
    "limit.",
    "not_covered": "Rewritten or translated text can't be found, and no number "
    "includes it. Nor does any include "
    "copies of which little remains, or many copies of one tweet that were edited in "
    "the same way and are missed "
    "together.",
}
"""Texts of the notes by code; a note says what a reader should know."""

EDITS = {
    "exact": "unchanged",
    "anonymised": "names, links replaced",
    "stripped": "lower case, bare words",
    "escaped": "HTML entities",
    "retweeted": "as a retweet",
    "commented": "comments around it",
    "marked_up": "HTML markup",
    "with_emoji": "emoji added or removed",
    "repunctuated": "other punctuation",
    "respaced": "other white space",
    "truncated": "end cut off",
    "one_word": "one word replaced",
    "two_words": "two words replaced",
    "three_words": "three words replaced",
    "reordered": "two halves swapped",
    "in_parts": "parts reordered",
    "every_fifth_dropped": "every fifth word dropped",
    "letters_replaced": "single letters replaced",
}
"""Names of edits for readers; an edit without an entry is shown by its own name."""

PROJECTED = (
    "All records are about {whole}, projected from the sample: there may be more."
)
"""Replaces an upper limit that is larger than the number of all records, which is only
a projection in a sample of files.
"""


def withheld(code: str, **values: Any) -> str:
    return WITHHELD[code].format(**values)


def warning(code: str, **values: Any) -> dict[str, Any]:
    return {"code": code, "message": WARNINGS[code].format(**values)}


def note(code: str, **values: Any) -> dict[str, Any]:
    return {"code": code, "message": NOTES[code].format(**values)}


def edit_words(name: str) -> str:
    return EDITS.get(name, name.replace("_", " "))


def number(value: float) -> str:
    return f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """Return a share with two digits, never rounded to 0 % or 100 %."""
    percent = 100.0 * part / whole if whole else 0.0
    digits = 2 if percent < 99.5 else 4
    while percent < 100 and digits < 15 and float(f"{percent:.{digits}g}") == 100:
        digits += 1
    return f"{Decimal(f'{percent:.{digits}g}'):f}%"


def several(count: float, singular: str, plural: str) -> str:
    """Return a number followed by the words for one or for several."""
    return f"{number(count)} {singular if round(count) == 1 else plural}"


@dataclass(frozen=True)
class Scanned:
    """The scanned records, as the headline describes them."""

    records: int
    # For a sample: the number of records of the whole dataset, and whether that number
    # is a projection.
    whole: int | None = None
    projected: bool = False

    @property
    def sample(self) -> str:
        """The scanned records in words."""
        return several(self.records, "record", "records") + (
            " of the sample" if self.whole is not None else ""
        )

    @property
    def every(self) -> tuple[int, str]:
        """The records that the bounds refer to: their number, and the same in words."""
        if self.whole is None:
            return self.records, several(self.records, "record", "records")
        return self.whole, ("about " if self.projected else "") + several(
            self.whole, "record", "records"
        )


def status_of(records: Layers, *, usable: bool) -> str:
    """Return the status of a run, given the numbers of its records.

    `usable` says whether chance was measured.
    """
    if records.at_least:
        return COPIES_FOUND
    return NO_COPIES_SHOWN if usable or records.findings == 0 else NOT_MEASURED


def headline(status: str, records: Layers, scanned: Scanned) -> str:
    """Return the sentence that every output shows first."""
    word = STATUS[status]
    every, of_all = scanned.every
    if status == COPIES_FOUND:
        least = math.floor(records.at_least or 0.0)
        sentence = (
            f"{word}: at least {number(least)} of {of_all} ({share(least, every)})"
        )
        sentence += f" {'holds' if least == 1 else 'hold'} licensed tweets."
        if (middle := records.estimate) is not None:
            sentence += (
                f" Best estimate {number(middle.value)} "
                f"({number(middle.low)}-{number(middle.high)})."
            )
        return sentence
    if status == NO_COPIES_SHOWN:
        return f"{word} in {scanned.sample}."
    found = (
        f"{word}: {number(records.findings)} of {scanned.sample} "
        f"({share(records.findings, scanned.records)})"
    )
    found += (
        f" {'shares' if records.findings == 1 else 'share'} rare wording with licensed "
        "tweets"
    )
    return (
        f"{found}, {number(records.nearly_verbatim or 0.0)} of them word for word or "
        "nearly."
    )


@dataclass(frozen=True)
class Comparison:
    """Numbers of whole records that equal a licensed tweet of very rare wording, in
    this dataset and in collections without licensed tweets.
    """

    here: int
    others: Sequence[int]

    def sentence(self) -> str:
        low, high = min(self.others), max(self.others)
        had = number(high) if low == high else f"{number(low)} to {number(high)}"
        return (
            "Of whole records word for word, with very rare wording "
            f"({number(self.here)} here), "
            f"{SMALL.get(len(self.others), str(len(self.others)))} collections without "
            f"licensed tweets had {had}."
        )


SMALL = dict(
    enumerate(
        [
            "no",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
        ]
    )
)


TOO_SMALL = (
    "The control is too small to decide: even without a single chance match it could "
    "show no copies."
)


def details(
    status: str,
    records: Layers,
    scanned: Scanned,
    can_be_told: float | None,
    comparison: Comparison | None = None,
    not_measured: int = 0,
) -> list[str]:
    """Return the sentences after the headline: findings, chance, limit and comparison.

    `not_measured` is the number of findings whose texts all lie in strata where chance
    was not measured.
    """
    common = records.common_or_known or 0.0
    more = (
        f"{several(common, 'more shares', 'more share')} only common or known wording."
        if common
        else ""
    )
    result = []
    if status == NOT_MEASURED:
        why = (
            TOO_SMALL
            if records.at_least == 0 and not not_measured
            else "Copies and coincidences can't be told apart."
        )
        result.append(f"{why} {more}".rstrip())
    elif records.findings:
        verb = "shares" if records.findings == 1 else "share"
        of_sample = (
            f" of {scanned.sample}"
            if status == COPIES_FOUND and scanned.whole is not None
            else ""
        )
        found = f"{number(records.findings)}{of_sample} {verb} rare wording"
        if status == COPIES_FOUND:
            found += (
                f" ({number(records.nearly_verbatim or 0.0)} word for word or nearly)"
            )
        else:
            found += " with licensed tweets"
        expected = records.counts.get("chance_expected")
        if expected is not None:
            explained = min(expected, records.findings)
            found += f"; chance explains about {number(explained)}"
        if not_measured:
            found += f", but was not measured for {number(not_measured)} of these"
        result.append(f"{found}.")
    else:
        result.append("No record shares rare wording with licensed tweets.")
    if more and status != NOT_MEASURED:
        result.append(more)
    if records.at_most is not None and status == NO_COPIES_SHOWN:
        result.append(limit(records.at_most, scanned, can_be_told))
    if comparison is not None and status == NOT_MEASURED and comparison.here:
        result.append(comparison.sentence())
    return result


def since_baseline(entry: Mapping[str, Any]) -> list[str]:
    """Return the sentences on the findings that are new since an earlier run."""
    new, gone = entry["new"], entry["gone"]
    found = several(new["findings"], "finding is", "findings are")
    records = several(new["records"], "record", "records")
    said = [
        f"{found} new since {entry['path']}"
        f"{f', in {records}' if new['findings'] else ''}; of its "
        f"{several(entry['findings'], 'finding', 'findings')}, {gone:,} "
        f"{'is' if gone == 1 else 'are'} gone."
    ]
    if entry["differs"]:
        said.append(
            "The two runs also differ in other things than the dataset, which alone "
            f"can make a finding new: {', '.join(entry['differs'])}."
        )
    return said


def limit(at_most: float, scanned: Scanned, can_be_told: float | None) -> str:
    """Return the upper limit on nearly verbatim copies as a sentence."""
    most, (every, _) = math.ceil(round(at_most, 6)), scanned.every
    told = (
        f" of the {can_be_told:.0%} of licensed tweets that can be told"
        if can_be_told is not None
        else ""
    )
    whole = " of all records" if scanned.whole is not None else ""
    sentence = (
        f"At most {number(most)}{whole} {'holds' if most == 1 else 'hold'} a nearly "
        f"verbatim copy{told}."
    )
    return (
        sentence
        if most <= every
        else f"{sentence} {PROJECTED.format(whole=number(every))}"
    )
