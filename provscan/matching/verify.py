"""Turn candidates into verified matches.

:func:`agreeing` rejects most candidates for passages by a cheap test. :func:`verify`
compares the other candidates with their licensed texts
(:mod:`provscan.kernels.search.verify`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from provscan.index import LookupTables
from provscan.kernels.records import (
    Candidates,
    CodeBuffer,
    Grams,
    Thresholds,
    VerifiedRows,
)
from provscan.kernels.scratch import scratch_array
from provscan.kernels.search import fingerprints as fingerprint_kernels
from provscan.kernels.search import grams as gram_kernels
from provscan.kernels.search import verify as kernels
from provscan.params import FEW_CHARS, FEW_MISSING, MatchParams

# The minimum length of a stretch if ``partial_chars`` is 0; no stretch is that long.
NO_STRETCH = 1 << 40


class VerifiedCandidates(NamedTuple):
    """Verified pairs of a record and a licensed text."""

    record: np.ndarray  # int64[n].
    text: np.ndarray  # int64[n]: the id of the licensed text in the reader.
    span: np.ndarray  # int64[n, 2]: the span in the record's canonical text.
    copied: np.ndarray  # int64[n, 2]: the stretch of the licensed text in this span.
    # int32[n, 3]: how many distinct 5-grams are in common, in the licensed text, and in
    # the span.
    grams: np.ndarray
    similarity: np.ndarray  # float64[n].
    way: np.ndarray  # uint8[n]: a way to match; see `provscan.kernels.search.verify`.
    respaced: np.ndarray  # bool[n]: see `provscan.matching.spacing`.

    def take(self, rows: np.ndarray) -> VerifiedCandidates:
        return VerifiedCandidates(*(column[rows] for column in self))


def grams_of(texts: CodeBuffer, purpose: str) -> Grams:
    """Return code points with the hashes of their 5-grams. The hashes are valid until
    the same thread calls this again for the same ``purpose``.
    """
    hashes = scratch_array(f"grams of {purpose}", len(texts.codes), np.uint32)
    gram_kernels.gram_hashes(texts.codes, hashes)
    return Grams(texts.codes, hashes, texts.offsets)


def thresholds(params: MatchParams) -> Thresholds:
    shares = float(params.threshold), float(params.min_containment)
    stretch = (
        max(int(params.partial_chars), int(params.min_chars))
        if params.partial_chars
        else NO_STRETCH
    )
    return Thresholds(*shares, int(params.min_chars), stretch, FEW_CHARS, FEW_MISSING)


def agreeing(
    records: Grams,
    candidates: Candidates,
    segment: LookupTables,
    longest: int,
    params: MatchParams,
) -> Candidates:
    """Return the candidates for passages in which the wording around the seed agrees
    with the licensed text. No licensed text has more than ``longest`` bytes.
    """
    if len(candidates.record) == 0:
        return candidates
    fingerprints = scratch_array(
        "fingerprints",
        len(records.codes) + len(records.offsets) * fingerprint_kernels.GAP,
        np.uint8,
    )
    fingerprint_kernels.fingerprints(records.codes, records.offsets, fingerprints)
    kept = np.empty(len(candidates.record), np.int64)
    count = fingerprint_kernels.agreeing(
        fingerprint_kernels.FingerprintedRecords(
            records.codes, records.offsets, fingerprints
        ),
        segment.texts.record,
        candidates,
        thresholds(params),
        fingerprint_kernels.fingerprints_scratch(longest),
        kept,
    )
    rows = kept[:count]
    return Candidates(*(column[rows].astype(np.int64) for column in candidates))


def verified_rows(
    records: Grams,
    texts: CodeBuffer,
    candidates: Candidates,
    params: MatchParams,
    failed: bool,
) -> VerifiedRows:
    """Compare each candidate with its licensed text, ``texts[i]``. Return the matches,
    or, with `failed`, all candidates.
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
    """Return the candidates that match, except texts whose tweets are all forgotten."""
    if segment.living is not None:
        living = segment.living[candidates.text]
        candidates = Candidates(*(column[living] for column in candidates))
    texts = CodeBuffer(*segment.texts.codes(candidates.text))
    out = verified_rows(records, texts, candidates, params, failed=False)
    text = segment.first + candidates.text[out.candidate]
    respaced = np.zeros(len(text), np.bool_)
    return VerifiedCandidates(
        record=candidates.record[out.candidate],
        text=text,
        span=out.span,
        copied=out.copied,
        grams=out.grams,
        similarity=out.similarity,
        way=out.way,
        respaced=respaced,
    )
