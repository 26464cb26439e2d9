"""Test ``ordered_map``: the order of results, the number of items in flight, errors."""

import threading
import time

import pytest

from provscan.ordered_map import ordered_map, pool_of


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(workers):
    def slow(item):
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(ordered_map(slow, range(40), workers)) == [
        item * item for item in range(40)
    ]


def test_few_items_are_in_flight():
    taken = 0

    def items():
        nonlocal taken
        for number in range(1, 101):
            taken = number
            yield number

    results = ordered_map(lambda item: item, items(), 3)
    for done in range(1, 50):
        assert next(results) == done
        assert taken <= done + 5
    results.close()  # type: ignore[attr-defined]
    assert taken < 60
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("provscan")
    ]


def test_the_first_error_ends_the_iteration():
    begun = []

    def fail(item):
        begun.append(item)
        if item == 5:
            raise ValueError(f"item {item}")
        return item

    results = ordered_map(fail, range(1000), 2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="item 5"):
        list(results)
    assert max(begun) < 20


def test_no_item_is_begun_after_an_error():
    begun, go_on = [], threading.Event()

    def job(number):
        begun.append(number)
        go_on.wait(60)

    def fail():
        with pool_of(1) as pool:
            for number in range(5):
                pool.submit(job, number)
            threading.Timer(0.1, go_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert len(begun) <= 1
