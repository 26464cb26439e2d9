"""``provscan report``: write the report of a run again, from its folder alone."""

from __future__ import annotations

from pathlib import Path

import click

from provscan.cli import given


@click.command("report")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="File to write.  [default: report.html or report.pdf in RUN]"
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "pdf"]),
    default="html",
    show_default=True,
    help="pdf needs a Chromium or Chrome on this machine.",
)
@click.option("--no-text", is_flag=True, help="Show ids and SHA-256 digests in place of texts.")
@click.option(
    "--texts",
    type=click.IntRange(min=0),
    metavar="N",
    help="Show the texts of the N strongest exhibits only, digests for the others.  [default: all]",
)
@click.option(
    "--reviewed",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Show the marks and notes that reviewers saved from an earlier report of this run.",
)
def command(run: Path, out: Path | None, form: str, no_text: bool, texts: int | None, reviewed: Path | None) -> None:
    """Write the report of RUN, or of a probe, again.

    The report is computed from the folder alone; neither index nor dataset is needed.
    """
    from provscan.errors import UsageError
    from provscan.report import is_probe, write_pdf, write_probe_report, write_report

    if is_probe(run):
        if form == "pdf" or reviewed is not None:
            raise UsageError("the report of a probe is HTML, without marks: leave out --format and --reviewed")
        click.echo(f"The report: {write_probe_report(run, out, **given(texts=0 if no_text else texts))}")
        return
    write = write_pdf if form == "pdf" else write_report
    target = write(run, out, **given(texts=0 if no_text else texts, marks=reviewed))
    click.echo(f"The report: {target}")
