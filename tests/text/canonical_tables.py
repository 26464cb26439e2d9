"""Write the tables of the canonical text, described in ``provscan/text/tables.py``:

    python tests/text/canonical_tables.py OUT.npz

The tables depend on the Unicode version of the running Python, which is stored with
them. If a value changes, ``CANONICAL_VERSION`` must change, too.
"""

from __future__ import annotations

import sys
import unicodedata
from html import entities

import numpy as np

from provscan.kernels.sketch.hashing import FNV_START, fnv1a

SEPARATOR, IGNORED, SINGLE, EXPANSION = 0, 1, 2, 3
MAY_COMPOSE = 1 << 27
# Marks that only decorate: Latin, Greek and Cyrillic accents, marks for symbols, half
# marks, variation selectors.
DROPPED_MARKS = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0x2DE0, 0x2DFF),
    (0xA66F, 0xA67D),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)
# Invisible letters and marks (default ignorable, but not of category Cf).
BLANKS = (0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F)


def in_ranges(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


def unaccented(char: str) -> str:
    """Return a character; a Latin, Greek or Cyrillic letter without its accents."""
    decomposed = unicodedata.normalize("NFD", char)
    if unicodedata.name(decomposed[0], "").startswith(("LATIN", "GREEK", "CYRILLIC")):
        return "".join(c for c in decomposed if not in_ranges(ord(c), DROPPED_MARKS))
    return char


def folded(char: str) -> str:
    """Fold compatibility forms and case until nothing changes, and drop accents."""
    before, text = "", char
    while before != text:
        before, text = (
            text,
            unicodedata.normalize(
                "NFKC", unicodedata.normalize("NFKC", text).casefold()
            ),
        )
    return "".join(unaccented(c) for c in text)


def outputs(code: int) -> list[int]:
    """Return the code points that a code point becomes: [0] for a separator, nothing if
    it is dropped.
    """
    if 0xD800 <= code <= 0xDFFF:
        return [0]
    result: list[int] = []
    for char in folded(chr(code)):
        value, category = ord(char), unicodedata.category(char)
        if category == "Cf" or value in BLANKS or in_ranges(value, DROPPED_MARKS):
            continue
        result.append(value if category[0] in "LNM" else 0)
    return result if any(result) else result[:1]


def compositions() -> dict[tuple[int, int], int]:
    """Return the pairs of outputs that compose to one output, without those that have a
    dropped accent.
    """
    pairs = {}
    for code in range(0x110000):
        if 0xD800 <= code <= 0xDFFF or outputs(code) != [code]:
            continue
        parts = unicodedata.normalize("NFD", chr(code))
        if len(parts) < 2 or unicodedata.normalize("NFC", parts) != chr(code):
            continue
        first = unicodedata.normalize("NFC", parts[:-1])
        if len(first) == 1 and unicodedata.normalize("NFC", first + parts[-1]) == chr(
            code
        ):
            pairs[ord(first), ord(parts[-1])] = code
    return pairs


def entity_key(name: str) -> int:
    """Return the key of an entity's name in the table."""
    value = FNV_START
    for char in name:
        value = np.uint64(
            fnv1a(value, ord(char))
        )  # The compiled kernel returns an int.
    return int(value)


def entity_table() -> tuple[np.ndarray, np.ndarray]:
    size = 8192
    keys = np.zeros(size, np.uint64)
    values = np.zeros((size, 2), np.uint32)
    for name, text in entities.html5.items():
        key = entity_key(name)
        slot = key % size
        while keys[slot]:
            slot = (slot + 1) % size
        keys[slot] = key
        values[slot, : len(text)] = [ord(c) for c in text]
    return keys, values


def references() -> np.ndarray:
    """Return the table of references. HTML5 decodes those of Latin-1 control characters
    as windows-1252.
    """
    import html

    table = np.full(256, 0xFFFFFFFF, np.uint32)
    for code in range(256):
        text = html.unescape(f"&#{code};")
        if text != chr(code):
            table[code] = ord(text) if text else 0
    return table


def build() -> dict[str, np.ndarray]:
    pairs = compositions()
    second = {pair[1] for pair in pairs}
    rows: dict[bytes, int] = {}
    pages = np.zeros(0x1100, np.uint16)
    entries: list[np.ndarray] = []
    expansions: list[int] = []
    for page in range(0x1100):
        row = np.zeros(256, np.uint32)
        for low in range(256):
            output = outputs(page * 256 + low)
            if not output:
                row[low] = IGNORED << 24
            elif output == [0]:
                row[low] = SEPARATOR
            elif len(output) == 1:
                row[low] = (
                    SINGLE << 24
                    | output[0]
                    | (MAY_COMPOSE if output[0] in second else 0)
                )
            else:
                row[low] = EXPANSION << 24 | len(expansions)
                expansions += [len(output), *output]
        key = row.tobytes()
        if key not in rows:
            rows[key] = len(entries)
            entries.append(row)
        pages[page] = rows[key]
    order = sorted(pairs)
    keys, values = entity_table()
    return {
        "pages": pages,
        "entries": np.array(entries),
        "expansions": np.array(expansions, np.uint32),
        "pairs": np.array([first << 32 | last for first, last in order], np.uint64),
        "composed": np.array([pairs[pair] for pair in order], np.uint32),
        "entity_keys": keys,
        "entity_values": values,
        "references": references(),
        "unicode_version": np.array(unicodedata.unidata_version),
    }


if __name__ == "__main__":
    np.savez_compressed(sys.argv[1], allow_pickle=False, **build())
