"""Convert between Arrow string arrays and the flat buffers that kernels take.

A *text buffer* is ``(uint8[m], int64[n + 1])``: UTF-8 and offsets, the layout of an
Arrow ``large_string`` array.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from provscan.errors import ParameterError

TextBuffer: TypeAlias = tuple[np.ndarray, np.ndarray]
Texts: TypeAlias = "pa.Array | pa.ChunkedArray | Iterable[str]"


def to_array(texts: Texts) -> pa.LargeStringArray:
    """Return strings as one ``large_string`` array; a null becomes an empty text."""
    if isinstance(texts, str):
        raise ParameterError(
            "expected several texts, found one str: put it into a list"
        )
    # Iterating over a dict or a table yields names of fields or columns, not texts.
    if (
        isinstance(texts, Mapping)
        or hasattr(texts, "columns")
        or not isinstance(texts, pa.Array | Iterable)
    ):
        raise ParameterError(
            f"expected texts, found {type(texts).__name__}: pass a list of strings, an "
            "Arrow array, or one column"
        )
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        values: list[Any] = list(texts)
        try:
            # With from_pandas, missing values of pandas become nulls.
            array = pa.array(values, pa.large_string(), from_pandas=True)
        except UnicodeEncodeError:
            # Arrow strings must be valid UTF-8, so a lone surrogate is replaced.
            return to_array(
                [
                    v.encode("utf-8", "replace").decode() if isinstance(v, str) else v
                    for v in values
                ]
            )
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ParameterError(
                f"expected texts (str), found something else: {error}"
            ) from None
    elif pa.types.is_large_string(texts.type):
        array = texts
    elif texts.type in (
        pa.string(),
        pa.string_view(),
        pa.null(),
    ) or pa.types.is_dictionary(texts.type):
        array = texts.cast(pa.large_string())
    else:
        raise ParameterError(
            f"expected an Arrow array of strings, found {texts.type}: cast it with "
            ".cast('large_string')"
        )
    return array.fill_null("") if array.null_count else array


def buffers(array: pa.LargeStringArray) -> TextBuffer:
    """Return the text buffer of an array without nulls. The buffer is read-only and not
    a copy, and its first offset may be above 0.
    """
    _, offsets, data = array.buffers()
    if offsets is None or len(array) == 0:
        return _read_only(np.zeros(0, np.uint8)), _read_only(np.zeros(1, np.int64))
    flat = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
    text = (
        np.frombuffer(data, np.uint8)
        if data is not None and data.size
        else np.zeros(0, np.uint8)
    )
    return _read_only(text), _read_only(flat)


def _read_only(array: np.ndarray) -> np.ndarray:
    """Make an array read-only, and return it. Kernels are compiled only for read-only
    arrays, but some of Arrow's memory is writable.
    """
    array.flags.writeable = False
    return array


def from_buffers(text: np.ndarray, offsets: np.ndarray) -> pa.LargeStringArray:
    """Return an array over a text buffer, without copying."""
    return pa.LargeStringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text)
    )
