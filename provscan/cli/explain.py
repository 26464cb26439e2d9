"""``provscan explain``: why a text is or is not a match."""

from __future__ import annotations

import json
from pathlib import Path

import click

from provscan.cli import as_json

LONGEST_RECORD_NUMBER = 10


@click.command("explain")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("what", metavar="RECORD|TEXT|TWEET_ID")
@click.option(
    "--index", "-i", type=click.Path(path_type=Path), help="Index of the licensed tweets.  [default: the run's]"
)
@click.option("--tweet", "tweet_id", metavar="ID", help="Compare with this licensed tweet, however little they share.")
@click.option("--source", metavar="NAME", help="Dataset of the record, where several have one of this number.")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["record", "text", "tweet"]),
    help="What the argument is.  [default: record for up to 10 digits, tweet for more digits or an id of the run, "
    "else text]",
)
@as_json
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

    Shows the canonical texts, the LSH bands in which they agree, and each gate with its value, its limit and the option
    that moves it. A record is read from the dataset again, which must be where it was.
    """
    import provscan
    from provscan.cli import echo
    from provscan.report.tables import explanation_table
    from provscan.runs.explain import explain_record, explain_text, explain_tweet, params_of

    opened = provscan.open_run(run)
    folder = Path(opened.info.get("folder") or ".")
    left_out = None if index else opened.info["parameters"].get("without_segment")
    licensed = provscan.open_index(index or folder / opened.info["index"]["path"], without_segment=left_out)
    ids = opened.matches["tweet_id"]
    if kind is None:
        if what.isdigit() and len(what) <= LONGEST_RECORD_NUMBER:
            kind = "record"
        else:
            kind = "tweet" if what.isdigit() or what in set(ids.to_pylist()) else "text"
    if kind == "record":
        explained = explain_record(
            opened.info, opened.matches, int(what), licensed, source=source, tweet_id=tweet_id
        )  # fmt: skip
    elif kind == "tweet":
        explained = explain_tweet(opened.info, opened.matches, what, licensed)
    else:
        explained = explain_text(what, licensed, params_of(opened.info), tweet_id=tweet_id)
    if as_json:
        echo(json.dumps([item.as_dict() for item in explained], indent=2, ensure_ascii=False))
    else:
        echo(explanation_table([item.as_dict() for item in explained]))
