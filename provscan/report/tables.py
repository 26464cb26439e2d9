"""Tables for a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.table import Table

from provscan.readers import counted
from provscan.report import wording
from provscan.report.wording import count, layers, reason, significance

SOURCES_SHOWN = 20


def _print(console: Console, aligned: str, rows: Iterable[Sequence[str]]) -> None:
    """Print a table without lines; each column is aligned as ``<`` or ``>`` points. No text turns others around."""
    table = Table.grid(padding=(0, 2), pad_edge=False)
    for side in aligned:
        table.add_column(justify="right" if side == ">" else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(wording.visible, row))
    console.print(Padding.indent(table, 2))


def _console(width: int = 100) -> Console:
    return Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False, color_system=None)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def text_table(summary: Mapping[str, Any], *, width: int = 100) -> str:
    """What a run found, from its ``summary.json``, in the words of somebody who did not write the tool."""
    console = _console(width)
    answer = summary["answer"]
    _headline(console, answer)
    measures = [(meaning, *layers(answer[name])) for name, meaning in wording.measures(answer)]
    _print(console, "<>>>>", [("", *(name.lower() for name, _ in wording.LAYERS.values())), *measures])
    for withheld in sorted(set(answer["withheld"].values())):
        console.print(Padding.indent(f"Withheld: {withheld}", 2))
    if answer["records"]["at_most"] is not None:
        console.print(Padding.indent(wording.NOT_COVERED, 2))
    console.print(f"\nRecords scanned: {count(summary['records'])}, {wording.searched(summary)}")
    for sentence in wording.left_out(summary):
        console.print(sentence)
    if summary.get("sample"):
        console.print(wording.sampled(summary["sample"]))

    if summary["matches"]:
        console.print(f"\nMatches by level, {count(summary['matches'])} in all")
        levels = summary["levels"]
        _print(
            console, "<><", [(name, count(levels.get(name, 0)), meaning) for name, meaning in wording.LEVELS.items()]
        )

    if len(summary["sources"]) > 1:
        console.print("\nBy source")
        _print(console, "<>>>", _sources(summary["sources"]))

    _counts(console, "Noticed", summary.get("notes", {}))
    for title, name in (("Not scanned", "unread"), ("Passed over", "ignored")):
        if entries := summary.get(name):
            console.print(f"\n{title}")
            rows = [(item["path"], item["reason"]) for item in entries[:SOURCES_SHOWN]]
            _print(console, "<<", [*rows, *_more(summary.get(f"{name}_files", len(entries)))])

    if summary["damaged"]:
        console.print("\nDamaged, and scanned up to the damage only, or changed during the scan")
        _print(console, "<><", [
            (item["source"], wording.several(item["records"], "record", "records"), item["problem"])
            for item in summary["damaged"]
        ])  # fmt: skip
    return _text(console)


def _headline(console: Console, answer: Mapping[str, Any]) -> None:
    console.print(answer["headline"])
    for warning in answer["warnings"]:
        console.print(f"! {warning['message']}")
    console.print()


def _more(total: int) -> list[tuple[str]]:
    """The row for entries that are not shown, if there are any."""
    return [(f"... and {count(total - SOURCES_SHOWN)} more, in summary.json",)] if total > SOURCES_SHOWN else []


def _counts(console: Console, title: str, counts: Mapping[str, int]) -> None:
    """A heading and its counts, the greatest first; nothing if all are zero."""
    if any(counts.values()):
        console.print(f"\n{title}")
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        _print(console, "><", [(count(n), reason(key)) for key, n in ordered if n])


def _sources(sources: list[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    yield "", "records", "with licensed text", "matches"
    for item in sorted(sources, key=lambda item: -item["records_matched"])[:SOURCES_SHOWN]:
        yield item["source"], *(count(item[name]) for name in ("records", "records_matched", "matches"))
    yield from _more(len(sources))


def index_table(info: Mapping[str, Any], *, width: int = 100) -> str:
    console = _console(width)
    _print(console, "<<", _index_rows(info))
    added = info.get("appended")
    for part, when in ((info, " when the index was built" if added else ""), (added or {}, " in the last addition")):
        read = part.get("read", {})
        _counts(console, f"Records not indexed{when}", read.get("skipped", {}))
        _counts(console, f"Records indexed after a repair{when}", read.get("repaired", {}))
        _counts(console, f"Noticed{when}", read.get("notes", {}))
    return _text(console)


def _index_rows(info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an index holds, from ``Index.info()``."""
    yield "Index", info["path"]
    yield "Tweets", count(info["tweets"])
    yield "Different texts", count(info["texts"])
    if info.get("tweets_without_text"):
        yield "Tweets without text", f"{count(info['tweets_without_text'])}, not indexed: no letters or digits"
    if info.get("forgotten") or info.get("purged"):
        purge = f"; {count(info['purged'])} more purged, last {info['last_purge'][:10]}" if info.get("purged") else ""
        yield "Forgotten tweets", f"{count(info['forgotten'])} still in the files{purge}"
    if (left_out := info.get("segments_left_out", {})).get("segments"):
        names = ", ".join(left_out["segments"])
        yield "Left out", f"{count(left_out['tweets'])} tweets, {count(left_out['texts'])} texts in {names}"
    if added := info.get("appended"):
        text = f"{counted(added['added'], 'tweet')}; {count(added['known'])} were in the index already"
        text += f", {count(added['forgotten'])} are forgotten" if added["forgotten"] else ""
        text += f"; {count(empty)} without letters or digits" if (empty := added.get("tweets_without_text")) else ""
        yield "Last addition", text
    segments = len(info["segments"])
    yield "On disk", f"{decimal(info['bytes'])} in {count(segments)} segment{'s' if segments > 1 else ''}"
    if sizes := info.get("bytes_a_text"):
        parts = ", ".join(f"{name} {value:,.0f}" for name, value in sorted(sizes.items(), key=lambda item: -item[1]))
        yield "Bytes a text", f"{sum(sizes.values()):,.0f}: {parts}"
    if "generation" in info:
        yield "Generation", count(info["generation"])
    yield "Fingerprint", info["fingerprint"]
    yield "Parameters", ", ".join(f"{reason(name)} {value}" for name, value in info["params"].items())


