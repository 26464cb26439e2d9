"""Canonical text: the normalised form in which texts are compared.

The rules apply in this order. They depend on characters, never on languages:

1. HTML character references are decoded twice, as in HTML5, since ``&amp;amp;`` occurs.
2. URLs, mentions, retweet marks (``RT @name``), their placeholders in datasets
   (``@user``, ``<url>``, ``[URL]``, ``http``, ``HTTPURL``) and HTML tags are dropped
   wherever they occur, so that a tweet in a document has the same canonical text as the
   tweet alone. A mention of more than 20 characters is kept: if the spaces of a text
   were removed, it contains the words that followed the name.
3. Compatibility forms and case are folded (Unicode NFKD and full case folding, per code
   point). Marks that readers leave out are dropped: accents, Arabic and Hebrew vowel
   marks, tone marks and nuktas; in general, all marks that Unicode may reorder except
   kana voicing, viramas and some vowels (Thai, Lao, Telugu, Tibetan). Invisible
   characters (joiners, variation selectors, soft hyphens, tatweel) are dropped as well.
   Marks that are kept are composed with their letter. A text and its NFC and NFD forms
   have the same canonical text; what rules 1 and 2 read as ASCII is ASCII in all forms.
   Characters that stand for one another become one: decimal digits of all scripts,
   hiragana and katakana, simplified and traditional Han characters
   (:mod:`provscan.text.variants`), the Arabic letters for yeh, kaf, alef and heh, and
   Latin letters with strokes or hooks (``ı ł ø đ ɓ``).
4. Everything except letters, digits and their marks is a separator, including emoji,
   which pipelines strip and add. A run of separators becomes one space. Separators are
   dropped at both ends of a text, and next to characters of scripts that are written
   without spaces, or whose spaces come and go (Han, kana, Hangul, Ethiopic, Thai, Lao,
   Khmer, Burmese).
5. A word that mixes Latin letters with look-alikes from Greek or Cyrillic is written in
   one script, if it can be; words also end where a script without spaces begins. In a
   word of Latin letters, digits that stand for letters become letters (``l1c3nse``).
   See :mod:`provscan.kernels.canonical.lookalikes`.

The tables for these rules have a version and are part of the package, so canonical
texts do not depend on the version of Python. The code is in
:mod:`provscan.kernels.canonical.normalize`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.kernels.canonical import normalize as kernels
from provscan.kernels.canonical import utf8
from provscan.kernels.canonical.ascii import LOOK_AHEAD
from provscan.kernels.canonical.chunks import cut_texts
from provscan.kernels.records import CanonicalScratch, CodeBuffer, frozen
from provscan.kernels.records import TextBuffer as TextRecord
from provscan.kernels.scratch import scratch_array
from provscan.text.tables import tables
from provscan.text_buffers import TextBuffer, Texts, buffers, from_buffers, to_array

# The number of texts made canonical at a time; their code points stay in the
# second-level cache.
GROUP = 2048


class CanonicalCodes(NamedTuple):
    """The canonical texts of a batch, as code points."""

    codes: np.ndarray  # uint32[m].
    offsets: np.ndarray  # int64[n + 1].
    lengths: np.ndarray  # int64[n]: the lengths of the original texts in code points.


class Mapped(NamedTuple):
    """A canonical text, with the range of each code point in the original text.

    Accents and joiners after a letter are part of its range. The range of a separator
    ends where that of the next letter begins.
    """

    codes: np.ndarray  # uint32[n]: the canonical code points.
    start: np.ndarray  # int64[n], in code points of the original.
    end: np.ndarray  # int64[n], exclusive.


def scratch(longest: int) -> CanonicalScratch:
    """Return scratch memory for one text of up to ``longest`` bytes.

    It suffices for the worst case. This costs nothing, since the system provides memory
    only when it is written to.
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
    text: np.ndarray, offsets: np.ndarray, firsts: np.ndarray | None = None
) -> CanonicalCodes:
    """Return the canonical texts of a text buffer as code points.

    The result is valid until the same thread calls this again
    (:mod:`provscan.kernels.scratch`). If the buffer contains chunks of texts (see
    :func:`chunks`), ``firsts`` are the first chunks of the texts. The result then
    contains canonical chunks, each with the space that separates it from the next one.
    """
    count = len(offsets) - 1
    continued = np.zeros(count, np.bool_)
    if firsts is not None:
        continued[:] = True
        continued[firsts[:-1]] = False
    longest = int(np.diff(offsets).max()) if count else 0
    texts, room = frozen(TextRecord(text, offsets)), scratch(longest)
    size = int(offsets[-1] - offsets[0]) + kernels.EXPANSION * (longest + 1)
    out = CodeBuffer(
        scratch_array("codes", size, np.uint32), np.zeros(count + 1, np.int64)
    )
    lengths = np.zeros(count, np.int64)
    done = 0
    while True:
        done = kernels.codes_batch(texts, done, tables(), room, continued, out, lengths)
        if done == count:
            return CanonicalCodes(out.codes[: out.offsets[-1]], out.offsets, lengths)
        out = out._replace(
            codes=np.concatenate([out.codes, np.empty(len(out.codes), np.uint32)])
        )


