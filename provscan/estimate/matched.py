"""Match tables as arrays: which record and text a match belongs to, how it looks, what it covers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.errors import ParameterError

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

# Classes of edited copies by their similarity, of those cut short by how much of the text is left.
_EDGES = np.array([0.5, 0.6, 0.7, 0.8, 0.9])
_CUTS = np.array([0.65, 0.75, 0.85])
CELLS = 2 + len(_EDGES) + 1 + len(_CUTS) + 1
# A span with less that is foreign to the text was cut out of it.
_OWN = 0.97
_FAINT = 1e-3


def cells_of(table: pa.Table) -> Numbers:
    """How each match looks: exact, near exact, edited and how similar, or only cut short and how much is left."""
    kinds = np.array(table["level"].to_pylist(), dtype=object)
    similarity, containment = (
        np.clip(np.nan_to_num(table[name].to_numpy().astype(np.float64)), _FAINT, 1.0)
        for name in ("similarity", "containment")
    )
    # Share of the span's 5-grams that are the text's own: both indices have the same numerator.
    own = 1.0 / np.maximum(1.0 / similarity - 1.0 / containment + 1.0, 1.0)
    edited = 2 + np.searchsorted(_EDGES, similarity, side="right")
    cut = 2 + len(_EDGES) + 1 + np.searchsorted(_CUTS, containment, side="right")
    cells = np.where(own >= _OWN, cut, edited)
    result: Numbers = np.where(kinds == "exact", 0, np.where(kinds == "near_exact", 1, cells))
    return result


@dataclass(frozen=True, slots=True)
class Matched:
    """A match table as arrays.

    Attributes
    ----------
    record, text
        int64, one a row: numbers of its record and its text, counted from 0 among those in the table.
    cell, band, chars, cluster
        One a record: how it looks (:func:`cells_of`), its length class, its licensed code points, the part of the
        dataset that it was drawn with.
    tweets, occurrences
        One a text: the tweets that carry it, and the records that hold it.
    """

    record: Numbers
    text: Numbers
    cell: Numbers
    band: Numbers
    chars: Floats
    cluster: Numbers
    tweets: Floats
    occurrences: Numbers

    @classmethod
    def of(cls, table: pa.Table, known: Collection[str]) -> Matched:
        """The arrays of a table whose sources are among the `known` ones.

        Raises
        ------
        ParameterError
            The table names another source.
        """
        sources = {name: number for number, name in enumerate(known)}
        named = table["source"].to_pylist()
        unknown = sorted({name for name in named if name not in sources})
        if unknown:
            raise ParameterError(
                f"matches name sources of which the scan has no size: {unknown}; it has {list(sources)}"
            )
        number = table["record"].to_numpy()
        pairs = np.array([sources[s] for s in named], np.int64) * (int(number.max(initial=0)) + 1) + number
        _, record = np.unique(pairs, return_inverse=True)
        record = record.reshape(-1).astype(np.int64)
        ids = table["tweet_id"].combine_chunks().dictionary_encode()
        text = ids.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        similarity = table["similarity"].to_numpy().astype(np.float64)
        cells = cells_of(table)
        count = int(record.max(initial=-1)) + 1
        cell = np.full(count, CELLS - 1, np.int64)
        # The best match of a record says how it looks: the last write wins, in order of rising similarity.
        order = np.argsort(similarity, kind="stable")
        cell[record[order]] = cells[order]
        band = np.zeros(count, np.int64)
        if "band" in table.column_names:
            band[record[order]] = table["band"].to_numpy()[order]
        cluster = np.zeros(count, np.int64)
        if "cluster" in table.column_names:
            cluster[record] = table["cluster"].to_numpy()
        chars = covered_of(record, table["start"].to_numpy(), table["end"].to_numpy(), count)
        tweets = np.zeros(len(ids.dictionary))
        tweets[text] = table["tweets"].to_numpy()
        return cls(record, text, cell, band, chars, cluster, tweets, occurrences_of(text, record))

    @property
    def records(self) -> int:
        return len(self.cell)


def occurrences_of(text: Numbers, record: Numbers) -> Numbers:
    """In how many records each text stands, by its number; 0 for numbers between that have none."""
    if len(text) == 0:
        return np.zeros(0, np.int64)
    pairs = np.unique(text * (int(record.max()) + 1) + record) // (int(record.max()) + 1)
    return np.bincount(pairs).astype(np.int64)


def covered_of(record: Numbers, start: Numbers, end: Numbers, count: int) -> Floats:
    """Code points of each record that at least one span covers."""
    if len(record) == 0:
        return np.zeros(count)
    order = np.lexsort((start, record))
    base = record[order] * (int(end.max()) + 1)
    low, high = start[order] + base, end[order] + base
    reached = np.concatenate([[0], np.maximum.accumulate(high)[:-1]])
    return np.bincount(record[order], np.maximum(0, high - np.maximum(low, reached)), count).astype(np.float64)
