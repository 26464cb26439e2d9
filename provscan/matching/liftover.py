"""Map spans in canonical texts back to spans in the original texts
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
    """Return where to locate the matches of a long text: the chunks that contain them,
    and one more on each side.

    `rows` are matches in one text, which counts as one record. The text was cut into
    chunks at the bytes `cuts`; the canonical text of each chunk begins at `offsets`.
    Return the same matches in smaller records, and int64[records, 2]: the first chunk
    of each such record, and the chunk after its last.
    """
    last = len(cuts) - 1
    low = np.maximum(np.searchsorted(offsets[:-1], rows.span[:, 0], "right") - 2, 0)
    high = np.minimum(
        np.searchsorted(offsets[:-1], rows.span[:, 1] - 1, "right") + 1, last
    )
    new = np.flatnonzero(np.diff(low, prepend=-1) | np.diff(high, prepend=-1))
    ranges = np.stack([low[new], high[new]], axis=1)
    if (cuts[ranges[:, 1]] - cuts[ranges[:, 0]]).sum() > cuts[last] - cuts[0]:
        # The matches are too dense for smaller records.
        return rows, np.array([[0, last]])
    record = np.searchsorted(new, np.arange(len(low)), "right") - 1
    return rows._replace(
        record=record, span=rows.span - offsets[ranges[record, :1]]
    ), ranges


class Located(NamedTuple):
    """The original records to which matches are lifted over."""

    text: np.ndarray  # uint8[m], UTF-8.
    # int64[n]: the start and end of each record in it.
    begins: np.ndarray
    ends: np.ndarray
    characters: np.ndarray  # int64: the code points of each scanned text.


def liftover(
    records: Located, rows: VerifiedCandidates, reader: ScanReader, params: MatchParams
) -> Matches:
    """Return the spans in the original records, the levels, and the similarity of
    exactly these spans.
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
    found = Matches(
        rows.record,
        out.spans,
        rows.text,
        level,
        similarity,
        common / of_text,
        records.characters,
    )
    # An extended edge may pass the start of the previous match.
    return found.take(np.lexsort((out.spans[:, 1], out.spans[:, 0], rows.record)))
