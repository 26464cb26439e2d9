"""``provscan bundle``: hands over the results of runs so that others can check them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from provscan.cli import shared
from provscan.cli.shared import option
from provscan.errors import UsageError

REQUEST, ANSWER = ".tsq", ".tsr"


@click.command("bundle", cls=shared.GroupedCommand)
@click.argument(
    "sources",
    nargs=-1,
    required=True,
    metavar="[RUN|CASE|LEDGER|BUNDLE]...",
    type=shared.LocalPath(path_type=Path),
)
@option(
    "--out",
    "-o",
    type=shared.LocalPath(path_type=Path),
    metavar="FILE",
    help="The archive or page to write; not needed for a request for a time stamp.",
)
@option(
    "--sign",
    type=shared.LocalPath(path_type=Path),
    metavar="KEY",
    help="File with an Ed25519 private key in PEM: sign the bundle with it.",
)
@shared.no_text
@option(
    "--hash-inputs",
    is_flag=True,
    help="Add the SHA-256 of the inputs and the index of each run, which must be where "
    "the run read them.",
)
@option(
    "--bates",
    metavar="PREFIX",
    help="Prefix of the Bates numbers in the load file.  [default: PROVSCAN]",
)
@option(
    "--timestamp",
    type=shared.LocalPath(path_type=Path),
    metavar="FILE",
    help="FILE.tsq: write a request for a time stamp on the bundle. FILE.tsr: write "
    "BUNDLE again, with this answer of a stamping service.",
)
@option(
    "--exhibit",
    metavar="N",
    help="Write exhibit N of BUNDLE as a page that proves it alone; RUN/N if it has "
    "several runs.",
)
@shared.overwrite
@shared.as_json
def command(
    sources: tuple[Path, ...],
    out: Path | None,
    timestamp: Path | None,
    exhibit: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Write the results of runs and cases into one archive that others can check with
    `provscan check`, without index and dataset.

    It holds exhibits, evidence, parameters, checksums, the report, a load file for
    review platforms and a draft of a certification, in the layout of BagIt.

    Given a BUNDLE, take an exhibit from it (--exhibit) or have it stamped
    (--timestamp).
    """
    from provscan import handover
    from provscan.cli import show

    options = shared.given(**options)
    suffix = None if timestamp is None else timestamp.suffix
    if suffix not in (None, REQUEST, ANSWER):
        raise UsageError(
            f"{timestamp} is neither a request nor an answer: name a file that ends in "
            f"{REQUEST} to write a request, or in {ANSWER} to add an answer"
        )
    of_bundle = len(sources) == 1 and sources[0].is_file()
    if not of_bundle and (exhibit is not None or suffix == ANSWER):
        raise UsageError(
            "exhibits are taken from a bundle, and time stamps are added to one: name "
            "the archive that provscan bundle has written"
        )
    if of_bundle and options:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in options)
        raise UsageError(f"{sources[0]} is a bundle already: leave out {names}")
    if of_bundle and (exhibit is None) == (suffix is None):
        raise UsageError(
            f"{sources[0]} is a bundle already: give either --exhibit or --timestamp"
        )
    if out is None and suffix != REQUEST:
        raise UsageError("name the file to write with --out (-o)")

    done: dict[str, Any] = {}
    if exhibit is not None:
        done = handover.write_exhibit(
            sources[0], exhibit, out or "", overwrite=overwrite
        )
    elif suffix == ANSWER:
        done = handover.add_timestamp(
            sources[0], timestamp or "", out or "", overwrite=overwrite
        )
    elif not of_bundle:
        if out is None:
            raise UsageError("name the archive to write with --out (-o)")
        done = handover.bundle(sources, out, overwrite=overwrite, **options)
    if suffix == REQUEST:
        place = sources[0] if of_bundle else out or ""
        done |= handover.write_request(place, timestamp or "", overwrite=overwrite)
    show.result(done, as_json, _lines)


def _lines(done: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    if "page" in done:
        yield f"Exhibit {done['exhibit']}: {done['page']}"
    if "files" in done:
        yield (
            f"Bundle: {done['bundle']}, {counted(done['files'], 'file')}, "
            f"{counted(done['findings'], 'finding')}"
        )
        yield (
            f"Signed with the key {done['signer']}"
            if done["signer"]
            else "Not signed: anyone could have made it. --sign KEY signs it"
        )
    if "stamp" in done:
        yield f"Bundle: {done['bundle']}, stamped {done['stamp']}"
    if "sha256" in done:
        yield f"SHA-256: {done['sha256']}"
    if "request" in done:
        yield f"Request for a time stamp: {done['request']}"
