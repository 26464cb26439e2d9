"""Hypothesis strategies for all tests."""

import unicodedata

from hypothesis import strategies as st

# What a tweet is made of, and what breaks code that reads tweets.
PIECES = (
    "http",
    "https",
    "://",
    "t.co/",
    "http://t.co/aB3",
    "www.",
    "www.a.b/c",
    "pic.twitter.com/",
    "pic.x.com/z",
    "@",
    "＠",
    "@user",
    "RT",
    "rt",
    "RT @a:",
    " ",
    " ",
    " ",
    "\n",
    "\t",
    ":",
    "…",
    "...",
    "<url>",
    "[URL]",
    "{user}",
    "<",
    "<b>",
    "</p ",
    "<br",
    "/>",
    ">",
    "=",
    "、",
    "HTTPURL",
    "&",
    "&amp;",
    "&amp;amp;",
    "&lt;",
    "&gt;",
    "&eacute;",
    "&eacute",
    "&#38;",
    "&#x26;",
    "&#128512;",
    "&not",
    ";",
    "#",
    "#tag",
    "a",
    "b",
    "Word",
    "don't",
    "ß",
    "İ",
    "ſ",
    "é",
    "e\u0301",
    "Ё",
    "ΐ",
    "ﬁ",
    "½",
    "①",
    "\ufdfa",
    "が",
    "か\u3099",
    "ｶﾞ",
    "ﾞ",
    "한",
    "ᄒ",
    "ᅡ",
    "ᆫ",
    "क",
    "़",
    "ि",
    "ไทย",
    "ำ",
    "عر",
    "ـ",
    "ٌ",
    "👩",
    "\u200d",
    "❤",
    "\ufe0f",
    "🇩🇪",
    "👍🏽",
    "1\ufe0f\u20e3",
    "𝐀",
    "𠀀",
    "\x00",
    "\u00ad",
    "\u200b",
    "\ufeff",
    "™",
    "№",
    "中文",
)


def assigned() -> st.SearchStrategy[str]:
    """Characters that this Python's Unicode knows: their properties don't change
    later.
    """
    return st.characters(exclude_categories=("Cn", "Cs", "Co")).filter(
        lambda c: unicodedata.category(c) != "Cn"
    )


def texts(max_pieces: int = 12) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(PIECES) | assigned(), max_size=max_pieces).map(
        "".join
    )
