"""Count calls and ids with SQL queries of all parts.

:class:`Counts` writes each intermediate result to a Parquet file: ``repeated`` lists
the calls that an earlier file also contains, ``sums`` adds up calls by name and day,
``quarters`` shows when each application was recorded, ``ids`` lists the distinct ids
of each day, and ``found`` counts them. ``access.sql`` makes tables from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.ledger.database import literal
from provscan.ledger.intake import Part
from provscan.ledger.tables import FILES

QUARTER = 900
# The calls of two files are compared if both have the same calls in some minute. If at
# least this share of the calls between the first and the last such minute is in both
# files, these calls are left out of the later file.
SAME = 0.5
OUTCOMES = """CASE WHEN status IN (401, 403, 420, 429) THEN 'refused'
    WHEN status >= 500 THEN 'failed' ELSE 'answered' END"""
SCOPES = ("application", "project", "user", "token")
# The scopes of totals, and "place": the combination of an application, a project and an
# endpoint.
COUNTED = ("all", "application", "project", "place")
# SQL: integer ids of the names of calls. Two calls share a limit if they are in the
# same group of a scope. ``app`` is the id of an application. A retry and the call that
# it repeats have the same ``holder``.
NAMES = ", ".join(
    f"dense_rank() OVER (ORDER BY {columns}) - 1 AS {name}"
    for name, columns in {
        **{f"{scope}_group": f'"{scope}", endpoint' for scope in SCOPES},
        "app": "application",
        "place": "application, project, endpoint",
        "holder": 'coalesce(token, "user", application), endpoint',
    }.items()
)
# The calls (``part``, ``row``) that an earlier file also has, from ``rows``.
REPEATED = f"""
    WITH hashed AS NOT MATERIALIZED (
        SELECT part, row, time,
            hash(time, key, parameters, status, tweets, newest) AS call FROM ({{rows}})
    ), minutes AS (
        SELECT part, date_trunc('minute', time) AS minute, count(*) AS calls,
            sum(call::HUGEINT) AS checksum FROM hashed GROUP BY ALL
    ), pairs AS (
        SELECT x.part AS a, y.part AS b, min(minute) AS first,
            max(minute) + INTERVAL 1 MINUTE AS last
        FROM minutes x JOIN minutes y USING (minute, calls, checksum)
        WHERE x.part < y.part GROUP BY ALL
    ), near AS (
        -- Include the minutes before and after, in which a file may begin or end.
        SELECT a, b, part, row, call, time BETWEEN first AND last AS inside,
            row_number() OVER (PARTITION BY a, b, part, call ORDER BY row) AS nth
        FROM hashed JOIN (SELECT *, unnest([a, b]) AS part FROM pairs) USING (part)
        WHERE time BETWEEN first - INTERVAL 1 MINUTE AND last + INTERVAL 1 MINUTE
    ), compared AS (
        SELECT a, b, min(calls) AS calls FROM (
            SELECT a, b, part, count(*) FILTER (inside) AS calls FROM near GROUP BY ALL)
        GROUP BY ALL
    ), agreeing AS (
        SELECT a, b, y.row, count(*) OVER (PARTITION BY a, b) AS number
        FROM near x JOIN near y USING (a, b, call, nth) WHERE x.part = a AND y.part = b
    ) SELECT DISTINCT b AS part, row FROM agreeing JOIN compared USING (a, b)
    WHERE number >= {SAME} * calls"""
# Sums by name, UTC day and share of the sample.
SUMS = """
    SELECT i, s.* EXCLUDE (key) FROM (
        SELECT key, time::DATE AS day, coalesce(share, 1) AS share, count(*) AS calls,
            count(*) FILTER (outcome = 'refused') AS refused,
            count(*) FILTER (outcome = 'failed') AS failed,
            coalesce(sum(delivered), 0)::BIGINT AS delivered,
            coalesce(sum(delivered::DOUBLE ** 2), 0) AS squares,
            count(ids) FILTER (answered) AS calls_with_ids,
            coalesce(sum(delivered) FILTER (ids IS NULL), 0)::BIGINT
                AS delivered_without_ids,
            count(*) FILTER (answered AND tweets IS NULL) AS uncounted,
            coalesce(max(delivered), 0) AS most, max(quota) AS quota,
            min(time) AS first, max(time) AS last,
            min(time) FILTER (answered) AS first_answered,
            max(time) FILTER (answered) AS last_answered
        FROM (SELECT *, outcome = 'answered' AS answered,
            if(answered, tweets, 0) AS delivered FROM calls) GROUP BY ALL
    ) s JOIN names USING (key)"""
QUARTERS = f"""
    SELECT part, app, epoch_us(time) // {QUARTER}000000 AS quarter, count(*) AS calls,
        min(time) AS first, max(time) AS last
    FROM calls JOIN names USING (key) GROUP BY ALL"""
IDS = """
    SELECT place, time::DATE AS day, unnest(ids) AS id FROM calls JOIN names USING (key)
    WHERE ids IS NOT NULL AND outcome = 'answered'"""


class Counts:
    """The database of a measurement, and its intermediate results."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, parts: Sequence[Part], work: Path
    ) -> None:
        self.database = database
        self.parts = [part for part in parts if part.path is not None]
        self.work = work
        self.register(parts)
        self.sql("CREATE VIEW files AS FROM logs WHERE part IS NOT NULL")
        listed = ", ".join(literal(str(part.names)) for part in self.parts)
        self.store(
            "names",
            f"""SELECT row_number() OVER (ORDER BY key) - 1 AS i, *, {NAMES}
            FROM (SELECT DISTINCT * FROM read_parquet([{listed}])) ORDER BY key""",
        )
        self.sql(
            f"""CREATE VIEW scoped AS SELECT DISTINCT place, unnest({list(COUNTED)})
                AS scope, unnest(['', application, project, place::VARCHAR]) AS name
            FROM names"""
        )
        everything = range(len(self.parts))
        self.sql(f"CREATE VIEW every AS {self._rows(everything)}")
        overlapping = self._overlapping()
        rows = self._rows(overlapping or [0]) + ("" if overlapping else " LIMIT 0")
        self.store("repeated", REPEATED.format(rows=rows))
        self.repeated = self.sql("FROM repeated LIMIT 1").fetchall()
        self.sql(f"CREATE VIEW calls AS {self.calls(everything)}")

    def register(self, parts: Sequence[Part]) -> None:
        """Make, or replace, the table ``logs``: the table ``files``, with the
        index of each part in ``parts``.
        """
        numbers = {id(part): number for number, part in enumerate(self.parts)}
        logs = [part.about | {"part": numbers.get(id(part))} for part in parts]
        schema = FILES.append(pa.field("part", pa.int32()))
        self.database.register("logs", pa.Table.from_pylist(logs, schema))

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        return self.database.sql(query)

    def store(self, name: str, result: str | pa.Table) -> None:
        """Write a table, or the result of a query, to a file, and make a view ``name``
        of it.
        """
        path = self.work / f"{name}.parquet"
        if isinstance(result, str):
            self.sql(f"COPY ({result}) TO {literal(path)} (FORMAT parquet)")
        else:
            pq.write_table(result, path)
        self.sql(f"CREATE VIEW {name} AS FROM read_parquet({literal(path)})")

    def _rows(self, parts: Iterable[int]) -> str:
        paths = ", ".join(literal(str(self.parts[number].path)) for number in parts)
        return f"""SELECT {list(parts)}[file_index::BIGINT + 1]::INTEGER AS part, *,
            {OUTCOMES} AS outcome FROM read_parquet([{paths}])"""

    def calls(self, parts: Iterable[int]) -> str:
        """Return SQL for the calls of some parts, without repeated calls."""
        left_out = "ANTI JOIN repeated USING (part, row)" if self.repeated else ""
        return f"SELECT * FROM ({self._rows(parts)}) {left_out}"

    def _overlapping(self) -> list[int]:
        """Return the parts that may repeat calls: those that share a name and a period
        with another part.
        """
        paths = ", ".join(literal(str(part.names)) for part in self.parts)
        found = self.sql(
            f"""WITH keyed AS (
                SELECT part, first, last, key FROM files JOIN (
                    SELECT file_index AS part, key FROM read_parquet([{paths}])
                ) USING (part)
            ) SELECT DISTINCT unnest([a.part, b.part]) AS part
            FROM keyed a JOIN keyed b USING (key)
            WHERE a.part < b.part AND a.first <= b.last AND b.first <= a.last"""
        ).fetchall()
        return sorted(part for (part,) in found)

    def add_up(self) -> None:
        """Make ``sums`` and ``quarters``."""
        self.store("sums", SUMS)
        self.store("quarters", QUARTERS)

    def count_ids(self) -> None:
        """Make ``ids``, and ``found``, which counts distinct ids by scope and name, and
        also by day.
        """
        self.store("ids", f"SELECT DISTINCT * FROM ({IDS})")
        # A query for each scope needs less memory than one for all scopes.
        found = (
            self.sql(
                f"""SELECT scope, name, day, count(DISTINCT id) AS value
                FROM ids JOIN scoped USING (place)
                WHERE scope = '{scope}' AND name IS NOT NULL
                GROUP BY GROUPING SETS ((scope, name, day), (scope, name))"""
            ).to_arrow_table()
            for scope in COUNTED
        )
        self.store("found", pa.concat_tables(found))
