"""Test access logs: counts equal those of loops in any format, bad lines are counted,
and an interrupted measurement can be resumed.
"""

import gzip
import itertools
import json
import random
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import naive_access as naive
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from measured import each_minute, measured, rows_of

from provscan.cli import main
from provscan.errors import InputError, ParameterError
from provscan.ledger import access

# Clocks go back, clocks go forward, a leap day, and a new year.
NIGHTS = [
    datetime(2022, 11, 5, 22, tzinfo=UTC),
    datetime(2022, 3, 12, 22, tzinfo=UTC),
    datetime(2020, 2, 28, 20, tzinfo=UTC),
    datetime(2021, 12, 31, 12, tzinfo=UTC),
]


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv", "log"])
def test_counts_equal_those_of_loops(form, tmp_path):
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
        for row in rows_of(tables, "calls")
    }
    assert counted == naive.summed(found)
    total = rows_of(tables, "totals")[0]
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
        r for r in rows_of(tables, "organisations") if r["organisation"] == "City of X"
    ]
    assert min(row["first"] for row in listed) == cities[0]["time"]
    assert sum(row["calls"] for row in listed) == len(cities)
    assert "secret" not in "".join(map(str, rows_of(tables, "peaks")))


def busiest(tables, scope, window):
    return {
        (row["name"], row["endpoint"], row["day"]): (row["calls"], row["start"])
        for row in rows_of(tables, "peaks")
        if (row["scope"], row["window"]) == (scope, window)
    }


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: f"{night:%Y-%m-%d}")
def test_peaks_equal_those_of_loops(night, tmp_path):
    found = naive.calls(night, 40, 500, seed=night.month)
    windows = (7, 900, 5400, 86_400)
    log = naive.write(found, tmp_path / "log.parquet")
    tables = measured(tmp_path, log, windows=windows)
    for scope, window in itertools.product(("application", "project"), windows):
        peaks = busiest(tables, scope, window)
        assert peaks == naive.sliding(found, scope, window)


def test_bad_lines_are_counted_by_reason(tmp_path):
    found = naive.calls(NIGHTS[0], 5, 200, seed=3)
    log = naive.write(found, tmp_path / "log.jsonl")
    lines = log.read_text().splitlines()
    future = datetime.now(UTC) + timedelta(days=3)
    lines.append(json.dumps({"time": future.isoformat()}))
    lines[10:10] = ["{broken", "[1]", '{"time": "soon"}', '{"time": "1970-01-01"}']
    lines[50:50] = ['{"application": "a"}', '{"time": "2022-01-01", "status": "ok"}']
    lines += [
        '{"time": "2022-01-01", "tweets": -1}',
        '{"time": "2022-01-01", "tweets": 2.5}',
        "",
        "{broken AAAABBBBCCCCDDDDEEEE",
    ]
    log.write_text("\n".join(lines))
    tables = measured(tmp_path, log)
    bad = {row["reason"]: row for row in rows_of(tables, "bad_lines")}
    assert {reason: row["lines"] for reason, row in bad.items()} == {
        "not_json": 3,
        "bad_time": 1,
        "impossible_time": 2,
        "no_time": 1,
        "bad_status": 1,
        "bad_tweets": 2,
    }
    assert (bad["not_json"]["example_line"], bad["not_json"]["example"]) == (
        11,
        "{broken",
    )
    file = rows_of(tables, "files")[0]
    assert (file["rows"], file["bad"]) == (len(found), 10)
    assert rows_of(tables, "totals")[0]["calls"] == len(found)


def test_no_secret_is_shown(tmp_path):
    (tmp_path / "log.jsonl").write_text(
        '{"time": "2022-01-01T00:00:00Z", "token": "AAAABBBBCCCCDDDDEEEE"}\n'
        '{"token": "AAAABBBBCCCCDDDDEEEE"\n'
    )
    measured(tmp_path, tmp_path / "log.jsonl")
    for file in (tmp_path / "out").rglob("*.*"):
        assert b"AAAABBBB" not in file.read_bytes(), file


DAY = datetime(2023, 1, 1, tzinfo=UTC)


