"""Measure logs, and write the tables of ``access.measure`` from rows that a test
gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from provscan.ledger import access, run
from provscan.ledger.database import Database, open_database, rows, run_script
from provscan.ledger.holdings import add_deletions, add_holdings
from provscan.ledger.inputs import read_case, read_pack
from provscan.ledger.policy import add_rules
from provscan.ledger.tables import TABLES

SEARCH = "/1.1/search/tweets.json"


def write_tables(folder: Path, **given: list[dict[str, Any]]) -> Path:
    """Write all tables. Tables that are not given are empty."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in TABLES.items():
        table = pa.Table.from_pylist(given.get(name, []), schema=schema)
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


def peak(calls: int, day: date, **other: Any) -> dict[str, Any]:
    start = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return {
        "scope": "application",
        "name": "reader",
        "endpoint": SEARCH,
        "window": 900,
        "day": day,
        "start": start,
        "calls": calls,
        **other,
    }


def excess(calls: int, day: date, version: str, **other: Any) -> dict[str, Any]:
    about = {"pack": "p", "rule": "search", "version": version}
    named = ("scope", "name", "endpoint", "start", "calls")
    found = peak(calls, day)
    return about | {key: found[key] for key in named} | other


def call(day: date, **other: Any) -> dict[str, Any]:
    return {
        "application": "reader",
        "project": "assistant",
        "endpoint": SEARCH,
        "day": day,
        "calls": 1,
        "calls_with_ids": 1,
        "refused": 0,
        "failed": 0,
        "retries": 0,
        "delivered": 0,
        "delivered_without_ids": 0,
        "uncounted": 0,
        **other,
    }


def total(**other: Any) -> dict[str, Any]:
    numbers = ["calls", "refused", "failed", "retries", "uncounted", "delivered"]
    row = {"scope": "all", "says": "", **dict.fromkeys(numbers, 0), **other}
    calls, delivered = row["calls"], row["delivered"]
    bounds = {"calls_low": calls, "calls_high": calls, "delivered_low": delivered}
    bounds["delivered_high"] = None if row["uncounted"] else delivered
    return bounds | row


def days(first: date, number: int) -> list[date]:
    return [first + timedelta(days=day) for day in range(number)]


def each_minute(
    start: datetime, minutes: float, step: float = 60, application: str = "a"
) -> list[dict[str, Any]]:
    """Return an answered call each ``step`` seconds."""
    return [
        {
            "time": start + timedelta(seconds=step * number),
            "application": application,
            "status": 200,
            "tweets": 1,
        }
        for number in range(int(60 * minutes / step))
    ]


def measured(folder: Path, *logs: Path, **options: Any) -> Path:
    """Measure logs, and return the folder of the tables."""
    return access.measure(logs, folder / "out", key="k", **options)


def rows_of(tables: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(tables / f"{name}.parquet").to_pylist()


@contextmanager
def compared(
    folder: Path, case: str, pack: str = "", **tables: list[dict[str, Any]]
) -> Iterator[Database]:
    """Provide the database that ``make_ledger`` fills, from given tables, a case file
    and a policy pack.
    """
    (folder / "case.toml").write_text(case)
    (folder / "pack.toml").write_text('[pack]\nname = "p"\ntitle = "P"\n' + pack)
    read = read_case(folder / "case.toml")
    with open_database(write_tables(folder / "tables", **tables)) as db:
        run._add_case(db, read)
        add_rules(db, [read_pack("pack.toml" if pack else "x-developer", folder)])
        add_holdings(db, read)
        add_deletions(db, read)
        run_script(db, "comparison.sql")
        yield db


def findings(db: Database, kind: str) -> list[dict[str, Any]]:
    return rows(
        db, f"FROM findings WHERE kind = '{kind}' ORDER BY rule, version, subject, how"
    )
