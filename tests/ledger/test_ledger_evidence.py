"""Test what logs prove about each other: digests, streams of tweets, and rotation."""

from __future__ import annotations

import gzip
import hashlib
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

NAME = "AWSLogs/1/CloudTrail/us-east-1/2023/01/01/1_trail_0100Z_abc.json.gz"
DAY = datetime(2023, 1, 1, tzinfo=UTC)


def rows(tables: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(tables / f"{name}.parquet").to_pylist()


def trail(records: int) -> bytes:
    found = [
        {"eventTime": f"2023-01-01T01:{minute:02}:00Z", "eventName": "Search"}
        for minute in range(records)
    ]
    return json.dumps({"Records": found}).encode()


def digest(content: bytes, **other: Any) -> bytes:
    checksum = hashlib.sha256(content).hexdigest()
    return json.dumps(
        {
            "digestStartTime": "2023-01-01T01:00:00Z",
            "digestEndTime": "2023-01-01T02:00:00Z",
            "logFiles": [{"s3Object": NAME, "hashValue": checksum}],
            **other,
        }
    ).encode()


def evidence(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Return the evidence of the gaps that digests show."""
    always = {"logs/other.json": trail(9)}
    for name, content in (always | files).items():
        path = folder / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".gz") and not name.startswith("raw"):
            content = gzip.compress(content)
        path.write_bytes(content)
    tables = access.measure([folder / "logs"], folder / "out", key="k")
    return [row["evidence"] for row in rows(tables, "pauses") if row["kind"] == "gap"]


SHORT = "1_trail_0100Z_abc.json.gz"
INTACT = {
    "in its place": {NAME: trail(60)},
    "a copy elsewhere": {"backup/" + SHORT: trail(60)},
    "a copy with another name": {"a.json": trail(60)},
    "beside a truncated copy": {NAME: trail(60), f"backup/{SHORT}": trail(10)},
    "beside a damaged copy": {NAME: trail(60), f"tmp/{SHORT}": b"{"},
    "beside a copy in its place": {"a/" + NAME: trail(60), "b/" + NAME: trail(9)},
}


@pytest.mark.parametrize("files", INTACT.values(), ids=INTACT)
def test_the_right_content_proves_that_a_log_is_intact(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    assert evidence(tmp_path, files | {"digest.json": digest(trail(60))}) == []


def test_an_empty_log_is_intact_and_was_read(tmp_path: Path) -> None:
    files = {NAME: trail(0), "digest.json": digest(trail(0))}
    assert evidence(tmp_path, files) == []
    states = {
        Path(row["source"]).name: (row["state"], row["rows"])
        for row in rows(tmp_path / "out" / "tables", "files")
    }
    assert states[SHORT] == ("read", 0)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({NAME: trail(50)}, f"{SHORT} changed after the digest"),
        ({NAME: b"{}"}, f"{SHORT} changed after the digest"),
        (
            {f"backup/{SHORT}": trail(50)},
            f"{SHORT} is not among the logs, but a file with this name is",
        ),
        ({}, f"{SHORT} is not among the logs"),
    ],
)
def test_only_another_content_in_its_place_is_a_change(
    files: dict[str, bytes], said: str, tmp_path: Path
) -> None:
    found = evidence(tmp_path, files | {"digest.json": digest(trail(60))})
    assert found == [said]


def test_a_log_that_was_cut_off_is_damaged(tmp_path: Path) -> None:
    cut = gzip.compress(trail(60))[:-20]
    path = tmp_path / "logs" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(cut)
    assert evidence(tmp_path, {"digest.json": digest(trail(60))}) == [
        f"{SHORT} is damaged or can't be read"
    ]


def test_only_a_later_digest_of_the_same_trail_can_miss_the_previous_one(
    tmp_path: Path,
) -> None:
    files = {NAME: trail(60)}
    for hour, place in ((3, "b"), (2, "a"), (5, "a"), (4, "b")):
        files[f"{place}_digest_20230101T0{hour}0000Z.json"] = digest(
            trail(60),
            digestStartTime=f"2023-01-01T0{hour}:00:00+00:00",
            digestEndTime=f"2023-01-01T0{hour + 1}:00:00+00:00",
            previousDigestS3Object=f"{place}_digest_20230101T0{hour - 1}0000Z.json",
        )
    assert evidence(tmp_path, files) == [
        "the previous digest, a_digest_20230101T040000Z.json, is not among the logs"
    ]
    gaps = rows(tmp_path / "out" / "tables", "pauses")
    (gap,) = [row for row in gaps if row["kind"] == "gap"]
    assert (gap["start"].hour, gap["end"].hour) == (3, 5)


@pytest.mark.parametrize("time", ["yesterday", 1, None, "2023-13-01T00:00:00Z"])
def test_a_digest_with_an_odd_time_is_not_read(time: Any, tmp_path: Path) -> None:
    content = digest(trail(60), digestStartTime=time)
    assert evidence(tmp_path, {"digest.json": content}) == []
    (found,) = [
        row
        for row in rows(tmp_path / "out" / "tables", "files")
        if row["source"].endswith("digest.json")
    ]
    assert found["state"] == "unread"
    assert "not a CloudTrail digest" in found["detail"]


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
