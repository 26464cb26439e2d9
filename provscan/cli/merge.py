"""``provscan merge``: merge small segments of an index into large ones."""

from __future__ import annotations

from pathlib import Path

from provscan.cli import shared
from provscan.cli.shared import option


@shared.command("merge")
@shared.index_argument("index", "[INDEX]")
@option(
    "--purge-only",
    is_flag=True,
    help="Rewrite only the segments that contain forgotten tweets.",
)
@shared.workers
@shared.as_json
def command(index: Path, purge_only: bool, workers: int | None, as_json: bool) -> None:
    """Merge the segments of an index, and purge forgotten tweets.

    The files are then the same as in a new index of the same tweets. When tweets are
    added, segments are merged automatically if there are many. Use this command after
    forgetting tweets, or before a long series of runs.

    Without an argument, the command uses the index at $PROVSCAN_INDEX, else
    ./licensed.index.
    """
    import provscan
    from provscan.cli import show

    show.result(
        provscan.merge(index, purge_only=purge_only, **shared.given(workers=workers)),
        as_json,
        show.index,
    )
