"""Test that scanning a long text in blocks gives the same matches as in one block."""

import random

import numpy as np
import pyarrow as pa
import pytest
from tweets import edited, sentence

from provscan.matching import match_table, scan, scan_texts
from provscan.params import MatchParams, SearchLimits
from provscan.text_buffers import buffers, to_array

BLOCK = SearchLimits.block_bytes


def matches(index, texts, block, overlap=300):
    """Return the matches of a scan with blocks of the given size."""
    array = to_array(texts)
    limits = SearchLimits(block_bytes=block, max_overlap_bytes=overlap)
    found = scan_texts(*buffers(array), index.reader, MatchParams(limits=limits))
    batch = {
        "record": pa.array(np.arange(len(array))),
        "id": pa.nulls(len(array), pa.string()),
    }
    return match_table(
        found, index.reader, "<memory>", pa.RecordBatch.from_pydict(batch)
    )


def planted(script, rng, letters, tweets, spaces=True):
    """Return a long text with tweets, and their positions."""
    parts = []
    places = []
    size = 0

    def add(part):
        nonlocal size
        part = part if spaces else "".join(part.split())
        parts.append(part)
        size += len(part)

    while size < letters:
        add(sentence(rng, script, rng.randrange(10, 400)).strip() + ". ")
        tweet = rng.choice(tweets)
        before = size
        add(tweet if rng.random() < 0.7 else edited(rng, tweet, 0.03))
        places.append((before, size))
        add(". ")
    return "".join(parts), places


@pytest.mark.parametrize("spaces", [True, False])
@pytest.mark.parametrize("script", ["latin", "cyrillic", "chinese", "thai", "emoji"])
def test_blocks_do_not_change_the_matches(build, script, spaces):
    rng = random.Random(script)
    tweets = [sentence(rng, script, rng.randrange(30, 140)).strip() for _ in range(40)]
    if not spaces:
        tweets = ["".join(tweet.split()) for tweet in tweets]
    index = build(tweets)
    text, places = planted(script, rng, 40_000, tweets, spaces)
    expected = matches(index, ["before", text, tweets[0]], 1 << 30)
    assert expected.num_rows >= 0.8 * len(places)
    for block, overlap in (
        (3000, 2000),
        (4096, 2048),
        (9999, 3000),
        (len(text.encode()) - 1, 2000),
    ):
        assert matches(index, ["before", text, tweets[0]], block, overlap).equals(
            expected
        ), (block, overlap)


@pytest.mark.parametrize("filler", ["xy ", "&amp; é ", "RT @someone: http://t.co/a "])
def test_spans_are_mapped_back_through_chunks(build, monkeypatch, filler):
    """Spans do not depend on the dropped text before a copy, or on other copies."""
    rng = random.Random(11)
    tweets = [
        f"RT @a: {sentence(rng, 'latin', 70).strip()} http://t.co/{i}" for i in range(6)
    ]
    index = build(tweets)
    monkeypatch.setattr(scan, "CHUNK", 100)
    for gap in (0, 3, 200):
        text = (
            filler * 9000
            + (filler * gap).join(f"\n{tweet}\n" for tweet in tweets * 3)
            + filler * 9000
        )
        spans = index.match_document(text)
        assert [text[span.start : span.end].strip() for span in spans] == tweets * 3
        assert {span.level for span in spans} == {"exact"}


@pytest.mark.parametrize("letters", ["", "Before that "])
@pytest.mark.parametrize(("mark", "tweet", "expected"), [
    ("RT @a:\n", "the chocolate pancakes were the right decision", "RT @a:\n{}"),
    ("!", "!!! the chocolate pancakes were the right decision", "{}"),
    ("@b ", "@a @c the chocolate pancakes were the right decision", "@b @b {}"),
])  # fmt: skip
def test_repeated_text_before_a_copy_is_not_part_of_it(
    build, letters, mark, tweet, expected
):
    index = build([tweet])
    copy = tweet.removeprefix("@a @c ")
    for times in (9, 150, 700, 90_000):
        text = f"{letters}{mark * times}{copy}{mark * times}"
        (span,) = index.match_document(text)
        assert text[span.start : span.end].rstrip("!") == expected.format(copy), times


@pytest.mark.parametrize("around", [-150, -60, -1, 0, 1, 60])
@pytest.mark.parametrize("letter", "xя中😀ﷺ")
def test_a_tweet_across_a_border_is_found_once(build, letter, around):
    """Text without white space is cut anywhere, never inside a character."""
    block = 1 << 17
    tweet = "Thequickbrownfoxjumpsoverthelazydogneartheoldriverbank"
    index = build([tweet])
    size = len(letter.encode())
    before = letter * ((block + around) // size - 10)
    text = f"{before}.{tweet}.{letter * 20_000}"
    for document in (text, text + before):
        (row,) = matches(index, [document], block, block // 2).to_pylist()
        assert document[row["start"] : row["end"]] == tweet


@pytest.mark.parametrize("around", [-2000, -1300, -60, 0])
def test_a_copy_may_be_much_longer_than_its_canonical_text(build, around):
    """A long link inside the copy, which is dropped, extends far across the border."""
    rng = random.Random(8)
    first, second = sentence(rng, "latin", 60), sentence(rng, "latin", 60)
    index = build([f"{first} https://t.co/abc {second}"])
    assert index.reader.longest < 200
    copy = f"{first} https://example.org/{'a' * 2500} {second}"
    text = f"{'xy ' * ((BLOCK + around) // 3)}\n{copy}\n{'xy ' * 9000}"
    (span,) = index.match_document(text)
    assert text[span.start : span.end].strip() == copy.strip()


@pytest.mark.parametrize("letters", [9_000, 25_000])
def test_very_long_texts_across_a_border(build, letters):
    text = sentence(random.Random(1), "latin", letters).strip()
    index = build([text])
    block, overlap = BLOCK // 8, SearchLimits.max_overlap_bytes
    rest = sentence(random.Random(3), "latin", 2 * block)
    for before in (block - letters // 2, block - 20, block - letters):
        document = f"{sentence(random.Random(2), 'latin', before)}\n{text}\n{rest}"
        (row,) = matches(index, [document], block, overlap).to_pylist()
        assert (document[row["start"] : row["end"]], row["level"]) == (text, "exact")
