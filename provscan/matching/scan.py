"""Scan texts for matches (:func:`scan_texts`). The matches depend only on the texts,
the reader and the parameters.

Texts up to the size of a block are scanned whole, thousands at a time. A longer text is
cut into overlapping blocks, which are scanned separately, so memory does not grow with
the length of a text. Each position in the text is owned by one block, and a match
counts only in the block that owns its start.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from provscan.index import IndexReader, Strings, sketch_texts
from provscan.kernels.canonical.utf8 import code_points
from provscan.kernels.records import CodeBuffer
from provscan.matching import candidates as generators
from provscan.matching.liftover import Chunked, liftover
from provscan.matching.matches import COLUMNS, Matches, TruncatedLookups, nothing
from provscan.matching.overlaps import without_overlaps
from provscan.matching.spacing import respaced
from provscan.matching.verify import (
    VerifiedCandidates,
    agreeing,
    grams_of,
    verify,
)
from provscan.params import MatchParams
from provscan.text import canonical_codes, chunks, encoded
from provscan.text.hooks import prepared_buffers

# A copy of a short text is assumed to extend over at most this number of bytes.
SHORT_COPY = 16 << 10
# The minimum size in bytes of the chunks in which texts are made canonical.
CHUNK = 2 << 10
# The maximum number of texts and bytes that kernels process per call. With a quarter of
# this size, the overhead of calls makes a scan a fifth slower.
TEXTS = 16384
BYTES = 4 << 20


def scan_texts(
    text: np.ndarray, offsets: np.ndarray, reader: IndexReader, params: MatchParams
) -> Matches:
    """Return the matches in the texts of a text buffer
    (:mod:`provscan.text_buffers`), ordered by text and start.
    """
    reader.require_hook()
    if reader.hook is not None:
        text, offsets = prepared_buffers((text, offsets), reader.hook)
    block = params.limits.block_bytes
    groups = list(_groups(offsets, block))
    parts = [
        _scan_long(text, int(offsets[low]), int(offsets[high]), reader, params)
        if high == low + 1 and offsets[high] - offsets[low] > block
        else _scan_short(text, offsets[low : high + 1], reader, params)
        for low, high in groups
    ]
    return _joined(parts, [low for low, _ in groups])


def _groups(offsets: np.ndarray, block: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of texts to scan together. A text longer than ``block`` is always
    alone.
    """
    count = len(offsets) - 1
    low = 0
    while low < count:
        limit = min(offsets[low] + BYTES, offsets[min(low + TEXTS, count)])
        high = max(low + 1, int(np.searchsorted(offsets, limit, "right")) - 1)
        high = min(high, count, low + TEXTS)
        long = np.flatnonzero(np.diff(offsets[low : high + 1]) > block)
        if len(long):
            high = low + int(long[0]) if long[0] > 0 else low + 1
        yield low, high
        low = high


def _joined(parts: list[Matches], firsts: list[int]) -> Matches:
    if not parts:
        return nothing(np.zeros(0, np.int64))
    truncated = TruncatedLookups()
    for part in parts:
        truncated.add(part.truncated)
    names = (*COLUMNS, "characters")
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in names
    }
    joined = Matches(**columns, truncated=truncated)
    joined.row += np.repeat(firsts, [len(part.row) for part in parts])
    return joined


def _scan_short(
    text: np.ndarray, offsets: np.ndarray, reader: IndexReader, params: MatchParams
) -> Matches:
    """Return the matches in texts that are scanned whole."""
    cuts, firsts = chunks(text, offsets, CHUNK)
    codes, code_offsets, lengths = canonical_codes(text, cuts, firsts)
    points = np.concatenate([[0], np.cumsum(lengths)])
    texts = Chunked(text, cuts, firsts, code_offsets, points)
    truncated = TruncatedLookups()
    rows = _matches(CodeBuffer(codes, code_offsets[firsts]), reader, params, truncated)
    found = (
        nothing(texts.characters)
        if rows is None
        else liftover(texts, rows, reader, params)
    )
    found.truncated = truncated
    return found


