"""How fast are access logs measured, in how much memory, and are planted facts found?

    python benchmarks/ledger.py [--rows 8000000] [--form parquet] [--kept 78]
        [--busy 0] [--folder FOLDER]

Invented logs of eight applications in 2022 are written by SQL, one per application and
month, with planted facts: a burst in one quarter of an hour, two applications that
share the quota of a project, a gap of six hours, a copy and an overlapping file,
retries, a clock in Chicago's time, backdated rows, and a government customer. One in
``--kept`` calls has ids, and one day has ``--busy`` more calls. The logs are measured
in another process, whose peak memory is shown, and each fact is looked up in the
tables.

78 million rows take about 1 GB as Parquet and 15 GB as JSON lines. The folder is
temporary unless it is given.
"""

from __future__ import annotations

import json
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from measure import apart, command_line, console, machine, table

from provscan.engine.progress import Progress
from provscan.ledger import access

EPOCH = 1_288_834_974_657
BURST = 4000
BURST_AT = datetime(2022, 6, 15, 14, 2, tzinfo=UTC)
GAP = (datetime(2022, 5, 5, 3, tzinfo=UTC), datetime(2022, 5, 5, 9, tzinfo=UTC))
OVERLAP = (datetime(2022, 3, 10, tzinfo=UTC), datetime(2022, 3, 12, tzinfo=UTC))
POLICE = datetime(2022, 9, 1, 12, tzinfo=UTC)
BUSY = datetime(2022, 10, 12, tzinfo=UTC)
AHEAD = 437
# The government customer makes one in this number of the application's calls.
POLICE_EVERY = 1000

# The row with number `i` of an application and month. In each hundred rows, the 50th is
# a refused call, and the 51st is its retry, at most 5 s later. `r` is the row that
# determines the names and parameters of a row: row `i - 1` for a retry, otherwise row
# `i`.
ROWS = """
    SELECT *, CASE
        WHEN {app} = 5 THEN true_time + INTERVAL {ahead} SECONDS
        WHEN {app} = 6 THEN timezone('America/Chicago', timezone('UTC', true_time))
        WHEN {app} = 7 AND kept AND hash(i, 8) % {backdated} = 0
            THEN true_time - INTERVAL 5 DAYS
        ELSE true_time END AS time
    FROM (
        SELECT i, r, TIMESTAMP '{begin}' + to_microseconds((r * {step}
                + hash(r, {app}) % greatest({step} // 2, 1)::BIGINT
                + (i - r) * least({step} // 2, 5000000))::BIGINT) AS true_time,
            hash(i, {month}, {app}, 9) % {kept} = 0 AND i % 100 <> 50 AS kept
        FROM (SELECT i, if(i % 100 = 51, i - 1, i) AS r FROM range({rows}) t(i))
    )"""
CALLS = """
    SELECT time, 'app-{app}' AS application,
        {project} AS project,
        'token-{app}-' || (hash(r, {month}, 2) % 5) AS token,
        ['/2/tweets/search/recent', '/2/tweets/search/all', '/2/tweets',
         '/2/users/:id/tweets', '/2/tweets/counts/recent', '/2/users']
            [(hash(r, {month}, 3) % 6 + 1)::BIGINT] AS endpoint,
        (hash(r, {month}, {app}, 4) % 10000000000)::VARCHAR AS parameters,
        if(i % 100 = 50, 429, 200)::SMALLINT AS status,
        if(i % 100 = 50, 0, if(kept, 5, hash(i, 5) % 100))::INTEGER AS tweets,
        CASE WHEN kept THEN [
            (((epoch_us(true_time) // 1000) - {epoch}
                - (-4000 * ln(1 - (hash(i, 6) % 1000000) / 1e6))::BIGINT) << 22)
            - (hash(i, 7, n) % 97 * n * 400000000)::BIGINT FOR n IN [0, 1, 2, 3, 4]
        ] END AS ids,
        CASE WHEN {app} = 1 AND time >= TIMESTAMP '{police}' AND i % {police_every} = 7
            THEN 'City Police' WHEN i % 10 = 0 THEN 'Newspaper' END AS organisation
    FROM ({rows})"""


