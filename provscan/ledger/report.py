"""Write ``report.html`` of a ledger: each demand of the letter, with the answer, the
evidence and charts.

The page is computed from ``ledger.json`` and the tables of the folder. The queries
below select the data, and ``templates/ledger.html`` contains the text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from provscan.ledger.clock import from_utc, lasting
from provscan.ledger.database import open_database, rows
from provscan.ledger.inputs import KINDS
from provscan.report.document import page
from provscan.report.files import write_page
from provscan.report.wording import count, visible
from provscan.runs.folder import REPORT_FILE, read_json
from provscan.runs.wording import STATUS, several

LEDGER_FILE, TABLES_FOLDER = "ledger.json", "tables"
STYLES = ("page.css", "ledger.css", "print.css")
# Maximum numbers of rows in a table and in a list of rules, and of charts of a kind.
MOST, LIMIT, CHARTS = 100, 1000, 12

TABLES = {
    "totals": "FROM totals ORDER BY scope, calls DESC, name",
    "findings": f"""SELECT f.*, title, dated, until_day, until_dated, clause, assumes,
        contradicts, count(*) OVER same AS total, row_number() OVER same AS place
        FROM findings f LEFT JOIN rules r ON f.pack = r.pack AND f.rule = r.rule
            AND f.version IS NOT DISTINCT FROM r.version
        WINDOW same AS (PARTITION BY result = 'differs', CASE f.kind
            WHEN 'monthly_cap' THEN 'rate_limit' ELSE f.kind END
            ORDER BY f.pack, f.rule, first_day, measured DESC, subject, how
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        QUALIFY place <= {MOST} ORDER BY place, f.kind""",
    "fanout": "FROM fanout ORDER BY joint_peak DESC, scope, name, endpoint",
    "clock": "FROM clock ORDER BY kind IN ('agrees', 'not_measured'), stream, start",
    "claims": "FROM claims ORDER BY source, what, name, low DESC",
    "holdings": "FROM holdings ORDER BY application, date, name",
    "deletions": "FROM deletions ORDER BY application, requested, name",
    "uses": "FROM uses ORDER BY application, date, name",
    "missing": "FROM missing ORDER BY lane, what, amount DESC, about",
    "rules": """FROM rules WHERE version IS NOT NULL
        ORDER BY kind, pack, rule, from_day""",
    "coverage": """SELECT application, min(day) AS first, max(day) AS last,
        count(*) AS days, count(*) FILTER (state = 'covered') AS covered,
        count(*) FILTER (state = 'silence') AS silent,
        count(*) FILTER (state = 'unknown') AS unknown,
        count(*) FILTER (state = 'gap') AS gap,
        count(*) FILTER (state IN ('damaged', 'overlapping', 'sampled')) AS other,
        sum(repeated)::BIGINT AS repeated
        FROM coverage GROUP BY application ORDER BY application""",
    "government": """SELECT *, (epoch(first_access) - low) / high AS starts,
        (epoch(last_access) - low) / high AS ends,
        (epoch(notice) - low) / high AS notified, make_timestamp((1e6 * low)::BIGINT) AS
        earliest, make_timestamp((1e6 * (low + high))::BIGINT) AS latest
        FROM government, (SELECT min(epoch(least(first_access, notice))) AS low,
            greatest(max(epoch(greatest(last_access, notice)))
            - min(epoch(least(first_access, notice))), 1) AS high FROM government)
        ORDER BY first_access, application, organisation""",
    "lanes": """SELECT names.name, totals.* EXCLUDE (name, scope),
        (SELECT list(holdings ORDER BY date, holdings.name) FROM holdings
            WHERE application = names.name) AS held,
        (SELECT list(uses ORDER BY date, uses.name) FROM uses
            WHERE application = names.name) AS used
        FROM (SELECT name FROM applications UNION SELECT name FROM totals
            WHERE scope = 'application') names
        LEFT JOIN totals ON scope = 'application'
            AND totals.name IS NOT DISTINCT FROM names.name
        ORDER BY names.name""",
    "days": """SELECT application, min(day) AS first, max(day) AS last,
        max(calls) AS most, list({'at': date_diff('day', first_day, day),
            'calls': calls, 'state': state} ORDER BY day) AS days
        FROM (SELECT *, min(day) OVER (PARTITION BY application) AS first_day
            FROM coverage)
        GROUP BY application ORDER BY sum(calls) DESC, application""",
    "limits": f"""WITH above AS (
            SELECT pack, rule, scope, subject, endpoint, max(measured / value) AS ratio,
                count(*) OVER () AS total
            FROM findings WHERE kind = 'rate_limit' AND result = 'differs'
                AND how = 'fixed windows, UTC'
            GROUP BY ALL ORDER BY ratio DESC, subject, rule LIMIT {CHARTS}
        ), days AS (
            SELECT above.*, title, window_minutes, day, calls, value,
                min(day) OVER (PARTITION BY above.pack, above.rule, subject,
                    above.endpoint) AS first_day
            FROM above JOIN peaks p ON p.scope = above.scope AND p.name = subject
                AND p.endpoint = above.endpoint AND p.kind = 'fixed' AND zone = 'UTC'
            JOIN rules r ON r.pack = above.pack AND r.rule = above.rule
                AND p."window" = 60 * window_minutes
                AND day >= from_day AND day < until_day
        )
        SELECT scope, subject, endpoint, title, window_minutes, ratio, total, rule,
            min(day) AS first, max(day) AS last,
            greatest(max(calls), max(value)) AS most,
            list({{'at': date_diff('day', first_day, day), 'calls': calls,
                'value': value}} ORDER BY day) AS days
        FROM days GROUP BY ALL ORDER BY ratio DESC, subject, rule""",
}
"""The query of each table and chart of the page."""


def write_ledger_report(
    folder: Path, out: Path | None = None, *, overwrite: bool = False
) -> Path:
    """Write the report of a ledger, by default as ``report.html`` in its folder.

    ``overwrite`` works as in :func:`provscan.report.document.write_report`.
    """
    tables = folder / TABLES_FOLDER
    with open_database(tables, [path.stem for path in tables.glob("*.parquet")]) as db:
        found = {
            name: rows(db, f"{query} LIMIT {LIMIT}") for name, query in TABLES.items()
        }
        numbers = {
            name: rows(db, f"SELECT count(*) AS n FROM ({query})")[0]["n"]
            for name, query in TABLES.items()
        }
    content = page(
        "ledger.html",
        STYLES,
        folder=Path(__file__).parent / "templates",
        ledger=read_json(folder / LEDGER_FILE),
        tables=found,
        kinds=KINDS,
        statuses=STATUS,
        from_utc=from_utc,
        lasting=lasting,
        span=span,
        delivered=lambda row: span(*_delivered(row)),
        shown=shown,
        numbers=numbers,
        most=MOST,
        charts=CHARTS,
    )
    return write_page(out or folder / REPORT_FILE, content, overwrite=overwrite)


def ledger_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines to print on a terminal. ``found`` is ``ledger.json``, with the
    folder as ``ledger``.
    """
    for row in found["totals"]:
        if row["scope"] == "all":
            calls = several(row["calls"], "call", "calls")
            yield f"Accessed: {calls}, {row['refused']:,} refused"
            yield f"  Tweets delivered         {span(*_delivered(row)):>20}"
            daily, distinct = (
                span(row[f"{name}_low"], row[f"{name}_high"])
                for name in ("daily", "distinct")
            )
            yield f"  Distinct a day, summed   {daily:>20}"
            yield f"  Distinct over all        {distinct:>20}"
    left_out = found["left_out"]
    for words, number in (
        (("line", "lines", "that could not be read"), left_out["bad_lines"]),
        (("call", "calls", "that an earlier file has"), left_out["repeated_calls"]),
        (("copy", "copies", "of a whole file"), len(left_out["copies"])),
    ):
        if number:
            yield f"  Left out: {several(number, *words[:2])} {words[2]}"
    for source, why in left_out["not_read"].items():
        yield f"  Not read as a whole: {source}: {why}"
    for name, lane in (("Held", "holdings"), ("Used", "uses")):
        yield f"{name}: {several(len(found[lane]), 'run or probe', 'runs or probes')}"
        for row in found[lane]:
            yield f"  {row['application']}, {row['name']}: {row['headline']}"
    yield f"Government bodies: {len(found['government'])}"
    differs = sum(
        row["count_all"] for row in found["findings"] if row["result"] == "differs"
    )
    yield (
        f"{several(differs, 'comparison differs', 'comparisons differ')} from the rule "
        "of its day"
    )
    yield f"Report: {found['ledger']}/{REPORT_FILE}"


def _delivered(row: Mapping[str, Any]) -> tuple[float, float | None]:
    """Return the bounds of the tweets delivered."""
    low, high = row["delivered_low"], row["delivered_high"]
    if low is None:
        low = high = row["delivered"]
    return low, None if row["uncounted"] else high


def span(low: float | None, high: float | None) -> str:
    """Return a number between ``low`` and ``high`` in words. None means unknown."""
    if low is None:
        return "not known"
    least = count(math.floor(low))
    if high is None:
        return f"at least {least}"
    most = count(math.ceil(high))
    return least if least == most else f"{least} to {most}"


def shown(value: Any) -> str:
    """Return a value of a table as text."""
    match value:
        case None:
            return "not known"
        case int() | float():
            return count(round(value))
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return str(value)
        case list():
            return visible(", ".join(map(str, value)))
        case _:
            return visible(str(value))
