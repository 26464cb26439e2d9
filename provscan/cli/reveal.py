"""``provscan reveal``: turns the rows of a blind run into evidence, with the full
index.
"""

from __future__ import annotations

from typing import Any

import click

from provscan import cli


@click.command("reveal")
@click.argument("run", metavar="RUN", type=cli.Local())
@cli.index_option("--index", "-i", help="The full index.")
@cli.option(
    "--out",
    "-o",
    metavar="FOLDER",
    type=cli.Local(),
    help="Folder to write.  [default: RUN with .revealed.run in place of .run]",
)
@cli.option(
    "--threshold", type=float, metavar="X", help="Minimum similarity.  [default: 0.4]"
)
@cli.option(
    "--min-containment",
    type=float,
    metavar="X",
    help="Minimum containment of the tweet.  [default: 0.55]",
)
@cli.overwrite_run
@cli.without_segment
@cli.as_json
def command(run: str, index: str, as_json: bool, **options: Any) -> None:
    """Compare the passages of a blind run with the tweets of the full index, and write
    a run with evidence.
    """
    from provscan import blind
    from provscan.blind.report import run_lines
    from provscan.cli import show

    revealed = blind.reveal(run, index, **cli.given(**options))
    show.result({"run": str(revealed.path), **revealed.summary}, as_json, run_lines)
