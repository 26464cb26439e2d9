"""``provscan explain``: show why a text is or is not a match, or a finding."""

from __future__ import annotations

from pathlib import Path

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option

LONGEST_RECORD_NUMBER = 10


@shared.command("explain")
@shared.path_argument("run", "RUN")
@click.argument("what", metavar="RECORD|TEXT|TWEET_ID")
@shared.path_option(
    "--index",
    "-i",
    help="Index of the licensed tweets.  [default: the index of the run]",
)
@option(
    "--tweet",
    "tweet_id",
    metavar="ID",
    help="Compare with this licensed tweet, even if it has little wording in common.",
)
@option(
    "--source",
    metavar="NAME",
    help="Dataset of the record, if several have a record with this number.",
)
@option(
    "--as",
    "kind",
    type=click.Choice(["record", "text", "tweet"]),
    help="Kind of the argument.  [default: record for up to 10 digits, tweet for more "
    "digits or an id of the run, else text]",
)
@shared.as_json
def command(
    run: Path,
    what: str,
    index: Path | None,
    tweet_id: str | None,
    source: str | None,
    kind: str | None,
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
    left_out = None if index else info["parameters"].get("without_segment")
    folder = Path(info.get("folder") or ".")
    licensed = provscan.open_index(
        index or folder / info["index"]["path"], without_segment=left_out
    )
    if licensed.fingerprint != info["index"]["fingerprint"]:
        cli.echo(
            f"provscan: {licensed.path} does not contain the same tweets as the index "
            "of the run, so the explanation may differ from the run",
            err=True,
        )
    if kind is None:
        if what.isdigit() and len(what) <= LONGEST_RECORD_NUMBER:
            kind = "record"
        elif what.isdigit() or what in set(matches["tweet_id"].to_pylist()):
            kind = "tweet"
        else:
            kind = "text"
    if kind == "record":
        explained = explain_record(
            info, matches, int(what), licensed, source=source, tweet_id=tweet_id
        )
    elif kind == "tweet":
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
