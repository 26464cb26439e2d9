"""Write ``report.html`` of a ledger, and its summary for a terminal.

Each section of the report answers a question, with evidence and charts. The report
is computed from ``ledger.json`` and the tables of the folder. ``page.sql`` selects the
rows, and ``templates/ledger.html`` contains the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from provscan.ledger.clock import lasting
from provscan.ledger.database import open_database, rows, run_script
from provscan.ledger.files import TABLES_FOLDER, read_ledger, tables_of
from provscan.ledger.inputs import KINDS
from provscan.names import several
from provscan.report.document import page
from provscan.report.files import write_page
from provscan.report.wording import count, visible
from provscan.runs.folder import REPORT_FILE

STYLES = ("page.css", "ledger.css", "print.css")
# A table shows at most MOST rows, and a group of charts at most CHARTS.
MOST, CHARTS = 100, 12
# The maximum number of rows of a table or view that are read. Sums on the page still
# cover all rows, because SQL queries compute them.
LIMIT = 1000

# The three counts of tweets, with the prefixes of their columns in ``totals``.
COUNTS = {
    "Tweets delivered": "delivered",
    "Distinct by day, summed": "daily",
    "Distinct overall": "distinct",
}
# The tables that the report shows: tables of the ledger, and views of ``page.sql``.
TABLES = (
    *("totals", "fanout", "claims", "holdings", "deletions", "uses"),
    *("page_findings", "page_clock", "page_missing", "page_rules", "page_coverage"),
    *("page_outside", "page_government", "page_lanes", "page_days", "page_limits"),
    *("page_apart", "page_months"),
)


def write_ledger_report(
    folder: Path, out: Path | None = None, *, overwrite: bool = False
) -> Path:
    """Write the report of a ledger, by default as ``report.html`` in its folder.

    ``overwrite`` works as in :func:`provscan.report.document.write_report`.
    """
    ledger = read_ledger(folder, tables=True)
    names = [Path(name).stem for name in tables_of(ledger)]
    with open_database(folder / TABLES_FOLDER, names) as db:
        db.execute(f"SET VARIABLE most = {MOST}; SET VARIABLE charts = {CHARTS}")
        run_script(db, "page.sql")
        found, numbers = {}, {}
        for source in TABLES:
            name = source.removeprefix("page_")
            found[name] = rows(db, f"FROM {source} LIMIT {LIMIT}")
            numbers[name] = len(db.table(source))
    content = page(
        "ledger.html",
        STYLES,
        folder=Path(__file__).parent / "templates",
        ledger=ledger,
        conduct=conduct(ledger),
        tables=found,
        kinds=KINDS,
        lasting=lasting,
        bounds=bounds,
        shown=shown,
        numbers=numbers,
        most=MOST,
        charts=CHARTS,
    )
    target = folder / REPORT_FILE
    inputs = [path for path in folder.rglob("*") if path != target]
    return write_page(out or target, content, overwrite=overwrite, inputs=inputs)


def conduct(ledger: Mapping[str, Any]) -> tuple[str, str]:
    """Return the status of a ledger and the sentence after it; ``ledger`` is
    ``ledger.json``.
    """
    if not ledger["findings"]:
        none = "no rule of the policy packs applies to the measurements"
        return "NOTHING COMPARED", none
    differs = sum(
        row["count_all"] for row in ledger["findings"] if row["result"] == "differs"
    )
    shows = several(differs, "comparison shows", "comparisons show")
    sentence = f"{shows} conduct that differs from the rule then in force"
    return "CONDUCT DIFFERS" if differs else "NO DIFFERENCE SHOWN", sentence


def ledger_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines to print on a terminal. ``found`` is ``ledger.json``, with the
    folder as ``ledger``.
    """
    yield ": ".join(conduct(found))
    for row in found["totals"]:
        if row["scope"] == "all":
            calls = several(row["calls"], "call", "calls")
            if row["calls_high"] != row["calls_low"]:
                whole = bounds(row["calls_low"], row["calls_high"])
                calls += f" in samples of {whole} calls (95% interval)"
            yield f"Accessed: {calls}, {row['refused']:,} refused"
            for title, name in COUNTS.items():
                limits = bounds(row[f"{name}_low"], row[f"{name}_high"])
                yield f"  {title:<25}{limits:>20}"
    left_out = found["left_out"]
    for words, number in (
        (("line", "lines", "that could not be read"), left_out["bad_lines"]),
        (
            ("call", "calls", "that an earlier file also has"),
            left_out["repeated_calls"],
        ),
        (("copy", "copies", "of a whole file"), len(left_out["copies"])),
    ):
        if number:
            yield f"  Left out: {several(number, *words[:2])} {words[2]}"
    for source, why in left_out["not_read"].items():
        yield f"  Not read completely: {source}: {why}"
    for name, lane in (("Held", "holdings"), ("Used", "uses")):
        yield f"{name}: {several(len(found[lane]), 'run or probe', 'runs or probes')}"
        for row in found[lane]:
            yield f"  {row['application']}, {row['name']}: {row['headline']}"
    yield f"Government bodies: {len(found['government'])}"
    yield f"Report: {found['ledger']}/{REPORT_FILE}"


def info_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of :func:`ledger_lines`, after what the ledger is made of."""
    case = found["case"]
    yield f"Ledger of {case['name']}, made by provscan {found['provscan']}"
    yield "  The time at which it was made is not recorded."
    for row in found["totals"]:
        if row["scope"] == "all":
            first, last = (row[name][:16] for name in ("first", "last"))
            yield f"  Logged calls: {first} to {last} UTC, by the clocks of the logs"
    if case["from"] or case["to"]:
        yield f"  Period of the case: {case['from'] or '...'} to {case['to'] or '...'}"
    names = [
        row["name"] or "unnamed"
        for row in found["totals"]
        if row["scope"] == "application"
    ]
    more = f" and {len(names) - 10:,} more" if names[10:] else ""
    yield f"  Applications in the logs: {', '.join(names[:10]) or 'none'}{more}"
    yield from ledger_lines(found)


def bounds(low: int | None, high: int | None) -> str:
    """Return the range of a number in words. None means that a bound is not known."""
    if low is None:
        return "not known"
    if high is None:
        return f"at least {count(low)}"
    return count(low) if low == high else f"{count(low)} to {count(high)}"


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
