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
from provscan.blind.kernels import Hits, Pairs
from provscan.blind.params import BlindLimits
from provscan.kernels.records import CodeBuffer, Record, frozen
from provscan.matching.matches import LEVELS, STRONG, Matches, nothing
from provscan.matching.overlaps import best_per_place
from provscan.params import MatchParams
from provscan.text import canonical_codes, canonical_mapped

# Initial size of the array of seed hits.
HITS = 1 << 16


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
    equal = _equal(records, pairs, index)
    pairs = Pairs(*map(np.concatenate, zip(pairs, equal, strict=True)))
    rows, similarity, containment = _accepted(pairs, index, params, limits)
    if len(rows.record) == 0:
        found = nothing(characters)
    else:
        spans = _original_spans(text, offsets, rows)
        near = np.where(
            similarity >= STRONG, LEVELS.index("strong"), LEVELS.index("weak")
        )
        level = np.where(rows.equal, LEVELS.index("near_exact"), near).astype(np.uint8)
        found = Matches(
            rows.record,
            spans,
            rows.text,
            level,
            similarity,
            containment,
            characters,
        )
    found.truncated.seeds_cut += cut
    return found


def _pairs(
    records: CodeBuffer, index: BlindIndex, limits: BlindLimits
) -> tuple[Pairs, int]:
    """Return the pairs of :func:`provscan.blind.kernels.compare_fingerprints`, and the
    number of truncated look-ups.
    """
    length, most = index.params.seed_length, index.params.fingerprints
    room = np.empty(int(np.diff(records.offsets).max(initial=0)) + 1, np.uint64)
    room_for = HITS
    while True:
        hits = Hits(*(np.empty(room_for, np.int64) for _ in Hits._fields))
        n, cut = kernels.find_seeds(
            records,
            length,
            index.keys.seeds,
            index.table,
            limits.seed_texts,
            room,
            hits,
        )
        if n <= room_for:
            break
        room_for = n
    hits = _taken(hits, slice(n))
    hits = _taken(
        hits, np.lexsort((hits.place - hits.text_place, hits.text, hits.record))
    )
    longest = int(index.texts.lengths.max(initial=0))
    out = Pairs(*(np.empty(n, np.int64) for _ in Pairs._fields))._replace(
        span=np.empty((n, 2), np.int64), equal=np.empty(n, np.bool_)
    )
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
    return _taken(out, slice(n)), int(cut)


def _taken(rows: Record, which: np.ndarray | slice) -> Record:
    """Return the chosen rows of a named tuple of columns."""
    return type(rows)(*(column[which] for column in rows))


def _equal(records: CodeBuffer, pairs: Pairs, index: BlindIndex) -> Pairs:
    """Return the pairs of records, or of spans of ``pairs``, and the texts that they
    equal.
    """
    count = len(records.offsets) - 1
    whole = np.stack(
        [np.arange(count), np.zeros(count, np.int64), np.diff(records.offsets)], axis=1
    )
    spans = np.column_stack([pairs.record, pairs.span])
    places = np.unique(np.concatenate([whole, spans]), axis=0)
    record, span = places[:, 0], places[:, 1:]
    lengths = span[:, 1] - span[:, 0]
    filled = lengths > 0
    record, span, lengths = record[filled], span[filled], lengths[filled]
    ranges = records.offsets[record][:, None] + span
    hashes = np.empty(len(record), np.uint32)
    kernels.whole_hashes(records.codes, ranges, index.keys.texts, hashes)
    numbers = _with_hash(index, hashes, lengths)
    found = np.flatnonzero(numbers >= 0)
    # Equality replaces fingerprints and seeds. With equal counts of fingerprints, the
    # containment is 1.
    ones = np.ones(len(found), np.int64)
    return Pairs(
        record=record[found],
        text=numbers[found],
        span=span[found],
        agree=ones,
        fingerprints=ones,
        equal=ones > 0,
        rare=ones,
        common=ones,
    )


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
    pairs: Pairs, index: BlindIndex, params: MatchParams, limits: BlindLimits
) -> tuple[Pairs, np.ndarray, np.ndarray]:
    """Return the pairs that are matches, one text per place, with similarity and
    containment, float64[n] each.
    """
    equal = pairs.equal
    length = index.texts.lengths[pairs.text].astype(np.int64)
    grams = np.maximum(1, length - kernels.GRAM + 1)
    containment = np.where(equal, 1.0, pairs.agree / pairs.fingerprints)
    common = containment * grams
    span = np.maximum(1, pairs.span[:, 1] - pairs.span[:, 0] - kernels.GRAM + 1)
    similarity = np.minimum(1.0, common / np.maximum(1.0, grams + span - common))
    similarity[equal] = 1.0
    margin = np.where(equal | (pairs.fingerprints == grams), 0.0, limits.margin)
    least = max(params.min_chars, limits.min_chars)
    kept = (containment >= params.min_containment + margin) & (
        similarity >= params.threshold + margin
    )
    kept &= (common + kernels.GRAM - 1 >= least * (1 + margin)) & (length >= least)
    # Drop pairs with only common seeds.
    kept &= equal | (pairs.rare > 0)
    rows = _taken(pairs, kept)
    similarity, containment = similarity[kept], containment[kept]
    # Of two texts at one place, choose the closer one and, if both are equally close,
    # the one with the earlier tweet, which is assumed to have the smaller id.
    age = index.ids.numbers.take(rows.text)
    score = 2 * common[kept] - 0.5 * (grams + span)[kept]
    order = np.lexsort((rows.text, age, -similarity, ~rows.equal, -score, rows.record))
    free = np.flatnonzero(best_per_place(rows.record, rows.span, order))
    by_place = np.lexsort((rows.text[free], rows.span[free, 0], rows.record[free]))
    chosen = free[by_place]
    return _taken(rows, chosen), similarity[chosen], containment[chosen]


def _original_spans(text: np.ndarray, offsets: np.ndarray, rows: Pairs) -> np.ndarray:
    """Return the spans in code points of the original records, int64[n, 2]."""
    spans = np.empty_like(rows.span)
    for record in np.unique(rows.record).tolist():
        mapped = canonical_mapped(text[offsets[record] : offsets[record + 1]].tobytes())
        matches = np.flatnonzero(rows.record == record)
        spans[matches, 0] = mapped.start[rows.span[matches, 0]]
        spans[matches, 1] = mapped.end[rows.span[matches, 1] - 1]
    return spans
