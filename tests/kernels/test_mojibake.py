"""Wrongly decoded texts are found among others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.kernels.reading.mojibake import wrongly_decoded

pytestmark = pytest.mark.kernels

SOUND = [
    "",
    "plain",
    "schön",
    "l’été “là”",
    "CAFÉ»",
    "Ãlvaro",
    "10 °C",
    "日本語のテキスト",
    "привет",
    "🎉 ok",
    "São",
    "x" * 70,
]
LATIN = ["schön", "déjà", "привет", "¿qué?", "日本語のテキストです", "наш"]
WINDOWS = ["it’s", "“so”", "🎉 ok", "schön", "…"]


def found_in(texts):
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)])
    rows = np.zeros(len(texts), np.int64)
    return rows[
        : wrongly_decoded(np.frombuffer(b"".join(data), np.uint8), offsets, rows)
    ].tolist()


def test_sound_texts():
    assert found_in(SOUND) == []


@pytest.mark.parametrize("text", [
    *(text.encode().decode("latin-1") for text in LATIN),
    *(text.encode().decode("cp1252", "ignore") for text in WINDOWS),
])  # fmt: skip
def test_wrongly_decoded_texts(text):
    assert found_in([text]) == [0]


def test_the_end_of_a_text_and_the_beginning_of_the_next_are_no_sequence():
    assert found_in(["AMANHÃ", "«sim»", "CAFÉ", "\x85", "Ã", "\xa9"]) == []


@given(
    st.lists(
        st.tuples(st.sampled_from(SOUND), st.booleans(), st.integers(0, 130)),
        max_size=8,
    )
)
def test_each_text_is_found_once_wherever_it_stands(cases):
    texts = [
        " " * before + text + ("Ã© â€™ Ã©" if wrong else "")
        for text, wrong, before in cases
    ]
    assert found_in(texts) == [row for row, (_, wrong, _) in enumerate(cases) if wrong]
