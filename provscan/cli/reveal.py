"""``provscan reveal``: the rows of a blind run and the full index to evidence."""

from __future__ import annotations

import click

from provscan.cli import as_json, given, index_option, option, without_segment


@click.command("reveal")
@click.argument("run", metavar="RUN", type=click.Path())
@index_option("--index", "-i", help="The full index.")
@option("--out", "-o", metavar="FOLDER", type=click.Path(), help="Folder to write.  [default: RUN.revealed.run]")
@option("--threshold", type=float, metavar="X", help="Minimum similarity.  [default: 0.4]")
@option("--min-containment", type=float, metavar="X", help="Minimum containment of the tweet.  [default: 0.55]")
@option("--overwrite", is_flag=True, help="Replace existing results.")
@without_segment
@as_json
def command(
    run: str,
    index: str,
    out: str | None,
    threshold: float | None,
    min_containment: float | None,
    overwrite: bool,
    without_segment: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare the passages of a blind run with the tweets of the full index, and write a run with evidence."""
    import provscan
    from provscan.cli import show

    options = given(
        threshold=threshold,
        min_containment=min_containment,
        overwrite=overwrite,
        without_segment=without_segment,
    )
    show.blind_run(provscan.reveal(run, index, out, **options), as_json)
