"""``provscan verify``: check whether anything that provscan wrote is as it was written,
and repeat a run of a bundle.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option

# Maximum number of problems of a repeated run that are printed.
MOST_PROBLEMS = 20
# The options that apply to one kind of argument, with its name for messages.
ONLY = {
    "an index": ("quick",),
    "a bundle or an exhibit": ("public_key",),
    "a repeated run": (
        *("dataset", "index", "run", "control", "clean_data", "other_sources"),
        "baseline",
    ),
}
repeat_option = partial(option, group="With --repeat")
paths = partial(repeat_option, multiple=True, type=click.Path())


@shared.command("verify")
@shared.index_argument("path", "[INDEX|RUN|BUNDLE|PAGE]")
@option(
    "--quick",
    is_flag=True,
    help="Only compare the checksums of an index; do not rebuild it.",
)
@shared.path_option(
    "--public-key",
    metavar="FILE",
    help="Ed25519 public key, in PEM, of the required signer of a bundle.",
)
@shared.as_json
@repeat_option(
    "--repeat",
    is_flag=True,
    help="Repeat a run of BUNDLE with its recorded parameters, and compare every row "
    "and figure.",
)
@paths(
    "--dataset",
    "-d",
    metavar="DATASET",
    help="The dataset of the run. Can be repeated.",
)
@repeat_option(
    "--index",
    "-i",
    type=shared.LocalPath(),
    metavar="INDEX",
    help="The index of the run.  [default: $PROVSCAN_INDEX, else licensed.index]",
)
@repeat_option(
    "--run",
    type=click.IntRange(min=1),
    metavar="N",
    help="Which run of the bundle to repeat.  [default: 1]",
)
@paths("--control", metavar="FILE", help="Current path of the run's control.")
@paths("--clean-data", metavar="DATASET", help="Current path of the run's clean data.")
@paths(
    "--other-sources", metavar="DATA", help="Current path of the run's other sources."
)
@repeat_option(
    "--baseline",
    type=shared.LocalPath(),
    metavar="RUN",
    help="Current path of the run's baseline.",
)
def command(path: Path, repeat: bool, as_json: bool, **options: Any) -> None:
    """Verify whether an index, a run, a bundle or an exhibit is intact.

    Every file is compared with its checksum, and everything that can be computed again
    is computed and compared. An index is rebuilt from its tweets in a temporary folder,
    which takes as long as building it. The exit status is 3 if an index or a run is
    damaged, and 1 if a bundle or an exhibit has problems, all of which are listed.

    Anyone who edits an unsigned result can also write new checksums. With --repeat, the
    run of a bundle is repeated on the same dataset and index, which detects that.

    Without an argument, the command uses the index at $PROVSCAN_INDEX, else
    ./licensed.index.
    """
    shared.require_existing("path", "an index, a run, a bundle or an exhibit")
    given = shared.given(**options)
    if repeat:
        _repeat(path, as_json, given)
    elif path.is_file():
        _refuse_others("a bundle or an exhibit", given)
        _check(path, as_json, given)
    else:
        import provscan
        from provscan.cli import show
        from provscan.runs.folder import RUN_FILE

        is_run = (path / RUN_FILE).is_file()
        _refuse_others("a run" if is_run else "an index", given)
        show.result(provscan.verify(path, **given), as_json, show.verified)


def _refuse_others(kind: str, given: dict[str, Any]) -> None:
    """Refuse the options that apply only to other kinds of arguments."""
    for other, names in ONLY.items():
        if other != kind:
            shared.refuse(
                [name for name in names if name in given], f"this applies to {other}"
            )


def _check(path: Path, as_json: bool, given: dict[str, Any]) -> None:
    from provscan import handover
    from provscan.cli import show

    found = handover.check(path, **given)
    show.result(found, as_json, _checked)
    if found["problems"]:
        click.get_current_context().exit(cli.GATE_CROSSED)


def _repeat(path: Path, as_json: bool, given: dict[str, Any]) -> None:
    import os

    from provscan import handover
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.errors import UsageError

    _refuse_others("a repeated run", given)
    dataset = given.pop("dataset", None)
    if dataset is None:
        raise UsageError("name the dataset of the run with --dataset (-d)")
    index = given.pop("index", os.environ.get("PROVSCAN_INDEX") or "licensed.index")
    with progress() as watcher:
        found = handover.replay(path, dataset, index, progress=watcher, **given)
    show.result(found, as_json, _repeated)
    if found["problems"]:
        click.get_current_context().exit(cli.GATE_CROSSED)


def _checked(found: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    problems = found["problems"]
    if problems:
        yield f"NOT INTACT: {found['path']}, {counted(len(problems), 'problem')}"
    elif found["signer"] is None:
        made = "consistent, but anyone could have made it"
        yield f"NOT SIGNED: {found['path']} is {made}"
    else:
        yield f"INTACT: {found['path']}"
    yield from (f"- {problem}" for problem in problems)
    yield f"SHA-256: {found['sha256']}"
    if found["files"] is not None:
        texts = "" if found["texts"] is not False else ", without texts"
        yield f"{counted(found['files'], 'file')}{texts}"
    for run in found["runs"] or ():
        rows = counted(run["rows"], "row")
        yield f"{run['folder']} ({run['name']}): {rows}, root {run['root']}"
    if found["known_signer"] and found["signer"] is not None:
        yield f"Signed with the given key {found['signer']}"
    elif found["signer"] is not None:
        yield (
            f"Signed with the key {found['signer']}, which is from the bundle itself: "
            "compare it with the signer's key, or give --public-key"
        )
    if found["files"] is not None and not problems:
        yield (
            "Computed again and compared: hashes of rows and files, and counts of "
            "matches, records and texts. Not checked: bounds and estimates, which "
            "`provscan verify BUNDLE --repeat` computes again"
        )
    if found["exhibit"] is not None and not problems:
        yield f"Proved: exhibit {found['exhibit']['exhibit']}"
        yield from (f"  {name}: {value}" for name, value in found["exhibit"].items())


def _repeated(found: dict[str, Any]) -> Iterator[str]:
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
