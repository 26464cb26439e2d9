"""Count garbled texts and, on request, repair them.

In a garbled text, a sequence of characters stands for one character. If UTF-8 was read
as Latin-1 or Windows-1252, the sequence has two to four characters. If JSON was encoded
twice, it has six (``\\u0447``); Python writes four for each byte (``\\xd1\\x87``), and
R writes eight (``<U+0447>``). A text counts as garbled if it contains sequences that
are rare in other texts (:data:`RARE`, :data:`LETTERS`). All sequences in it are
decoded, repeatedly if it was garbled several times. Every position can be mapped back
to the original exactly, because each sequence is one character; libraries that repair
texts, such as ftfy, report no positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.readers.stats import Counts
from provscan.text_buffers import buffers

# The characters that Windows-1252 adds to Latin-1, and their bytes.
WINDOWS = {
    char: byte
    for byte in range(0x80, 0xA0)
    if (char := bytes([byte]).decode("cp1252", "replace")) != "\ufffd"
}
FURTHER = f"[\x80-\xbf{''.join(WINDOWS)}]"
# In French, a letter can be followed by a no-break space and a closing quote. A closing
# quote in UTF-8 has the byte 0x9D, which is often lost.
SEQUENCE = re.compile(
    f"[\xc2-\xdf]{FURTHER}|[\xe0-\xef](?!\xa0\xbb){FURTHER}{{2}}|[\xf0-\xf4]{FURTHER}{{3}}|\xe2\u20ac\ufffd?"
)
CONTINUED = r"\\x[89abAB][\da-fA-F]"
ESCAPE = re.compile(
    r"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u[\da-fA-F]{4}|\\U000[\da-fA-F]{5}|"
    rf"\\x[c-dC-D][\da-fA-F]{CONTINUED}|\\x[eE][\da-fA-F](?:{CONTINUED}){{2}}|\\x[fF][0-4](?:{CONTINUED}){{3}}|"
    r"\\x[a-fA-F][\da-fA-F]|<U\+(?:[\da-fA-F]{4}){1,2}>|\\[nrt\"'/\\]"
)
# Sequences that wrong decoding produces ("Ã©", "â€™", "ðŸ", "Ð°") and that are rare in
# other texts. A wrongly decoded Chinese character or kana counts only before the
# beginning of another one: in French, a letter may precede quotes or dots.
BEYOND = "\u0140-\u017f\u2000-\u203f\u2080-\u20bf\u2100-\u213f"
RARE = (
    "[ÂÃÐÑ][\x80-\xbf]|[â-éð][\x80-\x9f]|Ã[\u0140-\u017f]|â€|ðŸ|"
    f"[ã-é][{BEYOND}][\x80-\x9f\xa1-\xbf{BEYOND}][ã-é]"
)
# Two consecutive escapes of non-ASCII letters, which may themselves be escaped: words
# in other scripts have them, while emoji, punctuation and single accented letters prove
# nothing. Bytes are tested approximately, by the first byte of a character.
LETTER = (
    r"(?i:00[c-f]h|0[1-9a-f]hh|1hhh|2(?:e[89a-f]|fh)h|[3-9a-c]hhh|d[0-7]hh|f[9a-d]hh)"
).replace("h", r"[\da-f]")
FOLLOWING = r"\\+x[89abAB][\da-fA-F]"
LETTERS = (
    rf"(?:\\+u{LETTER}|<U\+{LETTER}>|\\+x(?i:c[3-9a-f]|d[\da-f]){FOLLOWING}"
    rf"|\\+x(?i:e[013-9a-d]){FOLLOWING}{FOLLOWING}){{2}}"
)
SHORT_ESCAPES = {r"\n": "\n", r"\r": "\r", r"\t": "\t"}
# The maximum number of times that a text is decoded.
ROUNDS = 3


class Mended(NamedTuple):
    """A repaired text, and the mapping of its positions to the original."""

    text: str  # The repaired text.
    # For each round of repair: int64[n] positions of repaired characters, and
    # int64[n + 1] cumulative numbers of characters that the repairs removed.
    rounds: list[tuple[Numbers, Numbers]]

    def original(self, positions: Numbers) -> Numbers:
        """Map positions in the repaired text (starts of code points, ends of spans) to
        positions in the original.
        """
        for repaired, longer in reversed(self.rounds):
            positions = positions + longer[np.searchsorted(repaired, positions)]
        return positions


class Garbling(NamedTuple):
    """A way in which texts are garbled."""

    # The names of two counts: of garbled texts, and of repaired texts.
    noted: str
    repaired: str
    # Pairs of bytes, of which every such text has one: a byte, a distance, and the
    # bytes that may follow at that distance.
    signs: tuple[tuple[bytes, int, bytes], ...]
    garbled: str  # The regular expression, for Arrow, that such a text matches.
    sequence: re.Pattern[str]
    decoded: Callable[[str], str | None]  # Decodes a sequence; None if it is not one.

    def rows(self, texts: pa.LargeStringArray) -> Numbers:
        """Return the positions of the texts that are garbled in this way. Only those
        that have the signs are tried.
        """
        data, offsets = buffers(texts)
        data = data[: offsets[-1]]
        places = [np.zeros(0, np.int64)]
        for first, distance, later in self.signs:
            found = np.flatnonzero(data[offsets[0] : -distance] == ord(first))
            found += offsets[0]
            is_sign = np.zeros(256, np.bool_)
            is_sign[list(later)] = True
            places.append(found[is_sign[data[found + distance]]])
        rows = np.searchsorted(offsets, np.concatenate(places), "right") - 1
        rows = np.unique(rows)
        tried = pc.match_substring_regex(texts.take(pa.array(rows)), self.garbled)
        return rows[tried.to_numpy(zero_copy_only=False)]


def _decoded(sequence: str) -> str | None:
    if sequence[:2] == "\xe2\u20ac" and len(sequence.rstrip("\ufffd")) == 2:
        return "\u201d"
    try:
        char = bytes(WINDOWS.get(char, ord(char)) for char in sequence).decode()
    except UnicodeDecodeError:
        return None
    return char


def _unescaped(sequence: str) -> str | None:
    if sequence[0] == "<":
        sequence = rf"\U{sequence[3:-1]:0>8}"
    kind = sequence[1]
    if kind not in "uUx":
        return SHORT_ESCAPES.get(sequence, kind)
    data = bytes.fromhex("".join(sequence[2:].split(sequence[:2])))
    # As in YAML, a single byte is the number of a code point.
    encoding = {
        "u": "utf-16-be",
        "U": "utf-32-be",
        "x": "utf-8" if len(data) > 1 else "latin-1",
    }[kind]
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


GARBLINGS = (
    Garbling(
        "wrongly_decoded",
        "encoding_fixed",
        ((b"\xc3", 2, b"\xc2\xc5\xe2"),),
        RARE,
        SEQUENCE,
        _decoded,
    ),
    Garbling(
        "escaped",
        "escapes_decoded",
        ((b"\\", 1, b"ux"), (b"<", 1, b"U")),
        LETTERS,
        ESCAPE,
        _unescaped,
    ),
)


def mended(text: str) -> Mended | None:
    """Return a repaired text; None if it is not garbled."""
    rounds: list[tuple[Numbers, Numbers]] = []
    while len(rounds) < ROUNDS:
        alone = pa.array([text], pa.large_string())
        garbling = next((each for each in GARBLINGS if len(each.rows(alone))), None)
        if garbling is None:
            break
        parts: list[str] = []
        repaired: list[int] = []
        longer = [0]
        at = 0
        for found in garbling.sequence.finditer(text):
            char = garbling.decoded(found.group())
            if char is not None:
                parts += [text[at : found.start()], char]
                repaired.append(found.start() - longer[-1])
                longer.append(longer[-1] + len(found.group()) - 1)
                at = found.end()
        if not repaired:
            break
        text = "".join([*parts, text[at:]])
        rounds.append((np.array(repaired, np.int64), np.array(longer, np.int64)))
    return Mended(text, rounds) if rounds else None


def mended_texts(
    texts: pa.LargeStringArray,
) -> tuple[pa.LargeStringArray, dict[int, Mended]]:
    """Return texts with the garbled ones repaired, and the repairs by the positions of
    the texts.
    """
    rows = np.unique(np.concatenate([each.rows(texts) for each in GARBLINGS]))
    found = {
        row: result
        for row in rows.tolist()
        if (result := mended(texts[row].as_py())) is not None
    }
    if found:
        mask = np.zeros(len(texts), np.bool_)
        mask[list(found)] = True
        new = pa.array([result.text for result in found.values()], pa.large_string())
        texts = pc.replace_with_mask(texts, pa.array(mask), new)
    return texts, found


def note_garbled(batch: pa.RecordBatch, counts: Counts, *, fixed: bool) -> None:
    """Count the garbled texts of a batch; if ``fixed``, count them as repaired."""
    for garbling in GARBLINGS:
        rows = garbling.rows(batch.column("text"))
        if len(rows):
            record, text = (
                batch.column(name)[int(rows[0])].as_py() for name in ("record", "text")
            )
            count, reason = (
                (counts.repair, garbling.repaired)
                if fixed
                else (counts.note, garbling.noted)
            )
            count(reason, record, text, len(rows))
