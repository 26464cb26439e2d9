"""Pack exhibits into compressed blocks that the page unpacks one by one.

A block is JSON, as gzip in base64. The first block contains the columns by which
exhibits are filtered and sorted; each other block contains the ids, the texts and the
differences of :data:`CHUNK` exhibits. The page can therefore be used as soon as two
blocks are unpacked.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Flags, Floats, Numbers
from provscan.ordered_map import ordered_map
from provscan.report import wording
from provscan.report.differences import WordDifferences
from provscan.report.files import Review
from provscan.runs.evidence.tables import with_digests

# The bits of the column ``flags``.
COUNTED, COMMON, LINK, KNOWN = 1, 2, 4, 8
# Fields of a row, in this order: passages compress best next to their tweets.
FIELDS = ("record_id", "tweet_id", "author", "before", "after", "passage", "tweet")
CODED = ("level", "source", "field", "author", "lang")
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


def without_texts(exhibits: pa.Table) -> pa.Table:
    """Return exhibits with digests of their texts, and without authors."""
    authors = pa.nulls(len(exhibits), exhibits["author"].type)
    return _replaced(with_digests(exhibits), "author", authors)


def displayed(exhibits: pa.Table, *, digests: bool) -> pa.Table:
    """Return exhibits with the texts that a page may contain: with less context if
    there are many exhibits, and without texts if ``digests`` (:func:`without_texts`).
    """
    around = AROUND if len(exhibits) <= SMALL else AROUND_IN_LARGE
    exhibits = without_texts(exhibits) if digests else exhibits
    before = pc.utf8_slice_codeunits(exhibits["before"], -around)
    after = pc.utf8_slice_codeunits(exhibits["after"], 0, around)
    return _replaced(_replaced(exhibits, "before", before), "after", after)


def latin(exhibits: pa.Table) -> Flags:
    """Return, for each exhibit, whether at least half of the letters of its passage are
    Latin; False without texts.
    """

    def number(letters: str) -> Numbers:
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
    ``records`` contains the record count of each source, or is None if records are not
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
    yield _block({**header, **columns})
    chunks = (
        exhibits.slice(low, CHUNK) for low in range(0, max(1, len(exhibits)), CHUNK)
    )
    yield from ordered_map(_packed, chunks, WORKERS)


def _packed(exhibits: pa.Table) -> str:
    """Return the block of ids and texts of some exhibits."""
    compare = WordDifferences()
    rows = exhibits.select([*FIELDS, "has_text"]).to_pylist()
    runs = []
    for row in rows:
        known = row["has_text"] = bool(row["has_text"]) and row["passage"] is not None
        both = compare.runs(row["passage"], row["tweet"]) if known else ()
        runs.append([each.tolist() for each in both])
    return _block(
        {
            "fields": [[row[name] or "" for name in FIELDS] for row in rows],
            "has_text": [row["has_text"] for row in rows],
            "runs": runs,
        }
    )


def _columns(exhibits: pa.Table, names: dict[str, list[Any]]) -> dict[str, list[int]]:
    """Return the columns by which exhibits are filtered and sorted; ``names`` receives
    the values of the codes.
    """

    def values(name: str, null: float) -> Floats:
        return pc.fill_null(exhibits[name].cast(pa.float64()), float(null)).to_numpy()

    def codes(name: str) -> Numbers:
        known = pc.fill_null(exhibits[name].cast(pa.string()), "").combine_chunks()
        coded = known.dictionary_encode()
        order = pc.sort_indices(coded.dictionary).to_numpy()
        names[name] = coded.dictionary.take(pa.array(order)).to_pylist()
        return np.argsort(order)[coded.indices.to_numpy()]

    bits = values("bits", -1)
    time = exhibits["time"]
    columns = {
        "latin": latin(exhibits),
        "flags": COUNTED * values("counted", 0)
        + COMMON * values("common", 0)
        + KNOWN * values("known", 0)
        + LINK * pc.is_valid(exhibits["permalink"]).to_numpy(),
        "similarity": np.rint(values("similarity", 0) * 1000),
        "containment": np.rint(values("containment", 0) * 1000),
        "bits": np.where(
            bits < 0, UNKNOWN, np.minimum(np.rint(bits * 10), UNKNOWN - 1)
        ),
        "record": values("record", 0),
        "start": values("start", 0),
        "length": values("end", 0) - values("start", 0),
        "tweets": values("tweets", 0),
        "day": pc.fill_null(time.cast(pa.date32()).cast(pa.int32()), NO_DAY).to_numpy(),
        "year": pc.fill_null(pc.year(time), 0).to_numpy(),
        **{name: codes(name) for name in CODED},
    }
    return {name: each.astype(np.int64).tolist() for name, each in columns.items()}


def _block(values: dict[str, Any]) -> str:
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate in a note becomes a JSON escape.
    block = text.encode("utf-8", "backslashreplace")
    return base64.b64encode(gzip.compress(block, 6, mtime=0)).decode("ascii")
