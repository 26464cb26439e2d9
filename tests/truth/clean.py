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
from typing import Any

from invariants import contents as tree

from truth import adapter, layouts
from truth.laws import Scan, change
from truth.layouts import FORMATS

BOM = b"\xef\xbb\xbf"
MASKS = ("[X]", "■", '"', "a, b", "\\", "mask;ed")
LAW = "cleaning_keeps_everything_else"
# The spans of a record that are masked, by field.
Spans = dict[str, list[tuple[int, int]]]


def _varied(rng: random.Random, kind: str, data: bytes) -> bytes:
    """Return a file with blank lines, damaged bytes, a byte-order mark or without its
    last newline.
    """
    if kind in ("jsonl", "text", "csv"):
        lines = layouts.lines(data)
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


def _unlike(
    kind: str, pieces: list[Any], news: list[Any], kept: list[Any], mask: str
) -> Iterator[str]:
    """Yield what differs between the pieces of a file and those of its copy."""
    if len(kept) != len(news):
        yield f"{len(kept)} records became {len(news)}"
    for (piece, spans), new in zip(kept, news, strict=False):
        if not spans:
            if piece != new:
                yield f"{new}, not {piece}"
            continue
        old, now = (
            dict(layouts.leaves(FORMATS[kind].value(each, first), FORMATS[kind].field))
            for each, first in ((piece, pieces[0]), (new, news[0]))
        )
        wanted = {
            field: _masked(value, spans[field], mask) if field in spans else value
            for field, value in old.items()
        }
        # Bytes that are not UTF-8 stay, unless they are in a span.
        hidden = str(old).count("\ufffd") != str(now).count("\ufffd")
        if wanted != now or not (hidden or _odd(piece) == _odd(new)):
            yield f"{now}, not {wanted}"


@change(lambda case: len(case.texts) < 3000 and case.layout.format != "archive")
def cleaning_keeps_everything_else(scan: Scan) -> Iterator[str]:
    """Clean a dataset of varied files."""
    case, rng = scan.case, random.Random(f"{scan.case.seed} {scan.case.number}")
    layout, kind, home = case.layout, case.layout.format, scan.new()
    data, run, out = home / "set", home / "a.run", home / "out"
    texts = [[t.replace("x", '"', 1) for t in each] for each in case.texts if all(each)]
    records = [layouts.shaped(layout, f"r{n}", each) for n, each in enumerate(texts)]
    home.mkdir()
    layouts.write(records, layout, data, lambda file: _varied(rng, kind, file))
    if not records:
        return
    settings = {"planted": 0, "max_bad": 1.0, "encoding": "utf-8", "records": "lines"}
    settings["workers"] = rng.choice((1, 2, 4))
    mode = rng.choice(("drop", "drop", "mask", "mask", "keep"))
    everything, mask = rng.random() < 0.5, rng.choice(MASKS)
    how, before = f"{mode}, {mask}, {layout}", tree(data)
    try:
        result = adapter.scan([data], case.index, run, **settings)
    except adapter.Refused:
        return
    found: dict[str, Any] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in result.licensed:
        if row.finding or everything:
            spans = found[row.source.removeprefix(f"{data}/")][row.record]
            spans[row.field or ""].append((row.start, row.end))
    options = {"keep_only": mode == "keep", "all": everything}
    options |= {"mask": mask if mode == "mask" else None}
    left = None
    try:
        left = adapter.clean([data], run, out, workers=settings["workers"], **options)
    except adapter.Refused as error:
        refused = kind not in adapter.cleanable()
        if not (refused or (mode == "mask" and kind == "webdataset")):
            yield f"refused: {error} ({how})"
    names = ["a.run", "out", "set"] if left is not None else ["a.run", "set"]
    if tree(data) != before or sorted(os.listdir(home)) != names:
        yield f"the dataset changed, or files are left: {os.listdir(home)} ({how})"
    reader = FORMATS[kind].pieces
    if left is None or reader is None:
        return
    old, new = (layouts.contents(layout, each) for each in (data, out / "set"))
    if new.keys() - old.keys():
        yield f"files {sorted(old)} became {sorted(new)} ({how})"
    for source, content in old.items():
        pieces, news = reader(content.removeprefix(BOM)), list[Any]()
        if source in new:
            if content.startswith(BOM) != new[source].startswith(BOM):
                yield f"{source}: its byte-order mark changed ({how})"
            news = reader(new[source].removeprefix(BOM))
        elif len(pieces) != 1:  # A file of one record is removed with it.
            yield f"{source} of {len(pieces)} records is missing ({how})"
        kept = [*_kept(pieces, found[source], mode, kind == "csv")]
        unlike = _unlike(kind, pieces, news, kept, mask)
        yield from (f"{source}: {each} ({how})" for each in unlike)
    if mode == "keep":
        return
    try:
        rest = adapter.scan([out / "set"], case.index, home / "b.run", **settings)
    except adapter.Refused:
        return  # Nothing to scan is left.
    again = {row[:2] for row in rest.licensed if row.finding or everything}
    if len(again) != left or (again and mode == "drop"):
        yield f"{len(again)} records have matches, {left} said ({how})"
