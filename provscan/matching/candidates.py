"""Candidates: which licensed texts may stand in a record, and where.

Two generators. *Whole records* of up to :data:`SHORT` code points: the exact canonical text, and LSH bands of the
MinHash signature. *Passages* in records of any length: chains of pairs of seeds, see :mod:`provscan.kernels.chaining`.
A short record goes through both, so that no length lies between them.

What is frequent costs bounded time, however large the index. Of the texts that share one band, the first
:data:`BAND_CAP` are looked at; of the places that share a pair of seeds, the first :data:`SEED_CAP`; a record keeps
its :data:`MOST` best whole candidates. A template that thousands of tweets share is thereby still found, as one of its
early variants, and an exact copy as itself: a record by its key, a stretch inside one by the keys of the stretches
around the match of another variant. Look-ups that were cut short are counted. All this holds for each segment by
itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from provscan.index import SIZE_UNIT, LookupTables, Sketches, seed_scratch
from provscan.kernels import chaining as chains
from provscan.kernels import minimizers as seed_kernels
from provscan.kernels import postings as kernels
from provscan.kernels import variants as variant_kernels
from provscan.kernels.scratch import scratch_array
from provscan.matching.rows import TruncatedLookups
from provscan.params import IndexParams

SHORT = 512
BAND_CAP = 64
SEED_CAP = 16
# A chain of pairs that more places share needs more of them.
FREQUENT = 4
MOST = 16
# Bits of 128 that the one-bit sketches must agree in. At similarity 0.4 they agree in 90, give or take 5.
AGREE = 77
# Tokens of the text to each seed of a chain: multiples of the index's SIZE_UNIT.
TOKENS_A_SEED = 40
TOKENS_A_FREQUENT_SEED = 20
# Room for the candidates of the texts that are scanned together, at first.
CANDIDATES_A_SEED = 1
CANDIDATES = 4096
# A match so much alike may be that of another variant of a template, and room for those.
VARIANT_SIMILARITY = 0.8
VARIANTS_A_MATCH = 4

_PLACES = np.array([seed_kernels.place_of(code) for code in range(256)], np.int64)


class Candidates(NamedTuple):
    """Unverified pairs, ordered by record.

    Attributes
    ----------
    record, text
        int64[n]: row of the record, text in the segment.
    code, place
        int64[n]: a code point of the record's canonical text and a token place in the licensed text that lie on one
        diagonal; ``code`` is -1 where the whole record is meant.
    """

    record: np.ndarray
    text: np.ndarray
    code: np.ndarray
    place: np.ndarray


NONE = Candidates(*(np.zeros(0, np.int64) for _ in range(4)))


def whole_records(rows: np.ndarray, sketches: Sketches, segment: LookupTables, skipped: TruncatedLookups) -> Candidates:
    """Candidates of whole records; row ``rows[i]`` has sketch ``i``."""
    if len(rows) == 0:
        return NONE
    table = (*segment.exact, *segment.bands, segment.sketches)
    room = len(rows) * MOST
    record, text = np.empty(room, np.int64), np.empty(room, np.int64)
    best = (np.empty(MOST, np.int64), np.empty(MOST, np.int64))
    counters = np.zeros(4, np.int64)
    n = kernels.whole_candidates(
        0, len(rows), sketches.keys, sketches.bands, sketches.bits, table,
        BAND_CAP, AGREE, MOST, best, record, text, 0, counters,
    )  # fmt: skip
    skipped.bands_cut += int(counters[0])
    record, text = rows[record[:n]], text[:n]
    return Candidates(record, text, np.full(n, -1, np.int64), np.zeros(n, np.int64))


def passages(
    codes: np.ndarray,
    offsets: np.ndarray,
    params: IndexParams,
    segments: tuple[LookupTables, ...],
    skipped: TruncatedLookups,
) -> list[Candidates]:
    """Candidates inside records, for each segment."""
    count = len(offsets) - 1
    longest = int(np.diff(offsets).max(initial=0))
    size = 2 * (int(offsets[-1]) - int(offsets[0])) + 2
    keys = scratch_array("seeds", size, np.uint32)
    tokens, places = scratch_array("tokens", size, np.int32), scratch_array("places", size, np.int32)
    bounds = np.empty(count + 1, np.int64)
    seed_kernels.seeds_of(
        codes, offsets, 0, count, params.seed_length, params.seed_window, seed_scratch(longest),
        keys, tokens, places, bounds,
    )  # fmt: skip
    return [_chains(keys, tokens, places, bounds, segment, skipped) for segment in segments]


def _chains(
    keys: np.ndarray,
    tokens: np.ndarray,
    places: np.ndarray,
    bounds: np.ndarray,
    segment: LookupTables,
    skipped: TruncatedLookups,
) -> Candidates:
    count = len(bounds) - 1
    room = CANDIDATES_A_SEED * int(bounds[-1]) + CANDIDATES
    while True:
        state = (np.full((1 << chains.CHAIN_BITS, 4), -1, np.int32), segment.text_sizes, _PLACES)
        out = scratch_array("candidates", 4 * room, np.int64).reshape(-1, 4)
        counters = np.zeros(4, np.int64)
        n = chains.seed_candidates(
            keys, tokens, places, bounds, 0, count, segment.seeds.looked_up(), (SEED_CAP, FREQUENT), state,
            (TOKENS_A_SEED // SIZE_UNIT, TOKENS_A_FREQUENT_SEED // SIZE_UNIT), out, 0, counters,
        )  # fmt: skip
        if n <= room:
            break
        # Templates by the thousand: once more, with room for all.
        room = n
    skipped.seeds_cut += int(counters[1])
    return Candidates(*(column.copy() for column in out[:n].T))


def exact_variants(
    codes: np.ndarray,
    offsets: np.ndarray,
    matched: tuple[np.ndarray, np.ndarray, np.ndarray],
    segment: LookupTables,
) -> Candidates:
    """Texts that equal a stretch around a match of another one: see :mod:`provscan.kernels.variants`.

    ``matched`` holds the matches' records, spans and similarities.
    """
    record, span, similarity = matched
    room = VARIANTS_A_MATCH * len(record)
    row, text, code = (np.empty(room, np.int64) for _ in range(3))
    n = variant_kernels.variants(
        codes, offsets, record, span, similarity, VARIANT_SIMILARITY, tuple(segment.exact), MOST,
        row, text, code, np.zeros(1, np.int64),
    )  # fmt: skip
    if n == 0:
        return NONE
    _, kept = np.unique(np.stack([record[row[:n]], text[:n], code[:n]]), axis=1, return_index=True)
    return Candidates(record[row[kept]], text[kept], code[kept], np.zeros(len(kept), np.int64))


def merged(whole: Candidates, inside: Candidates) -> Candidates:
    """Both kinds, ordered by record and text; a pair that has a diagonal is not compared as a whole as well."""
    record, text, code, place = (np.concatenate(pair) for pair in zip(whole, inside, strict=True))
    pair = record << 24 | text
    order = np.lexsort((-code, pair))
    pair, code = pair[order], code[order]
    first = np.ones(len(pair), bool)
    first[1:] = pair[1:] != pair[:-1]
    kept = first | (code >= 0)
    order = order[kept]
    return Candidates(record[order], text[order], code[kept], place[order])
