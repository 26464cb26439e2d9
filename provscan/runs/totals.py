"""What the parts hold, put together: one table of matches, one summary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.index import IndexReader
from provscan.matching import LEVELS, MATCHES
from provscan.matching.parts import SCANNED, PartResult
from provscan.runs.analysis import SCORED
from provscan.runs.inputs import Inputs
from provscan.runs.scan import ScanTotals

SUMMARY_VERSION = 1
ROW_GROUP = 1 << 17
COLLECTED = SCANNED.append(pa.field("cluster", pa.int64()))


def collect(folder: Path, parts: list[PartResult]) -> pa.Table:
    """All part files as one table, mapped, in the order of the splits; ``cluster`` is the number of the split.

    Passages are left where they are: see :func:`read_parts`.
    """
    options = pa.ipc.IpcReadOptions(included_fields=list(range(len(SCANNED))))
    tables = [COLLECTED.empty_table()]
    for number, part in enumerate(parts):
        if part.matches:
            table = pa.ipc.open_file(pa.memory_map(str(part.matches_file(folder))), options=options).read_all()
            tables.append(table.append_column("cluster", pa.array(np.full(len(table), number, np.int64))))
    return pa.concat_tables(tables)


def read_parts(folder: Path, parts: list[PartResult]) -> Iterator[pa.RecordBatch]:
    """The rows of :func:`collect` with their passages, a batch at a time: read, not mapped, so that no more is held."""
    for part in parts:
        if part.matches:
            with pa.OSFile(str(part.matches_file(folder))) as file:
                stored = pa.ipc.open_file(file)
                for number in range(stored.num_record_batches):
                    yield stored.get_batch(number)


def write_matches(rows: pa.Table, added: pa.Table, flags: npt.NDArray[np.bool_], texts: pa.Table, target: Path) -> None:
    """``matches.parquet``: the columns of `rows` that belong there, `added`, and `texts` of the matches with a flag."""
    table = pa.table([*rows.select(MATCHES.names).columns, *added.columns], schema=SCORED)
    schema = pa.schema([*SCORED, *texts.schema])
    places = pa.array(np.cumsum(flags) - 1, mask=~flags)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for low in range(0, max(1, len(table)), ROW_GROUP):
            part = table.slice(low, ROW_GROUP)
            of_part = texts.take(places.slice(low, ROW_GROUP))
            writer.write_table(pa.table([*part.columns, *of_part.columns], schema=schema))


class RecordCounts:
    """Which rows of all matches belong to the same record, and to the same text of it.

    Rows are ordered by split, record, field and start, so that equal ones are neighbours.
    """

    def __init__(self, rows: pa.Table) -> None:
        self.cluster = rows["cluster"].to_numpy()
        record = rows["record"].to_numpy()
        self._record = np.cumsum(_changes(self.cluster) | _changes(record))
        field = rows["field"]
        other = np.zeros(len(field), np.bool_)
        if len(field):
            differs = pc.fill_null(pc.not_equal(field[1:], field[:-1]), False)
            other[1:] = differs.to_numpy()
        self._text = np.cumsum(_changes(self._record) | other)
        self._start, self._end = rows["start"].to_numpy(), rows["end"].to_numpy()

    def records(self, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """The split of each record that has one of some rows."""
        chosen = np.flatnonzero(which)
        found: npt.NDArray[np.int64] = self.cluster[chosen[_changes(self._record[chosen])]]
        return found

    def characters(self, which: npt.NDArray[np.bool_]) -> int:
        """Code points under some rows, each counted once."""
        chosen = np.flatnonzero(which)
        if len(chosen) == 0:
            return 0
        base = self._text[chosen] * (int(self._end[chosen].max()) + 1)
        start, end = self._start[chosen] + base, self._end[chosen] + base
        before = np.concatenate([[0], np.maximum.accumulate(end)[:-1]])
        return int(np.maximum(0, end - np.maximum(start, before)).sum())


def _changes(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a value differs from the one before it, and at the beginning."""
    changes = np.ones(len(values), np.bool_)
    changes[1:] = values[1:] != values[:-1]
    return changes


def summarise(
    rows: pa.Table,
    control: npt.NDArray[np.bool_],
    counted: npt.NDArray[np.bool_],
    totals: ScanTotals,
    inputs: Inputs,
    reader: IndexReader,
) -> dict[str, Any]:
    """The counts of ``summary.json``; matches of control texts are not among them.

    `control` marks the rows that are matches of a control text, `counted` the licensed matches that meet the rule.
    """
    counts = RecordCounts(rows)
    sources: dict[str, dict[str, Any]] = {}
    for part in totals.parts:
        entry = {"source": part.source, "records": 0, "records_matched": 0, "matches": 0}
        sources.setdefault(part.source, entry)["records"] += part.records
    size = len(totals.parts)
    matched = np.bincount(counts.records(~control), minlength=size)
    matches = np.bincount(counts.cluster[~control], minlength=size)
    for part, records, found in zip(totals.parts, matched.tolist(), matches.tolist(), strict=True):
        sources[part.source]["records_matched"] += records
        sources[part.source]["matches"] += found
    levels = pc.value_counts(rows["level"].filter(pa.array(~control))).to_pylist()
    by_level = {item["values"]: item["counts"] for item in levels}
    text = rows["text"].to_numpy()
    texts = np.unique(text[~control])
    held = len(counts.records(counted))
    characters_matched = counts.characters(~control)
    stats = totals.stats.as_dict()
    return {
        "version": SUMMARY_VERSION,
        "records": totals.records,
        "characters": totals.characters,
        "records_matched": int(matched.sum()),
        "share_of_records": _share(int(matched.sum()), totals.records),
        "matches": int(matches.sum()),
        "levels": {level: by_level.get(level, 0) for level in LEVELS},
        "texts_found": len(texts),
        "tweets_found": reader.count_tweets(texts),
        "characters_matched": characters_matched,
        "share_of_characters": _share(characters_matched, totals.characters),
        "counted": {
            "matches": int(np.count_nonzero(counted)),
            "records": held,
            "share_of_records": _share(held, totals.records),
            "texts": len(np.unique(text[counted])),
        },
        "sources": list(sources.values()),
        **{name: stats[name] for name in ("skipped", "repaired", "notes", "fields")},
        "examples": [
            {"source": case.source, "where": f"record {case.record}", "reason": f"{reason}: {case.detail}".rstrip(": ")}
            for reason, cases in sorted(totals.stats.examples.items())
            for case in cases
        ],
        "damaged": [
            {"source": damage.source, "records": damage.records, "problem": damage.reason}
            for damage in [*totals.stats.damaged, *inputs.changed()]
        ],
        **inputs.left_out(),
        "truncated": {"bands_cut": totals.truncated.bands_cut, "seeds_cut": totals.truncated.seeds_cut},
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
