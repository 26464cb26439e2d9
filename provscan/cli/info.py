"""``provscan info``: show what an index or a ledger contains, or what a run found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from provscan import cli
from provscan.cli import shared
from provscan.errors import InputError


@shared.command("info")
@shared.index_argument("path", "[INDEX|RUN|PROBE|LEDGER]")
@shared.as_json
def command(path: Path, as_json: bool) -> None:
    """Show what an index or a ledger contains, or what a run or a probe found.

    Without an argument, the command uses the index at $PROVSCAN_INDEX, else
    ./licensed.index.
    """
    import provscan
    from provscan import probe
    from provscan.cli import show
    from provscan.report.files import RunFiles
    from provscan.runs.folder import RUN_FILE, SUMMARY_FILE, read_run

    shared.require_existing("path", "an index, a run, a probe or a ledger")
    is_run = (path / RUN_FILE).is_file()
    is_ledger = (path / "ledger.json").is_file()
    if probe.is_probe(path):
        from provscan.cli.probe import planned
        from provscan.probe.files import read_score
        from provscan.probe.report import probe_table

        if (path / SUMMARY_FILE).is_file():
            found = {"probe": str(path), **_summary(path, read_score)}
            show.result(found, as_json, partial(probe_table, verbose=True))
        else:
            planned(probe.open_plan(path), as_json, verbose=True)
    elif is_run:
        shown = {"run": str(path), **_summary(path, read_run)}
        review = RunFiles.open(path).blinded_review
        shown |= {"review": review} if review else {}
        show.result(shown, as_json, show.run)
        if review and not as_json:
            cli.echo(review)
    elif is_ledger:
        from provscan.ledger import info_lines, read_ledger

        found = {"ledger": str(path), **read_ledger(path)}
        show.result(found, as_json, info_lines)
    else:
        opened = provscan.open_index(path, verify=False)
        show.result(opened.info(), as_json, show.index)


def _summary(path: Path, read: Callable[[Path], Any]) -> dict[str, Any]:
    """Return the summary of a run or a probe."""
    from provscan.runs.folder import SUMMARY_FILE, read_json

    summary = read_json(path / SUMMARY_FILE)
    if (version := summary.get("version")) != 1:
        raise InputError(
            f"{path / SUMMARY_FILE}: expected a summary of version 1, found "
            f"{version!r}; a newer provscan or another program wrote it"
        )
    read(path)  # Check that it is unchanged.
    return summary
