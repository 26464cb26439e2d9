"""``provscan forget``: remove tweets from all future runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provscan.cli import shared
from provscan.cli.shared import option


@shared.command("forget")
@shared.path_argument("index", "INDEX")
@click.argument("ids", nargs=-1, metavar="[IDS]...")
@option(
    "--users",
    is_flag=True,
    help="Treat plain ids and batch results as names or ids of accounts, and forget "
    "all tweets of these accounts.",
)
@option(
    "--purge",
    is_flag=True,
    help="Also rewrite the files of the index without the texts and hashes of all "
    "forgotten tweets, in as few segments as possible.",
)
@option("--dry-run", is_flag=True, help="Only show what would be forgotten.")
@shared.as_json
def command(index: Path, ids: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Forget tweets: no later run finds them. This can't be undone.

    IDS are ids of tweets, files with one id per line, or compliance events as platforms
    send them: JSON lines with delete, user_delete, user_suspend, status_withheld and
    others, and results of batch compliance jobs.

    If the corpus contains histories of edits, the index stores an edited tweet under
    the id of its first version. To forget it by the id of a later version, add the
    tweet_edit event that lists its versions to IDS.

    With --purge, IDS can be left out, to purge tweets that were forgotten before.
    """
    import provscan
    from provscan.cli import show

    show.result(
        provscan.forget(index, list(ids), **shared.given(**options)),
        as_json,
        show.forgotten,
    )
