"""``provscan replay``: repeat a run of a bundle, and compare every row and figure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option

# Maximum number of problems that are printed.
MOST_PROBLEMS = 20
paths = partial(option, multiple=True, type=click.Path())


@shared.command("replay")
@shared.path_argument("bundle", "BUNDLE")
@paths(
    "--dataset",
    "-d",
    required=True,
    metavar="DATASET",
    help="The dataset of the run. Can be repeated.",
)
@shared.index_option("--index", "-i", help="The index of the run.")
@option(
    "--run",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of the run in the bundle.  [default: 1]",
)
@shared.out_option(
    metavar="FOLDER",
    help="Save the repeated run in this folder.",
)
@paths("--control", metavar="FILE", help="Current path of the run's control.")
@paths("--null", metavar="DATASET", help="Current path of the run's null dataset.")
@paths("--known", metavar="DATA", help="Current path of the run's known data.")
@shared.path_option(
    "--tokenizer",
    metavar="FILE",
    help="Current path of the run's tokenizer.",
)
@shared.path_option(
    "--baseline",
    metavar="RUN",
    help="Current path of the run's baseline.",
)
@shared.workers
@shared.ray
@shared.as_json
@shared.quiet
def command(
    bundle: Path,
    dataset: tuple[str, ...],
    index: Path,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Repeat a run of a bundle, and compare every row and figure.

    The results must be the same whatever the names and the order of the files, the
    number of workers and the executor. The output lists all differences; the exit
    status is 1 if there are any.
    """
    from provscan import handover
    from provscan.cli import show
    from provscan.cli.progress import progress

    with progress(quiet) as watcher:
        found = handover.replay(
            bundle, list(dataset), index, progress=watcher, **shared.given(**options)
        )
    show.result(found, as_json, _lines)
    if found["problems"]:
        click.get_current_context().exit(cli.GATE_CROSSED)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    problems = found["problems"]
    compared = (
        f"{counted(found['rows'], 'row')} and {counted(found['figures'], 'figure')}"
    )
    yield (
        f"DIFFERENT: {found['bundle']}, {counted(len(problems), 'problem')}"
        if problems
        else f"THE SAME: {found['bundle']}, {compared}"
    )
    yield from (f"- {problem}" for problem in problems[:MOST_PROBLEMS])
    if (more := len(problems) - MOST_PROBLEMS) > 0:
        yield f"and {more:,} more, which --json lists"
    yield f"May differ: {'; '.join(found['may_differ'])}"
