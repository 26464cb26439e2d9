"""Test the logs of clients: each kind of line, and counts that were made by hand."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from provscan.errors import InputError
from provscan.ledger import access

EPOCH = 1_288_834_974_657
V1, V2 = "https://api.twitter.com/1.1", "https://api.twitter.com/2"
SEARCH = (
    f"getting ('{V1}/search/tweets.json',) {{'params': {{'q': 'x', 'count': 100}}}}"
)
LOOKUP = f"posting ('{V1}/statuses/lookup.json',) {{'data': {{'id': '5,6'}}}}"
ALL = f"getting ('{V2}/tweets/search/all',) {{'params': {{'query': 'x'}}}}"
START = "using config /home/x/.config/twarc/config"


def log(folder: Path, *words: str, day: int = 0) -> Path:
    """Write a log with one line per second."""
    start = datetime(2022, 8, 1 + day, 17, 37, 55, 963_000)
    lines = [
        f"{start + timedelta(seconds=n):%Y-%m-%d %H:%M:%S},963 INFO {line}"
        for n, line in enumerate(words)
    ]
    (folder / "twarc.log").write_text("\n".join(lines) + "\n")
    return folder / "twarc.log"


def rows(tables: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(tables / f"{name}.parquet").to_pylist()


def measured(path: Path) -> Path:
    return access.measure([path], path.parent / "out", key="k")


# The messages of a log; the expected numbers of calls, refused, failed, retries,
# delivered and uncounted; and a part of the note on the file.
CASES: dict[str, tuple[list[str], tuple[int, ...], str]] = {
    "search by pages until none is left": (
        [SEARCH, "archived 11", "archived 12", SEARCH, "no new tweets matching {}"],
        (2, 0, 0, 0, 2, 0),
        "",
    ),
    "a response with all ids in one line, and one without ids": (
        [START, ALL, "archived 11,12,13", ALL, "archived", "No more results for x."],
        (2, 0, 0, 0, 3, 0),
        "",
    ),
    "refused, then tried again": (
        [SEARCH, "rate limit exceeded: sleeping 30.5 secs", SEARCH, "archived 11"],
        (2, 1, 0, 1, 1, 0),
        "",
    ),
    "statuses in messages": (
        [
            ALL,
            "Unexpected HTTP response: <Response [403]>",
            ALL.replace("x", "y"),
            f"401 Authentication required for {V2}/tweets/search/all?query=y",
            ALL.replace("x", "z"),
            "503 from Twitter search/all API, sleeping 1",
            ALL.replace("x", "z"),
            "caught http error 420 Client Error: Enhance Your Calm on 1 try",
        ],
        (4, 3, 1, 1, 0, 0),
        "",
    ),
    "no response at all": (
        [ALL, "caught connection error: refused on 1 try", ALL, "archived 11"],
        (2, 0, 1, 1, 1, 0),
        "",
    ),
    "a stream that breaks off": (
        [
            ALL,
            "archived 11",
            "archived 12",
            "caught connection error: EOF on 1 try",
            ALL,
            "archived 13",
        ],
        (2, 0, 0, 0, 3, 0),
        "",
    ),
    "a refused request that the log does not show": (
        [
            SEARCH,
            "archived 11",
            "rate limit exceeded: sleeping 30.5 secs",
            SEARCH,
            "archived 12",
        ],
        (3, 1, 0, 0, 2, 0),
        "refused requests that the log shows only by their refusal: 1",
    ),
    "stopped before the answer": (
        [SEARCH, "archived 11", SEARCH, "process received SIGNT, stopping"],
        (2, 0, 0, 0, 1, 0),
        "requests without an answer in the log, which count as calls that delivered no "
        "tweets: 1",
    ),
    "the last request of a log that goes on elsewhere": (
        [SEARCH, "archived 11", SEARCH, "Starting new HTTPS connection (1): api.x"],
        (2, 0, 0, 0, 1, 0),
        "requests without an answer in the log",
    ),
    "no tweet of a hydrated list is left": (
        [
            *[LOOKUP, "archived 5", "hydrating 2 ids", LOOKUP],
            *["hydrating ['7']", LOOKUP, "archived 7"],
        ],
        (3, 0, 0, 0, 2, 0),
        "",
    ),
    "followers, users and trends are not tweets": (
        [
            f"getting ('{V1}/followers/ids.json',) {{'params': {{'cursor': -1}}}}",
            "archived 473924872",
            "archived 1133950156166926336",
            f"getting ('{V1}/users/lookup.json',) {{'params': {{'user_id': '1,2'}}}}",
            "archived 1",
            f"getting ('{V1}/trends/place.json',) {{'params': {{'id': 1}}}}",
            "archived #happy2022",
        ],
        (3, 0, 0, 0, 0, 0),
        "of users, trends or other objects: 3",
    ),
    "ids that are read from a file": (
        [
            "loading None profile from config /home/x/.twarc",
            f"getting ('{V1}/account/verify_credentials.json',) {{}}",
            "archived 11",
            "archived 12",
        ],
        (1, 0, 0, 0, 0, 0),
        "since the client read them from a file",
    ),
    "replies among other tweets": (
        [
            *[LOOKUP, "archived 5", "looking for replies to: 5", SEARCH, SEARCH],
            *["found reply: 8", "archived 8", SEARCH, "no new tweets matching {}"],
        ],
        (4, 0, 0, 0, 2, 1),
        "responses whose other tweets the log does not list: 1",
    ),
    "pages of a timeline without ids": (
        [
            f"getting ('{V2}/users/12345/tweets',) {{}}",
            f"getting ('{V2}/users/12345/tweets',) {{'pagination_token': 'x'}}",
            "No more results for timeline 12345.",
            f"getting ('{V2}/users',) {{'ids': '12345'}}",
            START,
        ],
        (3, 0, 0, 0, 0, 2),
        "",
    ),
    "no request is logged": (
        [
            *["creating http session", "starting search for x"],
            "archived https://twitter.com/y2/status/11",
        ],
        (1, 0, 0, 0, 1, 0),
        "calls that are inferred from a pause of 0.1 s",
    ),
    "a traceback, and a request to another host": (
        [
            ALL,
            "caught exception\nTraceback (most recent call last):\n  File 'x.py'\n"
            "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests",
            "getting ('https://example.com/2/tweets',) {}",
        ],
        (1, 1, 0, 0, 0, 0),
        "",
    ),
}


@pytest.fixture(scope="module")
def lines_of_twarc(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder with a log for each test case, and the tables of all logs. Each
    log has its own application and day.
    """
    folder, mapping = tmp_path_factory.mktemp("twarc"), []
    for number, (words, _, _) in enumerate(CASES.values()):
        (folder / str(number)).mkdir()
        log(folder / str(number), *words, day=number)
        mapping.append(
            f'[[log]]\nfiles = "*/{number}/twarc.log"\n'
            f'constants.application = "{number}"\n'
        )
    (folder / "mapping.toml").write_text("".join(mapping))
    logs = [folder / str(number) for number in range(len(CASES))]
    mapped = folder / "mapping.toml"
    return folder, access.measure(logs, folder / "out", mapping=mapped, key="k")


