"""Which numbers a run withholds, and why: by the recall and the chance that were measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from provscan.estimate.recall import Recall
from provscan.runs.warnings import reasons


def recall(value: float = 0.9, **others: float) -> Recall:
    return Recall(value, value - 0.05, value + 0.05, {}, {}, **others)


GOOD = recall()


def measured(**others: Any) -> Any:
    usual: dict[str, Any] = {
        "records": 1000, "recalls": (GOOD, GOOD), "gauges": ["control"], "without_control": ([], 0),
        "counted_records": 90, "sampled": False,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **others})


def test_nothing_is_withheld_where_all_was_measured() -> None:
    assert reasons(measured()) == {}


@pytest.mark.parametrize(
    ("recalls", "said"),
    [
        # Of the copies .28 may be hidden, a quarter of what would be hidden at worst included.
        ((recall(hidden=0.28), GOOD), None),
        ((recall(hidden=0.29), GOOD), "too many copies were changed too much"),
        ((recall(hidden=0.08, at_worst=0.79), GOOD), None),
        ((recall(hidden=0.08, at_worst=0.81), GOOD), "too many copies were changed too much"),
        ((recall(unlike=0.15), GOOD), None),
        ((recall(unlike=0.16), GOOD), "edited unlike any test copies"),
        ((recall(0.34), GOOD), None),
        ((recall(0.33), GOOD), "Only 33%"),
        # All that match, with severe edits among them, may hide more.
        ((GOOD, recall(hidden=0.4, at_worst=0.79)), None),
        ((GOOD, recall(hidden=0.4, at_worst=0.81)), "too many copies were changed too much"),
        # What hides decides before what is unlike.
        ((recall(0.3, hidden=0.3, unlike=0.2), GOOD), "too many copies were changed too much"),
    ],
)
def test_recall_decides_whether_there_is_an_estimate(recalls: tuple[Recall, Recall], said: str | None) -> None:
    found = reasons(measured(recalls=recalls))
    if said is None:
        assert found == {}
    else:
        assert set(found) == {f"{number}.estimate" for number in ("records", "texts", "tweets", "characters")}
        assert all(said in reason for reason in found.values())


def test_without_control_there_is_neither_lower_bound_nor_estimate() -> None:
    found = reasons(measured(gauges=[], recalls=(recall(hidden=0.9), GOOD)))
    assert {name.partition(".")[2] for name in found} == {"at_least", "estimate"}
    assert all("Chance was not measured" in reason for reason in found.values())


def test_without_test_copies_there_is_neither_estimate_nor_upper_bound() -> None:
    found = reasons(measured(recalls=(None, None)))
    assert {name.partition(".")[2] for name in found} == {"estimate", "at_most"}


def test_many_records_in_strata_without_control() -> None:
    assert reasons(measured(without_control=(["Cyrillic"], 10))) == {}
    found = reasons(measured(without_control=(["Cyrillic"], 11)))
    assert "Cyrillic" in found["records.estimate"]


def test_a_sample_tells_nothing_of_the_texts_in_the_rest() -> None:
    assert set(reasons(measured(sampled=True))) == {
        f"{number}.{layer}" for number in ("texts", "tweets") for layer in ("estimate", "at_most")
    }


def test_nothing_was_scanned() -> None:
    assert set(reasons(measured(records=0))) == {"records"}
