"""Count garbled texts and, on request, repair them.

In a garbled text, a sequence of characters stands for one character. If UTF-8 was read
as Latin-1 or Windows-1252, the sequence has two to four characters. If JSON was encoded
twice, it has six (``\\u0447``); Python writes four for each byte (``\\xd1\\x87``), and
R writes eight (``<U+0447>``). A text counts as garbled if it contains sequences that
are rare in other texts (:mod:`provscan.kernels.reading.garbled`). All sequences in it
are decoded, repeatedly if it was garbled several times. Every position can be mapped
back to the original exactly, because each sequence is one character.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.kernels.reading.garbled import garbled
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
    sequence: re.Pattern[str]
    decoded: Callable[[str], str | None]  # Decodes a sequence; None if it is not one.


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
    Garbling("wrongly_decoded", "encoding_fixed", SEQUENCE, _decoded),
    Garbling("escaped", "escapes_decoded", ESCAPE, _unescaped),
)


def _garbled_rows(texts: pa.LargeStringArray) -> list[tuple[Garbling, Numbers]]:
    """Return the positions of the garbled texts, for each way of garbling."""
    rows = np.zeros((len(GARBLINGS), len(texts)), np.int64)
    counts = garbled(*buffers(texts), rows)
    return [
        (garbling, found[:count])
        for garbling, found, count in zip(GARBLINGS, rows, counts, strict=True)
    ]


def mended(text: str) -> Mended | None:
    """Return a repaired text; None if it is not garbled."""
    rounds: list[tuple[Numbers, Numbers]] = []
    while len(rounds) < ROUNDS:
        found_rows = _garbled_rows(pa.array([text], pa.large_string()))
        garbling = next((each for each, rows in found_rows if len(rows)), None)
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
    rows = np.unique(np.concatenate([rows for _, rows in _garbled_rows(texts)]))
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
    for garbling, rows in _garbled_rows(batch.column("text")):
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
