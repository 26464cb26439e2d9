"""A law of cleaning: what is kept equals the input, as other libraries read it.

Readers of :mod:`truth.layouts` cut a file into pieces, one for each record. The matches
of the run say which are dropped and which spans are masked; all else must be the same,
byte for byte, or value for value in tables.
"""

from __future__ import annotations

import os
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from file_formats import pieces_of_lines
from invariants import contents as tree

from truth import adapter, layouts
from truth.core import same
from truth.laws import Scan
from truth.layouts import FORMATS

BOM = b"\xef\xbb\xbf"
MASKS = ("[X]", "■", '"', "a, b", "\\", "mask;ed")
# The spans of a record that are masked, by field.
Spans = dict[str, list[tuple[int, int]]]


def _varied(rng: random.Random, kind: str, data: bytes) -> bytes:
    """Return a file with blank lines, damaged bytes, a byte-order mark or without its
    last newline.
    """
    if kind in ("jsonl", "text", "csv"):
        lines = pieces_of_lines(data)
        if rng.random() < 0.3 and kind != "csv":
            lines.insert(rng.randrange(1, len(lines) + 1), b"\n")
        if rng.random() < 0.3:
            bad = b"\xe9 \xe2\x82"
            odd = b'{ "caf\xe9": "%b", ' % bad if kind == "jsonl" else bad
            first = {"jsonl": b"{", "csv": b" "}.get(kind, b"e")
            for place in range(kind == "csv", len(lines), 2):
                lines[place] = lines[place].replace(first, odd, 1)
        if rng.random() < 0.3 and kind == "jsonl":
            lines.insert(len(lines) // 2, b"no object\n")
        data = b"".join(lines)
        data = data.rstrip(b"\r\n") if rng.random() < 0.3 else data
    elif kind == "json" and rng.random() < 0.3:
        data = b"\n " + data + b"\n\n"
    marked = kind in ("jsonl", "json", "csv") and rng.random() < 0.2
    return BOM + data if marked else data


def _masked(text: str, spans: list[tuple[int, int]], mask: str) -> str:
    covered = {place for start, end in spans for place in range(start, end)}
    return "".join(
        mask * (place - 1 not in covered) if place in covered else character
        for place, character in enumerate(text)
    )


def _kept(
    pieces: list[Any], found: dict[int, Spans], mode: str, header: bool
) -> Iterator[tuple[Any, Spans]]:
    """Yield the pieces that are kept, and the spans of each that are masked. Blank
    lines are no records, so they stay.
    """
    yield from ((piece, {}) for piece in pieces[:header])
    for number, piece in enumerate(pieces[header:]):
        blank = isinstance(piece, bytes) and not piece.strip()
        if blank or (number not in found and mode != "keep"):
            yield piece, {}
        elif number in found and mode != "drop":
            yield piece, found[number] if mode == "mask" else {}


def _odd(piece: Any) -> list[str]:
    """Return the bytes of a piece that are not UTF-8."""
    text = piece.decode(errors="surrogateescape") if isinstance(piece, bytes) else ""
    return re.findall("[\udc80-\udcff]", text)


def _require_kept(
    kind: str,
    old: bytes,
    new: bytes | None,
    found: dict[int, Spans],
    mode: str,
    mask: str,
) -> None:
    """Require that a file and its copy, if any, differ only in what is removed."""
    known = FORMATS[kind]
    pieces = known.pieces(old.removeprefix(BOM))
    kept = [*_kept(pieces, found, mode, kind == "csv")]
    if new is None:  # A file of one record is removed with it.
        same((len(pieces), len(kept)), (1, 0), "records of a removed file")
        return
    same(new.startswith(BOM), old.startswith(BOM), "a byte-order mark")
    news = known.pieces(new.removeprefix(BOM))
    same(len(news), len(kept), "the number of records")
    for (piece, spans), written in zip(kept, news, strict=True):
        if not spans:
            same(written, piece, "a record")
            continue
        before, after = (
            dict(layouts.leaves(known.value(each, first), known.field))
            for each, first in ((piece, pieces[0]), (written, news[0]))
        )
        # Bytes that are not UTF-8 stay, unless they are in a span.
        if str(before).count("\ufffd") == str(after).count("\ufffd"):
            same(_odd(written), _odd(piece), "bytes that are not UTF-8")
        for name in spans.keys() & before.keys():
            before[name] = _masked(before[name], spans[name], mask)
        same(after, before, "a masked record")


def cleaning_keeps_everything_else(scan: Scan) -> None:
    """Clean a dataset of varied files."""
    case, rng, home = scan.case, scan.rng(), scan.new()
    layout, kind, data = case.layout, case.layout.format, home / "set"
    texts = [[t.replace("x", '"', 1) for t in each] for each in case.texts if all(each)]
    records = [layouts.shaped(layout, f"r{n}", each) for n, each in enumerate(texts)]
    home.mkdir()
    layouts.write(records, layout, data, lambda file: _varied(rng, kind, file))
    settings = {"planted": 0, "max_bad": 1.0, "encoding": "utf-8", "records": "lines"}
    settings["workers"] = rng.choice((1, 2, 4))
    mode = rng.choice(("drop", "drop", "mask", "mask", "keep"))
    everything, mask = rng.random() < 0.5, rng.choice(MASKS)
    options = {"keep_only": mode == "keep", "mask": mask if mode == "mask" else None}
    options |= {"all": everything, "workers": settings["workers"]}

    def matches(dataset: Path, run: Path) -> dict[str, dict[int, Spans]]:
        """Return the spans to remove from a dataset, by file and record."""
        found: Any = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
        for row in adapter.scan([dataset], case.index, run, **settings).licensed:
            if row.finding or everything:
                spans = found[row.source.removeprefix(f"{dataset}/")][row.record]
                spans[row.field or ""].append((row.start, row.end))
        return found

    run, out, cleanable = home / "a.run", home / "out", kind in adapter.cleanable()
    try:
        found = matches(data, run)
    except adapter.Refused:
        return
    before = tree(data)
    try:
        left = adapter.clean([data], run, out, **options)
    except adapter.Refused:
        assert not cleanable, f"refused to {mode}"
        cleanable = False
    same(tree(data), before, "the dataset")
    same(sorted(os.listdir(home)), ["a.run", *["out"] * out.exists(), "set"], "files")
    if not cleanable:
        return
    old, new = (layouts.contents(layout, each) for each in (data, out / "set"))
    assert new.keys() <= old.keys(), f"files {sorted(old)} became {sorted(new)}"
    for source, content in old.items():
        copy = new.get(source)
        _require_kept(kind, content, copy, found[source], mode, mask)
    if mode != "keep":
        try:
            again = matches(out / "set", home / "b.run")
        except adapter.Refused:
            return  # Nothing to scan is left.
        same(sum(map(len, again.values())), left, "records with matches")
        assert not again or mode == "mask", f"{again} are left"
