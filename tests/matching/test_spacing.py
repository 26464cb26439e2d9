"""Test copies without spaces between words, and copies with spaces between letters."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import provscan
from provscan.kernels.records import CodeBuffer
from provscan.kernels.search import spacing as kernels
from provscan.matching import spacing

TEXT = "Nobody on board knew that the old harbour bridge was closed in the winter"
OTHERS = [
    f"{who} {what} {when}"
    for who in ("my neighbour", "the old captain", "nobody in town", "every child")
    for what in ("closed the shop", "knew the harbour", "sings on the bridge")
    for when in ("in the winter", "that was it", "on board the ferry", "before dawn")
]


def removed(text):
    return text.replace(" ", "")


def spaced(text):
    return " ".join(text)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    rows = [{"id": str(i), "text": text} for i, text in enumerate([TEXT, *OTHERS])]
    return provscan.build_index(rows, tmp_path_factory.mktemp("index") / "a.index")


@pytest.mark.parametrize("edit", [removed, spaced])
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("He said: ", ". True!"), ("lorem ipsum dolor sit amet, " * 40, " x")],
)
def test_a_copy_is_found_in_its_place(edit, before, after, index):
    copy = edit(TEXT)
    (row,) = index.match([before + copy + after]).to_pylist()
    assert (row["tweet_id"], row["level"]) == ("0", "strong")
    assert (row["similarity"], row["containment"]) == (1.0, 1.0)
    assert (row["start"], row["end"]) == (len(before), len(before) + len(copy))


@pytest.mark.parametrize("mark", [".", "-", "_", "\u00b7", "\n"])
def test_any_separator_may_be_between_letters(mark, index):
    copy = mark.join(removed(TEXT))
    (row,) = index.match([copy]).to_pylist()
    assert (row["tweet_id"], row["start"], row["end"]) == ("0", 0, len(copy))


def test_a_long_text_is_searched_in_blocks(index):
    filler = "lorem ipsum dolor sit amet " * 200_000
    (row,) = index.match([f"{filler}{removed(TEXT)} {filler}"]).to_pylist()
    assert (row["start"], row["end"]) == (len(filler), len(filler + removed(TEXT)))


def test_a_copy_with_a_long_word_is_an_exact_copy(tmp_path):
    text = "#nobodyonboardknew #theoldharbour #bridgewasclosed"
    words = "nobody on board knew the old harbour bridge was closed"
    rows = [{"id": str(i), "text": each} for i, each in enumerate([text, words])]
    index = provscan.build_index(rows, tmp_path / "a.index")
    rows = index.match([text]).to_pylist()
    assert [(row["tweet_id"], row["level"]) for row in rows] == [("0", "exact")]


@pytest.mark.parametrize("edit", [removed, lambda text: spaced(removed(text))])
def test_a_long_run_of_letters_is_cut_between_words(edit, index):
    text = " ".join(2 * OTHERS)
    assert len(removed(text)) > 2 * kernels.LONGEST
    found = spacing.respaced(records(edit(text)), index.reader)
    assert found is not None
    restored = "".join(map(chr, found.records.codes))
    assert removed(restored) == removed(text)
    assert set(restored.split()) <= set(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "今天 lunch 才听到明天要把 code 交给 team",
        "ついに Chrome の mac 版が出たと思ったら",
    ],
)
@pytest.mark.parametrize("mark", [" ", "\u3000", "\u200b", "\u30fb"])
def test_words_of_two_scripts_are_spaced_out(text, mark, tmp_path):
    index = provscan.build_index([{"id": "0", "text": text}], tmp_path / "a.index")
    before = "当 ibm 的时候" * 20
    copy = mark.join(removed(text))
    (row,) = index.match([before + copy]).to_pylist()
    assert (row["start"], row["containment"]) == (len(before), 1.0)


def test_an_index_without_words(tmp_path):
    rows = [{"id": "0", "text": "x" * 40}]
    index = provscan.build_index(rows, tmp_path / "a.index")
    assert index.match([removed(TEXT), spaced(TEXT)]).num_rows == 0


def records(*texts):
    codes = np.array([ord(c) for text in texts for c in text], np.uint32)
    return CodeBuffer(codes, np.cumsum([0, *map(len, texts)]).astype(np.int64))


@pytest.mark.parametrize(
    "text",
    [
        "zq8fk2w9x7vj4hbn6mpl3rtd5ycgs0aeiou xkqzjvwpbfmh",
        "donaudampfschifffahrtsgesellschaft rechtsschutzversicherung",
        "nobody on board knew that the old harbour bridge was closed",
        "\u4eca\u65e5\u306f" * 40,
        "",
    ],
)
def test_other_text_is_not_respaced(text, index):
    assert spacing.respaced(records(text), index.reader) is None


def test_positions_refer_to_the_record(index):
    first, copy = "x" * 5, "my cat " + removed(TEXT).lower() + " and i"
    found = spacing.respaced(records(first, copy), index.reader)
    assert found is not None
    assert found.record.tolist() == [1]
    text = "".join(map(chr, found.records.codes))
    assert text == f"my cat {TEXT.lower()} and i"
    places = found.places.tolist()
    assert places == sorted(places)
    assert all(
        copy[place] == c for place, c in zip(places, text, strict=True) if c != " "
    )


@given(st.text("abc", min_size=kernels.LONG, max_size=24))
def test_the_division_into_words_has_the_lowest_cost(text):
    counts = Counter({"ab": 9, "abc": 4, "ca": 3, "bb": 2, "cabac": 1})
    costs = {word: 8 + i * 5 for i, word in enumerate(counts)}
    unknown = 60

    def cost(word):
        return costs.get(word, unknown + 16 * len(word))

    least = [0] + [10**9] * len(text)
    for end in range(1, len(text) + 1):
        least[end] = min(
            least[begin] + cost(text[begin:end])
            for begin in range(max(0, end - kernels.LONGEST_WORD), end)
        )
    table = np.zeros(kernels.SLOTS, np.uint32)
    codes, offsets = records(*costs)
    hashes = np.empty(len(codes), np.uint64)
    assert kernels.word_hashes(codes, offsets, hashes) == len(costs)
    kernels.add_words(
        hashes[: len(costs)], np.array(list(costs.values()), np.uint32), table
    )
    # A sequence of single letters is always joined and divided into words.
    codes, offsets = records("a b c " + text)
    room = 2 * len(codes) + 2
    out = kernels.Passages(
        np.empty(room, np.uint32),
        np.empty(room, np.int64),
        np.empty(2, np.int64),
        np.empty(1, np.int64),
    )
    passages = np.array([[0, 0, len(codes)]], np.int64)
    words = kernels.Words(table, unknown)
    kernels.restore(codes, offsets, passages, words, kernels.spacing_scratch(), out)
    result = "".join(map(chr, out.codes[: out.offsets[1]])).split(" ")
    assert "".join(result) == "abc" + text
    assert sum(map(cost, result)) == cost("abc") + least[-1]


def test_text_in_another_language_is_not_respaced(index):
    foreign = "donaudampfschifffahrtsgesellschaft rechtsschutzversicherung und die "
    for between, expected in ((2 * foreign, 0), ("lorem ipsum dolor " * 300, 1)):
        texts = [5 * (foreign + "und die " * 12) + between + removed(TEXT)]
        assert index.match(texts).num_rows == expected
