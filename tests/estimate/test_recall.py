"""Test the recall of an unknown mixture of edits."""

import naive_recall
import numpy as np
import pytest

from provscan.estimate.damage import BELOW, DAMAGES, without_chance
from provscan.estimate.recall import (
    Planted,
    recall_of,
)

# The shares of each edit's copies in four classes of damage, and the share of the
# copies of each class that is found, for long and for short texts.
EDITS = {
    "light": [0.9, 0.1, 0.0, 0.0],
    "typos": [0.1, 0.5, 0.3, 0.1],
    "halves": [0.0, 0.0, 0.4, 0.6],
}
CLASSES = np.array([8, 6, 3, 1])
FOUND = np.array([[0.99, 0.97, 0.9, 0.8], [0.97, 0.8, 0.1, 0.02]])


def planted(rng, each=200):
    edit = np.repeat(list(EDITS), each)
    damage = np.concatenate(
        [rng.choice(4, each, p=shares) for shares in EDITS.values()]
    )
    group = rng.integers(0, 2, len(edit))
    return Planted(
        edit, group, CLASSES[damage], rng.random(len(edit)) < FOUND[group, damage]
    )


def matches(rng, mixture, long, short):
    shares = np.array(mixture) @ np.array(list(EDITS.values()))
    shown = np.zeros((2, DAMAGES))
    shown[:, CLASSES] = rng.binomial(
        [rng.multinomial(long, shares), rng.multinomial(short, shares)], FOUND
    )
    return shown


