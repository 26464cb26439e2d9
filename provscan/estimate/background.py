"""Rarity of wording, in bits under a background model.

:class:`BackgroundModel` counts character n-grams of canonical texts and computes the
bits of a text. :func:`matched_bits` computes from them the bits of an edited match: a
score, not a probability of a chance match.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.arrays import Floats, Numbers
from provscan.errors import ParameterError
from provscan.kernels.search import background as kernels
from provscan.kernels.search.grams import GRAM

# Canonical texts: strings, or an Arrow array or chunked array of them.
Texts: TypeAlias = Any

# Bits of an unseen code point without context: Unicode assigns about 150,000.
UNKNOWN_BITS = math.log2(150_000)
# Maximum bits of a letter: a model that counted few texts overrates rare letters and
# names. A syllable or character of Chinese, Japanese or Korean has two letters' worth.
MOST_BITS = 4.0
# Minimum number of letters in a passage that is more than a name or phrase, and the
# bits that every missing letter costs.
LONG_PART, SHORT_PART_BITS = 90, 0.25
_CODE_POINTS = 0x110000
# The model knows the script of a text if at least this share of the text's code points
# was counted at least this number of times.
_FAMILIAR_SHARE, _FAMILIAR = 0.8, 50


def _code_points(texts: Texts) -> tuple[npt.NDArray[np.uint32], Numbers]:
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        texts = texts.to_pylist()
    strings = ["" if text is None else text for text in texts]
    offsets = np.zeros(len(strings) + 1, np.int64)
    np.cumsum([len(text) for text in strings], out=offsets[1:])
    chars = np.frombuffer(
        "".join(strings).encode("utf-32-le", "surrogatepass"), dtype=np.uint32
    )
    return chars, offsets


class BackgroundModel:
    """Character n-gram model with interpolated absolute discounting.

    ``p(c | h) = (max(n(hc) - d, 0) + d * u(h) * p(c | h')) / n(h)``, where n counts,
    u(h) is the number of different code points seen after the context h, and h' is h
    without its first code point; the shortest context is interpolated with a uniform
    distribution over Unicode (Ney, Essen & Kneser 1994, doi:10.1006/csla.1994.1001).

    Parameters
    ----------
    order
        Longest n-gram, in code points, 1 to 8.
    discount
        d, between 0 and 1.
    max_chars
        Training stops when this many code points have been counted (4 million take
        about 200 MB of memory). Pass a random sample of a larger corpus.

    Raises
    ------
    ParameterError
        A parameter is out of its range.
    """

    def __init__(
        self, order: int = 6, *, discount: float = 0.75, max_chars: int = 4_000_000
    ) -> None:
        if not 1 <= order <= 8:
            raise ParameterError(f"order must be between 1 and 8, not {order!r}")
        if not 0.0 < discount < 1.0:
            raise ParameterError(
                f"discount must be between 0 and 1, exclusive, not {discount!r}"
            )
        if max_chars < 1:
            raise ParameterError(f"max_chars must be at least 1, not {max_chars!r}")
        self.order = order
        self.discount = discount
        self.max_chars = max_chars
        self.chars = 0
        self.texts = 0
        self._used = 0
        self._seen = np.zeros(_CODE_POINTS, np.int64)
        self._table = np.zeros((1 << 12, 2), np.uint64)

    def add(self, texts: Texts) -> int:
        """Count canonical texts, until ``max_chars`` is reached.

        Parameters
        ----------
        texts
            Strings or an Arrow array of strings; a null counts as an empty text.

        Returns
        -------
        int
            The number of texts that were counted.
        """
        chars, offsets = _code_points(texts)
        last = int(
            np.searchsorted(offsets[1:], self.max_chars - self.chars, side="right")
        )
        at, slots = 0, 1 << (self.chars + int(offsets[last])).bit_length()
        while True:
            if slots > len(self._table):
                larger = np.zeros((slots, 2), np.uint64)
                kernels.rehash(self._table, larger)
                self._table = larger
            limit = len(self._table) // 2 - self._used
            at, used = map(
                int,
                kernels.count_grams(
                    chars, offsets, at, last, self.order, self._table, limit
                ),
            )
            self._used += used
            if at == last:
                break
            slots = 2 * len(self._table)
        # Add only counts up to the largest code point: an array for all code points
        # would take 9 MB.
        seen = np.bincount(chars[: offsets[last]])
        self._seen[: len(seen)] += seen
        self.chars += int(offsets[last])
        self.texts += last
        return last

    def surprisal(
        self, texts: Texts, *, copies: npt.ArrayLike = 0
    ) -> tuple[Floats, Numbers]:
        """Return minus the base-2 logarithm of the probability of each code point.

        Parameters
        ----------
        texts
            Canonical texts.
        copies
            How often each text was counted: one number, or an array of shape (texts,).
            The n-grams of the text are subtracted as often, so that a licensed text
            does not make its own wording look common.

        Returns
        -------
        float64[n], int64[texts + 1]
            The values of all texts, one text after the other, and the start of each
            text.

        Raises
        ------
        ParameterError
            Nothing was counted, or ``copies`` is negative.
        """
        chars, offsets = _code_points(texts)
        return self._surprisal(chars, offsets, copies), offsets

    def _surprisal(
        self,
        chars: npt.NDArray[np.uint32],
        offsets: Numbers,
        copies: npt.ArrayLike,
    ) -> Floats:
        if self.chars == 0:
            raise ParameterError(
                "a background model needs texts to count before it can score: call "
                "add(texts) first"
            )
        counts = np.array(
            np.broadcast_to(np.asarray(copies, np.int64), len(offsets) - 1)
        )
        if len(counts) and int(counts.min()) < 0:
            raise ParameterError(f"copies must be 0 or more, found {int(counts.min())}")
        longest = int(np.diff(offsets)[counts > 0].max(initial=0))
        scratch = 1 << (8 * self.order * longest).bit_length()
        result = np.zeros(len(chars), np.float64)
        kernels.score_texts(
            chars,
            offsets,
            kernels.NgramModel(self.order, self.discount, UNKNOWN_BITS, self._table),
            counts,
            np.empty((scratch, 2), np.uint64),
            np.empty((2, kernels.TOGETHER, self.order), np.uint64),
            result,
        )
        return result

    def char_bits(
        self, texts: Texts, *, copies: npt.ArrayLike = 0
    ) -> tuple[Floats, Numbers]:
        """Return the bits of each code point: its :meth:`surprisal`, but at most
        :data:`MOST_BITS` a letter, and 0 for repetition within its text.

        A code point is repetition if it ends a 5-gram that occurs before in the text.
        The other code points of a text in a script that the model hardly knows are nan,
        since they would look rare for that reason alone. This is the case if fewer than
        four fifths of the text's code points were counted 50 times or more.

        Parameters
        ----------
        texts
            Canonical texts.
        copies
            How often each text was counted, as for :meth:`surprisal`.

        Returns
        -------
        float64[n], int64[texts + 1]
            The bits of all texts, one text after the other, and the start of each text.

        Raises
        ------
        ParameterError
            Nothing was counted, or ``copies`` is negative.
        """
        chars, offsets = _code_points(texts)
        values = self._surprisal(chars, offsets, copies)
        length = np.diff(offsets)
        room = 1 << (2 * int(length.max(initial=4))).bit_length()
        kernels.cap_bits(chars, offsets, MOST_BITS, np.empty(room, np.uint64), values)
        familiar = np.concatenate([[0], np.cumsum(self._seen[chars] >= _FAMILIAR)])
        unknown = (
            familiar[offsets[1:]] - familiar[offsets[:-1]] < _FAMILIAR_SHARE * length
        )
        values[np.repeat(unknown, length) & (values > 0.0)] = np.nan
        return values, offsets

    def bits(self, texts: Texts, *, copies: npt.ArrayLike = 0) -> Floats:
        """Return the bits of each text: the sum of its :meth:`char_bits`.

        Parameters
        ----------
        texts
            Canonical texts.
        copies
            How often each text was counted, as for :meth:`surprisal`.

        Returns
        -------
        float64[texts]
            0 for an empty text, nan for one in a script that the model hardly knows.

        Raises
        ------
        ParameterError
            Nothing was counted, or ``copies`` is negative.
        """
        return text_sums(*self.char_bits(texts, copies=copies))


def text_sums(values: Floats, offsets: Numbers) -> Floats:
    """Sum the values of the code points of each text, given the start of each text."""
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    sums = np.bincount(rows, values, minlength=len(offsets) - 1)
    return sums.astype(np.float64)


def matched_bits(
    bits: npt.ArrayLike,
    length: npt.ArrayLike,
    containment: npt.ArrayLike,
    *,
    text_length: npt.ArrayLike | None = None,
    cuts: npt.ArrayLike = 0,
    letters: npt.ArrayLike = LONG_PART,
) -> Floats:
    """Return the bits of edited matches.

    Only the wording in common counts, and every edit costs bits: a match with e edits
    is one of about ``length ** e`` possible matches, which costs ``e * log2(length)``
    bits. One edit destroys five 5-grams of the copied stretch, from the first to the
    last 5-gram in common; wording cut off at an end of the text is one edit. A passage
    of a text may also be a name or a phrase, whose rarity the model overrates: each
    letter by which it is shorter than :data:`LONG_PART` costs
    :data:`SHORT_PART_BITS`.

    Parameters
    ----------
    bits
        Bits of the wording in common.
    length, containment
        Code points of the copied stretch of the licensed text; share of its 5-grams
        in the span. The arrays are broadcast against each other.
    text_length
        Code points of the licensed text; by default those of the stretch.
    cuts
        Number of ends of the text, 0 to 2, that the stretch does not reach.
    letters
        Number of letters in common.

    Returns
    -------
    float64, never below 0; nan where the bits are nan.
    """
    size = np.maximum(np.asarray(length, np.float64), 1.0)
    share = np.clip(np.asarray(containment, np.float64), 0.0, 1.0)
    missing = (1.0 - share) * np.maximum(size - GRAM + 1, 1.0)
    cuts = np.asarray(cuts)
    # An insertion destroys one 5-gram less, and repeated 5-grams count once.
    edits = np.ceil(np.maximum(missing - 2.0, 0.0) / GRAM) + cuts
    cost = edits * np.log2(size if text_length is None else np.maximum(text_length, 1))
    short = np.maximum(LONG_PART - np.asarray(letters, np.float64), 0.0)
    cost = cost + np.where(cuts > 0, SHORT_PART_BITS * short, 0.0)
    return np.maximum(np.asarray(bits, np.float64) - cost, 0.0)
