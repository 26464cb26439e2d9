"""Exhibits as one compressed block that the page unpacks.

The block is gzip in base64: ``uint32`` length of a JSON header, the header, columns as little-endian arrays at
multiples of 8. ``ids`` and ``texts`` are UTF-8, a row an exhibit; each field ends with the byte 0xFF, which UTF-8 never
holds, so the page searches bytes and decodes only the rows that it shows.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.report.differences import packed_runs
from provscan.text.arrow import buffers

COUNTED, COMMON, TEXT, LINK = 1, 2, 4, 8
# Fields of a row, in this order: a passage next to its tweet compresses best.
FIELDS = {"ids": ("record_id", "tweet_id", "author"), "texts": ("before", "after", "passage", "tweet")}
UNKNOWN, NO_DAY = 0xFFFF, -(2**31)
# Code points of context in pages of up to so many exhibits, and in larger ones.
SMALL, AROUND, AROUND_IN_LARGE = 20_000, 120, 16


def displayed(exhibits: pa.Table, texts: int | None) -> pa.Table:
    """Exhibits with the texts that a page may hold (:func:`with_digests`), and less context the more there are."""
    around = AROUND if len(exhibits) <= SMALL else AROUND_IN_LARGE
    columns = {name: exhibits[name] for name in exhibits.column_names}
    columns["before"] = pc.utf8_slice_codeunits(columns["before"].combine_chunks(), -around)
    columns["after"] = pc.utf8_slice_codeunits(columns["after"].combine_chunks(), 0, around)
    return with_digests(pa.table(columns), texts)


def with_digests(exhibits: pa.Table, texts: int | None) -> pa.Table:
    """Exhibits of which the first ``texts`` keep their texts (all if ``None``), with a column ``has_text``.

    Of the others, ``passage`` and ``tweet`` are SHA-256 digests of their UTF-8, and there is no context.
    """
    kept = len(exhibits) if texts is None else min(texts, len(exhibits))
    for name in ("before", "after", "passage", "tweet") if kept < len(exhibits) else ():
        head, tail = exhibits[name].slice(0, kept), exhibits[name].slice(kept)
        values = [None] * len(tail) if name in ("before", "after") else _digests(tail)
        column = pa.chunked_array([*head.chunks, pa.array(values, tail.type)])
        exhibits = exhibits.set_column(exhibits.column_names.index(name), name, column)
    return exhibits.append_column("has_text", pa.array(np.arange(len(exhibits)) < kept))


def _digests(texts: pa.ChunkedArray) -> list[str | None]:
    return [None if text is None else hashlib.sha256(text.encode()).hexdigest() for text in texts.to_pylist()]


def packed(exhibits: pa.Table, marks: dict[int, dict[str, str]]) -> str:
    """The block of some exhibits (:func:`displayed`) and their marks."""
    names: dict[str, list[Any]] = {}
    columns = _columns(exhibits, names)
    for name, fields in FIELDS.items():
        columns[name], offsets = _rows([exhibits[field] for field in fields])
        columns[f"{name}_lengths"] = np.diff(offsets).astype(np.uint32)
    with_text = np.flatnonzero(columns["flags"] & TEXT)
    pairs = exhibits.select(["passage", "tweet"]).take(pa.array(with_text))
    runs, places = packed_runs(zip(pairs["passage"].to_pylist(), pairs["tweet"].to_pylist(), strict=True))
    columns["runs"] = runs
    columns["runs_lengths"] = np.zeros(len(exhibits), np.uint32)
    columns["runs_lengths"][with_text] = np.diff(places)
    return _block(columns, {"rows": len(exhibits), "names": names, "marks": marks})


def _rows(columns: list[pa.ChunkedArray]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Strings of several columns row by row, each with an end mark; nulls as empty strings."""
    end, mark = (pa.scalar(value, pa.large_binary()) for value in (b"", b"\xff"))
    fields = [pc.fill_null(column.cast(pa.large_string()), "").cast(pa.large_binary()) for column in columns]
    text, offsets = buffers(pc.binary_join_element_wise(*fields, end, mark).combine_chunks())
    return text[offsets[0] : offsets[-1]], offsets


def _columns(exhibits: pa.Table, names: dict[str, list[Any]]) -> dict[str, npt.NDArray[Any]]:
    def values(name: str, null: float) -> npt.NDArray[Any]:
        return pc.fill_null(exhibits[name].cast(pa.float64()), float(null)).to_numpy()

    def codes(name: str) -> npt.NDArray[np.uint32]:
        coded = pc.fill_null(exhibits[name].cast(pa.string()), "").combine_chunks().dictionary_encode()
        order = pc.sort_indices(coded.dictionary).to_numpy()
        names[name] = coded.dictionary.take(pa.array(order)).to_pylist()
        return np.argsort(order)[coded.indices.to_numpy()].astype(np.uint32)

    has_text = pc.and_(exhibits["has_text"], pc.is_valid(exhibits["passage"]))
    bits = values("bits", -1)
    time = exhibits["time"].combine_chunks()
    return {
        "flags": (
            COUNTED * values("counted", 0) + COMMON * values("common", 0)
            + TEXT * has_text.to_numpy() + LINK * pc.is_valid(exhibits["permalink"]).to_numpy()
        ).astype(np.uint8),
        "level": codes("level"),
        "similarity": np.rint(values("similarity", 0) * 1000).astype(np.uint16),
        "containment": np.rint(values("containment", 0) * 1000).astype(np.uint16),
        "bits": np.where(bits < 0, UNKNOWN, np.minimum(np.rint(bits * 10), UNKNOWN - 1)).astype(np.uint16),
        "q_value": values("q_value", np.nan).astype(np.float32),
        "record": values("record", 0),
        "start": values("start", 0),
        "length": (values("end", 0) - values("start", 0)).astype(np.uint32),
        "tweets": values("tweets", 0).astype(np.uint32),
        "source": codes("source"),
        "field": codes("field"),
        "author": codes("author"),
        "day": pc.fill_null(time.cast(pa.date32()).cast(pa.int32()), NO_DAY).to_numpy(),
        "year": pc.fill_null(pc.year(time), 0).to_numpy().astype(np.uint16),
    }  # fmt: skip


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
