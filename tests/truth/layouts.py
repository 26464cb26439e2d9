"""Draw files in which a field has text only late: far into the records of a file or the
elements of a list, and deep in objects. Another library says where the text is.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

KINDS = ("a.jsonl", "a.json", "a.jsonl.gz", "a.parquet")
# What the field has in the records and elements before: nothing, or no text.
ABSENT = object()
BEFORE = (ABSENT, None, "", "en", "2015-10-20 00:10:41", "https://example.org/a", "c1")
WORDS = (
    "zebra quixotic marmalade harbour lantern velvet crimson thunder meadow pepper",
    "violin glacier saffron walnut compass orchid hammer raven copper willow",
)
MOST_RECORDS, MOST_ELEMENTS, DEEPEST = 100_000, 10_000, 5


class Layout(NamedTuple):
    """One file. The text is in the last record, in the last element of each list."""

    kind: str
    records: int
    elements: int
    depth: int
    before: Any
    lists: tuple[bool, ...]  # Whether the value of each level is in a list.
    text: str


def draw(rng: random.Random) -> Layout:
    """Draw a layout; large numbers of records have few elements, and vice versa."""
    large, small = rng.random() < 0.5, rng.randrange(1, 80)
    depth = rng.randint(1, DEEPEST)
    records = _log(rng, MOST_RECORDS) if large else small
    elements = rng.randrange(1, 4) if large else _log(rng, MOST_ELEMENTS)
    one = rng.randrange(depth)
    lists = tuple(level == one or rng.random() < 0.2 for level in range(depth))
    text = " ".join(rng.choices(" ".join(WORDS).split(), k=12))
    return Layout(
        rng.choice(KINDS), records, elements, depth, rng.choice(BEFORE), lists, text
    )


def _log(rng: random.Random, most: int) -> int:
    return int(most ** rng.random())


def _value(layout: Layout, leaf: Any, level: int = 0) -> Any:
    """Return the field of a record: objects in each other, one of them in a long
    list.
    """
    if level == layout.depth:
        return leaf
    inner = _value(layout, leaf, level + 1)
    key = f"k{level}"
    value = {} if inner is ABSENT else {key: inner}
    if not layout.lists[level]:
        return value
    first = layout.lists.index(True) == level
    same = _value(layout, layout.before, level + 1)
    other = {} if same is ABSENT else {key: same}
    return [other] * ((layout.elements if first else 1) - 1) + [value]


def records(layout: Layout) -> Iterator[dict[str, Any]]:
    """Yield the records of a layout."""
    usual = _value(layout._replace(elements=1), layout.before)
    for number in range(layout.records - 1):
        yield {"text": f"a few words in record {number}", "field": usual}
    yield {"text": "a few words in the last one", "field": _value(layout, layout.text)}


def write(layout: Layout, folder: Path) -> Path:
    """Write the file of a layout."""
    path = folder / layout.kind
    rows = list(records(layout))
    if layout.kind == "a.parquet":
        table = pa.Table.from_pylist([rows[-1]])
        pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    elif layout.kind == "a.json":
        path.write_text(json.dumps(rows))
    else:
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


def places(path: Path, text: str) -> list[tuple[int, str]]:
    """Return where another library sees the text: the record and the field."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    elif path.suffix == ".json":
        rows = json.loads(path.read_text())
    else:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        rows = list(map(json.loads, data.splitlines()))
    found: list[tuple[int, str]] = []

    def search(value: Any, number: int, name: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                search(inner, number, f"{name}.{key}".removeprefix("."))
        elif isinstance(value, list):
            for position, inner in enumerate(value):
                search(inner, number, f"{name}[{position}]")
        elif value == text:
            found.append((number, name))

    for number, row in enumerate(rows):
        search(row, number, "")
    return found
