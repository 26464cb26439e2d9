"""Match tables as arrays: which record and text a match belongs to, how it looks, what it covers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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
    kinds = table["level"]
    similarity, containment = (
        np.clip(np.nan_to_num(table[name].to_numpy().astype(np.float64)), _FAINT, 1.0)
        for name in ("similarity", "containment")
    )
    # Share of the span's 5-grams that are the text's own: both indices have the same numerator.
    own = 1.0 / np.maximum(1.0 / similarity - 1.0 / containment + 1.0, 1.0)
    edited = 2 + np.searchsorted(_EDGES, similarity, side="right")
    cut = 2 + len(_EDGES) + 1 + np.searchsorted(_CUTS, containment, side="right")
    cells = np.where(own >= _OWN, cut, edited)
    exact, near_exact = (pc.equal(kinds, name).to_numpy() for name in ("exact", "near_exact"))
    result: Numbers = np.where(exact, 0, np.where(near_exact, 1, cells))
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
        unknown = sorted(set(pc.unique(table["source"]).to_pylist()) - set(known))
        if unknown:
            raise ParameterError(f"matches name sources of which the scan has no size: {unknown}; it has {list(known)}")
        record = ranks(record_numbers(table["source"], table["record"]))
        # A dictionary may hold texts that no row has.
        text = ranks(_coded(table["tweet_id"]))
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
        tweets = np.zeros(int(text.max(initial=-1)) + 1)
        tweets[text] = table["tweets"].to_numpy()
        return cls(record, text, cell, band, chars, cluster, tweets, occurrences_of(text, record))

    @property
    def records(self) -> int:
        return len(self.cell)


def _first(ordered: Numbers) -> npt.NDArray[np.bool_]:
    """Which of some sorted numbers are others than the one before."""
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first


def _coded(names: pa.ChunkedArray) -> Numbers:
    """A number for each distinct name, int64."""
    result: Numbers = names.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    return result


def record_numbers(source: pa.ChunkedArray, record: pa.ChunkedArray) -> Numbers:
    """A number for each record of each source, int64."""
    number = record.to_numpy()
    return _coded(source) * (int(number.max(initial=0)) + 1) + number


def distinct(numbers: Numbers) -> Numbers:
    """The distinct ones of some numbers, in order. NumPy's ``unique`` may hash them, which is slower."""
    ordered = np.sort(numbers)
    return ordered[_first(ordered)]


def ranks(numbers: Numbers) -> Numbers:
    """The place of each number among the distinct ones, in their order."""
    order = np.argsort(numbers, kind="stable")
    result = np.empty(len(numbers), np.int64)
    result[order] = np.cumsum(_first(numbers[order])) - 1
    return result


def occurrences_of(text: Numbers, record: Numbers) -> Numbers:
    """In how many records each text stands, by its number; 0 for numbers between that have none."""
    if len(text) == 0:
        return np.zeros(0, np.int64)
    base = int(record.max()) + 1
    return np.bincount(distinct(text * base + record) // base)


def covered_of(record: Numbers, start: Numbers, end: Numbers, count: int) -> Floats:
    """Code points of each record that at least one span covers."""
    if len(record) == 0:
        return np.zeros(count)
    order = np.lexsort((start, record))
    base = record[order] * (int(end.max()) + 1)
    low, high = start[order] + base, end[order] + base
    reached = np.concatenate([[0], np.maximum.accumulate(high)[:-1]])
    return np.bincount(record[order], np.maximum(0, high - np.maximum(low, reached)), count).astype(np.float64)
