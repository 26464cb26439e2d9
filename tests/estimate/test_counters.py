"""Test that sums over batches equal sums over all matches at once."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from provscan.estimate.counters import (
    BestOfRecords,
    CoveredCounter,
    RecordCounter,
    Strongest,
)

# For each match: the step from the previous record, group, start, length, similarity.
MATCHES = st.lists(
    st.tuples(*(st.integers(0, most) for most in (2, 4, 9, 6, 3))), max_size=40
)
ENDS = st.lists(st.integers(0, 40), max_size=6)
# Records that continue in the next batch; they are not numbered from 0.
CONTINUING = [
    (2, 0, 0, 4, 1),
    (0, 0, 1, 2, 1),
    (0, 1, 6, 1, 0),
    (0, 0, 7, 3, 2),
    (1, 0, 2, 2, 1),
    (0, 0, 2, 3, 0),
]


def columns(matches: list[tuple[int, ...]]) -> np.ndarray:
    """Return the matches with ascending record numbers, and with ascending starts
    within each record.
    """
    table = np.array(matches, np.int64).reshape(-1, 5)
    table[:, 0] = np.cumsum(table[:, 0])
    return table[np.lexsort((table[:, 2], table[:, 0]))]


def batches(table: np.ndarray, ends: list[int]) -> list[np.ndarray]:
    """Return the table in batches, some of which may be empty."""
    return [table[low:high] for low, high in pairwise([0, *sorted(ends), len(table)])]


@given(MATCHES, ENDS)
@example(CONTINUING, [1, 2, 2, 5])
def test_records_of_groups(matches: list[tuple[int, ...]], ends: list[int]) -> None:
    table, counter = columns(matches), RecordCounter(5)
    for batch in batches(table, ends):
        counter.add(batch[:, 1], batch[:, 0])
    records = [
        {record for record, group, *_ in table.tolist() if group == number}
        for number in range(5)
    ]
    assert counter.count.tolist() == [len(of) for of in records]


@given(MATCHES, ENDS)
@example(CONTINUING, [1, 2, 2, 5])
def test_covered_code_points(matches: list[tuple[int, ...]], ends: list[int]) -> None:
    table, counter = columns(matches), CoveredCounter()
    covered: dict[int, set[int]] = defaultdict(set)
    for field, _, start, length, _ in table.tolist():
        covered[field] |= set(range(start, start + length))
    for batch in batches(table, ends):
        counter.add(batch[:, 0], batch[:, 2], batch[:, 2] + batch[:, 3])
    assert counter.total == sum(map(len, covered.values()))
    assert counter.squares == sum(len(places) ** 2 for places in covered.values())


@given(MATCHES, ENDS)
@example(CONTINUING, [1, 2, 2, 5])
def test_the_most_similar_match_of_each_record(
    matches: list[tuple[int, ...]], ends: list[int]
) -> None:
    table, counter = columns(matches), BestOfRecords(5)
    best: dict[int, tuple[int, int]] = {}
    for record, group, _, _, similarity in table.tolist():
        if record not in best or similarity >= best[record][0]:
            best[record] = similarity, group
    for batch in batches(table, ends):
        counter.add(batch[:, 0], batch[:, 4].astype(np.float64), batch[:, 1])
    assert counter.count.tolist() == [
        sum(group == number for _, group in best.values()) for number in range(5)
    ]


@given(MATCHES, ENDS, st.integers(0, 20))
@example(CONTINUING, [1, 2, 2, 5], 2)
def test_the_strongest_rows(
    matches: list[tuple[int, ...]], ends: list[int], limit: int
) -> None:
    table, strongest, low = columns(matches), Strongest(limit, 2), 0
    for batch in batches(table, ends):
        strongest.add(
            low + np.arange(len(batch)), *batch[:, [4, 1]].T.astype(np.float64)
        )
        # Memory is bounded.
        assert len(strongest._rows) <= 2 * limit
        low += len(batch)
    order = sorted(
        range(len(table)), key=lambda row: (table[row, 4], table[row, 1], row)
    )
    assert strongest.rows.tolist() == order[:limit]
