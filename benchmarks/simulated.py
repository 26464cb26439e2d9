"""Simulates scans with a known truth, for ``coverage.py`` and ``claims.py``.

All texts are scanned once (:class:`Pool`), and the matches of each simulated scan are
drawn from the result, so that thousands of scans are affordable. :class:`Corpus` is an
index with texts without tweets, :class:`Controlled` the same with one of its controls.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unicodedata import east_asian_width

import numpy as np
import pyarrow as pa

import provscan
from provscan.calibration.controls import Controls, no_control, with_files
from provscan.calibration.spike_ins import CARRIERS, FEWEST, Recovered, SpikeIns
from provscan.matching import LEVELS, copied_wording, scan_texts
from provscan.matching.part_files import PART, PartResult
from provscan.matching.record_samples import CarrierRecord
from provscan.options import MatchOptions
from provscan.params import MatchParams
from provscan.readers import Fields
from provscan.runs.answer.entry import answer_of
from provscan.runs.answer.layers import layers_of
from provscan.runs.answer.reasons import reasons
from provscan.runs.counting.matches import NEEDED
from provscan.runs.counting.strata import TextSamples, sample_texts
from provscan.runs.measures.analysis import (
    Measured,
    ScoredScan,
    measure,
    plant_and_scan,
)
from provscan.runs.scan.totals import ScanTotals
from provscan.scoring.background import background
from provscan.scoring.rule import Scorer
from provscan.text_buffers import buffers

PARAMS = MatchParams()
OPTIONS = MatchOptions(workers=1)


class Sample(NamedTuple):
    """The matches in a number of records, and the texts of all of these records."""

    columns: dict[str, np.ndarray]
    lengths: np.ndarray
    texts: np.ndarray

    def with_more(self, other: Sample) -> Sample:
        """Return the sample followed by the records of another one."""
        new = {**other.columns, "record": other.columns["record"] + len(self.lengths)}
        return Sample(
            {name: np.concatenate([self.columns[name], new[name]]) for name in new},
            np.concatenate([self.lengths, other.lengths]),
            np.concatenate([self.texts, other.texts]),
        )

    def scan(self, number: int, source: str, folder: Path) -> ScanTotals:
        """Write the matches as the scan of a split writes them."""
        part = PartResult(
            number,
            source,
            matches=len(self.columns["record"]),
            records=len(self.lengths),
            characters=int(self.lengths.sum()),
        )
        same = {
            name: pa.repeat(pa.scalar(value), part.matches)
            for name, value in (("field", "text"), ("level", LEVELS[0]))
            if name not in self.columns
        }
        same["date"] = pa.nulls(part.matches, pa.int64())
        schema = pa.schema([PART.field(name) for name in NEEDED])
        table = pa.table({**self.columns, **same}).select(schema.names).cast(schema)
        with pa.ipc.new_file(str(part.matches_file(folder)), table.schema) as file:
            file.write_table(table)
        # Records are in random order, except that copies may follow them.
        rows = np.linspace(0, len(self.texts) - 1, min(CARRIERS, len(self.texts)))
        records = carriers(self.texts[rows.astype(int)].tolist())
        return ScanTotals(folder, [part], part.stats, records, [])


def carriers(texts: list[str]) -> list[CarrierRecord]:
    return [CarrierRecord(i, len(t), t[:4096], 1) for i, t in enumerate(texts)]


class Pool:
    """The matches in texts that were scanned once."""

    def __init__(self, texts: list[str], controls: Controls) -> None:
        found = scan_texts(
            *buffers(pa.array(texts, pa.large_string())), controls.reader, PARAMS
        )
        self.lengths = np.array([len(text) for text in texts], np.int64)
        self.texts = np.array(texts, object)
        self.columns = {
            "start": found.span[:, 0],
            "end": found.span[:, 1],
            "text": found.text,
            "similarity": found.similarity.astype(np.float32),
            "containment": found.containment.astype(np.float32),
        }
        spans = zip(found.row.tolist(), *found.span.T.tolist(), strict=True)
        passages = pa.array(
            [texts[row][low:high] for row, low, high in spans], pa.large_string()
        )
        copied = copied_wording(*buffers(passages), found.text, controls.reader)
        self.columns["pieces"] = copied.pieces
        self.columns["inner_similarity"] = copied.similarity
        names = "copied_from", "copied_to", "copied"
        self.columns |= dict(zip(names, copied.stretch.T, strict=True))
        self.columns["left_out"] = np.zeros(len(found.text), np.int64)
        self.columns["whole"] = found.whole
        self.first = np.searchsorted(found.row, np.arange(len(texts) + 1))

    def drawn(self, rows: np.ndarray) -> Sample:
        """Return some of the texts as records that are numbered from 0."""
        counts = self.first[rows + 1] - self.first[rows]
        record = np.repeat(np.arange(len(rows)), counts)
        at = (
            np.arange(len(record))
            - np.repeat(np.cumsum(counts) - counts, counts)
            + self.first[rows][record]
        )
        columns = {name: values[at] for name, values in self.columns.items()}
        columns = {"record": record, **columns}
        return Sample(columns, self.lengths[rows], self.texts[rows])


@dataclass
class Controlled:
    """A corpus with one of its controls, and all texts that were scanned for both."""

    controls: Controls
    corpus: Corpus

    @cached_property
    def scorer(self) -> Scorer:
        return Scorer(
            self.controls.reader,
            background(self.controls.licensed),
            self.controls.repeated,
        )

    @cached_property
    def samples(self) -> TextSamples:
        return sample_texts(self.controls, self.scorer.background, PARAMS.min_chars, 1)

    @cached_property
    def records(self) -> Pool:
        return Pool(self.corpus.background, self.controls)

    @cached_property
    def documents(self) -> Pool:
        return Pool(self.corpus.documents, self.controls)

    @cached_property
    def null(self) -> Pool:
        return Pool(self.corpus.null, self.controls)

    @cached_property
    def spiked(self) -> tuple[SpikeIns, Recovered]:
        return self.spike_ins(self.corpus.background, 1)[0]

    @cached_property
    def spiked_inside(self) -> tuple[SpikeIns, Recovered]:
        return self.spike_ins(self.corpus.documents, 1)[0]

    def spike_ins(
        self, texts: list[str], sets: int
    ) -> list[tuple[SpikeIns, Recovered]]:
        """Plant several sets of spike-ins in some of the texts, and search them."""
        result = []
        for seed in range(sets):
            rng = Random(seed)
            drawn = carriers(rng.sample(texts, min(CARRIERS, len(texts))))
            planted = plant_and_scan(
                self.controls, drawn, FEWEST, OPTIONS, self.scorer, draw=seed
            )
            result.append(planted)
        return result


@dataclass
class Corpus:
    """An index, its controls, and texts without tweets."""

    licensed: list[dict[str, Any]]
    index: provscan.Index
    background: list[str]
    documents: list[str]
    null: list[str]
    distinct: dict[str, str]
    controlled: dict[str, Controlled] = field(default_factory=dict)


def covered(text: str) -> bool:
    """Return whether a canonical text is long enough for a match, as the README says:
    25 characters, of which a Chinese character, a kana or a Korean syllable counts as
    two.
    """
    return sum(1 + (east_asian_width(char) in "WF") for char in text) >= 25


def placed(copy: str, document: str, rng: Random) -> str:
    """Place a copy inside a document."""
    at = rng.choice(
        [0, *(i for i, c in enumerate(document) if c.isspace()), len(document)]
    )
    return f"{document[:at]}\n{copy}\n{document[at:]}"


def answered(
    scores: ScoredScan,
    controls: Controls,
    options: MatchOptions = OPTIONS,
    null: ScanTotals | None = None,
) -> tuple[Measured, dict[str, Any]]:
    """Return what is measured from scored matches, and the answer that follows."""
    measured = measure(scores, controls, options, null)
    numbers = layers_of(measured)
    return measured, answer_of(measured, numbers, reasons(measured, numbers))


def control(
    index: provscan.Index, rows: list[dict[str, Any]], folder: Path
) -> Controls:
    """Scan the index with the tweets of a control."""
    path = folder.with_suffix(".jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return with_files(no_control(index.reader), [str(path)], Fields(), folder, 2)[0]
