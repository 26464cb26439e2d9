"""``provscan match``: find the licensed tweets of an index in datasets."""

from __future__ import annotations

import click

from provscan.cli import (
    GATE_CROSSED,
    UNUSABLE,
    as_json,
    given,
    id_field,
    index_option,
    quiet,
    text_field,
    workers,
)


def _share(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """``0.1%`` or ``0.001``."""
    if value is None:
        return None
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise click.BadParameter(f"expected a share from 0% to 100%, such as 0.1% or 0.001, found {value!r}.")
    return share


@click.command("match")
@click.argument("sources", nargs=-1, required=True, metavar="DATASET...", type=click.Path())
@index_option("--index", "-i", help="Index of the licensed tweets.")
@click.option("--out", "-o", type=click.Path(), help="Folder to write the results to.  [default: ./<dataset name>.run]")
@text_field
@id_field
@click.option(
    "--threshold",
    type=float,
    show_default="0.4",
    help="Least similarity of a match, from 0.1 to 1 (Jaccard of character 5-grams).",
)
@click.option(
    "--min-chars",
    type=int,
    show_default="20",
    help="Ignore licensed texts shorter than this. Links and @names don't count, a Chinese, Japanese or "
    "Korean character counts two.",
)
@click.option(
    "--fail-above",
    callback=_share,
    metavar="SHARE",
    help="Exit with status 1 if more than this share of the records hold licensed text, e.g. 0.1%.",
)
@workers
@click.option("--overwrite", is_flag=True, help="Replace results that stand there already.")
@as_json
@quiet
def command(
    sources: tuple[str, ...],
    index: str,
    out: str | None,
    text_field: str | None,
    id_field: str | None,
    threshold: float | None,
    min_chars: int | None,
    fail_above: float | None,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find licensed tweets in datasets or model outputs.

    DATASET is a file or a folder of files: JSON lines, Parquet, CSV, TSV or plain text, as they are or
    compressed with gzip or zstd; "-" reads standard input.
    """
    import provscan
    from provscan import report
    from provscan.cli import show
    from provscan.cli.progress import progress

    with progress(quiet) as watcher:
        run = provscan.match(
            list(sources),
            provscan.open_index(index),
            overwrite=overwrite,
            progress=watcher,
            **given(
                out=out,
                text_field=text_field,
                id_field=id_field,
                threshold=threshold,
                min_chars=min_chars,
                workers=workers,
            ),
        )
    page = run.path / "report.html"
    if not page.exists():
        page.write_text(report.html(run.summary, run.info, []), encoding="utf-8")
    show.run(run.path, run.summary, as_json)

    # A file that broke off is the worse news: the share of what was read says nothing about the rest.
    context = click.get_current_context()
    if run.summary["damaged"]:
        for damaged in run.summary["damaged"]:
            click.echo(f"provscan: {damaged['source']}: {damaged['problem']}", err=True)
        click.echo("provscan: results are written, but only for what could be read.", err=True)
        context.exit(UNUSABLE)
    share = run.summary["share_of_records"]
    if fail_above is not None and share > fail_above:
        click.echo(
            f"provscan: {share:.4%} of the records hold licensed text, more than the {fail_above:.4%} "
            "that --fail-above allows.",
            err=True,
        )
        context.exit(GATE_CROSSED)
