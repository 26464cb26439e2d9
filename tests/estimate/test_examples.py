"""Test the statistics on small examples that were computed by hand, and on values at
the limits of rules.
"""

import numpy as np
import pytest
import scipy  # Its parts are imported when they are first used.

from provscan.errors import ParameterError
from provscan.estimate import (
    Chance,
    Factor,
    matched_bits,
    predict_chance,
    q_values,
    thinned,
)
from provscan.estimate.damage import BELOW, DAMAGES, damage_of
from provscan.estimate.design_effect import DrawnParts
from provscan.estimate.layers import Found, Size, Strength, layered
from provscan.estimate.limits import (
    SampleDesign,
    exactly,
    negative_binomial_quantile,
    total,
)
from provscan.estimate.recall import Recall
from provscan.estimate.strata import Strata, divide, rarefied, thirds, years_apart

NONE = np.zeros(0)


def floats(*values):
    return np.array(values, np.float64)


def student(freedom):
    return float((scipy.special.stdtrit(freedom, 0.975) / 1.96) ** 2)


@pytest.mark.parametrize(
    ("hits", "sizes", "records", "rest", "effect"),
    [
        # No hits: the files, with 3 and 4 records, are the trials: (9 + 16) / 7.
        ([0, 0], [1, 1], [3, 4], [], 25 / 7),
        ([0, 0], [1, 1], [0, 0], [], 1.0),
        # A file that was not drawn is eight times as large. The files have 7 / 2
        # records per byte, and (1 + 1 + 64) / 10 bytes in the mean, weighted by size.
        ([0, 0], [1, 1], [3, 4], [8], 6.6 * 3.5),
        # One file: all hits are in one trial.
        ([4], [1], [9], [], 4.0),
        # 2 hits are expected in each file. The squared deviations are 1 and 1, and the
        # larger one counts four times; the factor is 2 / 1, and there are 4 hits. There
        # is one degree of freedom, since 16 / 10 - 1 is less.
        ([3, 1], [1, 1], [9, 9], [], 2 * 5 / 4 * student(1)),
        # 2, 2 and 4 hits are expected; there are 64 / 24 - 1 degrees of freedom.
        ([4, 2, 2], [1, 1, 2], [9, 9, 9], [], 3 / 2 * 20 / 8 * student(5 / 3)),
        # One remaining file as large as both drawn ones doubles the variance; four
        # files of the same size as those do not.
        ([3, 1], [1, 1], [9, 9], [2], 2 * 2 * 5 / 4 * student(1)),
        ([3, 1], [1, 1], [9, 9], [1, 1, 1, 1], 2 * 5 / 4 * student(1)),
        # One remaining file of half the size, or eight small ones, do not either.
        ([3, 1], [1, 1], [9, 9], [1], 2 * 5 / 4 * student(1)),
        ([3, 1], [1, 1], [9, 9], [0.5] * 8, 2 * 5 / 4 * student(1)),
        ([3, 3, 3, 3], [1, 1, 1, 1], [9, 9, 9, 9], [], 1.0),
    ],
)
def test_the_design_effect_of_files(hits, sizes, records, rest, effect):
    sample = DrawnParts(floats(*sizes), floats(*records), floats(*rest))
    assert sample.design_effect(floats(*hits)) == pytest.approx(effect)
    assert sample.fraction == sum(sizes) / (sum(sizes) + sum(rest))
    found, fraction = sum(hits), sample.fraction
    low, high = thinned(found, fraction, effect=effect)
    assert sample.projected(floats(*hits)) == Factor(
        found / fraction, pytest.approx(low), pytest.approx(high)
    )


@pytest.mark.parametrize(
    ("drawn", "rest", "unseen"),
    [(60, 140, 10), (1, 1, 1), (2, 2, 2), (40, 1, 0), (3, 0, 0)],
)
def test_the_number_of_files_that_a_sample_can_miss(drawn, rest, unseen):
    assert DrawnParts(np.ones(drawn), np.ones(drawn), np.ones(rest)).unseen == unseen


