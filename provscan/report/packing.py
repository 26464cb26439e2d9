"""Exhibits as compressed blocks that the page unpacks one by one.

A block is gzip in base64: ``uint32`` length of a JSON header, the header, columns as
little-endian arrays at multiples of 8. The first block holds what is filtered and
sorted by, of all exhibits; each of the others ``ids`` and ``texts`` of :data:`CHUNK`
exhibits: UTF-8, a row an exhibit, whose fields each end with the byte 0xFF, which UTF-8
never holds. So the page is of use when two blocks are unpacked, searches bytes, and
decodes only the rows that it shows.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.ordered_map import ordered_map
from provscan.report import wording
from provscan.report.differences import packed_runs
from provscan.report.files import Review
from provscan.runs.evidence import digest
from provscan.text_buffers import buffers

COUNTED, COMMON, LINK, KNOWN = 1, 2, 4, 8
# Fields of a row, in this order: a passage next to its tweet, and apart from ids,
# compresses best.
FIELDS = {
    "ids": ("record_id", "tweet_id", "author"),
    "texts": ("before", "after", "passage", "tweet"),
}
CHUNK = 4096
# What the page calls matches, levels and the rarity of wording.
WORDS = {
    "kinds": wording.KINDS,
    "rarity": wording.RARITY,
    "otherwise": wording.COMMON_OR_KNOWN,
    "unknown": wording.UNKNOWN_RARITY,
    "not_findings": wording.NOT_FINDINGS,
}
# Threads that compress blocks.
WORKERS = 2
UNKNOWN, NO_DAY = 0xFFFF, -(2**31)
# Code points of context in pages of up to so many exhibits, and in larger ones.
SMALL, AROUND, AROUND_IN_LARGE = 20_000, 120, 10


def displayed(
    batches: Iterable[pa.Table], texts: int | None, count: int
) -> Iterator[pa.Table]:
    """Exhibits with the texts that a page may hold (:func:`with_digests`), and less
    context the more there are.
    """
    around = AROUND if count <= SMALL else AROUND_IN_LARGE
    for batch in with_digests(batches, texts):
        columns = {name: batch[name] for name in batch.column_names}
        columns["before"] = pc.utf8_slice_codeunits(
            columns["before"].combine_chunks(), -around
        )
        columns["after"] = pc.utf8_slice_codeunits(
            columns["after"].combine_chunks(), 0, around
        )
        yield pa.table(columns)


def with_digests(batches: Iterable[pa.Table], texts: int | None) -> Iterator[pa.Table]:
    """Exhibits of which the first ``texts`` keep their texts (all if ``None``).

    Of the others, ``passage`` and ``tweet`` are SHA-256 digests of their UTF-8, there
    is no context, and ``has_text`` is false.
    """
    low = 0
    for batch in batches:
        kept = len(batch) if texts is None else min(max(texts - low, 0), len(batch))
        low += len(batch)
        if kept == len(batch):
            yield batch
            continue
        columns = {name: batch[name] for name in batch.column_names}
        known = columns["has_text"].to_numpy()
        for name in ("before", "after", "passage", "tweet"):
            head, tail = (
                columns[name].slice(0, kept).to_pylist(),
                columns[name].slice(kept).to_pylist(),
            )
            if name in ("before", "after"):
                tail = [None] * len(tail)
            else:
                tail = [
                    digest(text) if whole else text
                    for text, whole in zip(tail, known[kept:], strict=True)
                ]
            columns[name] = pa.chunked_array(
                [pa.array(head + tail, columns[name].type)]
            )
        columns["has_text"] = pa.chunked_array(
            [pa.array(known & (np.arange(len(batch)) < kept))]
        )
        yield pa.table(columns)


def packed_exhibits(
    exhibits: pa.Table,
    batches: Iterable[pa.Table],
    review: Review,
    sources: Mapping[str, str],
) -> Iterator[str]:
    """The blocks of some exhibits and of what reviewers said; the batches are the
    exhibits with texts, :data:`CHUNK` rows at a time. The `sources` are those of the
    run in the order in which it has them, each with how it is shown.
    """
    names: dict[str, list[Any]] = {}
    columns = _columns(exhibits, names)
    order = {name: place for place, name in enumerate(sources)}
    ranks = [order.get(name, len(order)) for name in names["source"]]
    names["source"] = [sources.get(name, name) for name in names["source"]]
    header = {
        "rows": len(exhibits),
        "chunk": CHUNK,
        "names": names,
        "ranks": ranks,
        "words": WORDS,
    }
    yield _block(
        columns, {**header, "marks": dict(review.marks), "about": dict(review.about)}
    )
    yield from ordered_map(_packed, batches, WORKERS)


def _packed(batch: pa.Table) -> str:
    """The block of ids and texts of a batch."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for name, fields in FIELDS.items():
        columns[name], offsets = _rows([batch[field] for field in fields])
        columns[f"{name}_lengths"] = np.diff(offsets).astype(np.uint32)
    whole = pc.and_(batch["has_text"], pc.is_valid(batch["passage"])).to_numpy()
    pairs = batch.select(["passage", "tweet"]).filter(pa.array(whole))
    runs, places = packed_runs(
        zip(pairs["passage"].to_pylist(), pairs["tweet"].to_pylist(), strict=True)
    )
    lengths = np.zeros(len(batch), np.uint32)
    lengths[whole] = np.diff(places)
    columns |= {
        "runs": runs,
        "runs_lengths": lengths,
        "has_text": whole.astype(np.uint8),
    }
    return _block(columns, {})


