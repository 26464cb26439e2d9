"""``provscan verify``: check whether an index or a run is as provscan wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provscan.cli import shared
from provscan.cli.shared import option


@shared.command("verify")
@shared.index_argument("path", "[INDEX|RUN]")
@option(
    "--quick", is_flag=True, help="Only compare checksums; do not rebuild the segments."
)
@shared.workers
@shared.as_json
def command(path: Path, as_json: bool, **options: Any) -> None:
    """Verify every byte of an index, or the files of a run.

    The files of a run are checked against each other. An index is also rebuilt from its
    tweets in a temporary folder and compared. This takes as long as building the index,
    and detects forged files with matching checksums. The exit status is 3 if anything
    differs.

    Anyone who edits a run can also write new checksums. Such edits can be detected only
    by repeating the command in its run.json on the same dataset and index.

    Without an argument, the command uses the index at $PROVSCAN_INDEX, else
    ./licensed.index.
    """
    import provscan
    from provscan.cli import show

    result = provscan.verify(path, **shared.given(**options))
    show.result(result, as_json, show.verified)
