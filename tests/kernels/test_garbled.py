"""Test that texts with escaped letters, and wrongly decoded texts, are recognised."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.kernels.reading.garbled import garbled

pytestmark = pytest.mark.kernels

JSON_ESCAPE = r"\\+u(?:00[c-f][0-9a-f]|0[1-9a-f][0-9a-f]{2}|1[0-9a-f]{3}|2(?:e[89a-f]|f[0-9a-f])[0-9a-f]|[3-9a-c][0-9a-f]{3}"  # noqa: E501
JSON_ESCAPE += r"|d[0-7][0-9a-f]{2}|f9[0-9a-f]{2}|f[a-d][0-9a-f]{2})"
BYTES_ESCAPE = r"\\+x(?:c[3-9a-f]|d[0-9a-f])\\+x[89ab][0-9a-f]|\\+xe[013-9a-d](?:\\+x[89ab][0-9a-f]){2}"  # noqa: E501
R_ESCAPE = "<U\\+(?:00[c-f]|0[1-9a-f][0-9a-f]|1[0-9a-f]{2}|2(?:e[89a-f]|f[0-9a-f])|[3-9a-c][0-9a-f]{2}|d[0-7][0-9a-f]"  # noqa: E501
R_ESCAPE += "|f9[0-9a-f]|f[a-d][0-9a-f])[0-9a-f]>"
LETTER = f"(?:{JSON_ESCAPE}|{BYTES_ESCAPE}|{R_ESCAPE})"
PARTS = [
    "\\",
    "u",
    r"\u0447",
    r"\u4E2D",
    r"\u00e9",
    r"\ud83d",
    r"\u2019",
    r"\u00bf",
    r"\u04",
    "4g",
    " ",
    "é",
    "x" * 63,
]
PARTS += [
    "x",
    r"\xd1\x87",
    r"\xE4\xB8\xAD",
    r"\xe2\x80\x99",
    r"\xd1",
    r"\x87",
    r"\xc2\xa0",
]
PARTS += ["<", "<U+", "<U+0447>", "<U+4e2d>", "<U+2019>", "<U+0001F602>", "0435>"]


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
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)])
    rows = np.zeros((2, len(texts)), np.int64)
    counts = garbled(np.frombuffer(b"".join(data), np.uint8), offsets, rows)
    return rows[kind, : counts[kind]].tolist()


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


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=9).map("".join), max_size=8))
def test_each_escaped_text_is_found_once(texts):
    expected = [
        row
        for row, text in enumerate(texts)
        if re.search(f"{LETTER}{LETTER}", text, re.IGNORECASE)
    ]
    assert found_in(texts, ESCAPED) == expected


def test_correct_texts():
    assert found_in(CORRECT, WRONG) == []


@pytest.mark.parametrize("text", [
    *(text.encode().decode("latin-1") for text in LATIN),
    *(text.encode().decode("cp1252", "ignore") for text in WINDOWS),
])  # fmt: skip
def test_wrongly_decoded_texts(text):
    assert found_in([text], WRONG) == [0]


def test_sequences_do_not_continue_in_the_next_text():
    assert found_in(["AMANHÃ", "«sim»", "CAFÉ", "\x85", "Ã", "\xa9"], WRONG) == []


@given(
    st.lists(
        st.tuples(st.sampled_from(CORRECT), st.booleans(), st.integers(0, 130)),
        max_size=8,
    )
)
def test_each_wrongly_decoded_text_is_found_once(cases):
    texts = [
        " " * before + text + ("Ã© â€™ Ã©" if wrong else "")
        for text, wrong, before in cases
    ]
    assert found_in(texts, WRONG) == [
        row for row, (_, wrong, _) in enumerate(cases) if wrong
    ]
