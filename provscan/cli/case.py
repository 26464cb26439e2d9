"""``provscan case``: compare runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from provscan.cli import shared
from provscan.cli.shared import option


@shared.command("case")
@shared.path_argument("runs", "RUN...", nargs=-1, required=True)
@shared.out_option(
    required=True,
    metavar="CASE",
    help="Folder for case.json, the tables, the page and the workbook.",
)
@option(
    "--period",
    "periods",
    multiple=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="First day of a licence period. Texts are also counted by the period in which "
    "their earliest tweet was posted. Can be repeated.",
)
@shared.overwrite_folder
@shared.as_json
def command(
    runs: tuple[Path, ...],
    out: Path,
    periods: tuple[datetime, ...],
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compare the results of runs, and count the texts that they share.

    The totals of all RUNs count each licensed text, each tweet and each record once.
    """
    from provscan.cli import show
    from provscan.handover.case import write_case

    case = write_case(
        runs, out, periods=[day.date() for day in periods], overwrite=overwrite
    )
    show.result({"path": str(out), **case}, as_json, _lines)


def _lines(case: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    totals = case["totals"]
    yield (
        f"{counted(totals['texts'], 'licensed text')} of "
        f"{counted(totals['tweets'], 'tweet')} found in "
        f"{counted(totals['records'], 'record')} of {counted(len(case['runs']), 'run')}"
    )
    for item in case["in_exactly"]:
        yield (
            f"  in exactly {counted(item['runs'], 'run')}: "
            f"{counted(item['texts'], 'text')}"
        )
    for run in case["runs"]:
        yield f"  {run['name']}: {run['answer']['headline']}"
    yield case["not_summed"]
    yield from case["notes"]
    yield f"Case: {case['path']}/case.html"
