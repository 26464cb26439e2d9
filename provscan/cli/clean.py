"""``provscan clean``: write a copy of a dataset without the matches of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option, running_option

# Files that are named on stdout.
MOST_FILES = 20


@click.command("clean", cls=shared.GroupedCommand)
@shared.sources_argument("DATASET...")
@shared.path_argument("run", "RUN")
@shared.out_option(
    metavar="FOLDER",
    help="New folder for the cleaned dataset, manifest.json and removed.jsonl; "
    "required unless --dry-run is given.",
)
@option("--drop", is_flag=True, help="Drop whole records; this is the default.")
@option(
    "--mask",
    metavar="TOKEN",
    help="Replace each matching span by TOKEN, and keep the record.",
)
@option(
    "--keep-only",
    is_flag=True,
    help="Keep only the records that would be dropped, as evidence.",
)
@option("--all", is_flag=True, help="Also remove matches of common or known wording.")
@option(
    "--levels",
    multiple=True,
    type=click.Choice(["exact", "near_exact", "strong", "weak", "partial"]),
    help="Remove matches of this level only. Can be repeated.",
)
@option(
    "--min-bits",
    type=float,
    metavar="BITS",
    help="Remove matches of at least this many bits only.",
)
@option(
    "--min-similarity",
    type=float,
    metavar="SHARE",
    help="Remove matches of at least this similarity only.",
)
@option(
    "--drop-unscanned",
    is_flag=True,
    help="Also drop records in which no text was scanned; by default they are kept and "
    "counted.",
)
@option(
    "--skip-unwritable",
    is_flag=True,
    help="Leave out files that can't be written and list them in the manifest; by "
    "default nothing is written then.",
)
@shared.path_option(
    "--reviewed",
    metavar="FILE",
    help="File of marks that reviewers saved from the report of RUN; matches that they "
    "rejected are not removed.",
)
@option("--dry-run", is_flag=True, help="Only print what would be removed.")
@shared.path_option(
    "--index",
    "-i",
    group="Running",
    metavar="INDEX",
    help="The index of the run, if it was moved.  [default: the path in the run]",
)
@shared.workers
@shared.executor
@shared.address
@running_option(
    "--resume",
    is_flag=True,
    help="Resume an interrupted result of the same command, if there is one.",
)
@shared.as_json
@shared.quiet
def command(
    sources: tuple[str, ...],
    run: Path,
    out: Path | None,
    drop: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Write a copy of DATASET without the matches that RUN found.

    RUN is a run of match on DATASET.

    JSON, CSV, Parquet, Arrow, plain text, mail, WARC and webdataset, also compressed
    and in zip and tar archives, keep their names, formats and order. The result is
    scanned again with the index of the run, and cleaned again up to three times in all;
    the exit status is 1 if matches are left.
    """
    import provscan
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.errors import UsageError

    if drop and (options["mask"] is not None or options["keep_only"]):
        raise UsageError("--drop, --mask and --keep-only exclude each other")
    with progress(quiet) as watcher:
        done = provscan.clean(
            list(sources), run, out, progress=watcher, **shared.given(**options)
        )
    manifest = {"path": done.path and str(done.path), **done.manifest}
    show.result(manifest, as_json, _lines)
    if done.left:
        click.get_current_context().exit(cli.GATE_CROSSED)


def _lines(manifest: dict[str, Any]) -> Any:
    from provscan.names import counted

    masked = manifest["options"]["mode"] == "mask"
    for file in manifest["files"][:MOST_FILES]:
        what = (
            counted(file["spans"], "span")
            if masked
            else counted(file["records_removed"], "record")
        )
        yield f"{file['source']}: {what} {'masked' if masked else 'removed'}"
    if (more := len(manifest["files"]) - MOST_FILES) > 0:
        yield f"and {more:,} more files"
    for name, why in manifest["unwritable"].items():
        yield f"Left out: {name}: {why}"
    if manifest["not_cleaned"]:
        kept = manifest["options"]["drop_unscanned"]
        yield (
            f"{counted(manifest['not_cleaned'], 'record')} without a text that was "
            f"scanned, not cleaned: {'dropped' if kept else 'kept'}"
        )
    if manifest["rejected"]:
        kept = counted(manifest["rejected"], "match")
        yield f"Rejected by reviewers: {kept}, not removed"
    if manifest["path"] is None:
        yield "Dry run: nothing was written"
        return
    yield f"Cleaned: {manifest['path']}"
    if manifest["left"] is not None:
        left = counted(manifest["left"], "record") if manifest["left"] else "no record"
        yield f"Scanned again: {left} with matches left"
