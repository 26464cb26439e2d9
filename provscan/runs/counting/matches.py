"""The matches of a scan with their scores, read from part files in batches.

A run may have more matches than fit in memory, so :func:`score_matches` scores them
once and writes the scores to a temporary file, which every pass
(:meth:`ScoredMatches.batches`) reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.arrays import Flags, Floats, Numbers
from provscan.calibration.controls import Controls
from provscan.estimate.damage import damage_of, nearly_verbatim
from provscan.matching.part_files import PART
from provscan.runs.scan.totals import ScanTotals
from provscan.scoring.authorship import Authorship, authorship
from provscan.scoring.rule import MatchTraits, Scorer, Scores, TextScores
from provscan.writing import temporary_name

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
    "inner_similarity",
    "left_out",
    "whole",
    "date",
)
# The columns that ``_scored`` adds.
_NUMBERS = ("split", "text_index", "record_number", "field_number")
_COMPUTED = (*_NUMBERS, *Scores._fields)
SCORED = pa.schema(
    [
        *(PART.field(name) for name in NEEDED),
        *(pa.field(name, pa.int64()) for name in _NUMBERS),
        pa.field("bits", pa.float64()),
        *(pa.field(name, pa.bool_()) for name in Scores._fields[1:]),
    ]
)


class Batch(NamedTuple):
    """Consecutive matches; each column has one entry per match."""

    columns: pa.RecordBatch  # NEEDED, and the columns of ``_scored``.
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

    @property
    def alike(self) -> Flags:
        """Whether each match is nearly verbatim, disregarding words beside it."""
        inner = self.columns["inner_similarity"].to_numpy()
        alike = self.nearly | nearly_verbatim(inner, self.containment)
        return alike & ~self.flags("pieces")

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
    file: pa.NativeFile  # The matches with their scores, in Arrow's file format.
    source: str | None = None  # Only matches in this dataset are read.

    def of_source(self, source: str) -> ScoredMatches:
        """Return the matches in one dataset."""
        return replace(self, source=source)

    def batches(self) -> Iterator[Batch]:
        """Yield all matches in order."""
        stored, low = pa.ipc.open_file(self.file), 0
        in_source = np.array(
            [self.source in (None, part.source) for part in self.scanned.parts]
        )
        for number in range(stored.num_record_batches):
            rows = stored.get_batch(number)
            if self.source is not None:
                rows = rows.filter(pa.array(in_source[rows["split"].to_numpy()]))
            columns = {name: rows[name].to_numpy(False) for name in _COMPUTED}
            yield Batch(
                columns=rows,
                low=low,
                record=columns.pop("record_number"),
                field=columns.pop("field_number"),
                similarity=rows["similarity"].to_numpy().astype(np.float64),
                containment=rows["containment"].to_numpy().astype(np.float64),
                **columns,
            )
            low += len(rows)


def _scored(
    scanned: ScanTotals, text: Numbers, texts: TextScores
) -> Iterator[pa.RecordBatch]:
    """Yield all matches in order, with their scores and the numbers of their records
    and fields.
    """
    record, field, last = -1, -1, (-1, -1, "")
    for columns, split in scanned.batches(NEEDED):
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
        text_index = np.searchsorted(text, columns["text"].to_numpy())
        start, end, left_out, *stretch = (
            columns[name].to_numpy()
            for name in (
                *("start", "end", "left_out"),
                *("copied_from", "copied_to", "copied"),
            )
        )
        scores = texts.matches(
            MatchTraits(
                text_index,
                columns["containment"].to_numpy().astype(np.float64),
                columns["whole"].to_numpy(zero_copy_only=False),
                end - start - left_out,
                np.column_stack(stretch),
            )
        )
        for key, values in zip(
            _COMPUTED, (split, text_index, records, fields, *scores), strict=True
        ):
            columns = columns.append_column(key, pa.array(values))
        yield columns
        record, field = int(records[-1]), int(fields[-1])
        last = (int(split[-1]), int(in_source[-1]), names_of[code[-1]])


def score_matches(
    scanned: ScanTotals, scorer: Scorer, controls: Controls
) -> ScoredMatches:
    """Determine the found texts in a pass over one column, score them, and score the
    matches in a second pass.
    """
    found = np.zeros(len(controls.control), np.bool_)
    for columns, _ in scanned.batches(["text"]):
        found[columns["text"].to_numpy()] = True
    text = np.flatnonzero(found)
    texts = scorer.texts(text)
    path = scanned.folder / temporary_name()
    try:
        with pa.ipc.new_file(str(path), SCORED) as written:
            for batch in _scored(scanned, text, texts):
                written.write_batch(batch)
        # An open file can be read after it is removed.
        scored = pa.OSFile(str(path))
    finally:
        path.unlink(missing_ok=True)
    return ScoredMatches(
        scanned,
        text,
        texts,
        authorship(controls.reader, text),
        controls.reader.tweet_counts(text).astype(np.float64),
        controls.control[text],
        scored,
    )
