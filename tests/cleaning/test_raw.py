"""Test that the pieces of a file together are the file, and that their records are
numbered as by the reader.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from provscan.cleaning.cutting import CUTS
from provscan.readers import Fields, ReadStats, plan, read
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.limits import LIMITS
from provscan.readers.splits import Context

PARTS = {
    "jsonl": [
        b'{"text": "some words of a text"}',
        b"{}",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"[1]",
    ],
    "csv": [
        *(b"1,some words here\n", b'2,"quoted ""words"" of\na text"\n', b"\n"),
        *(b'3,"never closed\n', b"4,one,too many\n", b'5,a "quote" within\r\n'),
        *(b"\r\n", b'6,"x"y\n', b"7,a\rb\n", b'8,"\n\n\n"\n', b"\xff,bad bytes\n"),
    ],
    "txt": [
        b"some words of a text",
        b"\n",
        b"\r\n",
        b" \n\t\n",
        b"\n \n \n",
        b"\xff x",
    ],
}
PARTS["json"] = [
    *(b',{"text": "words"}', b' , {"a": [1, {"text": "x,]}"}]}\n', b',\n"\\"[," '),
    *(b",[]", b",null\n", b",[[1,2],{}]", b',{"text": "two\nlines"}'),
]
HEADS = {
    "jsonl": b'{"text": "words of a text"}\n',
    "csv": b"id,text\n",
    "txt": b"",
    "json": b'\n[ {"text": "words of a text"} ',
}


@pytest.mark.parametrize("chunk", [7, 64, 1 << 20])
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", PARTS)
def test_pieces_together_are_the_file(
    kind: str, seed: int, chunk: int, tmp_path: Path
) -> None:
    rng = random.Random(f"{kind}{seed}")
    data = HEADS[kind] + b"".join(rng.choices(PARTS[kind], k=rng.randrange(1, 60)))
    data += b" \n]\n" if kind == "json" else b""
    path = tmp_path / f"a.{kind}"
    path.write_bytes(data)
    records = rng.choice(["lines", "paragraphs", "files"])
    limits = replace(LIMITS, chunk=chunk)
    # If the encoding were detected, the file could not be written.
    (split,) = plan(
        path, Fields(text="text"), records=records, encoding="utf-8", limits=limits
    )
    stats = ReadStats()
    batches = list(read(split, Fields(text="text"), stats, limits=limits))
    context = Context.of(split, ReadStats(), limits)
    stream = ByteStream(split, context)
    raw = [part for found in CUTS[split.format](stream) for part in found]
    assert bool(context.damage) == bool(stats.damaged)
    if stats.damaged:
        return
    assert b"".join(part.data for part in raw) == data
    numbers = [part.number for part in raw if part.number is not None]
    assert numbers == sorted(set(numbers))
    texts = dict.fromkeys(numbers, b"")
    texts |= {part.number: part.data for part in raw if part.number is not None}
    for batch in batches:
        assert set(np.unique(batch["record"]).tolist()) <= set(numbers)
        for row in batch.to_pylist():
            shown = texts[row["record"]].decode(errors="replace").replace('"', "")
            shown = shown.replace("\n", " ") if kind == "json" else shown
            assert row["text"].replace('"', "") in shown
