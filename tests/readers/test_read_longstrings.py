"""Lines whose long strings are taken out before give what whole lines give."""

import json
from types import SimpleNamespace

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from provscan.kernels.longstrings import LONG, RUN
from provscan.readers import jsonl
from provscan.readers.longstrings import taken_out

pytestmark = pytest.mark.kernels

FIXTURE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture
def both(write, read_all, monkeypatch):
    """Read the same lines with their long strings taken out, whatever their length, and without."""

    def both(content, **names):
        path = write("a.jsonl", content)
        with monkeypatch.context() as patch:
            patch.setattr(jsonl, "LONG_LINE", 0)
            out = read_all(path, **names)
            patch.setattr(jsonl, "taken_out", lambda data: None)
            return SimpleNamespace(out=out, whole=read_all(path, **names))

    return both


def assert_same(found):
    assert found.out.rows == found.whole.rows
    assert found.out.stats == found.whole.stats


LETTERS = st.sampled_from('ab"\\/\b\f\n\r\té߿ࠀ語퟿\ue000￿😀\U0010ffff\u2028\x7f\x80')
SHORT = st.text(LETTERS, max_size=20)
LONGER = st.builds(lambda text, times: text * times, st.text(LETTERS, min_size=1, max_size=20), st.integers(8, 40))
TEXTS = SHORT | LONGER
KEYS = st.sampled_from(["text", "id", "author", "lang", 'te"x\\t', "ключ", "k" * (LONG + 5)])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.fixed_dictionaries({"text": TEXTS}, optional={"id": TEXTS | st.integers(), "more": VALUES, "lang": TEXTS})


@settings(suppress_health_check=FIXTURE, deadline=None)
@given(records=st.lists(RECORDS, min_size=1, max_size=6), ascii_only=st.booleans(), spaced=st.booleans())
def test_any_records(both, records, ascii_only, spaced):
    separators = (" , ", " : ") if spaced else (",", ":")
    lines = [json.dumps(record, ensure_ascii=ascii_only, separators=separators) for record in records]
    content = "\n".join(lines).encode()
    found = both(content)
    assert found.out.texts == [record["text"] for record in records]
    assert_same(found)
    assert taken_out(content) is not None


DAMAGE = [b'"', b"\\", b"\\u", b"\\ud83d", b"\0", b"\x1f", b"\n", b"\xff", b"\xe2\x80", b"}", b"NaN", b""]


@settings(suppress_health_check=FIXTURE, deadline=None)
@given(
    records=st.lists(RECORDS, min_size=1, max_size=3),
    ascii_only=st.booleans(),
    cuts=st.lists(
        st.tuples(
            st.floats(0, 1),
            st.integers(0, 2),
            st.sampled_from(DAMAGE),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_damaged_lines(both, records, ascii_only, cuts):
    damaged = bytearray(b"\n".join(json.dumps(record, ensure_ascii=ascii_only).encode() for record in records))
    for place, dropped, put in cuts:
        at = int(place * len(damaged))
        damaged[at : at + dropped] = put
    assert_same(both(b'{"text": "first"}\n' + damaged))


@pytest.mark.parametrize(
    "inside",
    [
        b"\\u0000", b"\\ud800", b"\\udc00", b"\\ud83d\\u0041", b"\\ud83dx", b"\\u12", b"\\u12g4", b"\\x", b"\\",
        b"\t", b"\x00", b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xe2\x80", b"\xe2", b"\xf0\x9f\x98", b"\xff",
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [b"", b"a" * (RUN - 1), b"a" * 3 * RUN])
@pytest.mark.parametrize("after", [b"", b"z" * 2 * RUN])
def test_what_is_not_valid_is_left_to_the_parser(both, before, inside, after):
    content = b'{"text": "%b"}' % (before + inside + after)
    assert taken_out(content) is None
    assert_same(both(b'{"text": "first"}\n' + content + b'\n{"text": "last"}'))


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
@example("\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff")
def test_strings_are_what_the_parser_makes_of_them(text):
    for written in (orjson.dumps(text * LONG), json.dumps(text * LONG).encode()):
        (line,), strings = taken_out(b'{"a":%b}' % written)
        assert len(line) < len(written)
        assert strings.restored(list(orjson.loads(line).values())) == [text * LONG]


def test_other_roles_may_be_long(both):
    long = "x" * 200
    found = both([{"text": "a" * 300, "id": long, "author": long + "y", "lang": "en", "created_at": long}] * 2)
    assert [row["author"] for row in found.out.rows] == [long + "y"] * 2
    assert [row["id"] for row in found.out.rows] == [long] * 2
    assert found.out.stats.examples["bad_date"][0].detail == repr(long)[:200]
    assert_same(found)


def test_nested_and_missing_texts(both):
    found = both(
        [
            {"user": {"name": "a" * 100}, "data": {"body": "b" * 100}},
            {"data": {"body": "short"}},
            {"data": {}},
            {"data": {"body": None}},
            {"data": {"body": ["c" * 100]}},
            {"data": {"body": ""}},
            {"data": "d" * 100},
        ],
        text="data.body",
    )
    assert found.out.texts == ["b" * 100, "short", ""]
    assert found.out.stats.skipped == {"no_text": 3, "text_not_string": 1}
    assert_same(found)


def test_a_long_key_is_still_a_name(both):
    name = "n" * (2 * LONG)
    found = both([{name: "one"}, {name: "t" * 100}], text=name)
    assert found.out.texts == ["one", "t" * 100]
    assert_same(found)
