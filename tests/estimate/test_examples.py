"""Test the statistics with small examples that were computed by hand, and with values
at the limits of rules.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy  # imports its subpackages when they are first used

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
from provscan.estimate.layers import (
    Found,
    Size,
    Strength,
    layered,
    rounded,
)
from provscan.estimate.limits import SampleDesign, negative_binomial_quantile, total
from provscan.estimate.recall import Recall
from provscan.estimate.strata import Strata, divide, rarefied, years_apart

NONE = np.zeros(0)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def student(freedom: float) -> float:
    """Return the factor of a design effect for few degrees of freedom."""
    return float((scipy.special.stdtrit(freedom, 0.975) / 1.96) ** 2)


@pytest.mark.parametrize(
    ("hits", "sizes", "records", "rest", "effect"),
    [
        # Without hits, the trials are files of 3 and 4 records: (9 + 16) / 7.
        ([0, 0], [1, 1], [3, 4], [], 25 / 7),
        ([0, 0], [1, 1], [0, 0], [], 1.0),
        # Another file, eight times as large, was not drawn: 66 / 10 of 7 / 2 records.
        ([0, 0], [1, 1], [3, 4], [8], 6.6 * 3.5),
        # All hits are in one file, so they count as one.
        ([4], [1], [9], [], 4.0),
        # Two hits are expected in each file. The squares 1 and 1, and the larger one
        # again, are multiplied by 2 / 1 and divided by 4 hits. There is one degree of
        # freedom, since 16 / 10 - 1 is less.
        ([3, 1], [1, 1], [9, 9], [], 2 * 3 / 4 * student(1)),
        # 2, 2 and 4 hits are expected; 64 / 24 - 1 degrees of freedom.
        ([4, 2, 2], [1, 1, 2], [9, 9, 9], [], 3 / 2 * 12 / 8 * student(5 / 3)),
        # Of files that were not drawn, one as large as both drawn files together
        # doubles the variance, and four of the size of a drawn file do not change it.
        ([3, 1], [1, 1], [9, 9], [2], 2 * 2 * 3 / 4 * student(1)),
        ([3, 1], [1, 1], [9, 9], [1, 1, 1, 1], 2 * 3 / 4 * student(1)),
        # One file of the size of a drawn file, or eight of half that size, do not
        # change it either.
        ([3, 1], [1, 1], [9, 9], [1], 2 * 3 / 4 * student(1)),
        ([3, 1], [1, 1], [9, 9], [0.5] * 8, 2 * 3 / 4 * student(1)),
        ([3, 3, 3, 3], [1, 1, 1, 1], [9, 9, 9, 9], [], 1.0),
    ],
)
def test_the_design_effect_of_files(
    hits: list[float],
    sizes: list[float],
    records: list[float],
    rest: list[float],
    effect: float,
) -> None:
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
def test_the_number_of_files_that_a_sample_may_miss(
    drawn: int, rest: int, unseen: int
) -> None:
    assert DrawnParts(np.ones(drawn), np.ones(drawn), np.ones(rest)).unseen == unseen


def test_classes_of_damage() -> None:
    similarity = floats(1, 0.999, 0.65, 0.5, 0.29, 0.65, 0.29, 0.95, 0, 0.95)
    containment = floats(1, 1, 0.8, 0.8, 0.8, 0.65, 0.29, 0.95, 0, 0.95)
    pieces = np.zeros(10, np.bool_)
    pieces[7:9] = True
    # Classes 0 to 8 are edited copies, by similarity; classes 9 to 16 are truncated
    # copies, by containment; classes from 17 on are copies in pieces, by similarity.
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


def test_a_span_may_have_three_percent_of_other_wording_to_count_as_cut() -> None:
    # The spans contain half of the text; 98% and 96% of their 5-grams are in the text.
    similarity = 1 / (1 / floats(0.98, 0.96) + 1)
    assert damage_of(similarity, floats(0.5, 0.5), np.zeros(2, np.bool_)).tolist() == [
        12,
        2,
    ]


def test_which_strata_are_measured() -> None:
    licensed = floats(5000, 5001, 4900, 98, 100, 0, 7, 0, 1, 1, 0)
    control = floats(50, 50, 49, 49, 49, 60, 0, 0, 1, 0, 1)
    strata = Strata([*"abcdefghijk"], np.zeros((1, 1), np.int64), licensed, control)
    # A stratum needs 50 control texts, each for at most 100 licensed ones, or else half
    # as many control texts as licensed ones.
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


def test_strata_by_length_need_400_control_texts_of_each_licensed_length() -> None:
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


def test_a_smaller_dataset_contains_some_of_the_clusters() -> None:
    assert rarefied(floats(1, 2, 3), 0.5).tolist() == [0.5, 0.75, 0.875]
    assert rarefied(floats(1, 2), 1.5).tolist() == [1.5, 1.5]


@pytest.mark.parametrize(
    ("clusters", "sizes", "split", "ratio"),
    [
        # 4 of 5 clusters are in 200 of 300 texts: odds of 4 to 1, times 100 / 200.
        ([3, 1, 0, 1], [100, 100, 50, 50], 2017, 2.0),
        ([1, 0, 1, 0], [300, 10, 20, 30], 2016, 0.2),
        ([0, 1, 1, 2], [10, 10, 10, 300], 2018, 10.0),
        ([2, 1, 0, 0], [100, 100, 50, 50], 2017, None),
    ],
)
def test_the_ratio_of_chance_in_earlier_and_later_years(
    clusters: list[int], sizes: list[int], split: int, ratio: float | None
) -> None:
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


def test_years_without_clusters_are_not_compared() -> None:
    years, sizes = np.array([2015, 2016]), np.array([10, 10])
    assert years_apart(years[:1], np.array([5]), sizes[:1]) is None
    assert years_apart(years, np.array([0, 0]), sizes) is None
    two = years_apart(years, np.array([1, 0]), sizes)
    assert two is not None
    assert two["split"] == 2016


def test_thinned_counts_by_hand() -> None:
    # The probability that a fair coin loses more than 5 times in a row is 2 ** -6.
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


def test_the_largest_clusters_may_be_chance() -> None:
    # A control without clusters allows for 5 clusters by chance, one cluster allows for
    # 7 and ten for 22. Of clusters larger than those of the control, 5 may be chance.
    like = floats(1, 1, 1, 1, 3, 3)
    assert predict_chance(NONE, NONE, 1.0, like) == Chance(0, 0, 3 + 3 + 1 + 1 + 1)
    assert predict_chance(floats(1), floats(3), 1.0, like).high == like.sum()
    like = np.append(np.ones(500), 1000.0)
    assert [
        predict_chance(np.ones(k), np.ones(k), 1.0, like).high for k in (0, 1, 10)
    ] == [1004, 1006, 1021]
    # 0.9 ** 36 is the first power below 0.025.
    assert predict_chance(NONE, NONE, 9.0, np.full(50, 4.0)) == Chance(0, 0, 4 * 35)
    # If all clusters have the size 0.5, the limits are half as large.
    whole, halves = (
        predict_chance(np.ones(9), np.full(9, size), 1.0) for size in (1.0, 0.5)
    )
    assert (halves.low, halves.high) == (whole.low / 2, whole.high / 2)


def test_unequal_weights_have_the_mean_and_variance_of_their_sum() -> None:
    # Weights 1 and 3 have mean 4 and variance 10; with one more of weight 3, these are
    # 7 and 19.
    chance = predict_chance(floats(1, 3), floats(1, 1), 3.0)
    assert chance.expected == 4
    assert chance.low == scipy.stats.nbinom.ppf(0.025, 16 / 10, 16 / 10 / (16 / 10 + 4))
    assert chance.high == scipy.stats.nbinom.ppf(
        0.975, 49 / 19, 49 / 19 / (49 / 19 + 7)
    )
    # Sizes 1 and 3 are counted in units of 10 / 4; the additional one has size 2.
    sized = predict_chance(floats(1, 1), floats(1, 3), 1.0)
    assert sized.low == pytest.approx(
        2.5 * scipy.stats.nbinom.ppf(0.025, 1.6, 1.6 / (1.6 + 1.6))
    )
    assert sized.high == pytest.approx(
        2.5 * scipy.stats.nbinom.ppf(0.975, 36 / 14, 36 / 14 / (36 / 14 + 2.4))
    )


HALF = Recall(0.5, 0.25, 0.8, {}, {})


def test_totals_corrected_for_recall_and_sampling() -> None:
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
    # With exact counts, the limits are those of recall: 0.8 / 0.5 is a factor of 1.6
    # down, 0.5 / 0.25 one of 2 up.
    recall = total(Factor(1e9, 1e9, 1e9), HALF)
    assert (recall.low, recall.high) == (
        pytest.approx(2e9 / 1.6, rel=1e-3),
        pytest.approx(4e9, rel=1e-3),
    )


def test_numbers_are_rounded_to_twelve_digits() -> None:
    assert rounded(0.1 + 0.2) == 0.3
    assert rounded(1.23456789012345) == 1.23456789012
    assert rounded(None) is None


def test_a_projection_limits_estimates_and_upper_bounds() -> None:
    most = Factor(20.0, 10.0, 45.0)
    size, none = Size(12, 12), Chance(0, 0, 0)
    strengths, found = [Strength(size, none, True)], Found(12, size, size, 12, most)
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


def test_error_rates_of_lists_by_hand() -> None:
    # 8, 9, 10, 12 and 12 matches reach the scores from 5 to 1. Control matches with the
    # weights 1, 1 and 3 have the scores 1, 3 and 4, and an additional one has the
    # weight 3. So 3 of 8, 6 of 9, 7 of 10, 7 of 12 and 8 of 12 matches are false, and
    # of the lists that contain score 3, the one down to score 2 is the best.
    scores = [*[5.0] * 8, 4.0, 3.0, 2.0, 2.0]
    q = q_values(
        [3.0, 5.0, 4.0, 1.0, 2.0, 5.0], scores, [3.0, 4.0, 1.0], [1.0, 3.0, 1.0]
    )
    assert q.tolist() == [7 / 12, 3 / 8, 7 / 12, 8 / 12, 7 / 12, 3 / 8]
    # If the control is twice as large, the additional match has half the weight.
    assert q_values([6.0, 5.0, 4.0], [5.0, 4.0], [], 0.5).tolist() == [0.25, 0.25, 0.25]
    assert q_values([5.0], [5.0], [], 0.5).tolist() == [0.5]
    assert q_values([6.0], [5.0], [], 1.0).tolist() == [1.0]
    for bad in ([np.nan], [1.0]):
        with pytest.raises(ParameterError, match="weights above 0"):
            q_values(bad, [1.0], [1.0], [0.0] if bad == [1.0] else [1.0])


def test_bits_that_edits_and_cuts_cost() -> None:
    # Of 46 5-grams, 26 are in the span, which has no others. A cut would cost log2(50)
    # bits, and 90 - 26 - 4 bits more since the part is short; four edits cost only four
    # times log2(50).
    cost = np.log2(50)
    share = 26 / 46
    assert matched_bits(200.0, 50, share, share) == pytest.approx(
        200 * share - 4 * cost
    )
    assert matched_bits(900.0, 200, 100 / 196, 100 / 196) == pytest.approx(
        900 * 100 / 196 - np.log2(200)
    )
    # 80 5-grams are 84 characters, which is 6 less than 90.
    assert matched_bits(900.0, 200, 80 / 196, 80 / 196) == pytest.approx(
        900 * 80 / 196 - np.log2(200) - 6
    )
    # If the similarity is unknown, all missing 5-grams count as edited.
    assert (
        matched_bits(900.0, 200, 0.5)
        == matched_bits(900.0, 200, 0.5, 0.0)
        < matched_bits(900.0, 200, 0.5, 0.5)
    )
    # A text shorter than five characters is its only 5-gram.
    assert matched_bits(30.0, 3, 1.0) == 30.0
    assert matched_bits(30.0, 3, 0.0) == 0.0
    # In a text of one code point, there is no choice of where to edit it. A share is at
    # most 1.
    assert matched_bits(30.0, 1, 0.5) == matched_bits(30.0, 0, 0.5) == 15.0
    assert matched_bits(30.0, 50, 1.1) == 30.0
