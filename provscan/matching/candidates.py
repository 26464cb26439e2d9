"""Find candidates: licensed texts that may be in a record, and where.

There are two generators. *Whole records* of limited length are looked up by their exact
canonical text and by LSH bands of their MinHash signature (:func:`whole_records`).
*Passages* in records of any length are found by seeds (:func:`passages`). Both are
applied to short records.

Looking up a frequent key takes bounded time, however large the index is
(:class:`provscan.params.SearchLimits`). If thousands of tweets are variants of one
template, a copy of one variant may therefore be found only as another variant, which
comes earlier in the index. An exact copy still matches its own variant: a whole record
is found by its key, and a passage by the keys of stretches around the match of another
variant (:func:`variants`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from provscan.index import (
    LookupTables,
    seed_params,
    seed_scratch,
)
from provscan.kernels.records import Candidates, CodeBuffer, Seeds, Sketches, counters
from provscan.kernels.scratch import scratch_array
from provscan.kernels.search import minimizers, seeding
from provscan.kernels.search import whole_records as whole_kernels
from provscan.kernels.search.variants import MatchedPlaces
from provscan.matching.matches import TruncatedLookups
from provscan.matching.verify import VerifiedCandidates
from provscan.params import IndexParams, SearchLimits

# At first, memory is allocated for this number of candidates, plus one per seed.
CANDIDATES = 4096

_PLACES = np.array([minimizers.place_of(code) for code in range(256)], np.int64)
_PLACES.flags.writeable = False


def _new_candidates(count: int) -> Candidates:
    return Candidates(*(np.empty(count, np.int64) for _ in Candidates._fields))


NONE = _new_candidates(0)


def whole_records(
    rows: np.ndarray,
    sketches: Sketches,
    segment: LookupTables,
    limits: SearchLimits,
    truncated: TruncatedLookups,
) -> Candidates:
    """Return candidates for whole records. Sketch ``i`` belongs to ``rows[i]``."""
    if len(rows) == 0:
        return NONE
    bounds = whole_kernels.WholeLimits(
        limits.band_texts, limits.sketch_minima, limits.whole_candidates
    )
    scratch = whole_kernels.whole_scratch(
        sketches.bands.shape[1], limits.whole_candidates
    )
    found = _new_candidates(len(rows) * limits.whole_candidates)
    count = counters()
    n = whole_kernels.whole_candidates(
        sketches, segment.whole, bounds, scratch, found, count
    )
    truncated.bands_cut += int(count.bands_cut[0])
    return Candidates(
        rows[found.record[:n]],
        found.text[:n],
        np.full(n, -1, np.int64),
        np.zeros(n, np.int64),
    )


def seeds_of(records: CodeBuffer, params: IndexParams, *, wide: bool = False) -> Seeds:
    """Return the seeds of canonical texts, valid until the same thread calls this
    again (:mod:`provscan.kernels.scratch`). ``wide`` tables need the checks of the
    seeds.
    """
    size = 2 * (int(records.offsets[-1]) - int(records.offsets[0])) + 2
    seeds = Seeds(
        scratch_array("keys of seeds", size, np.uint32),
        scratch_array("checks of seeds", size if wide else 0, np.uint8),
        scratch_array("codes of seeds", size, np.int32),
        np.empty(len(records.offsets), np.int64),
    )
    longest = int(np.diff(records.offsets).max(initial=0))
    minimizers.seeds_of(records, seed_params(params), seed_scratch(longest), seeds)
    return seeds


def seed_keys(text: str, params: IndexParams) -> npt.NDArray[np.uint32]:
    """Return the keys of the seeds of one canonical text."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    seeds = seeds_of(CodeBuffer(codes, np.array([0, len(codes)], np.int64)), params)
    return seeds.keys[: seeds.bounds[-1]].copy()


def passages(
    seeds: Seeds,
    segment: LookupTables,
    limits: SearchLimits,
    truncated: TruncatedLookups,
) -> Candidates:
    """Return candidates for passages, valid until the same thread calls this again
    (:mod:`provscan.kernels.scratch`).
    """
    scratch = seeding.seeding_scratch(limits.seed_places)
    room = int(seeds.bounds[-1]) + CANDIDATES
    while True:
        found = Candidates(
            *scratch_array("candidates", 4 * room, np.int32).reshape(4, -1)
        )
        count = counters()
        n = seeding.seed_candidates(
            seeds, segment.seeds, limits.seed_places, _PLACES, scratch, found, count
        )
        if n <= room:
            break
        # There are more candidates than there is room for, so repeat with more room.
        room = n
    truncated.seeds_cut += int(count.seeds_cut[0])
    return Candidates(*(column[:n] for column in found))


def variants(
    records: CodeBuffer,
    matches: VerifiedCandidates,
    segment: LookupTables,
    limits: SearchLimits,
) -> Candidates:
    """Find licensed texts that equal a stretch of a record around a match of another
    text (:mod:`provscan.kernels.search.variants`).
    """
    places = MatchedPlaces(matches.record, matches.span, matches.similarity)
    found = segment.variants(records, places, limits)
    return _distinct(matches.record[found.match], found.text, found.start)


def _distinct(record: np.ndarray, text: np.ndarray, code: np.ndarray) -> Candidates:
    if len(record) == 0:
        return NONE
    _, kept = np.unique(np.stack([record, text, code]), axis=1, return_index=True)
    return Candidates(
        record[kept], text[kept], code[kept], np.zeros(len(kept), np.int64)
    )


def merged(whole: Candidates, inside: Candidates) -> Candidates:
    """Merge candidates for whole records and for passages, ordered by record and text.
    If a pair is among both, only its candidates for passages are kept.
    """
    record, text, code, place = (
        np.concatenate(pair) for pair in zip(whole, inside, strict=True)
    )
    pair = record << 32 | text
    order = np.lexsort((-code, pair))
    pair, code = pair[order], code[order]
    first = np.ones(len(pair), bool)
    first[1:] = pair[1:] != pair[:-1]
    kept = first | (code >= 0)
    order = order[kept]
    return Candidates(record[order], text[order], code[kept], place[order])
