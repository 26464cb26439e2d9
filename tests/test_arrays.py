"""Test distinct numbers against Python's sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from provscan.arrays import distinct


@given(st.lists(st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)))
def test_distinct_numbers_are_sorted(numbers):
    given_numbers = np.array(numbers, np.int64)
    assert distinct(given_numbers).tolist() == sorted(set(numbers))
    assert given_numbers.tolist() == numbers
