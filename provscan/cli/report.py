"""``provscan report``: write the report of a run again, using only its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from provscan import cli
from provscan.cli import shared


@shared.command("report")
@shared.path_argument("run", "RUN")
@shared.out_option(
    help="File to write.  [default: report.html in RUN]",
)
@shared.no_text
@shared.texts
@shared.reviewed
@shared.overwrite
def command(
    run: Path,
    out: Path | None,
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

    write: Callable[..., Path] = write_report
    if probe.is_probe(run):
        from provscan.probe.report import write_probe_report

        if reviewed is not None:
            raise UsageError(
                "the report of a probe has no marks of reviewers: leave out --reviewed"
            )
        write = write_probe_report
    elif (run / "ledger.json").is_file():
        from provscan.ledger import write_ledger_report

        if shared.given(no_text=no_text, texts=texts, reviewed=reviewed):
            raise UsageError(
                "the report of a ledger has neither texts nor marks of reviewers: "
                "leave out --no-text, --texts and --reviewed"
            )
        write = write_ledger_report
    options |= {"texts": 0 if no_text else texts, "marks": reviewed}
    cli.echo(f"Report: {write(run, out, **shared.given(**options))}")
