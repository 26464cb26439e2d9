"""Hashtags and names in licensed texts: labels that many texts share, no wording."""

from __future__ import annotations

import re

import numpy as np
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.index import IndexReader
from provscan.text import CanonicalMapper

# A letter of a tag. Marks, vowel signs and joiners, which ``\w`` does not match, are
# part of it.
_LETTER = (
    r"(?:\w|[\u200c\u200d]"
    r"|[^\x00-\x7f\s\u2000-\u206f\u3000-\u303f\uff00-\uffef])"
)
# A hashtag, or the symbol of a share or a currency, up to white space or punctuation; a
# hashtag between two signs (``#tag#``) before ten Han characters; a name of up to 20
# letters.
HASHTAG = re.compile(
    rf"[#＃][^\s#＃]{{1,40}}[#＃](?=[\u3400-\u9fff]{{10}})|(?:[#＃]|\$(?=[A-Za-z])){_LETTER}+"
    rf"|[@＠]{_LETTER}{{1,20}}"
)


def in_hashtags(reader: IndexReader, texts: Numbers, start: Numbers) -> Numbers:
    """Return the code points of the original texts in hashtags or names.

    They are int64 for each code point of the canonical texts: 1 in a tag or in the
    space after it, 2 at its first letter, because of the sign before it, 0 elsewhere.
    ``start``, int64[n + 1], is the first code point of each text.
    """
    result = np.zeros(int(start[-1]), np.int64)
    raw = reader.raw_texts(texts).array()
    mapped = CanonicalMapper()
    for row in np.flatnonzero(
        pc.match_substring_regex(raw, "[#＃$@＠]").to_numpy(False)
    ):
        text = raw[row.item()].as_py()
        tags = [tag.span() for tag in HASHTAG.finditer(text)]
        if not tags:
            continue
        canonical = mapped(text)
        # The texts differ if a hook prepared the indexed one.
        if len(canonical.start) != start[row + 1] - start[row]:
            continue
        flags = result[start[row] : start[row + 1]]
        for low, high in np.searchsorted(canonical.start, tags).tolist():
            flags[low : high + 1] = 1
            flags[low : low + 1] = 2
    return result
