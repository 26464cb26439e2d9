"""``provscan clean``: write a copy of a dataset without the matches of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import option, running_option

# Maximum number of files that are listed on stdout.
MOST_FILES = 20


@shared.command("clean")
@shared.sources_argument("DATASET...")
@shared.path_argument("run", "RUN")
@shared.out_option(
    metavar="FOLDER",
    help="New folder for the cleaned dataset, manifest.json and removed.jsonl.  "
    "[required without --dry-run]",
)
@option(
    "--mask",
    metavar="TOKEN",
    help="Replace each matching span by TOKEN, and keep the record; by default, whole "
    "records are dropped.",
)
@option(
    "--keep-only",
    is_flag=True,
    help="Keep only the records that would be dropped, as evidence.",
)
@option("--all", is_flag=True, help="Also remove matches of common or known wording.")
@option(
    "--skip-unwritable",
    is_flag=True,
    help="Leave out files that can't be rewritten, and list them in the manifest; by "
    "default, such a file is an error and nothing is written.",
)
@shared.path_option(
    "--reviewed",
    metavar="FILE",
    help="Keep the matches that reviewers rejected. FILE contains the marks that they "
    "saved from the report of RUN.",
)
@option(
    "--dry-run",
    is_flag=True,
    help="Count the matches that would be removed, and write nothing.",
)
@running_option(
    "--index",
    "-i",
    group="Running",
    metavar="INDEX",
    help="Index of the run, if it was moved.  [default: its path during the run]",
)
@shared.workers
@shared.overwrite_folder
@shared.as_json
def command(
    sources: tuple[str, ...],
    run: Path,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write a copy of DATASET without the matches that RUN found.

    RUN is a run of `provscan match` on DATASET.

    Files of JSON, CSV, Parquet, Arrow and plain text keep their names,
    formats and order, even if they are compressed or in zip and tar archives. The
    result is scanned with the index of the run. The exit status is 1 if that scan finds
    matches to remove: run match on the result, and clean it again.
    """
    import provscan
    from provscan.cli import show
    from provscan.cli.progress import progress

    with progress() as watcher:
        done = provscan.clean(
            list(sources), run, out, progress=watcher, **shared.given(**options)
        )
    manifest = {"path": done.path and str(done.path), **done.manifest}
    show.result(manifest, as_json, _lines)
    if done.left:
        click.get_current_context().exit(cli.GATE_CROSSED)


def _lines(manifest: dict[str, Any]) -> Any:
    from provscan.names import counted

    mode = manifest["options"]["mode"]
    for file in manifest["files"][:MOST_FILES]:
        spans = counted(file["spans"], "span")
        if manifest["path"] is None:
            records = counted(file["records_with_matches"], "record")
            what = f"{spans} in {records}"
        elif mode == "mask":
            what = f"{spans} masked"
        elif mode == "keep_only":
            what = f"{counted(file['records_kept'], 'record')} kept"
        else:
            what = f"{counted(file['records_removed'], 'record')} removed"
        yield f"{file['source']}: {what}"
    if (more := len(manifest["files"]) - MOST_FILES) > 0:
        yield f"and {counted(more, 'more file')}"
    for name, why in manifest["unwritable"].items():
        yield f"Left out: {name}: {why}"
    if manifest["not_cleaned"]:
        kept = counted(manifest["not_cleaned"], "record")
        yield f"Kept, not cleaned: {kept} in which no text was scanned"
    if manifest["rejected"]:
        rejected = counted(manifest["rejected"], "match")
        yield f"Not removed, since reviewers rejected them: {rejected}"
    if manifest["path"] is None:
        yield "Dry run: nothing was written"
        return
    if manifest["left"] is not None:
        left = counted(manifest["left"], "record") if manifest["left"] else "no records"
        yield f"Scanned again: {left} with matches to remove"
    records = counted(manifest["records"], "record")
    if mode == "mask":
        done = f"{counted(manifest['spans'], 'span')} masked in {records}"
    elif mode == "keep_only":
        done = f"{manifest['records_kept']:,} of {records} kept"
    else:
        done = f"{manifest['records_removed']:,} of {records} removed"
    yield f"Cleaned: {manifest['path']}: {done}"