@pytest.mark.parametrize("case", CASES)
def test_lines_of_twarc(case: str, lines_of_twarc: tuple[Path, Path]) -> None:
    folder, tables = lines_of_twarc
    _, expected, note = CASES[case]
    number = str(list(CASES).index(case))
    (total,) = (
        row
        for row in rows(tables, "totals")
        if (row["scope"], row["name"]) == ("application", number)
    )
    names = ("calls", "refused", "failed", "retries", "delivered", "uncounted")
    assert tuple(total[name] for name in names) == expected
    path = folder / number / "twarc.log"
    (file,) = (row for row in rows(tables, "files") if row["source"] == str(path))
    assert note in file["detail"]
    # Each line is a call or is counted in "other".
    assert file["rows"] + file["other"] == len(path.read_text().splitlines())
    assert (file["format"], file["bad"]) == ("client", 0)


def test_calls_without_requests_are_separated_by_pauses(tmp_path: Path) -> None:
    times = ["00,000", "00,001", "00,700", "00,701"]
    (tmp_path / "twarc.log").write_text(
        "".join(
            f"2016-01-13 15:43:{time} INFO archived https://twitter.com/a/status/5{n}\n"
            for n, time in enumerate(times)
        )
    )
    tables = measured(tmp_path / "twarc.log")
    assert [(r["calls"], r["delivered"]) for r in rows(tables, "calls")] == [(2, 4)]


def test_requests_that_urllib3_logs(tmp_path: Path) -> None:
    get = '"GET /2/tweets/search/recent?query=x HTTP/1.1" 200 23279'
    (tmp_path / "debug.log").write_text(
        "some words before the first line\n"
        "2022-11-01 19:32:47,560 [DEBUG]: Starting new HTTPS connection (1): a.b:443\n"
        f"2022-11-01 19:32:48,000 [DEBUG]: https://api.twitter.com:443 {get}\n"
        f"2022-11-01T19:33:48Z urllib3.connectionpool - DEBUG - {get}\n"
        "2022-11-01 19:34:47 DEBUG urllib3.connectionpool https://api.x.com:443 "
        '"GET /1.1/trends/place.json?id=1 HTTP/1.1" 429 52\n'
        f"2022-11-01 19:35:00,000 - DEBUG - https://example.com:443 {get}\n"
        f"DEBUG:urllib3.connectionpool:https://api.twitter.com:443 {get}\n"
    )
    tables = measured(tmp_path / "debug.log")
    counted = {
        r["endpoint"]: (r["calls"], r["refused"], r["uncounted"])
        for r in rows(tables, "calls")
    }
    assert counted == {
        "/2/tweets/search/recent": (2, 0, 2),
        "/1.1/trends/place": (1, 1, 0),
    }
    (bad,) = rows(tables, "bad_lines")
    assert (bad["lines"], bad["example_line"]) == (2, 1)


