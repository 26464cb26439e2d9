"""Canonical text: what is left of a text after normalisation.

The rules, in the order in which they apply; they look at characters, never at
languages:

1. HTML character references are decoded twice, as HTML5 does (``&amp;amp;`` happens).
2. URLs, mentions, retweet marks (``RT @name``), the placeholders that dataset builders
   write for them (``@user``, ``<url>``, ``[URL]``, ``http``, ``HTTPURL``) and tags of
   HTML elements are dropped. They go wherever they stand, so that a tweet inside a
   document has the same canonical text as the tweet alone.
3. Compatibility forms and case are folded (Unicode NFKC and full case folding, per code
   point); a Latin, Greek or Cyrillic letter loses its accents; invisible characters
   (joiners, variation selectors, soft hyphens) go. Marks that make another letter stay
   (kana voicing, Indic vowels, Arabic and Thai signs) and are composed.
4. Everything but letters, digits and their marks separates; a run of separators is one
   space, none stands at either end. Emoji are among them, since pipelines strip and add
   them. Between two characters of scripts that are written without spaces (Han, kana,
   Thai, Lao, Khmer, Burmese) separators are dropped: line breaks and punctuation come
   and go there.

The tables behind it ship with the package and carry a version, so that the same text
has the same canonical text under every Python. See
:mod:`provscan.kernels.canonical.normalize` for the code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.kernels.canonical import normalize as kernels
from provscan.kernels.canonical import utf8
from provscan.kernels.canonical.ascii import LOOK_AHEAD
from provscan.kernels.records import CanonicalScratch, CodeBuffer, frozen
from provscan.kernels.records import TextBuffer as TextRecord
from provscan.kernels.scratch import scratch_array
from provscan.text.tables import tables
from provscan.text_buffers import TextBuffer, Texts, buffers, from_buffers, to_array

# Texts made canonical at a time: their code points stay in the second-level cache.
GROUP = 2048


class Canonical(NamedTuple):
    """Canonical texts of a batch: UTF-8, int64 offsets[n + 1], and the originals'
    lengths in code points.
    """

    text: np.ndarray
    offsets: np.ndarray
    lengths: np.ndarray


class Mapped(NamedTuple):
    """One canonical text with its way back."""

    codes: np.ndarray  # uint32[n], the canonical code points.
    # int64[n], where each stands in the original, in code points, end exclusive;
    # accents and joiners that follow a letter belong to it, and a separator stands
    # before the letter that follows it.
    start: np.ndarray
    end: np.ndarray


def scratch(longest: int) -> CanonicalScratch:
    """Scratch for one text of up to ``longest`` bytes.

    Memory that is never written is never taken, so the worst case costs nothing.
    """
    size = longest + 1
    return CanonicalScratch(
        np.empty((3, size), np.uint32),
        np.empty((4, size), np.int32),
        np.empty((2, LOOK_AHEAD), np.uint8),
        np.empty(kernels.EXPANSION * size, np.uint32),
        np.empty(kernels.EXPANSION * size, np.int32),
    )


def canonical_codes(
    text: np.ndarray, offsets: np.ndarray, *, spaced: bool = False
) -> Canonical:
    """Canonical texts of a text buffer as code points: ``text`` of the result is
    uint32.

    It lasts until the same thread calls this again (:mod:`provscan.kernels.scratch`).
    With ``spaced`` a space stands between any two texts of which something is left, at
    the end of the first.
    """
    count = len(offsets) - 1
    longest = int(np.diff(offsets).max()) if count else 0
    texts, room = frozen(TextRecord(text, offsets)), scratch(longest)
    size = int(offsets[-1] - offsets[0]) + kernels.EXPANSION * (longest + 1)
    out = CodeBuffer(
        scratch_array("codes", size, np.uint32), np.zeros(count + 1, np.int64)
    )
    lengths = np.zeros(count, np.int64)
    done = 0
    while True:
        done = kernels.codes_batch(texts, done, tables(), room, spaced, out, lengths)
        if done == count:
            if spaced:
                np.minimum(out.offsets, max(0, out.offsets[-1] - 1), out=out.offsets)
            return Canonical(out.codes[: out.offsets[-1]], out.offsets, lengths)
        out = out._replace(
            codes=np.concatenate([out.codes, np.empty(len(out.codes), np.uint32)])
        )


def chunk_cuts(text: np.ndarray, start: int, stop: int, size: int) -> np.ndarray:
    """Where to cut ``text[start:stop]`` into chunks of ``size`` bytes or more: int64,
    both ends among them.

    Their canonical texts with a space between any two are the canonical text of the
    whole.
    """
    cuts = np.empty((stop - start) // size + 2, np.int64)
    return cuts[: kernels.cut(text, start, stop, size, cuts)]


def encoded(codes: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> TextBuffer:
    """UTF-8 of some rows of code points."""
    text = np.empty(4 * int((offsets[rows + 1] - offsets[rows]).sum()), np.uint8)
    out = TextRecord(text, np.zeros(len(rows) + 1, np.int64))
    utf8.encode_rows(CodeBuffer(codes, offsets), rows, out)
    return text[: out.offsets[-1]], out.offsets


def canonical_buffers(text: np.ndarray, offsets: np.ndarray) -> Canonical:
    """Canonical texts of a text buffer (see :mod:`provscan.text_buffers`) as UTF-8."""
    count = len(offsets) - 1
    parts = []
    out_offsets = np.zeros(count + 1, np.int64)
    lengths = np.zeros(count, np.int64)
    for low in range(0, count, GROUP):
        high = min(low + GROUP, count)
        group = canonical_codes(text, offsets[low : high + 1])
        part, part_offsets = encoded(group.text, group.offsets, np.arange(high - low))
        out_offsets[low + 1 : high + 1] = part_offsets[1:] + out_offsets[low]
        lengths[low:high] = group.lengths
        parts.append(part)
    return Canonical(
        np.concatenate(parts) if parts else np.zeros(0, np.uint8), out_offsets, lengths
    )


def canonical_array(texts: Texts) -> pa.LargeStringArray:
    """Canonical texts as an Arrow array, one a text; a null counts as an empty text."""
    result = canonical_buffers(*buffers(to_array(texts)))
    return from_buffers(result.text, result.offsets)


def canonical(texts: Texts) -> list[str]:
    """Canonical texts of strings.

    Parameters
    ----------
    texts
        Strings: an Arrow array, a chunked array or any iterable; a null counts as an
        empty text.

    Returns
    -------
    list of str

    Raises
    ------
    ParameterError
        `texts` is a single string, or holds something that is not one.

    Examples
    --------
    >>> canonical(["RT @a: Some TEXT &amp; more"])
    ['some text more']
    """
    return canonical_array(texts).to_pylist()


class CanonicalMapper:
    """Canonical texts of strings, one by one, with the mapping back to their code
    points; holds the memory for it.
    """

    def __init__(self) -> None:
        self._room = scratch(0)
        self._start = self._end = np.zeros(0, np.int64)

    def __call__(self, text: str | bytes) -> Mapped:
        """What is returned lasts until the next call."""
        raw = np.frombuffer(
            text.encode("utf-8", "replace") if isinstance(text, str) else text, np.uint8
        )
        if kernels.EXPANSION * len(raw) > len(self._start):
            self._room = scratch(2 * len(raw))
            self._start, self._end = np.empty((2, len(self._room.canon)), np.int64)
        count = kernels.canonical_mapped(
            raw, tables(), self._room, self._start, self._end
        )
        return Mapped(self._room.canon[:count], self._start[:count], self._end[:count])


def canonical_mapped(text: str | bytes) -> Mapped:
    """Canonical text of one string with the mapping back to its code points."""
    return CanonicalMapper()(text)
