"""Tables for a terminal."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.padding import Padding
from rich.table import Table

from provscan.report.wording import (
    LAYERS,
    LEVELS,
    MEASURES,
    count,
    layers,
    left_out,
    reason,
    sampled,
    significance,
)

SOURCES_SHOWN = 20


def _grid(*columns: str) -> Table:
    """A table without lines; a column named ``<`` is aligned left, ``>`` right."""
    table = Table.grid(padding=(0, 2), pad_edge=False)
    for column in columns:
        table.add_column(justify="right" if column == ">" else "left", overflow="fold")
    return table


def _print(console: Console, table: Table) -> None:
    console.print(Padding.indent(table, 2))


def _console(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False, color_system=None)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def text_table(summary: Mapping[str, Any], *, width: int = 100) -> str:
    """What a run found, from its ``summary.json``, in the words of somebody who did not write the tool."""
    console = _console(width)
    answer = summary["answer"]
    console.print(answer["headline"])
    for warning in answer["warnings"]:
        console.print(f"! {warning['message']}")
    console.print()
    rows = _grid("<", ">", ">", ">", ">")
    rows.add_row("", *(name.lower() for name, _ in LAYERS.values()))
    for name, meaning in MEASURES.items():
        if answer.get(name):
            rows.add_row(meaning, *layers(answer[name]))
    _print(console, rows)
    for withheld in sorted(set(answer["withheld"].values())):
        console.print(Padding.indent(f"Withheld: {withheld}", 2))
    records, index = count(summary["records"]), summary["index"]
    console.print(f"\nRecords scanned: {records}, against {count(index['tweets'])} licensed tweets.")
    for sentence in left_out(summary):
        console.print(sentence)
    if summary.get("sample"):
        console.print(sampled(summary["sample"]))

    if summary["matches"]:
        console.print(f"\nMatches by level, {count(summary['matches'])} in all")
        levels = _grid("<", ">", "<")
        for level, meaning in LEVELS.items():
            levels.add_row(level, count(summary["levels"].get(level, 0)), meaning)
        _print(console, levels)

    if len(summary["sources"]) > 1:
        console.print("\nBy source")
        _print(console, _sources(summary["sources"]))

    _counts(console, "Noticed", summary.get("notes", {}))
    for title, name in (("Not scanned", "unread"), ("Passed over", "ignored")):
        if entries := summary.get(name):
            console.print(f"\n{title}")
            rows = _grid("<", "<")
            for item in entries[:SOURCES_SHOWN]:
                rows.add_row(item["path"], item["reason"])
            total = summary.get(f"{name}_files", len(entries))
            if total > SOURCES_SHOWN:
                rows.add_row(f"... and {count(total - SOURCES_SHOWN)} more, in summary.json")
            _print(console, rows)

    if summary["damaged"]:
        console.print("\nDamaged part-way: only what stands before the damage was scanned")
        rows = _grid("<", ">", "<")
        for item in summary["damaged"]:
            rows.add_row(item["source"], f"{count(item['records'])} records", item["problem"])
        _print(console, rows)

    return _text(console)


def _counts(console: Console, title: str, counts: Mapping[str, int]) -> None:
    """A heading and its counts, the greatest first; nothing if all are zero."""
    if not any(counts.values()):
        return
    console.print(f"\n{title}")
    rows = _grid(">", "<")
    for key, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if n:
            rows.add_row(count(n), reason(key))
    _print(console, rows)


def _sources(sources: list[Mapping[str, Any]]) -> Table:
    rows = _grid("<", ">", ">", ">")
    rows.add_row("", "records", "with licensed text", "matches")
    most = sorted(sources, key=lambda item: -item["records_matched"])[:SOURCES_SHOWN]
    for item in most:
        rows.add_row(item["source"], count(item["records"]), count(item["records_matched"]), count(item["matches"]))
    if len(sources) > len(most):
        rows.add_row(f"... and {count(len(sources) - len(most))} more, in summary.json")
    return rows


def index_table(info: Mapping[str, Any], *, width: int = 100) -> str:
    console = _console(width)
    rows = _grid("<", "<")
    rows.add_row("Index", info["path"])
    rows.add_row("Tweets", count(info["tweets"]))
    rows.add_row("Different texts", count(info["texts"]))
    if info.get("tweets_without_text"):
        rows.add_row("Tweets without text", f"{count(info['tweets_without_text'])}, not indexed: no letters or digits")
    if info.get("forgotten") or info.get("purged"):
        purge = f"; {count(info['purged'])} more purged, last {info['last_purge'][:10]}" if info.get("purged") else ""
        rows.add_row("Forgotten tweets", f"{count(info['forgotten'])} still in the files{purge}")
    if (left_out := info.get("segments_left_out", {})).get("segments"):
        names = ", ".join(left_out["segments"])
        rows.add_row("Left out", f"{count(left_out['tweets'])} tweets, {count(left_out['texts'])} texts in {names}")
    if added := info.get("appended"):
        text = f"{count(added['added'])} tweets; {count(added['known'])} were in the index already"
        text += f", {count(added['forgotten'])} are forgotten" if added["forgotten"] else ""
        rows.add_row("Last addition", text)
    segments = len(info["segments"])
    rows.add_row("On disk", f"{decimal(info['bytes'])} in {count(segments)} segment{'s' if segments > 1 else ''}")
    if sizes := info.get("bytes_a_text"):
        parts = ", ".join(f"{name} {value:,.0f}" for name, value in sorted(sizes.items(), key=lambda item: -item[1]))
        rows.add_row("Bytes a text", f"{sum(sizes.values()):,.0f}: {parts}")
    if "generation" in info:
        rows.add_row("Generation", count(info["generation"]))
    rows.add_row("Fingerprint", info["fingerprint"])
    rows.add_row("Parameters", ", ".join(f"{reason(name)} {value}" for name, value in info["params"].items()))
    _print(console, rows)

    read = info.get("read", {})
    _counts(console, "Records not indexed", read.get("skipped", {}))
    _counts(console, "Records indexed after a repair", read.get("repaired", {}))
    _counts(console, "Noticed", read.get("notes", {}))
    if info.get("left_out"):
        console.print("\nFiles left out")
        rows = _grid("<", "<")
        for path, why in info["left_out"][:SOURCES_SHOWN]:
            rows.add_row(path, why)
        if len(info["left_out"]) > SOURCES_SHOWN:
            rows.add_row(f"... and {count(len(info['left_out']) - SOURCES_SHOWN)} more")
        _print(console, rows)
    return _text(console)


def explanation_table(explained: list[dict[str, Any]], *, width: int = 100) -> str:
    """Why a text is or is not a match, from :meth:`provscan.runs.explain.Explanation.as_dict`."""
    console = _console(width)
    if not explained:
        console.print("No licensed text comes close: none shares an LSH band or a chain of seeds with this text.")
        console.print("To compare with a certain tweet all the same, name it with --tweet.")
    for number, item in enumerate(explained):
        if number:
            console.print()
        row = item["match"]
        if row is not None:
            result = f"match, {row['level'].replace('_', ' ')}"
        else:
            result = "passes all gates, but a closer licensed text was reported here" if item["passed"] else "no match"
        console.print(f"Tweet {item['tweet_id']}: {result}")
        rows = _grid("<", "<")
        rows.add_row("Licensed tweet", item["tweet"])
        rows.add_row("  compared as", item["canonical_tweet"] or "(nothing is left)")
        rows.add_row(f"Text, characters {count(item['start'])} to {count(item['end'])}", item["passage"])
        rows.add_row("  compared as", item["canonical_passage"] or "(nothing is left)")
        rows.add_row("LSH bands that agree", f"{item['bands_met']} of {item['bands']}")
        rows.add_row("Seeds that agree", f"{item['seeds_met']} of {item['seeds']}")
        rows.add_row("5-character sequences shared", count(item["shared"]))
        _print(console, rows)
        gates = _grid("<", ">", ">", "<", "<")
        gates.add_row("Gate", "value", "at least", "", "")
        for gate in item["gates"]:
            said = "passed" if gate["passed"] else "failed"
            if not gate["passed"] and gate["option"]:
                said += f"; {gate['option']} {gate['value']:.3g} would let it pass"
            gates.add_row(gate["name"], f"{gate['value']:.3g}", f"{gate['limit']:.3g}", said)
        _print(console, gates)
        if row is not None:
            bits = "not known" if row["bits"] is None else f"{row['bits']:.0f}"
            why = significance(row["counted"], row["common"], row["bits"], row["q_value"])
            console.print(f"  Score: {bits} bits; {why}")
    return _text(console)
