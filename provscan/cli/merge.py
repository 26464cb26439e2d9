"""``provscan merge``: few large segments in place of many small ones."""

from __future__ import annotations

import click

from provscan import cli


@click.command("merge")
@click.argument(
    "index",
    metavar="[INDEX]",
    default="licensed.index",
    envvar="PROVSCAN_INDEX",
    type=cli.Local(),
)
@click.option(
    "--purge-only",
    is_flag=True,
    help="Rewrite only the segments that contain forgotten tweets.",
)
@cli.workers
@cli.as_json
def command(index: str, purge_only: bool, workers: int | None, as_json: bool) -> None:
    """Merge the segments of an index, which adding tweets leaves behind, and purge
    forgotten tweets.

    The result is the index that building it from the same tweets would give. Adding
    merges by itself when there are many segments; this command is for the time after
    forgetting, and before a long series of runs.

    Without an argument: the index that $PROVSCAN_INDEX names, else ./licensed.index.
    """
    import provscan
    from provscan.cli import show

    show.result(
        provscan.merge(index, purge_only=purge_only, **cli.given(workers=workers)),
        as_json,
        show.index,
    )
