"""``provscan index``: build an index on disk from licensed tweets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option


@shared.command("index")
@shared.sources_argument("PATH...")
@shared.index_option("--out", "-o", help="Folder to write the index to.")
@option(
    "--text-field",
    metavar="NAME",
    help="Name of the field that contains the text; a.b is a field inside an object.  "
    "[default: a field with a usual name]",
)
@shared.id_field
@option(
    "--author-field",
    metavar="NAME",
    help="Name of the field that contains the author.  [default: a field with a usual "
    "name]",
)
@option(
    "--date-field",
    metavar="NAME",
    help="Name of the field that contains the time.  [default: a field with a usual "
    "name]",
)
@option(
    "--fraction",
    callback=shared.parse_share,
    metavar="SHARE",
    help="Share of all licensed tweets that PATH contains, e.g. 10%, if PATH is a "
    "random sample of them; estimates are then for all licensed tweets.",
)
@shared.encoding
@option(
    "--fix-encoding",
    is_flag=True,
    help='Repair tweets that were decoded with a wrong encoding, such as "schÃ¶n" for '
    r'"schön", or whose letters are written as escapes, such as \u0447.',
)
@option(
    "--allow-unread",
    is_flag=True,
    help="Leave out files that contain no tweets or can't be read.",
)
@shared.workers
@option(
    "--append",
    is_flag=True,
    help="Add to the existing index; tweets whose ids it contains are skipped.",
)
@shared.overwrite_folder
@shared.as_json
def command(sources: tuple[str, ...], out: Path, as_json: bool, **options: Any) -> None:
    """Index licensed tweets.

    PATH is a file, an archive or a folder of files: tweets as the API, twarc, snscrape
    or an account archive provide them, JSON, CSV, Parquet, Arrow or
    plain text. PATH can also be a URL, "-" for the standard input, or recipe:NAME=PATH
    for a public set (see `provscan inspect --recipes`).
    """
    import provscan
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.indexing.corpus import corpus_warnings

    given = {"overwrite": False, **shared.given(**options)}
    with progress() as watcher:
        index = provscan.build_index(list(sources), out, progress=watcher, **given)
    info = index.info()
    show.result(info, as_json, show.built)
    added = (
        {**info["appended"], "tweets": info["appended"]["added"]}
        if options["append"]
        else info
    )
    for warning in corpus_warnings(added):
        cli.echo(f"provscan: {warning}", err=True)
