"""Determine the layout of a table in a text file: its delimiter, whether quotes enclose
values (:func:`layout_of`) and the names of its columns (:func:`header_of`).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from provscan.names import counted
from provscan.readers.fields.dataset import usual_name
from provscan.readers.fields.survey import reads_like_text
from provscan.readers.splits import Layout, NotReadable
from provscan.readers.values import distinct_names

DELIMITERS = ",\t;|"
HEAD_LINES = 200
NUMBER = re.compile(r"[-+]?[\d.,:]+")
# The line that spreadsheets write before the header.
NAMED_DELIMITER = re.compile(r"\ufeff?sep=([,;|\t])\r?(?:\n|$)")
# A file is refused if most rows (the share MOST, and at least LEAST_ROWS) are equally
# wide, with LEAST_COLUMNS or more, and its first line is narrower.
LEAST_ROWS, LEAST_COLUMNS, MOST = 5, 3, 0.8


def layout_of(
    name: str, head: bytes, layout: Layout, given: str | None = None
) -> Layout:
    """Determine the layout of a table from its first lines; the delimiter may be
    ``given``.
    """
    text = head.decode(errors="replace")
    ends = re.split(
        r"\r\n|\r|\n", text[: text.rfind("\n") + 1 or len(text)], maxsplit=HEAD_LINES
    )
    rows = [line + "\n" for line in ends[:HEAD_LINES] if line.strip()]
    named = NAMED_DELIMITER.match(text)
    if given is not None:
        delimiter = given
    elif named:
        delimiter = named[1]
    elif name.lower().endswith((".tsv", ".tab")):
        delimiter = "\t"
    else:
        delimiter = max(DELIMITERS, key=lambda candidate: _fit(rows, candidate))
    if _fit(rows, delimiter)[0] < MOST:
        _require_header(rows, [delimiter] if given or named else DELIMITERS)
    # In TSV, quotes may enclose values or be part of the text. Treat them as text if
    # fewer rows then deviate in width from the first or, on a tie, if fewer lines are
    # joined.
    quoted = delimiter != "\t" or _misfit(rows, delimiter, True) <= _misfit(
        rows, delimiter, False
    )
    return replace(layout, delimiter=delimiter, quoted=quoted)


def _require_header(rows: list[str], delimiters: Iterable[str]) -> None:
    """Raise NotReadable for a table whose header is not in its first line."""
    for delimiter in delimiters:
        widths = _widths(rows, delimiter, True)
        width, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
        if count >= max(MOST * len(widths), LEAST_ROWS) and width >= max(
            LEAST_COLUMNS, widths[0] + 1
        ):
            raise NotReadable(
                f"its first line has {counted(widths[0], 'value')}, and most others "
                f"have {width}: delete the lines above the header, or complete it"
            )


def _widths(rows: list[str], delimiter: str, quoted: bool) -> list[int]:
    layout = Layout(delimiter=delimiter, quoted=quoted)
    try:
        return [len(row) for row in csv_reader(rows, layout)]
    except csv.Error:
        return []


def _fit(rows: list[str], delimiter: str) -> tuple[float, int]:
    """Return how well a delimiter divides rows: the share of the rows that are as wide
    as the first, and that width.
    """
    widths = _widths(rows, delimiter, True)
    if not widths or widths[0] == 1:
        return 0.0, 1
    return round(sum(width == widths[0] for width in widths) / len(widths), 1), min(
        widths[0], 50
    )


def _misfit(rows: list[str], delimiter: str, quoted: bool) -> tuple[int, int]:
    """Return the number of rows that differ in width from the first, and the number of
    lines that are joined into rows.
    """
    widths = _widths(rows, delimiter, quoted)
    return (
        (sum(width != widths[0] for width in widths), len(rows) - len(widths))
        if widths
        else (len(rows), 0)
    )


def csv_reader(texts: Iterable[str], layout: Layout, *, strict: bool = False) -> Any:
    return csv.reader(
        texts,
        delimiter=layout.delimiter,
        quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
        strict=strict,
    )


def header_of(first: list[str]) -> tuple[list[str], bool]:
    """Return the names of the columns, and whether the first row contains them."""
    names = [name.strip() for name in first]
    filled = [name for name in names if name]
    is_header = any(usual_name(name) for name in filled) or (
        len(set(filled)) == len(filled) > 0
        and not any(
            reads_like_text(name) or len(name) > 60 or NUMBER.fullmatch(name)
            for name in filled
        )
    )
    if not is_header:
        return [f"column_{number}" for number in range(1, len(names) + 1)], False
    return distinct_names(
        [name or f"column_{position}" for position, name in enumerate(names, 1)]
    ), True