def test_classes_of_damage():
    similarity = floats(1, 0.999, 0.65, 0.5, 0.29, 0.65, 0.29, 0.95, 0, 0.95)
    containment = floats(1, 1, 0.8, 0.8, 0.8, 0.65, 0.29, 0.95, 0, 0.95)
    pieces = np.zeros(10, np.bool_)
    pieces[7:9] = True
    # Classes 0 to 8 are edited matches by similarity, 9 to 16 cut matches by the share
    # that is left, and 17 to 25 matches in pieces by similarity.
    assert damage_of(similarity, containment, pieces).tolist() == [
        8,
        8,
        4,
        3,
        0,
        13,
        9,
        24,
        17,
        16,
    ]
    assert DAMAGES == 26
    assert BELOW.tolist() == [0, *range(8), 9, *range(9, 16), 17, *range(17, 25)]


def test_a_span_with_less_than_three_percent_of_other_wording_was_only_cut():
    # The spans contain half of the text; 98% and 96% of their 5-grams are from it.
    similarity = 1 / (1 / floats(0.98, 0.96) + 1)
    assert damage_of(similarity, floats(0.5, 0.5), np.zeros(2, np.bool_)).tolist() == [
        12,
        2,
    ]


def test_limits_hold_for_files_that_differ_by_three_times_their_mean():
    """50 of 500 files are drawn, and the numbers of copies are log-normal."""
    rng, right = np.random.default_rng(3), 0
    spread = np.sqrt(np.log(10))
    for _ in range(300):
        means = 3 * rng.lognormal(-(spread**2) / 2, spread, 500)
        counts, size = rng.poisson(means), rng.lognormal(0, 0.5, 500)
        # The files are in random order.
        drawn = DrawnParts(size[:50], size[:50], size[50:])
        found = counts[:50].astype(np.float64)
        design = SampleDesign(drawn.fraction, drawn.design_effect(found))
        right += total(exactly(float(found.sum())), None, design).high >= counts.sum()
    assert right >= 0.95 * 300


def test_which_strata_are_measured():
    licensed = floats(5000, 5001, 4900, 98, 100, 0, 7, 0, 1, 1, 0)
    control = floats(50, 50, 49, 49, 49, 60, 0, 0, 1, 0, 1)
    strata = Strata([*"abcdefghijk"], np.zeros((1, 1), np.int64), licensed, control)
    # A stratum needs 50 control texts, each of which represents at most 100 licensed
    # texts, or half as many control texts as licensed ones.
    assert strata.measured.tolist() == [
        True,
        False,
        False,
        True,
        False,
        False,
        False,
        False,
        True,
        False,
        False,
    ]
    assert strata.weights.tolist() == [100, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0]
    assert [row["stratum"] for row in strata.as_list()] == [*"abcdefgijk"]
    assert strata.as_list()[0] == {
        "stratum": "a",
        "licensed": 5000,
        "control": 50,
        "measured": True,
    }


def test_thin_strata_are_left_out_up_to_a_quarter_of_the_texts():
    def measured(licensed, control):
        strata = Strata(
            [*"abcd"], np.zeros((1, 1), np.int64), floats(*licensed), floats(*control)
        )
        return strata.measured.tolist()

    # A control text represents one licensed text on average, and 10 or more in the thin
    # strata. A stratum with more than a quarter of the texts is measured in any case.
    assert measured([9000, 800, 100, 20], [9000, 80, 300, 20]) == [1, 0, 1, 1]
    assert measured([9000, 2000, 1500, 20], [9000, 200, 120, 20]) == [1, 1, 0, 1]
    assert measured([9000, 4000, 100, 20], [9000, 80, 300, 20]) == [1, 1, 1, 1]
    # Control texts that all represent many licensed texts are no reason.
    assert measured([9000, 900, 0, 0], [90, 60, 0, 0]) == [1, 1, 0, 0]


