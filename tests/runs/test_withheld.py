"""Which numbers a run withholds, and why: by the recall and the chance that were measured."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from provscan.estimate.recall import Recall
from provscan.runs.measured import akin
from provscan.runs.warnings import reasons, warnings


def recall(value: float = 0.9, **others: float) -> Recall:
    return Recall(value, value - 0.05, value + 0.05, {}, {}, **others)


GOOD = recall()


def measured(**others: Any) -> Any:
    usual: dict[str, Any] = {
        "records": 1000, "recalls": (GOOD, GOOD), "gauges": ["control"], "without_control": ([], 0),
        "counted_records": 90, "sampled": False, "in_pieces": 0.1,
        "control_found": 0.0, "planted": range(300), "too_small": None,
    }  # fmt: skip
    every = {**usual, **others}
    scanned = SimpleNamespace(records=every.pop("records"), sampled=every.pop("sampled"))
    return SimpleNamespace(**{"recalls_of_texts": every["recalls"], "scanned": scanned, **every})


def with_all(**others: Any) -> Any:
    """With what warnings need as well."""
    licensed = SimpleNamespace(left_out=SimpleNamespace(segments=()))
    usual: dict[str, Any] = {
        "not_counted": (90, 0), "index_fraction": 1.0, "sides": [SimpleNamespace(too_short=0.0)],
        "back": SimpleNamespace(detectable=np.ones(5), commonplace=0.0), "gauges": [SimpleNamespace(name="null")],
        "controls": SimpleNamespace(texts=0, licensed=licensed), "null": SimpleNamespace(records=500),
    }  # fmt: skip
    return measured(**{**usual, **others})


def said_of(found: Any) -> list[str]:
    return [item["message"] for item in warnings(found, [])]


def test_nothing_is_withheld_where_all_was_measured() -> None:
    assert reasons(measured()) == {}


def test_a_control_that_is_in_the_dataset_measures_nothing() -> None:
    found = reasons(measured(control_found=0.51, gauges=[]))
    assert {name.split(".")[1] for name in found} == {"at_least", "estimate"}
    assert set(found.values()) == {"Most of the control's texts stand in the dataset: it can't measure chance."}


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
        # How much of a copy lies outside of its match is not known where it was edited otherwise.
        assert ("characters.at_most" in found) == (recalls[0].unlike > 0.15)
        estimates = {f"{number}.estimate" for number in ("records", "texts", "tweets", "characters")}
        assert set(found) - {"characters.at_most"} == estimates
        assert all(said in found[name] for name in estimates)


def test_texts_changed_all_over_may_be_missed_with_all_their_copies() -> None:
    half, more = (replace(GOOD, mixture={"many_typos": 0.3, "every_fifth_dropped": n}) for n in (0.2, 0.21))
    assert reasons(measured(recalls=(half, GOOD))) == {}
    found = reasons(measured(recalls=(more, GOOD)))
    assert set(found) == {"texts.estimate", "tweets.estimate"}
    assert all("as retyped ones are" in reason for reason in found.values())
    said = said_of(with_all(recalls=(more, GOOD)))
    assert [message.startswith("More than half of the copies") for message in said] == [True]
    assert said_of(with_all(recalls=(half, GOOD))) == []
    # Where there is no estimate of records, their interval is not spoken of.
    assert not any("five of six" in message for message in said_of(with_all(recalls=(replace(more, unlike=0.2), GOOD))))


@pytest.mark.parametrize(("times", "needed"), [(None, None), (1.1, "550 records"), (20.5, "11,000 records")])
def test_a_control_that_is_too_small_says_how_large_it_must_be(times: float | None, needed: str | None) -> None:
    said = said_of(with_all(too_small=times))
    if needed is None:
        assert said == []
    else:
        (message,) = said
        assert message.startswith("With 500 records of a null dataset to measure chance, it can't be ruled out")
        assert f"With {needed} of a null dataset or more" in message


def test_matches_in_pieces_tell_no_number_of_pieces() -> None:
    assert reasons(measured(in_pieces=0.4)) == {}
    assert "edited unlike any test copies" in reasons(measured(in_pieces=0.41))["records.estimate"]


def test_edits_of_which_hardly_any_is_found_are_as_frequent_as_others_of_their_weight() -> None:
    found = {"three_words": 0.7, "many_typos": 0.5, "reordered": 0.9, "cut_to_half": 0.3, "typos": 0.1}
    mixture = {"three_words": 0.1, "many_typos": 0.2, "cut_to_half": 0.4, "exact": 0.3}
    assert akin(Recall(0.9, 0.8, 1.0, mixture, found)) == pytest.approx(0.1 / 1.1)
    assert akin(Recall(0.9, 0.8, 1.0, mixture, {**found, "cut_to_half": 0.34})) == 0.0
    bare = Recall(0.9, 0.8, 1.0, mixture, found, hidden=0.18)
    assert reasons(measured(recalls=(bare, GOOD))) == {}
    assert "too many copies" in reasons(measured(recalls=(replace(bare, hidden=0.2), GOOD)))["records.estimate"]


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


def test_without_control_there_may_be_too_little_known_for_characters() -> None:
    assert "characters.at_most" in reasons(measured(gauges=[], in_pieces=0.41))


def test_nothing_was_scanned() -> None:
    assert set(reasons(measured(records=0))) == {"records"}


@pytest.mark.parametrize(("counted", "said"), [(0, "Nothing that counts was found"), (90, "Judging by the")])
def test_where_nothing_counts_no_match_is_spoken_of(counted: int, said: str) -> None:
    found = measured(
        recalls=(replace(recall(hidden=0.5, at_worst=0.3), of_edit={"cut_to_half": 0.1}), GOOD),
        counted_records=counted, not_counted=(90, 9), index_fraction=1.0,
        back=SimpleNamespace(detectable=np.ones(5), commonplace=0.0), sides=[SimpleNamespace(too_short=0.0)],
        controls=SimpleNamespace(texts=0, licensed=SimpleNamespace(left_out=SimpleNamespace(segments=()))),
    )  # fmt: skip
    assert reasons(found)["records.estimate"].startswith(said)
    messages = said_of(found)
    assert len(messages) == 2
    found.planted = range(299)
    assert any(message.startswith("With test copies as few as 299,") for message in said_of(found))
    assert messages[0].startswith(said)
    assert "cut to half" in messages[1]
    assert any("least similar matches" in message for message in messages) == bool(counted)