def test_calls_in_two_files_count_once(tmp_path):
    found = naive.calls(NIGHTS[0], 20, 900, seed=4)
    third = len(found) // 3
    logs = [
        naive.write(found[: 2 * third], tmp_path / "one.jsonl"),
        naive.write(found[third:], tmp_path / "two.parquet"),
    ]
    (tmp_path / "copy.jsonl").write_bytes(logs[0].read_bytes())
    tables = measured(tmp_path, *logs, tmp_path / "copy.jsonl")
    total = rows_of(tables, "totals")[0]
    assert (total["calls"], total["delivered"]) == (
        len(found),
        naive.three_counts(found)[0],
    )
    files = rows_of(tables, "files")
    assert [row["state"] for row in files] == ["read", "read", "copy"]
    assert [row["repeated"] for row in files] == [0, third, None]
    states = {row["state"] for row in rows_of(tables, "coverage")}
    assert "overlapping" in states


def test_simultaneous_calls_of_two_gateways_all_count(tmp_path):
    found = naive.calls(NIGHTS[0], 20, 900, seed=5)
    logs = [
        naive.write(found[::2], tmp_path / "gateway-a.parquet"),
        naive.write(found[1::2], tmp_path / "gateway-b.parquet"),
    ]
    tables = measured(tmp_path, *logs)
    assert rows_of(tables, "totals")[0]["calls"] == len(found)
    assert [row["repeated"] for row in rows_of(tables, "files")] == [0, 0]


def test_missing_ids_give_bounds(tmp_path):
    found = naive.calls(NIGHTS[0], 50, 1500, seed=6)
    delivered, daily, distinct = naive.three_counts(found)
    hidden = [c | {"ids": None} if n % 3 else c for n, c in enumerate(found)]
    tables = measured(tmp_path, naive.write(hidden, tmp_path / "log.parquet"))
    total = rows_of(tables, "totals")[0]
    assert (total["method"], total["distinct_value"]) == ("bounds", None)
    assert total["delivered"] == delivered
    assert total["daily_low"] <= daily <= total["daily_high"]
    assert total["distinct_low"] <= distinct <= total["distinct_high"]
    assert "tweets have no ids" in total["says"]


@pytest.mark.parametrize("form", ["jsonl", "csv", "numbers", "lists", "texts"])
def test_decimal_ids_count_as_tweets_but_not_as_ids(form, tmp_path):
    """A decimal number has no room for all digits of an id."""
    found = [call | {"tweets": None, "ids": [1.6093e18 + number * 1e6]}
             for number, call in enumerate(each_minute(DAY, 20))]  # fmt: skip
    ids = [call["ids"] for call in found]
    if form in ("jsonl", "csv"):
        log = naive.write(found, tmp_path / f"log.{form}")
    else:
        log = tmp_path / "log.parquet"
        ids = [each[0] for each in ids] if form == "numbers" else ids
        ids = [list(map(str, each)) for each in ids] if form == "texts" else ids
        table = pa.Table.from_pylist(found).drop_columns(["tweets", "ids"])
        pq.write_table(table.append_column("ids", pa.array(ids)), log)
    tables = measured(tmp_path, log)
    total = rows_of(tables, "totals")[0]
    assert (total["delivered"], total["distinct_value"]) == (20, None)
    assert (total["distinct_low"], total["distinct_high"]) == (1, 20)
    (file,) = rows_of(tables, "files")
    assert "the ids of 20 calls are not whole numbers of 63 bits" in file["detail"]


@pytest.mark.parametrize(
    ("ids", "listed", "distinct"),
    [
        ("tweet:1, tweet:2", 2, 2),
        ("1+2;3", 3, 3),
        ("18446744073709551616", 1, None),  # Too large.
        ("16a9f0e2b1c 3", 2, None),
    ],
)
def test_only_whole_numbers_are_ids(ids, listed, distinct, tmp_path):
    log = {"time": "2022-01-01T00:00:00Z", "app": "a", "status": 200, "ids": ids}
    (tmp_path / "log.jsonl").write_text(json.dumps(log))
    total = rows_of(measured(tmp_path, tmp_path / "log.jsonl"), "totals")[0]
    assert (total["delivered"], total["distinct_value"]) == (listed, distinct)


