"""The matches of a scan with their scores, read from part files in batches.

A run may have more matches than fit in memory, so only a few numbers for each found
licensed text are kept (:class:`ScoredMatches`); each pass over the part files computes
the scores of the matches again from these numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.arrays import Flags, Floats, Numbers
from provscan.calibration.controls import Controls
from provscan.estimate.damage import damage_of, nearly_verbatim
from provscan.runs.scan.totals import ScanTotals
from provscan.scoring.authorship import Authorship, authorship
from provscan.scoring.rule import MatchTraits, Scorer, TextScores

# The columns of the part files that scores and counts are computed from.
NEEDED = (
    "record",
    "field",
    "start",
    "end",
    "level",
    "similarity",
    "containment",
    "text",
    "copied_from",
    "copied_to",
    "copied",
    "pieces",
    "left_out",
    "whole",
)


class Batch(NamedTuple):
    """Consecutive matches; each column has one entry per match."""

    columns: pa.RecordBatch  # Columns of the part files.
    low: int  # Number of the first match of the batch.
    split: Numbers
    text_index: Numbers  # Index of the licensed text in ``ScoredMatches.text``.
    # Numbers of the record and of the field, counted from 0 among those with matches.
    record: Numbers
    field: Numbers
    similarity: Floats
    containment: Floats
    # See ``provscan.scoring.rule.Scores``. The column ``counted`` of
    # ``matches.parquet`` marks only the findings of licensed texts.
    bits: Floats
    common: Flags
    known: Flags
    passes_rule: Flags

    def flags(self, name: str) -> Flags:
        """Return a boolean column as an array."""
        result: Flags = self.columns[name].to_numpy(zero_copy_only=False)
        return result

    @property
    def start(self) -> Numbers:
        result: Numbers = self.columns["start"].to_numpy()
        return result

    @property
    def end(self) -> Numbers:
        """The end of each match, minus the code points that readers left out of it."""
        result: Numbers = (
            self.columns["end"].to_numpy() - self.columns["left_out"].to_numpy()
        )
        return result

    @property
    def score(self) -> Floats:
        """The bits of each match, 0 if unknown."""
        return np.nan_to_num(self.bits)

    @property
    def damage(self) -> Numbers:
        """The class of damage of each match."""
        return damage_of(self.similarity, self.containment, self.flags("pieces"))

    @property
    def nearly(self) -> Flags:
        """Whether each match is verbatim or nearly verbatim."""
        nearly = nearly_verbatim(self.similarity, self.containment)
        return nearly & ~self.flags("pieces")

    def findings(self, least: float) -> Flags:
        """Return which matches are findings of at least this many bits."""
        return self.passes_rule & (self.score >= least)


@dataclass(frozen=True)
class ScoredMatches:
    """Matches, and the properties of the licensed and control texts that they found,
    one entry per text.
    """

    scanned: ScanTotals
    text: Numbers  # Number of the text in the reader, ascending.
    scores: TextScores
    authorship: Authorship
    tweets: Floats  # Number of tweets with the text.
    control: Flags  # The text is a control.
    source: str | None = None  # Only matches in this dataset are read.

    @property
    def count(self) -> int:
        return self.scanned.match_count(self.source)

    def of_source(self, source: str) -> ScoredMatches:
        """Return the matches in one dataset."""
        return replace(self, source=source)

    def batches(self, names: Sequence[str] = NEEDED) -> Iterator[Batch]:
        """Yield all matches in order, with the given columns of the part files."""
        low, record, field, last = 0, -1, -1, (-1, -1, "")
        for columns, split in self.scanned.batches(names, self.source):
            # Number the records and the fields. The numbers continue from the previous
            # batch, whose last record may continue in this one.
            in_source = columns["record"].to_numpy()
            name = columns["field"].fill_null("").dictionary_encode()
            names_of, code = name.dictionary.to_pylist(), name.indices.to_numpy()
            new_record = (np.diff(split) != 0) | (np.diff(in_source) != 0)
            new_record = np.append((split[0], in_source[0]) != last[:2], new_record)
            new_field = new_record | np.append(
                names_of[code[0]] != last[2], np.diff(code) != 0
            )
            records = record + new_record.cumsum()
            fields = field + new_field.cumsum()
            # Score the matches.
            text_index = np.searchsorted(self.text, columns["text"].to_numpy())
            similarity, containment = (
                columns[key].to_numpy().astype(np.float64)
                for key in ("similarity", "containment")
            )
            span = (
                columns["end"].to_numpy()
                - columns["start"].to_numpy()
                - columns["left_out"].to_numpy()
            )
            stretch = np.column_stack(
                [
                    columns[name].to_numpy()
                    for name in ("copied_from", "copied_to", "copied")
                ]
            )
            whole = columns["whole"].to_numpy(zero_copy_only=False)
            scores = self.scores.matches(
                MatchTraits(text_index, containment, whole, span, stretch),
            )
            yield Batch(
                columns=columns,
                low=low,
                split=split,
                text_index=text_index,
                record=records,
                field=fields,
                similarity=similarity,
                containment=containment,
                **scores._asdict(),
            )
            low, record, field = (
                low + len(text_index),
                int(records[-1]),
                int(fields[-1]),
            )
            last = (int(split[-1]), int(in_source[-1]), names_of[code[-1]])


def score_matches(
    scanned: ScanTotals, scorer: Scorer, controls: Controls
) -> ScoredMatches:
    """Determine the found texts in a pass over one column, and score them."""
    found = np.zeros(len(controls.control), np.bool_)
    for columns, _ in scanned.batches(["text"]):
        found[columns["text"].to_numpy()] = True
    text = np.flatnonzero(found)
    return ScoredMatches(
        scanned,
        text,
        scorer.texts(text),
        authorship(controls.reader, text),
        controls.reader.tweet_counts(text).astype(np.float64),
        controls.control[text],
    )
