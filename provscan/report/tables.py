"""Show runs, indexes and explanations as text, on a terminal or in a notebook."""

from __future__ import annotations

import html
import io
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.table import Table

from provscan.names import counted
from provscan.report import answers, omissions, wording
from provscan.report.wording import count, layers, rarity, reason
from provscan.runs.answer.examined import UNTESTED

# Number of rows of a long table that are shown.
SOURCES_SHOWN = 20
# In the brief text: maximum number of lines, and of warnings.
MOST_LINES, MOST_WARNINGS = 10, 3


def print_columns(
    console: Console, aligned: str, rows: Iterable[Sequence[str]]
) -> None:
    """Print a table without lines. ``aligned`` has one character per column: ``<``
    aligns it left, ``>`` right. A text can't change the direction of other texts.
    """
    table = Table.grid(padding=(0, 2), pad_edge=False)
    for sign in aligned:
        table.add_column(justify="right" if sign == ">" else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(wording.visible, row))
    console.print(Padding.indent(table, 2))


def _section(
    console: Console, title: str, aligned: str, rows: Iterable[Sequence[str]]
) -> None:
    """Print a heading and its table; nothing if the table has no rows."""
    if rows := list(rows):
        console.print(f"\n{title}")
        print_columns(console, aligned, rows)


def new_console(width: int = 100) -> Console:
    """Return a console that keeps what is printed, for :func:`console_text`."""
    return Console(
        file=io.StringIO(),
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        color_system=None,
    )


def console_text(console: Console) -> str:
    """Return what was printed, without spaces at the ends of lines."""
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def brief_text(summary: Mapping[str, Any], place: str, *, width: int = 100) -> str:
    """Return the answer of a run in at most :data:`MOST_LINES` lines; ``place`` is the
    folder of the run.

    The headline and the last line are always complete. If the paragraphs between them
    do not fit, whole paragraphs are left out: the second and later warnings first, and
    the first warning last.
    """

    def lines(text: str) -> list[str]:
        return textwrap.wrap(wording.visible(text), width, break_on_hyphens=False)

    answer = summary["answer"]
    warnings = [
        f"! {answers.first_sentence(warning['message'])}"
        for warning in answer["warnings"]
    ]
    following = f"Next: {answer['next']}" if answer["next"] else ""
    important = [
        *warnings[:1],
        *_details(answer),
        following,
        omissions.left_out_in_brief(summary),
        *warnings[1:MOST_WARNINGS],
    ]
    result: list[str] = []
    for kept in range(len(important), -1, -1):
        # Warnings are shown after the other paragraphs.
        paragraphs = sorted(important[:kept], key=lambda text: text.startswith("! "))
        shown = sum(text.startswith("! ") for text in paragraphs)
        if more := len(warnings) - shown:
            number = counted(more, "more warning")
            paragraphs.append(f"! {number}: `provscan info {place}`")
        report = f"Report: {place}/report.html (more: provscan info {place})"
        paragraphs = [answer["headline"], *paragraphs, report]
        result = [line for text in paragraphs for line in lines(text)]
        if len(result) <= MOST_LINES:
            break
    return "\n".join(result)


