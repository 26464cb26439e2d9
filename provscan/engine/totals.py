"""What the splits found, put together: one table of matches, one summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from provscan.engine.split import SplitResult
from provscan.index import Store
from provscan.matching import LEVELS, MATCHES, Skipped
from provscan.readers import Tally

SUMMARY_VERSION = 1


def combine(results: list[SplitResult], target: Path) -> None:
    """One Parquet file from the part files, in the order of the splits, a row group at a time."""
    with pq.ParquetWriter(target, MATCHES, compression="zstd") as writer:
        for result in results:
            if result.part.exists():
                with pq.ParquetFile(result.part) as part:
                    for batch in part.iter_batches():
                        writer.write_batch(batch)


def summarise(matches: Path, results: list[SplitResult], store: Store) -> dict[str, Any]:
    """The counts of ``summary.json``."""
    tally, skipped = Tally(), Skipped()
    by_source: dict[str, dict[str, Any]] = {}
    characters_matched = 0
    for result in results:
        tally.merge(result.tally)
        skipped.add(result.skipped)
        characters_matched += result.characters_matched
        entry = {"source": result.source, "records": 0, "records_matched": 0, "matches": 0}
        by_source.setdefault(result.source, entry)["records"] += result.tally.records
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet({_quoted(matches)})")
        for source, records, count in connection.execute(
            "SELECT source, count(DISTINCT record), count(*) FROM rows GROUP BY source"
        ).fetchall():
            by_source[source]["records_matched"] = records
            by_source[source]["matches"] = count
        levels = dict(connection.execute("SELECT level, count(*) FROM rows GROUP BY level").fetchall())
        ((texts_found, tweets_found),) = connection.execute(
            "SELECT count(*), coalesce(sum(tweets), 0) FROM "
            "(SELECT tweet_id, any_value(tweets) AS tweets FROM rows GROUP BY tweet_id)"
        ).fetchall()
    matched = sum(entry["records_matched"] for entry in by_source.values())
    info = store.info()
    return {
        "version": SUMMARY_VERSION,
        "records": tally.records,
        "characters": tally.characters,
        "records_matched": matched,
        "share_of_records": _share(matched, tally.records),
        "matches": sum(levels.values()),
        "levels": {level: levels.get(level, 0) for level in LEVELS},
        "texts_found": int(texts_found),
        "tweets_found": int(tweets_found),
        "characters_matched": characters_matched,
        "share_of_characters": _share(characters_matched, tally.characters),
        "index": {"texts": info["texts"], "tweets": info["tweets"], "fingerprint": info["fingerprint"]},
        "sources": list(by_source.values()),
        "skipped": tally.as_dict()["skipped"],
        "repaired": tally.as_dict()["repaired"],
        "notes": tally.as_dict()["notes"],
        "examples": [
            {"source": case.source, "where": f"record {case.record}", "reason": f"{reason}: {case.detail}".rstrip(": ")}
            for reason, cases in sorted(tally.examples.items())
            for case in cases
        ],
        "damaged": [
            {"source": damage.source, "records": damage.records, "problem": damage.reason} for damage in tally.damaged
        ],
        "capped": {
            "band_texts": skipped.band_texts, "seed_places": skipped.seed_places, "full": skipped.full,
        },
    }  # fmt: skip


def _quoted(path: Path) -> str:
    """A path as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
