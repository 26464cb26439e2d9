"""The report of a blind run, as a page and on a terminal, before and after it is
revealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from provscan.errors import UsageError
from provscan.names import counted
from provscan.params import require_folder
from provscan.report.document import page
from provscan.report.files import write_page
from provscan.report.omissions import left_out
from provscan.report.places import Places
from provscan.report.wording import noticed
from provscan.runs.folder import MATCHES_FILE, read_run

# Columns of the page, and the maximum number of matches that it shows.
COLUMNS = {
    "source": "Source",
    "record": "Record",
    "start": "From",
    "end": "To",
    "tweet_id": "Tweet",
    "level": "Level",
    "similarity": "Similarity",
    "containment": "Containment",
    "counted": "Counted",
}
MOST = 1_000


def counts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the counts of a run as names and values."""
    lines = [
        ("Records scanned", summary["records"]),
        ("Records with a match", summary["records_matched"]),
        ("Matches", summary["matches"]),
        ("Tweets matched", summary["texts_found"]),
        *(
            (f"Level {level.replace('_', ' ')}", count)
            for level, count in summary["levels"].items()
            if count
        ),
    ]
    if revealed := summary["blind"].get("revealed"):
        lines += [
            ("Confirmed by the full index", revealed["confirmed"]),
            ("Refuted by the full index", revealed["refuted"]),
            ("Ids not in the full index", revealed["unknown"]),
        ]
    return [(name, f"{count:,}") for name, count in lines]


def run_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that a terminal shows; ``found`` is the run's summary, with its
    folder as ``run``.
    """
    yield f"{found['answer']['headline']}."
    yield from (f"  {name:<28}{value:>10}" for name, value in counts(found))
    yield from left_out(found)
    yield from (f"{line}." for line in noticed(found))
    yield from found["blind"]["costs"]
    yield f"The report: {found['run']}/report.html"


def index_lines(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that describe an index on a terminal."""
    yield (
        f"Blind index {info['path']}: {counted(info['texts'], 'text')} of "
        f"{counted(info['tweets'], 'tweet')}, {info['bytes']:,} bytes"
    )
    yield f"Scan data with it: provscan match DATASET -i {info['path']} --key KEY"
    yield (
        "Anyone who has the index and its key can test guesses about its content: keep "
        "the two apart."
    )


def write_report(
    run: Path,
    out: Path | None = None,
    *,
    texts: int | None = None,
    marks: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the report of a blind run, by default as ``report.html`` in its folder.

    The page shows no texts, so ``texts`` has no effect; it has no exhibits, so
    ``marks`` is an error. ``overwrite`` works as in
    :func:`provscan.report.document.write_report`.
    """
    require_folder("run", run)
    if marks is not None:
        raise UsageError(
            "the report of a blind run has no exhibits to mark: leave out marks "
            "(--reviewed)"
        )
    summary, info = read_run(run, [MATCHES_FILE])
    matches = pq.read_table(run / MATCHES_FILE, columns=list(COLUMNS))
    places = Places(summary, info)
    rows = [
        {**row, "source": places.shown(row["source"])}
        for row in matches.slice(0, MOST).to_pylist()
    ]
    summary, info = places.shown(summary), places.shown(info)
    made = page(
        "blind.html",
        ("page.css", "print.css"),
        folder=Path(__file__).parent / "templates",
        summary=summary,
        info=info,
        lines=counts(summary),
        columns=COLUMNS,
        rows=rows,
        total=len(matches),
    )
    return write_page(out or run / "report.html", made, overwrite=overwrite)
