"""``provscan index``: licensed tweets to an index on disk."""

from __future__ import annotations

import click

from provscan.cli import (
    address,
    as_json,
    echo,
    encoding,
    executor,
    given,
    id_field,
    index_option,
    key,
    log,
    quiet,
    share,
    text_field,
    workers,
)


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
@click.option("--delimiter", metavar="CHAR", help="Character between the values of CSV; determined unless given.")
@encoding
@click.option(
    "--fix-encoding",
    is_flag=True,
    help="Index tweets that were decoded with a wrong encoding before they were written as what was meant.",
)
@click.option(
    "--allow-unread",
    is_flag=True,
    help="Leave out files that hold no tweets or can't be read.",
)
@workers
@click.option("--append", is_flag=True, help="Add to the index that is there; ids that it holds change nothing.")
@click.option("--overwrite", is_flag=True, help="Replace the index that is there.")
@click.option("--shards", type=int, metavar="N", help="Part the index into so many shards; 1 unless given.")
@executor
@address
@click.option("--blind", is_flag=True, help="Build a blind index: ids and keyed sketches, no text; needs --key.")
@key
@log
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
    delimiter: str | None,
    encoding: str | None,
    fix_encoding: bool,
    allow_unread: bool,
    workers: int | None,
    append: bool,
    overwrite: bool,
    shards: int | None,
    executor: str | None,
    address: str | None,
    blind: bool,
    key: str | None,
    log: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Index licensed tweets.

    PATH is a file, an archive or a folder of files: tweets as the API, twarc, snscrape or the archive of an account
    give them, JSON, CSV, Excel, Parquet, SQLite, DuckDB or plain text; or a URL; "-" reads standard input.
    recipe:NAME=PATH reads a public set (provscan recipes).
    """
    import provscan
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.runs.corpus import corpus_warnings

    with progress(quiet) as watcher:
        index = provscan.build_index(
            list(sources),
            out,
            progress=watcher,
            **given(
                text_field=text_field,
                id_field=id_field,
                author_field=author_field,
                date_field=date_field,
                fraction=fraction,
                delimiter=delimiter,
                encoding=encoding,
                fix_encoding=fix_encoding or None,
                allow_unread=allow_unread or None,
                workers=workers,
                overwrite=overwrite or None,
                append=append or None,
                shards=shards,
                executor=executor,
                address=address,
                blind=blind or None,
                key=key,
                log=log,
            ),
        )
    info = index.info()
    if blind:
        show.blind_index(info, as_json)
        return
    show.index(info, as_json)
    for warning in corpus_warnings(info):
        echo(f"provscan: {warning}", err=True)