def test_a_request_that_twarc_and_urllib3_log_is_one_call(tmp_path: Path) -> None:
    done = 'https://api.twitter.com:443 "GET /2/tweets/search/all?query=x HTTP/1.1" '
    words = [ALL, done + "429 20", ALL, done + "200 99", "archived 11,12"]
    total = rows(measured(log(tmp_path, *words)), "totals")[0]
    assert (total["calls"], total["refused"], total["delivered"]) == (2, 1, 2)


def test_a_stream_is_not_a_pause(tmp_path: Path) -> None:
    stream = "posting ('https://stream.twitter.com/1.1/statuses/filter.json', {}) {}"
    (tmp_path / "twarc.log").write_text(
        f"2022-02-14 22:00:00,000 INFO {stream}\n"
        "2022-02-14 22:00:01,000 INFO archived 11\n"
        "2022-02-15 01:59:59,000 INFO archived 12\n"
        f"2022-02-15 02:00:59,000 INFO {SEARCH}\n"
        "2022-02-15 02:01:00,000 INFO archived 12\n"
    )
    tables = measured(tmp_path / "twarc.log")
    assert [row["seconds"] for row in rows(tables, "pauses")] == [60]
    assert "after midnight" in rows(tables, "files")[0]["detail"]


def test_a_log_without_a_call_is_named_with_its_first_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="contains no call"):
        measured(log(tmp_path, START, "creating config file: x"))
    (tmp_path / "debug.log").write_text(
        'DEBUG:urllib3:https://api.x.com:443 "GET /2/tweets?ids=1 HTTP/1.1" 200 9\n'
    )
    with pytest.raises(
        InputError, match=r"1 bad line and no call; .* line 1 \(not_the_f"
    ):
        measured(tmp_path / "debug.log")


@pytest.mark.parametrize("behind", [0, 6])
def test_counts_pause_and_clock_of_a_client(behind: int, tmp_path: Path) -> None:
    """Two searches every 11 minutes return the tweets of the last hours, many of them
    repeatedly. The log has the local time of the client.
    """
    draw = random.Random(behind)
    now = datetime(2022, 12, 8, 16, tzinfo=UTC).timestamp()
    posted = {
        query: [now + draw.uniform(-30_000, 200_000) for _ in range(1000)]
        for query in "ab"
    }
    lines = []
    for run in range(150):
        now += 660 + (5000 if run == 70 else draw.uniform(0, 9))
        for query, times in posted.items():
            local = [
                datetime.fromtimestamp(time - 3600 * behind, UTC)
                for time in (now, now + 2)
            ]
            asked, answered = (f"{t:%Y-%m-%d %H:%M:%S},{run:03} INFO" for t in local)
            found = sorted(t for t in times if now - 22_800 < t < now)[:-101:-1]
            ids = ",".join(str(int(1000 * time) - EPOCH << 22) for time in found)
            lines += [
                f"{asked} {START}",
                f"{asked} getting ('{V2}/tweets/search/all',) {{'query': '{query}'}}",
                f"{answered} archived {ids}",
            ]
            now += 3
    (tmp_path / "twarc.log").write_text("\n".join(lines) + "\n")
    tables = measured(tmp_path / "twarc.log")

    pairs = [
        (line[:10], each)
        for line in lines
        if "archived" in line
        for each in re.findall(r"\d{19}", line)
    ]
    calls = [
        datetime.fromisoformat(line[:23].replace(",", "."))
        for line in lines
        if "getting" in line
    ]
    total = rows(tables, "totals")[0]
    assert total["calls"] == len(calls) == 300
    assert total["delivered"] == len(pairs)
    assert total["daily_value"] == len(set(pairs))
    assert total["distinct_value"] == len({each for _, each in pairs})
    pauses = [(b - a).total_seconds() for a, b in pairwise(calls)]
    longest = max(row["seconds"] for row in rows(tables, "pauses"))
    assert longest == pytest.approx(max(pauses))
    (clock,) = rows(tables, "clock")
    assert clock["kind"] == ("zone" if behind else "agrees")
    assert behind == 0 or clock["offset"] == -3600 * behind