@pytest.mark.parametrize("mixture", [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
@pytest.mark.parametrize("long", [200, 400, 700])
def test_limits_of_recall_contain_the_truth(mixture, long):
    right, values, truths = [], [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        shown = matches(rng, mixture, long, 800 - long)
        recall = recall_of(planted(rng), shown)
        assert recall is not None
        truth = shown.sum() / 800
        right.append(recall.low <= truth <= recall.high)
        values.append(recall.value)
        truths.append(truth)
    assert np.mean(right) >= 0.9
    assert np.mean(values) == pytest.approx(np.mean(truths), rel=0.12)


def test_missed_copies_of_short_texts_are_estimated_from_long_ones():
    rng = np.random.default_rng(1)
    seen = {}
    for name, mixture in zip(EDITS, np.eye(3).tolist(), strict=True):
        recall = recall_of(planted(rng), matches(rng, mixture, 500, 500))
        assert recall is not None
        seen[name] = recall
    assert seen["light"].hidden < 0.02 < 0.3 < seen["halves"].hidden
    assert (
        max(seen["halves"].mixture, key=seen["halves"].mixture.__getitem__) == "halves"
    )


def test_an_edit_without_found_copies_is_not_in_the_mixture():
    rng = np.random.default_rng(1)
    found = planted(rng)
    edit = np.concatenate([found.edit, np.full(100, "rewritten")])
    none = np.zeros(100, np.int64)
    lost = Planted(
        edit,
        *(np.concatenate([column, none]) for column in (found.group, found.damage)),
        np.concatenate([found.found, none.astype(np.bool_)]),
    )
    shown = matches(rng, [0.5, 0.5, 0.0], 400, 400)
    recall = recall_of(lost, shown)
    assert recall is not None
    assert "rewritten" not in recall.mixture
    assert recall.of_edit["rewritten"] < 0.15
    assert recall.low <= shown.sum() / 800 <= recall.high


def test_without_found_copies_there_is_no_recall():
    lost = Planted(
        np.array(["a", "b"]),
        np.zeros(2, np.int64),
        np.zeros(2, np.int64),
        np.zeros(2, np.bool_),
    )
    assert recall_of(lost, np.zeros((1, DAMAGES))) is None


def test_matches_unlike_the_spike_ins():
    rng = np.random.default_rng(1)
    like = recall_of(planted(rng), matches(rng, [0.4, 0.3, 0.3], 400, 400))
    assert like is not None
    assert like.unlike < 0.05
    # All copies have one class of damage, which is rare for every edit.
    shown = np.zeros((2, DAMAGES))
    shown[0, CLASSES[2]] = 400.0
    unlike = recall_of(planted(rng), shown)
    assert unlike is not None
    assert unlike.unlike > 0.15
    # Ten times as many matches are about equally unlike; few matches show no
    # difference.
    for factor, low, high in ((10.0, 0.5, 2.0), (0.01, 0.0, 0.0)):
        other = recall_of(planted(rng), factor * shown)
        assert other is not None
        assert low * unlike.unlike <= other.unlike <= high * unlike.unlike


def test_upper_limits_allow_for_rarely_found_copies():
    rng = np.random.default_rng(2)
    spikes, shown = planted(rng), matches(rng, [0.4, 0.3, 0.3], 400, 400)
    usual, upper = recall_of(spikes, shown), recall_of(spikes, shown, upper=True)
    assert usual is not None
    assert upper is not None
    assert upper.low < usual.low
    # Halves of short texts are hardly ever found, so each match represents many copies.
    shown[1, CLASSES[3]] += 200.0
    more = recall_of(spikes, shown, upper=True)
    assert more is not None
    assert shown.sum() / more.low > (shown.sum() - 200.0) / upper.low + 1000.0


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize(
    "case",
    [
        "usual",
        "few",
        "uneven",
        "hidden",
        "one edit",
        "badly edited",
        "all found",
        "side by side",
    ],
)
def test_recall_equals_the_naive_one(case, upper):
    rng = np.random.default_rng(3)
    spikes = planted(rng, 12 if case == "few" else 60)
    shown = matches(
        rng, [0.2, 0.4, 0.4], *((300, 30) if case == "uneven" else (90, 120))
    )
    if case == "hidden":
        shown[1, CLASSES[2:]] += 60.0
    if case == "one edit":
        spikes = Planted(
            *(column[spikes.edit == "halves"] for column in columns_of(spikes))
        )
    if case == "all found":
        spikes = Planted(
            spikes.edit,
            spikes.group,
            spikes.damage,
            np.ones(len(spikes.edit), np.bool_),
        )
    if case == "side by side":
        # Move the copies to neighbouring classes, some seen and some unseen.
        moved, classes = np.zeros_like(shown), np.zeros(DAMAGES, np.int64)
        moved[:, :4], classes[CLASSES] = shown[:, CLASSES[::-1]], [3, 2, 1, 0]
        spikes, shown = (
            Planted(spikes.edit, spikes.group, classes[spikes.damage], spikes.found),
            moved,
        )
    if case == "badly edited":
        # Of one edit, 1 to 15% of the copies are found; of another, none.
        bad, lost = planted(rng, 40), planted(rng, 10)
        bad = Planted(
            np.full(120, "bad"),
            bad.group,
            np.full(120, CLASSES[3]),
            np.arange(120) % 8 == 0,
        )
        lost = Planted(
            np.full(30, "lost"),
            lost.group,
            np.zeros(30, np.int64),
            np.zeros(30, np.bool_),
        )
        spikes = Planted(
            *(
                np.concatenate(columns)
                for columns in zip(*map(columns_of, (spikes, bad, lost)), strict=True)
            )
        )
    below = {kind: int(BELOW[kind]) for kind in range(DAMAGES) if BELOW[kind] != kind}
    rows = list(zip(*(column.tolist() for column in columns_of(spikes)), strict=True))
    expected = naive_recall.recall_of(
        rows, {cell: float(n) for cell, n in np.ndenumerate(shown)}, below, upper
    )
    found = recall_of(spikes, shown, upper=upper)
    assert found is not None
    assert (found.at_worst > 0.0) == (case == "side by side")
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-6, abs=1e-9), name


def columns_of(spikes):
    return spikes.edit, spikes.group, spikes.damage, spikes.found


def test_subtracted_chance_leaves_the_right_number_and_damage() -> None:
    rng = np.random.default_rng(1)
    undamaged, left = [], []
    for _ in range(300):
        # 60 copies in one cell, and chance matches at the same rate in both sets.
        copies = np.zeros((3, DAMAGES))
        copies[0, 8] = 60.0
        found, chance = rng.poisson(0.4, (2, 3, DAMAGES)) + 0.0
        rest = without_chance((found + copies).reshape(-1), chance.reshape(-1))
        assert rest.min() >= 0.0
        undamaged.append(rest[8])
        left.append(rest.sum())
    # If each cell were subtracted by itself, 82 would be left, 0.73 of them undamaged.
    assert np.mean(left) == pytest.approx(60.0, abs=2.0)
    assert np.mean(undamaged) / np.mean(left) > 0.9


def test_without_chance_matches_nothing_is_subtracted() -> None:
    found, chance = np.zeros((2, 2 * DAMAGES))
    found[[3, 30]] = 7.0, 2.0
    assert without_chance(found, chance).tolist() == found.tolist()
    # The second group has no chance matches, whatever the first one has.
    chance[5] = 9.0
    assert without_chance(found, chance)[30] == 2.0