def _rows(columns: list[pa.ChunkedArray]) -> tuple[npt.NDArray[np.uint8], Numbers]:
    """Strings of several columns row by row, each with an end mark; nulls as empty
    strings.
    """
    end, mark = (pa.scalar(value, pa.large_binary()) for value in (b"", b"\xff"))
    fields = [
        pc.fill_null(column.cast(pa.large_string()), "").cast(pa.large_binary())
        for column in columns
    ]
    text, offsets = buffers(
        pc.binary_join_element_wise(*fields, end, mark).combine_chunks()
    )
    return text[offsets[0] : offsets[-1]], offsets


def _columns(
    exhibits: pa.Table, names: dict[str, list[Any]]
) -> dict[str, npt.NDArray[Any]]:
    def values(name: str, null: float) -> npt.NDArray[Any]:
        return pc.fill_null(exhibits[name].cast(pa.float64()), float(null)).to_numpy()

    def codes(name: str) -> npt.NDArray[np.uint32]:
        coded = (
            pc.fill_null(exhibits[name].cast(pa.string()), "")
            .combine_chunks()
            .dictionary_encode()
        )
        order = pc.sort_indices(coded.dictionary).to_numpy()
        names[name] = coded.dictionary.take(pa.array(order)).to_pylist()
        return np.argsort(order)[coded.indices.to_numpy()].astype(np.uint32)

    bits = values("bits", -1)
    time = exhibits["time"].combine_chunks()
    return {
        "flags": (
            COUNTED * values("counted", 0)
            + COMMON * values("common", 0)
            + KNOWN * values("known", 0)
            + LINK * pc.is_valid(exhibits["permalink"]).to_numpy()
        ).astype(np.uint8),
        "level": codes("level"),
        "similarity": np.rint(values("similarity", 0) * 1000).astype(np.uint16),
        "containment": np.rint(values("containment", 0) * 1000).astype(np.uint16),
        "bits": np.where(
            bits < 0, UNKNOWN, np.minimum(np.rint(bits * 10), UNKNOWN - 1)
        ).astype(np.uint16),
        "record": values("record", 0),
        "start": values("start", 0),
        "length": (values("end", 0) - values("start", 0)).astype(np.uint32),
        "tweets": values("tweets", 0).astype(np.uint32),
        "source": codes("source"),
        "field": codes("field"),
        "author": codes("author"),
        "lang": codes("lang"),
        "day": pc.fill_null(time.cast(pa.date32()).cast(pa.int32()), NO_DAY).to_numpy(),
        "year": pc.fill_null(pc.year(time), 0).to_numpy().astype(np.uint16),
    }


def _block(columns: dict[str, npt.NDArray[Any]], header: dict[str, Any]) -> str:
    parts, places, size = [], {}, 0
    for name, array in columns.items():
        places[name] = (array.dtype.name, size, len(array))
        parts += [np.ascontiguousarray(array).tobytes(), bytes(-array.nbytes % 8)]
        size += array.nbytes + len(parts[-1])
    described = json.dumps({**header, "columns": places}, ensure_ascii=True).encode()
    described += b" " * (-(4 + len(described)) % 8)
    whole = b"".join([len(described).to_bytes(4, "little"), described, *parts])
    return base64.b64encode(gzip.compress(whole, 6, mtime=0)).decode("ascii")
