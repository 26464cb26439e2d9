"""``provscan match``: find the licensed tweets of an index in datasets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from provscan import cli
from provscan.cli import shared
from provscan.cli.shared import match_option, output_option

# Maximum number of incompletely read files that are listed on stderr.
MOST_FILES = 5

plain_option = partial(match_option, "Options")
matching_option = partial(match_option, "Matching")
chance_option = partial(match_option, "Error rates")
sampling_option = partial(match_option, "Sampling")
texts_option = partial(match_option, "Texts")
running_option = partial(match_option, "Running")
strictness_option = partial(match_option, "Strictness")
paths_option = partial(chance_option, multiple=True, type=click.Path())
SHARE: dict[str, Any] = {"callback": shared.parse_share, "metavar": "SHARE"}


@shared.command("match")
@shared.sources_argument("DATASET...")
@shared.index_option("--index", "-i", help="Index of the licensed tweets.")
@shared.out_option(
    help="Folder for the results.  [default: ./<dataset name>.run; required for the "
    "standard input]",
)
@shared.text_field
@shared.id_field
@shared.records
@shared.encoding
@plain_option("outputs")
@plain_option("fix_encoding")
@matching_option("threshold", type=float)
@matching_option("min_containment", type=float)
@matching_option("min_chars", type=int)
@matching_option("partial_chars", type=int)
@matching_option("min_bits", type=float, metavar="BITS")
@matching_option("min_bits_passage", type=float, metavar="BITS")
@chance_option("cutoff", metavar="DATE")
@paths_option("control", metavar="FILE")
@paths_option("null", metavar="DATASET")
@paths_option("known", metavar="DATA")
@chance_option("spike_ins")
@chance_option("edits")
@sampling_option("sample", **SHARE)
@sampling_option("sample_by")
@sampling_option("seed")
@chance_option("tokenizer", type=shared.LocalPath(), metavar="FILE")
@texts_option("no_text")
@texts_option("texts")
@shared.workers
@shared.executor
@shared.address
@shared.memory
@shared.log
@running_option("parts", metavar="PLACE")
@running_option("shard_groups")
@running_option("shards_from", metavar="PLACE")
@shared.resume
@shared.overwrite_run
@shared.key
@shared.without_segment
@strictness_option("fail_above", **SHARE)
@strictness_option("fail_above_claimed", **SHARE)
@strictness_option("baseline", metavar="RUN", type=shared.LocalPath())
@strictness_option("allow_unread")
@strictness_option("strict")
@strictness_option("max_bad", **SHARE)
@shared.as_json
@output_option(
    "--verbose",
    is_flag=True,
    help="Print all numbers, warnings and notes, and everything that was left out. "
    "`provscan info RUN` prints the same later.",
)
@shared.quiet
def command(
    sources: tuple[str, ...],
    index: Path,
    out: Path | None,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Find licensed tweets in datasets or model outputs.

    DATASET is a file, an archive or a folder of files: JSON, Parquet, Arrow, CSV,
    SQLite, DuckDB, Excel, plain text, source code, HTML, WARC or mail. Files can be
    compressed. DATASET can also be a URL (https, s3, gs), hf:NAME for a dataset on the
    Hugging Face hub, or "-" for the standard input.
    """
    import provscan
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.errors import GateError
    from provscan.names import several

    find: Callable[..., provscan.Run] = provscan.match
    lines: Callable[..., Any] = show.run if verbose else show.brief
    given = shared.given(**options)
    if "key" in given:
        from provscan import blind
        from provscan.blind.report import run_lines

        find, lines = blind.match, run_lines
        shared.refuse_unknown(
            find,
            given,
            "a blind run measures no error rates, uses threads of this process, and "
            "always keeps the passages of its matches",
        )
    gate = None
    try:
        with progress(quiet) as watcher:
            run = find(list(sources), index, out, progress=watcher, **given)
    except GateError as error:
        gate, run = error, error.run
    show.result({"run": str(run.path), **run.summary}, as_json, lines)

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
        context.exit(cli.GATE_CROSSED)
