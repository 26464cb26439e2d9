"""The layers of a number: the example of the README by hand, digit by digit, and what must never happen."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import provscan.estimate
from provscan.estimate import Chance, predict_chance, thinned
from provscan.estimate.answer import headline, share
from provscan.estimate.layers import Found, layered
from provscan.estimate.limits import exactly
from provscan.estimate.recall import Recall

README = (Path(provscan.estimate.__file__).parent / "README.md").read_text(encoding="utf-8")
COUNTED = Recall(0.90, 0.86, 0.93, {}, {})
ANY = Recall(0.95, 0.92, 0.97, {}, {})


def test_the_example_of_the_readme() -> None:
    chance = predict_chance(np.full(3, 2.0), np.ones(3), 2.0)
    assert (chance.expected, chance.low, chance.high) == (6, 0, 20)
    assert thinned(104, 0.90) == pytest.approx((109, 123))
    number = layered(Found(118, 110, 110), chance, COUNTED, ANY, claimed=True)
    assert number.estimate is not None
    digits = [number.at_least, number.estimate.value, number.estimate.low, number.estimate.high, number.at_most]
    written = ["90", "115.6", "98.5", "127.1", "131.3"]
    assert [f"{value:.1f}".removesuffix(".0") for value in digits] == written
    assert re.findall(r"\*\*([0-9.]+)\*\*", README) == written
    _, sentence = headline(number, 1000)
    assert sentence == (
        "At least 90 of 1,000 records (9%) hold copies of licensed tweets; the estimate is 116 (95% interval 99-127)."
    )


@given(st.integers(0, 300), st.integers(0, 40), st.floats(0.2, 10), st.floats(0.35, 0.99), st.booleans())
def test_layers_are_in_order(counted: int, bunches: int, weight: float, recall: float, claimed: bool) -> None:
    chance = predict_chance(np.full(bunches, weight), np.ones(bunches), weight)
    measured = Recall(recall, 0.9 * recall, min(1.0, 1.05 * recall), {}, {})
    number = layered(
        Found(counted + 5, counted, counted, most=exactly(1000)), chance, measured, measured, claimed=claimed
    )
    assert number.estimate is not None
    assert number.at_least is not None
    assert number.at_most is not None
    ends = [0, number.at_least, number.estimate.low, number.estimate.value, number.estimate.high, number.at_most, 1000]
    assert ends == sorted(ends)
    if not claimed:
        assert number.at_least == number.estimate.low == 0


def test_units_of_which_none_was_found_have_a_size() -> None:
    single, sized = (
        layered(Found(0, 0, 0, unit=unit), Chance(0, 0, 3), COUNTED, ANY, claimed=False) for unit in (1.0, 90.0)
    )
    assert single.at_most
    assert sized.at_most == pytest.approx(90 * single.at_most)


def test_what_is_not_measured_is_withheld() -> None:
    number = layered(Found(10, 9, 9), None, None, ANY, claimed=False)
    assert (number.at_least, number.estimate) == (None, None)
    assert number.at_most is not None
    number = layered(Found(10, 9, 9), Chance(0, 0, 2), None, None, claimed=True)
    assert (number.at_least, number.estimate, number.at_most) == (pytest.approx(7), None, None)


def test_strata_without_control_widen_the_upper_end_only() -> None:
    plain, beside = (
        layered(Found(60, 50, 50, left_out=out), Chance(0, 0, 5), COUNTED, ANY, claimed=True) for out in (0, 8)
    )
    assert plain.estimate is not None
    assert beside.estimate is not None
    assert beside.at_least == plain.at_least
    assert beside.estimate.low == plain.estimate.low
    assert beside.estimate.high == pytest.approx(plain.estimate.high + 8 / 0.86)


def test_headlines() -> None:
    none = layered(Found(0, 0, 0), Chance(0, 0, 3), COUNTED, ANY, claimed=False)
    assert headline(none, 50)[0] == "nothing"
    found = layered(Found(5, 5, 5), None, None, ANY, claimed=False)
    assert headline(found, 50) == (
        "findings",
        "5 of 50 records (10%) match licensed tweets; how many of them match by chance was not measured. "
        f"At most {math.ceil(found.at_most or 0)} hold one.",
    )


@pytest.mark.parametrize(
    ("part", "text"), [(0, "0%"), (1, "0.01%"), (4_321, "43%"), (9_996, "99.96%"), (10_000, "100%")]
)
def test_a_share_in_a_sentence(part: int, text: str) -> None:
    assert share(part, 10_000) == text