def test_strata_by_length_need_400_control_texts_of_each_length():
    licensed = np.array([[5.0, 0.0, 7.0], [9.0, 1.0, 0.0]])
    strata = divide(
        ["latin", "thai"],
        [0, 20, 40],
        licensed,
        np.array([[400.0, 0.0, 400.0], [400.0, 399.0, 9.0]]),
    )
    assert strata.of_class.tolist() == [[0, 1, 2], [3, 3, 3]]
    assert strata.names[2:] == ["latin, from 40 characters", "thai"]
    assert (strata.licensed.tolist(), strata.control.tolist()) == (
        [5, 0, 7, 10],
        [400, 0, 400, 808],
    )


def test_thirds_of_the_licensed_texts_have_equal_weights_in_the_control():
    licensed = np.arange(300.0)
    edges, factors = thirds(licensed, np.arange(0.0, 300.0, 2.0), np.ones(150))
    assert edges == pytest.approx([299 / 3, 598 / 3])
    # Both have the same wording, so weights would only add noise.
    assert factors.tolist() == [1, 1, 1]
    control, weights = np.repeat([50.0, 150.0, 250.0], [60, 30, 10]), np.ones(100)
    _, factors = thirds(licensed, control, weights)
    assert factors == pytest.approx([1 / 3 / 0.6, 1 / 3 / 0.3, 1 / 3 / 0.1])
    assert sum(factors * [60, 30, 10]) == pytest.approx(100)
    # Weights by stratum already correct the difference.
    assert thirds(licensed, control, np.repeat([1.0, 2.0, 6.0], [60, 30, 10]))[
        1
    ].tolist() == [1, 1, 1]
    # No factor is above 4.
    factors = thirds(licensed, np.repeat([50.0, 250.0], [199, 1]), np.ones(200))[1]
    assert factors == pytest.approx([1 / 3 / 0.995, 4, 4])
    assert thirds(licensed, control, 0.0 * weights)[1].tolist() == [1, 1, 1]
    edges, factors = thirds(np.zeros(0), control, weights)
    assert (edges.tolist(), factors.tolist()) == ([0, 0], [1, 1, 1])


def test_a_smaller_dataset_has_a_part_of_the_clusters():
    assert rarefied(floats(1, 2, 3), 0.5).tolist() == [0.5, 0.75, 0.875]
    assert rarefied(floats(1, 2), 1.5).tolist() == [1.5, 1.5]


@pytest.mark.parametrize(
    ("clusters", "sizes", "split", "ratio"),
    [
        # 4 of 5 clusters are in 200 of 300 texts: the odds are 4 to 1, times 100 / 200.
        ([3, 1, 0, 1], [100, 100, 50, 50], 2017, 2.0),
        ([1, 0, 1, 0], [300, 10, 20, 30], 2016, 0.2),
        ([0, 1, 1, 2], [10, 10, 10, 300], 2018, 10.0),
        ([2, 1, 0, 0], [100, 100, 50, 50], 2017, None),
    ],
)
def test_chance_in_earlier_and_later_years(clusters, sizes, split, ratio):
    found = years_apart(np.arange(2015, 2019), np.array(clusters), np.array(sizes))
    assert found is not None
    assert (found["split"], found["ratio"]) == (
        split,
        pytest.approx(ratio) if ratio else None,
    )
    at = split - 2015
    limits = scipy.stats.binomtest(sum(clusters[:at]), sum(clusters)).proportion_ci(
        0.95, "exact"
    )
    odds = sum(sizes[at:]) / sum(sizes[:at])
    assert found["low"] == pytest.approx(limits.low / (1 - limits.low) * odds)
    assert found["high"] == (
        pytest.approx(limits.high / (1 - limits.high) * odds) if ratio else None
    )


def test_one_year_or_no_cluster_allows_no_comparison():
    years, sizes = np.array([2015, 2016]), np.array([10, 10])
    assert years_apart(years[:1], np.array([5]), sizes[:1]) is None
    assert years_apart(years, np.array([0, 0]), sizes) is None
    two = years_apart(years, np.array([1, 0]), sizes)
    assert two is not None
    assert two["split"] == 2016


