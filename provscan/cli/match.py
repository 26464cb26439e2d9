"""``provscan match``: find the licensed tweets of an index in datasets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from provscan import cli
from provscan.cli import option, output, running

matching, chance, sampling, texts, strictness = (
    partial(option, group=name)
    for name in ("Matching", "Error rates", "Sampling", "Texts", "Strictness")
)
# Files that were not read whole and that are named on stderr.
MOST_FILES = 5


@click.command("match", cls=cli.GroupedCommand)
@click.argument(
    "sources", nargs=-1, required=True, metavar="DATASET...", type=click.Path()
)
@cli.index_option("--index", "-i", help="Index of the licensed tweets.")
@option(
    "--out",
    "-o",
    type=cli.Local(),
    help="Folder for the results.  [default: ./<dataset name>.run; the standard input "
    "needs it]",
)
@cli.text_field
@cli.id_field
@cli.records
@cli.encoding
@option(
    "--outputs",
    is_flag=True,
    help="DATASET holds outputs of a model: leave out prompts, and the words that "
    "answers repeat of them.",
)
@option(
    "--fix-encoding",
    is_flag=True,
    help='Repair texts that were decoded with a wrong encoding, such as "schÃ¶n" for '
    '"schön", or whose letters are '
    r"written as escapes, such as \u0447, before they are scanned; spans are still "
    r"those of the original.",
)
@matching(
    "--threshold",
    type=float,
    show_default="0.25",
    help="Minimum similarity of a match, from 0.1 to 1 (Jaccard index of character "
    "5-grams).",
)
@matching(
    "--min-containment",
    type=float,
    show_default="0.5",
    help="Minimum containment of the licensed text in the span, from 0 to 1.",
)
@matching(
    "--min-chars",
    type=int,
    show_default="20",
    help="Minimum number of letters that a match has in common with the licensed text; "
    "shorter licensed texts are "
    "ignored. Links and @names do not count; a Chinese, Japanese or Korean character "
    "counts as two.",
)
@matching(
    "--partial-chars",
    type=int,
    show_default="40",
    help="Minimum number of letters, counted in the same way, of a stretch of a "
    "licensed text that is a match even "
    "below the minimum similarity and containment. Below 35, many stretches inside "
    "other text are missed. 0 finds no "
    "partial copies.",
)
@matching(
    "--min-bits",
    type=float,
    metavar="BITS",
    show_default="50",
    help="Minimum bits of a finding that covers its whole field: how rare its wording "
    "is under a language model.",
)
@matching(
    "--min-bits-passage",
    type=float,
    metavar="BITS",
    show_default="60",
    help="The same for a finding that is a passage of a longer field.",
)
@matching(
    "--min-letters",
    type=click.IntRange(min=0),
    metavar="N",
    show_default="25",
    help="Minimum letters that a finding has in common with the licensed tweet, "
    "counted as for --min-chars.",
)
@chance(
    "--cutoff",
    metavar="DATE",
    help="When the dataset was collected, e.g. 2021-03-01. Younger licensed texts "
    "can't have been copied into it, so "
    "their matches measure chance.",
)
@chance(
    "--control",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Tweets that are known to be absent from the dataset; their matches measure "
    "chance. Fields are "
    "recognised by their usual names. Can be repeated.",
)
@chance(
    "--null",
    multiple=True,
    type=click.Path(),
    metavar="DATASET",
    help="Data of the same kind as DATASET that can't contain a licensed text (older "
    "than it, say); its matches "
    "measure chance. Read with the options of DATASET. Can be repeated.",
)
@chance(
    "--known",
    multiple=True,
    type=click.Path(),
    metavar="DATA",
    help="Data that can't come from the platform (an encyclopedia, quotations, "
    "subtitles, an older crawl): a licensed "
    "text that also stands there is a third source's, and its matches are no findings. "
    "Read with the options of "
    "DATASET. Can be repeated.",
)
@chance(
    "--spike-ins",
    type=click.IntRange(min=0),
    metavar="N",
    help="Number of edited licensed texts to plant in the dataset to measure recall, "
    "each several times where there "
    "are few; 0 for none.  [default: one per 50 records, 2,000 to 3,000]",
)
@chance(
    "--edits",
    type=click.Choice(["light", "mixed", "heavy"]),
    help="Edits made to spike-ins. light: light and common edits; mixed: these and "
    "heavy and severe ones; heavy: all "
    "but the light ones.  [default: mixed]",
)
@sampling(
    "--sample",
    callback=cli.share_option,
    metavar="SHARE",
    help="Scan a random sample of the dataset, e.g. 1%; the estimate is for all of it.",
)
@sampling(
    "--sample-by",
    type=click.Choice(["records", "files"]),
    help="Unit of the sample: records, for which all files are read; or files and "
    "ranges of large files, which reads "
    "only what it scans but gives wider intervals.  [default: files, if the sample "
    "would hold at least 50]",
)
@sampling(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    help="Seed of the sample. Test copies are the same for every seed.  [default: 1]",
)
@chance(
    "--tokenizer",
    type=cli.Local(),
    metavar="FILE",
    help="Tokenizer of a language model (tokenizer.json) by which tokens are counted; "
    "needs the extra tokens.  "
    "[default: four characters a token]",
)
@texts(
    "--no-text",
    is_flag=True,
    help="Keep SHA-256 digests in place of texts in the results.",
)
@texts(
    "--texts",
    type=click.IntRange(min=0),
    metavar="N",
    help="Keep the texts of the N strongest matches only, findings first, and digests "
    "of the other findings.  "
    "[default: all findings, and 10,000 others]",
)
@cli.workers
@cli.executor
@cli.address
@running(
    "--memory",
    callback=cli.size,
    metavar="SIZE",
    help="Memory that a task on a Ray cluster needs beside mapped files, e.g. 4GB: a "
    "node runs as many tasks at a time as its memory allows.  [default: one for each "
    "processor]",
)
@cli.log
@running(
    "--parts",
    metavar="PLACE",
    help="Folder or URL, such as s3://bucket/folder, through which workers hand over "
    "their results if they can't write "
    "to the folder of the results.",
)
@running(
    "--shard-groups",
    type=click.IntRange(min=1),
    metavar="N",
    help="Divide the shards of the index among N processes of the Ray cluster, each of "
    "which alone opens its shards; "
    "for an index larger than a node's memory or disk.  [default: every worker opens "
    "all shards]",
)
@running(
    "--shards-from",
    metavar="PLACE",
    help="Folder or URL, such as s3://bucket/licensed.index, with a copy of the index, "
    "from where the groups of shards "
    "are fetched, if the nodes can't see INDEX.",
)
@running(
    "--resume",
    is_flag=True,
    help="Go on with an interrupted run of the same command, if any.",
)
@cli.overwrite_run
@cli.key
@cli.without_segment
@strictness(
    "--fail-above",
    callback=cli.share_option,
    metavar="SHARE",
    help="Exit with status 1 if more than this share of the records hold licensed "
    "text, e.g. 0.1%, by the lower bound; "
    "that needs --cutoff, --control or --null.",
)
@strictness(
    "--allow-unread",
    is_flag=True,
    help="Exit with status 0 even if a named file could not be scanned, unless it "
    "breaks off or does not exist. Such "
    "files are listed either way.",
)
@strictness("--strict", is_flag=True, help="Stop if any record can't be read.")
@strictness(
    "--max-bad",
    callback=cli.share_option,
    metavar="SHARE",
    help="Stop if more than this share of the records can't be read.  [default: 5%]",
)
@cli.as_json
@output(
    "--verbose",
    is_flag=True,
    help="Print all numbers, warnings and notes, and what was left out; `provscan info "
    "RUN` prints the same later.",
)
@cli.quiet
def command(
    sources: tuple[str, ...],
    index: str,
    out: str | None,
    as_json: bool,
    verbose: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Find licensed tweets in datasets or model outputs.

    DATASET is a file, an archive or a folder of files: JSON, Parquet, Arrow, CSV,
    SQLite, DuckDB, Excel, plain text, source code, HTML, WARC or mail, also compressed;
    or a URL (https, s3, gs), hf:NAME for a dataset of the Hugging Face hub, "-" for the
    standard input.
    """
    import provscan
    from provscan.cli import show
    from provscan.cli.progress import progress
    from provscan.errors import GateError

    find: Callable[..., provscan.Run] = provscan.match
    lines: Callable[..., Any] = show.run if verbose else show.brief
    given = cli.given(**options)
    if "key" in given:
        from provscan import blind
        from provscan.blind.report import run_lines

        find, lines = blind.match, run_lines
        cli.require_known(
            find,
            given,
            "a blind run finds rows only, in threads of this process, and keeps their "
            "passages",
        )
    gate = None
    try:
        with progress(quiet) as watcher:
            run = find(list(sources), index, out, progress=watcher, **given)
    except GateError as error:
        gate, run = error, error.run
    show.result({"run": str(run.path), **run.summary}, as_json, lines)

    # An incomplete scan outranks the gate: the share of what was read says nothing
    # about the rest.
    context = click.get_current_context()
    summary = run.summary
    wrong = [f"{item['source']}: {item['problem']}" for item in summary["damaged"]]
    wrong += [
        f"{item['path']} was not scanned: {item['reason']}"
        for item in summary["unread"]
    ]
    for line in wrong[:MOST_FILES]:
        cli.echo(f"provscan: {line}", err=True)
    if (more := len(wrong) - MOST_FILES) > 0:
        files = "file was" if more == 1 else "files were"
        cli.echo(
            f"provscan: {more:,} more {files} damaged or not scanned: summary.json "
            "lists all of them",
            err=True,
        )
    if summary["damaged"] or (summary["unread"] and not options["allow_unread"]):
        remedy = "" if summary["damaged"] else " Accept that with --allow-unread."
        cli.echo(
            f"provscan: results are written, but only for what could be read.{remedy}",
            err=True,
        )
        context.exit(cli.UNUSABLE)
    if gate is not None:
        cli.echo(f"provscan: {gate}.", err=True)
        context.exit(cli.GATE_CROSSED)
