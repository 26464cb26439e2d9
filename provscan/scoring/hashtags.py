"""Hashtags and names in licensed texts: labels that many texts share, no wording."""

from __future__ import annotations

import re

import numpy as np
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.index import IndexReader
from provscan.kernels.search.grams import GRAM
from provscan.text import CanonicalMapper

# A letter of a tag. Marks, vowel signs and joiners, which ``\w`` does not match, are
# part of it.
_LETTER = (
    r"(?:\w|[\u200c\u200d]"
    r"|[^\x00-\x7f\s\u2000-\u206f\u3000-\u303f\uff00-\uffef])"
)
# The sign of a hashtag, which a page may have escaped.
_SIGN = r"(?:[#＃]|&#(?:35|x23);)"
# A hashtag up to white space or punctuation; a hashtag between two signs (``#tag#``)
# before ten Han characters; symbols of shares or currencies, unless the sign stands for
# a letter (``CA$H``); a name of up to 20 letters.
HASHTAG = re.compile(
    rf"[#＃][^\s#＃]{{0,39}}[^\s#＃,，、][#＃](?=[\u3400-\u9fff]{{10}})"
    rf"|{_SIGN}{_LETTER}+|(?<!\w)(?:\$(?=[A-Za-z]){_LETTER}+)+|[@＠]{_LETTER}{{1,20}}"
)


def in_hashtags(reader: IndexReader, texts: Numbers, start: Numbers) -> Numbers:
    """Return which code points of the canonical texts belong to a hashtag or name, to a
    space beside one, or to a repetition of one's 5-grams; int64, 1 or 0. ``start``,
    int64[n + 1], is the first code point of each text.
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
        letters = "".join(map(chr, canonical.codes.tolist()))
        flags = result[start[row] : start[row + 1]]
        grams: set[str] = set()
        for low, high in np.searchsorted(canonical.start, tags).tolist():
            if low < high:
                flags[low:high] = 1
                flags[low - letters[:low].endswith(" ") : low] = 1
                flags[high : high + letters.startswith(" ", high)] = 1
                grams |= {letters[i : i + GRAM] for i in range(low, high - GRAM + 1)}
        # Most texts have names only, which are dropped.
        for i in range(len(letters) - GRAM + 1) if grams else ():
            if letters[i : i + GRAM] in grams:
                flags[i : i + GRAM] = 1
    return result
