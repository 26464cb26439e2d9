"""Strings in two files: ``NAME.utf8`` contains their concatenated bytes,
``NAME.offsets`` (int64[n + 1]) the start of each string and the end of the last.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.index.format import damage
from provscan.index.segment.arrays import map_array, write_array
from provscan.kernels.canonical import utf8 as kernels
from provscan.kernels.records import CodeBuffer, TextBuffer, frozen
from provscan.kernels.storage.keys import text_keys
from provscan.text_buffers import buffers, from_buffers


class Strings(NamedTuple):
    """A text buffer (:mod:`provscan.text_buffers`), in memory or in mapped files."""

    text: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def record(self) -> TextBuffer:
        return frozen(TextBuffer(self.text, self.offsets))

    def take(self, rows: np.ndarray) -> Strings:
        return Strings(*buffers(self.array().take(pa.array(rows))))

    def codes(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the code points of some rows: uint32[m] and int64 offsets[n + 1]."""
        size = int((self.offsets[rows + 1] - self.offsets[rows]).sum())
        codes = np.empty(size, np.uint32)
        offsets = np.zeros(len(rows) + 1, np.int64)
        kernels.decode_rows(self.record, rows, CodeBuffer(codes, offsets))
        return codes, offsets

    def keys(self) -> np.ndarray:
        """Return uint64[n, 2]: the key of each string, a 128-bit hash."""
        keys = np.empty((len(self), 2), np.uint64)
        text_keys(self.record, keys)
        return keys

    def whole_numbers(self) -> np.ndarray:
        """Return int64[n]: the value of each string that is a whole number below 9 *
        10**18 without a sign or leading zeros; -1 for all others.
        """
        numbers = np.empty(len(self), np.int64)
        kernels.whole_numbers(self.record, numbers)
        return numbers

    def array(self) -> pa.LargeStringArray:
        return from_buffers(self.text, self.offsets)


class StringsWriter:
    """Appends strings to the two files."""

    def __init__(self, folder: Path, name: str) -> None:
        self._text, self._offsets = (
            (folder / f"{name}.{part}").open("wb") for part in ("utf8", "offsets")
        )
        self._size = 0
        write_array(self._offsets, np.zeros(1, np.int64))

    def add(self, strings: Strings) -> None:
        low, high = int(strings.offsets[0]), int(strings.offsets[-1])
        write_array(self._text, strings.text[low:high])
        write_array(self._offsets, strings.offsets[1:] + (self._size - low))
        self._size += high - low

    def close(self) -> None:
        try:
            self._text.close()
        finally:
            self._offsets.close()


def open_strings(folder: Path, name: str, count: int | None = None) -> Strings:
    """Map the two files, which must have `count` strings if it is given."""
    path = folder / f"{name}.offsets"
    strings = Strings(
        map_array(folder / f"{name}.utf8", np.uint8), map_array(path, np.int64)
    )
    found = len(strings.offsets) - 1
    if found < 0 or count not in (None, found):
        raise damage(path, f"expected {count or 0:,} strings, found {found:,}")
    if strings.offsets[0] != 0 or strings.offsets[-1] != len(strings.text):
        raise damage(path, "its offsets do not cover the text")
    return strings


def appended(first: Strings, second: Strings) -> Strings:
    text = np.concatenate(
        [first.text[: first.offsets[-1]], second.text[: second.offsets[-1]]]
    )
    return Strings(
        text, np.concatenate([first.offsets, second.offsets[1:] + first.offsets[-1]])
    )


def combined(parts: list[Strings], part_of: np.ndarray) -> Strings:
    """Interleave strings: string i of the result is the next string of
    ``parts[part_of[i]]``.
    """
    if len(parts) == 1:
        return parts[0]
    order = np.argsort(np.argsort(part_of, kind="stable"), kind="stable")
    return Strings(
        *buffers(
            pa.concat_arrays([part.array() for part in parts]).take(pa.array(order))
        )
    )
