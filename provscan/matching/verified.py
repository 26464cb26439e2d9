"""Candidates to matches: prefilter, verify, suppress overlaps, lift over.

One verifier for both kinds of candidate (:mod:`provscan.kernels.search.verify`), one
rule for places that several licensed texts fit, one way back to the original record
(:mod:`provscan.kernels.canonical.liftover`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.index import IndexReader, LookupTables, ScanReader
from provscan.kernels.canonical import liftover as liftover_kernels
from provscan.kernels.records import (
    Candidates,
    CodeBuffer,
    Grams,
    Thresholds,
    VerifiedRows,
    frozen,
)
from provscan.kernels.scratch import scratch_array
from provscan.kernels.search import fingerprints as fingerprint_kernels
from provscan.kernels.search import grams as gram_kernels
from provscan.kernels.search import prefilter as prefilter_kernels
from provscan.kernels.search import suppress as suppress_kernels
from provscan.kernels.search import verify as kernels
from provscan.matching.table import LEVELS, STRONG, Matches
from provscan.params import MatchParams
from provscan.text import canonical_codes, scratch
from provscan.text.tables import tables
from provscan.text_buffers import buffers

# Code points of a cell of the grid that tells which matches share a place.
CELL = 64
# A stretch that no text has.
NO_STRETCH = 1 << 40


class VerifiedCandidates(NamedTuple):
    """Verified pairs of a record and a licensed text."""

    # int64[n]: the record, the number of the text in the index.
    record: np.ndarray
    text: np.ndarray
    # int64[n, 2]: the span in the record's canonical text, and what of the text it is a
    # copy of.
    span: np.ndarray
    copied: np.ndarray
    grams: (
        np.ndarray
    )  # int32[n, 3]: distinct 5-grams in common, of the text, of the span.
    similarity: np.ndarray  # float64[n].
    way: (
        np.ndarray
    )  # uint8[n]: what decided, one of the ways of `provscan.kernels.search.verify`.
    letters: np.ndarray  # float64[n, 2], as in `VerifiedRows`.

    def take(self, rows: np.ndarray) -> VerifiedCandidates:
        return VerifiedCandidates(*(column[rows] for column in self))


def grams_of(texts: CodeBuffer, of: str) -> Grams:
    """Code points with 5-gram hashes; the hashes last until the same thread asks again
    for the same ``of``.
    """
    hashes = scratch_array(f"grams of {of}", len(texts.codes), np.uint32)
    gram_kernels.gram_hashes(texts.codes, hashes)
    return Grams(texts.codes, hashes, texts.offsets)


def thresholds(params: MatchParams) -> Thresholds:
    shares = float(params.threshold), float(params.min_containment)
    stretch = (
        max(int(params.partial_chars), int(params.min_chars))
        if params.partial_chars
        else NO_STRETCH
    )
    return Thresholds(*shares, int(params.min_chars), stretch)


def _chosen(candidates: Candidates, kept: np.ndarray) -> Candidates:
    """Those that are kept, which are few: a mask would be read once for each column."""
    rows = np.flatnonzero(kept)
    return Candidates(*(column[rows] for column in candidates))


def agreeing(
    records: Grams,
    candidates: Candidates,
    segment: LookupTables,
    longest: int,
    params: MatchParams,
) -> Candidates:
    """The candidates inside records around whose seeds the wording agrees; no text has
    more than ``longest`` bytes.
    """
    if len(candidates.record) == 0:
        return candidates
    fingerprints = scratch_array(
        "fingerprints",
        len(records.codes) + len(records.offsets) * fingerprint_kernels.GAP,
        np.uint8,
    )
    fingerprint_kernels.fingerprints(records.codes, records.offsets, fingerprints)
    kept = np.empty(len(candidates.record), np.bool_)
    texts, room = (
        (segment.texts.record, segment.numbers),
        fingerprint_kernels.fingerprints_scratch(longest),
    )
    fingerprint_kernels.agreeing(
        (fingerprints, records.offsets),
        texts,
        candidates,
        thresholds(params),
        room,
        kept,
    )
    return _chosen(candidates, kept)


def prefiltered(
    records: Grams,
    candidates: Candidates,
    segment: LookupTables,
    longest: int,
    params: MatchParams,
) -> Candidates:
    if len(candidates.record) == 0:
        return candidates
    kept = np.empty(len(candidates.record), np.bool_)
    room = prefilter_kernels.prefilter_scratch(longest)
    prefilter_kernels.prefilter(
        records, segment.texts.record, candidates, thresholds(params), room, kept
    )
    return _chosen(candidates, kept)


class Comparison(NamedTuple):
    """How a text compares with a licensed text: what
    :func:`provscan.kernels.search.verify.decide` decides, and by what.
    """

    way: str | None  # ``whole`` or ``stretch``; None if it is no match.
    similarity: float
    containment: float
    # In canonical code points, as ``min_chars`` counts them: in common, and of the
    # longest stretch in common.
    letters: float
    stretch: float
    common: int  # Different 5-grams that both have.


def comparison(text: str, licensed: str, params: MatchParams) -> Comparison:
    """Compare two texts, of which the first is a passage that may be a copy of the
    second.
    """
    codes, offsets, _ = canonical_codes(
        *buffers(pa.array([text, licensed], pa.large_string()))
    )
    middle, zero = offsets[1], np.zeros(1, np.int64)
    records = grams_of(CodeBuffer(codes[:middle], offsets[:2]), "records")
    other, whole = (
        CodeBuffer(codes[middle:], offsets[1:] - middle),
        Candidates(zero, zero, zero - 1, zero),
    )
    out = _verified_rows(records, other, whole, params, failed=True)
    (common, of_text, _), (letters, stretch) = (
        out.grams[0].tolist(),
        out.letters[0].tolist(),
    )
    way = {kernels.WHOLE: "whole", kernels.STRETCH: "stretch"}.get(int(out.way[0]))
    return Comparison(
        way, float(out.similarity[0]), common / of_text, letters, stretch, common
    )


def _verified_rows(
    records: Grams,
    texts: CodeBuffer,
    candidates: Candidates,
    params: MatchParams,
    failed: bool,
) -> VerifiedRows:
    """The candidates that are matches, or with `failed` all of them, compared with one
    text each.
    """
    count = len(candidates.record)
    longest_text = int(np.diff(texts.offsets).max(initial=0))
    longest_record = int(np.diff(records.offsets)[candidates.record].max(initial=0))
    out = VerifiedRows(
        np.empty(count, np.int64),
        np.empty((count, 2), np.int64),
        np.empty((count, 2), np.int64),
        np.empty((count, 3), np.int32),
        np.empty(count, np.float64),
        np.empty(count, np.uint8),
        np.empty((count, 2)),
    )
    room = kernels.verify_scratch(longest_record, longest_text)
    n = kernels.verify(
        records,
        grams_of(texts, "texts"),
        candidates,
        thresholds(params),
        room,
        out,
        failed,
    )
    return VerifiedRows(*(column[:n] for column in out))


def verify(
    records: Grams, candidates: Candidates, segment: LookupTables, params: MatchParams
) -> VerifiedCandidates:
    """Compare candidates with their texts; texts whose tweets are all forgotten are
    passed over.
    """
    if segment.living is not None:
        kept = segment.living[candidates.text]
        candidates = Candidates(*(column[kept] for column in candidates))
    texts = CodeBuffer(*segment.texts.codes(candidates.text))
    out = _verified_rows(records, texts, candidates, params, failed=False)
    text = segment.numbered(candidates.text[out.candidate])
    return VerifiedCandidates(candidates.record[out.candidate], text, *out[1:])


def without_overlaps(parts: list[VerifiedCandidates]) -> VerifiedCandidates:
    """The matches of all segments, one licensed text a place, ordered by record and
    place.
    """
    rows = (
        parts[0]
        if len(parts) == 1
        else VerifiedCandidates(*(np.concatenate(c) for c in zip(*parts, strict=True)))
    )
    rows = rows.take(np.flatnonzero(overlap_suppression(rows)))
    return rows.take(np.lexsort((rows.text, rows.span[:, 0], rows.record)))


def overlap_suppression(rows: VerifiedCandidates) -> np.ndarray:
    """Which rows keep their place, bool[n]: one place, one licensed text.

    The better row has the greater ``common - (missing in the span + foreign in the
    span) / 2`` in 5-grams, so a long text that is there wins over a short one inside
    it, and a short one over a long one of which only that much is there; no more is
    missing than is there, so that half of a long text wins over chance inside it. Then
    the greater similarity, then the one that more of the text is a copy of, then the
    lower text.
    """
    common, of_text, of_span = rows.grams.T
    score = common - 0.5 * (np.minimum(of_text - common, common) + of_span - common)
    copied = np.where(
        (rows.copied >= 0).all(axis=1), rows.copied[:, 1] - rows.copied[:, 0], 0
    )
    order = np.lexsort((rows.text, -copied, -rows.similarity, -score, rows.record))
    return with_own_places(rows.record, rows.span, order)


def with_own_places(
    record: np.ndarray, span: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Which rows share their place with no better one, bool[n]; `order` has the better
    ones first, record by record.
    """
    low, high = span[:, 0] // CELL, (span[:, 1] - 1) // CELL + 1
    kept = np.empty(len(order), np.bool_)
    stamps = np.full(int(high.max(initial=0)), -1)
    links, rows = np.empty((2, int((high - low).sum())), np.int64)
    grid = suppress_kernels.Grid(low, high, stamps, np.empty_like(stamps), links, rows)
    suppress_kernels.suppress(record, span, order, grid, kept)
    return kept


