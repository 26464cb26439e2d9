"""Test that texts with escaped letters, and wrongly decoded texts, are recognised."""

import pyarrow as pa
import pytest

from provscan.readers.texts.garbled import GARBLINGS

CORRECT = [
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


WRONG, ESCAPED = 0, 1


def found_in(texts, kind):
    return GARBLINGS[kind].rows(pa.array(["x", *texts], pa.large_string())[1:]).tolist()


def test_correct_texts():
    assert found_in(CORRECT, WRONG) == []
    assert found_in([], WRONG) == found_in([], ESCAPED) == []


@pytest.mark.parametrize("text", [
    *(text.encode().decode("latin-1") for text in LATIN),
    *(text.encode().decode("cp1252", "ignore") for text in WINDOWS),
])  # fmt: skip
def test_wrongly_decoded_texts(text):
    assert found_in([text], WRONG) == [0]


def test_sequences_do_not_continue_in_the_next_text():
    assert found_in(["AMANHÃ", "«sim»", "CAFÉ", "\x85", "Ã", "\xa9"], WRONG) == []
