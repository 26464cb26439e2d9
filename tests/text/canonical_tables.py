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
from provscan.text.variants import TO_HIRAGANA, folded_han

SEPARATOR, IGNORED, SINGLE, EXPANSION = 0, 1, 2, 3
MAY_COMPOSE = 1 << 27
RANK_SHIFT = 28
# The combining classes of marks that are kept: kana voicing, viramas, and the vowels of
# Telugu, Thai, Lao and Tibetan. All other marks that Unicode may reorder are accents,
# tone marks, nuktas, or vowel marks that readers leave out (Arabic, Hebrew).
KEPT_CLASSES = (0, 8, 9, 84, 91, 103, 118, 129, 130, 132)
# Invisible letters and marks (default ignorable, but not of category Cf), variation
# selectors, and the letters that only make words wider.
BLANKS = (
    *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D),
    *(0x180F, 0x3164, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x0640, 0x07FA),
)
# Modifier letters that are written for an apostrophe, which is a separator.
APOSTROPHES = range(0x02B9, 0x02C0)
# Letters that stand for other ones: Latin letters with strokes and hooks, and the
# Arabic letters of several languages and keyboards.
LETTERS = dict(
    zip(
        "ıđðłøħŧŋɲƒɣɓɗɖƙƴɛɔəǝʋɩɨʊʉɵƶǥɠƭƈƥىیکڪٱٲٳةہھەۃ",
        "iddlohtnnfgbddkyeoeeviiuuozggtcpييككاااههههه",
        strict=True,
    )
)
LETTERS |= {"æ": "ae", "œ": "oe", "þ": "th", "װ": "וו", "ױ": "וי", "ײ": "יי"}


def pieces(char: str) -> str:
    """Return what a character becomes, decomposed, with a space for a separator.

    Compatibility forms and case are folded until nothing changes, and what is dropped
    is left out.
    """
    before, text = "", char
    while before != text:
        before, text = text, "".join(map(_piece, unicodedata.normalize("NFKD", text)))
    return text


def _piece(char: str) -> str:
    code, category = ord(char), unicodedata.category(char)
    if category == "Cf" or code in BLANKS:
        return ""
    if unicodedata.combining(char) not in KEPT_CLASSES or category == "Me":
        return ""
    if code in APOSTROPHES or category[0] not in "LNM":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(char))
    code = TO_HIRAGANA.get(code, folded_han().get(code, code))
    return LETTERS.get(char) or chr(code).casefold()


def outputs(code: int) -> list[int]:
    """Return the code points that a code point becomes: [0] for a separator, nothing if
    it is dropped.
    """
    if 0xD800 <= code <= 0xDFFF:
        return [0]
    composed = unicodedata.normalize("NFC", pieces(chr(code)))
    result = [0 if char == " " else ord(char) for char in composed]
    return result if any(result) else result[:1]


def compositions() -> dict[tuple[int, int], int]:
    """Return the pairs of outputs that compose to one output."""
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


def single(code: int, seconds: set[int]) -> int:
    """Return the entry of a code point with one output, ``code``.

    ``seconds`` are the outputs that may compose with the previous code point.
    """
    rank = KEPT_CLASSES.index(unicodedata.combining(chr(code)))
    composes = MAY_COMPOSE if code in seconds else 0
    return rank << RANK_SHIFT | SINGLE << 24 | code | composes


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
                row[low] = single(output[0], second)
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
