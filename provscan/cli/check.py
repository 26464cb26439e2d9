"""``provscan check``: verifies a bundle, or a page of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from provscan import cli
from provscan.cli import shared


@click.command("check")
@click.argument("bundle", metavar="BUNDLE|PAGE", type=shared.LocalPath())
@click.option(
    "--key",
    type=shared.LocalPath(),
    metavar="FILE",
    help="Ed25519 public key in PEM of the party that must have signed it.",
)
@click.option(
    "--authority",
    type=shared.LocalPath(),
    metavar="FILE",
    help="Root certificates in PEM of the authority that must have stamped it.",
)
@click.option(
    "--exhibit",
    metavar="N",
    help="Prove exhibit N, too, and print it; RUN/N if the bundle has several runs.",
)
@shared.as_json
def command(bundle: str, as_json: bool, **options: Any) -> None:
    """Check a bundle, or the page of one exhibit, without index and dataset.

    Everything that is wrong is named: files that were changed, are missing or not
    listed; rows; figures; the signature; the time stamp. The status is then 1. It is 3
    if the archive itself is damaged, or is no bundle.
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
            f"Signed with the key {found['signer']}, which the bundle itself names: "
            "compare it with the signer's, or give --key"
        )
    if found["stamp"] is not None:
        whose = (
            "by the given authority"
            if found["known_authority"]
            else "by an authority that was not verified: give --authority"
        )
        yield f"Stamped {found['stamp']} {whose}"
    if found["files"] is not None and not problems:
        yield (
            "Computed again: hashes of rows and files, and counts of matches, records "
            "and texts. Bounds and estimates are as stated: provscan replay repeats "
            "them"
        )
    if found["exhibit"] is not None and not problems:
        yield f"Proved: exhibit {found['exhibit']['exhibit']}"
        yield from (f"  {name}: {value}" for name, value in found["exhibit"].items())
