"""Assemble texts that are stored word by word: lists of words in records, and text
files with one word per line, as in CoNLL.

The words of a list become one text, joined by spaces. In a file with one word per line,
a paragraph is one text; everything except the words is replaced by other characters,
code point by code point, so that every span stays in place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.readers.fields.survey import UNSPACED
from provscan.readers.strings import null_if_empty
from provscan.readers.texts.model_outputs import LEFT_OUT
from provscan.text_buffers import buffers, from_buffers

# Minimum average number of words per list and minimum number of lines in a file for
# them to be words of a text, and the number of lines that are examined.
LEAST_WORDS, LEAST_LINES, MOST_LINES = 4, 20, 1000
# Minimum share of strings that must look like words, and of lines that must have the
# same number of columns.
NEARLY_ALL = 0.9
# Minimum share of distinct words; tags, such as parts of speech, have fewer.
DIFFERENT = 0.4
NUMBER = re.compile(r"\d+(?:[-.]\d+)?")
# A comment of CoNLL-U, and the separator of documents in CoNLL-2003.
COMMENT = re.compile(r"# .*=|-DOCSTART-")
PARAGRAPH = re.compile(rb"\n[ \t\r]*\n")
COLUMN = re.compile(r"\S+")
BETWEEN_TABS = re.compile(r"[^\t\r]+")


def is_word(value: str) -> bool:
    """Return whether a text may be a single word, an @name or a URL."""
    return (
        len(value) <= 30
        and len(value.split()) == 1
        and len(UNSPACED.findall(value)) < 8
    )


def are_words(strings: Sequence[str], words: int, lists: int) -> bool:
    """Return whether lists are the words of texts.

    ``lists`` is the number of lists, ``words`` the number of strings in them, and
    ``strings`` are the first strings.
    """
    several = (
        len(set(strings)) > DIFFERENT * len(strings) and words >= LEAST_WORDS * lists
    )
    return several and sum(map(is_word, strings)) > NEARLY_ALL * len(strings)


def single_words(strings: Sequence[str]) -> bool:
    """Return whether texts of records are single words, so that a longer text would be
    divided over several records.
    """
    return len(strings) >= 5 * LEAST_LINES and sum(
        map(is_word, strings)
    ) > NEARLY_ALL * len(strings)


def joined(words: pa.LargeStringArray, starts: Numbers) -> pa.Array:
    """Join words with spaces: text i has the words from ``starts[i]`` to ``starts[i +
    1]``, and is null if there are none.
    """
    nothing, space = (pa.scalar(value, pa.large_string()) for value in ("", " "))
    data, offsets = buffers(
        pc.binary_join_element_wise(words.fill_null(""), nothing, space)
    )
    return null_if_empty(pc.utf8_rtrim(from_buffers(data, offsets[starts]), " "))


def _columns(line: str) -> re.Pattern[str]:
    return BETWEEN_TABS if "\t" in line else COLUMN


def word_column(head: bytes) -> int | None:
    """Return the column of the words in a text with this beginning; None if it does
    not have one word per line.

    If lines have several columns, each line must have the same number of columns,
    another column must have few distinct values, and there must be paragraphs.
    """
    lines = (
        head[: head.rfind(b"\n") + 1]
        .decode(errors="replace")
        .split("\n", MOST_LINES)[:MOST_LINES]
    )
    # The first lines rule out nearly all other texts.
    if (
        max(Counter(len(line.split()) for line in lines[:LEAST_LINES]).values())
        < LEAST_LINES / 3
    ):
        return None
    full = [line for line in lines if line.strip() and not COMMENT.match(line)]
    rows = [_columns(line).findall(line) for line in full]
    width, number = max(
        Counter(map(len, rows)).items(), key=itemgetter(1), default=(0, 0)
    )
    if number < max(LEAST_LINES, NEARLY_ALL * len(full)):
        return None
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True))
    place = next(
        (
            k
            for k, column in enumerate(columns)
            if not all(map(NUMBER.fullmatch, column))
        ),
        None,
    )
    if place is None or sum(map(is_word, columns[place])) < NEARLY_ALL * len(full):
        return None
    others = [len(set(column)) for column in columns[:place] + columns[place + 1 :]]
    return (
        place
        if not others or (has_paragraphs(head) and min(others) < DIFFERENT * len(full))
        else None
    )


def has_paragraphs(head: bytes) -> bool:
    """Return whether a text with this beginning contains blank lines."""
    return PARAGRAPH.search(head.strip()) is not None


def words_alone(text: str, column: int) -> str:
    """Return a text with all but one column of its lines replaced, code point by code
    point; comment lines are replaced entirely.
    """
    return "\n".join(_word_alone(line, column) for line in text.split("\n"))


def _word_alone(line: str, column: int) -> str:
    found = (
        None
        if COMMENT.match(line)
        else next(islice(_columns(line).finditer(line), column, None), None)
    )
    start, end = (len(line), len(line)) if found is None else found.span()
    return (
        COLUMN.sub(_left_out, line[:start])
        + line[start:end]
        + COLUMN.sub(_left_out, line[end:])
    )


def _left_out(found: re.Match[str]) -> str:
    return LEFT_OUT * len(found[0])
