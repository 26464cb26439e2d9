"""Access logs to tables: counts equal those of loops, in any format; bad lines are
counted; what is interrupted goes on.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import naive_access as naive
import pyarrow.parquet as pq
import pytest

from provscan.errors import InputError, ParameterError
from provscan.ledger import access, counts

ZONE = "America/New_York"
# A night in which clocks go back, one in which they go forward, a leap day, a new year.
NIGHTS = [
    datetime(2022, 11, 5, 22, tzinfo=UTC),
    datetime(2022, 3, 12, 22, tzinfo=UTC),
    datetime(2020, 2, 28, 20, tzinfo=UTC),
    datetime(2021, 12, 31, 12, tzinfo=UTC),
]


def rows(tables: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(tables / f"{name}.parquet").to_pylist()


def measured(tmp_path: Path, *logs: Path, **options: Any) -> Path:
    return access.measure(logs, tmp_path / "out", key="k", **options)


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv", "log"])
def test_counts_equal_those_of_loops(form: str, tmp_path: Path) -> None:
    found = naive.calls(NIGHTS[0], 60, 3000, seed=1)
    if form == "log":  # Its times have whole seconds.
        found = [c | {"time": c["time"].replace(microsecond=0)} for c in found]
    half = len(found) // 2
    logs = [
        naive.write(found[:half], tmp_path / f"gateway-1.{form}"),
        naive.write(found[half:], tmp_path / f"gateway-2.{form}"),
    ]
    tables = measured(tmp_path, *logs)
    names = ("application", "project", "endpoint", "day")
    columns = ("calls", "refused", "failed", "retries", "delivered", "distinct")
    counted = {
        tuple(row[n] for n in names): [row[c] or 0 for c in columns]
        for row in rows(tables, "calls")
    }
    assert counted == naive.summed(found)
    total = rows(tables, "totals")[0]
    assert total["method"] == "exact"
    assert (
        total["delivered"],
        total["daily_value"],
        total["distinct_value"],
    ) == naive.three_counts(found)
    cities = [
        c for c in found if c["organisation"] == "City of X" and naive.answered(c)
    ]
    listed = [
        r for r in rows(tables, "organisations") if r["organisation"] == "City of X"
    ]
    assert min(row["first"] for row in listed) == cities[0]["time"]
    assert sum(row["calls"] for row in listed) == len(cities)
    assert "secret" not in "".join(map(str, rows(tables, "peaks")))


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: f"{night:%Y-%m-%d}")
def test_peaks_equal_those_of_loops(night: datetime, tmp_path: Path) -> None:
    found = naive.calls(night, 40, 800, seed=night.month)
    windows = (7, 900, 5400, 86_400)
    log = naive.write(found, tmp_path / "log.parquet")
    tables = measured(tmp_path, log, windows=windows, zone=ZONE)
    counted = rows(tables, "peaks")
    for scope in ("application", "project"):
        for window in windows:
            for zone in ("UTC", ZONE):
                for kind, slow in (("sliding", naive.sliding), ("fixed", naive.fixed)):
                    peaks = {
                        (row["name"], row["endpoint"], row["day"]): (
                            row["calls"],
                            row["start"],
                        )
                        for row in counted
                        if (row["scope"], row["window"]) == (scope, window)
                        and (row["zone"], row["kind"]) == (zone, kind)
                    }
                    assert peaks == slow(found, scope, window, zone), (kind, window)


def test_bad_lines_are_counted_by_reason(tmp_path: Path) -> None:
    found = naive.calls(NIGHTS[0], 5, 200, seed=3)
    log = naive.write(found, tmp_path / "log.jsonl")
    lines = log.read_text().splitlines()
    lines[10:10] = ["{broken", "[1]", '{"time": "soon"}', '{"time": "1970-01-01"}']
    lines[50:50] = ['{"application": "a"}', '{"time": "2022-01-01", "status": "ok"}']
    lines += [
        '{"time": "2022-01-01", "tweets": -1}',
        "",
        "{broken AAAABBBBCCCCDDDDEEEE",
    ]
    log.write_text("\n".join(lines))
    tables = measured(tmp_path, log)
    bad = {row["reason"]: row for row in rows(tables, "bad_lines")}
    assert {reason: row["lines"] for reason, row in bad.items()} == {
        "not_json": 3,
        "bad_time": 1,
        "impossible_time": 1,
        "no_time": 1,
        "bad_status": 1,
        "bad_tweets": 1,
    }
    assert (bad["not_json"]["example_line"], bad["not_json"]["example"]) == (
        11,
        "{broken",
    )
    file = rows(tables, "files")[0]
    assert (file["rows"], file["bad"]) == (len(found), 8)
    assert rows(tables, "totals")[0]["calls"] == len(found)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(
        '{"time": "2022-01-01T00:00:00Z", "token": "AAAABBBBCCCCDDDDEEEE"}\n'
        '{"token": "AAAABBBBCCCCDDDDEEEE"\n'
    )
    measured(tmp_path, tmp_path / "log.jsonl")
    for file in (tmp_path / "out").rglob("*.*"):
        assert b"AAAABBBB" not in file.read_bytes(), file


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_calls_that_two_files_hold_count_once(form: str, tmp_path: Path) -> None:
    found = naive.calls(NIGHTS[0], 20, 900, seed=4)
    third = len(found) // 3
    logs = [
        naive.write(found[: 2 * third], tmp_path / f"one.{form}"),
        naive.write(found[third:], tmp_path / f"two.{form}"),
    ]
    (tmp_path / f"copy.{form}").write_bytes(logs[0].read_bytes())
    tables = measured(tmp_path, *logs, tmp_path / f"copy.{form}")
    total = rows(tables, "totals")[0]
    assert (total["calls"], total["delivered"]) == (
        len(found),
        naive.three_counts(found)[0],
    )
    files = rows(tables, "files")
    assert [row["state"] for row in files] == ["read", "read", "copy"]
    assert [row["repeated"] for row in files] == [0, third, None]
    states = {row["state"] for row in rows(tables, "coverage")}
    assert "overlapping" in states


def test_calls_of_two_gateways_at_one_time_all_count(tmp_path: Path) -> None:
    found = naive.calls(NIGHTS[0], 20, 900, seed=5)
    logs = [
        naive.write(found[::2], tmp_path / "gateway-a.parquet"),
        naive.write(found[1::2], tmp_path / "gateway-b.parquet"),
    ]
    tables = measured(tmp_path, *logs)
    assert rows(tables, "totals")[0]["calls"] == len(found)
    assert [row["repeated"] for row in rows(tables, "files")] == [0, 0]


def test_missing_ids_give_bounds(tmp_path: Path) -> None:
    found = naive.calls(NIGHTS[0], 50, 1500, seed=6)
    delivered, daily, distinct = naive.three_counts(found)
    hidden = [c | {"ids": None} if n % 3 else c for n, c in enumerate(found)]
    tables = measured(tmp_path, naive.write(hidden, tmp_path / "log.parquet"))
    total = rows(tables, "totals")[0]
    assert (total["method"], total["distinct_value"]) == ("bounds", None)
    assert total["delivered"] == delivered
    assert total["daily_low"] <= daily <= total["daily_high"]
    assert total["distinct_low"] <= distinct <= total["distinct_high"]
    assert "ids are not kept" in total["says"]


def test_sketches_keep_their_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasketches")
    found = naive.calls(NIGHTS[0], 50, 1500, seed=7)
    monkeypatch.setattr(counts, "EXACT_IDS", 10)
    tables = measured(tmp_path, naive.write(found, tmp_path / "log.parquet"))
    total = rows(tables, "totals")[0]
    _, daily, distinct = naive.three_counts(found)
    assert total["method"] == "sketch"
    assert total["daily_low"] <= daily <= total["daily_high"]
    assert total["distinct_low"] <= distinct <= total["distinct_high"]


def test_columns_can_be_mapped(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("wann;wer;was\n1.2.2022 10:30;x;GET /2/a\n")
    with pytest.raises(InputError, match=r"no column holds the time.*wann \('1\.2"):
        measured(tmp_path, tmp_path / "log.csv")
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        '[[log]]\nfiles = "*.csv"\nzone = "Europe/Berlin"\n'
        'time_format = "%d.%m.%Y %H:%M"\ncolumns.time = "wann"\n'
        'columns.application = "wer"\nconstants.project = "p"\n'
    )
    tables = measured(tmp_path, tmp_path / "log.csv", mapping=mapping)
    row = rows(tables, "calls")[0]
    assert (row["application"], row["project"]) == ("x", "p")
    assert rows(tables, "files")[0]["first"] == datetime(2022, 2, 1, 9, 30, tzinfo=UTC)
    mapping.write_text('[[log]]\ncolumns.time = "when"\n')
    with pytest.raises(InputError, match="'when', which the mapping names for time"):
        measured(tmp_path, tmp_path / "log.csv", mapping=mapping)
    mapping.write_text('[[log]]\ncolumns.tweet = "x"\n')
    with pytest.raises(ParameterError, match="no meaning 'tweet'; known are time"):
        measured(tmp_path, tmp_path / "log.csv", mapping=mapping)


def test_a_gap_is_told_from_silence(tmp_path: Path) -> None:
    """Two applications in one busy log: one is silent for hours, then both are."""
    start = NIGHTS[3]
    found = []
    for second in range(0, 4 * 86_400, 30):
        time = start + timedelta(seconds=second)
        hours = second / 3600
        if 30 <= hours < 36:
            continue
        for name in "ab" if not 10 <= hours < 15 else "a":
            found.append(
                {"time": time, "application": name, "status": 200, "tweets": 1}
            )
    tables = measured(tmp_path, naive.write(found, tmp_path / "log.jsonl"))
    (pause,) = [row for row in rows(tables, "pauses") if row["seconds"] > 3600]
    assert pause["kind"] == "gap"
    assert pause["start"] == start + timedelta(hours=30, seconds=-30)
    assert pause["end"] == start + timedelta(hours=36)
    covered = rows(tables, "coverage")
    sums = {
        (name, what): sum(row[what] for row in covered if row["application"] == name)
        for name in "ab"
        for what in ("gap", "silence", "unknown")
    }
    assert sums == {
        ("a", "gap"): 6 * 3600,
        ("a", "silence"): 0,
        ("a", "unknown"): 0,
        ("b", "gap"): 6 * 3600,
        ("b", "silence"): 5 * 3600,
        ("b", "unknown"): 0,
    }


def test_samples_are_estimated_with_an_interval(tmp_path: Path) -> None:
    found = naive.calls(NIGHTS[0], 100, 20_000, seed=8)
    draw = random.Random(1)
    sample = [call for call in found if draw.random() < 0.2]
    mapping = tmp_path / "mapping.toml"
    mapping.write_text("[[log]]\nshare = 0.2\n")
    log = naive.write(sample, tmp_path / "log.parquet")
    tables = measured(tmp_path, log, mapping=mapping)
    total = rows(tables, "totals")[0]
    assert total["calls"] == len(sample)
    assert total["calls_low"] < len(found) < total["calls_high"]
    delivered = naive.three_counts(found)[0]
    assert total["delivered_low"] < delivered < total["delivered_high"]
    assert total["distinct_high"] is None


def test_shared_quotas_are_found(tmp_path: Path) -> None:
    found = naive.calls(NIGHTS[0], 20, 600, seed=9)
    tables = measured(tmp_path, naive.write(found, tmp_path / "log.parquet"))
    for row in rows(tables, "fanout"):
        mine = [
            call
            for call in found
            if call[row["scope"]] == row["name"] and call["endpoint"] == row["endpoint"]
        ]
        if row["scope"] == "project":
            assert row["applications"] == sorted({c["application"] for c in mine})
            assert row["tokens"] == len({c["token"] for c in mine})
            peaks = naive.sliding(mine, "project", 900, "UTC")
            assert row["joint_peak"] == max(number for number, _ in peaks.values())
            tokens = naive.sliding(mine, "token", 900, "UTC")
            assert row["single_peak"] == max(number for number, _ in tokens.values())
    assert {row["scope"] for row in rows(tables, "fanout")} == {"project", "user"}
