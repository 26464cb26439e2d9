"""Find the words in text files with one word per line, as in CoNLL.

A paragraph is one text. Everything except the words is replaced by other characters,
code point by code point, so that spans keep their positions.
"""

from __future__ import annotations

import re
from collections import Counter
from operator import itemgetter

from provscan.readers.fields.survey import is_word
from provscan.readers.strings import left_out

# Minimum number of lines of a file with one word per line, and the number of lines that
# are examined.
LEAST_LINES, MOST_LINES = 20, 1000
# Minimum share of lines with a word, and with the same number of columns.
NEARLY_ALL = 0.9
# Minimum share of distinct values in the column of words. Tags, such as parts of
# speech, recur more often.
DIFFERENT = 0.4
NUMBER = re.compile(r"\d+(?:[-.]\d+)?")
# A comment of CoNLL-U, and the separator of documents in CoNLL-2003.
COMMENT = re.compile(r"# .*=|-DOCSTART-")
PARAGRAPH = re.compile(rb"\n[ \t\r]*\n")
COLUMN = re.compile(r"\S+")
BETWEEN_TABS = re.compile(r"[^\t\r]+")


def _columns(line: str) -> re.Pattern[str]:
    return BETWEEN_TABS if "\t" in line else COLUMN


def word_column(head: bytes) -> int | None:
    """Return the column of the words in a text with this beginning; None if it does
    not have one word per line.

    If lines have several columns, nearly all must have the same number of columns,
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
    # A column of numbers counts the words.
    numbered = [all(map(NUMBER.fullmatch, column)) for column in columns]
    position = numbered.index(False) if False in numbered else None
    if position is None or sum(map(is_word, columns[position])) < NEARLY_ALL * len(
        full
    ):
        return None
    others = [
        len(set(column)) for column in columns[:position] + columns[position + 1 :]
    ]
    return (
        position
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
    matches = [] if COMMENT.match(line) else list(_columns(line).finditer(line))
    if column >= len(matches):
        return COLUMN.sub(left_out, line)
    start, end = matches[column].span()
    before, word, after = line[:start], line[start:end], line[end:]
    return COLUMN.sub(left_out, before) + word + COLUMN.sub(left_out, after)