def write(folder: Path, rows: int, form: str, kept: int, busy: int) -> int:
    """Write the logs; return the number of distinct calls."""
    database = connect()
    for app in range(8):
        for month in range(12):
            write_month(database, folder, rows, form, app, month, kept)
    if busy:
        path = folder / "app-0" / f"11-busy.{form}"
        many = f"""SELECT TIMESTAMP '{BUSY:%F %T}'
            + to_microseconds(j * {86_400_000_000 // busy}) AS time, 'app-0' AS
            application, 'project-0' AS project, 'token-0-' || j % 5 AS token,
            '/2/tweets' AS endpoint, j::VARCHAR AS parameters, 200::SMALLINT AS status,
            1 AS tweets, NULL::BIGINT[] AS ids, NULL::VARCHAR AS organisation
            FROM range({busy}) t(j)"""
        _copy(database, many, "true", path)
    copied = folder / "app-4" / f"07.{form}"
    (folder / "app-4" / f"copy-07.{form}").write_bytes(copied.read_bytes())
    paths = f"'{folder}/app-*/[01]*.{form}'"
    return int(_scalar(database, f"SELECT count(*) FROM {_read(paths, form)}"))


def connect() -> Any:
    database = duckdb.connect()
    spill = tempfile.gettempdir()
    database.execute("SET memory_limit = '3GB'; SET TimeZone = 'UTC'")
    database.execute(f"SET temp_directory = '{spill}/ledger-benchmark-spill'")
    return database


