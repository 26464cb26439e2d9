"""Test every rule for the arrays of an open segment, with a value that breaks it and
with the last value that it allows.
"""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

import provscan
from provscan.errors import IndexFormatError
from provscan.index.checks import check_content
from provscan.index.format import Tombstones
from provscan.index.segment.packed import pack_numbers
from provscan.index.segment.read import open_segment, read_tombstones
from provscan.index.segment.strings import Strings
from provscan.params import IndexParams


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    """Return a segment of six tweets with five texts and two authors. Two ids are not
    numbers.
    """
    words = [
        "harbour at night",
        "a letter from home",
        "rain before noon",
        "the last train",
        "bread and salt",
    ]
    rows = [
        {
            "id": str(n) if n < 4 else f"t{n}",
            "text": f"number {n} of these tweets is about {words[n % 5]}",
            "author": "ab"[n % 2],
            "created_at": f"2020-01-0{n + 1}",
        }
        for n in range(5)
    ]
    rows.append({**rows[0], "id": "t9", "created_at": "2020-02-01"})
    return provscan.build_index(
        rows, tmp_path_factory.mktemp("checks") / "i.index"
    ).reader.segments[0]


def found(segment, check, tmp_path):
    """Return the file that a check reports, and the problem; None if there is none."""
    try:
        check(segment, tmp_path)
    except IndexFormatError as error:
        path, problem = str(error).split(" is damaged: ")
        return f"{path.rsplit('/', 1)[1]}: {problem.split('. Restore')[0]}"
    return None


def changed(segment, **fields):
    return dataclasses.replace(segment, **fields)


def of_tweets(segment, **fields):
    return changed(segment, tweets=segment.tweets._replace(**fields))


def with_number(array, place, number):
    array = np.array(array)
    array[place] = number
    return array


def part_of(column, **parts):
    """Return a column with other parts. ``_replace`` would fail, since it compares
    ``len`` of the column, its number of rows, with the number of fields.
    """
    return type(column)(**{**column._asdict(), **parts})


def packed(column, place, number):
    return pack_numbers(with_number(column.all(), place, number))


def test_an_undamaged_segment_passes(segment, tmp_path):
    assert found(segment, check_content, tmp_path) is None


# For each problem: the damaged file, the type of its numbers, and the numbers that are
# left, or the place and value of a changed number.
SHAPES = [
    ("texts.sketches: expected 5 numbers, found 4", "", "u8", slice(2, None)),
    ("exact.entries: expected 5 numbers, found 4", "", "u4", slice(1, None)),
    ("times.blocks: its blocks do not fit its words", "words", "u8", slice(1, None)),
    ("raw_texts.blocks: its blocks do not fit its words", "words", "u8", slice(0)),
    ("texts.offsets: expected 5 strings, found 4", "", "i8", slice(-1)),
    ("ids.offsets: expected 0 strings, found -1", "", "i8", slice(0)),
    ("texts.offsets: its offsets do not cover the text", "utf8", "u1", slice(1, None)),
    ("author.offsets: its offsets do not cover the text", "", "i8", (0, 1)),
    ("exact.starts: its buckets do not cover the entries", "", "u4", (-1, 4)),
    ("bands.starts: its buckets do not cover the entries", "", "u4", (0, 1)),
    ("seeds.starts: expected 257 numbers, found 256", "", "u4", slice(-1)),
    ("bands.filter: its 0 words are not a power of two", "", "u8", slice(0)),
    ("bands.filter: its 3 words are not a power of two", "", "u8", slice(3)),
    ("seeds.filter: its 6 words are not a power of two", "", "u8", slice(6)),
]


def opened_with(segment, folder, name, dtype, change):
    """Open a copy of a segment with one changed file; return the reported problem."""
    place = segment.info.name
    source = Path(segment.tweets.raw_texts.path).parent
    shutil.copytree(source, folder / "segments" / place)
    file = folder / "segments" / place / name
    change(np.fromfile(file, dtype)).tofile(file)
    return found(
        segment,
        lambda s, f: open_segment(f, s.info, IndexParams(seed_length=10)),
        folder,
    )


