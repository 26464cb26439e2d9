import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provscan.errors import ParameterError
from provscan.estimate import (
    Control,
    Sample,
    SpikeIns,
    Stratified,
    chao1,
    corrected_amount,
    corrected_count,
    corrected_prevalence,
    dispersion,
    distinct_texts,
    thinned,
)


def test_value_is_rogan_and_gladens():
    estimate = corrected_prevalence(300, 1000, Control(20, 1000), SpikeIns(90, 100))
    assert estimate.value == pytest.approx((0.3 - 0.02) / (0.9 - 0.02))


def test_same_counts_same_interval():
    first, second = (corrected_count(50, 1000, Control(1, 1000), SpikeIns(90, 100)) for _ in range(2))
    assert first == second


def test_zero_matches_give_an_upper_bound_and_not_a_zero():
    sampled = corrected_count(0, 1000, Control(0, 1000), SpikeIns(90, 100), sample=Sample(0.01))
    assert (sampled.value, sampled.low) == (0, 0)
    # A share of 2.5 per 1000 is about what zero of 1000 leaves open, of 100,000 records.
    assert 150 < sampled.high < 600


def test_fewer_matches_than_chance_still_leave_an_upper_bound():
    estimate = corrected_count(3, 10_000, Control(60, 10_000), SpikeIns(90, 100))
    assert estimate.low == 0
    assert estimate.high > 0


@settings(max_examples=40)
@given(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(0, 50),
    st.floats(50, 1e5),
    st.integers(30, 100),
    st.floats(1, 20),
)
def test_interval_holds_the_value_and_stays_in_range(counts, false, trials, spikes, spread):
    found, n = counts
    estimate = corrected_count(found, n, Control(min(false, trials / 10), trials, spread), SpikeIns(spikes, 100))
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= n


@pytest.mark.parametrize(
    ("control", "recall", "reason"),
    [
        (None, SpikeIns(90, 100), "no control"),
        (Control(0, 10), SpikeIns(0, 0), "no spike-ins"),
        (Control(0, 10), SpikeIns(0, 100), "none of 100"),
        (Control(0, 10), SpikeIns(9, 10), "only 10"),
        (Control(0, 10), SpikeIns(10, 100), "below 0.2"),
        (Control(5, 10), SpikeIns(40, 100), "not above the false-match rate"),
    ],
)
def test_without_its_assumptions_a_number_is_withheld_and_the_raw_count_stays(control, recall, reason):
    estimate = corrected_count(7, 100, control, recall)
    assert not estimate.valid
    assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
    assert reason in estimate.reason
    assert estimate.raw["found"] == 7


def test_a_control_of_texts_is_scaled_by_the_sizes_of_the_two():
    control = Control.of_texts(found=3, records=1000, control_texts=50, licensed_texts=500)
    assert control.rate * 1000 == pytest.approx(30)


def test_dispersion():
    assert dispersion([]) == 1
    assert dispersion([1] * 30) == 1
    assert dispersion([1] * 30 + [10]) == pytest.approx((30 + 200) / 50)
    assert dispersion([1], [10, 10]) == pytest.approx((1 + 300) / 31)


def test_thinning_by_a_known_fraction_of_the_corpus_scales_up():
    full = distinct_texts([1] * 100, 1000, Control(0, 1000), SpikeIns(100, 100))
    half = distinct_texts([1] * 100, 500, Control(0, 1000), SpikeIns(100, 100), index_fraction=0.5)
    assert full.value == pytest.approx(100)
    assert half.value == pytest.approx(200)
    assert half.low < 180 < 220 < half.high


@pytest.mark.parametrize(
    ("once", "twice", "texts", "n", "value", "low", "high"),
    [(12, 4, 26, 168, 43.893, 30.511, 96.971), (14, 4, 37, 252, 61.403, 43.502, 128.583)],
    ids=["girdled", "logged"],
)
def test_chao1_of_published_spiders(once, twice, texts, n, value, low, high):
    """Spiders of Sackett et al. 2011, as worked out in the manual of iNEXT."""
    rest = texts - once - twice
    occurrences = [1] * once + [2] * twice + [3] * (rest - 1)
    occurrences.append(n - sum(occurrences))
    estimate = chao1(occurrences)
    assert estimate.kind == "lower_bound"
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((value, low, high), abs=0.01)


def test_chao1_without_doubles_and_without_singles():
    assert chao1([1, 1, 1]).value == pytest.approx(3 + 2 / 3 * 3)
    assert chao1([5, 5]).value == 2
    assert chao1([]).value == 0


def test_amount_of_nothing_found_is_bounded_by_the_sizes_of_spike_ins():
    arguments = ([], 1000, 1e5, Control(0, 1000), SpikeIns(90, 100))
    assert "bounds no amount" in corrected_amount(*arguments).reason
    estimate = corrected_amount(*arguments, spike_sizes=[50.0, 100.0], sample=Sample(0.1))
    assert estimate.low == 0
    assert 0 < estimate.high < 0.01


def test_without_matches_the_classes_are_mixed_as_planted():
    recall = Stratified(np.array([100.0, 100.0]), np.array([95.0, 70.0]), np.zeros(2))
    assert recall.value == pytest.approx(165 / 200, rel=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: corrected_count(5, 4, None, SpikeIns(1, 1)), "found <= trials"),
        (lambda: SpikeIns(2, 1), "2 of 1"),
        (lambda: Control(-1, 5), "found >= 0"),
        (lambda: Control(1, 5, 0.5), "dispersion"),
        (lambda: Control.of_texts(1, 10, 0, 5), "control texts"),
        (lambda: Sample(0), "fraction"),
        (lambda: Sample(0.5, 0), "effective"),
        (lambda: thinned(SpikeIns(1, 1), 0), "fraction"),
        (lambda: chao1([0]), "at least 1"),
        (lambda: distinct_texts([0], 10, None, SpikeIns(1, 1)), "at least 1"),
        (lambda: corrected_amount([5.0], 10, 4.0, None, SpikeIns(1, 1)), "5.0 of 4.0"),
        (lambda: Stratified(np.ones(1), np.zeros(2), np.zeros(2)), "the same classes"),
        (lambda: Stratified(np.ones(2), np.full(2, 3.0), np.zeros(2)), "more spike-ins"),
    ],
)
def test_errors_say_what_was_found(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
