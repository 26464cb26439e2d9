"""``provscan room``: make kits for inspection rooms without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option


@click.group("room", cls=shared.DefaultGroup)
def command() -> None:
    """Make a kit for an inspection room without a network.

    \b
    provscan room -i INDEX -o KIT
        make the kit: wheels, index, options and scripts in one folder
    sh KIT/run.sh DATASET...
        in the room: install, scan, and list the files that may leave
    sh KIT/release.sh EXHIBIT --by NAME
        in the room: release the span of a finding
    """


@command.command("build")
@click.argument("options", nargs=-1, metavar="[-- MATCH OPTIONS]")
@shared.index_option(
    "--index", "-i", help="Index of the licensed tweets; it is copied into the kit."
)
@shared.out_option(
    required=True,
    metavar="KIT",
    help="New folder for the kit.",
)
@option(
    "--digests-only",
    is_flag=True,
    help="Let nothing leave the room except counts, digests, and spans that a named "
    "person has released.",
)
@shared.path_option(
    "--wheel",
    metavar="PATH",
    help="Wheel or source folder of provscan.  [default: source of this installation]",
)
@shared.as_json
def build(
    options: tuple[str, ...],
    index: Path,
    out: Path,
    digests_only: bool,
    wheel: Path | None,
    as_json: bool,
) -> None:
    """Make a kit for this platform and version of Python.

    The kit always uses the options of `provscan match` that are given after `--`; files
    that they name are copied into the kit. pip downloads the wheels of the installed
    versions, so this machine needs a network. `provscan room -o KIT` is short for
    `provscan room build -o KIT`.
    """
    from provscan.cli import match, show
    from provscan.errors import UsageError
    from provscan.handover.room import build_room
    from provscan.options import MatchOptions

    # Parse the options as options of provscan match, which needs a dataset.
    scan = match.command.make_context("match", [*options, "DATASET"])
    fixed = shared.given(**scan.params)
    unknown = fixed.keys() - MatchOptions.__dataclass_fields__ - {"sources", "index"}
    if unknown or len(scan.params["sources"]) > 1:
        names = {each.name: each.opts[0] for each in match.command.params}
        named = ", ".join(sorted(names[name] for name in unknown)) or "a dataset"
        raise UsageError(
            f"a kit can't contain {named}: after --, give only options of the scan"
        )
    chosen = {
        name: os.fspath(value) if isinstance(value, Path) else value
        for name, value in fixed.items()
        if name not in ("sources", "index")
    }
    kit = build_room(index, out, digests_only=digests_only, wheel=wheel, options=chosen)
    show.result({"path": str(out), **kit}, as_json, _built)


def _built(kit: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    yield (
        f"Kit: {kit['path']}, {counted(len(kit['files']), 'file')}, for Python "
        f"{kit['python']} on {kit['platform']}"
    )
    yield f"SHA-256 of kit.json: {kit['sha256']}"
    yield f"Print {kit['path']}/instructions.html for the room"


@command.command("run")
@shared.path_argument("kit", "KIT")
@click.argument("sources", nargs=-1, required=True, metavar="DATASET...")
@shared.quiet
def run(kit: Path, sources: tuple[str, ...], quiet: bool) -> None:
    """Scan datasets with a kit and its options. In the room, use run.sh."""
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.handover.room import run_room
    from provscan.names import several

    with progress(quiet) as watcher:
        done = run_room(kit, sources, watcher)
    show.result({"run": done["run"], **done["summary"]}, False, show.brief)
    _show_list(done["list"])
    if problems := done["summary"]["damaged"] + done["summary"]["unread"]:
        cli.echo(
            f"provscan: {several(len(problems), 'file was', 'files were')} damaged or "
            "not scanned: summary.json lists all of them",
            err=True,
        )
        click.get_current_context().exit(cli.UNUSABLE)


@command.command("release")
@shared.path_argument("kit", "KIT")
@click.argument("exhibit", metavar="EXHIBIT", type=int)
@option("--by", required=True, metavar="NAME", help="Name of the releasing person.")
@option("--run", "name", metavar="NAME", help="Run folder, if results/ has several.")
def release(kit: Path, exhibit: int, by: str, name: str | None) -> None:
    """Show a finding, and release its span after confirmation.

    A released span may leave the room. In the room, use release.sh.
    """
    from provscan.handover import room

    found = room.finding(kit, exhibit, name)
    for key, value in found.items():
        cli.echo(f"{key}: {value}")
    if click.confirm(f"{by} releases this span"):
        _show_list(str(room.release(kit, found, by)))
    else:
        cli.echo("Nothing was released")


def _show_list(path: str) -> None:
    """Print the list of files that may leave the room."""
    cli.echo(Path(path).read_text(encoding="utf-8"))
    cli.echo(f"This list: {path}")
