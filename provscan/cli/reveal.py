"""``provscan reveal``: add evidence from the full index to the matches of a blind
run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provscan.cli import shared
from provscan.cli.shared import match_option


@shared.command("reveal")
@shared.path_argument("run", "RUN")
@shared.index_option("--index", "-i", help="The full index.")
@shared.out_option(
    metavar="FOLDER",
    help="Folder to write.  [default: RUN with .revealed.run in place of .run]",
)
@match_option("Options", "threshold", type=float)
@match_option("Options", "min_containment", type=float)
@shared.overwrite_run
@shared.without_segment
@shared.as_json
def command(run: Path, index: Path, as_json: bool, **options: Any) -> None:
    """Add evidence from the full index to a blind run.

    The passages of the blind run are compared with the tweets of the full index, and
    the matches are written to a new run with evidence.
    """
    from provscan import blind
    from provscan.blind.report import run_lines
    from provscan.cli import show

    revealed = blind.reveal(run, index, **shared.given(**options))
    show.result({"run": str(revealed.path), **revealed.summary}, as_json, run_lines)
