"""``provscan bundle``: write the results of runs so that others can check them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from provscan.cli import shared
from provscan.cli.shared import option
from provscan.errors import UsageError


@shared.command("bundle")
@shared.path_argument("sources", "[RUN|CASE|LEDGER|BUNDLE]...", nargs=-1, required=True)
@shared.out_option(
    required=True,
    metavar="FILE",
    help="Archive or page to write.",
)
@shared.path_option(
    "--sign",
    metavar="KEY",
    help="Sign the bundle with the Ed25519 private key in this PEM file.",
)
@shared.digests
@option(
    "--hash-inputs",
    is_flag=True,
    help="Add the SHA-256 of the inputs and the index of each run, which must still be "
    "at the paths from which the run read them.",
)
@option(
    "--exhibit",
    metavar="N",
    help="Write exhibit N of BUNDLE as a page with its own proof. If BUNDLE has "
    "several runs, give RUN/N.",
)
@shared.overwrite
@shared.as_json
def command(
    sources: tuple[Path, ...],
    out: Path,
    exhibit: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Write results into one archive that others can check.

    The archive contains the exhibits, evidence, parameters, checksums and reports of
    runs, cases and ledgers, a load file for review platforms and a draft of a
    certification, in the layout of BagIt. `provscan verify` checks it without the index
    and the dataset.

    If the argument is a BUNDLE, the command writes the page of an exhibit (--exhibit).
    """
    from provscan import handover
    from provscan.cli import show

    options = shared.given(**options)
    is_bundle = len(sources) == 1 and is_zipfile(sources[0])
    if is_bundle != (exhibit is not None):
        raise UsageError(
            f"{sources[0]} is already a bundle: write a page of it with --exhibit"
            if is_bundle
            else "--exhibit needs a bundle: give an archive that provscan bundle wrote"
        )
    if exhibit is not None:
        shared.refuse(options, f"{sources[0]} is already a bundle")
        done = handover.write_exhibit(sources[0], exhibit, out, overwrite=overwrite)
    else:
        done = handover.bundle(sources, out, overwrite=overwrite, **options)
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
            else "Not signed: anyone could have made this bundle. Use --sign KEY to "
            "sign it"
        )
    if "sha256" in done:
        yield f"SHA-256: {done['sha256']}"
