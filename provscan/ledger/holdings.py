"""Read what applications hold and use from the folders of runs and probes.

:func:`add_holdings` adds the answer of the run or probe of each holding and use.
:func:`add_deletions` adds the ids of requests to delete and of purge records. All
figures are copied from runs and probes, with their intervals and reservations.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from provscan.errors import InputError
from provscan.ledger.database import Database, add_table
from provscan.ledger.inputs import Case, Row
from provscan.opening import LARGE, read_small
from provscan.report.omissions import left_out
from provscan.runs.folder import MATCHES_FILE, read_run, read_summary

ANSWER = """path VARCHAR, checksum VARCHAR, files STRUCT(name VARCHAR, xxh3 VARCHAR)[],
    status VARCHAR, headline VARCHAR, records BIGINT, findings DOUBLE, at_least DOUBLE,
    estimate DOUBLE, low DOUBLE, high DOUBLE, tweets BIGINT, reservations VARCHAR[]"""
"""The columns that are copied from a run or a probe. Numbers that it withholds are
null. ``findings`` to ``high`` count records of a run, or tweets of a probe. ``tweets``
is the number of licensed tweets with the texts that were found.
"""

# The columns of the tables ``held``, ``requested`` and ``purged``.
TWEETS = "application VARCHAR, name VARCHAR, date TIMESTAMPTZ, id VARCHAR"


def add_holdings(db: Database, case: Case) -> None:
    """Add the tables ``holdings`` and ``uses``, and ``held``, the tweets found in each
    holding.
    """
    db.execute(f"CREATE TABLE held ({TWEETS}, shared BOOLEAN)")
    for table, kind in (("holdings", "holding"), ("uses", "use")):
        rows = []
        for row in case.tables[kind]:
            path = row["run"] or row["probe"]
            folder, unit = case.folder / path, "records" if row["run"] else "tweets"
            rows.append({"kind": kind, **row, "path": path, **_answer(folder, unit)})
            if kind == "holding":
                matches = folder / MATCHES_FILE
                db.execute(
                    "INSERT INTO held SELECT DISTINCT ?, ?, ?::TIMESTAMPTZ, tweet_id, "
                    "tweets > 1 FROM read_parquet(?) WHERE counted AND NOT control",
                    [row["application"], row["name"], row["date"], str(matches)],
                )
        columns = "application VARCHAR, name VARCHAR, kind VARCHAR, date TIMESTAMPTZ"
        if kind == "holding":
            columns += ", stored VARCHAR"
        add_table(db, table, f"{columns}, {ANSWER}", rows)


def _answer(folder: Path, unit: str) -> Row:
    """Return the answer of a run, whose numbers count records, or of a probe, whose
    numbers count tweets.
    """
    if unit == "records":
        summary, info = read_run(folder, [MATCHES_FILE])
    else:
        summary, info = read_summary(folder)
    answer = summary.get("answer", {})
    if unit not in answer:
        raise InputError(
            f"{folder} makes no estimate of {unit}, so it can't be part of a ledger: "
            "name a run of match, or a probe that was scored"
        )
    numbers, estimate = answer[unit], answer[unit].get("estimate") or {}
    return {
        "checksum": info["checksum"],
        "files": [
            {"name": item["source"], "xxh3": item["xxh3"]}
            for item in info.get("inputs", [])
        ],
        "status": answer["status"],
        "headline": answer["headline"],
        "records": summary.get("records"),
        "findings": numbers["findings"],
        "at_least": numbers.get("at_least"),
        "estimate": estimate.get("value"),
        "low": estimate.get("low"),
        "high": estimate.get("high"),
        "tweets": summary.get("tweets_found"),
        "reservations": [
            *(warning["message"] for warning in answer["warnings"]),
            *sorted(set((answer.get("withheld") or {}).values())),
            *(left_out(summary) if unit == "records" else ()),
        ],
    }


def add_deletions(db: Database, case: Case) -> None:
    """Add the tables ``requested`` and ``purged``, with the ids of tweets."""
    for table, kind, date in (
        ("requested", "deletion", "requested"),
        ("purged", "purge", "date"),
    ):
        db.execute(f"CREATE TABLE {table} ({TWEETS})")
        for row in case.tables[kind]:
            db.register("ids", pa.table({"id": _read_ids(case.folder / row["ids"])}))
            db.execute(
                f"INSERT INTO {table} "
                "SELECT DISTINCT ?, ?, ?::TIMESTAMPTZ, id FROM ids",
                [row["application"], row.get("name"), row[date]],
            )


def _read_ids(path: Path) -> list[str]:
    """Read a list of tweet ids, one per line."""
    try:
        ids = read_small(path, LARGE).decode("utf-8-sig").split()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as a list of ids: {error}") from None
    wrong = next((number for number, one in enumerate(ids, 1) if not one.isalnum()), 0)
    if wrong or not ids:
        raise InputError(
            f"{path}: expected one tweet id per line, such as 1483012345678901248; "
            + (f"found {ids[wrong - 1][:40]!r} as id {wrong}" if ids else "found none")
        )
    return ids
