"""``provscan match``: finds the licensed tweets of an index in datasets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from provscan import cli
from provscan.cli import option, output
from provscan.options import MatchOptions, help_of, option_name

# Maximum number of incompletely read files that are named on stderr.
MOST_FILES = 5
Decorator = Callable[[Any], Any]


def of_match(group: str, name: str, **attributes: Any) -> Decorator:
    """Declare an option of :class:`~provscan.options.MatchOptions`, which documents
    it.
    """
    default = MatchOptions.__dataclass_fields__[name].default
    if isinstance(default, bool):
        attributes["is_flag"] = True
    elif default is not None:
        shown = f"{default:g}" if isinstance(default, float) else f"{default}"
        attributes["show_default"] = shown
    repeated = " Can be repeated." if attributes.get("multiple") else ""
    return option(
        option_name(name),
        group=group,
        help=help_of(name) + repeated,
        **attributes,
    )


plain, matching, chance, sampling, texts, running, strictness = (
    partial(of_match, group)
    for group in (
        "Options",
        "Matching",
        "Error rates",
        "Sampling",
        "Texts",
        "Running",
        "Strictness",
    )
)
paths = partial(chance, multiple=True, type=click.Path())
number = {"type": click.IntRange(min=0), "metavar": "N"}
share = {"callback": cli.share_option, "metavar": "SHARE"}


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
@plain("outputs")
@plain("fix_encoding")
@matching("threshold", type=float)
@matching("min_containment", type=float)
@matching("min_chars", type=int)
@matching("partial_chars", type=int)
@matching("min_bits", type=float, metavar="BITS")
@matching("min_bits_passage", type=float, metavar="BITS")
@matching("min_letters", **number)
@chance("cutoff", metavar="DATE")
@paths("control", metavar="FILE")
@paths("null", metavar="DATASET")
@paths("known", metavar="DATA")
@chance("spike_ins", **number)
@chance("edits", type=click.Choice(["light", "mixed", "heavy"]))
@sampling("sample", **share)
@sampling("sample_by", type=click.Choice(["records", "files"]))
@sampling("seed", **number)
@chance("tokenizer", type=cli.Local(), metavar="FILE")
@texts("no_text")
@texts("texts", **number)
@cli.workers
@cli.executor
@cli.address
@running("memory", callback=cli.size, metavar="SIZE")
@cli.log
@running("parts", metavar="PLACE")
@running("shard_groups", type=click.IntRange(min=1), metavar="N")
@running("shards_from", metavar="PLACE")
@cli.running(
    "--resume",
    is_flag=True,
    help="Resume an interrupted run of the same command, if there is one.",
)
@cli.overwrite_run
@cli.key
@cli.without_segment
@strictness("fail_above", **share)
@strictness("fail_above_claimed", **share)
@strictness("baseline", metavar="RUN", type=cli.Local())
@strictness("allow_unread")
@strictness("strict")
@strictness("max_bad", **share)
@cli.as_json
@output(
    "--verbose",
    is_flag=True,
    help="Print all numbers, warnings and notes, and everything that was left out; "
    "`provscan info RUN` prints the same later.",
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

    # The status of an incomplete scan takes precedence over the gate, since the share
    # in the scanned part says nothing about the rest.
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
