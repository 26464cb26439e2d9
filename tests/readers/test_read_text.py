"""Test plain text with one record per line of any length."""

import textwrap
import tracemalloc
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provscan.cleaning.cutting import CUTS
from provscan.readers import Fields, Limits, ReadStats, plan, read
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.formats.plain import layout_of
from provscan.readers.splits import Context, Layout


def test_lines(write, read_all):
    found = read_all(
        write("a.txt", b"\xef\xbb\xbfone\r\n\r\n  \n two \nNUL\x00\nbad \xff\nlast")
    )
    assert found.texts == ["one", " two ", "NUL\0", "bad \ufffd", "last"]
    assert found.records == [0, 3, 4, 5, 6]
    assert found.stats.repaired == {"invalid_utf8": 1}
    assert found.stats.skipped == {}


@pytest.mark.parametrize("records", ["lines", "paragraphs", "files"])
def test_a_text_above_the_limit_is_skipped(write, records):
    path = write("a.txt", b"some words " * (6 << 20) + b"\n\nthe last one")
    limits = Limits(record_bytes=4 << 20, chunk=1 << 20)
    fields, stats = Fields(), ReadStats()
    (split,) = plan(path, fields, target_bytes=1 << 62, records=records)
    tracemalloc.start()
    texts = [
        text
        for batch in read(split, fields, stats, limits=limits)
        for text in batch["text"].to_pylist()
    ]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert texts == ["the last one"] * (records != "files")
    assert stats.skipped == {"record_too_long": 1}
    assert peak < 4 * limits.record_bytes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.binary(max_size=400), target=st.integers(1, 100))
def test_splits_have_the_same_rows_as_the_file(write, read_all, content, target):
    # After a letter, since a file may otherwise look like one of another format.
    path = write(
        "a.txt",
        b"a" + content.replace(b"\0", b"").replace(b"\xff", b"").replace(b"\xfe", b""),
    )
    whole = read_all(path, records="lines")
    cut = read_all(path, target_bytes=target, records="lines")
    assert cut.rows == whole.rows
    assert cut.stats == whole.stats


TALE = (
    "on the old bridge a 😀 man said that nobody had seen the river so high since the "
    "mill stopped turning"
)
RUSSIAN = (
    "вчера вечером мы долго ждали автобус под холодным дождём возле старой площади и "
    "никто не пришёл"
)


def wrapped(words, width):
    rng = Random(width)
    return textwrap.wrap(" ".join(rng.choice(words.split()) for _ in range(600)), width)


@pytest.mark.parametrize(("columns", "lines"), [(1, 5), (2, 5), (1, 4), (3, 5)])
def test_lines_of_one_word_or_a_word_and_its_tag_are_noted(
    write, read_all, columns, lines
):
    words = [" ".join(["ab" * (n + 1)] * columns) for n in range(lines)]
    found = read_all(write("a.txt", "\n".join(words)), records="lines")
    assert found.stats.notes == {}  # The records were named.
    # Four short lines are one record, and lines of three words need not be cut.
    noted = {"wrapped_lines": 1} if lines > 4 and columns < 3 else {}
    assert read_all(write("b.txt", "\n".join(words))).stats.notes == noted


@pytest.mark.parametrize("width", [32, 48, 72, 110])
@pytest.mark.parametrize("words", [TALE, RUSSIAN], ids=["english", "russian"])
@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_wrapped_lines_are_noted(write, read_all, words, width, between):
    path = write("a.txt", between.join(wrapped(words, width)))
    assert read_all(path).stats.notes == {"wrapped_lines": 1}
    whole = read_all(path, records="files")
    assert (whole.stats.records, whole.stats.notes) == (1, {})


@pytest.mark.parametrize("lines", [2, 4])
def test_a_short_file_of_few_lines_is_one_text(lines):
    line = "of a tweet in a file of its own"
    for text, records in (
        ("\n".join([line] * lines), "files"),
        ("\n".join([line * 40] * lines), "lines"),
        (line, "lines"),
    ):
        assert layout_of("a.txt", text.encode(), Layout()).records == records


def test_paragraphs_do_not_depend_on_the_chunks(write, read_all):
    """This holds for scanning and cleaning, and for any blanks between paragraphs."""
    blanks = (0, 1, 254, 255, 300, 700)
    content = "".join(f"{n} {'word ' * 30}\n{' ' * n}\n" for n in blanks)
    path = write("a.txt", content)
    expected = 1 + sum(n <= 254 for n in blanks)
    for chunk in (7, 64, 255, 256, 257, 300, 1 << 20):
        limits = Limits(chunk=chunk)
        found = read_all(path, limits=limits, records="paragraphs")
        assert found.stats.records == expected
        (split,) = plan([path], Fields(), records="paragraphs", limits=limits)
        stream = ByteStream(split, Context.quiet(limits))
        raw = [each for part in CUTS["text"](stream) for each in part]
        assert b"".join(each.data for each in raw) == content.encode()
        assert sum(each.number is not None for each in raw) == expected
