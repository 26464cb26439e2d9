"""Test the canonical text against a naive reference, and its mapping back."""

import tomllib
import unicodedata
from itertools import pairwise
from pathlib import Path

import canonical_tables
import naive
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from strategies import texts

import provscan.text as text_room
from provscan.text.tables import tables
from provscan.text_buffers import buffers, to_array

pytestmark = pytest.mark.kernels
KNOWN = pytest.mark.skipif(
    unicodedata.unidata_version > "15.1.0",
    reason="this Python knows letters that the tables, of Unicode 15.1, don't know",
)

EXAMPLES = tomllib.loads(
    Path(__file__).with_name("examples.toml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(("text", "expected"), EXAMPLES.items())
def test_examples(text, expected):
    assert text_room.canonical([text]) == [expected]
    assert naive.canonical(text) == expected


@KNOWN
@given(st.lists(texts(), max_size=8))
@example(
    [
        "&",
        "&#",
        "&#x",
        "&#;",
        "&;",
        "&a",
        "&ampamp;",
        "&amp;#38;lt;",
        "&#1114112;",
        "&#xd800;",
        "&#0;",
        "&nGt;",
    ]
)
@example(
    [
        "\ufdfa" * 40,
        "½ ①",
        "RT",
        "RT @",
        "rt\n@a",
        "@",
        "＠user",
        "<url",
        "pic.",
        "http:/",
        "https://",
    ]
)
def test_equals_the_naive_reference(values):
    assert text_room.canonical(values) == [naive.canonical(text) for text in values]


@KNOWN
def test_every_assigned_code_point():
    codes = [
        c
        for c in range(0x110000)
        if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")
    ]
    step = 97
    for part in (codes[i : i + step] for i in range(0, len(codes), step * 23)):
        text = "x ".join(map(chr, part))
        assert text_room.canonical([text]) == [naive.canonical(text)]


@given(texts())
def test_canonical_is_idempotent_on_words(text):
    once = text_room.canonical([text])
    # When a link or a mark is dropped, what is left may look like a truncated link.
    assume("http" not in once[0])
    assert text_room.canonical(once) == once


MARKS = [chr(c) for c in range(0x110000) if unicodedata.combining(chr(c))]
JOINING = [
    chr(c)
    for c in range(0x110000)
    if unicodedata.decomposition(chr(c)) and c not in range(0xAC00, 0xD7A4)
]
# What canonical text drops, up to a letter with which a mark may compose.
TOKENS = ["@a", "@josE", "#e", "http://a/i", "www.a", "https", "RT @o", "RT", "&eacute"]
TOKENS += ["&#xe", "<br>", "<b x=", "<user>", "http", "@a\u212a", "&amp\u037e", " "]
PARTS = sorted({c for char in JOINING for c in unicodedata.normalize("NFD", char)})


@given(
    st.lists(
        st.one_of(
            texts(3),
            st.sampled_from(TOKENS),
            st.sampled_from(MARKS),
            st.sampled_from(JOINING),
            st.sampled_from(PARTS),
            st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
            st.characters(min_codepoint=0x1100, max_codepoint=0x11FF),
        ),
        max_size=8,
    ).map("".join)
)
@example("@jose\u0301 #e\u0316\u0301 http://a/e\u0301 https\u0301 @e\u0336 RT @a\u212a")
@example(
    "&eacute\u0301 &#xae\u0301 &amp\u037e <br>\u0338 <b x=\u0338y> <b x='>\u0338'>"
)
@example("か\u3099\u0dca か\u0dca\u3099 \u0dd9\u0dcf\u0e38\u0dca")
@example("ᾳ\u0dca\u0301 ㅎㅏㄴ 하ㄴ 한ㄳ")
@example("\u0e38\u0e48ก\u0e48\u0e38\u0eb8\u0eb9\u0f74\u0f71")
def test_decomposed_text_has_the_same_canonical_text(text):
    forms = [text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))]
    raw, composed, decomposed = text_room.canonical(forms)
    assert raw == composed == decomposed == naive.canonical(text)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_each_code_point_has_the_canonical_text_of_its_decomposition(form):
    codes = [chr(c) for c in range(0x30000) if not 0xD800 <= c < 0xE000]
    changed = [c for c in codes if unicodedata.normalize(form, c) != c]
    assert len(changed) > 900
    assert text_room.canonical(changed) == text_room.canonical(
        [unicodedata.normalize(form, c) for c in changed]
    )


@given(texts())
def test_places_refer_to_the_original(text):
    mapped = text_room.CanonicalMapper()(text)
    assert "".join(map(chr, mapped.codes)) == text_room.canonical([text])[0]
    assert (mapped.start < mapped.end).all()
    assert (np.diff(mapped.start) >= 0).all()
    assert len(mapped.end) == 0 or mapped.end[-1] <= len(text)
    for code, start, end in zip(*mapped, strict=True):
        if code < 128 and chr(code).isalnum() and "&" not in text:
            folded = unicodedata.normalize("NFKD", text[start:end]).casefold()
            # A character that imitates a letter is replaced without its neighbours.
            plain = naive.fold_char(text[start])
            letters = {*plain} | {naive.undisguised("z" + c)[-1] for c in plain}
            assert chr(code) in folded or chr(code) in letters


