"""Valid text in Arrow arrays: check it, repair it and count the repairs.

:func:`checked_text` does so for texts and bytes of files, :func:`string_array` for
Python strings, and :func:`short_texts` for ids and names.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.readers.stats import Counts, ReadStats
from provscan.readers.values import array_values
from provscan.text_buffers import buffers

# The replacement for each code point that is left out of a text; it separates words
# like a space.
LEFT_OUT = "\u2592"
TEXT_TYPES = {
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
}
# Counts of ids and names, whose repairs are not reported.
UNCOUNTED = Counts("", ReadStats())
# Names of types in messages about values that are not texts.
KINDS = {
    dict: "an object",
    list: "a list",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of a type are texts."""
    return kind in TEXT_TYPES


def unexpected_value(value: Any) -> str:
    """Describe a value that is not the expected text."""
    return f"{KINDS.get(type(value), type(value).__name__)} where text is expected"


def null_if_empty(texts: pa.Array) -> pa.Array:
    """Return texts with null for each empty string, since CSV has no other null."""
    empty = pc.equal(texts, "")
    return (
        pc.if_else(empty, pa.scalar(None, texts.type), texts)
        if pc.any(empty).as_py()
        else texts
    )


def checked_text(
    array: pa.Array, numbers: Iterable[int], counts: Counts
) -> pa.LargeStringArray:
    """Return texts or bytes as valid text. ``numbers`` gives the record
    of each text, since replaced characters are counted by record.
    """
    try:
        text = pc.cast(array, pa.large_string())
        if not is_valid(text):
            text.validate(full=True)
        return text
    except (
        pa.ArrowInvalid,
        UnicodeDecodeError,
    ):  # Arrow may raise the second error while it formats the first.
        pass
    values = zip(pc.cast(array, pa.large_binary()).to_pylist(), numbers, strict=True)
    return pa.array(
        [
            None if value is None else decoded(value, int(number), counts)
            for value, number in values
        ],
        pa.large_string(),
    )


def decoded(data: bytes, number: int, counts: Counts) -> str:
    """Return bytes of a record as text; bytes that are not UTF-8 are replaced and
    counted.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        byte = f"byte {data[error.start]:#04x} replaced by U+FFFD"
        counts.repair("invalid_utf8", number, byte)
        return data.decode(errors="replace")


def is_valid(text: pa.LargeStringArray) -> bool:
    """Return whether texts are UTF-8. All texts are checked at once, which is much
    faster than one at a time.
    """
    data, offsets = buffers(text)
    starts = offsets[1:-1]
    starts = starts[: np.searchsorted(starts, offsets[-1])]
    return (
        is_utf8(data[offsets[0] : offsets[-1]])
        and not (data[starts] & 0xC0 == 0x80).any()
    )


def is_utf8(data: Any) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        bounds = pa.py_buffer(np.array([0, len(data)], np.int64))
        pa.LargeStringArray.from_buffers(1, bounds, pa.py_buffer(data)).validate(
            full=True
        )
    except (
        pa.ArrowInvalid,
        UnicodeDecodeError,
    ):  # Arrow may raise the second error while it formats the first.
        return False
    return True


def string_array(
    texts: list[str], numbers: list[int], counts: Counts
) -> pa.LargeStringArray:
    """Return texts as an array; lone surrogates are repaired and counted."""
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        repaired = list(map(without_surrogates, texts))
        for number, text, valid in zip(numbers, texts, repaired, strict=True):
            if valid != text:
                counts.repair("lone_surrogate", number, "replaced by U+FFFD")
        return pa.array(repaired, pa.large_string())


def without_surrogates(text: str) -> str:
    """Return a text with surrogate pairs joined and lone surrogates replaced by
    U+FFFD.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def short_texts(values: pa.Array | Sequence[Any]) -> pa.Array:
    """Return ids or names as a column of strings. Empty strings become null, and so
    does everything except text and numbers.
    """
    if isinstance(values, pa.Array):
        if is_text(values.type):
            valid = checked_text(values, range(len(values)), UNCOUNTED)
            return null_if_empty(pc.cast(valid, pa.string()))
        if pa.types.is_integer(values.type):
            return pc.cast(values, pa.string())
        values = array_values(values)
    try:
        return null_if_empty(pa.array(values, pa.string()))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        texts = map(scalar_text, values)
        return pa.array(
            [text and without_surrogates(text) for text in texts], pa.string()
        )


def scalar_text(value: Any) -> str | None:
    """Return an id as a string; None for values that can't be ids, such as lists."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bytes):
        return value.decode(errors="replace") or None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        if abs(value) >= 2**53:
            # The id has lost digits. In this notation, it differs from all real ids.
            return f"{value:.16e}"
        return str(int(value) if value.is_integer() else value)
    if isinstance(value, Decimal) and value.is_finite():
        return str(int(value)) if value == int(value) else f"{value:f}"
    return str(value) if isinstance(value, int) else None
