"""The way back: from spans in canonical texts to spans in the texts as they came
(:mod:`provscan.kernels.canonical.liftover`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from provscan.index import ScanReader
from provscan.kernels.canonical import liftover as liftover_kernels
from provscan.kernels.records import (
    frozen,
)
from provscan.kernels.search import verify as kernels
from provscan.matching.matches import LEVELS, STRONG, Matches
from provscan.matching.verify import VerifiedCandidates
from provscan.params import MatchParams
from provscan.text import scratch
from provscan.text.tables import tables


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
