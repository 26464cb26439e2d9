"""Compute counts from parts with SQL over all calls; each result is a Parquet file.

:class:`Counts` makes intermediate results, each of which reads all calls: ``repeated``
has the calls that are in several files, ``sums`` adds up calls by name and day,
``quarters`` shows when each application was recorded, and ``days`` has the distinct
ids of each day. ``access.sql`` makes tables from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.errors import UnusableError
from provscan.ledger.intake import Part
from provscan.ledger.logs import text
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
# A response that arrives for more than a minute, as a stream does, is not a pause.
UNTIL = "if(seen > time + INTERVAL 1 MINUTE, seen, time)"
UNWEIGHED = """NULL::DOUBLE AS share, NULL::DOUBLE AS calls_estimate,
    NULL::DOUBLE AS calls_variance, NULL::DOUBLE AS delivered_estimate,
    NULL::DOUBLE AS delivered_variance"""
# In a sample, each call counts 1 / share times; this is the Horvitz-Thompson estimator.
WEIGHED = """min(share_) AS share, sum(1 / share_) AS calls_estimate,
    sum((1 - share_) / share_ ** 2) AS calls_variance,
    sum(delivered / share_) AS delivered_estimate,
    sum(delivered ** 2 * (1 - share_) / share_ ** 2) AS delivered_variance"""
SCOPES = ("application", "project", "user", "token")


class Counts:
    """The database of a measurement, and its intermediate results."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, parts: Sequence[Part], work: Path
    ) -> None:
        self.database = database
        self.parts = [part for part in parts if part.path is not None]
        self.work = work
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
        """Make the views `names`, `files`, `every` and `calls`."""
        listed = ", ".join(text(str(part.names)) for part in self.parts)
        ranks = ", ".join(
            f"dense_rank() OVER (ORDER BY {columns}) - 1 AS {name}"
            for name, columns in {
                **{f"of_{scope}": f'"{scope}", endpoint' for scope in SCOPES},
                "who": "application",
                "place": "application, project, endpoint",
                "holder": 'coalesce(token, "user", application), endpoint',
            }.items()
        )
        self.made(
            "names",
            f"""SELECT row_number() OVER (ORDER BY key) - 1 AS i, *, {ranks}
            FROM (SELECT DISTINCT * FROM read_parquet([{listed}])) ORDER BY key""",
        )
        columns = ("source", "stream", "first", "last", "state", "bad")
        files = [
            {"part": number, **{name: part.about[name] for name in columns}}
            for number, part in enumerate(self.parts)
        ]
        self.database.register("files", pa.Table.from_pylist(files))
        every = range(len(self.parts))
        self.sql(f"CREATE VIEW every AS {self._rows(every)}")
        self.made("repeated", lambda: self.sql(self._repeated()).to_arrow_table())
        self.sql(f"CREATE VIEW calls AS {self.calls(every)}")

    def _rows(self, parts: Iterable[int]) -> str:
        paths = ", ".join(text(str(self.parts[number].path)) for number in parts)
        return f"""SELECT {list(parts)}[file_index::BIGINT + 1]::INTEGER AS part, *,
            {OUTCOMES} AS outcome FROM read_parquet([{paths}])"""

    def calls(self, parts: Iterable[int]) -> str:
        """Return SQL for the calls of some parts, without repeated calls."""
        left_out = ""
        if self.sql("SELECT count(*) FROM repeated").fetchall()[0][0]:
            left_out = "ANTI JOIN repeated USING (part, row)"
        return f"SELECT * FROM ({self._rows(parts)}) {left_out}"

    def within(self, begin: int, end: int) -> list[int]:
        """Return the parts with calls in a period, given in seconds since 1970."""
        return [
            number
            for number, part in enumerate(self.parts)
            if part.about["first"].timestamp() < end
            and part.about["last"].timestamp() >= begin
        ]

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
        self.sql("CREATE TEMP TABLE agreeing (part INTEGER, row BIGINT)")
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

    def sums(self) -> None:
        """Make ``sums`` (by name and UTC day) and ``quarters`` (by part, application
        and quarter of an hour).
        """
        sampled = self.sql("SELECT 1 FROM calls WHERE share < 1 LIMIT 1").fetchall()
        self.sampled = bool(sampled)
        share = "coalesce(share, 1)" if self.sampled else "1"
        self.made(
            "sums",
            f"""SELECT i, s.* EXCLUDE (key) FROM (
                SELECT key, time::DATE AS day, count(*) AS calls,
                    count(*) FILTER (outcome = 'refused') AS refused,
                    count(*) FILTER (outcome = 'failed') AS failed,
                    coalesce(sum(delivered), 0)::BIGINT AS delivered,
                    count(ids) FILTER (answered) AS calls_with_ids,
                    coalesce(sum(delivered) FILTER (ids IS NULL), 0)::BIGINT
                        AS delivered_without_ids,
                    count(*) FILTER (answered AND tweets IS NULL) AS uncounted,
                    coalesce(max(delivered), 0) AS most, max(quota) AS quota,
                    coalesce(sum(len(ids)) FILTER (answered), 0)::BIGINT AS ids,
                    min(time) AS first, max(time) AS last,
                    min(time) FILTER (answered) AS first_answered,
                    max(time) FILTER (answered) AS last_answered, {
                WEIGHED if self.sampled else UNWEIGHED
            }
                FROM (SELECT *, outcome = 'answered' AS answered,
                    if(answered, tweets, 0) AS delivered, {share} AS share_
                    FROM calls) GROUP BY ALL
            ) s JOIN names USING (key)""",
        )
        self.made(
            "quarters",
            f"""SELECT part, who, epoch_us(time) // {QUARTER}000000 AS quarter,
                min(time) AS first, max({UNTIL}) AS last
            FROM calls JOIN names USING (key) GROUP BY ALL""",
        )

    def ids(self) -> None:
        """Make ``days`` (the distinct ids by place and day), or ``sketches``."""
        number = self.sql("SELECT sum(ids) FROM sums").fetchall()[0][0] or 0
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
        sketches: dict[tuple[int, Any], Any] = {}
        for batch in self.sql(listed).to_arrow_reader(1 << 20):
            parts = (
                pa.table(batch).group_by(["place", "day"]).aggregate([("id", "list")])
            )
            for part in parts.to_pylist():
                place = (part["place"], part["day"])
                sketch = sketches.setdefault(place, datasketches().cpc_sketch(SKETCH))
                for number in part["id_list"]:
                    sketch.update(number)
        rows = [
            {"place": place, "day": day, "sketch": sketch.serialize()}
            for (place, day), sketch in sketches.items()
        ]
        return pa.Table.from_pylist(rows)

    def count_ids(self) -> None:
        """Register the numbers of distinct ids that ``access.sql`` reads."""
        scopes = {"all": "''", "application": "application", "project": "project"}
        for view, day in (("found_days", ["day"]), ("found", [])):
            tables = [
                self._distinct(f"'{scope}' AS scope", f"{name} AS name", *day)
                for scope, name in scopes.items()
            ]
            found = pa.concat_tables(tables, promote_options="default")
            self.database.register(view, found)
        self.database.register("found_places", self._distinct("place", "day"))
        self.database.register("method", pa.table({"exact": [self.exact]}))

    def _distinct(self, *columns: str) -> pa.Table:
        """Return the number of distinct ids by ``columns``, which are SQL expressions
        with names: the columns, ``value``, ``low`` and ``high``.
        """
        source = f"""{"days" if self.exact else "sketches"} JOIN
            (SELECT DISTINCT place, application, project FROM names) USING (place)"""
        listed = ", ".join(columns)
        if self.exact:
            return self.sql(
                f"""SELECT {listed}, count(DISTINCT id) AS value, value AS low,
                value AS high FROM {source} GROUP BY ALL"""
            ).to_arrow_table()
        library = datasketches()
        unions: dict[Any, Any] = {}
        found = self.sql(f"SELECT {listed}, sketch FROM {source}").to_arrow_table()
        for row in found.to_pylist():
            sketch = library.cpc_sketch.deserialize(row.pop("sketch"))
            union = unions.setdefault(tuple(row.items()), library.cpc_union(SKETCH))
            union.update(sketch)
        results = {group: union.get_result() for group, union in unions.items()}
        return pa.Table.from_pylist(
            [
                {
                    **dict(group),
                    "value": round(sketch.get_estimate()),
                    "low": math.floor(sketch.get_lower_bound(2)),
                    "high": math.ceil(sketch.get_upper_bound(2)),
                }
                for group, sketch in results.items()
            ]
        )


def datasketches() -> Any:
    try:
        import datasketches
    except ImportError:
        raise UnusableError(
            f"more than {EXACT_IDS:,} ids are counted by sketches, for which a package "
            "is missing: pip install 'provscan[ledger]'"
        ) from None
    return datasketches