def compared(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: IndexReader
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How alike whole texts are to one licensed text each: level, similarity and
    containment, as in a match.

    ``exact`` is not told apart from ``near_exact``.
    """
    grams = np.empty((len(texts), 3), np.int64)
    gram_kernels.compare_rows(*_paired(text, offsets, texts, reader), grams)
    common, of_text, of_span = grams.T
    similarity = common / np.maximum(of_text + of_span - common, 1)
    level = np.where(similarity == 1.0, 1, np.where(similarity >= STRONG, 2, 3)).astype(
        np.uint8
    )
    return level, similarity, common / np.maximum(of_text, 1)


def in_pieces(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: ScanReader
) -> np.ndarray:
    """bool[n]: passages of the i-th licensed text stand in the i-th text in another
    order, or without what was between them.
    """
    flags = np.empty(len(texts), np.bool_)
    gram_kernels.pieces_of_rows(*_paired(text, offsets, texts, reader), flags)
    return flags


def _paired(
    text: np.ndarray, offsets: np.ndarray, texts: np.ndarray, reader: ScanReader
) -> tuple[CodeBuffer, CodeBuffer, gram_kernels.SetScratch]:
    """Texts and one licensed text each, canonical, with room to compare them."""
    codes, code_offsets, _ = canonical_codes(text, offsets)
    licensed = CodeBuffer(*reader.canonical_texts(texts).codes(np.arange(len(texts))))
    longest, longest_text = (
        int(np.diff(each).max(initial=0)) for each in (code_offsets, licensed.offsets)
    )
    return (
        CodeBuffer(codes, code_offsets),
        licensed,
        gram_kernels.set_scratch(longest, longest_text),
    )


def windows(
    rows: VerifiedCandidates, cuts: np.ndarray, offsets: np.ndarray
) -> tuple[VerifiedCandidates, np.ndarray]:
    """Where in a long text matches must be located: the chunks that hold them and one
    more on each side.

    The `rows` are matches in one text, as if it were one record, that was cut into
    chunks at the bytes `cuts`; the canonical text of each begins at `offsets`. The
    result are the same matches in records of their own, and int64[records, 2]: the
    first chunk of each record, and the one after the last.
    """
    last = len(cuts) - 1
    low = np.maximum(np.searchsorted(offsets[:-1], rows.span[:, 0], "right") - 2, 0)
    high = np.minimum(
        np.searchsorted(offsets[:-1], rows.span[:, 1] - 1, "right") + 1, last
    )
    new = np.flatnonzero(np.diff(low, prepend=-1) | np.diff(high, prepend=-1))
    ranges = np.stack([low[new], high[new]], axis=1)
    if (cuts[ranges[:, 1]] - cuts[ranges[:, 0]]).sum() > cuts[last] - cuts[0]:
        # Matches are dense.
        return rows, np.array([[0, last]])
    record = np.searchsorted(new, np.arange(len(low)), "right") - 1
    return rows._replace(
        record=record, span=rows.span - offsets[ranges[record, :1]]
    ), ranges


class Located(NamedTuple):
    """Where the records stand that matches are lifted over to."""

    text: np.ndarray  # uint8[m], UTF-8.
    # int64[n]: where each record begins and ends in it.
    begins: np.ndarray
    ends: np.ndarray
    characters: np.ndarray  # int64: code points of each text that was scanned.


def liftover(
    records: Located, rows: VerifiedCandidates, reader: ScanReader, params: MatchParams
) -> Matches:
    """Spans in the records as they came, levels, and the similarity of just these
    spans.
    """
    raw_texts = reader.raw_texts(rows.text)
    longest = int((records.ends - records.begins)[rows.record].max(initial=0))
    room = liftover_kernels.liftover_scratch(
        scratch(longest),
        scratch(int(np.diff(raw_texts.offsets).max(initial=0))),
        scratch(longest),
    )
    count = len(rows.record)
    out = liftover_kernels.LiftoverOutput(
        np.empty((count, 2), np.int64),
        np.empty((count, 3), np.int32),
        np.empty(count, np.uint8),
    )
    matches = liftover_kernels.LiftoverInput(
        records.text,
        records.begins,
        records.ends,
        rows.record,
        rows.span,
        rows.copied,
        raw_texts.record,
        np.minimum(rows.similarity, params.threshold),
    )
    liftover_kernels.liftover(frozen(matches), tables(), room, out)
    common, of_text, of_span = out.grams.T
    similarity = common / (of_text + of_span - common)
    literal = out.kinds != liftover_kernels.OTHER
    level = np.where(literal, out.kinds, np.where(similarity >= STRONG, 2, 3)).astype(
        np.uint8
    )
    level[rows.way == kernels.STRETCH] = LEVELS.index("partial")
    found = Matches(
        rows.record,
        out.spans,
        rows.text,
        level,
        similarity,
        common / of_text,
        records.characters,
    )
    # An edge that reaches far out may pass the start of the match before.
    return found.take(np.lexsort((out.spans[:, 1], out.spans[:, 0], rows.record)))
