"""Simulated truth: the intervals cover it as often as they say, within the error of the simulation itself."""

import numpy as np
import pytest

from provscan.estimate import (
    Control,
    Sample,
    SpikeIns,
    Stratified,
    TextRecall,
    corrected_amount,
    corrected_count,
    corrected_prevalence,
    dispersion,
    distinct_texts,
)

RUNS = 100
# Four standard errors of a share of 0.95 measured on 100 runs.
SLACK = 4 * (0.95 * 0.05 / RUNS) ** 0.5


def covers(estimate, truth):
    return estimate.low - 1e-9 <= truth <= estimate.high + 1e-9


@pytest.mark.parametrize(
    ("n", "p", "r", "f"), [(1000, 0.2, 0.8, 0.001), (10_000, 0.01, 0.95, 0.001), (100_000, 0.01, 0.9, 0)]
)
@pytest.mark.parametrize("fraction", [1.0, 0.1])
def test_counts(n, p, r, f, fraction):
    rng = np.random.default_rng(5)
    covered = wide = 0
    for _ in range(RUNS):
        whole = round(n / fraction)
        truth = round(p * whole)
        inside = truth if fraction == 1 else rng.hypergeometric(truth, whole - truth, n)
        found = rng.binomial(inside, r) + rng.binomial(n - inside, f)
        estimate = corrected_count(
            found, n, Control(rng.poisson(n * f), n), SpikeIns(rng.binomial(500, r), 500), sample=Sample(fraction)
        )
        covered += covers(estimate, truth)
        # What the interval would be without any correction misses the truth: the test can fail.
        wide += abs(found / fraction - truth) > (estimate.high - estimate.low) / 2
    assert covered / RUNS > 0.93 - SLACK
    assert covered < RUNS
    assert wide > 0


@pytest.mark.parametrize("f", [0.0002, 0.001])
@pytest.mark.parametrize("fraction", [1.0, 0.1])
def test_nothing_there_is_rarely_claimed(f, fraction):
    rng = np.random.default_rng(6)
    n, claims = 20_000, 0
    for _ in range(RUNS):
        control = Control(rng.poisson(n * f / 2), n / 2)
        estimate = corrected_prevalence(rng.binomial(n, f), n, control, SpikeIns(95, 100), sample=Sample(fraction))
        claims += estimate.low > 0
    assert claims / RUNS <= 0.05


def test_bunched_false_matches_are_rarely_claimed():
    rng = np.random.default_rng(7)
    n, claims, naive = 50_000, 0, 0
    for _ in range(RUNS):
        false, wrong = (rng.geometric(0.4, rng.poisson(4)) for _ in range(2))
        recall = SpikeIns(95, 100)
        claims += corrected_count(false.sum(), n, Control(wrong.sum(), n, dispersion(wrong, false)), recall).low > 0
        naive += corrected_count(false.sum(), n, Control(wrong.sum(), n), recall).low > 0
    assert claims / RUNS <= 0.05
    assert naive / RUNS > 0.05


def test_amounts():
    rng = np.random.default_rng(8)
    n, r, f, covered = 10_000, 0.95, 0.001, 0
    for _ in range(RUNS):
        sizes = 20 + rng.gamma(3.0, 25.0, 200)
        hits, false = sizes[rng.random(200) < r], 20 + rng.gamma(2.0, 10.0, rng.binomial(n, f))
        wrong = 20 + rng.gamma(2.0, 10.0, rng.poisson(n * f))
        recall = SpikeIns(rng.binomial(500, r), 500)
        estimate = corrected_amount(
            np.concatenate([hits, false]), n, 1e6, Control(len(wrong), n), recall, control_sizes=wrong
        )
        covered += covers(estimate, sizes.sum() / 1e6)
    assert 0.93 - SLACK < covered / RUNS < 1


def test_distinct_texts_of_an_index_of_a_known_fraction():
    rng = np.random.default_rng(9)
    texts, truth, r, fraction, covered = 30_000, 2_000, 0.9, 0.25, 0
    for _ in range(RUNS):
        indexed = rng.binomial(truth, fraction)
        seen = rng.binomial(rng.geometric(0.6, indexed), r)
        recall = SpikeIns(rng.binomial(500, r), 500)
        estimate = distinct_texts(seen[seen > 0], texts * fraction, Control(0, texts), recall, index_fraction=fraction)
        covered += covers(estimate, truth)
    assert 0.93 - SLACK < covered / RUNS < 1


# How the copies of three kinds of edits look, and how many of a look are found, whatever made it.
LOOKS = np.array([[0.95, 0.05, 0.0, 0.0], [0.1, 0.3, 0.4, 0.2], [0.0, 0.1, 0.3, 0.6]])
FOUND = np.array([0.999, 0.97, 0.9, 0.6])


@pytest.mark.parametrize("weights", [[1, 0, 0], [0, 0.2, 0.8], [0.3, 0.4, 0.3]])
def test_the_mix_of_edits_is_seen_in_the_matches(weights):
    rng = np.random.default_rng(10)
    runs, n, covered, naive = 80, 3000, 0, 0
    for _ in range(runs):
        planted = sum(rng.multinomial(300, look) for look in LOOKS)
        back = rng.binomial(planted, FOUND)
        matches = rng.binomial(
            sum(rng.multinomial(k, look) for k, look in zip(rng.multinomial(n, weights), LOOKS, strict=True)), FOUND
        )
        recall = Stratified(planted.astype(float), back.astype(float), matches.astype(float))
        found, control = int(matches.sum()), Control(0, 10 * n)
        covered += covers(corrected_count(found, 10 * n, control, recall), n)
        naive += covers(corrected_count(found, 10 * n, control, SpikeIns(back.sum(), 900)), n)
    assert covered / runs > 0.93 - 4 * (0.95 * 0.05 / runs) ** 0.5
    if weights[0] != 0.3:
        assert naive / runs < 0.1


def test_repeated_texts_are_found_more_often_than_single_ones():
    recall = SpikeIns(80, 100)
    assert TextRecall(recall, np.array([1] * 10)).value == pytest.approx(0.8)
    rng = np.random.default_rng(11)
    seen = rng.binomial(rng.integers(1, 6, 100_000), 0.8)
    found = seen[seen > 0]
    assert len(found) / TextRecall(recall, found).value == pytest.approx(100_000, rel=0.01)
    # Mistakes move nothing on average, and make the draws wider.
    sure, unsure = (TextRecall(recall, found[:500], mistaken=share) for share in (0.0, 0.1))
    assert sure.value == unsure.value
    spread = [one.draw(np.random.default_rng(3), 4000) for one in (sure, unsure)]
    assert spread[1].std() > 1.5 * spread[0].std()
    assert spread[1].mean() == pytest.approx(spread[0].mean(), rel=0.01)
    # Of a tenth of the texts, no copy can be found.
    less = TextRecall(SpikeIns(72, 100), found, possible=0.9)
    assert len(found) / less.value == pytest.approx(100_000 / 0.9, rel=0.01)
