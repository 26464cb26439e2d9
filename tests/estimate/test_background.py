"""Test the background model against the naive one."""

import math
import random

import naive_background
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provscan.errors import ParameterError
from provscan.estimate.background import UNKNOWN_BITS, BackgroundModel, matched_bits

texts = st.lists(st.text("abcde é日🙂", max_size=25), min_size=1, max_size=12)


def trained(training, order=6):
    model = BackgroundModel(order)
    model.add(training)
    # Make all scripts familiar; another test is about unfamiliar scripts.
    model._seen += 50
    return model


@settings(max_examples=60)
@given(texts, st.text("abcxyz 日🙂", max_size=25), st.integers(1, 6))
def test_bits_are_those_of_the_naive_model(training, text, order):
    if not any(training):
        training = [*training, "a"]
    expected = naive_background.bits(training, text, order, 0.75, UNKNOWN_BITS)
    values, offsets = trained(training, order).surprisal([text])
    assert values.sum() == pytest.approx(expected, rel=1e-9)
    assert offsets.tolist() == [0, len(text)]


@settings(max_examples=60)
@given(texts, st.text("abc é日", min_size=1, max_size=25), st.integers(1, 3))
def test_subtracting_a_text_equals_not_counting_it(training, text, copies):
    training = [*training, "ab"]
    without = trained(training).bits([text])[0]
    left_out = trained([*training, *[text] * copies]).bits([text], copies=copies)[0]
    assert left_out == pytest.approx(without, rel=1e-9)


def test_probabilities_of_the_next_code_point_sum_to_one():
    model = trained(["abcab", "abd", "cab"], order=3)
    letters = "abcd"
    known = sum(2.0 ** -model.surprisal(["ab" + c])[0][-1] for c in letters)
    unseen = 2.0 ** -model.surprisal(["ab\U00010000"])[0][-1]
    assert known + (150_000 - len(letters)) * unseen == pytest.approx(1.0)


def corpus():
    rng = random.Random(3)
    words = [
        "the",
        "a",
        "my",
        "your",
        "good",
        "morning",
        "night",
        "day",
        "love",
        "happy",
        "coffee",
        "people",
    ]
    lines = [" ".join(rng.choices(words, k=rng.randrange(4, 12))) for _ in range(800)]
    return (
        lines
        + ["good morning everyone"] * 20
        + ["pack my box with five dozen liquor jugs"] * 60
    )


def test_common_phrases_get_few_bits_and_rare_sentences_many():
    model = BackgroundModel()
    model.add(corpus())
    greeting, rare = model.bits(
        ["good morning everyone", "zebra quartz vexed my jumpy fjord sphinx judge"]
    )
    assert greeting < 30
    assert rare > 120


def test_a_text_can_be_subtracted_from_the_counts():
    rare = "zebra quartz vexed my jumpy fjord sphinx judge"
    model = BackgroundModel()
    model.add([*corpus(), rare])
    included, left_out = model.bits([rare, rare], copies=[0, 1])
    assert left_out > included + 60


@settings(max_examples=60)
@given(st.text("abc 한日か", max_size=60), st.integers(0, 1))
def test_a_letter_has_at_most_four_bits_and_repetition_none(text, copies):
    model = trained([*corpus(), *[text] * copies])
    found = model.char_bits([text], copies=copies)[0]
    raw = model.surprisal([text], copies=copies)[0]
    for at, char in enumerate(text):
        gram = text[at - 4 : at + 1] if at >= 4 else None
        repeated = gram is not None and gram in text[:at]
        most = 8.0 if char in "한日か" else 4.0
        assert found[at] == (0.0 if repeated else min(raw[at], most))
    assert model.bits([text], copies=copies)[0] == pytest.approx(found.sum())


def test_repetition_earns_nothing():
    model = BackgroundModel()
    model.add(corpus())
    once, often = model.bits(["zebra quartz ", "zebra quartz " * 20])
    assert often < once + 4 * 5


def test_bits_of_an_unknown_script_are_nan():
    model = BackgroundModel()
    model.add(corpus())
    bits = model.bits(["good morning", "おはようございます", ""])
    assert bits[0] > 0
    assert math.isnan(bits[1])
    assert bits[2] == 0
    assert np.isnan(matched_bits(bits[1:2], 9, 1.0)).all()
    assert len(model.bits([])) == 0


def test_arrow_arrays_in_parts_give_the_same_bits():
    lines = corpus()
    once, parts = BackgroundModel(), BackgroundModel()
    once.add(pa.chunked_array([lines[:100], lines[100:]]))
    for at in range(0, len(lines), 500):
        parts.add(pa.array(lines[at : at + 500], pa.large_string()))
    assert once.bits(lines[:50]) == pytest.approx(parts.bits(lines[:50]))
    assert (once.texts, once.chars) == (len(lines), sum(map(len, lines)))


def test_training_stops_at_its_limit():
    model = BackgroundModel(max_chars=10)
    assert model.add(["abcd", "efgh", "ijkl", "m"]) == 2
    assert model.chars == 8
    # There is room for two more code points.
    assert model.add(["", "mn", "o"]) == 2
    assert (model.chars, model.texts) == (10, 4)
    assert BackgroundModel(max_chars=1).add(["a", "b"]) == 1
    usual = BackgroundModel()
    assert (usual.order, usual.discount, usual.max_chars) == (6, 0.75, 4_000_000)


def test_edits_cost_bits():
    assert matched_bits(100.0, 50, 1.0) == 100
    first, second = matched_bits(100.0, 50, [1 - 5 / 46, 1 - 10 / 46])
    assert first == pytest.approx(100 - math.log2(50))
    assert second == pytest.approx(100 - 2 * math.log2(50))
    assert matched_bits(10.0, 50, 0.3) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BackgroundModel(0), "order"),
        (lambda: BackgroundModel(9), "order"),
        (lambda: BackgroundModel(discount=1.0), "discount"),
        (lambda: BackgroundModel(max_chars=0), "max_chars"),
        (lambda: BackgroundModel().bits(["a"]), "add\\(texts\\) first"),
        (lambda: trained(["a"]).bits(["a"], copies=-1), "copies"),
    ],
)
def test_errors_say_what_was_found(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
