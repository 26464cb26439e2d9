"""``provscan export``: write the exhibits of a run as a list, or for a pipeline."""

from __future__ import annotations

from pathlib import Path

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option


@shared.command("export")
@shared.path_argument("run", "RUN")
@shared.out_option(
    required=True,
    metavar="FILE",
    help="File to write: .csv, .xlsx, .jsonl or .parquet; or, for the checks of a "
    "pipeline, .sarif, .xml (JUnit) or .md (one page of Markdown). A spreadsheet may "
    "round the long ids in a .csv file, but not those in an .xlsx file.",
)
@option(
    "--all",
    "everything",
    is_flag=True,
    help="Also list the matches of common or known wording, after the findings.",
)
@shared.no_text
@shared.texts
@shared.reviewed
@shared.overwrite
def command(
    run: Path,
    out: Path,
    everything: bool,
    no_text: bool,
    texts: int | None,
    reviewed: Path | None,
    overwrite: bool,
) -> None:
    """Write the findings of RUN as a list, the strongest first.

    The exhibits have the same numbers as in the report.
    """
    from provscan.names import counted
    from provscan.report.export import export

    options = shared.given(
        texts=0 if no_text else texts, marks=reviewed, overwrite=overwrite
    )
    rows, others = export(run, out, everything=everything, **options)
    cli.echo(f"{counted(rows, 'exhibit')}: {out}")
    if others:
        cli.echo(
            f"{counted(others, 'match')} of common or known wording left out: use "
            "--all to list them too"
        )
