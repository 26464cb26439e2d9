"""The first sentences of a run's answer: status, headline and details.

:func:`status_of` classifies a run, :func:`headline` writes the first sentence and
:func:`details` the sentences after it. The texts are written for readers without
statistics, with one fact in each sentence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provscan.estimate.layers import Layers
from provscan.messages import sentence, terms
from provscan.names import counted, number, several, share
from provscan.statuses import (
    CANNOT_JUDGE,
    COPIES_FOUND,
    INCOMPLETE,
    NO_COPIES_SHOWN,
    NOT_MEASURED,
    STATUSES,
)

PROJECTED = (
    "The dataset has about {whole} records, projected from the sample, and may have "
    "more."
)
"""This sentence follows an upper limit that is larger than the number of all records,
which is only a projection if files were sampled.
"""


def edit_words(name: str) -> str:
    """Return the name of an edit for readers."""
    return str(terms("edit").get(name, name.replace("_", " ")))


@dataclass(frozen=True)
class ScannedRecords:
    """The scanned records, as the headline describes them."""

    records: int
    # For a sample: the number of records of the whole dataset, and whether that number
    # is a projection.
    whole: int | None = None
    projected: bool = False

    @property
    def sample(self) -> str:
        """The scanned records in words."""
        return counted(self.records, "record") + (
            " of the sample" if self.whole is not None else ""
        )

    @property
    def every(self) -> tuple[int, str]:
        """The records that the bounds refer to: their number, and the same in words."""
        if self.whole is None:
            return self.records, counted(self.records, "record")
        return self.whole, ("about " if self.projected else "") + several(
            self.whole, "record", "records"
        )


def status_of(
    records: Layers,
    *,
    measured: bool = True,
    judged: bool = True,
    complete: bool = True,
) -> str:
    """Return the status of a run, given the numbers of its records.

    ``measured`` says whether there is a measure of chance; ``judged``, whether there is
    no reason against judging the findings (:mod:`~provscan.runs.answer.judgement`); and
    ``complete``, whether all text was scanned.
    """
    if records.at_least:
        return COPIES_FOUND
    if not judged:
        return CANNOT_JUDGE
    if records.findings and not measured:
        return NOT_MEASURED
    return NO_COPIES_SHOWN if complete else INCOMPLETE


def headline(status: str, records: Layers, scanned: ScannedRecords) -> str:
    """Return the sentence that every output shows first."""
    word = STATUSES[status].words
    every, of_all = scanned.every
    if status == COPIES_FOUND:
        least = math.floor(records.at_least or 0.0)
        said = f"{word}: at least {number(least)} of {of_all} ({share(least, every)})"
        said += f" {'contains' if least == 1 else 'contain'} licensed tweets."
        if (middle := records.estimate) is not None:
            said += (
                f" Best estimate {number(middle.value)} "
                f"({number(middle.low)}-{number(middle.high)})."
            )
        return said
    if status == NO_COPIES_SHOWN:
        return f"{word} in {scanned.sample}."
    if status == INCOMPLETE:
        return (
            f"{word}: no copies shown in {scanned.sample}, but not all text was "
            "scanned."
        )
    if not records.findings:
        return (
            f"{word}: the licensed texts that were found in {scanned.sample} are in "
            "the control too."
        )
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


def details(
    status: str,
    records: Layers,
    scanned: ScannedRecords,
    detectable_share: float | None,
    reasons: Sequence[str] = (),
    not_measured: int = 0,
    not_scanned: str = "",
    remarks: Sequence[str] = (),
) -> Iterator[str]:
    """Yield the sentences after the headline, about findings, chance and the upper
    limit. ``reasons`` say why the findings can't be judged, or what a claim depends on,
    and ``remarks`` what was not tested.

    ``not_measured`` is the number of records with findings only in strata where chance
    was not measured. ``not_scanned`` says what was not scanned.
    """
    common, more = records.common_or_known or 0.0, ""
    if common:
        shares = several(common, "more record shares", "more records share")
        more = f"{shares} only common or known wording."
    if status in (CANNOT_JUDGE, NOT_MEASURED):
        yield from reasons
        told = "" if reasons else "Copies and coincidences can't be told apart."
        if both := f"{told} {more}".strip():
            yield both
        return
    if status == COPIES_FOUND:
        yield from reasons
    if status == INCOMPLETE:
        yield f"Not scanned: {not_scanned}."
    if records.findings:
        verb = "shares" if records.findings == 1 else "share"
        nearly = number(records.nearly_verbatim or 0.0)
        found = several(records.findings, "record", "records")
        if status == COPIES_FOUND:
            if scanned.whole is not None:
                found = f"{number(records.findings)} of {scanned.sample}"
            found += f" {verb} rare wording ({nearly} word for word or nearly)"
        else:
            found += f" {verb} rare wording with licensed tweets"
        expected = records.counts.get("chance_expected")
        if expected is not None:
            explained = min(expected, records.findings)
            found += f"; chance explains about {number(explained)}"
        if not_measured:
            found += f", but was not measured for {number(not_measured)} of these"
        yield f"{found}."
        yield from remarks
    else:
        yield "No record shares rare wording with licensed tweets."
    if more:
        yield more
    if records.at_most is not None and status == NO_COPIES_SHOWN:
        yield limit(records.at_most, scanned, detectable_share)


def since_baseline(entry: Mapping[str, Any] | None) -> list[str]:
    """Return the sentences about findings that are new since an earlier run; none
    without a baseline.
    """
    if entry is None:
        return []
    values = {**entry, **entry["new"], "new": entry["new"]["findings"]}
    codes = ["new" if values["new"] else "nothing_new"]
    codes += ["differs"] * bool(entry["differs"])
    values |= {"findings": entry["findings"], "differs": ", ".join(entry["differs"])}
    return [sentence("baseline", code, **values) for code in codes]


def limit(
    at_most: float, scanned: ScannedRecords, detectable_share: float | None
) -> str:
    """Return the upper limit on nearly verbatim copies as a sentence."""
    most, (every, _) = math.ceil(round(at_most, 6)), scanned.every
    of_detectable = ""
    if detectable_share is not None:
        of_detectable = (
            f" of one of the {detectable_share:.0%} of licensed texts that have rare "
            "wording"
        )
    records = (
        several(most, "record", "records")
        if scanned.whole is None
        else f"{number(most)} of all records"
    )
    said = (
        f"At most {records} {'contains' if most == 1 else 'contain'} a nearly verbatim "
        f"copy{of_detectable}."
    )
    return said if most <= every else f"{said} {PROJECTED.format(whole=number(every))}"
