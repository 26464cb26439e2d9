"""``provscan reveal``: turn the rows of a blind run into evidence, with the full
index.
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
    "--threshold", type=float, metavar="X", help="Minimum similarity.  [default: 0.4]"
)
@shared.option(
    "--min-containment",
    type=float,
    metavar="X",
    help="Minimum containment of the tweet.  [default: 0.55]",
)
@shared.overwrite_run
@shared.without_segment
@shared.as_json
def command(run: Path, index: Path, as_json: bool, **options: Any) -> None:
    """Add evidence to a blind run, from the full index.

    The passages of the blind run are compared with the tweets of the full index, and a
    new run with evidence is written.
    """
    from provscan import blind
    from provscan.blind.report import run_lines
    from provscan.cli import show

    revealed = blind.reveal(run, index, **shared.given(**options))
    show.result({"run": str(revealed.path), **revealed.summary}, as_json, run_lines)
