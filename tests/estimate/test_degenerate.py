"""Numbers of tables that are empty or one-sided: none is nan, and none fails."""

import math
import random
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tweets import sentence

import provscan
from provscan.estimate.damage import DAMAGES
from provscan.estimate.fdr import q_values
from provscan.estimate.layers import Found, Layers, Size, Strength, layered
from provscan.estimate.limits import (
    Chance,
    Factor,
    SampleDesign,
    exactly,
    minus_chance,
    predict_chance,
    sharing_factor,
    total,
)
from provscan.estimate.recall import Planted, Recall, recall_of
from provscan.estimate.strata import divide, rarefied, thirds, years_apart

counts = st.integers(0, 3) | st.integers(0, 10**7)
# Shares, often 0 or 1.
shares = st.sampled_from([0.0, 1e-300, 1e-12, 0.5, 1.0]) | st.floats(0.0, 1.0)


@st.composite
def recalls(draw):
    low, value, high = sorted(draw(st.tuples(shares, shares, shares)))
    return Recall(value, low, max(high, 1e-12), {}, {})


@st.composite
def chances(draw):
    low, expected, high = sorted(draw(st.tuples(counts, counts, counts)))
    return Chance(float(expected), float(low), float(high))


def numbers(value):
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif value is not None:
        yield value


@given(counts, chances(), recalls(), st.floats(1e-6, 1.0), st.floats(1.0, 1e4))
def test_a_total_is_a_number(count, chance, recall, fraction, effect):
    result = total(
        minus_chance(count, chance), recall, SampleDesign(fraction, effect), 2.0
    )
    assert result.low <= result.value <= result.high
    assert result.low >= 0.0


@given(
    st.tuples(counts, counts, counts, counts).map(lambda n: sorted(n, reverse=True)),
    chances(),
    recalls() | st.none(),
    st.booleans(),
    counts,
)
def test_layers_are_finite(found, chance, recall, claimed, more):
    every, findings, counted, nearly = map(float, found)
    result = layered(
        Found(
            findings,
            Size(every, every),
            Size(counted, counted),
            nearly,
            nearly,
            exactly(every + more),
        ),
        [Strength(Size(counted, counted), chance, claimed)],
        chance,
        (recall, recall),
        None if recall is None else Factor(recall.value, recall.low, recall.high),
    )
    assert all(map(math.isfinite, numbers(result.as_dict())))
    assert result.at_least is not None
    assert result.at_least <= every + more


@st.composite
def spike_ins(draw):
    groups = draw(st.integers(1, 4))
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "b", "c"]),
                st.integers(0, groups - 1),
                st.integers(0, DAMAGES - 1),
                st.booleans(),
            ),
            min_size=1,
            max_size=40,
        )
    )
    edit, group, damage, found = (np.array(each) for each in zip(*rows, strict=True))
    cells = st.lists(
        st.integers(0, 2), min_size=groups * DAMAGES, max_size=groups * DAMAGES
    )
    shown = np.array(draw(cells), float).reshape(groups, DAMAGES)
    return Planted(edit, group, damage, found), shown


@given(spike_ins(), st.booleans())
def test_recall_is_a_positive_share(drawn, upper):
    recall = recall_of(*drawn, upper=upper)
    if recall is not None:
        assert 0.0 < recall.low <= recall.value <= recall.high <= 1.0
        others = recall.hidden, recall.at_worst, recall.unlike
        assert all(map(math.isfinite, others))
        assert sum(recall.mixture.values()) == pytest.approx(1.0)


sizes = st.lists(st.integers(0, 5), max_size=6).map(lambda n: np.array(n, float))


@given(sizes, shares, sizes | st.none())
def test_predicted_chance_is_a_number(control, weight, licensed):
    control = control[control > 0]
    weight = max(weight, 1e-9)
    weights = np.full(len(control), weight)
    chance = predict_chance(weights, control, weight, licensed)
    assert chance.low >= 0.0
    assert math.isfinite(chance.expected)
    assert math.isfinite(chance.high)


@given(st.tuples(counts, counts, counts, counts), st.floats(1e-6, 1.0))
def test_a_sharing_factor_is_at_most_one(showing, share):
    factor = sharing_factor(np.array(showing), share)
    assert 0.0 < factor.low <= factor.value <= factor.high <= 1.0 + 1e-12


@given(sizes, sizes, shares)
def test_strata_of_few_texts(first, second, x):
    edges, factors = thirds(first, second, np.full(len(second), x))
    assert np.isfinite(edges).all()
    assert np.isfinite(factors).all()
    lengths = (20, 60)
    licensed, control = (
        np.resize(np.append(each, 0.0), (2, 2)) for each in (first, second)
    )
    strata = divide(["latin", "greek"], lengths, licensed, control)
    assert np.isfinite(strata.weights).all()
    assert np.isfinite(rarefied(first, x)).all()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=5))
def test_years_of_few_clusters(drawn):
    clusters, texts = np.array(drawn, np.int64).reshape(-1, 2).T
    apart = years_apart(2000 + np.arange(len(drawn)), clusters, texts)
    assert all(map(math.isfinite, numbers(apart)))


@given(sizes, sizes, shares)
def test_error_rates_are_shares(targets, decoys, weight):
    weights = np.full(max(1, len(decoys)), max(weight, 1e-9))
    steps = np.append(np.unique(np.append(targets, decoys)), np.inf)
    rates = q_values(steps, targets, decoys, weights)
    assert ((rates >= 0.0) & (rates <= 1.0)).all()


def test_sixty_variants_of_one_text_have_finite_numbers(tmp_path):
    rng = random.Random(5)
    text = sentence(rng, "latin", 120)
    texts = [f"{text} {sentence(rng, 'latin', 12)}" for _ in range(60)]
    tweets = [
        {"text": text, "created_at": f"20{18 + n % 2}-02-03"}
        for n, text in enumerate(texts)
    ]
    index = provscan.build_index(tweets, tmp_path / "licensed.index")
    data = [{"text": text} for text in texts] * 3
    run = provscan.match(data, index, tmp_path / "a.run", cutoff="2019-01-01")
    assert run.summary["recall"]["found"] > 0
    assert run.summary["matches"] > 0
    for unit in ("records", "texts", "tweets", "characters"):
        shown = run.summary["answer"][unit]
        layers = [shown.get(name) for name in Layers.NUMBERS]
        assert all(map(math.isfinite, chain.from_iterable(map(numbers, layers))))
