"""Tables for a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from provscan.readers import counted
from provscan.report import answers, wording
from provscan.report.wording import count, layers, rarity, reason

SOURCES_SHOWN = 20
# Of what a command prints unless more is asked for: lines, and warnings.
MOST_LINES, MOST_WARNINGS = 10, 3


def _print(console: Console, aligned: str, rows: Iterable[Sequence[str]]) -> None:
    """Print a table without lines; each column is aligned as ``<`` or ``>`` points. No
    text turns others around.
    """
    table = Table.grid(padding=(0, 2), pad_edge=False)
    for side in aligned:
        table.add_column(justify="right" if side == ">" else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(wording.visible, row))
    console.print(Padding.indent(table, 2))


def _console(width: int = 100) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        color_system=None,
    )


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def brief_lines(
    summary: Mapping[str, Any], place: str, *, width: int = 100
) -> list[str]:
    """What a run found, in :data:`MOST_LINES` lines at most; `place` is the folder of
    the run.

    Where there is more to say, these are kept first, each of them whole: the headline,
    where the report is, the first warning, the sentences that follow the headline, what
    to do next, what was left out, further warnings.
    """
    console, answer = _console(width), summary["answer"]

    def wrapped(text: str) -> list[str]:
        return [
            line.plain.rstrip()
            for line in Text(wording.visible(text)).wrap(console, width)
        ]

    last = wrapped(f"Report: {place}/report.html      More: --verbose")[
        1 - MOST_LINES :
    ]
    headline = wrapped(answer["headline"])[: MOST_LINES - len(last)]
    details = [wrapped(line) for line in _joined(answer["details"], width)]
    following = [wrapped(f"Next: {answer['next']}")] if answer["next"] else []
    left_out = (
        [wrapped(line)] if (line := wording.left_out_in_brief(summary, width)) else []
    )
    warnings = [
        wrapped(f"! {answers.first_sentence(warning['message'])}")
        for warning in answer["warnings"]
    ]
    room = MOST_LINES - len(headline) - len(last)
    for shown in range(min(len(warnings), MOST_WARNINGS), -1, -1):
        more = len(warnings) - shown
        said = warnings[:shown]
        said += (
            [
                wrapped(
                    f"! {wording.several(more, 'more warning', 'more warnings')}: "
                    "--verbose"
                )
            ]
            if more
            else []
        )
        parts = [*details, *following, *left_out, *said]
        if sum(map(len, parts)) <= room or shown == min(1, len(warnings)):
            break
    kept: set[int] = set()
    first = len(parts) - len(said)
    for number in (*range(first, len(parts)), *range(first)):
        if len(parts[number]) <= room:
            kept.add(number)
            room -= len(parts[number])
    return [
        *headline,
        *(line for number in sorted(kept) for line in parts[number]),
        *last,
    ]


def _joined(sentences: Sequence[str], width: int) -> list[str]:
    """Sentences, of which those that fit into one line share it."""
    lines: list[str] = []
    for sentence in sentences:
        if lines and len(lines[-1]) + 1 + len(sentence) <= width:
            lines[-1] += f" {sentence}"
        else:
            lines.append(sentence)
    return lines


def text_table(summary: Mapping[str, Any], *, width: int = 100) -> str:
    """All that ``summary.json`` says of a run, in the words of somebody who did not
    write the tool.
    """
    console = _console(width)
    answer = summary["answer"]
    _headline(console, answer)
    measures = [
        (meaning, *layers(answer[name])) for name, meaning in wording.measures(answer)
    ]
    _print(
        console,
        "<>>>",
        [("", *(name.lower() for name, _ in wording.LAYERS.values())), *measures],
    )
    for reason_given in answers.withheld(answer):
        console.print(Padding.indent(f"Withheld: {reason_given}", 2))
    if limits := answers.upper_limits(answer):
        console.print("\nUpper limits (97.5% confident)")
        _print(console, "<>", limits)
        console.print(
            Padding.indent(
                f"{answers.covered(answer)} {answers.NOT_COVERED}".strip(), 2
            )
        )
    if compared := answers.comparison(summary):
        console.print(f"\n{answers.COMPARED.format(**answer['word_for_word'])}")
        _print(console, "<<>>>>", [answers.COMPARISON, *compared])
    if strengths := answers.strengths(answer):
        console.print("\nRecords by how rare the wording is")
        _print(
            console, "<>>", [("", "findings", "chance explains at most"), *strengths]
        )
    if answer["notes"]:
        console.print()
        for note in answer["notes"]:
            console.print(f"Note: {note['message']}")

    console.print(
        f"\nRecords scanned: {count(summary['records'])}, {wording.searched(summary)}"
    )
    if known := answers.known_elsewhere(summary):
        console.print(known)
    for sentence in wording.left_out(summary):
        console.print(sentence)
    if summary.get("sample"):
        console.print(wording.sampled(summary["sample"]))

    if summary["matches"]:
        number, findings = (
            count(summary["matches"]),
            count(summary["counted"]["matches"]),
        )
        console.print(
            f"\nMatches by level: {number} in all, {findings} of them findings"
        )
        levels = summary["levels"]
        _print(
            console,
            "<><",
            [
                (name, count(levels.get(name, 0)), meaning)
                for name, meaning in wording.LEVELS.items()
            ],
        )

    if len(summary["sources"]) > 1:
        console.print("\nBy source")
        _print(console, "<>>>", _sources(summary["sources"]))
    if fields := summary.get("fields"):
        console.print("\nFields")
        rows = [
            (name, "; ".join(verdicts))
            for name, verdicts in list(fields.items())[:SOURCES_SHOWN]
        ]
        _print(console, "<<", [*rows, *_more(len(fields))])

    _counts(console, "Noticed", summary.get("notes", {}))
    for title, name in (("Not scanned", "unread"), ("Passed over", "ignored")):
        if entries := summary.get(name):
            console.print(f"\n{title}")
            rows = [(item["path"], item["reason"]) for item in entries[:SOURCES_SHOWN]]
            _print(
                console,
                "<<",
                [*rows, *_more(summary.get(f"{name}_files", len(entries)))],
            )

    if summary["damaged"]:
        console.print(
            "\nDamaged, and scanned up to the damage only, or changed during the scan"
        )
        _print(
            console,
            "<><",
            [
                (
                    item["source"],
                    wording.several(item["records"], "record", "records"),
                    item["problem"],
                )
                for item in summary["damaged"]
            ],
        )
    return _text(console)


def _headline(console: Console, answer: Mapping[str, Any]) -> None:
    """What is said first, of a run or of a probe."""
    console.print(answer["headline"])
    for sentence in answer.get("details", ()):
        console.print(sentence)
    if following := answer.get("next"):
        console.print(f"Next: {following}")
    for warning in answer["warnings"]:
        console.print(f"! {warning['message']}")
    console.print()


def _more(total: int) -> list[tuple[str]]:
    """The row for entries that are not shown, if there are any."""
    return (
        [(f"... and {count(total - SOURCES_SHOWN)} more, in summary.json",)]
        if total > SOURCES_SHOWN
        else []
    )


def _counts(console: Console, title: str, counts: Mapping[str, int]) -> None:
    """A heading and its counts, the greatest first; nothing if all are zero."""
    if any(counts.values()):
        console.print(f"\n{title}")
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        _print(console, "><", [(count(n), reason(key)) for key, n in ordered if n])


def _sources(sources: list[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    yield "", "records", "with a match", "matches"
    for item in sorted(sources, key=lambda item: -item["records_matched"])[
        :SOURCES_SHOWN
    ]:
        yield (
            item["source"],
            *(count(item[name]) for name in ("records", "records_matched", "matches")),
        )
    yield from _more(len(sources))


def index_table(info: Mapping[str, Any], *, width: int = 100) -> str:
    console = _console(width)
    _print(console, "<<", _index_rows(info))
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
    return _text(console)


def _index_rows(info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an index holds, from ``Index.info()``."""
    yield "Index", info["path"]
    yield "Tweets", count(info["tweets"])
    yield "Different texts", count(info["texts"])
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
    if (left_out := info.get("segments_left_out", {})).get("segments"):
        names = ", ".join(left_out["segments"])
        yield (
            "Left out",
            f"{count(left_out['tweets'])} tweets, {count(left_out['texts'])} texts in "
            f"{names}",
        )
    if added := info.get("appended"):
        text = (
            f"{counted(added['added'], 'tweet')}; {count(added['known'])} were in the "
            "index already"
        )
        text += (
            f", {count(added['forgotten'])} are forgotten" if added["forgotten"] else ""
        )
        text += (
            f"; {count(empty)} without letters or digits"
            if (empty := added.get("tweets_without_text"))
            else ""
        )
        yield "Last addition", text
    segments = len(info["segments"])
    yield (
        "On disk",
        f"{decimal(info['bytes'])} in {count(segments)} "
        f"segment{'s' if segments > 1 else ''}",
    )
    if sizes := info.get("bytes_a_text"):
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
    """Why a text is or is not a match, from :mod:`provscan.runs.explain`."""
    console = _console()
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
        _print(
            console,
            "<<",
            [
                *(
                    [(f"Record {count(item['record'])}", wording.place(item))]
                    if "record" in item
                    else []
                ),
                ("Licensed tweet", item["tweet"]),
                ("  compared as", item["canonical_tweet"] or "(nothing is left)"),
                (
                    f"Text, characters {count(item['start'])} to {count(item['end'])}",
                    item["passage"],
                ),
                ("  compared as", item["canonical_passage"] or "(nothing is left)"),
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
                said = "passed" if gate["passed"] else "failed"
                if gate["option"]:
                    said += f"; {gate['option']} would let it pass"
                rows.append(
                    (gate["name"], _figure(gate["value"]), _figure(gate["limit"]), said)
                )
            if gates:
                _print(console, "<>><", rows)
        if row is not None and "bits" in row:
            bits = "not known" if row["bits"] is None else f"{row['bits']:.0f} bits"
            console.print(f"  Score: {bits}; {rarity(row['counted'], row['bits'])}")
    return _text(console)


def _figure(value: float) -> str:
    """Three digits, and no power of ten."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _result(item: dict[str, Any]) -> str:
    """What became of a licensed text that was compared."""
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
        "no match: it is neither similar enough as a whole nor holds a long enough "
        "stretch"
    )