def _matches(
    records: CodeBuffer,
    reader: IndexReader,
    params: MatchParams,
    truncated: TruncatedLookups,
) -> VerifiedCandidates | None:
    """Return the matches in canonical texts, ordered by text and start; None if there
    are none.
    """
    parts = _verified(records, reader, params, truncated)
    passages = respaced(records, reader)
    if passages is not None:
        found = _verified(passages.records, reader, params, truncated)
        parts += [passages.placed(part, reader) for part in found]
    return without_overlaps(parts) if sum(len(part.record) for part in parts) else None


def _verified(
    records: CodeBuffer,
    reader: IndexReader,
    params: MatchParams,
    truncated: TruncatedLookups,
) -> list[VerifiedCandidates]:
    """Return the verified candidates in canonical texts, up to two parts for each of
    the reader's tables.
    """
    limits = params.limits
    wide = any(tables.seeds.places.itemsize > 1 for tables in reader.tables)
    seeds = generators.seeds_of(records, reader.params, wide=wide)
    lengths = np.diff(records.offsets)
    short = np.flatnonzero((lengths <= limits.whole_chars) & (lengths > 0))
    sketches = sketch_texts(Strings(*encoded(*records, short)), reader.params)
    grams, longest = grams_of(records, "records"), reader.longest
    parts = []
    for tables in reader.tables:
        # Find candidates for passages and for whole records.
        inside = generators.passages(seeds, tables, limits, truncated)
        whole = generators.whole_records(short, sketches, tables, limits, truncated)
        # Reject most candidates for passages by a cheap test.
        inside = agreeing(grams, inside, tables, longest, params)
        pairs = generators.merged(whole, inside)
        if len(pairs.record) == 0:
            continue
        # Verify the others, and then variants of the texts that matched.
        parts.append(verify(grams, pairs, tables, params))
        variants = generators.variants(records, parts[-1], tables, limits)
        if len(variants.record):
            parts.append(verify(grams, variants, tables, params))
    return parts


class _Block(NamedTuple):
    """A part of a long text: its range of bytes, and the range that it owns."""

    low: int
    high: int
    own_low: int
    own_high: int


def _blocks(
    text: np.ndarray, start: int, stop: int, block: int, overlap: int
) -> Iterator[_Block]:
    """Yield the blocks of ``text[start:stop]``. They are cut at white space if there is
    any nearby, and never inside a character.
    """
    cuts = [start]
    while stop - cuts[-1] > block:
        at = cuts[-1] + block
        tail = text[at - overlap // 4 : at]
        blank = np.flatnonzero((tail == 0x20) | (tail == 0x0A))
        at = (
            at - overlap // 4 + int(blank[-1]) + 1
            if len(blank)
            else _at_character(text, at)
        )
        cuts.append(at)
    cuts.append(stop)
    for own_low, own_high in pairwise(cuts):
        low = (
            start
            if own_low == start
            else _at_character(text, max(start, own_low - overlap))
        )
        high = (
            stop
            if own_high == stop
            else _at_character(text, min(stop, own_high + overlap))
        )
        yield _Block(low, high, own_low, own_high)


def _at_character(text: np.ndarray, at: int) -> int:
    while at < len(text) and text[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _scan_long(
    text: np.ndarray, start: int, stop: int, reader: IndexReader, params: MatchParams
) -> Matches:
    """Return the matches in one long text, block by block."""
    limits = params.limits
    parts = []
    owned_from = 0
    # A copy is assumed to extend over at most this number of bytes.
    reach = max(
        limits.min_overlap_bytes,
        min(8 * reader.longest, SHORT_COPY),
        2 * reader.longest,
    )
    for block in _blocks(
        text, start, stop, limits.block_bytes, min(limits.max_overlap_bytes, reach)
    ):
        found = _scan_short(text, np.array([block.low, block.high]), reader, params)
        before = code_points(text[block.low : block.own_low])
        after = code_points(text[block.own_high : block.high])
        owned_to = owned_from + int(found.characters.sum()) - before - after
        found.span += owned_from - before
        owned = np.flatnonzero(
            (found.span[:, 0] >= owned_from) & (found.span[:, 0] < owned_to)
        )
        found = found.take(owned)
        parts.append(found)
        owned_from = owned_to
    joined = _joined(parts, [0] * len(parts))
    joined.characters = np.array([owned_from])
    return joined
