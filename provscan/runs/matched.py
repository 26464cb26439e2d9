"""The matches of a scan, read from part files a batch at a time, and what they add up
to.

Of the matches themselves nothing is held: of each licensed text that was found there
are some numbers, and each pass over the matches computes again what follows from these
(:class:`Batch`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.arrays import Flags, Floats, Numbers
from provscan.calibration.controls import Controls
from provscan.estimate.counters import CoveredCounter, RecordCounter
from provscan.estimate.damage import damage_of, nearly_verbatim
from provscan.matching.parts import PartResult
from provscan.params import FindingParams
from provscan.scoring.authorship import Authorship, authorship
from provscan.scoring.lengths import SCRIPTS
from provscan.scoring.rule import Scored, Scorer, TextScores

# Bits of the findings for which chance is tested: all of them, and those of rarer
# wording, so that verbatim copies show among many coincidences.
STRENGTHS = (-np.inf, 75.0, 100.0, 150.0)
# Matches of a batch, about.
BATCH = 1 << 15
NEEDED = (
    "record",
    "field",
    "start",
    "end",
    "similarity",
    "containment",
    "text",
    "pieces",
    "left_out",
    "whole",
)


@dataclass(frozen=True)
class PartRows:
    """The rows of part files, in the order of the splits."""

    folder: Path
    parts: list[PartResult]  # The counts of each split.

    def batches(
        self, names: Sequence[str], source: str | None = None
    ) -> Iterator[tuple[pa.RecordBatch, Numbers]]:
        """Columns of the rows, of all datasets or of one, and the number of the split
        of each row.
        """
        held: list[pa.RecordBatch] = []
        splits: list[Numbers] = []
        for number, part in enumerate(self.parts):
            if part.matches == 0 or source not in (None, part.source):
                continue
            # Read, not mapped, so that no more is held.
            with pa.OSFile(str(part.matches_file(self.folder))) as file:
                schema = pa.ipc.open_file(file).schema
                fields = [schema.get_field_index(name) for name in names]
                stored = pa.ipc.open_file(
                    file, options=pa.ipc.IpcReadOptions(included_fields=fields)
                )
                for place in range(stored.num_record_batches):
                    whole = stored.get_batch(place).select(names)
                    for low in range(0, whole.num_rows, BATCH):
                        held.append(whole.slice(low, BATCH))
                        splits.append(np.full(held[-1].num_rows, number))
                        if sum(map(len, splits)) >= BATCH:
                            yield pa.concat_batches(held), np.concatenate(splits)
                            held, splits = [], []
        if held:
            yield pa.concat_batches(held), np.concatenate(splits)


class Batch(NamedTuple):
    """Some matches that follow each other, one entry each."""

    columns: pa.RecordBatch  # Of the part files.
    low: int  # Number of the first one.
    split: Numbers
    place: Numbers  # Of its text among those found.
    # Numbers of its record and field, counted from 0 among those with matches.
    record: Numbers
    field: Numbers
    # As in ``matches.parquet``.
    start: Numbers
    end: Numbers
    similarity: Floats
    containment: Floats
    whole: Flags  # The span covers the whole field.
    # See `provscan.scoring.rule.Scores`.
    bits: Floats
    known: Flags
    counted: Flags

    @property
    def damage(self) -> Numbers:
        """Class of what is left of the text."""
        return damage_of(
            self.similarity,
            self.containment,
            self.columns["pieces"].to_numpy(zero_copy_only=False),
        )

    @property
    def said_to(self) -> Numbers:
        """Where each match would end without the code points that readers left out."""
        return self.end - self.columns["left_out"].to_numpy()

    @property
    def score(self) -> Floats:
        """Bits, 0 where not known."""
        return np.nan_to_num(self.bits)

    @property
    def nearly(self) -> Flags:
        """Whether each match is word for word or nearly."""
        pieces = self.columns["pieces"].to_numpy(zero_copy_only=False)
        return nearly_verbatim(self.similarity, self.containment) & ~pieces

    def findings(self, least: float = -np.inf) -> Flags:
        """Which matches are findings of so many bits or more."""
        return (
            self.counted if least == -np.inf else self.counted & (self.score >= least)
        )


@dataclass(frozen=True)
class Matched:
    """Matches, and the texts that were found, in arrays of one entry each."""

    rows: PartRows
    text: Numbers  # Its number in the reader.
    scores: TextScores
    params: FindingParams  # What makes a match a finding.
    authorship: Authorship
    tweets: Floats
    control: Flags

    @classmethod
    def of(cls, rows: PartRows, scorer: Scorer, controls: Controls) -> Matched:
        found = np.zeros(len(controls.absent), np.bool_)
        for columns, _ in rows.batches(["text"]):
            found[columns["text"].to_numpy()] = True
        text = np.flatnonzero(found)
        tweets = controls.reader.tweet_counts(text).astype(np.float64)
        return cls(
            rows,
            text,
            scorer.texts(text),
            scorer.params,
            authorship(controls.reader, text),
            tweets,
            controls.absent[text],
        )

    @cached_property
    def _few(self) -> list[Batch] | None:
        """All matches where they are one batch, since there are many passes over
        them.
        """
        few = sum(part.matches for part in self.rows.parts) <= BATCH
        return list(self._read(None, ["level"])) if few else None

    def batches(
        self, source: str | None = None, more: Sequence[str] = ()
    ) -> Iterator[Batch]:
        """All matches, or those in one dataset; with `more` columns."""
        few = self._few if source is None and set(more) <= {"level"} else None
        yield from self._read(source, more) if few is None else few

    def _read(self, source: str | None, more: Sequence[str]) -> Iterator[Batch]:
        low, record, number, last = 0, -1, -1, (-1, -1, "")
        for columns, split in self.rows.batches(
            list(dict.fromkeys([*NEEDED, *more])), source
        ):
            names = columns["field"].dictionary_encode()
            known = ["", *names.dictionary.to_pylist()]
            name = (
                names.indices.fill_null(-1)
                .to_numpy(zero_copy_only=False)
                .astype(np.int64)
                + 1
            )
            own = columns["record"].to_numpy()
            other = np.append(True, (np.diff(split) != 0) | (np.diff(own) != 0))
            other[0] = (split[0], own[0]) != last[:2]
            differs = other | np.append(False, np.diff(name) != 0)
            differs[0] |= known[name[0]] != last[2]
            records, fields = record + np.cumsum(other), number + np.cumsum(differs)
            similarity, containment = (
                columns[key].to_numpy().astype(np.float64) for key in NEEDED[4:6]
            )
            place = np.searchsorted(self.text, columns["text"].to_numpy())
            whole = columns["whole"].to_numpy(zero_copy_only=False)
            span = (
                columns["end"].to_numpy()
                - columns["start"].to_numpy()
                - columns["left_out"].to_numpy()
            )
            scores = self.scores.matches(
                Scored(place, containment, similarity, whole, span), self.params
            )
            yield Batch(
                columns,
                low,
                split,
                place,
                records,
                fields,
                columns["start"].to_numpy(),
                columns["end"].to_numpy(),
                similarity,
                containment,
                whole,
                *scores,
            )
            low, record, number = low + len(own), int(records[-1]), int(fields[-1])
            last = (int(split[-1]), int(own[-1]), known[name[-1]])


class Sum(NamedTuple):
    """What some matches amount to."""

    records: Numbers  # [splits]
    copies: Numbers  # [texts], different records of each.
    covered: CoveredCounter | None = (
        None  # Code points under them, where these were counted.
    )

    @property
    def texts(self) -> int:
        return int(np.count_nonzero(self.copies))

    def of(self, texts: Flags, records: Numbers) -> Sum:
        """The share of it that some texts have, which stand in so many records."""
        return Sum(records, np.where(texts, self.copies, 0))


class Amount:
    """Adds up matches that come a batch at a time."""

    def __init__(self, matched: Matched) -> None:
        splits = len(matched.rows.parts)
        self.matches = np.zeros(splits, np.int64)
        self._records, self._copies = (
            RecordCounter(splits),
            RecordCounter(len(matched.text)),
        )
        self._covered = CoveredCounter()

    def add(self, batch: Batch, which: Flags) -> None:
        rows = np.flatnonzero(which)
        np.add.at(self.matches, batch.split[rows], 1)
        self._records.add(batch.split[rows], batch.record[rows])
        self._copies.add(batch.place[rows], batch.record[rows])
        self._covered.add(batch.field[rows], batch.start[rows], batch.said_to[rows])

    @property
    def found(self) -> Sum:
        return Sum(self._records.count, self._copies.count, self._covered)


class TextFindings:
    """Of each text its findings of so many bits or more: how many, the first one, the
    best score, and their code points, [texts].
    """

    def __init__(self, matched: Matched, least: float = -np.inf) -> None:
        self.least = least
        texts = len(matched.text)
        self.count = np.zeros(texts, np.int64)
        self.first = np.full(texts, np.iinfo(np.int64).max)
        self.best = np.full(texts, -np.inf)
        self.characters = np.zeros(texts)

    def add(self, batch: Batch) -> None:
        rows = np.flatnonzero(batch.findings(self.least))
        place = batch.place[rows]
        np.add.at(self.count, place, 1)
        np.minimum.at(self.first, place, rows + batch.low)
        np.maximum.at(self.best, place, batch.score[rows])
        np.add.at(
            self.characters,
            place,
            (batch.said_to[rows] - batch.start[rows]).astype(np.float64),
        )


class Sums:
    """What one pass over matches adds up.

    Of the matches of licensed texts: all (`licensed`), the findings (`findings`), those
    of them that are nearly verbatim (`nearly`), and those of each strength
    (`STRENGTHS`) whose chance is measured (`claimable`). Of each text of the dataset or
    the control its findings of each strength (`of_texts`), and how many matches are of
    control texts.
    """

    def __init__(self, matched: Matched, claimable: Flags) -> None:
        self._matched, self._claimable = matched, claimable
        self.licensed, self.findings, self.nearly = (Amount(matched) for _ in range(3))
        self.claimable = [Amount(matched) for _ in STRENGTHS]
        self.of_texts = [TextFindings(matched, least) for least in STRENGTHS]
        self.control = 0

    def add(self, batch: Batch) -> None:
        control = self._matched.control[batch.place]
        self.control += int(np.count_nonzero(control))
        self.licensed.add(batch, ~control)
        self.findings.add(batch, ~control & batch.counted)
        self.nearly.add(batch, ~control & batch.counted & batch.nearly)
        claimable = self._claimable[batch.place]
        for least, amount, of_texts in zip(
            STRENGTHS, self.claimable, self.of_texts, strict=True
        ):
            amount.add(batch, claimable & batch.findings(least))
            of_texts.add(batch)


class Coding(NamedTuple):
    """Groups of texts whose records are counted."""

    codes: Numbers  # [texts], the group of each; below 0 for texts that are left out.
    findings: bool = True  # Whether only findings are counted.
    least: float = -np.inf  # Their bits, at least.
    groups: int = 0  # How many groups there are, if not all of them have texts.

    @property
    def size(self) -> int:
        return max(self.groups, int(self.codes.max(initial=-1)) + 1)


def record_counts(
    matched: Matched, codings: Sequence[Coding], *, by_split: bool = False
) -> list[Numbers]:
    """Different records of each group of each coding: int64[groups] or [groups,
    splits].
    """
    splits = len(matched.rows.parts) if by_split else 1
    counters = [RecordCounter(coding.size * splits) for coding in codings]
    for batch in matched.batches() if codings else ():
        for coding, counter in zip(codings, counters, strict=True):
            group = coding.codes[batch.place]
            rows = np.flatnonzero(
                (group >= 0) & (batch.findings(coding.least) | (not coding.findings))
            )
            number = group[rows] * splits + (batch.split[rows] if by_split else 0)
            counter.add(number, batch.record[rows])
    return [
        counter.count.reshape(-1, splits) if by_split else counter.count
        for counter in counters
    ]


@dataclass(frozen=True)
class NullScan:
    """Matches in a null dataset, and its size."""

    rows: PartRows
    # Scanned.
    records: int
    characters: int
    sources: tuple[str, ...]  # What the user named.
    skipped: dict[str, int]  # Records that were not scanned, by reason.
    # bool[scripts]: it has enough text in the script, beside the dataset; where no
    # carrier records are kept, always.
    scripts: Flags = field(default_factory=lambda: np.ones(len(SCRIPTS), np.bool_))
    notes: dict[str, int] = field(
        default_factory=dict
    )  # What was noticed of the records.
    # Code points of random samples of the records of the dataset and of the null
    # dataset, to compare their kinds.
    lengths: tuple[Numbers, Numbers] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
