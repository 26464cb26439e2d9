"""Find the words in which a passage and its tweet differ, as runs of UTF-16 units for a
browser.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from provscan.arrays import Numbers
from provscan.kernels.search.worddiff import (
    MAX_RUNS,
    MAX_WORDS,
    ComparedText,
    differing_runs,
)
from provscan.text import CanonicalMapper

# The kinds of runs: LEFT_OUT differs only in characters that canonical text leaves out,
# DIFFERS differs in words, and NOT_COMPARED follows the words that were compared.
LEFT_OUT, DIFFERS, NOT_COMPARED = 1, 2, 3


class WordDifferences:
    """Compares pairs of texts; all pairs use the same arrays."""

    def __init__(self) -> None:
        self._mappers = CanonicalMapper(), CanonicalMapper()
        self._table = np.zeros((MAX_WORDS + 1, MAX_WORDS + 1), np.int32)
        self._words = np.zeros((2, MAX_WORDS + 1, 4), np.int64)
        self._runs = np.zeros((2, MAX_RUNS, 3), np.int64)

    def runs(self, passage: str, tweet: str) -> tuple[Numbers, Numbers]:
        """Return the differing runs of both texts, int64[n, 3] each: start and end in
        UTF-16 units, and kind. The next call overwrites them.
        """
        if passage == tweet:
            return self._runs[0, :0], self._runs[1, :0]
        a, b = (
            ComparedText(
                *mapped(text),
                np.frombuffer(text.encode("utf-32-le"), np.uint32),
                words,
                runs,
            )
            for text, mapped, words, runs in zip(
                (passage, tweet), self._mappers, self._words, self._runs, strict=True
            )
        )
        first, second = differing_runs(a, b, self._table)
        return self._runs[0, :first], self._runs[1, :second]


CLASSES = {
    0: "shared",
    LEFT_OUT: "left-out",
    DIFFERS: "differs",
    NOT_COMPARED: "around",
}


def marked(passage: str, tweet: str) -> dict[str, list[tuple[str, str]]]:
    """Cut a passage and its tweet into pieces, each with the CSS class of what it is:
    ``shared`` by both, ``left-out``, ``differs``, or ``around`` the compared words.
    """
    both = WordDifferences().runs(passage, tweet)
    return {
        name: list(_pieces(text.encode("utf-16-le", "surrogatepass"), runs))
        for name, text, runs in zip(
            ("passage", "tweet"), (passage, tweet), both, strict=True
        )
    }


def _pieces(units: bytes, runs: Numbers) -> Iterator[tuple[str, str]]:
    at = 0
    for start, end, kind in [*runs.tolist(), (len(units) // 2, len(units) // 2, 0)]:
        for low, high, each in ((at, start, 0), (start, end, kind)):
            if low < high:
                text = units[2 * low : 2 * high].decode("utf-16-le", "replace")
                yield text, CLASSES[each]
        at = end
