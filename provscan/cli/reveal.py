"""``provscan reveal``: add evidence from the full index to the matches of a blind
run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provscan.cli import shared


@click.command("reveal")
@shared.path_argument("run", "RUN")
@shared.index_option("--index", "-i", help="The full index.")
@shared.out_option(
    metavar="FOLDER",
    help="Folder to write.  [default: RUN with .revealed.run in place of .run]",
)
@shared.option(
    "--threshold",
    type=float,
    metavar="X",
    help="Minimum similarity of passage and tweet.  [default: 0.4]",
)
@shared.option(
    "--min-containment",
    type=float,
    metavar="X",
    help="Minimum containment of the tweet in the passage.  [default: 0.55]",
)
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
