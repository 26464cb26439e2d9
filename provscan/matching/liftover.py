"""Map spans in canonical texts back to spans in the original texts
(:mod:`provscan.kernels.search.liftover`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from provscan.index import IndexReader
from provscan.kernels.records import frozen
from provscan.kernels.search import liftover as liftover_kernels
from provscan.kernels.search import verify as kernels
from provscan.matching.matches import LEVELS, STRONG, Matches
from provscan.matching.verify import VerifiedCandidates
from provscan.params import MatchParams
from provscan.text import scratch
from provscan.text.tables import tables


class Chunked(NamedTuple):
    """Original texts in chunks (see :func:`provscan.text.chunks`). The starts of chunks
    are int64[chunks + 1].
    """

    text: np.ndarray  # uint8[m], UTF-8.
    cuts: np.ndarray  # The starts of the chunks in bytes.
    firsts: np.ndarray  # int64[n + 1]: the first chunk of each text.
    canonical: np.ndarray  # The starts of the chunks' canonical texts.
    points: np.ndarray  # The starts of the chunks in code points.

    @property
    def characters(self) -> np.ndarray:
        """int64[n]: the number of code points of each text."""
        return np.diff(self.points[self.firsts])


def _windows(texts: Chunked, rows: VerifiedCandidates) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of chunks in which to locate each match, end exclusive. It
    contains the match and one more chunk on each side.
    """
    first, last = texts.firsts[rows.record], texts.firsts[rows.record + 1]
    start, stop = (rows.span + texts.canonical[first, None]).T
    begins = texts.canonical[:-1]
    low = np.searchsorted(begins, start, "right") - 2
    high = np.searchsorted(begins, stop - 1, "right") + 1
    return np.maximum(low, first), np.minimum(high, last)


def liftover(
    texts: Chunked, rows: VerifiedCandidates, reader: IndexReader, params: MatchParams
) -> Matches:
    """Convert verified candidates to matches: compute their spans in the original
    texts, and the levels and similarities of exactly these spans.
    """
    raw_texts = reader.raw_texts(rows.text)
    first, (low, high) = texts.firsts[rows.record], _windows(texts, rows)
    # Neighbouring matches may share a window.
    new = np.diff(low, prepend=-1) | np.diff(high, prepend=-1) != 0
    begins, ends = texts.cuts[low[new]], texts.cuts[high[new]]
    longest = int((ends - begins).max(initial=0))
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
        texts.text,
        begins,
        ends,
        np.cumsum(new) - 1,
        rows.span + (texts.canonical[first] - texts.canonical[low])[:, None],
        rows.copied,
        raw_texts.record,
        np.where(rows.respaced, 0, np.minimum(rows.similarity, params.threshold)),
    )
    liftover_kernels.liftover(frozen(matches), tables(), room, out)
    grams = np.where(rows.respaced[:, None], rows.grams, out.grams)
    common, of_text, of_span = grams.T
    similarity = common / (of_text + of_span - common)
    literal = out.kinds != liftover_kernels.OTHER
    level = np.where(literal, out.kinds, np.where(similarity >= STRONG, 2, 3)).astype(
        np.uint8
    )
    level[rows.way == kernels.STRETCH] = LEVELS.index("partial")
    spans = out.spans + (texts.points[low] - texts.points[first])[:, None]
    found = Matches(
        rows.record,
        spans,
        rows.text,
        level,
        similarity,
        common / of_text,
        texts.characters,
    )
    # Spans that were extended may begin before the previous match.
    return found.take(np.lexsort((spans[:, 1], spans[:, 0], rows.record)))
