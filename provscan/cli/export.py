"""``provscan export``: the exhibits of a run as a list."""

from __future__ import annotations

from pathlib import Path

import click

from provscan import cli


@click.command("export")
@click.argument("run", metavar="RUN", type=cli.Local(path_type=Path))
@click.option(
    "--out",
    "-o",
    type=cli.Local(path_type=Path),
    required=True,
    metavar="FILE",
    help="File to write: .csv, .xlsx, .jsonl or .parquet. Spreadsheets may round long ids of .csv; .xlsx keeps them.",
)
@cli.no_text
@cli.texts
@cli.reviewed
def command(run: Path, out: Path, no_text: bool, texts: int | None, reviewed: Path | None) -> None:
    """Write the exhibits of RUN as a list, the strongest first.

    The numbers of the exhibits are those of the report.
    """
    from provscan.readers import counted
    from provscan.report.export import export

    rows = export(run, out, **cli.given(texts=0 if no_text else texts, marks=reviewed))
    cli.echo(f"{counted(rows, 'exhibit')}: {out}")
