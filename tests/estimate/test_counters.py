"""Test counts of matches by group against plain Python."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from provscan.estimate.counters import count_best, count_records, covered

# For each match: the step from the previous record, group, start, length, similarity.
MATCHES = st.lists(
    st.tuples(*(st.integers(0, most) for most in (2, 4, 9, 6, 3))), max_size=40
)


@given(MATCHES)
def test_groups_of_matches(matches):
    table = np.array(matches, np.int64).reshape(-1, 5)
    table[:, 0] = np.cumsum(table[:, 0])
    table = table[np.lexsort((table[:, 2], table[:, 0]))]
    record, group, start, length, similarity = table.T
    records, places = defaultdict(set), defaultdict(set)
    best = {}
    for number, of, at, size, alike in table.tolist():
        records[of].add(number)
        places[number] |= set(range(at, at + size))
        if number not in best or alike >= best[number][0]:
            best[number] = alike, of
    assert count_records(group, record, 5).tolist() == [
        len(records[number]) for number in range(5)
    ]
    sizes = [len(of) for of in places.values()]
    assert covered(record, start, start + length) == (
        sum(sizes),
        sum(size**2 for size in sizes),
    )
    groups = [of for _, of in best.values()]
    assert count_best(record, similarity.astype(np.float64), group, 5).tolist() == [
        groups.count(number) for number in range(5)
    ]
