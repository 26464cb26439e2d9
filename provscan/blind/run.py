"""The files of a blind or a revealed run, and the words in them.

:mod:`provscan.blind.match` and :mod:`provscan.blind.reveal` make the contents, and
:func:`write_run` writes them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan import __version__
from provscan.blind.params import BlindLimits
from provscan.matching.matches import LEVELS, MATCHES
from provscan.matching.part_files import PASSAGE
from provscan.names import counted
from provscan.runs.evidence.tables import ADDED, CANDIDATE
from provscan.runs.folder import (
    EVIDENCE_FILE,
    MATCHES_FILE,
    PASSAGES_FILE,
    write_summary,
)

# Lists show these words in place of the rarity: for a match that counts, and for any
# other match.
WORDING = ["not measured", "not yet compared with the tweet"]
REVEALED_WORDING = [
    "confirmed by the full index",
    "not confirmed by the full index",
]
FOUND = pa.schema([*MATCHES, *PASSAGE])
VERSION = 1
MISSED = (
    f"Copies of fewer than {BlindLimits.min_chars} characters, copies of only a part "
    "of a tweet, and copies of wording that many tweets share are not found. About "
    "half of the heavily edited copies (every few words changed, dropped or mistyped, "
    "or halves swapped) are not found."
)
COSTS = (
    "The index contains no texts, so similarity and containment are estimates from "
    f"sketches. {MISSED}",
    "Neither chance nor recall is measured, so the rows are candidates and no "
    "estimate is made.",
    "No row is evidence until the owner of the full index has compared its passage "
    "with the tweet (provscan reveal).",
)
# Notes of a revealed run.
REVEALED_COSTS = (
    f"The data was scanned with an index that contains no texts. {MISSED}",
    "Neither chance nor recall is measured, so no estimate is made.",
    "Only rows that the full index confirms are counted and have evidence; the others "
    "remain in matches.parquet.",
)


class RunContents(NamedTuple):
    """The contents of a blind or a revealed run."""

    rows: pa.Table  # Columns ``FOUND``.
    counted: np.ndarray  # bool[rows]: whether the full index confirmed the row.
    evidence: pa.Table
    summary: dict[str, Any]  # ``summary.json``.
    info: dict[str, Any]  # ``run.json``.


def _totals(table: pa.Table) -> dict[str, int]:
    """Return the numbers of matches, of records that have one, and of their tweets."""
    return {
        "matches": len(table),
        "records_matched": len(table.group_by(["source", "record"]).aggregate([])),
        "texts_found": pc.count_distinct(table["tweet_id"]).as_py(),
    }


def headline(table: pa.Table) -> str:
    """Return the numbers of matches, tweets and records in words."""
    matches, records, tweets = _totals(table).values()
    return (
        f"{counted(matches, 'match')} of {counted(tweets, 'tweet')} in "
        f"{counted(records, 'record')}"
    )


def answer(sentence: str, costs: tuple[str, ...]) -> dict[str, Any]:
    """Return the answer of a summary."""
    return {
        "headline": sentence,
        "warnings": [{"code": "blind", "message": costs[1]}],
    }


def counts_of(table: pa.Table) -> dict[str, Any]:
    """Return the entries of a summary that follow from the rows."""
    levels = {
        row["values"]: row["counts"]
        for row in pc.value_counts(table["level"]).to_pylist()
    }
    return {
        **_totals(table),
        "version": VERSION,
        "blind": {"costs": list(COSTS)},
        "wording": WORDING,
        "levels": {level: levels.get(level, 0) for level in LEVELS},
        "counted": {"matches": 0},
        "answer": answer(f"{headline(table)}, not yet compared with the tweets", COSTS),
    }


def write_run(
    folder: Path, contents: RunContents
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the files of a run except the report, and return ``summary.json`` and
    ``run.json``.
    """
    table, counted, evidence, summary, info = contents
    nothing = np.zeros(len(table), np.bool_)
    scored = pa.table(
        [
            *table.select(MATCHES.names).columns,
            pa.nulls(len(table), pa.float32()),
            pa.nulls(len(table), pa.float64()),
            *[pa.array(nothing)] * 3,
            pa.array(counted),
            *(pa.nulls(len(table), column.type) for column in CANDIDATE),
        ],
        schema=pa.schema([*MATCHES, *ADDED, *CANDIDATE]),
    )
    pq.write_table(scored, folder / MATCHES_FILE, compression="zstd")
    pq.write_table(table, folder / PASSAGES_FILE, compression="zstd")
    pq.write_table(evidence, folder / EVIDENCE_FILE, compression="zstd")
    info = {
        **info,
        "version": VERSION,
        "blind": True,
        "folder": os.getcwd(),
        "versions": {"provscan": __version__},
    }
    write_summary(folder, summary, info, (MATCHES_FILE, EVIDENCE_FILE, PASSAGES_FILE))
    return summary, info