def test_thinned_counts_by_hand():
    # More than 5 losses in a row have a probability of 2 ** -6.
    assert thinned(0, 0.5) == (0, 5)
    assert thinned(1, 0.5)[0] == 1
    low, high = thinned(4, 0.5)
    assert (low, high) == (
        4 + scipy.stats.nbinom.ppf(0.025, 4, 0.5),
        4 + scipy.stats.nbinom.ppf(0.975, 5, 0.5),
    )
    assert thinned(8, 0.5, effect=2) == (2 * low, 2 * high)
    assert [negative_binomial_quantile(0.975, 3.0, mean) for mean in (0.0, -1.0)] == [
        0,
        0,
    ]


def test_the_largest_clusters_may_match_by_chance():
    # Up to 5 clusters may match by chance if the control has none of their size or
    # larger, 7 if it has one, and 22 if it has ten.
    like = floats(1, 1, 1, 1, 3, 3)
    assert predict_chance(NONE, NONE, 1.0, like) == Chance(0, 0, 3 + 3 + 1 + 1 + 1)
    assert predict_chance(floats(1), floats(3), 1.0, like).high == like.sum()
    like = np.append(np.ones(500), 1000.0)
    assert [
        predict_chance(np.ones(k), np.ones(k), 1.0, like).high for k in (0, 1, 10)
    ] == [1004, 1006, 1021]
    # 0.9 ** 36 is below 0.025, so at most 35 clusters match by chance.
    assert predict_chance(NONE, NONE, 9.0, np.full(50, 4.0)) == Chance(0, 0, 4 * 35)
    # Halving all sizes halves the limits.
    whole, halves = (
        predict_chance(np.ones(9), np.full(9, size), 1.0) for size in (1.0, 0.5)
    )
    assert (halves.low, halves.high) == (whole.low / 2, whole.high / 2)


def test_chance_with_unequal_weights_or_sizes():
    # Weights 1 and 3 have mean 4 and variance 10, or 7 and 19 with the additional
    # cluster of weight 3.
    chance = predict_chance(floats(1, 3), floats(1, 1), 3.0)
    assert chance.expected == 4
    assert chance.low == scipy.stats.nbinom.ppf(0.025, 16 / 10, 16 / 10 / (16 / 10 + 4))
    assert chance.high == scipy.stats.nbinom.ppf(
        0.975, 49 / 19, 49 / 19 / (49 / 19 + 7)
    )
    # The unit for sizes 1 and 3 is 10 / 4; the additional cluster has size 2.
    sized = predict_chance(floats(1, 1), floats(1, 3), 1.0)
    assert sized.low == pytest.approx(
        2.5 * scipy.stats.nbinom.ppf(0.025, 1.6, 1.6 / (1.6 + 1.6))
    )
    assert sized.high == pytest.approx(
        2.5 * scipy.stats.nbinom.ppf(0.975, 36 / 14, 36 / 14 / (36 / 14 + 2.4))
    )


HALF = Recall(0.5, 0.25, 0.8, {}, {})


def test_totals_by_hand():
    assert total(Factor(5, 4, 6), None) == Factor(5, pytest.approx(4), pytest.approx(6))
    assert total(Factor(1, 1, 1), None) == Factor(1, 1, 1)
    certain = Recall(0.5, 0.5, 0.5, {}, {})
    low, high = thinned(4, 0.5)
    assert total(Factor(4, 4, 4), certain) == Factor(
        8, pytest.approx(low), pytest.approx(high)
    )
    half = total(Factor(4, 4, 4), None, SampleDesign(0.5))
    assert half == Factor(8, pytest.approx(low), pytest.approx(high))
    assert total(Factor(0, 0, 4), HALF) == Factor(0, 0, thinned(4, 0.25)[1])
    assert total(Factor(0, 0, -1), HALF, SampleDesign(0.5, 3.0)) == Factor(
        0, 0, thinned(0, 0.125, effect=3.0)[1]
    )
    # Recall is 0.5, and 0.25 to 0.8: the limits are lower by a factor of 1.6, and
    # higher by a factor of 2.
    recall = total(Factor(1e9, 1e9, 1e9), HALF)
    assert (recall.low, recall.high) == (
        pytest.approx(2e9 / 1.6, rel=1e-3),
        pytest.approx(4e9, rel=1e-3),
    )


