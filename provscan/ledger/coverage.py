"""The coverage of the logs: pauses of streams, and covered days of applications.

:func:`pauses` finds the pauses of streams. A pause is a *gap* if there is evidence that
calls are missing: the stream is otherwise busy, or a digest lists a file that is not
among the logs. Otherwise it is unknown whether calls are missing. :func:`coverage`
classifies the days of applications. An application is *silent* while its stream records
other applications.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from provscan.ledger.counts import QUARTER, Counts
from provscan.ledger.intake import Part
from provscan.ledger.tables import COVERAGE, PAUSES

# A pause is listed if it has at least this many seconds, or is the longest pause of its
# stream. It is a gap if it is also at least this many times as long as the longest
# usual pause, which is exceeded only by a thousandth of the pauses, or by USUAL pauses.
LONG, TIMES, USUAL = 3600, 20, 10


def pauses(counts: Counts, parts: Sequence[Part], clock: pa.Table) -> pa.Table:
    """Return the table ``pauses``, given the table ``clock``."""
    # Copies and calls that are left out also show that the stream was recorded.
    recorded = [
        {"part": number, "stream": part.about["stream"]}
        for number, original in enumerate(counts.parts)
        for part in parts
        if part is original
        or (
            part.about.get("state") == "copy"
            and part.about["sha256"] == original.about["sha256"]
        )
    ]
    counts.database.register("recorded", pa.Table.from_pylist(recorded))
    rows = (
        counts.sql(
            f"""WITH times AS (
            SELECT stream, start, min(first) AS first, max(last) AS last FROM (
                SELECT part, start, first, last FROM cells
                UNION ALL
                SELECT part, epoch_us(time) // {counts.cell}000000 * {counts.cell},
                    time, time
                FROM every JOIN repeated USING (part, row)
            ) JOIN recorded USING (part) GROUP BY ALL
        ), between AS (
            SELECT stream, max(last) OVER before AS start, first AS "end",
                epoch(first) - epoch(max(last) OVER before) AS seconds
            FROM times WINDOW before AS (PARTITION BY stream ORDER BY start
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ), ranked AS (
            SELECT *, row_number() OVER (PARTITION BY stream ORDER BY seconds DESC)
                AS place, count(*) OVER (PARTITION BY stream) AS number
            FROM between WHERE seconds > 0
        ) SELECT stream, start::TIMESTAMPTZ AS start, "end"::TIMESTAMPTZ AS "end",
            seconds, place, (
            SELECT max(u.seconds) FROM ranked u WHERE u.stream = r.stream
                AND u.place > greatest({USUAL}, u.number // 1000)) AS usual
        FROM ranked r WHERE seconds >= {LONG} OR place = 1 ORDER BY stream, r.start"""
        )
        .to_arrow_table()
        .to_pylist()
    )
    forward = [
        (row["stream"], row["start"])
        for row in clock.to_pylist()
        if row["kind"] == "daylight"
    ]
    found = [_judged(row, forward) for row in rows] + _missing(parts)
    return pa.Table.from_pylist(found, PAUSES)


def _judged(row: dict[str, Any], forward: Sequence[Any]) -> dict[str, Any]:
    """Return a row of the table. ``forward`` lists the times at which clocks were set
    forward.
    """
    usual, seconds = row.pop("usual"), row["seconds"]
    del row["place"]
    if seconds < 2 * LONG and any(
        stream == row["stream"]
        and abs((time - row["start"]).total_seconds()) < 2 * LONG
        for stream, time in forward
    ):
        row["kind"] = "clock"
        row["evidence"] = "the clock of this log was set forward"
    elif usual is not None and seconds >= max(LONG, TIMES * usual):
        row["kind"] = "gap"
        row["evidence"] = (
            f"all but the longest pauses of this stream are at most {usual:.0f} s long"
        )
    else:
        row["kind"] = "unknown"
        row["evidence"] = (
            "pauses are usual in this stream, so this one can be a gap or silence"
            if usual is not None
            else "the stream is too short to know its usual pauses"
        )
    return row


def _missing(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the gaps that digests show: missing log files, changed log files, and
    missing digests.
    """
    logs = {os.path.basename(part.about["source"]): part for part in parts}
    digests = [part for part in parts if part.digest is not None]
    digests.sort(key=lambda part: part.digest["start"])  # type: ignore[index]
    known = {os.path.basename(part.about["source"]) for part in digests}
    rows = []
    for number, part in enumerate(digests):
        digest = part.digest
        assert digest is not None
        said = []
        for name, checksum in digest["files"].items():
            log = logs.get(os.path.basename(name))
            if log is None:
                said.append(f"{os.path.basename(name)} is not among the logs")
            elif checksum not in (log.content, log.about.get("sha256")):
                said.append(f"{os.path.basename(name)} was changed after the digest")
        previous = os.path.basename(digest["previous"] or "")
        if number and previous and previous not in known:
            said.append(f"the digest before, {previous}, is not among the logs")
        if said:
            start, end = (datetime.fromisoformat(digest[n]) for n in ("start", "end"))
            rows.append(
                {
                    "stream": part.about["stream"],
                    "start": start,
                    "end": end,
                    "seconds": (end - start).total_seconds(),
                    "kind": "gap",
                    "evidence": "; ".join(said[:5])
                    + (f"; and {len(said) - 5:,} more" if len(said) > 5 else ""),
                }
            )
    return rows


def coverage(counts: Counts, found: pa.Table) -> pa.Table:
    """Return the table ``coverage``. ``found`` is the table ``pauses``."""
    counts.database.register("pauses", found)
    sampled = "min(share)" if counts.sampled else "NULL"
    rows = counts.sql(
        f"""WITH present AS (
            SELECT DISTINCT part, application, c.start // {QUARTER} AS quarter
            FROM cells c JOIN names USING (i)
        ), streams AS (
            SELECT DISTINCT application, stream FROM present JOIN files USING (part)
        ), own AS (
            SELECT DISTINCT application, quarter, true AS covered FROM present
        ), ranges AS (
            SELECT application, min(quarter) AS first, max(quarter) AS last
            FROM own GROUP BY ALL
        ), grid AS (
            SELECT application, unnest(range(first, last + 1)) AS quarter FROM ranges
        ), others AS (
            SELECT DISTINCT s.application, p.quarter, true AS recorded
            FROM present p JOIN files USING (part) JOIN streams s USING (stream)
        ), lost AS (
            SELECT DISTINCT s.application, true AS lost, unnest(range(
                epoch(start)::BIGINT // {QUARTER},
                epoch("end")::BIGINT // {QUARTER} + 1)) AS quarter
            FROM pauses JOIN streams s USING (stream) WHERE kind = 'gap'
        ), quarters AS (
            SELECT g.application, g.quarter, CASE WHEN o.covered THEN 'covered'
                WHEN l.lost THEN 'gap' WHEN r.recorded THEN 'silence'
                ELSE 'unknown' END AS state
            FROM grid g
            LEFT JOIN own o ON o.quarter = g.quarter
                AND o.application IS NOT DISTINCT FROM g.application
            LEFT JOIN lost l ON l.quarter = g.quarter
                AND l.application IS NOT DISTINCT FROM g.application
            LEFT JOIN others r ON r.quarter = g.quarter
                AND r.application IS NOT DISTINCT FROM g.application
        ), days AS (
            SELECT application, make_timestamp(quarter * {QUARTER}000000)::DATE AS day,
                {
            ", ".join(
                f"{QUARTER} * count(*) FILTER (state = '{state}') AS {state}"
                for state in ("covered", "silence", "gap", "unknown")
            )
        }
            FROM quarters GROUP BY ALL
        ), counted AS (
            SELECT application, make_timestamp(start * 1000000)::DATE AS day,
                sum(calls) AS calls, {sampled} AS sampled
            FROM cells JOIN names USING (i) GROUP BY ALL
        ), doubled AS (
            SELECT application, time::DATE AS day, count(*) AS repeated
            FROM every JOIN repeated USING (part, row) JOIN names USING (key)
            GROUP BY ALL
        ), files_of AS (
            SELECT d.application, d.day, sum(f.bad) AS bad,
                bool_or(f.state = 'damaged') AS damaged
            FROM days d JOIN streams s
                ON s.application IS NOT DISTINCT FROM d.application
            JOIN files f ON f.stream = s.stream
                AND d.day BETWEEN f.first::DATE AND f.last::DATE GROUP BY ALL
        ) SELECT d.*, coalesce(c.calls, 0) AS calls, coalesce(f.bad, 0) AS bad,
            coalesce(r.repeated, 0) AS repeated, if(c.sampled < 1, c.sampled, NULL)
                AS sampled,
            CASE WHEN d.gap > 0 THEN 'gap' WHEN f.damaged THEN 'damaged'
                WHEN r.repeated > 0 THEN 'overlapping'
                WHEN c.sampled < 1 THEN 'sampled' WHEN c.calls > 0 THEN 'covered'
                WHEN d.unknown > 0 THEN 'unknown' ELSE 'silence' END AS state
        FROM days d
        LEFT JOIN counted c ON c.day = d.day
            AND c.application IS NOT DISTINCT FROM d.application
        LEFT JOIN doubled r ON r.day = d.day
            AND r.application IS NOT DISTINCT FROM d.application
        LEFT JOIN files_of f ON f.day = d.day
            AND f.application IS NOT DISTINCT FROM d.application
        ORDER BY application, day"""
    ).to_arrow_table()
    return rows.select(COVERAGE.names).cast(COVERAGE)