def test_columns_can_be_mapped(tmp_path):
    (tmp_path / "log.csv").write_text("wann;wer;was\n1.2.2022 10:30;x;GET /2/a\n")
    with pytest.raises(InputError, match=r"no column contains the time.*wann \('1\.2"):
        measured(tmp_path, tmp_path / "log.csv")
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        '[[log]]\nfiles = "*.csv"\nzone = "Europe/Berlin"\n'
        'time_format = "%d.%m.%Y %H:%M"\ncolumns.time = "wann"\n'
        'columns.application = "wer"\nconstants.project = "p"\n'
    )
    tables = measured(tmp_path, tmp_path / "log.csv", mapping=mapping)
    row = rows_of(tables, "calls")[0]
    assert (row["application"], row["project"]) == ("x", "p")
    assert rows_of(tables, "files")[0]["first"] == datetime(
        2022, 2, 1, 9, 30, tzinfo=UTC
    )
    mapping.write_text('[[log]]\ncolumns.time = "when"\n')
    with pytest.raises(InputError, match="'when', which the mapping names for time"):
        measured(tmp_path, tmp_path / "log.csv", mapping=mapping)
    mapping.write_text('[[log]]\ncolumns.tweet = "x"\n')
    with pytest.raises(ParameterError, match="meaning 'tweet'; the meanings are time"):
        measured(tmp_path, tmp_path / "log.csv", mapping=mapping)


@pytest.mark.parametrize("zone", ["UTC", "Europe/London"])
def test_abbreviations_of_zones_are_not_guessed(zone, tmp_path):
    """BST is the summer time of Britain and the time of Bangladesh."""
    ends = (" UTC", " Europe/Berlin", " BST", " CET", " PM")
    ends += ("+01:00", " +0100", "+01", " Z")
    times = [f"2022-07-10 12:00:0{n}{end}" for n, end in enumerate(ends)]
    times += ["Sun, 10 Jul 2022 12:00:30 GMT", "20220710T120059Z"]
    lines = "\n".join(json.dumps({"time": each}) for each in times)
    (tmp_path / "log.jsonl").write_text(lines)
    (tmp_path / "map.toml").write_text(f'[[log]]\nzone = "{zone}"\n')
    tables = measured(tmp_path, tmp_path / "log.jsonl", mapping=tmp_path / "map.toml")
    (row,) = rows_of(tables, "files")
    bad = {row["reason"]: row["lines"] for row in rows_of(tables, "bad_lines")}
    assert bad == {"bad_time": 3 if zone == "UTC" else 2}
    at = datetime(2022, 7, 10, 10, tzinfo=UTC)
    assert (row["first"], row["last"]) == (
        at + timedelta(seconds=1),
        at + timedelta(hours=2, seconds=59),
    )
    assert row["detail"] is None or "no zone" not in row["detail"]


def test_fields_in_quotes(tmp_path):
    """A line with an unclosed quote or the wrong number of fields is bad."""
    marks, logs = {1: ",", 2: "\t", 3: ";", 4: "|"}, []
    for day, mark in marks.items():
        lines = [
            'time,app,"tweets",note',
            f'2022-01-0{day} 00:00:00,"a ""x"", b",1,',
            f'2022-01-0{day} 00:00:01,b,null,"x,y"',
            f"2022-01-0{day} 00:00:02,b,1",
            f'2022-01-0{day} 00:00:03,"b,1,',
            ',b,1,""',
        ]
        logs.append(tmp_path / f"{day}.csv")
        logs[-1].write_text("\r\n".join(lines).replace(",", mark))
    tables = measured(tmp_path, *logs)
    counted = {
        (row["day"].day, row["application"], row["delivered"], row["uncounted"])
        for row in rows_of(tables, "calls")
    }
    assert counted == {(day, f'a "x"{mark} b', 1, 0) for day, mark in marks.items()} | {
        (day, "b", 0, 1) for day in marks
    }
    bad = [
        (row["source"], row["reason"], row["lines"])
        for row in rows_of(tables, "bad_lines")
    ]
    assert sorted(bad) == [
        (str(log), reason, lines)
        for log in logs
        for reason, lines in (("no_time", 1), ("not_the_format", 2))
    ]


