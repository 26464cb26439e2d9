"""``provscan info``: what an index holds, or what a run found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from provscan.cli import as_json, given, without_segment
from provscan.errors import InputError


@click.command("info")
@click.argument(
    "path",
    metavar="[INDEX|RUN]",
    default="licensed.index",
    envvar="PROVSCAN_INDEX",
    type=click.Path(path_type=Path),
)
@without_segment
@as_json
def command(path: Path, without_segment: tuple[str, ...], as_json: bool) -> None:
    """Show what an index holds or what a run found.

    Without an argument: the index that $PROVSCAN_INDEX names, else ./licensed.index.
    """
    from provscan.cli import show

    if (path / "run.json").is_file():
        show.run(path, _read(path / "summary.json"), as_json)
    else:
        import provscan
        from provscan.index.blind import blind_info
        from provscan.index.format import is_blind

        if is_blind(path):
            show.blind_index(blind_info(path), as_json)
            return
        show.index(provscan.open_index(path, verify=False, **given(without_segment=without_segment)).info(), as_json)


def _read(path: Path) -> dict[str, Any]:
    try:
        summary = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: not there, so this run was not finished; run match again") from None
    except ValueError as error:
        raise InputError(f"{path}: expected JSON as match writes it, found none ({error}); run match again") from None
    if not isinstance(summary, dict) or summary.get("version") != 1:
        found = summary.get("version") if isinstance(summary, dict) else type(summary).__name__
        raise InputError(f"{path}: expected a summary of version 1, found {found!r}: a newer provscan's, or not ours")
    return summary
