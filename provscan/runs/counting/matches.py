"""The matches of a scan with their scores, as columns in memory: about 100 bytes a
match, a third of what the report needs. :func:`score_matches` reads and scores them
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Flags, Floats, Numbers
from provscan.calibration.controls import Controls
from provscan.estimate.damage import damage_of, nearly_verbatim
from provscan.matching import LEVELS
from provscan.matching.part_files import PART
from provscan.runs.scan.totals import ScanTotals
from provscan.scoring.authorship import Authorship, authorship
from provscan.scoring.rule import MatchTraits, Scorer, TextScores

STRETCH = ("copied_from", "copied_to", "copied")
# The columns of the part files that scores and counts are computed from.
NEEDED = (
    *("record", "field", "start", "end", "left_out", "level", "date", "text"),
    *("similarity", "containment", "inner_similarity", "pieces", "whole"),
    *STRETCH,
)
# The date of a record without one.
NO_DATE = np.iinfo(np.int64).min


class MatchRows(NamedTuple):
    """Matches in the order of the dataset; each column has one entry per match."""

    split: Numbers
    text_index: Numbers  # Index of the licensed text in ``ScoredMatches.text``.
    # Consecutive ids of the records, and of the fields, that have matches; and the
    # position of the record in its source.
    record: Numbers
    field: Numbers
    in_source: Numbers
    start: Numbers
    end: Numbers  # Without the code points that readers left out of the match.
    level: Numbers  # Index of ``provscan.matching.LEVELS``.
    date: Numbers  # Milliseconds since 1970, or ``NO_DATE``.
    similarity: Floats
    containment: Floats
    inner_similarity: Floats
    pieces: Flags
    whole: Flags
    # See ``provscan.scoring.rule.Scores``. The column ``counted`` of
    # ``matches.parquet`` marks only the findings of licensed texts.
    bits: Floats
    common: Flags
    known: Flags
    passes_rule: Flags

    @property
    def score(self) -> Floats:
        """The bits of each match, 0 if unknown."""
        return np.nan_to_num(self.bits)

    @property
    def damage(self) -> Numbers:
        """The class of damage of each match."""
        return damage_of(self.similarity, self.containment, self.pieces)

    @property
    def nearly(self) -> Flags:
        """Whether each match is verbatim or nearly verbatim."""
        return nearly_verbatim(self.similarity, self.containment) & ~self.pieces

    @property
    def alike(self) -> Flags:
        """Whether each match is nearly verbatim, disregarding words beside it."""
        inner = nearly_verbatim(self.inner_similarity, self.containment)
        return self.nearly | (inner & ~self.pieces)

    def findings(self, least: float) -> Flags:
        """Return which matches are findings of at least this many bits."""
        return self.passes_rule & (self.score >= least)


@dataclass(frozen=True)
class ScoredMatches:
    """Matches, and the properties of the licensed and control texts that they found,
    one entry per text.
    """

    scanned: ScanTotals
    rows: MatchRows
    text: Numbers  # Id of the text in the reader, ascending.
    scores: TextScores
    authorship: Authorship
    tweets: Floats  # Number of tweets with the text.
    control: Flags  # The text is a control.


def score_matches(
    scanned: ScanTotals, scorer: Scorer, controls: Controls
) -> ScoredMatches:
    """Read one column of the matches to find and score their texts, and then all
    columns to score the matches, batch by batch.
    """
    found = np.zeros(len(controls.control), np.bool_)
    for columns, _ in scanned.batches(["text"]):
        found[columns["text"].to_numpy()] = True
    text = np.flatnonzero(found)
    texts, fields = scorer.texts(text), dict[str, int]()
    # Without any match, an empty batch gives the types of the columns.
    schema = pa.schema([PART.field(name) for name in NEEDED])
    parts = [_scored(_empty(schema), np.zeros(0, np.int64), text, texts, fields)]
    parts += [
        _scored(columns, split, text, texts, fields)
        for columns, split in scanned.batches(NEEDED)
    ]
    rows = MatchRows(*map(np.concatenate, zip(*parts, strict=True)))
    new_record = _changes(rows.split) | _changes(rows.in_source)
    new_field = new_record | _changes(rows.field)
    return ScoredMatches(
        scanned,
        rows._replace(record=new_record.cumsum() - 1, field=new_field.cumsum() - 1),
        text,
        texts,
        authorship(controls.reader, text),
        controls.reader.tweet_counts(text).astype(np.float64),
        controls.control[text],
    )


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema)


def _changes(values: Numbers) -> Flags:
    """Return which values are the first, or differ from the one before."""
    changes: Flags = np.diff(values, prepend=values[:1] - 1) != 0
    return changes


def _scored(
    columns: pa.RecordBatch,
    split: Numbers,
    text: Numbers,
    texts: TextScores,
    fields: dict[str, int],
) -> MatchRows:
    """Return a batch of matches with their scores. ``fields`` maps names of fields to
    ids, and grows. The caller fills in the ids of records.
    """
    name = columns["field"].fill_null("").dictionary_encode()
    known = [
        fields.setdefault(each, len(fields)) for each in name.dictionary.to_pylist()
    ]
    column = {
        name: columns[name].to_numpy(zero_copy_only=False)
        for name in NEEDED
        if name not in ("field", "level", "date")
    }
    text_index = np.searchsorted(text, column["text"])
    end = column["end"] - column["left_out"]
    containment = column["containment"].astype(np.float64)
    traits = MatchTraits(
        text_index,
        containment,
        column["whole"],
        end - column["start"],
        np.column_stack([column[name] for name in STRETCH]),
    )
    level = pc.index_in(columns["level"], pa.array(LEVELS)).to_numpy(False)
    return MatchRows(
        split=split,
        text_index=text_index,
        record=np.zeros(len(split), np.int64),
        field=np.array(known, np.int64)[name.indices.to_numpy()],
        in_source=column["record"],
        start=column["start"],
        end=end,
        level=level,
        date=columns["date"].fill_null(NO_DATE).to_numpy(),
        similarity=column["similarity"].astype(np.float64),
        containment=containment,
        inner_similarity=column["inner_similarity"],
        pieces=column["pieces"],
        whole=column["whole"],
        **texts.matches(traits)._asdict(),
    )