def test_samples_are_estimated_with_an_interval(tmp_path):
    found = naive.calls(NIGHTS[0], 100, 20_000, seed=8)
    draw = random.Random(1)
    sample = [call for call in found if draw.random() < 0.2]
    mapping = tmp_path / "mapping.toml"
    mapping.write_text("[[log]]\nshare = 0.2\n")
    log = naive.write(sample, tmp_path / "log.parquet")
    tables = measured(tmp_path, log, mapping=mapping)
    total = rows_of(tables, "totals")[0]
    assert total["calls"] == len(sample)
    assert total["calls_low"] < len(found) < total["calls_high"]
    delivered = naive.three_counts(found)[0]
    assert total["delivered_low"] < delivered < total["delivered_high"]
    assert (total["distinct_value"], total["distinct_high"]) == (None, None)
    assert total["method"] == "bounds"


def test_shared_quotas_are_found(tmp_path):
    found = naive.calls(NIGHTS[0], 20, 600, seed=9)
    tables = measured(tmp_path, naive.write(found, tmp_path / "log.parquet"))
    for row in rows_of(tables, "fanout"):
        mine = [
            call
            for call in found
            if call[row["scope"]] == row["name"] and call["endpoint"] == row["endpoint"]
        ]
        if row["scope"] == "project":
            assert row["applications"] == sorted({c["application"] for c in mine})
            assert row["tokens"] == len({c["token"] for c in mine})
            peaks = naive.sliding(mine, "project", 900)
            assert row["joint_peak"] == max(number for number, _ in peaks.values())
            tokens = naive.sliding(mine, "token", 900)
            assert row["single_peak"] == max(number for number, _ in tokens.values())
    assert {row["scope"] for row in rows_of(tables, "fanout")} == {"project", "user"}


def test_service_logs_are_read_in_archives(tmp_path):
    balancer = (
        "https 2018-07-02T22:23:00.186641Z app/lb/50dc6c495c0c9188 10.0.0.1:2817 "
        "10.0.0.2:80 0.086 0.048 0.037 200 200 0 57 "
        '"GET https://api.example.com:443/2/tweets?ids=1 HTTP/1.1" "curl/7.46.0" '
        'ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:x "Root=1-58337262" "-" "-" 0 '
        '2018-07-02T22:22:48.364000Z "forward" "-" "-"\n'
    )
    extended = (
        "#Version: 1.0\n#Fields: date time cs-method cs-uri-stem sc-status x-app\n"
        "2022-01-01 00:00:01 GET /2/users/123456/tweets 200 reader\nnot enough\n"
    )
    trail = {
        "Records": [
            {
                "eventTime": "2022-01-01T00:00:01Z",
                "eventName": "Search",
                "awsRegion": "us-east-1",
                "userIdentity": {"accessKeyId": "AKIA"},
                "errorCode": code,
            }
            for code in (None, "ThrottlingException")
        ]
    }
    content = json.dumps(trail).encode()
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.writestr("lb.log", balancer)
        archive.writestr("iis.log", extended)
        archive.writestr("trail.json.gz", gzip.compress(content))
        archive.writestr("digest.json", '{"digestStartTime": "2022"}')
        archive.writestr("notes.txt", "nothing of interest\n")
    tables = measured(tmp_path, tmp_path / "logs.zip")
    files = {Path(row["source"]).name: row for row in rows_of(tables, "files")}
    assert {name: row["format"] for name, row in files.items()} == {
        "lb.log": "balancer",
        "iis.log": "extended",
        "trail.json.gz": "json",
        "digest.json": "digest",
        "notes.txt": None,
    }
    assert files["notes.txt"]["state"] == "unread"
    assert files["iis.log"]["bad"] == 1
    counted = {
        (r["endpoint"], r["calls"], r["refused"]) for r in rows_of(tables, "calls")
    }
    assert counted == {
        ("/2/tweets", 1, 0),
        ("/2/users/:id/tweets", 1, 0),
        ("Search", 2, 1),
    }
    assert files["digest.json"]["rows"] == 0


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        (
            "json",
            '{"calls": [{"time": "2022-01-01T00:00:00Z"}]}',
            "expected a JSON list of calls",
        ),
        ("usage", "[1]", "it is not a usage export"),
    ],
)
def test_a_document_of_another_form_than_its_mapping_says(
    tmp_path, form, content, message
):
    (tmp_path / "log.json").write_text(content)
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(f'[[log]]\nformat = "{form}"\n')
    with pytest.raises(InputError, match=message):
        measured(tmp_path, tmp_path / "log.json", mapping=mapping)


