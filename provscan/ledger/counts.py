"""Compute counts from parts with SQL over all calls; each result is a Parquet file.

:class:`Counts` makes intermediate results, each of which reads all calls: ``repeated``
has the calls that are in several files, ``cells`` sums calls by name and time, and
``ids`` has the distinct ids of each day. :func:`calls`, :func:`totals` and
:func:`organisations` make tables from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.errors import UnusableError
from provscan.ledger.intake import Part
from provscan.ledger.logs import identifier, text
from provscan.ledger.tables import CALLS as CALLS_TABLE
from provscan.ledger.tables import ORGANISATIONS, TOTALS
from provscan.writing import replacing_file

QUARTER = 900
# Maximum number of ids that are counted exactly. More ids are counted by sketches.
EXACT_IDS = 500_000_000
# Size parameter of CPC sketches; the standard error is about 0.6 / sqrt(2 ** SKETCH).
SKETCH = 14
# The calls of two files are compared if the files agree in a whole minute. Repeated
# calls are left out if at least this share of the calls between the first and the last
# such minute agree.
SAME = 0.5
SAME_CALL = "time, key, parameters, status, tweets, newest"
OUTCOMES = """CASE WHEN status IN (401, 403, 420, 429) THEN 'refused'
    WHEN status >= 500 THEN 'failed' ELSE 'answered' END"""
SCOPES = ("application", "project", "user", "token")


class Counts:
    """The database of a measurement, and its intermediate results."""

    def __init__(
        self,
        database: duckdb.DuckDBPyConnection,
        parts: Sequence[Part],
        work: Path,
        windows: Sequence[int],
    ) -> None:
        self.database = database
        self.parts = [part for part in parts if part.path is not None]
        self.work = work
        # The length of a cell in seconds. It divides windows and quarter hours.
        self.cell = math.gcd(QUARTER, *windows)
        self._begin()

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        return self.database.sql(query)

    def made(self, name: str, query: str | Callable[[], pa.Table]) -> None:
        """Write the result of a query to a file, and make a view ``name`` of it."""
        path = self.work / f"{name}.parquet"
        if not path.exists():
            with replacing_file(path) as target:
                if isinstance(query, str):
                    self.sql(f"COPY ({query}) TO {text(str(target))} (FORMAT parquet)")
                else:
                    pq.write_table(query(), target)
        self.sql(
            f"CREATE OR REPLACE VIEW {name} AS "
            f"SELECT * FROM read_parquet({text(str(path))})"
        )

    def _begin(self) -> None:
        """Make the views `names`, `files` and `calls`."""
        listed = ", ".join(text(str(part.names)) for part in self.parts)
        self.made(
            "names",
            f"""SELECT row_number() OVER (ORDER BY key) - 1 AS i, *,
                {
                ", ".join(
                    f"dense_rank() OVER (ORDER BY {identifier(scope)}, endpoint)"
                    f" - 1 AS of_{scope}"
                    for scope in SCOPES
                )
            },
                dense_rank() OVER (ORDER BY application, project, endpoint) AS place,
                dense_rank() OVER (
                    ORDER BY coalesce(token, "user", application), endpoint) AS holder
            FROM (SELECT DISTINCT * FROM read_parquet([{listed}])) ORDER BY key""",
        )
        files = [
            {"part": number, "stream": part.about["stream"]}
            | {name: part.about[name] for name in ("source", "first", "last", "state")}
            | {"bad": part.about["bad"]}
            for number, part in enumerate(self.parts)
        ]
        self.database.register("files", pa.Table.from_pylist(files))
        self.sql(f"CREATE VIEW every AS {self._rows(range(len(self.parts)))}")
        self.made("repeated", lambda: self.sql(self._repeated()).to_arrow_table())
        self.sql(f"CREATE VIEW calls AS {self.calls(range(len(self.parts)))}")

    def _rows(self, parts: Sequence[int]) -> str:
        paths = ", ".join(text(str(self.parts[number].path)) for number in parts)
        return f"""SELECT {list(parts)}[file_index::BIGINT + 1]::BIGINT AS part, *,
            {OUTCOMES} AS outcome FROM read_parquet([{paths}])"""

    def calls(self, parts: Sequence[int]) -> str:
        """Return SQL for the calls of some parts, without repeated calls."""
        left_out = ""
        if self.sql("SELECT count(*) FROM repeated").fetchall()[0][0]:
            left_out = "ANTI JOIN repeated USING (part, row)"
        return f"SELECT * FROM ({self._rows(parts)}) {left_out}"

    def _repeated(self) -> str:
        """Return SQL for the calls (``part``, ``row``) that are in an earlier file."""
        paths = ", ".join(text(str(part.names)) for part in self.parts)
        keys = f"SELECT file_index AS part, key FROM read_parquet([{paths}])"
        overlapping = self.sql(
            f"""WITH keys AS ({keys})
            SELECT DISTINCT unnest([a.part, b.part]) AS part FROM files a
            JOIN files b ON a.part < b.part AND a.first <= b.last AND b.first <= a.last
            JOIN keys x ON x.part = a.part
            JOIN keys y ON y.part = b.part AND y.key = x.key ORDER BY part"""
        ).fetchall()
        self.sql("CREATE TEMP TABLE agreeing (part BIGINT, row BIGINT)")
        if overlapping:
            pairs = self.sql(
                f"""WITH minutes AS (
                    SELECT part, date_trunc('minute', time) AS minute,
                        count(*) AS calls, sum(hash({SAME_CALL})::HUGEINT) AS checksum
                    FROM ({self._rows([part for (part,) in overlapping])})
                    GROUP BY ALL
                ) SELECT x.part, y.part, min(minute)::VARCHAR, max(minute)::VARCHAR
                FROM minutes x JOIN minutes y USING (minute, calls, checksum)
                WHERE x.part < y.part GROUP BY ALL ORDER BY ALL"""
            ).fetchall()
            for a, b, first, last in pairs:
                self._compare(a, b, first, last)
        return "SELECT DISTINCT * FROM agreeing"

    def _compare(self, a: int, b: int, first: str, last: str) -> None:
        """Add the calls of part ``b`` that are also in part ``a`` to ``agreeing``, if
        most calls agree between the first and the last minute in which all agree.
        """
        inside = f"""time BETWEEN TIMESTAMP '{first}' - INTERVAL {{0}} MINUTE
            AND TIMESTAMP '{last}' + INTERVAL {{1}} MINUTE"""
        # Include the minutes before and after, in which a file may begin or end.
        numbered = f"""SELECT part, row, {SAME_CALL}, row_number() OVER (
            PARTITION BY part, {SAME_CALL} ORDER BY row) AS nth
            FROM ({self._rows([a, b])}) WHERE {inside.format(1, 2)}"""
        agree = " AND ".join(
            f"x.{name} IS NOT DISTINCT FROM y.{name}" for name in SAME_CALL.split(", ")
        )
        self.sql(
            f"""CREATE OR REPLACE TEMP TABLE compared AS SELECT y.part, y.row
            FROM ({numbered}) x JOIN ({numbered}) y ON x.nth = y.nth AND {agree}
            WHERE x.part = {a} AND y.part = {b}"""
        )
        self.sql(
            f"""INSERT INTO agreeing FROM compared
            WHERE (SELECT count(*) FROM compared) >= {SAME} * (
                SELECT min(calls) FROM (
                    SELECT count(*) AS calls FROM ({self._rows([a, b])})
                    WHERE {inside.format(0, 1)} GROUP BY part))"""
        )

    def cells(self) -> None:
        """Make ``cells``: sums by part, key and time, in steps of ``cell`` seconds."""
        sampled = self.sql("SELECT 1 FROM calls WHERE share < 1 LIMIT 1").fetchall()
        self.sampled = bool(sampled)
        delivered = "if(outcome = 'answered', tweets, 0)"
        weighed = f"""sum(1 / share) AS calls_estimate,
            sum((1 - share) / share ** 2) AS calls_variance,
            sum({delivered} / share) AS delivered_estimate,
            sum({delivered} ** 2 * (1 - share) / share ** 2) AS delivered_variance,
            min(share) AS share,"""
        source = "calls"
        if self.sampled:
            source = "(SELECT * REPLACE (coalesce(share, 1) AS share) FROM calls)"
        self.made(
            "cells",
            f"""SELECT part, i, cell * {self.cell} AS start,
                c.* EXCLUDE (part, key, cell)
            FROM (
                SELECT part, key, epoch_us(time) // {self.cell}000000 AS cell,
                    count(*) AS calls,
                    count(*) FILTER (outcome = 'refused') AS refused,
                    count(*) FILTER (outcome = 'failed') AS failed,
                    coalesce(sum({delivered}), 0)::BIGINT AS delivered,
                    count(ids) FILTER (outcome = 'answered') AS calls_with_ids,
                    coalesce(sum({delivered}) FILTER (ids IS NULL), 0)::BIGINT
                        AS delivered_without_ids,
                    count(*) FILTER (outcome = 'answered' AND tweets IS NULL)
                        AS uncounted,
                    max({delivered}) AS most, max(quota) AS quota,
                    coalesce(sum(len(ids)) FILTER (outcome = 'answered'), 0)::BIGINT
                        AS ids,
                    {weighed if self.sampled else ""}
                    min(time) AS first, max(time) AS last,
                    min(time) FILTER (outcome = 'answered') AS first_answered,
                    max(time) FILTER (outcome = 'answered') AS last_answered
                FROM {source} GROUP BY ALL
            ) c JOIN names USING (key)""",
        )

    def ids(self) -> None:
        """Make ``days`` (the distinct ids by place and day), or ``sketches``."""
        number = self.sql("SELECT sum(ids) FROM cells").fetchall()[0][0] or 0
        self.exact = number <= EXACT_IDS
        listed = """SELECT place, time::DATE AS day, unnest(ids) AS id
            FROM calls JOIN names USING (key)
            WHERE ids IS NOT NULL AND outcome = 'answered'"""
        if self.exact:
            self.made("days", f"SELECT DISTINCT * FROM ({listed})")
        else:
            self.made("sketches", lambda: self._sketched(listed))

    def _sketched(self, listed: str) -> pa.Table:
        """Return one CPC sketch per place and day."""
        sketch = datasketches().cpc_sketch
        sketches: dict[tuple[int, Any], Any] = {}
        for batch in self.sql(listed).to_arrow_reader(1 << 20):
            parts = (
                pa.table(batch).group_by(["place", "day"]).aggregate([("id", "list")])
            )
            for part in parts.to_pylist():
                place = (part["place"], part["day"])
                update = sketches.setdefault(place, sketch(SKETCH)).update
                for number in part["id_list"]:
                    update(number)
        return pa.table(
            {
                "place": pa.array([place for place, _ in sketches], pa.int64()),
                "day": pa.array([day for _, day in sketches], pa.date32()),
                "sketch": pa.array(
                    [each.serialize() for each in sketches.values()], pa.binary()
                ),
            }
        )

    def distinct(self, columns: Sequence[str]) -> dict[Any, tuple[int, int, int]]:
        """Return the number of distinct ids (estimate, low, high), grouped by these
        columns of ``names`` and by ``day`` if it is among them.
        """
        listed = ", ".join(columns) or "1"
        places = "(SELECT DISTINCT place, application, project, endpoint FROM names)"
        if self.exact:
            rows = self.sql(
                f"""SELECT {listed}, count(*) FROM (
                    SELECT DISTINCT {listed}, id FROM days JOIN {places} USING (place)
                ) GROUP BY ALL"""
            ).fetchall()
            return {row[:-1]: (row[-1],) * 3 for row in rows}
        unions: dict[Any, Any] = {}
        library = datasketches()
        rows = self.sql(
            f"SELECT {listed}, sketch FROM sketches JOIN {places} USING (place)"
        ).fetchall()
        for row in rows:
            union = unions.setdefault(row[:-1], library.cpc_union(SKETCH))
            union.update(library.cpc_sketch.deserialize(row[-1]))
        results = {name: union.get_result() for name, union in unions.items()}
        return {
            name: (
                round(sketch.get_estimate()),
                math.floor(sketch.get_lower_bound(2)),
                math.ceil(sketch.get_upper_bound(2)),
            )
            for name, sketch in results.items()
        }


def datasketches() -> Any:
    try:
        import datasketches
    except ImportError:
        raise UnusableError(
            f"more than {EXACT_IDS:,} ids are counted by sketches, for which a package "
            "is missing: pip install 'provscan[ledger]'"
        ) from None
    return datasketches


def calls(counts: Counts) -> pa.Table:
    """Return the table ``calls``."""
    distinct = counts.distinct(("application", "project", "endpoint", "day"))
    found = [
        dict(zip(("application", "project", "endpoint", "day"), name, strict=True))
        | {"distinct": number}
        for name, (number, _, _) in distinct.items()
    ]
    schema = pa.schema(
        [
            field
            for field in CALLS_TABLE
            if field.name in ("application", "project", "endpoint", "day", "distinct")
        ]
    )
    counts.database.register("found", pa.Table.from_pylist(found, schema))
    summed = """SELECT application, project, endpoint,
            make_timestamp(start * 1000000)::DATE AS day,
            sum(calls) AS calls, sum(refused) AS refused, sum(failed) AS failed,
            sum(delivered) AS delivered, sum(calls_with_ids) AS calls_with_ids,
            sum(delivered_without_ids) AS delivered_without_ids,
            sum(uncounted) AS uncounted, max(quota) AS stated_limit
        FROM cells JOIN names USING (i) GROUP BY ALL"""
    again = """SELECT application, project, endpoint, day, sum(retries) AS retries
        FROM retries JOIN names USING (i) GROUP BY ALL"""
    same = " AND ".join(
        f"s.{name} IS NOT DISTINCT FROM {{0}}.{name}"
        for name in ("application", "project", "endpoint", "day")
    )
    return counts.sql(
        f"""SELECT s.*, coalesce(r.retries, 0) AS retries, f."distinct"
        FROM ({summed}) s LEFT JOIN ({again}) r ON {same.format("r")}
        LEFT JOIN found f ON {same.format("f")}
        ORDER BY application, project, endpoint, day"""
    ).to_arrow_table()


def totals(counts: Counts) -> pa.Table:
    """Return the table ``totals``."""
    rows = []
    for scope in ("all", "application", "project"):
        columns = [] if scope == "all" else [scope]
        daily = counts.distinct([*columns, "day"])
        distinct = counts.distinct(columns)
        for sums in _sums(counts, columns):
            name = sums.pop("name")
            of_days = {
                key[-1]: value
                for key, value in daily.items()
                if scope == "all" or key[0] == name
            }
            overall = distinct.get((1,) if scope == "all" else (name,), (0, 0, 0))
            if scope != "all" and name is None:
                continue
            rows.append(_total(counts, scope, name, sums, of_days, overall))
    return pa.Table.from_pylist(rows, TOTALS)


def _sums(counts: Counts, columns: list[str]) -> list[dict[str, Any]]:
    name = columns[0] if columns else "NULL::VARCHAR"
    weighed = "NULL AS calls_estimate"
    summed = ["calls", "refused", "failed", "uncounted", "delivered"]
    summed.append("delivered_without_ids")
    if counts.sampled:
        summed += [
            f"{what}_{of}"
            for what in ("calls", "delivered")
            for of in ("estimate", "variance")
        ]
        weighed = """sum(calls_estimate) AS calls_estimate,
            1.96 * sqrt(sum(calls_variance)) AS calls_margin,
            sum(delivered_estimate) AS delivered_estimate,
            1.96 * sqrt(sum(delivered_variance)) AS delivered_margin"""
    day = "make_timestamp(start * 1000000)::DATE"
    return (
        counts.sql(
            f"""SELECT d.*, coalesce(r.retries, 0)::BIGINT AS retries FROM (
            SELECT name, min(first) AS first, max(last) AS last,
                sum(calls)::BIGINT AS calls, sum(refused)::BIGINT AS refused,
                sum(failed)::BIGINT AS failed, sum(uncounted)::BIGINT AS uncounted,
                sum(delivered)::BIGINT AS delivered, max(most) AS most,
                sum(delivered_without_ids)::BIGINT AS without,
                map_from_entries(list((day, most))) AS most_daily, {weighed}
            FROM (
                SELECT {name} AS name, {day} AS day, min(first) AS first,
                    max(last) AS last, max(most) AS most,
                    {", ".join(f"sum({each}) AS {each}" for each in summed)}
                FROM cells JOIN names USING (i) GROUP BY name, day
            ) GROUP BY name
        ) d LEFT JOIN (
            SELECT {name} AS name, sum(retries) AS retries
            FROM retries JOIN names USING (i) GROUP BY name
        ) r ON r.name IS NOT DISTINCT FROM d.name ORDER BY name"""
        )
        .to_arrow_table()
        .to_pylist()
    )


def _total(
    counts: Counts,
    scope: str,
    name: str | None,
    sums: dict[str, Any],
    days: dict[Any, tuple[int, int, int]],
    overall: tuple[int, int, int],
) -> dict[str, Any]:
    """Return a row of ``totals``: exact counts, or bounds if ids are missing."""
    most_daily = dict(sums.pop("most_daily"))
    without, uncounted, most = sums.pop("without"), sums["uncounted"], sums.pop("most")
    daily = [sum(value[at] for value in days.values()) for at in range(3)]
    complete = not without and not uncounted
    # The tweets of one response are distinct.
    daily_low = sum(
        max(days.get(day, (0, 0))[1], largest or 0)
        for day, largest in most_daily.items()
    )
    sampled = sums["calls_estimate"] is not None
    row = {"scope": scope, "name": name} | {
        key: value for key, value in sums.items() if not key.endswith("_margin")
    }
    unbounded = uncounted or sampled
    row |= {
        "daily_value": daily[0] if complete else None,
        "daily_low": daily[1] if complete else daily_low,
        "daily_high": None if unbounded else daily[2] + without,
        "distinct_value": overall[0] if complete else None,
        "distinct_low": overall[1] if complete else max(overall[1], most or 0),
        "distinct_high": None if unbounded else overall[2] + without,
        "method": "bounds" if not complete else "exact" if counts.exact else "sketch",
    }
    said = []
    if without:
        said.append(
            f"ids are missing for {without:,} of {sums['delivered']:,} delivered "
            "tweets, so distinct tweets are bounded: at most as if all of these were "
            "distinct, at least the distinct ids logged, or the largest response"
        )
    if uncounted:
        said.append(
            f"{uncounted:,} answered calls state neither ids nor a number of tweets: "
            "delivered leaves them out, and no upper bound can be given"
        )
    if sampled:
        for what in ("calls", "delivered"):
            margin = sums[f"{what}_margin"]
            row[f"{what}_low"] = row[f"{what}_estimate"] - margin
            row[f"{what}_high"] = row[f"{what}_estimate"] + margin
        said.append(
            "logs are samples: counts are those in the logs, estimates assume that "
            "calls were sampled independently, and distinct tweets have no upper bound"
        )
    if not counts.exact:
        said.append(
            "distinct ids are estimated; bounds are those of a CPC sketch (95 %)"
        )
    row["says"] = "; ".join(said) or "every delivered tweet has an id"
    return row


def organisations(counts: Counts) -> pa.Table:
    """Return the table ``organisations``."""
    return (
        counts.sql(
            """SELECT organisation, declared_use, region, application,
            min(first_answered) AS first, max(last_answered) AS last,
            sum(answered)::BIGINT AS calls,
            sum(delivered)::BIGINT AS delivered
        FROM (SELECT *, calls - refused - failed AS answered FROM cells)
            JOIN names USING (i)
        WHERE answered > 0
            AND coalesce(organisation, declared_use, region) IS NOT NULL
        GROUP BY ALL ORDER BY ALL"""
        )
        .to_arrow_table()
        .cast(ORGANISATIONS)
    )
