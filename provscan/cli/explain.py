"""``provscan explain``: show why a text is or is not a match, or a finding."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option
from provscan.errors import UnusableError, UsageError

LONGEST_RECORD_NUMBER = 10


@shared.command("explain")
@shared.path_argument("run", "RUN")
@click.argument("what", metavar="[RECORD|TEXT]", required=False)
@shared.path_option(
    "--index",
    "-i",
    help="Index of the licensed tweets.  [default: the index of the run]",
)
@option(
    "--tweet",
    "tweet_id",
    metavar="ID",
    help="Explain the matches of this licensed tweet or, with a record or text, "
    "compare it with this tweet, even if they have little wording in common.",
)
@shared.as_json
def command(
    run: Path,
    what: str | None,
    index: Path | None,
    tweet_id: str | None,
    as_json: bool,
) -> None:
    """Explain why a text is or is not a match.

    The output shows the canonical texts, the LSH bands in which they agree, the reason
    why the text is or is not a match, and each value with its limit. For a match in the
    run, the output also shows the conditions of a finding. A record is read again from
    the dataset, which must be at the same path as during the run.
    """
    import provscan
    from provscan.cli import show
    from provscan.report.tables import explanation_table
    from provscan.runs.questions.explain import (
        SHOWN,
        explain_record,
        explain_text,
        explain_tweet,
    )

    opened = provscan.open_run(run)
    info, matches = opened.info, opened.matches
    folder = Path(info.get("folder") or ".")
    try:
        licensed = provscan.open_index(index or folder / info["index"]["path"])
    except UnusableError as error:
        if index is None:
            error.add_note("If the index was moved, name it with --index")
        raise
    if licensed.fingerprint != info["index"]["fingerprint"]:
        cli.echo(
            f"provscan: {licensed.path} does not contain the same tweets as the index "
            "of the run, so the explanation may differ from the run",
            err=True,
        )
    if what is None and tweet_id is None:
        raise UsageError(
            "give the position of a record, or a text, or a licensed tweet with --tweet"
        )
    place = re.fullmatch(r"(.+):(\d+)", what or "")
    sources = {*matches["source"].to_pylist()}
    if place and (place[1] in sources or Path(place[1]).exists()):
        raise UsageError(
            "a record is named by its position alone. Did you mean "
            f"`provscan {shlex.join(['explain', str(run), place[2]])}`?"
        )
    if what is None:
        explained = explain_tweet(info, matches, tweet_id or "", licensed)
    elif what.isdigit() and len(what) <= LONGEST_RECORD_NUMBER:
        explained = explain_record(
            info, matches, int(what), licensed, tweet_id=tweet_id
        )
    elif what.isdigit() or what in set(matches["tweet_id"].to_pylist()):
        explained = explain_tweet(info, matches, what, licensed)
    else:
        explained = explain_text(what, licensed, tweet_id=tweet_id)
    show.result(explained, as_json, explanation_table)
    if len(explained) >= SHOWN:
        cli.echo(
            f"provscan: only the {SHOWN} closest tweets of each text are shown: use "
            "--tweet to compare another tweet",
            err=True,
        )
