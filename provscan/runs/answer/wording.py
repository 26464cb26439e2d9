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
    # Whether the index contains all licensed tweets.
    all_tweets: bool = True

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
    least, found = math.floor(records.at_least or 0.0), records.findings
    every, of_all = scanned.every
    code = "findings" if found else "none_counted"
    said = sentence(
        "headline",
        status if status in terms("headline") else code,
        words=STATUSES[status].words,
        least=least,
        every=of_all,
        share_of_every=share(least, every),
        sample=scanned.sample,
        findings=found,
        share_of_sample=share(found, scanned.records),
        nearly=records.nearly_verbatim or 0.0,
    )
    if status == COPIES_FOUND and (middle := records.estimate) is not None:
        said += f" {sentence('headline', 'estimate', **middle.as_dict())}"
    return said


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
        more = sentence("detail", "common", common=common)
    if status in (CANNOT_JUDGE, NOT_MEASURED):
        yield from reasons
        told = "" if reasons else sentence("detail", "not_told_apart")
        if both := f"{told} {more}".strip():
            yield both
        return
    if status == COPIES_FOUND:
        yield from reasons
    if status == INCOMPLETE:
        yield sentence("detail", "not_scanned", not_scanned=not_scanned)
    if records.findings:
        yield _found(status, records, scanned, not_measured)
        yield from remarks
    else:
        yield sentence("detail", "no_findings")
    if more:
        yield more
    if records.at_most is not None and status == NO_COPIES_SHOWN:
        yield limit(records.at_most, scanned, detectable_share)


def _found(
    status: str, records: Layers, scanned: ScannedRecords, not_measured: int
) -> str:
    """Return the sentence about the records with findings."""
    found = several(records.findings, "record", "records")
    if status == COPIES_FOUND and scanned.whole is not None:
        found = f"{number(records.findings)} of {scanned.sample}"
    codes = ["copies" if status == COPIES_FOUND else "findings"]
    explained = records.counts.get("chance_expected")
    if explained is not None:
        explained = min(explained, records.findings)
        codes.append("chance")
    suspected = records.counts.get("suspected") or 0.0
    # A bound that is a projection is not the findings less chance.
    counts = scanned.whole is None and scanned.all_tweets
    least = records.at_least if counts else None
    most = records.findings - math.floor(least or 0) - math.ceil(suspected)
    bounded = bool(least) and explained is not None
    if bounded:
        # The bound may be that of the findings with the rarest wording.
        rarest = explained is not None and explained > most
        codes.append("chance_of_others" if rarest else "chance_at_most")
    if not_measured:
        # The bound leaves these out, so they are among those that may be chance.
        codes.append("not_measured_included" if bounded else "not_measured")
    values = {
        "found": found,
        "findings": records.findings,
        "nearly": records.nearly_verbatim or 0.0,
        "explained": explained,
        "most": most,
        "not_measured": not_measured,
    }
    return "".join(sentence("detail", code, **values) for code in codes) + "."


def is_projected(answer: Mapping[str, Any]) -> bool:
    """Return whether the bounds and estimates of an answer are projected from a sample
    of the records or of the licensed tweets.
    """
    notes = {note["code"] for note in answer["notes"]}
    return not notes.isdisjoint(("sampled", "fraction_indexed"))


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
    records = (
        several(most, "record", "records")
        if scanned.whole is None
        else f"{number(most)} of all records"
    )
    detectable = ""
    if detectable_share is not None:
        detectable = sentence("detail", "detectable", share=detectable_share)
    values = {"records": records, "most": most, "detectable": detectable}
    said = sentence("detail", "at_most", **values)
    # The number of all records is only a projection if files were sampled.
    more = "" if most <= every else f" {sentence('detail', 'projected', every=every)}"
    return said + more
