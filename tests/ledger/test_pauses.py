"""Test what logs prove about each other: streams, rotation, pauses and gaps."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import naive_access as naive
import pytest
from measured import each_minute, measured, rows_of

from provscan.ledger import access
from provscan.ledger.intake import stream_of

DAY = datetime(2023, 1, 1, tzinfo=UTC)


def write(path, calls):
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


def kinds(folder):
    tables = access.measure(sorted(folder.glob("*.jsonl")), folder / "out", key="k")
    assert len({row["stream"] for row in rows_of(tables, "files")}) == 1
    return [(row["kind"], row["seconds"] / 3600) for row in rows_of(tables, "pauses")]


@pytest.mark.parametrize("polls", [0, 288])
def test_streams_that_end_after_midnight_do_not_hide_a_missing_day(polls, tmp_path):
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


def test_one_long_response_hides_no_gap(tmp_path):
    calls = [(DAY + timedelta(minutes=minute), 0.5) for minute in range(1440)]
    del calls[600:1000]
    calls[599] = (calls[599][0], 402 * 60)
    write(tmp_path / "log.jsonl", calls)
    ((kind, hours),) = kinds(tmp_path)
    assert (kind, round(hours, 1)) == ("gap", 6.7)


def test_streams_are_no_pause(tmp_path):
    """At night, an application that polls by day has only streams of an hour."""
    calls = []
    for day in range(4):
        start = DAY + timedelta(days=day)
        calls += [(start + timedelta(minutes=minute), 1) for minute in range(720)]
        calls += [(start + timedelta(hours=12 + hour), 3595) for hour in range(12)]
    write(tmp_path / "log.jsonl", calls)
    assert {kind for kind, _ in kinds(tmp_path)} == {"unknown"}


def test_a_rotated_log_belongs_to_the_stream_of_the_one_being_written():
    for name in (
        "access.log",
        "access.log.1",
        "access.log.2.gz",
        "access.log-20230101",
    ):
        assert stream_of(f"logs/{name}") == "logs/access.log"
    assert stream_of("logs/2023-01-02.gz") == "logs/#"


def streams(tables):
    return [Path(row["stream"]).name for row in rows_of(tables, "files")]


@pytest.mark.parametrize("dated", ["%Y-%m-%d", "%Y/%m/%d", "dt=%Y%m%d"])
def test_a_pause_between_dated_folders_is_a_gap(dated, tmp_path):
    """The first day ends at 20:00, and the second begins at 04:00."""
    for hours, start in ((20, DAY), (20, DAY + timedelta(hours=28))):
        path = tmp_path / "logs" / f"{start:{dated}}" / "access.jsonl"
        path.parent.mkdir(parents=True)
        naive.write(each_minute(start, 60 * hours), path)
    tables = measured(tmp_path, tmp_path / "logs")
    assert len({row["stream"] for row in rows_of(tables, "files")}) == 1
    (pause,) = rows_of(tables, "pauses")
    assert (pause["kind"], pause["seconds"]) == ("gap", 8 * 3600 + 60)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        # The number names the server, and a date the file.
        (("web-1-{:%Y%m%d}", "web-2-{:%Y%m%d}"), {"web-1#.jsonl", "web-2#.jsonl"}),
        # It is not known what the number means, but the files overlap.
        (("web1", "web2"), {"web1.jsonl", "web2.jsonl"}),
    ],
)
def test_two_servers_are_not_one_stream(names, found, tmp_path):
    """The second server is silent for 8 hours, while the first one logs calls."""
    first = each_minute(DAY, 24 * 60, application="a")
    second = each_minute(DAY, 24 * 60, application="b")
    del second[600:1080]
    logs = [
        naive.write(calls, tmp_path / f"{name.format(DAY)}.jsonl")
        for calls, name in zip((first, second), names, strict=True)
    ]
    tables = measured(tmp_path, *logs)
    assert set(streams(tables)) == found
    gaps = {row["application"] for row in rows_of(tables, "coverage") if row["gap"]}
    assert gaps == {"b"}
    for row in rows_of(tables, "files"):
        assert bool(row["apart"]) == ("web1" in names)


@pytest.mark.parametrize(
    ("step", "overlap"),
    [
        (0.5, 0),  # The log was rotated in the middle of a second.
        (0.5, -20),  # Twenty seconds of calls are out of order.
        (10, -3600),  # The files have an hour in common.
    ],
)
def test_a_rotated_log_is_one_stream(step, overlap, tmp_path):
    found = each_minute(DAY, 240, step)
    half, common = len(found) // 2, int(-overlap / step)
    logs = [found[: half + common * (overlap < -60)], found[half:]]
    if overlap == -20:
        logs = [found[: half - common] + found[half:][:common],
                found[half - common : half] + found[half + common :]]  # fmt: skip
    for number, calls in enumerate(logs):
        naive.write(calls, tmp_path / f"access-{number}.jsonl")
    tables = measured(tmp_path, *sorted(tmp_path.glob("access-*")))
    assert set(streams(tables)) == {"access#.jsonl"}
    assert rows_of(tables, "totals")[0]["calls"] == len(found)


def test_gaps_are_distinguished_from_silence(tmp_path):
    """In a busy log of two applications, one is silent for hours, then both are."""
    start = datetime(2021, 12, 31, 12, tzinfo=UTC)
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
    (pause,) = [row for row in rows_of(tables, "pauses") if row["seconds"] > 3600]
    assert pause["kind"] == "gap"
    assert pause["start"] == start + timedelta(hours=30, seconds=-30)
    assert pause["end"] == start + timedelta(hours=36)
    covered = rows_of(tables, "coverage")
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


def test_clocks_that_were_set_back_make_no_gap(tmp_path):
    found = each_minute(datetime(2022, 11, 5, tzinfo=UTC), 3 * 24 * 60)
    for call in found:
        call["time"] = call["time"].astimezone(ZoneInfo("America/Chicago"))
    (tmp_path / "mapping.toml").write_text('[[log]]\nzone = "America/Chicago"\n')
    log = tmp_path / "log.jsonl"
    lines = (call | {"time": f"{call['time']:%Y-%m-%d %H:%M:%S}"} for call in found)
    log.write_text("\n".join(map(json.dumps, lines)))
    tables = measured(tmp_path, log, mapping=tmp_path / "mapping.toml")
    (pause,) = rows_of(tables, "pauses")
    assert (pause["kind"], pause["seconds"]) == ("unknown", 3660)
    assert {row["gap"] for row in rows_of(tables, "coverage")} == {0}
    (file,) = rows_of(tables, "files")
    assert "local times of 120 calls occur twice" in file["detail"]
