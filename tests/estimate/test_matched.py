"""Match tables as arrays."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from provscan.estimate.matched import Matched, distinct, ranks

numbers = st.lists(st.integers(-5, 2**40), max_size=30).map(lambda some: np.array(some, np.int64))


@given(numbers)
def test_ranks_and_distinct_numbers(some):
    expected, places = np.unique(some, return_inverse=True)
    assert distinct(some).tolist() == expected.tolist()
    assert ranks(some).tolist() == places.tolist()


def rows(*some):
    names = ("source", "record", "start", "end", "tweet_id", "tweets", "level", "similarity", "containment")
    return pa.table(dict(zip(names, map(list, zip(*some, strict=True)), strict=True)))


def test_it_does_not_matter_how_names_are_written_down():
    table = rows(
        ("b", 7, 0, 10, "t9", 3, "exact", 1.0, 1.0),
        ("a", 7, 0, 10, "t9", 3, "strong", 0.8, 0.9),
        ("a", 7, 5, 20, "t1", 1, "near_exact", 1.0, 1.0),
        ("a", 2, 0, 10, "t5", 1, "weak", 0.5, 0.6),
    )
    coded = pa.table({
        name: column.dictionary_encode() if pa.types.is_string(column.type) else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    })  # fmt: skip
    # Of the coded rows, t5 is still in the dictionary.
    for some in (table.slice(0, 3), coded.slice(0, 3)):
        found = Matched.of(some, ["a", "b", "none"])
        assert found.records == 2
        assert sorted(found.chars.tolist()) == [10, 20]
        assert sorted(found.cell.tolist()) == [0, 1]
        assert sorted(zip(found.tweets.tolist(), found.occurrences.tolist(), strict=True)) == [(1, 1), (3, 2)]
