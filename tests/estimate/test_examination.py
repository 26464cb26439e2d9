"""Test the checks of a claim on counts and arrays."""

from dataclasses import replace

import numpy as np
import pytest

from provscan.estimate.examination import (
    Contributor,
    Examination,
    Share,
    clockwork,
    clumping,
    most_frequent,
    reads_like,
    repeated_wording,
    too_rare,
)
from provscan.estimate.limits import clumped_limit, predict_chance

HOUR = 3_600_000
NOBODY = np.full(1000, -1)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_mixture_has_its_share(share):
    rng = np.random.default_rng(1)
    licensed, dataset = rng.normal(-1, 1, 2000), rng.normal(1, 1, 200)
    count = round(share * 400)
    mixed = np.append(rng.normal(-1, 1, 400 - count), rng.normal(1, 1, count))
    found = reads_like(mixed, licensed, dataset)
    assert found is not None
    assert found.low < share < found.high
    assert found.high - found.low < 0.7


def test_wording_that_hardly_differs_tells_nothing():
    rng = np.random.default_rng(1)
    same = [rng.normal(0, 1, 500) for _ in range(3)]
    assert reads_like(*same) is None
    assert reads_like(same[0][:7], same[1] - 5, same[2]) is None
    assert reads_like(same[0], same[1] - 5, np.full(500, np.nan)) is None


def test_few_findings_may_be_of_either_kind():
    rng = np.random.default_rng(1)
    licensed, dataset = rng.normal(-1, 1, 2000), rng.normal(1, 1, 2000)
    few = reads_like(dataset[:8], licensed, dataset)
    many = reads_like(dataset[:800], licensed, dataset)
    assert few is not None
    assert many is not None
    assert few.high - few.low > 5 * (many.high - many.low)


LIKE = Share(0.9, 0.7, 1.1)
CLAIM = Examination(clusters=100, explained=12.0, like_dataset=LIKE)
BOT = Contributor("author", "bot", 90, 0.9, False, False, True)


def test_younger_tweets_are_left_out_of_lower_bounds():
    both = replace(CLAIM, like_dataset=Share(0.4, 0.3, 0.5), younger=0.25)
    for claim, suspected, doubts in (
        (replace(both, like_dataset=None), 0.25, ["younger_tweets"]),
        (both, 0.75, ["like_dataset", "younger_tweets"]),
        (replace(both, younger=0.0), 0.5, ["like_dataset"]),
        (replace(both, younger=None), 0.5, ["like_dataset"]),
    ):
        assert (claim.suspected, claim.doubts) == (suspected, doubts)


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({}, ["like_dataset"]),
        # Chance explains them, or so few read like the dataset that it may be chance.
        ({"explained": 70.0}, []),
        ({"like_dataset": Share(0.6, 0.2, 1.0)}, []),
        ({"like_dataset": None}, []),
        ({"like_dataset": None, "younger": 0.6}, ["younger_than_data"]),
        ({"like_dataset": None, "younger": 0.5}, []),
        ({"like_dataset": None, "lacking": "replies"}, ["control_lacks"]),
        ({"like_dataset": None, "contributor": BOT}, ["automatic"]),
        ({"like_dataset": None, "contributor": BOT._replace(automatic=False)}, []),
        ({"like_dataset": None, "contributor": BOT._replace(in_control=True)}, []),
    ],
)
def test_objections(changed, codes):
    assert replace(CLAIM, **changed).objections == codes


def test_a_part_that_reads_like_the_dataset_is_left_out():
    part = replace(CLAIM, like_dataset=Share(0.4, 0.3, 0.5))
    assert part.objections == []
    assert part.suspected == 0.5
    assert replace(part, explained=30.0).suspected == 0.0
    # If all may be the dataset's own, nothing remains to be claimed.
    assert replace(CLAIM, like_dataset=Share(0.49, 0.21, 1.0)).objections


def test_the_most_frequent_contributor():
    codes = np.repeat([0, 1, 2], [60, 30, 10])
    assert most_frequent(codes, NOBODY) == (0, 0.6)
    # Nobody has much, the contributor has as much of the licensed texts, or few are
    # known.
    assert most_frequent(np.arange(100), NOBODY) is None
    assert most_frequent(codes, np.repeat([0, 1], [500, 500])) is None
    assert most_frequent(np.append(codes[:7], NOBODY), NOBODY) is None
    assert most_frequent(np.zeros(0, np.int64), NOBODY) is None


def test_templates_share_wording():
    rng = np.random.default_rng(1)
    letters = list("abcdefghijklmnopqrstuvwxyz     ")
    texts = ["".join(rng.choice(letters, 60)) for _ in range(20)]
    assert not repeated_wording(texts)
    template = "{} just reached level {} in the game of stones, can you beat my score"
    assert repeated_wording([template.format(text[:9], text[-5:]) for text in texts])
    assert not repeated_wording([f"{text} read more at our site" for text in texts])
    assert not repeated_wording(texts[:1] * 3)


def test_a_program_posts_by_the_clock():
    rng = np.random.default_rng(1)
    hours = np.arange(100) * HOUR
    assert clockwork(hours + 17 * 60_000)
    assert not clockwork(hours + rng.integers(0, HOUR, 100))
    # Days without a time, and a few tweets.
    assert not clockwork(hours * 24)
    assert not clockwork(hours[:7])


def test_a_kind_of_text_that_the_control_lacks():
    kinds = ("plain", "link", "reply")
    licensed = np.repeat([0, 1, 2], [600, 300, 100])
    found = np.repeat([0, 1], [60, 40])
    assert too_rare(found, licensed, licensed, kinds) is None
    assert too_rare(found, licensed, np.full(1000, 2), kinds) == "plain"
    assert too_rare(found, licensed, np.full(1000, 0), kinds) == "link"
    # Hardly any findings are replies, so it does not matter that the control has none.
    assert too_rare(found, licensed, licensed[:900], kinds) is None
    assert too_rare(found[:3], licensed, np.full(1000, 2), kinds) is None


def test_events_on_one_side_have_a_design_effect():
    spread = np.random.default_rng(1).integers(0, 200, 2000)
    ours, theirs = np.repeat(np.arange(5), 30), np.repeat(np.arange(5, 12), 30)
    effect = clumping(ours, theirs, 1.0, spread)
    assert 25 < effect < 30
    # Twelve events that fall 7 to 5 are no evidence.
    ones = np.ones(150)
    assert clumped_limit(ones, ones, 1.0, effect) > 210
    assert predict_chance(ones, ones, 1.0).high < 210


def test_matches_that_are_spread_have_none():
    rng = np.random.default_rng(1)
    spread = rng.integers(0, 200, 2000)
    assert clumping(spread[:100], spread[100:200], 1.0, spread) == 1.0
    # A busy week divided at random, and a control of only one week.
    busy = np.append(np.zeros(50, np.int64), spread[:50])
    assert clumping(busy, busy, 1.0, spread) == 1.0
    assert clumping(np.zeros(50, np.int64), spread, 1.0, np.zeros(2000, np.int64)) == 1
    assert clumping(NOBODY, NOBODY, 1.0, NOBODY) == 1.0


def test_without_groups_both_limits_are_alike():
    ones = np.ones(40)
    assert clumped_limit(ones, ones, 1.0, 1.0) == predict_chance(ones, ones, 1.0).high
    assert clumped_limit(ones[:0], ones[:0], 2.0, 1.0) > 0.0
