"""What the splits found, put together: one table of matches, one summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.index import IndexReader
from provscan.matching import LEVELS, MATCHES, TruncatedLookups
from provscan.matching.task import PART, SplitResult
from provscan.readers import ReadStats
from provscan.scoring.rule import JUDGED

SUMMARY_VERSION = 1
ROW_GROUP = 1 << 17
COLLECTED = PART.append(pa.field("cluster", pa.int64()))


def collect(results: list[SplitResult]) -> pa.Table:
    """All part files as one table, mapped, in the order of the splits; ``cluster`` is the number of the split."""
    parts = [COLLECTED.empty_table()]
    for number, result in enumerate(results):
        if result.part.exists():
            part = pa.ipc.open_file(pa.memory_map(str(result.part))).read_all()
            parts.append(part.append_column("cluster", pa.array(np.full(len(part), number, np.int64))))
    return pa.concat_tables(parts)


def write_matches(rows: pa.Table, added: pa.Table, target: Path) -> None:
    """``matches.parquet``: the columns of `rows` that belong there, and `added` behind them."""
    table = pa.table([*rows.select(MATCHES.names).columns, *added.columns], schema=JUDGED)
    with pq.ParquetWriter(target, JUDGED, compression="zstd") as writer:
        for low in range(0, max(1, len(table)), ROW_GROUP):
            writer.write_table(table.slice(low, ROW_GROUP))


def summarise(
    rows: pa.Table,
    added: pa.Table,
    chosen: dict[str, npt.NDArray[np.bool_]],
    results: list[SplitResult],
    reader: IndexReader,
) -> dict[str, Any]:
    """The counts of ``summary.json``; matches of control texts are not among them.

    Parameters
    ----------
    rows, added
        All matches: columns as in :func:`write_matches`.
    chosen
        Names of kinds of matches that are counted by themselves, and bool arrays that tell which those are.
    """
    stats, skipped = ReadStats(), TruncatedLookups()
    by_source: dict[str, dict[str, Any]] = {}
    for result in results:
        stats.merge(result.stats)
        skipped.add(result.skipped)
        entry = {"source": result.source, "records": 0, "records_matched": 0, "matches": 0}
        by_source.setdefault(result.source, entry)["records"] += result.records
    characters_matched = sum(result.characters_matched for result in results)
    records = sum(result.records for result in results)
    characters = sum(result.characters for result in results)
    marked = rows.append_column("control", added["control"])
    for name, which in chosen.items():
        marked = marked.append_column(name, pa.array(which))
    with duckdb.connect() as connection:
        connection.register("marked", marked)
        connection.execute("CREATE VIEW rows AS SELECT * FROM marked WHERE NOT control")
        for source, matched, count in connection.execute(
            "SELECT source, count(DISTINCT record), count(*) FROM rows GROUP BY source"
        ).fetchall():
            by_source[source]["records_matched"] = matched
            by_source[source]["matches"] = count
        levels = dict(connection.execute("SELECT level, count(*) FROM rows GROUP BY level").fetchall())
        ((texts_found, tweets_found),) = connection.execute(
            "SELECT count(*), coalesce(sum(tweets), 0) FROM "
            "(SELECT tweet_id, any_value(tweets) AS tweets FROM rows GROUP BY tweet_id)"
        ).fetchall()
        counted = {}
        for name in chosen:
            ((matches, texts),) = connection.execute(
                f"SELECT count(*), count(DISTINCT tweet_id) FROM rows WHERE {name}"
            ).fetchall()
            ((held,),) = connection.execute(
                f"SELECT count(*) FROM (SELECT DISTINCT source, record FROM rows WHERE {name})"
            ).fetchall()
            counted[name] = {
                "matches": matches, "records": held, "share_of_records": _share(held, records), "texts": texts,
            }  # fmt: skip
    matched = sum(entry["records_matched"] for entry in by_source.values())
    info = reader.info()
    return {
        "version": SUMMARY_VERSION,
        "records": records,
        "characters": characters,
        "records_matched": matched,
        "share_of_records": _share(matched, records),
        "matches": sum(levels.values()),
        "levels": {level: levels.get(level, 0) for level in LEVELS},
        "texts_found": int(texts_found),
        "tweets_found": int(tweets_found),
        "characters_matched": characters_matched,
        "share_of_characters": _share(characters_matched, characters),
        **counted,
        "index": {"texts": info["texts"], "tweets": info["tweets"], "fingerprint": info["fingerprint"]},
        "sources": list(by_source.values()),
        "skipped": stats.as_dict()["skipped"],
        "repaired": stats.as_dict()["repaired"],
        "notes": stats.as_dict()["notes"],
        "examples": [
            {"source": case.source, "where": f"record {case.record}", "reason": f"{reason}: {case.detail}".rstrip(": ")}
            for reason, cases in sorted(stats.examples.items())
            for case in cases
        ],
        "damaged": [
            {"source": damage.source, "records": damage.records, "problem": damage.reason} for damage in stats.damaged
        ],
        "capped": {"bands_cut": skipped.bands_cut, "seeds_cut": skipped.seeds_cut},
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