def _details(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sentences after the headline, with the option that tests the direction
    of copying if it was not tested.
    """
    untested = {
        remark["message"] for remark in answer["remarks"] if remark["code"] in UNTESTED
    }
    for sentence in answer["details"]:
        yield sentence + (" Give --collected FROM..TO." if sentence in untested else "")


def run_text(summary: Mapping[str, Any], place: str, *, width: int = 100) -> str:
    """Return the whole ``summary.json`` of a run as text; ``place`` is its folder."""
    text = text_table(summary, width)
    return f"{text}\nReport: {place}/report.html\nAll matches: {place}/matches.parquet"


def run_html(summary: Mapping[str, Any], place: str) -> str:
    """Return the answer of a run as a small HTML table, with everything else in a
    folded section.
    """
    answer = summary["answer"]
    rows = [
        [meaning, *layers(answer[name])] for name, meaning in wording.measures(answer)
    ]
    if rows:
        rows.insert(0, ["", *wording.LAYERS.values()])
    table = "".join(f"<tr><td>{'</td><td>'.join(cells)}</td></tr>" for cells in rows)
    warnings = (f"<p>⚠ {_html(item['message'])}</p>" for item in answer["warnings"])
    return (
        f"<p><b>{_html(answer['headline'])}</b></p><table>{table}</table>"
        f"{''.join(warnings)}<details><summary>More</summary>"
        f"<pre>{_html(run_text(summary, place))}</pre></details>"
    )


def _html(text: str) -> str:
    return html.escape(wording.visible(text))


def text_table(summary: Mapping[str, Any], width: int = 100) -> str:
    """Return the answer of a run with all of its numbers, warnings and notes."""
    console, answer = new_console(width), summary["answer"]
    console.print(answer["headline"])
    for sentence in _details(answer):
        console.print(sentence)
    if answer["next"]:
        console.print(f"Next: {answer['next']}")
    for warning in answer["warnings"]:
        console.print(f"! {warning['message']}")
    console.print()

    # Print the numbers, with the reasons why some are withheld.
    names = ("", *(name.lower() for name in wording.LAYERS.values()))
    measures = [
        (meaning, *layers(answer[name])) for name, meaning in wording.measures(answer)
    ]
    print_columns(console, "<>>>", [names, *measures])
    for reason_given in answers.withheld(answer):
        console.print(Padding.indent(f"Withheld: {reason_given}", 2))
    if limits := answers.upper_limits(answer):
        _section(console, "Upper limits (97.5% confident)", "<>", limits)
        coverage = f"{answers.covered(answer)} {answers.NOT_COVERED}".strip()
        console.print(Padding.indent(coverage, 2))
    if strengths := answers.strengths(answer):
        names = ("", "findings", "chance explains at most")
        title = "Records by rarity of the wording"
        _section(console, title, "<>>", [names, *strengths])
    console.print()
    for note in answer["notes"]:
        console.print(f"Note: {note['message']}")

    # Describe what was scanned, and what was not.
    console.print(
        f"Records scanned: {count(summary['records'])}, {wording.searched(summary)}"
    )
    if known := answers.known_elsewhere(summary):
        console.print(known)
    for sentence in omissions.left_out(summary):
        console.print(sentence)
    if summary.get("sample"):
        console.print(wording.sampled(summary["sample"]))

    # List the matches by level and by file.
    levels = [
        (name, count(summary["levels"].get(name, 0)), meaning)
        for name, meaning in wording.LEVELS.items()
    ]
    findings = count(summary["findings"])
    title = f"Matches by level: {count(summary['matches'])}, {findings} are findings"
    _section(console, title, "<><", levels if summary["matches"] else [])
    if len(summary["sources"]) > 1:
        _section(console, "By source", "<>>>", _sources(summary["sources"]))
    fields = [
        (name, "; ".join(verdicts)) for name, verdicts in summary["fields"].items()
    ]
    _section(console, "Fields", "<<", _first(fields))
    _counts(console, "Noticed", summary["notes"])
    for title, name in (("Not scanned", "unread"), ("Ignored", "ignored")):
        entries = [(item["path"], item["reason"]) for item in summary[name]]
        total = summary.get(f"{name}_files", len(entries))
        _section(console, title, "<<", _first(entries, total))
    damaged = [
        (
            item["source"],
            counted(item["records"], "record"),
            item["problem"],
        )
        for item in summary["damaged"]
    ]
    title = "Damaged and scanned only up to the damage, or changed during the scan"
    _section(console, title, "<><", damaged)
    return console_text(console)


def _first(
    rows: Sequence[tuple[str, ...]], total: int | None = None
) -> Iterator[tuple[str, ...]]:
    """Yield the first rows of a long table, and a row that says how many rows are left
    out.
    """
    yield from rows[:SOURCES_SHOWN]
    if (more := (total or len(rows)) - SOURCES_SHOWN) > 0:
        yield (f"... and {count(more)} more, in summary.json",)


def _counts(console: Console, title: str, counts: Mapping[str, int]) -> None:
    """Print a heading and counts that are not zero, the greatest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(count(n), _with_option(reason(key), key)) for key, n in ordered if n]
    _section(console, title, "><", rows)


