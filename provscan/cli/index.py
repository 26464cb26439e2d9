"""``provscan index``: licensed tweets to an index on disk."""

from __future__ import annotations

import click

from provscan.cli import as_json, given, id_field, index_option, quiet, share, text_field, workers


@click.command("index")
@click.argument("sources", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@index_option("--out", "-o", help="Folder to write the index to.")
@text_field
@id_field
@click.option("--author-field", metavar="NAME", help="Field that holds the author; found unless given.")
@click.option("--date-field", metavar="NAME", help="Field that holds the time of the tweet; found unless given.")
@click.option(
    "--fraction",
    callback=share,
    metavar="SHARE",
    help="Share of all licensed tweets that PATH holds, e.g. 10%, if it is a random part: estimates are for all.",
)
@workers
@click.option("--overwrite", is_flag=True, help="Replace an index that stands there already.")
@as_json
@quiet
def command(
    sources: tuple[str, ...],
    out: str,
    text_field: str | None,
    id_field: str | None,
    author_field: str | None,
    date_field: str | None,
    fraction: float | None,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Index licensed tweets.

    PATH is a file or a folder of files: JSON lines, Parquet, CSV, TSV or plain text, as they are or
    compressed with gzip or zstd; "-" reads standard input.
    """
    import provscan
    from provscan.cli import show
    from provscan.cli.progress import progress

    with progress(quiet) as watcher:
        index = provscan.build_index(
            list(sources),
            out,
            overwrite=overwrite,
            progress=watcher,
            **given(
                text_field=text_field,
                id_field=id_field,
                author_field=author_field,
                date_field=date_field,
                fraction=fraction,
                workers=workers,
            ),
        )
    show.index(index.info(), as_json)
