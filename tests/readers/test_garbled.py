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


@pytest.mark.parametrize("text", [
    r"\u0447\u0435", r"\u00e9\u00E8", r"\\u4e2d\\u6587", "x" * 61 + r"\u0447\u0435", r"\u0447 \u0447\u0435",  # noqa: E501
    r"\ud7ff\uac00", r"\xd1\x87\xd0\xb5", r"\xe4\xb8\xad\xe6\x96\x87", r"\\xd1\\x87\u0435", r"\xED\x9F\xBF\xC3\x80",  # noqa: E501
    "<U+0447><U+0435>", "x" * 62 + "<U+4E2D><U+6587>", r"<U+0447>\u0435",
])  # fmt: skip
def test_two_escaped_letters_in_a_row(text):
    assert found_in(["", text, "x"], ESCAPED) == [1]


@pytest.mark.parametrize("text", [
    "", r"\u0447", r"\u0447 \u0435", r"\u0447\u043", r"\u0447\u04g5", r"u0447u0435", r"\u0041\u0042", r"\u003c\u003e",  # noqa: E501
    r"\u2019\u2026", r"\ud83d\ude02\ud83d\ude02", r"\ufe0f\ufe0f", r"\usepackage{\underline}", r"\u0447x\u0435",  # noqa: E501
    r"\xd1\x87", r"\xd1\x87 \xd0\xb5", r"\xd1\xd0\x87\xb5", r"\xe2\x80\x9c\xe2\x80\x9d",
    r"\xf0\x9f\x98\x82\xf0\x9f\x98\x82",
    r"\xc2\xa0\xc2\xa0", r"\xe4\xb8\xad\xe6\x96", r"\xee\x80\x80\xef\xbc\xa1", r"\xd1\x87\xd0\x35", r"xd1x87xd0xb5",  # noqa: E501
    "<U+0447>", "<U+0447> <U+0435>", "<U+0001F602><U+0001F602>", "<U+0447><U+0435", "<u+0447><u+0435>", "<U>0447<U>",  # noqa: E501
])  # fmt: skip
def test_texts_without_escaped_words(text):
    assert found_in([r"\u0447", text, r"\u0435"], ESCAPED) == []


def test_escapes_do_not_continue_in_the_next_text():
    assert (
        found_in(
            [r"\u0447", r"\u0435", r"\u0447\u04", "35", "\\", r"u0447\u0435"], ESCAPED
        )
        == []
    )
    assert (
        found_in(
            [r"\xd1\x87\xd0", r"\xb5", r"\xd1\x8", "7", r"\xd1", "\\", r"x87\xd0\xb5"],
            ESCAPED,
        )
        == []
    )


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
