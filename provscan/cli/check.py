"""``provscan check``: check a bundle, or the page of an exhibit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option


@shared.command("check")
@shared.path_argument("bundle", "BUNDLE|PAGE")
@shared.path_option(
    "--key",
    metavar="FILE",
    help="Ed25519 public key, in PEM, of the required signer.",
)
@shared.path_option(
    "--authority",
    metavar="FILE",
    help="Root certificates, in PEM, of the required time-stamping authority.",
)
@option(
    "--exhibit",
    metavar="N",
    help="Also print exhibit N, and prove that the bundle contains it. If the bundle "
    "has several runs, give RUN/N.",
)
@shared.as_json
def command(bundle: Path, as_json: bool, **options: Any) -> None:
    """Check a bundle or an exhibit, without index and dataset.

    The output lists every problem: files that are changed, missing or not listed, and
    problems with rows, figures, the signature and the time stamp. The exit status is 1
    if there are problems, and 3 if the file is damaged or is not a bundle.
    """
    from provscan import handover
    from provscan.cli import show

    found = handover.check(bundle, **shared.given(**options))
    show.result(found, as_json, _lines)
    if found["problems"]:
        click.get_current_context().exit(cli.GATE_CROSSED)


def _lines(found: dict[str, Any]) -> Iterator[str]:
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
            "compare it with the signer's key, or give --key"
        )
    if found["stamp"] is not None:
        authority = (
            "by the given authority"
            if found["known_authority"]
            else "by an authority that was not verified: give --authority"
        )
        yield f"Time stamp {found['stamp']} {authority}"
    if found["files"] is not None and not problems:
        yield (
            "Computed again and compared: hashes of rows and files, and counts of "
            "matches, records and texts. Not checked: bounds and estimates, which "
            "provscan replay computes again"
        )
    if found["exhibit"] is not None and not problems:
        yield f"Proved: exhibit {found['exhibit']['exhibit']}"
        yield from (f"  {name}: {value}" for name, value in found["exhibit"].items())
