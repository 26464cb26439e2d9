"""``provscan report``: write the report of a run again, using only its folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option


@shared.command("report")
@shared.path_argument("run", "RUN")
@shared.out_option(
    help="File to write.  [default: report.html or report.pdf in RUN]",
)
@option(
    "--format",
    "form",
    type=click.Choice(["html", "pdf"]),
    default="html",
    show_default=True,
    help="Format of the report; pdf needs Chromium or Chrome on this machine.",
)
@shared.no_text
@shared.texts
@shared.reviewed
@shared.overwrite
def command(
    run: Path,
    out: Path | None,
    form: str,
    no_text: bool,
    texts: int | None,
    reviewed: Path | None,
    **options: Any,
) -> None:
    """Write the report of a run, a probe or a ledger again.

    RUN is its folder; the index and the dataset are not needed.
    """
    from provscan import probe
    from provscan.errors import UsageError
    from provscan.report.document import write_report
    from provscan.report.pdf import write_pdf

    write: Callable[..., Path] = write_report
    if probe.is_probe(run):
        from provscan.probe.report import write_probe_report

        if form == "pdf" or reviewed is not None:
            raise UsageError(
                "the report of a probe is HTML and has no marks of reviewers: leave "
                "out --format and --reviewed"
            )
        write = write_probe_report
    elif (run / "ledger.json").is_file():
        from provscan.ledger import write_ledger_report

        unknown = shared.given(no_text=no_text, texts=texts, reviewed=reviewed)
        if form == "pdf" or unknown:
            raise UsageError(
                "the report of a ledger is HTML and has neither texts nor marks of "
                "reviewers: leave out --format, --no-text, --texts and --reviewed"
            )
        write = write_ledger_report
    if form == "pdf":
        write = partial(write_pdf, write)
    options |= {"texts": 0 if no_text else texts, "marks": reviewed}
    cli.echo(f"Report: {write(run, out, **shared.given(**options))}")