def test_the_usage_export_becomes_a_table(tmp_path):
    days = [{"date": "2023-01-02T00:00:00.000Z", "usage": "70"}]
    usage = {
        "data": {
            "project_id": "12",
            "project_usage": "70",
            "daily_project_usage": {"project_id": 12, "usage": days},
            "daily_client_app_usage": [
                {"client_app_id": "3", "usage_result_count": 1, "usage": days}
            ],
        }
    }
    (tmp_path / "usage.json").write_text(json.dumps(usage))
    tables = measured(tmp_path, tmp_path / "usage.json")
    assert [
        (row["project"], row["application"], str(row["day"]), row["tweets"])
        for row in rows_of(tables, "usage")
    ] == [("12", None, "2023-01-02", 70), ("12", "3", "2023-01-02", 70)]
    assert rows_of(tables, "totals") == []


def test_a_truncated_file_is_reported_as_damaged(tmp_path):
    found = naive.calls(NIGHTS[0], 20, 2000, seed=11)
    log = naive.write(found, tmp_path / "log.jsonl")
    whole = gzip.compress(log.read_bytes())
    (tmp_path / "log.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    tables = measured(tmp_path, tmp_path / "log.jsonl.gz")
    file = rows_of(tables, "files")[0]
    assert file["state"] == "damaged"
    assert "truncated gzip" in file["detail"]
    assert 0 < file["rows"] < len(found)
    assert {row["state"] for row in rows_of(tables, "coverage")} == {"damaged"}


def test_a_damaged_table_is_left_out_and_named(tmp_path):
    found = naive.calls(NIGHTS[0], 20, 2000, seed=12)
    naive.write(found[:1000], tmp_path / "sound.parquet")
    damaged = tmp_path / "damaged.parquet"
    names = ("time", "application", "status")
    table = pa.table({name: [call[name] for call in found] for name in names})
    pq.write_table(table, damaged, row_group_size=500, compression="none")
    # Damage a page of the last group of rows.
    column = pq.read_metadata(damaged).row_group(3).column(0)
    content = bytearray(damaged.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + 200] = b"\xff" * 200
    damaged.write_bytes(content)
    tables = measured(tmp_path, damaged, tmp_path / "sound.parquet")
    files = rows_of(tables, "files")
    assert [(file["state"], file["rows"]) for file in files] == [
        ("unread", None),
        ("read", 1000),
    ]
    assert files[0]["detail"].startswith("damaged: ")


@pytest.mark.parametrize("form", ["jsonl", "log"])
def test_columns_that_only_later_rows_have_are_read(form, tmp_path):
    start = NIGHTS[3]
    plain = {"application": "a", "status": 200, "tweets": 2}
    lines = []
    for second in range(3000):
        time = start + timedelta(seconds=second)
        ids = [7, second] if second > 2900 else None
        if form == "jsonl":
            row = plain | {"time": time.isoformat()} | ({"ids": ids} if ids else {})
            lines.append(json.dumps(row))
        else:
            kept = f" ids={ids[0]},{ids[1]}" if ids else ""
            lines.append(
                f'10.0.0.1 - - [{time:%d/%b/%Y:%H:%M:%S +0000}] "GET /2/a HTTP/1.1" '
                f"200 9 application=a tweets=2{kept}"
            )
    (tmp_path / f"log.{form}").write_text("\n".join(lines))
    tables = measured(tmp_path, tmp_path / f"log.{form}")
    (row,) = rows_of(tables, "calls")
    assert (row["calls"], row["calls_with_ids"], row["distinct"]) == (3000, 99, 100)


@pytest.mark.parametrize("usage", [-1, 1 << 63, "many"])
def test_a_usage_export_with_an_odd_number_is_not_read(usage, tmp_path):
    days = [{"date": "2023-01-02", "usage": usage}]
    content = {"data": {"project_id": "1", "daily_project_usage": {"usage": days}}}
    (tmp_path / "usage.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="not a usage export"):
        access.measure([tmp_path / "usage.json"], tmp_path / "out")


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\x00", b"", b" \n", b"a" * 9999]
)
def test_a_key_that_is_no_text_is_refused(content, tmp_path):
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "a.csv").write_text("time,app\n2022-01-01T00:00:00Z,a\n")
    arguments = ["ledger", "a.csv", "-o", "out", "--secret", str(tmp_path / "key")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 3
    assert "is not a key" in done.stderr
