"""Test the recall of distinct texts, some of which are in several records."""

import random
from math import sqrt
from types import SimpleNamespace

import numpy as np
import pytest
from tweets import sentence

import provscan
from provscan.estimate.recall import Recall
from provscan.runs.measures.recall import MeasuredRecall


def texts(value, *, possible=1.0, same=1.0, together=False):
    """60 texts with one found copy each, and 30 texts with two."""
    flags = np.ones(100, np.bool_)
    back = SimpleNamespace(
        possible=np.arange(100) < 100 * possible,
        found=flags,
        same_text=np.arange(100) < 100 * same,
    )
    recalls = SimpleNamespace(recovered=back, usual=flags)
    result = MeasuredRecall.of_distinct(
        recalls,
        Recall(value, value - 0.05, value + 0.05, {}, {}),
        np.repeat([0, 1, 2], [7, 60, 30]),
        together=together,
    )
    assert result is not None
    return result


def good_toulmin(recall):
    lost = (1 - recall) / recall
    return 90 / (60 * (1 + lost) + 30 * (1 - lost**2))


def test_recall_of_texts_by_hand():
    found = texts(0.8)
    assert found.value == pytest.approx(good_toulmin(0.8))
    assert found.high == pytest.approx(good_toulmin(0.85))
    # On the logarithmic scale, the limit is halfway to the loss of all copies of a
    # text.
    assert found.low == pytest.approx(sqrt(good_toulmin(0.75) * 0.75))
    assert texts(0.8, together=True).low == pytest.approx(0.75)


def test_texts_that_cannot_be_found_are_missed_with_all_their_copies():
    assert texts(0.8, possible=0.9).value == pytest.approx(
        0.9 * good_toulmin(0.8 / 0.9)
    )


def test_if_the_series_diverges_each_text_has_one_copy():
    assert texts(0.59).value == pytest.approx(0.59)
    assert texts(0.61).value == pytest.approx(good_toulmin(0.61))


def test_matches_of_other_texts_widen_the_limits():
    plain, other = texts(0.8), texts(0.8, same=0.98)
    assert other.value == plain.value
    assert other.low == pytest.approx(plain.low * 0.98)
    assert other.high == pytest.approx(plain.high * 1.02)


def test_there_are_at_least_as_many_tweets_as_texts(tmp_path):
    """With a control text of many tweets, chance alone would leave a lower bound of 93
    texts but of 0 tweets.
    """
    rng = random.Random(1)
    tweets = [
        {
            "id": str(n),
            "text": sentence(rng, "latin", 80),
            "created_at": f"{2015 + 4 * (n % 2)}-01-01",
        }
        for n in range(400)
    ]
    again = [{**tweets[1], "id": f"again{n}"} for n in range(300)]
    index = provscan.build_index(tweets + again, tmp_path / "a.index")
    data = [{"text": tweets[n]["text"]} for n in (1, *range(0, 200, 2))]
    run = provscan.match(data, index, tmp_path / "a.run", cutoff="2018-01-01")
    texts, of_them = (run.summary["answer"][name] for name in ("texts", "tweets"))
    assert texts["at_least"] > 80
    assert of_them["at_least"] >= texts["at_least"]
    assert all(
        of_them["estimate"][end] >= texts["estimate"][end]
        for end in ("value", "low", "high")
    )
