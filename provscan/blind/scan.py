"""Search with a blind index: seeds find places, fingerprints measure how much is
copied, and keyed hashes recognise equal texts.

:func:`scan_blind` runs the whole search. Similarity and containment are estimated from
fingerprints. A span is given in code points of the original text. Whether the original
equals the tweet exactly is unknown, so no match has the level ``exact``.
"""

from __future__ import annotations

import numpy as np

from provscan.blind import kernels
from provscan.blind.index import BlindIndex
from provscan.blind.params import BlindLimits
from provscan.kernels.records import CodeBuffer, frozen
from provscan.matching.matches import LEVELS, STRONG, Matches, nothing
from provscan.matching.overlaps import best_per_place
from provscan.params import MatchParams
from provscan.text import canonical_codes, canonical_mapped

# Initial size of the array of seed hits.
HITS = 1 << 16
# Columns of a row: the record, the number of the licensed text, the span in canonical
# code points, the numbers of agreeing fingerprints and of all fingerprints, whether the
# texts are equal, and the numbers of rare and common seeds.
_RECORD, _TEXT, _START, _END, _AGREE, _FINGERPRINTS, _EQUAL, _RARE, _COMMON = range(9)


def scan_blind(
    text: np.ndarray,
    offsets: np.ndarray,
    index: BlindIndex,
    params: MatchParams,
    limits: BlindLimits,
) -> Matches:
    """Find the matches in the texts of a text buffer (see
    :mod:`provscan.text_buffers`), ordered by text and place.

    ``limits`` are the requirements of a match in addition to the thresholds of
    ``params``.
    """
    codes, code_offsets, characters = canonical_codes(text, offsets)
    records = frozen(CodeBuffer(codes, code_offsets))
    pairs, cut = _pairs(records, index, limits)
    pairs = np.concatenate([pairs, _equal(records, pairs, index)])
    rows, similarity, containment = _accepted(pairs, index, params, limits)
    if len(rows) == 0:
        found = nothing(characters)
    else:
        spans = _original_spans(text, offsets, rows)
        near = np.where(
            similarity >= STRONG, LEVELS.index("strong"), LEVELS.index("weak")
        )
        level = np.where(rows[:, _EQUAL] > 0, LEVELS.index("near_exact"), near).astype(
            np.uint8
        )
        found = Matches(
            rows[:, _RECORD],
            spans,
            rows[:, _TEXT],
            level,
            similarity,
            containment,
            characters,
        )
    found.truncated.seeds_cut += cut
    return found


def _pairs(
    records: CodeBuffer, index: BlindIndex, limits: BlindLimits
) -> tuple[np.ndarray, int]:
    """Return the rows of :func:`provscan.blind.kernels.compare_fingerprints`, and the
    number of truncated look-ups.
    """
    length, most = index.params.seed_length, index.params.fingerprints
    room = np.empty(int(np.diff(records.offsets).max(initial=0)) + 1, np.uint64)
    hits = np.empty((HITS, 5), np.int64)
    while True:
        n, cut = kernels.find_seeds(
            records,
            length,
            index.keys.seeds,
            index.table,
            limits.seed_texts,
            room,
            hits,
        )
        if n <= len(hits):
            break
        hits = np.empty((n, 5), np.int64)
    hits = hits[:n]
    hits = hits[np.lexsort((hits[:, 2] - hits[:, 3], hits[:, 1], hits[:, 0]))]
    longest = int(index.texts.lengths.max(initial=0))
    out = np.empty((len(hits), 9), np.int64)
    n = kernels.compare_fingerprints(
        records,
        hits,
        index.texts,
        most,
        index.keys,
        np.empty(longest + 4 * kernels.REACH, np.uint8),
        np.empty(most + 1, np.int64),
        out,
    )
    return out[:n], int(cut)


