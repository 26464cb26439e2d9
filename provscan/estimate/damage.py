"""Match tables as arrays: classes of what is left of a copy, records, covered code points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Classes of edited copies by their similarity, of those cut short by how much of the text is left.
_EDGES = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999])
_CUTS = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
# And classes of copies in pieces, by their similarity.
_CUT, PIECES = len(_EDGES) + 1, len(_EDGES) + len(_CUTS) + 2
DAMAGES = PIECES + len(_EDGES) + 1
# The class of copies of which a little less is left; of the lowest it is the same.
BELOW = np.arange(DAMAGES) - 1
BELOW[[0, _CUT, PIECES]] = [0, _CUT, PIECES]
# A span with less that is foreign to the text was cut out of it.
_OWN = 0.97


def damage_of(similarity: Floats, containment: Floats, pieces: Flags) -> Numbers:
    """How damaged each match is: edited and how similar, only cut short and how much is left, or in pieces and how
    similar.

    Parameters
    ----------
    similarity, containment, pieces
        Of each match: 0 to 1; whether passages of the text stand in another order, or without what was between them.

    Returns
    -------
    int64 array
        The class of each match, below :data:`DAMAGES`.
    """
    similarity, containment = (np.maximum(values.astype(np.float64), 1e-3) for values in (similarity, containment))
    # Share of the span's 5-grams that are the text's own: both indices have the same numerator.
    own = 1.0 / np.maximum(1.0 / similarity - 1.0 / containment + 1.0, 1.0)
    edited = np.searchsorted(_EDGES, similarity, side="right")
    cut = _CUT + np.searchsorted(_CUTS, containment, side="right")
    result: Numbers = np.where((own >= _OWN) & (similarity < _EDGES[-1]), cut, edited)
    return np.where(pieces, PIECES + edited, result)


def coded(names: pa.ChunkedArray) -> Numbers:
    """A number for each distinct name, int64; -1 for null."""
    codes = names.combine_chunks().dictionary_encode().indices
    result: Numbers = codes.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return result


def record_numbers(source: pa.ChunkedArray, record: pa.ChunkedArray) -> Numbers:
    """A number for each record of each source, counted from 0 among those in the table."""
    number = record.to_numpy()
    key = coded(source) * (int(number.max(initial=0)) + 1) + number
    return np.unique(key, return_inverse=True)[1].reshape(-1)


def covered(record: Numbers, start: Numbers, end: Numbers, count: int) -> Floats:
    """Code points of each of `count` records that at least one span covers."""
    if len(record) == 0:
        return np.zeros(count)
    order = np.lexsort((start, record))
    base = record[order] * int(end.max())
    low, high = start[order] + base, end[order] + base
    reached = np.concatenate([[0], np.maximum.accumulate(high)[:-1]])
    return np.bincount(record[order], np.maximum(0, high - np.maximum(low, reached)), count).astype(np.float64)
