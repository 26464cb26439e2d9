"""Test what logs prove about each other: streams of tweets, and rotation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from provscan.cli import main
from provscan.errors import InputError
from provscan.ledger import access

DAY = datetime(2023, 1, 1, tzinfo=UTC)


def rows(tables: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(tables / f"{name}.parquet").to_pylist()


@pytest.mark.parametrize("usage", [-1, 1 << 63, "many"])
def test_a_usage_export_with_an_odd_number_is_not_read(
    usage: Any, tmp_path: Path
) -> None:
    days = [{"date": "2023-01-02", "usage": usage}]
    content = {"data": {"project_id": "1", "daily_project_usage": {"usage": days}}}
    (tmp_path / "usage.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="not a usage export"):
        access.measure([tmp_path / "usage.json"], tmp_path / "out")


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\x00", b"", b" \n", b"a" * 9999]
)
def test_a_key_that_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "a.csv").write_text("time,app\n2022-01-01T00:00:00Z,a\n")
    arguments = ["ledger", "a.csv", "-o", "out", "--secret", str(tmp_path / "key")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 3
    assert "is not a key" in done.stderr


def write(path: Path, calls: list[tuple[datetime, float]]) -> None:
    """Write calls, given as a time and the seconds until the end of the response."""
    lines = [
        json.dumps(
            {
                "time": time.isoformat(),
                "responded_at": (time + timedelta(seconds=seconds)).isoformat(),
                "app": "a",
                "status": 200,
            }
        )
        for time, seconds in calls
    ]
    path.write_text("\n".join(lines))


def kinds(folder: Path) -> list[tuple[str, float]]:
    tables = access.measure(sorted(folder.glob("*.jsonl")), folder / "out", key="k")
    assert len({row["stream"] for row in rows(tables, "files")}) == 1
    return [(row["kind"], row["seconds"] / 3600) for row in rows(tables, "pauses")]


@pytest.mark.parametrize("polls", [0, 288])
def test_streams_that_end_after_midnight_do_not_hide_a_missing_day(
    polls: int, tmp_path: Path
) -> None:
    """Eight streams of more than two hours begin each day, the last one at 23:15."""
    for day in (0, 1, 2, 4, 5):
        start = DAY + timedelta(days=day)
        calls = [
            (start + timedelta(hours=2.25 + 3 * number), 8700) for number in range(8)
        ]
        calls += [(start + timedelta(minutes=5 * n), 0) for n in range(polls)]
        write(tmp_path / f"log-{start:%Y-%m-%d}.jsonl", sorted(calls))
    gap, *others = sorted(kinds(tmp_path), key=lambda each: -each[1])
    assert gap[0] == "gap"
    assert 22 <= gap[1] <= 25
    assert {kind for kind, _ in others} <= {"unknown"}


def test_one_long_response_hides_no_gap(tmp_path: Path) -> None:
    calls = [(DAY + timedelta(minutes=minute), 0.5) for minute in range(1440)]
    del calls[600:1000]
    calls[599] = (calls[599][0], 402 * 60)
    write(tmp_path / "log.jsonl", calls)
    ((kind, hours),) = kinds(tmp_path)
    assert (kind, round(hours, 1)) == ("gap", 6.7)


def test_streams_are_no_pause(tmp_path: Path) -> None:
    """At night, an application that polls by day has only streams of an hour."""
    calls = []
    for day in range(4):
        start = DAY + timedelta(days=day)
        calls += [(start + timedelta(minutes=minute), 1) for minute in range(720)]
        calls += [(start + timedelta(hours=12 + hour), 3595) for hour in range(12)]
    write(tmp_path / "log.jsonl", calls)
    assert {kind for kind, _ in kinds(tmp_path)} == {"unknown"}