def write_month(
    database: Any, folder: Path, rows: int, form: str, app: int, month: int, kept: int
) -> None:
    """Write the log of an application and month, unless it exists."""
    path = folder / f"app-{app}" / f"{month + 1:02}.{form}"
    if path.exists():
        return
    begin = datetime(2022, month + 1, 1)
    end = datetime(2022 + month // 11, (month + 1) % 12 + 1, 1)
    number = round(rows / 8 * ((end - begin) / timedelta(days=365)))
    values = {
        "app": app,
        "month": month,
        "begin": f"{begin:%Y-%m-%d}",
        "step": (end - begin) // timedelta(microseconds=1) // number,
        "rows": number,
        "kept": kept,
        "epoch": EPOCH,
        "ahead": AHEAD,
        "police": f"{POLICE:%Y-%m-%d %H:%M}",
        "police_every": POLICE_EVERY,
        # At least about 20 rows, even if there are few calls.
        "backdated": max(1, min(500, rows // 8 // kept // 20)),
        "project": "'project-0'" if app < 2 else f"'project-{app}'",
    }
    query = CALLS.format(**values | {"rows": ROWS.format(**values)})
    where = "true"
    if app == 3:
        where = f"NOT (time >= '{GAP[0]:%F %T}' AND time < '{GAP[1]:%F %T}')"
    if app == 2 and month == 5:
        query += f""" UNION ALL SELECT TIMESTAMP '{BURST_AT:%F %T}'
            + to_microseconds(j * 150000) AS time, 'app-2', 'project-2',
            'token-2-0', '/2/tweets', j::VARCHAR, 200, 1, NULL, NULL
            FROM range({BURST}) t(j)"""
    if app == 4 and month == 2:
        overlap = f"time >= '{OVERLAP[0]:%F %T}' AND time < '{OVERLAP[1]:%F %T}'"
        _copy(database, query, overlap, path.with_stem("again-03"))
    _copy(database, query, where, path)


def _copy(database: Any, query: str, where: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    form = path.suffix[1:]
    order = f"SELECT * FROM ({query}) WHERE {where} ORDER BY time"
    options = {
        "parquet": "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd",
        "csv": "FORMAT csv, HEADER",
        "jsonl": "FORMAT json",
        "log": "FORMAT csv, HEADER false, DELIMITER E'\\x01', QUOTE '', ESCAPE ''",
    }[form]
    if form == "log":
        order = f"""SELECT '10.0.0.1 - - [' || strftime(time, '%d/%b/%Y:%H:%M:%S +0000')
            || '] "GET ' || endpoint || '?q=' || parameters || ' HTTP/1.1" ' || status
            || ' 99 "-" "client" application=' || application || ' project=' || project
            || ' token=' || token || ' tweets=' || tweets
            || if(ids IS NULL, '', ' ids=' || array_to_string(ids, ','))
            || if(organisation IS NULL, '', ' organisation="' || organisation || '"')
            FROM ({order})"""
    elif form == "csv":
        order = f"SELECT * REPLACE (array_to_string(ids, ' ') AS ids) FROM ({order})"
    database.execute(f"COPY ({order}) TO '{path}.part' ({options})")
    path.with_name(f"{path.name}.part").rename(path)


def _read(paths: str, form: str) -> str:
    if form == "parquet":
        return f"read_parquet({paths})"
    return (
        f"read_csv({paths}, header = {form == 'csv'}, delim = E'\\x01', quote = '', "
        "columns = {'line': 'VARCHAR'})"
    )


def _scalar(database: Any, query: str) -> Any:
    return database.sql(query).fetchall()[0][0]


class Clock(Progress):
    """Records when each stage made progress last, in seconds from the beginning."""

    def __init__(self) -> None:
        self.begun, self.stage = time.perf_counter(), ""
        self.ends: dict[str, float] = {}

    def start(self, stage: str, total: int | None, unit: str) -> None:
        self.stage = stage

    def advance(self, n: int) -> None:
        self.ends[self.stage] = time.perf_counter() - self.begun


def measure(folder: Path, out: Path) -> None:
    """Measure in this process; write the seconds until each stage ended."""
    clock = Clock()
    access.measure([folder], out, key="k", progress=clock)
    (out / "stages.json").write_text(json.dumps(clock.ends))


def facts(
    tables: Path, calls: int, logs: Path, form: str, kept: int, busy: int
) -> list[tuple[str, bool, str]]:
    """Look up each planted fact: its name, whether it was found, and what was found."""

    def rows(name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pq.read_table(
            tables / f"{name}.parquet"
        ).to_pylist()
        return found

    whole = rows("totals")[0]
    found = [("calls", whole["calls"] == calls, f"{whole['calls']:,}")]
    if form == "parquet":
        source = f"read_parquet('{logs}/app-*/[01]*.parquet')"
        pairs = f"SELECT DISTINCT time::DATE, unnest(ids) AS id FROM {source}"
        (days, over_all), (delivered,) = (
            connect().sql(query).fetchall()[0]
            for query in (
                f"SELECT count(*), count(DISTINCT id) FROM ({pairs})",
                f"SELECT sum(tweets) FROM {source} WHERE status = 200",
            )
        )
        found += [
            ("delivered", whole["delivered"] == delivered, f"{delivered:,}"),
            ("ids a day", whole["daily_low"] >= days, f"{days:,}"),
            ("ids", whole["distinct_low"] == over_all, f"{over_all:,}"),
        ]
    usual = calls - busy
    month = round(usual / 8 / 12)
    windows = [
        row
        for row in rows("peaks")
        if (row["scope"], row["window"]) == ("token", 900)
        and row["calls"] >= BURST
        and row["day"] != BUSY.date()
    ]
    top, *more = windows or [{"start": None, "calls": 0}]
    inside = top["calls"] and BURST_AT - timedelta(minutes=15) <= top["start"]
    right = bool(inside and top["start"] <= BURST_AT and not more)
    found.append(("burst", right, f"{top['calls']:,} calls, {len(more)} others"))
    shared = {
        tuple(row["applications"])
        for row in rows("fanout")
        if len(row["applications"]) > 1
    }
    found.append(("fan-out", shared == {("app-0", "app-1")}, str(shared)))
    gaps = [row for row in rows("pauses") if row["kind"] == "gap"]
    right = len(gaps) == 1 and abs(gaps[0]["start"] - GAP[0]) < timedelta(minutes=15)
    found.append(("gap", right, f"{len(gaps)} gaps"))
    files = rows("files")
    again = sum(row["repeated"] or 0 for row in files)
    copies = sum(row["state"] == "copy" for row in files)
    overlap = next(row["rows"] for row in files if "again-03" in row["source"])
    found.append(("overlap", again == overlap, f"{again:,} calls"))
    found.append(("copy", copies == 1, f"{copies} copies"))
    retries = whole["retries"]
    found.append(("retries", abs(retries - usual / 100) < 200, f"{retries:,}"))
    clocks: dict[str, list[dict[str, Any]]] = {}
    for row in rows("clock"):
        clocks.setdefault(Path(row["stream"]).parent.name, []).append(row)
    for app, right_kinds in (("app-6", {"behind"}), ("app-7", {"backdated"})):
        mine = [row for row in clocks[app] if row["rows"] > month / kept / 100]
        kinds = {row["kind"] for row in mine}
        found.append((f"clock of {app}", kinds == right_kinds, f"{kinds}"))
    others = {
        row["kind"]
        for app, mine in clocks.items()
        for row in mine
        if app not in ("app-6", "app-7")
    }
    found.append(("other clocks", others <= {"agrees", "not_measured"}, str(others)))
    police = [
        row for row in rows("organisations") if row["organisation"] == "City Police"
    ]
    first = police[0]["first"] if len(police) == 1 else None
    most = timedelta(days=365) * 8 / usual * (POLICE_EVERY + 1)
    near = first is not None and POLICE <= first < POLICE + most
    found.append(("government", near, str(first)))
    covered = rows("coverage")
    lost = {(row["application"], row["day"]) for row in covered if row["gap"]}
    found.append(("coverage", lost == {("app-3", date(2022, 5, 5))}, str(lost)))
    return found


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--rows", type=int, default=8_000_000, help="number of calls")
    parser.add_argument(
        "--form",
        default="parquet",
        choices=("parquet", "csv", "jsonl", "log"),
        help="format of the logs",
    )
    parser.add_argument(
        "--kept", type=int, default=78, help="one in this number of calls has ids"
    )
    parser.add_argument(
        "--busy", type=int, default=0, help="number of further calls on one day"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="folder that keeps the logs for the next run; by default temporary",
    )
    options = parser.parse_args()
    console.print(machine())
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        logs, out = folder / "logs", folder / "out"
        begun = time.perf_counter()
        chosen = (options.form, options.kept, options.busy)
        calls = write(logs, options.rows, *chosen)
        size = sum(path.stat().st_size for path in logs.rglob("*.*"))
        console.print(
            f"{calls:,} calls in {size / 1e9:.1f} GB of {options.form}, "
            f"written in {time.perf_counter() - begun:.0f} s"
        )
        usage = apart(measure, logs, out)
        shown = table("Stages", "until the end of", "seconds")
        for stage, seconds in json.loads((out / "stages.json").read_text()).items():
            shown.add_row(stage, f"{seconds:.1f}")
        shown.add_row("all", f"{usage.seconds:.1f}")
        console.print(shown)
        console.print(
            f"peak memory {usage.peak / 1e9:.2f} GB, {usage.own / 1e9:.2f} GB without "
            "mapped files"
        )
        shown = table("Planted facts", "fact", "found", "as")
        for name, right, words in facts(out / "tables", calls, logs, *chosen):
            shown.add_row(name, "yes" if right else "NO", words)
        console.print(shown)


if __name__ == "__main__":
    main()