@given(st.lists(texts(6), max_size=12).map(" ".join), st.integers(1, 12))
@example("RT @a: b RT &commat;c RT ＠d e  f", 1)
@example("a </p /> b <a href=x> c &lt;a href=x> d &amp;lt;a href=x> e < f", 1)
@example("e \u0301a RT\u00a0@b", 1)
@example("か http://x ゙ か « ゙", 1)
@example("ไทย http㈠ ไทย http http 一 http 二", 1)
@example("ﾞ a", 1)
def test_chunks_give_the_canonical_text_of_the_complete_text(text, size):
    raw = np.frombuffer(f"x{text}y".encode(), np.uint8)
    whole = text_room.canonical_codes(raw, np.array([1, len(raw) - 1]))
    codes = whole.codes.copy()
    cuts, firsts = text_room.chunks(raw, np.array([1, len(raw) - 1]), size)
    assert firsts.tolist() == [0, len(cuts) - 1]
    assert (cuts[0], cuts[-1]) == (1, len(raw) - 1)
    assert len(raw) == 2 or (np.diff(cuts)[:-1] >= size).all()
    parts = text_room.canonical_codes(raw, cuts, firsts)
    assert parts.codes.tolist() == codes.tolist()
    assert parts.lengths.sum() == whole.lengths.sum() == len(text)


@given(st.lists(st.lists(texts(6), max_size=6).map(" ".join), max_size=5))
def test_chunks_of_several_texts(several):
    raw, offsets = buffers(pa.array(several, pa.large_string()))
    whole = text_room.canonical(several)
    cuts, firsts = text_room.chunks(raw, offsets, 3)
    codes, begins, _ = text_room.canonical_codes(raw, cuts, firsts)
    joined = "".join(map(chr, codes))
    bounds = begins[firsts].tolist()
    assert [joined[low:high] for low, high in pairwise(bounds)] == whole
    for text, (low, high) in zip(several, pairwise(firsts.tolist()), strict=True):
        for chunk in range(low, high):
            rest = raw[cuts[chunk] : cuts[high]].tobytes().decode()
            [expected] = text_room.canonical([rest])
            assert joined[begins[chunk] : begins[high]] == expected, text


def test_texts_are_cut_at_white_space():
    raw = np.frombuffer("one two\tthree я four".encode(), np.uint8)

    def cuts(size, *offsets):
        return text_room.chunks(raw, np.array(offsets), size)[0].tolist()

    assert cuts(1, 0, len(raw)) == [0, 4, 8, 14, 17, 21]
    assert cuts(5, 0, len(raw)) == [0, 8, 14, 21]
    assert cuts(100, 4, 13) == [4, 13]
    assert cuts(5, 0, 4, 4, len(raw)) == [0, 4, 4, 14, 21]


def test_places_of_entities_accents_and_emoji():
    text = "👩‍👩‍👧 &amp;eacute;t\u0301é &lt;ok"
    mapped = text_room.CanonicalMapper()(text)
    canonical = "".join(map(chr, mapped.codes))
    assert canonical == "ete ok"
    at = canonical.index("ete")
    assert text[mapped.start[at] : mapped.end[at + 2]] == "&amp;eacute;t\u0301é"


@given(st.lists(texts(), min_size=2, max_size=6), st.data())
def test_a_slice_of_an_array(values, data):
    low = data.draw(st.integers(0, len(values) - 1))
    array = to_array(values)[low:]
    assert text_room.canonical(array) == text_room.canonical(values[low:])
    text, offsets = buffers(array)
    assert text_room.canonical_codes(text, offsets).lengths.tolist() == [
        len(t) for t in values[low:]
    ]


def test_kinds_of_input():
    for kind in (
        pa.string(),
        pa.large_string(),
        pa.dictionary(pa.int32(), pa.string()),
    ):
        assert text_room.canonical(pa.array(["A b", None], pa.string()).cast(kind)) == [
            "a b",
            "",
        ]
    assert text_room.canonical(pa.chunked_array([["A"], ["B"]])) == ["a", "b"]
    assert text_room.canonical(t for t in ("A", "\ud800B")) == ["a", "b"]
    with pytest.raises(TypeError, match="found one str"):
        text_room.canonical("one string")
    with pytest.raises(TypeError, match=r"found int64: cast it"):
        text_room.canonical(pa.array([1, 2]))
    with pytest.raises(TypeError, match="expected texts"):
        text_room.canonical([1, 2])


@KNOWN
def test_the_tables_agree_with_their_generator():
    """Compare code points that this Python knows. Unicode does not change the
    properties of assigned letters.
    """
    known = tables()
    for code in range(0, 0x30000, 53):
        if unicodedata.category(chr(code)) == "Cn":
            continue
        entry = int(known.entries[known.pages[code >> 8], code & 0xFF])
        kind, payload = entry >> 24 & 7, entry & 0x1FFFFF
        outputs = [[0], [], [payload], None][kind]
        if outputs is None:
            outputs = known.expansions[
                payload + 1 : payload + 1 + known.expansions[payload]
            ].tolist()
        assert canonical_tables.outputs(code) == outputs, hex(code)
