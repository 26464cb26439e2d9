"""Test the snowflake clock on simulated logs and on small logs written by hand."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nightly import NIGHTLY

from provscan.ledger import access
from provscan.snowflakes import SNOWFLAKE_EPOCH


def clocks(tmp_path, *logs):
    tables = access.measure(logs, tmp_path / "out", key="k")
    return pq.read_table(tables / "clock.parquet").to_pylist()


def responses(path, delays, days):
    """Write responses, given the age in seconds of the newest tweet of each."""
    start = datetime(2021, 2, 1, tzinfo=UTC)
    step = timedelta(days=days) / len(delays)
    times = [start + step * number for number in range(len(delays))]
    ids = [
        [int(time.timestamp() * 1000 - delay * 1000) - SNOWFLAKE_EPOCH << 22]
        for time, delay in zip(times, delays, strict=True)
    ]
    pq.write_table(pa.table({"time": times, "ids": ids}), path)
    return path


@pytest.mark.parametrize("age", [20, 700])
def test_few_rows_six_hours_behind_prove_a_bound(age, tmp_path):
    delays = [-21_600 + age + 37.0 * n for n in range(8)]
    (row,) = clocks(tmp_path, responses(tmp_path / "log.parquet", delays, 1))
    assert (row["kind"], row["impossible"]) == ("behind", 8)
    assert -21_601 + age < row["offset_at_most"] <= -21_599 + age


@pytest.mark.parametrize("seed", range(5 if NIGHTLY else 2))
def test_a_client_that_pages_back_is_six_hours_behind(seed, tmp_path):
    """The client runs a few times, each time from the newest tweet back over a week."""
    draw = random.Random(seed)
    start = datetime(2020, 3, 11, tzinfo=UTC).timestamp()
    posted = sorted(start - draw.uniform(-12, 8) * 86_400 for _ in range(9000))
    rows = []
    for run in range(19):
        now = start + run * 43_200 + draw.uniform(0, 9000)
        found = [time for time in posted if now - 8 * 86_400 < time < now][::-1]
        for page in range(0, len(found), 100):
            now += draw.uniform(0.5, 2)
            ids = [int(time * 1000) - SNOWFLAKE_EPOCH << 22 for time in found[page:]]
            local = datetime.fromtimestamp(now - 21_600, UTC).replace(tzinfo=None)
            rows.append({"time": local, "ids": ids[:100]})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "log.parquet")
    (row,) = clocks(tmp_path, tmp_path / "log.parquet")
    assert row["kind"] == "behind"
    assert -21_612 < row["offset_at_most"] < -21_500


def test_ids_older_than_snowflake_are_not_used(tmp_path):
    time = datetime(2021, 2, 1, tzinfo=UTC)
    pq.write_table(
        pa.table({"time": [time] * 9, "ids": [[20_000_000_000]] * 9}),
        tmp_path / "log.parquet",
    )
    (row,) = clocks(tmp_path, tmp_path / "log.parquet")
    assert (row["kind"], row["rows"]) == ("not_measured", 0)


@pytest.mark.parametrize("ids", [True, False])
def test_a_clock_set_forward_is_no_gap(ids, tmp_path):
    """In a busy log in local time, the missing hour of the switch is not a gap."""
    start = datetime(2022, 3, 6, tzinfo=UTC)
    zone = ZoneInfo("America/Chicago")
    rows = []
    for minute in range(14 * 24 * 60):
        time = start + timedelta(minutes=minute)
        new = int(time.timestamp() * 1000 - 3000) - SNOWFLAKE_EPOCH << 22
        local = time.astimezone(zone).replace(tzinfo=None)
        rows.append({"time": local, "ids": [new] if ids else None})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "log.parquet")
    found = clocks(tmp_path, tmp_path / "log.parquet")
    assert [row["kind"] for row in found] == ["behind" if ids else "not_measured"]
    pauses = pq.read_table(tmp_path / "out" / "tables" / "pauses.parquet").to_pylist()
    assert [row["kind"] for row in pauses if row["seconds"] >= 3600] == ["unknown"]


def test_backdated_calls_make_no_gaps(tmp_path):
    """Of calls every half minute, a few state a time four days earlier."""
    log = responses(tmp_path / "log.parquet", [2.0] * 8640, 3)
    table = pq.read_table(log)
    times = table["time"].to_pylist()
    for number in range(0, len(times), 1440):
        times[number] -= timedelta(days=4)
    pq.write_table(table.set_column(0, "time", pa.array(times)), log)
    kinds = {row["kind"] for row in clocks(tmp_path, log)}
    assert kinds == {"backdated"}
    pauses = pq.read_table(tmp_path / "out" / "tables" / "pauses.parquet")
    assert set(pauses["kind"].to_pylist()) == {"unknown"}
