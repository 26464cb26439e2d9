"""Length and script of licensed texts, from their canonical letters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.arrays import Numbers, slices
from provscan.index import IndexReader
from provscan.kernels.search.minimizers import lengths

# Minimum lengths of the length classes, as ``min_chars`` counts letters. Recall varies
# with length.
LENGTHS = (0, 30, 40, 60, 80, 120)

# Minimum number of texts of a script or language whose share is stated.
LEAST_TEXTS = 20
# The first code point of each block, and the script of the canonical letters in it.
_BLOCKS = (
    (0x0, "latin"),
    (0x370, "greek"),
    (0x400, "cyrillic"),
    (0x530, "other"),
    (0x590, "hebrew"),
    (0x600, "arabic"),
    (0x780, "other"),
    (0x900, "indic"),
    (0xE00, "thai"),
    (0xE80, "other"),
    (0x1100, "korean"),
    (0x1200, "ethiopic"),
    (0x1380, "other"),
    (0x1C80, "other"),
    (0x1D00, "latin"),
    (0x1F00, "greek"),
    (0x2000, "other"),
    (0x2C60, "latin"),
    (0x2C80, "other"),
    (0x3040, "japanese"),
    (0x3100, "other"),
    (0x3130, "korean"),
    (0x3190, "other"),
    (0x31F0, "japanese"),
    (0x3200, "other"),
    (0x3400, "chinese"),
    (0xA000, "other"),
    (0xAC00, "korean"),
    (0xD7B0, "other"),
    (0xF900, "chinese"),
    (0xFB00, "other"),
    (0x1F000, "emoji"),
    (0x20000, "chinese"),
    (0x32000, "other"),
)
SCRIPTS = sorted({name for _, name in _BLOCKS})
# Script of each code point up to the start of the last block.
_SCRIPT = np.zeros(_BLOCKS[-1][0] + 1, np.uint8)
for _start, _name in _BLOCKS:
    _SCRIPT[_start:] = SCRIPTS.index(_name)
# Whether a character of each script counts as two.
WIDE = np.array(
    [name in ("chinese", "ethiopic", "japanese", "korean") for name in SCRIPTS]
)


def length_classes(length: Numbers) -> Numbers:
    """Return the length class of each length, as an index of :data:`LENGTHS`."""
    return np.searchsorted(np.array(LENGTHS), length, side="right") - 1


def letters(texts: Iterable[str]) -> Numbers:
    """Count the letters of each script in texts; int64[scripts]."""
    codes = np.frombuffer(
        "".join(c for text in texts for c in text if c.isalpha()).encode("utf-32-le"),
        np.uint32,
    )
    return np.bincount(
        _SCRIPT[np.minimum(codes, len(_SCRIPT) - 1)], minlength=len(SCRIPTS)
    ).astype(np.int64)


def lengths_and_scripts(reader: IndexReader, texts: Numbers) -> tuple[Numbers, Numbers]:
    """Return the lengths of texts as ``min_chars`` counts them, and their scripts as
    indices of :data:`SCRIPTS`.
    """
    weight = np.zeros(len(texts), np.int64)
    script = np.zeros(len(texts), np.int64)
    for part in slices(len(texts)):
        codes, offsets = reader.canonical_codes(texts[part])
        count = len(offsets) - 1
        row = np.repeat(np.arange(count), np.diff(offsets))
        letter = _SCRIPT[np.minimum(codes, len(_SCRIPT) - 1)]
        lengths(codes, offsets, weight[part])
        is_letter = codes >= ord("A")
        table = np.bincount(
            (row * len(SCRIPTS) + letter)[is_letter], minlength=count * len(SCRIPTS)
        )
        script[part] = table.reshape(count, len(SCRIPTS)).argmax(axis=1)
    return weight, script


def too_short(reader: IndexReader, texts: Numbers, min_chars: int) -> dict[str, Any]:
    """Return the share of tweets whose texts are too short to be searched for.

    Parameters
    ----------
    reader
        A reader of the index.
    texts
        Ids of a sample of its texts.
    min_chars
        Minimum length of a text that is searched for, as for a match.

    Returns
    -------
    dict
        ``share``, between 0 and 1; and ``scripts`` and ``languages``, the shares for
        each script, and each language that tweets name, with at least
        :data:`LEAST_TEXTS` texts in the sample, the most frequent first.
    """
    length, script = lengths_and_scripts(reader, texts)
    tweets = reader.tweet_counts(texts)
    short = tweets * (length < min_chars)
    lang = reader.earliest_tweets(texts)["lang"].cast(pa.string()).to_pylist()

    def by(names: Iterable[str | None]) -> dict[str, float]:
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(names):
            if name:
                rows.setdefault(name, []).append(row)
        usual = {name: each for name, each in rows.items() if len(each) >= LEAST_TEXTS}
        ordered = sorted(usual.items(), key=lambda item: (-len(item[1]), item[0]))
        return {
            name: float(short[each].sum() / max(1, tweets[each].sum()))
            for name, each in ordered
        }

    return {
        "share": float(short.sum() / max(1, tweets.sum())),
        "scripts": by(SCRIPTS[code] for code in script.tolist()),
        "languages": by(lang),
    }
