"""Pack exhibits into compressed blocks that the page unpacks one by one.

A block is gzip in base64. It contains the ``uint32`` length of a JSON header, the
header, and columns as little-endian arrays at multiples of 8. The first block has the
columns by which exhibits are filtered and sorted. Each other block has the ``ids`` and
``texts`` of :data:`CHUNK` exhibits in UTF-8: one row for each exhibit. Each field of a
row ends with the byte 0xFF, which UTF-8 never contains. The page can therefore be used
as soon as two blocks are unpacked, and decodes only the rows that it shows.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.ordered_map import ordered_map
from provscan.report import wording
from provscan.report.differences import packed_runs
from provscan.report.files import Review
from provscan.runs.evidence.tables import digest
from provscan.text_buffers import buffers

# The bits of the column ``flags``.
COUNTED, COMMON, LINK, KNOWN = 1, 2, 4, 8
# Fields of a row, in this order: passages compress best next to their tweets and apart
# from ids.
FIELDS = {
    "ids": ("record_id", "tweet_id", "author"),
    "texts": ("before", "after", "passage", "tweet"),
}
CHUNK = 4096
# The words in which the page describes matches, levels and the rarity of wording.
WORDS = {
    "kinds": wording.KINDS,
    "rarity": wording.RARITY,
    "otherwise": wording.COMMON_OR_KNOWN,
    "unknown": wording.UNKNOWN_RARITY,
    "not_findings": wording.NOT_FINDINGS,
}
# Number of threads that compress blocks.
WORKERS = 2
# The values of unknown bits and of an unknown day.
UNKNOWN, NO_DAY = 0xFFFF, -(2**31)
# Number of code points of context: AROUND in pages of up to SMALL exhibits,
# AROUND_IN_LARGE in larger pages.
SMALL, AROUND, AROUND_IN_LARGE = 20_000, 120, 10


def with_digests(exhibits: pa.Table, texts: int | None) -> pa.Table:
    """Return exhibits, with texts for only the first ``texts`` of them (all if None).

    For the others, ``passage`` and ``tweet`` are SHA-256 digests of their UTF-8, there
    is no author and no context, and ``has_text`` is false.
    """
    if texts is None or texts >= len(exhibits):
        return exhibits
    kept, rest = exhibits.slice(0, texts), exhibits.slice(texts)
    has_text = rest["has_text"].to_pylist()
    for name in ("before", "passage", "after", "tweet", "author"):
        found: list[str | None] = [None] * len(rest)
        if name in ("passage", "tweet"):
            found = [
                digest(text) if whole else text
                for text, whole in zip(rest[name].to_pylist(), has_text, strict=True)
            ]
        rest = _replaced(rest, name, pa.array(found, rest[name].type))
    none = pa.array(np.zeros(len(rest), bool))
    return pa.concat_tables([kept, _replaced(rest, "has_text", none)])


def displayed(exhibits: pa.Table, texts: int | None) -> pa.Table:
    """Return exhibits with the texts that a page may contain (:func:`with_digests`),
    and with less context if there are many exhibits.
    """
    around = AROUND if len(exhibits) <= SMALL else AROUND_IN_LARGE
    exhibits = with_digests(exhibits, texts)
    before = pc.utf8_slice_codeunits(exhibits["before"], -around)
    after = pc.utf8_slice_codeunits(exhibits["after"], 0, around)
    return _replaced(_replaced(exhibits, "before", before), "after", after)


def latin(exhibits: pa.Table) -> npt.NDArray[np.bool_]:
    """Return, for each exhibit, whether at least half of the letters of its passage are
    Latin; False without texts.
    """

    def number(letters: str) -> npt.NDArray[np.int64]:
        found = pc.count_substring_regex(exhibits["passage"], letters)
        return pc.fill_null(found, 0).to_numpy().astype(np.int64)

    has_text = pc.fill_null(exhibits["has_text"], False).to_numpy()
    return np.asarray(has_text & (2 * number(r"\p{Latin}") >= number(r"\p{L}")))


def _replaced(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def packed_exhibits(
    exhibits: pa.Table,
    review: Review,
    sources: Mapping[str, str],
    records: Sequence[int] | None,
) -> Iterator[str]:
    """Yield the blocks with the exhibits and the reviewers' marks.

    ``sources`` maps the sources of the run, in their order, to their displayed names;
    ``records`` has the number of records of each, or is None if records are not
    numbered consecutively.
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
        "records": records,
        "words": WORDS,
        "marks": {
            row: mark for row, mark in review.marks.items() if row < len(exhibits)
        },
        "about": dict(review.about),
    }
    yield _block(columns, header)
    chunks = (
        exhibits.slice(low, CHUNK) for low in range(0, max(1, len(exhibits)), CHUNK)
    )
    yield from ordered_map(_packed, chunks, WORKERS)


def _packed(exhibits: pa.Table) -> str:
    """Return the block of ids and texts of some exhibits."""
    known = pc.and_(exhibits["has_text"], pc.is_valid(exhibits["passage"]))
    has_text = pc.fill_null(known, False).to_numpy()
    pairs = exhibits.select(["passage", "tweet"]).filter(pa.array(has_text))
    runs, places = packed_runs(
        zip(pairs["passage"].to_pylist(), pairs["tweet"].to_pylist(), strict=True)
    )
    lengths = np.zeros(len(exhibits), np.uint32)
    lengths[has_text] = np.diff(places)
    columns: dict[str, npt.NDArray[Any]] = {
        "has_text": has_text.astype(np.uint8),
        "runs": runs,
        "runs_lengths": lengths,
    }
    end, mark = (pa.scalar(value, pa.large_binary()) for value in (b"", b"\xff"))
    for name, fields in FIELDS.items():
        parts = [
            pc.fill_null(exhibits[field].cast(pa.large_string()), "").cast(
                pa.large_binary()
            )
            for field in fields
        ]
        joined = pc.binary_join_element_wise(*parts, end, mark)
        text, offsets = buffers(joined.combine_chunks())
        columns[name] = text[offsets[0] : offsets[-1]]
        columns[f"{name}_lengths"] = np.diff(offsets).astype(np.uint32)
    return _block(columns, {})


def _columns(
    exhibits: pa.Table, names: dict[str, list[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns by which exhibits are filtered and sorted; ``names`` receives
    the values of the codes.
    """

    def values(name: str, null: float) -> npt.NDArray[Any]:
        return pc.fill_null(exhibits[name].cast(pa.float64()), float(null)).to_numpy()

    def codes(name: str) -> npt.NDArray[np.uint32]:
        known = pc.fill_null(exhibits[name].cast(pa.string()), "").combine_chunks()
        coded = known.dictionary_encode()
        order = pc.sort_indices(coded.dictionary).to_numpy()
        names[name] = coded.dictionary.take(pa.array(order)).to_pylist()
        return np.argsort(order)[coded.indices.to_numpy()].astype(np.uint32)

    bits = values("bits", -1)
    time = exhibits["time"]
    day = pc.fill_null(time.cast(pa.date32()).cast(pa.int32()), NO_DAY)
    return {
        "latin": latin(exhibits).astype(np.uint8),
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
        "day": day.to_numpy(),
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
    block = b"".join([len(described).to_bytes(4, "little"), described, *parts])
    return base64.b64encode(gzip.compress(block, 6, mtime=0)).decode("ascii")