@pytest.mark.parametrize(("problem", "other", "dtype", "change"), SHAPES)
def test_the_error_names_a_file_of_wrong_length(
    segment, problem, other, dtype, change, tmp_path
):
    name, _, kind = problem.partition(":")[0].partition(".")

    def damaged(numbers):
        if isinstance(change, slice):
            return numbers[change]
        return with_number(numbers, *change)

    file = f"{name}.{other or kind}"
    assert opened_with(segment, tmp_path, file, dtype, damaged) == problem


def test_seeds_need_one_place_per_entry(segment, tmp_path):
    wrong = opened_with(segment, tmp_path, "seeds.places", "u1", lambda a: a[1:])
    assert str(wrong).startswith("seeds.places: expected ")


def test_a_filter_of_one_word_is_allowed(segment, tmp_path):
    wrong = opened_with(segment, tmp_path, "bands.filter", "u8", lambda a: a[:1])
    assert wrong is None


def of_raw_texts(segment, **parts):
    return of_tweets(segment, raw_texts=part_of(segment.tweets.raw_texts, **parts))


def of_authors(segment, **parts):
    return of_tweets(segment, author=segment.tweets.author._replace(**parts))


OFFSETS = "its offsets do not ascend from 0, or do not cover the data"
CONTENT = {
    "author.offsets: its offsets do not ascend": [
        lambda s: of_authors(
            s, values=Strings(s.tweets.author.values.text, np.array([0, 2, 1]))
        )
    ],
    "author.utf8: its text is not valid UTF-8": [
        lambda s: of_authors(
            s,
            values=Strings(
                np.array([97, 0xFF], np.uint8), s.tweets.author.values.offsets
            ),
        )
    ],
    f"raw_texts.blocks: {OFFSETS}": [
        lambda s: of_raw_texts(s, offsets=packed(s.tweets.raw_texts.offsets, 0, 1)),
        lambda s: of_raw_texts(s, offsets=packed(s.tweets.raw_texts.offsets, 2, 1)),
    ],
    f"raw_texts_blocks.blocks: {OFFSETS}": [
        lambda s: of_raw_texts(s, compressed=s.tweets.raw_texts.compressed[1:]),
        lambda s: of_raw_texts(
            s, compressed=np.append(s.tweets.raw_texts.compressed, np.uint8(0))
        ),
    ],
    "ids.blocks: its negative numbers do not refer to each string once": [
        lambda s: of_tweets(
            s, ids=s.tweets.ids._replace(numbers=packed(s.tweets.ids.numbers, 0, -3))
        )
    ],
    "author.blocks: a row is out of range": [
        lambda s: of_authors(s, codes=packed(s.tweets.author.codes, 0, -1)),
        lambda s: of_authors(s, codes=packed(s.tweets.author.codes, 0, 2)),
    ],
}


@pytest.mark.parametrize(
    ("problem", "case"),
    [(name, n) for name, made in CONTENT.items() for n in range(len(made))],
)
def test_the_error_names_a_file_with_numbers_out_of_bounds(
    segment, problem, case, tmp_path
):
    wrong = CONTENT[problem][case](segment)
    assert found(wrong, check_content, tmp_path) == problem


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([0, 5], None),
        ([], None),
        ([-1, 2], "it lists rows that do not exist"),
        ([2, 6], "it lists rows that do not exist"),
        ([2, 2], "it lists rows that do not exist"),
        ([3, 2], "it lists rows that do not exist"),
    ],
)
def test_tombstones_list_existing_rows_in_order(segment, rows, problem, tmp_path):
    """Tombstones are read whenever an index is opened, even without a check."""
    (tmp_path / "tombstones").mkdir()
    np.stack([np.array(rows, "<i8"), np.zeros(len(rows), "<i8")], axis=1).tofile(
        tmp_path / "tombstones" / "stones"
    )
    info = dataclasses.replace(
        segment.info, tombstones=Tombstones(0, "", "stones", len(rows), "")
    )
    if problem is None:
        assert read_tombstones(tmp_path, info)[:, 0].tolist() == rows
    else:
        with pytest.raises(IndexFormatError, match=f"stones is damaged: {problem}"):
            read_tombstones(tmp_path, info)