def chunks(
    text: np.ndarray, offsets: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the texts of a text buffer into chunks of at least ``size`` bytes.

    Return two int64 arrays: the offsets of the chunks and, for each text, the number of
    its first chunk, followed by the number of chunks. A canonical text consists of the
    canonical texts of its chunks, joined by spaces.
    """
    firsts = np.empty(len(offsets), np.int64)
    cuts = np.empty(len(offsets) + int(offsets[-1] - offsets[0]) // size, np.int64)
    count = cut_texts(text, offsets, size, cuts, firsts)
    return cuts[: count + 1], firsts


def encoded(codes: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> TextBuffer:
    """Encode some rows of code points as UTF-8."""
    text = np.empty(4 * int((offsets[rows + 1] - offsets[rows]).sum()), np.uint8)
    out = TextRecord(text, np.zeros(len(rows) + 1, np.int64))
    utf8.encode_rows(CodeBuffer(codes, offsets), rows, out)
    return text[: out.offsets[-1]], out.offsets


def canonical_buffers(text: np.ndarray, offsets: np.ndarray) -> TextBuffer:
    """Return the canonical texts of a text buffer (:mod:`provscan.text_buffers`) as
    UTF-8.
    """
    count = len(offsets) - 1
    parts = []
    out_offsets = np.zeros(count + 1, np.int64)
    for low in range(0, count, GROUP):
        high = min(low + GROUP, count)
        group = canonical_codes(text, offsets[low : high + 1])
        part, part_offsets = encoded(group.codes, group.offsets, np.arange(high - low))
        out_offsets[low + 1 : high + 1] = part_offsets[1:] + out_offsets[low]
        parts.append(part)
    return np.concatenate([np.zeros(0, np.uint8), *parts]), out_offsets


def canonical_array(texts: Texts) -> pa.LargeStringArray:
    """Return canonical texts as an Arrow array; a null counts as an empty text."""
    return from_buffers(*canonical_buffers(*buffers(to_array(texts))))


def canonical(texts: Texts) -> list[str]:
    """Return the canonical texts of strings.

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
        If ``texts`` is a single string, or contains anything but strings.

    Examples
    --------
    >>> canonical(["RT @a: Some TEXT &amp; more"])
    ['some text more']
    """
    return canonical_array(texts).to_pylist()


class CanonicalMapper:
    """A function that returns the canonical text of a string, with its mapping to the
    original. It reuses memory.
    """

    def __init__(self) -> None:
        self._room = scratch(0)
        self._start = self._end = np.zeros(0, np.int64)

    def __call__(self, text: str | bytes) -> Mapped:
        """Return the canonical text, which is valid until the next call."""
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