def _with_option(words: str, key: str) -> str:
    """Add the option that a terminal names beside a key of ``OPTIONS``."""
    option = wording.OPTIONS.get(key)
    return f"{words} ({option})" if option else words


def _sources(sources: list[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    yield "", "records", "with a match", "matches"
    ordered = sorted(sources, key=lambda item: -item["records_matched"])
    names = ("records", "records_matched", "matches")
    yield from _first(
        [(item["source"], *(count(item[name]) for name in names)) for item in ordered]
    )


def index_brief(info: Mapping[str, Any], *, width: int = 100) -> str:
    """Return in a few lines what an index contains, what was not indexed and why, and
    what to do next.
    """
    added = info.get("appended")
    part = added or info
    tweets = counted(info["tweets"], "tweet")
    texts = counted(info["texts"], "different text")
    size = decimal(info["bytes"])
    lines = [f"{info['path']}: {tweets} with {texts}, {size}"]
    if added:
        lines.append(
            f"Added: {counted(added['added'], 'tweet')}; in the index before: "
            f"{count(added['known'])}; forgotten earlier: {count(added['forgotten'])}"
        )
    left_out = Counter(part.get("read", {}).get("skipped", {}))
    left = [
        f"{count(number)} ({_with_option(reason(key), key)})"
        for key, number in left_out.most_common()
        if number
    ]
    if unread := part.get("unread_files"):
        left.append(counted(unread, "file"))
    if empty := part.get("tweets_without_text"):
        left.append(f"{count(empty)} (no letters or digits)")
    lines.append(f"Not indexed: {'; '.join(left) or 'nothing'}")
    if short := omissions.shares_too_short(info.get("too_short", {})):
        lines.append(f"Too short to search for: {short} (in a sample)")
    place = shlex.quote(info["path"])
    lines.append(
        f"Next: provscan match DATASET -i {place} (more: provscan info {place})"
    )
    return "\n".join(
        row
        for line in lines
        for row in textwrap.wrap(wording.visible(line), width, break_on_hyphens=False)
    )


def index_table(info: Mapping[str, Any], *, width: int = 100) -> str:
    """Return the contents of an index, from ``Index.info()``, as text."""
    console = new_console(width)
    print_columns(console, "<<", _index_rows(info))
    added = info.get("appended")
    for part, when in (
        (info, " when the index was built" if added else ""),
        (added or {}, " in the last addition"),
    ):
        read = part.get("read", {})
        _counts(console, f"Records not indexed{when}", read.get("skipped", {}))
        _counts(
            console, f"Records indexed after a repair{when}", read.get("repaired", {})
        )
        _counts(console, f"Noticed{when}", read.get("notes", {}))
    return console_text(console)


def _index_rows(info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the table of an index."""
    yield "Index", info["path"]
    yield "Tweets", count(info["tweets"])
    yield "Different texts", count(info["texts"])
    if short := omissions.shares_too_short(info.get("too_short", {})):
        yield "Too short to search for", f"{short} (in a sample)"
    if info.get("tweets_without_text"):
        yield (
            "Tweets without text",
            f"{count(info['tweets_without_text'])}, not indexed: no letters or digits",
        )
    if info.get("forgotten") or info.get("purged"):
        purge = (
            f"; {count(info['purged'])} purged, last on {info['last_purge'][:10]}"
            if info.get("purged")
            else ""
        )
        yield (
            "Forgotten tweets",
            f"{count(info['forgotten'])} in the files until the next purge{purge}",
        )
    if hook := info.get("canonical"):
        yield "Texts prepared by", f"{hook}, with which the index must be opened"
    if added := info.get("appended"):
        text = (
            f"{counted(added['added'], 'tweet')}; in the index already: "
            f"{count(added['known'])}"
        )
        text += f", {count(n)} with another text" if (n := added.get("changed")) else ""
        text += (
            f"; forgotten: {count(added['forgotten'])}" if added["forgotten"] else ""
        )
        text += (
            f"; without letters or digits: {count(empty)}"
            if (empty := added.get("tweets_without_text"))
            else ""
        )
        yield "Last addition", text
    segments = counted(len(info["segments"]), "segment")
    yield "On disk", f"{decimal(info['bytes'])} in {segments}"
    if sizes := info.get("bytes_per_text"):
        parts = ", ".join(
            f"{name} {value:,.0f}"
            for name, value in sorted(sizes.items(), key=lambda item: -item[1])
        )
        yield "Bytes per text", f"{sum(sizes.values()):,.0f}: {parts}"
    if "generation" in info:
        yield "Generation", count(info["generation"])
    yield "Fingerprint", info["fingerprint"]
    yield (
        "Parameters",
        ", ".join(f"{reason(name)} {value}" for name, value in info["params"].items()),
    )


def explanation_table(explained: list[dict[str, Any]]) -> str:
    """Return an explanation of :mod:`provscan.runs.questions.explain` as text."""
    console = new_console()
    if not explained:
        console.print(
            "No licensed text comes close: the search finds no candidate (no LSH band "
            "or seed in common)."
        )
        console.print("Name a tweet with --tweet to compare it anyway.")
    for number, item in enumerate(explained):
        if number:
            console.print()
        row = item["match"]
        console.print(f"Tweet {item['tweet_id']}: {_result(item)}")
        print_columns(
            console,
            "<<",
            [
                *(
                    [(f"Record {count(item['record'])}", wording.place(item))]
                    if "record" in item
                    else []
                ),
                ("Licensed tweet", item["tweet"]),
                ("  compared as", item["canonical_tweet"] or "(empty)"),
                (
                    f"Text, characters {count(item['start'])} to {count(item['end'])}",
                    item["passage"],
                ),
                ("  compared as", item["canonical_passage"] or "(empty)"),
                ("LSH bands in common", f"{item['bands_met']} of {item['bands']}"),
                ("Seeds in common", f"{item['seeds_met']} of {item['seeds']}"),
                ("5-character sequences shared", count(item["shared"])),
            ],
        )
        for title, gates in (
            ("To be a match", item["gates"]),
            ("To be a finding", item["finding"]),
        ):
            rows = [(title, "value", "at least", "")]
            for gate in gates:
                result = "passed" if gate["passed"] else "failed"
                figures = _figure(gate["value"]), _figure(gate["limit"])
                rows.append((gate["name"], *figures, result))
            if gates:
                print_columns(console, "<>><", rows)
        if row is not None and "bits" in row:
            bits = "not known" if row["bits"] is None else f"{row['bits']:.0f} bits"
            console.print(f"  Score: {bits}; {rarity(row['counted'], row['bits'])}")
    return console_text(console)


def _figure(value: float) -> str:
    """Return a number with three digits and without a power of ten."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _result(item: dict[str, Any]) -> str:
    """Return whether a compared licensed text is a match, and otherwise why not."""
    if item["match"] is not None:
        way = {
            "whole": " (similar as a whole)",
            "stretch": " (a long enough stretch)",
        }.get(item["way"], "")
        return f"match, {item['match']['level'].replace('_', ' ')}{way}"
    if item["instead"] is not None:
        return (
            f"no match, since tweet {item['instead']['tweet_id']} matches this place "
            "more closely"
        )
    if item["passed"]:
        return (
            "no match: it passes the limits, but the search did not propose it. Too "
            "few LSH bands and seeds are in "
            "common, or it was not in the index at the time"
        )
    return (
        "no match: it is not similar enough as a whole, and no stretch in common is "
        "long enough"
    )
