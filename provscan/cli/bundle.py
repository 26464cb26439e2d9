"""``provscan bundle``: write the results of runs so that others can check them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provscan.cli import shared
from provscan.cli.shared import option
from provscan.errors import UsageError

REQUEST, ANSWER = ".tsq", ".tsr"


@shared.command("bundle")
@shared.path_argument("sources", "[RUN|CASE|LEDGER|BUNDLE]...", nargs=-1, required=True)
@shared.out_option(
    metavar="FILE",
    help="Archive or page to write; not needed for a time-stamp request.",
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
@shared.path_option(
    "--timestamp",
    metavar="FILE",
    help="FILE.tsq: write a request for a time stamp on the bundle. FILE.tsr: write "
    "BUNDLE again, with this response of a time-stamping service.",
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
    out: Path | None,
    timestamp: Path | None,
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

    If the argument is a BUNDLE, the command writes the page of an exhibit (--exhibit),
    or requests or adds a time stamp (--timestamp).
    """
    from provscan import handover
    from provscan.cli import show

    options = shared.given(**options)
    suffix = None if timestamp is None else timestamp.suffix
    if suffix not in (None, REQUEST, ANSWER):
        raise UsageError(
            f"{timestamp} is neither a request nor a response: give a file that ends "
            f"in {REQUEST} to write a request, or in {ANSWER} to add a response"
        )
    is_bundle = len(sources) == 1 and sources[0].is_file()
    if not is_bundle and (exhibit is not None or suffix == ANSWER):
        raise UsageError(
            "--exhibit and --timestamp need a bundle: give an archive that provscan "
            "bundle wrote"
        )
    if is_bundle:
        shared.refuse(options, f"{sources[0]} is already a bundle")
    if is_bundle and (exhibit is None) == (suffix is None):
        raise UsageError(
            f"{sources[0]} is already a bundle: give either --exhibit or --timestamp"
        )
    if out is None and not (is_bundle and suffix == REQUEST):
        raise UsageError("give the file to write with --out (-o)")

    done: dict[str, Any] = {}
    if exhibit is not None:
        done = handover.write_exhibit(
            sources[0], exhibit, out or "", overwrite=overwrite
        )
    elif suffix == ANSWER:
        done = handover.add_timestamp(
            sources[0], timestamp or "", out or "", overwrite=overwrite
        )
    elif not is_bundle:
        done = handover.bundle(sources, out or "", overwrite=overwrite, **options)
    if suffix == REQUEST:
        stamped = sources[0] if is_bundle else out or ""
        done |= handover.write_request(stamped, timestamp or "", overwrite=overwrite)
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
    if "stamp" in done:
        yield f"Bundle: {done['bundle']}, time stamp {done['stamp']}"
    if "sha256" in done:
        yield f"SHA-256: {done['sha256']}"
    if "request" in done:
        yield f"Request for a time stamp: {done['request']}"