def _equal(records: CodeBuffer, pairs: np.ndarray, index: BlindIndex) -> np.ndarray:
    """Return the records and the spans of ``pairs`` that equal a text, as rows like
    ``pairs``.
    """
    count = len(records.offsets) - 1
    whole = np.stack(
        [np.arange(count), np.zeros(count, np.int64), np.diff(records.offsets)], axis=1
    )
    places = np.unique(
        np.concatenate([whole, pairs[:, [_RECORD, _START, _END]]]), axis=0
    )
    places = places[places[:, 2] > places[:, 1]]
    ranges = records.offsets[places[:, :1]] + places[:, 1:]
    hashes = np.empty(len(places), np.uint32)
    kernels.whole_hashes(records.codes, ranges, index.keys.texts, hashes)
    numbers = _with_hash(index, hashes, places[:, 2] - places[:, 1])
    found = np.flatnonzero(numbers >= 0)
    rows = np.ones((len(found), 9), np.int64)
    rows[:, [_RECORD, _START, _END]], rows[:, _TEXT] = places[found], numbers[found]
    return rows


def _with_hash(
    index: BlindIndex, hashes: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """Return the numbers of the texts with the given hashes and lengths, or -1."""
    texts = index.texts
    if len(texts.hashes) == 0:
        return np.full(len(hashes), -1)
    last = len(texts.hashes) - 1
    numbers = np.searchsorted(texts.hashes, hashes)
    while True:
        place = np.minimum(numbers, last)
        same = (numbers <= last) & (texts.hashes[place] == hashes)
        # Texts with equal hashes are adjacent, and rarely have two lengths.
        other = same & (texts.lengths[place] != lengths)
        if not other.any():
            return np.where(same, numbers, -1)
        numbers += other


def _accepted(
    pairs: np.ndarray, index: BlindIndex, params: MatchParams, limits: BlindLimits
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows that are matches, one text per place, with similarity and
    containment.
    """
    length = index.texts.lengths[pairs[:, _TEXT]].astype(np.int64)
    grams = np.maximum(1, length - kernels.GRAM + 1)
    equal = pairs[:, _EQUAL] > 0
    containment = np.where(equal, 1.0, pairs[:, _AGREE] / pairs[:, _FINGERPRINTS])
    common = containment * grams
    span = np.maximum(1, pairs[:, _END] - pairs[:, _START] - kernels.GRAM + 1)
    similarity = np.minimum(1.0, common / np.maximum(1.0, grams + span - common))
    similarity[equal] = 1.0
    margin = np.where(equal | (pairs[:, _FINGERPRINTS] == grams), 0.0, limits.margin)
    least = max(params.min_chars, limits.min_chars)
    kept = (containment >= params.min_containment + margin) & (
        similarity >= params.threshold + margin
    )
    kept &= (common + kernels.GRAM - 1 >= least * (1 + margin)) & (length >= least)
    # Drop pairs with only common seeds.
    kept &= equal | (pairs[:, _RARE] > 0)
    rows, similarity, containment = pairs[kept], similarity[kept], containment[kept]
    # Of two texts at one place, choose the closer one and, if both are equally close,
    # the one with the earlier tweet, which is assumed to have the smaller id.
    age = index.ids.numbers.take(rows[:, _TEXT])
    score = 2 * common[kept] - 0.5 * (grams + span)[kept]
    order = np.lexsort(
        (rows[:, _TEXT], age, -similarity, -rows[:, _EQUAL], -score, rows[:, _RECORD])
    )
    spans = np.ascontiguousarray(rows[:, [_START, _END]])
    free = best_per_place(np.ascontiguousarray(rows[:, _RECORD]), spans, order)
    rows, similarity, containment = rows[free], similarity[free], containment[free]
    order = np.lexsort((rows[:, _TEXT], rows[:, _START], rows[:, _RECORD]))
    return rows[order], similarity[order], containment[order]


def _original_spans(
    text: np.ndarray, offsets: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return the spans in code points of the original records, int64[n, 2]."""
    spans = np.empty((len(rows), 2), np.int64)
    for record in np.unique(rows[:, _RECORD]).tolist():
        mapped = canonical_mapped(text[offsets[record] : offsets[record + 1]].tobytes())
        matches = np.flatnonzero(rows[:, _RECORD] == record)
        spans[matches, 0] = mapped.start[rows[matches, _START]]
        spans[matches, 1] = mapped.end[rows[matches, _END] - 1]
    return spans