def explanation_table(explained: list[dict[str, Any]]) -> str:
    """Why a text is or is not a match, from :mod:`provscan.runs.explain`."""
    console = _console()
    if not explained:
        console.print("No licensed text comes close: none shares an LSH band or a seed with this text.")
        console.print("To compare with a certain tweet all the same, name it with --tweet.")
    for number, item in enumerate(explained):
        if number:
            console.print()
        row = item["match"]
        console.print(f"Tweet {item['tweet_id']}: {_result(item)}")
        _print(console, "<<", [
            *([(f"Record {count(item['record'])}", wording.place(item))] if "record" in item else []),
            ("Licensed tweet", item["tweet"]),
            ("  compared as", item["canonical_tweet"] or "(nothing is left)"),
            (f"Text, characters {count(item['start'])} to {count(item['end'])}", item["passage"]),
            ("  compared as", item["canonical_passage"] or "(nothing is left)"),
            ("LSH bands that agree", f"{item['bands_met']} of {item['bands']}"),
            ("Seeds that agree", f"{item['seeds_met']} of {item['seeds']}"),
            ("5-character sequences shared", count(item["shared"])),
        ])  # fmt: skip
        for title, gates in (("To be a match", item["gates"]), ("To be a finding", item["finding"])):
            rows = [(title, "value", "at least", "")]
            for gate in gates:
                said = "passed" if gate["passed"] else "failed"
                if gate["option"]:
                    said += f"; {gate['option']} would let it pass"
                rows.append((gate["name"], f"{gate['value']:.3g}", f"{gate['limit']:.3g}", said))
            if gates:
                _print(console, "<>><", rows)
        if row is not None and "bits" in row:
            bits = "not known" if row["bits"] is None else f"{row['bits']:.0f} bits"
            why = significance(row["counted"], row["common"], row["bits"], row["q_value"])
            console.print(f"  Score: {bits}; {why}")
    return _text(console)


def _result(item: dict[str, Any]) -> str:
    """What became of a licensed text that was compared."""
    if item["match"] is not None:
        way = {"whole": " (similar as a whole)", "stretch": " (a long enough stretch)"}.get(item["way"], "")
        return f"match, {item['match']['level'].replace('_', ' ')}{way}"
    if item["instead"] is not None:
        return f"no match; here stands the match of tweet {item['instead']['tweet_id']}, which comes closer"
    if item["passed"]:
        return (
            "no match: it passes the gates, but the search did not come across it. Too few LSH bands and seeds agree, "
            "or the index did not hold it then"
        )
    return "no match: it is neither similar enough as a whole nor holds a long enough stretch"
