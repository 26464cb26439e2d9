"""``provscan match``: find the licensed tweets of an index in datasets."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import match_option

# Maximum number of incompletely read files that are listed on stderr.
MOST_FILES = 5

paths_option = partial(match_option, multiple=True, type=click.Path())
SHARE: dict[str, Any] = {"callback": shared.parse_share, "metavar": "SHARE"}


@shared.command("match")
@shared.sources_argument("DATASET...")
@shared.index_option("--index", "-i", help="Index of the licensed tweets.")
@shared.out_option(
    help="Folder for the results.  [default: ./<dataset name>.run; required for the "
    "standard input]",
)
@shared.text_field
@match_option("Options", "id_field", metavar="NAME", rare=True)
@match_option("Options", "records", rare=True)
@match_option("Options", "encoding", metavar="NAME", rare=True)
@match_option("Options", "outputs")
@match_option("Options", "fix_encoding", rare=True)
@match_option("Options", "digests")
@match_option("Error rates", "cutoff", metavar="DATE")
@match_option("Error rates", "collected", metavar="FROM..TO", rare=True)
@paths_option("Error rates", "control", metavar="FILE")
@paths_option("Error rates", "clean_data", metavar="DATASET")
@paths_option("Error rates", "other_sources", metavar="DATA")
@match_option("Error rates", "spike_ins", rare=True)
@match_option("Sampling", "sample", **SHARE)
@match_option("Sampling", "sample_by", rare=True)
@match_option("Sampling", "seed", rare=True)
@shared.workers
@match_option("Running", "ray", metavar="ADDRESS", rare=True)
@match_option("Running", "log", metavar="FILE", type=shared.LocalPath(), rare=True)
@shared.overwrite_run
@match_option("Strictness", "fail_above", **SHARE)
@match_option("Strictness", "fail_above_claimed", **SHARE, rare=True)
@match_option(
    "Strictness", "baseline", metavar="RUN", type=shared.LocalPath(), rare=True
)
@match_option("Strictness", "allow_unread")
@match_option("Strictness", "max_bad", **SHARE, rare=True)
@shared.as_json
def command(
    sources: tuple[str, ...],
    index: Path,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Find licensed tweets in datasets or model outputs.

    DATASET is a file, an archive or a folder of files: JSON, Parquet, Arrow, CSV,
    plain text, source code, HTML or WARC. Files can be compressed. DATASET can also be
    a URL (https, s3, gs, hf://datasets/NAME), or "-" for the standard input.
    """
    import provscan
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.errors import GateError
    from provscan.names import several

    given = {"overwrite": False, **shared.given(**options)}
    gate: GateError | None = None
    try:
        with progress() as watcher:
            run = provscan.match(list(sources), index, out, progress=watcher, **given)
    except GateError as error:
        gate, run = error, error.run
    show.result({"run": str(run.path), **run.summary}, as_json, show.brief)

    # The status of an incomplete scan takes precedence over the gate, since the share
    # of the scanned part says nothing about the rest.
    context = click.get_current_context()
    summary = run.summary
    problems = [f"{item['source']}: {item['problem']}" for item in summary["damaged"]]
    problems += [
        f"{item['path']} was not scanned: {item['reason']}"
        for item in summary["unread"]
    ]
    for problem in problems[:MOST_FILES]:
        cli.echo(f"provscan: {problem}", err=True)
    if (more := len(problems) - MOST_FILES) > 0:
        files = several(more, "more file was", "more files were")
        cli.echo(
            f"provscan: {files} damaged or not scanned: summary.json lists all of them",
            err=True,
        )
    if summary["damaged"] or (summary["unread"] and not options["allow_unread"]):
        remedy = "" if summary["damaged"] else " Use --allow-unread to accept this."
        cli.echo(
            f"provscan: the results cover only the data that could be read.{remedy}",
            err=True,
        )
        context.exit(cli.UNUSABLE)
    if gate is not None:
        cli.echo(f"provscan: {gate}.", err=True)
        context.exit(cli.GATE_CROSSED if gate.kind == "crossed" else cli.UNUSABLE)
