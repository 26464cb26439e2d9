"""Test the search for lines of JSON with text in unknown fields, against Python."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provscan.kernels.reading.other_texts import values_with_texts
from provscan.kernels.records import read_only
from provscan.readers.fields.binding import Binding
from provscan.readers.fields.later import Later, is_later_text
from provscan.readers.fields.paths import ANY
from provscan.readers.limits import Limits
from provscan.text_buffers import buffers, to_array

pytestmark = pytest.mark.kernels

LONG = "a sentence of quite a few words"
KEYS = st.sampled_from(["text", "a", "b", "", "é", 'q"\\', "url"])
TEXTS = st.sampled_from(
    [LONG, "short", "Tue Oct 20 00:10:41 +0000 2015", "今日はとても良い天気ですね", "}"]
) | st.text(st.sampled_from('aé語\u3000\u00a0 \t\n"\\{}[]:,0'), max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=10,
)
OTHERS = {
    ("text",): -1,
    ("a", "b"): -1,
    ("a", ANY, "é"): -1,
    ("b",): 40,
    ("b", ANY): -1,
}
LATER = Later(Binding({"text": ()}, {}, others=OTHERS), Limits(nesting=5))
WITHIN = Later(
    Binding({"text": ()}, {}, others=OTHERS, within=(("a", ANY),)), Limits(nesting=5)
)


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=6), st.booleans())
@example([{"a": [[[[[[LONG]]]]]]}], True)
def test_lines_with_texts_are_found(records, ascii_only):
    lines = [json.dumps(record, ensure_ascii=ascii_only).encode() for record in records]
    for later in (LATER, WITHIN):
        chosen = later.lines(b"\n".join(lines), len(lines)).tolist()
        for row, record in enumerate(records):
            found = later.search(record)
            if found.texts or found.too_deep:
                assert row in chosen
    for row, record in enumerate(records):
        if all(key == "text" and isinstance(record[key], str) for key in record):
            assert row not in chosen


WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs"]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"tokens": WORDS}, [("tokens", " ".join(WORDS))]),
        ({"a": {"c": [WORDS]}}, [("a.c[0]", " ".join(WORDS))]),
        ({"c": [*WORDS, {"d": LONG}]}, [("c", " ".join(WORDS)), ("c[0].d", LONG)]),
        ({"tags": ["noun", "verb"] * 9, "e": ["1"] * 20}, []),
        ({"b": WORDS, "text": WORDS}, [("text", " ".join(WORDS))]),
    ],
)
def test_the_words_of_an_unknown_list_are_one_text(record, found):
    """The words of a list in which the first records have other strings are not."""
    line = json.dumps({"text": "x", **record}).encode()
    assert LATER.search(record).texts == found
    if found:
        assert LATER.lines(line, 1).tolist() == [0]


def test_other_texts_are_found_where_they_are():
    record = {
        "text": LONG,
        "a": {"b": LONG, "c": LONG},
        "b": LONG,
        "d": [{"url": LONG, "e": [LONG, "2015-10-20 10:00:00 some time"]}],
    }
    assert [name for name, _ in LATER.search(record).texts] == [
        "a.c",
        "d[0].url",
        "d[0].e[0]",
    ]
    assert [
        name for name, _ in WITHIN.search({"a": [{"c": LONG, "é": LONG}]}).texts
    ] == ["a[0].c"]
    assert WITHIN.search(record).texts == []
    assert LATER.search({"b": LONG + LONG}).texts == [("b", LONG + LONG)]


@pytest.mark.parametrize(
    "line", [b'"text"', b"{", b'{"a":}', b'{"a" 1}', b"]", b'{"a":"\x01"}']
)
def test_lines_that_are_not_strict_json_have_to_be_examined(line):
    fine = b'{"text": "x"}'
    data = b"\n".join([fine, line, fine, b"", b" "])
    assert LATER.lines(data, 5).tolist() == [1]


@given(st.lists(TEXTS, max_size=8), st.integers(1, 50))
def test_values_with_texts_are_found(texts, least):
    found = np.zeros(len(texts), np.uint8)
    data, offsets = buffers(to_array(texts))
    values_with_texts(read_only(data), read_only(offsets), least, found)
    for text, flag in zip(texts, found, strict=True):
        assert flag or not is_later_text(text, least)