def test_a_projection_caps_values_and_its_upper_limit_caps_upper_limits():
    most = Factor(20.0, 10.0, 45.0)
    size, none = Size(12, 12), Chance(0, 0, 0)
    strengths = [Strength(size, none, True)]
    found = Found(12, size, size, 12, 12, most)
    number = layered(
        found, strengths, none, (HALF, HALF), Factor(0.5, 0.25, 0.8), SampleDesign(0.25)
    )
    assert number.estimate is not None
    assert (
        number.estimate.value,
        number.estimate.high,
        number.at_most,
        number.at_most_any,
    ) == (20, 45, 45, 45)
    shares = number.scaled(1 / 20, most=1.0)
    assert shares.estimate == Factor(1.0, number.estimate.low / 20, 1.0)
    assert shares.at_most == 1.0


def test_error_rates_of_lists_by_hand():
    # 8, 9, 10, 12 and 12 matches reach the scores 5, 4, 3, 2 and 1. Control matches
    # with the weights 1, 1 and 3 have the scores 1, 3 and 4, and the additional one has
    # the weight 3: 3 of 8, 6 of 9, 7 of 10, 7 of 12 and 8 of 12 matches are false. The
    # list that ends at 2 has a lower rate than those that end at 3 and 4.
    scores = [*[5.0] * 8, 4.0, 3.0, 2.0, 2.0]
    q = q_values(
        [3.0, 5.0, 4.0, 1.0, 2.0, 5.0], scores, [3.0, 4.0, 1.0], [1.0, 3.0, 1.0]
    )
    assert q.tolist() == [7 / 12, 3 / 8, 7 / 12, 8 / 12, 7 / 12, 3 / 8]
    # With a control twice as large, the additional match has the weight 0.5.
    assert q_values([6.0, 5.0, 4.0], [5.0, 4.0], [], 0.5).tolist() == [0.25, 0.25, 0.25]
    assert q_values([5.0], [5.0], [], 0.5).tolist() == [0.5]
    assert q_values([6.0], [5.0], [], 1.0).tolist() == [1.0]
    for bad in ([np.nan], [1.0]):
        with pytest.raises(ParameterError, match="weights above 0"):
            q_values(bad, [1.0], [1.0], [0.0] if bad == [1.0] else [1.0])


def test_bits_of_edited_and_cut_matches():
    # 26 of 46 5-grams are in common: four edits, each of which destroys five.
    assert matched_bits(113.0, 50, 26 / 46) == pytest.approx(113 - 4 * np.log2(50))
    # A stretch of 100 of 200 code points, without one or both ends of the text. Each
    # letter fewer than 90 costs a quarter of a bit.
    for cuts, letters, cost in ((1, 90, 0.0), (2, 90, 0.0), (1, 84, 1.5), (0, 40, 0.0)):
        assert matched_bits(
            300.0, 100, 1.0, text_length=200, cuts=cuts, letters=letters
        ) == pytest.approx(300 - cuts * np.log2(200) - cost)
    # A text shorter than a 5-gram counts as one 5-gram.
    assert matched_bits(30.0, 3, 1.0) == matched_bits(30.0, 3, 0.0) == 30.0
    # An edit of a text of one code point costs nothing, and a share is at most 1.
    assert matched_bits(15.0, 1, 0.5) == matched_bits(15.0, 0, 0.5) == 15.0
    assert matched_bits(30.0, 50, 1.1) == 30.0
