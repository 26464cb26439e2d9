"""``provscan match``: find the licensed tweets of an index in datasets."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from provscan.cli import (
    GATE_CROSSED,
    UNUSABLE,
    as_json,
    given,
    id_field,
    index_option,
    quiet,
    share,
    text_field,
    workers,
)


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
    "--min-containment",
    type=float,
    show_default="0.55",
    help="Least share of a licensed text that a match holds, from 0 to 1.",
)
@click.option(
    "--min-chars",
    type=int,
    show_default="20",
    help="Ignore licensed texts shorter than this. Links and @names don't count, a Chinese, Japanese or "
    "Korean character counts two.",
)
@click.option(
    "--cutoff",
    metavar="DATE",
    help="When the dataset was collected, e.g. 2021-03-01. Licensed texts that are younger can't have been copied into "
    "it: what they match is chance, and is counted as such.",
)
@click.option(
    "--control",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Tweets that are known not to be in the dataset, for the same purpose. Can be given several times.",
)
@click.option(
    "--spikes",
    type=click.IntRange(min=0),
    metavar="N",
    help="How many licensed texts to change and plant in the dataset to measure how many of them are found; 0 for "
    "none.  [default: one for 50 records, 1,000 to 3,000]",
)
@click.option(
    "--sample",
    callback=share,
    metavar="SHARE",
    help="Scan a random sample of the data, e.g. 1%; the estimate is for all of it.",
)
@click.option(
    "--sample-by",
    type=click.Choice(["records", "files"]),
    help="What is drawn: records, for which everything is read; or files and ranges of large ones, so that the rest is "
    "not even read, at the price of wider intervals.  [default: files, if at least 50 would be drawn]",
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Of all that is drawn at random.  [default: 1]")
@click.option(
    "--fail-above",
    callback=share,
    metavar="SHARE",
    help="Exit with status 1 if more than this share of the records hold licensed text, e.g. 0.1%: by the lower end of "
    "the estimate, or where there is no estimate by the matches that are evidence.",
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
    min_containment: float | None,
    min_chars: int | None,
    cutoff: str | None,
    control: tuple[str, ...],
    spikes: int | None,
    sample: float | None,
    sample_by: str | None,
    seed: int | None,
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
                min_containment=min_containment,
                min_chars=min_chars,
                cutoff=cutoff,
                control=list(control) or None,
                spikes=spikes,
                sample=sample,
                sample_by=sample_by,
                seed=seed,
                workers=workers,
            ),
        )
    show.run(run.path, run.summary, as_json)

    # A file that broke off is the worse news: the share of what was read says nothing about the rest.
    context = click.get_current_context()
    if run.summary["damaged"]:
        for damaged in run.summary["damaged"]:
            click.echo(f"provscan: {damaged['source']}: {damaged['problem']}", err=True)
        click.echo("provscan: results are written, but only for what could be read.", err=True)
        context.exit(UNUSABLE)
    if fail_above is not None and (found := _at_least(run.summary)).share > fail_above:
        click.echo(
            f"provscan: {found.share:.4%} of the records {found.what}: more than the {fail_above:.4%} that "
            "--fail-above allows.",
            err=True,
        )
        context.exit(GATE_CROSSED)


class _AtLeast(NamedTuple):
    share: float
    what: str


def _at_least(summary: dict[str, Any]) -> _AtLeast:
    """What can be held against a dataset: what is left of the matches once chance is allowed for."""
    estimate = summary["estimate"]["records_share"]
    if estimate["valid"]:
        return _AtLeast(estimate["low"], "at least hold licensed text")
    return _AtLeast(summary["evidence"]["share_of_records"], "hold matches that are evidence")
