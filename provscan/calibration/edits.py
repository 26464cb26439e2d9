"""Edits that turn an original into a copy, each a function of the text and a random
number generator.

An edit returns three strings to plant: text before the copy, the copy, and text after
it. :data:`EDITS` lists all edits: light ones (made by pipelines), common ones (made by
people), heavy ones and severe ones. Spike-ins use them in turn. All edits work in
scripts with and without spaces.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from random import Random

EditedText = tuple[str, str, str]
Edit = Callable[[str, Random], EditedText]

_LINK = re.compile(r"https?://\S+")
_NAME = re.compile(r"@\w+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_PLACEHOLDERS = (
    ("@user", "http"),
    ("<user>", "<url>"),
    ("[USER]", "[URL]"),
    ("@USER", "HTTPURL"),
)
_BEFORE = ("so true:", "this", "lol", "wow", "saw this today:", "quote:")
_AFTER = ("haha", "#mood", "!!", "smh", "what do you think", "(found online)")
_WORDS = ("thing", "never", "maybe", "people", "always", "better", "nothing", "somehow")
_EMOJI = (
    "\U0001f602",
    "\U0001f525",
    "\u2764\ufe0f",
    "\U0001f64f\U0001f3fd",
    "\U0001f1ef\U0001f1f5",
)
_FULL_WIDTH = dict(zip(map(ord, '!?.,:;()"~'), "！？。、：；（）「～", strict=True))
_HALF_WIDTH = dict(
    zip(map(ord, "！？。、：；（）「」『』～…"), '!?.,:;()""""~.', strict=True)
)
_SPACES = (" ", "  ", "\n", "\t", "\u00a0", " \u200b")


def exact(text: str, rng: Random) -> EditedText:
    return "", text, ""


def anonymised(text: str, rng: Random) -> EditedText:
    name, link = rng.choice(_PLACEHOLDERS)
    return "", _LINK.sub(link, _NAME.sub(name, text)), ""


def stripped(text: str, rng: Random) -> EditedText:
    """Change to lower case, without names, links, punctuation and symbols."""
    bare = _LINK.sub(" ", _NAME.sub(" ", html.unescape(text))).lower()
    kept = "".join(
        c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in bare
    )
    return "", " ".join(kept.split()), ""


def escaped(text: str, rng: Random) -> EditedText:
    """Escape HTML's reserved characters as entities, even in existing entities."""
    return "", html.escape(text), ""


def retweeted(text: str, rng: Random) -> EditedText:
    """Prefix a retweet mark, as a part of the copy."""
    return "", f"RT @user{rng.randrange(10_000)}: {text}", ""


def respaced(text: str, rng: Random) -> EditedText:
    """Change the white space and the Unicode normalisation form."""
    form = rng.choice(("NFC", "NFD", "NFKC"))
    spaced = "".join(
        rng.choice(_SPACES) if c == " " and rng.random() < 0.3 else c for c in text
    )
    return "", unicodedata.normalize(form, spaced), ""  # type: ignore[arg-type]


def commented(text: str, rng: Random) -> EditedText:
    return rng.choice(_BEFORE) + " ", text, " " + rng.choice(_AFTER)


def marked_up(text: str, rng: Random) -> EditedText:
    """Mark up the text as on a web page: enclose it in tags, replace line breaks and
    links by tags, and escape reserved characters.
    """
    tag = rng.choice(("p", "div", "blockquote", "li"))
    body = _LINK.sub(
        lambda link: f'<a href="{link.group()}">{link.group()}</a>',
        html.escape(text, quote=False),
    )
    return f"<{tag}>", body.replace("\n", "<br/>"), f"</{tag}>"


def with_emoji(text: str, rng: Random) -> EditedText:
    """Insert emoji between words and at the end, or remove all of them."""
    kept = "".join(c for c in text if unicodedata.category(c) != "So")
    if kept != text and rng.random() < 0.5:
        return "", kept, ""
    at = rng.choice([m.end() for m in re.finditer(r"\s|[、。]", text)] or [len(text)])
    return "", f"{text[:at]}{rng.choice(_EMOJI)}{text[at:]}{rng.choice(_EMOJI)}", ""


def repunctuated(text: str, rng: Random) -> EditedText:
    """Change the punctuation: replace half width by full width or the reverse, or
    remove it.
    """
    bare = _LINK.sub("", text)
    table = rng.choice(
        (_FULL_WIDTH, _HALF_WIDTH, dict.fromkeys((*_FULL_WIDTH, *_HALF_WIDTH)))
    )
    return "", bare.translate(table), ""


def truncated(text: str, rng: Random) -> EditedText:
    return "", _beginning(text, rng.uniform(0.8, 0.95)), "…"


def cut_to_two_thirds(text: str, rng: Random) -> EditedText:
    return "", _beginning(text, rng.uniform(0.6, 0.75)), "…"


def cut_to_half(text: str, rng: Random) -> EditedText:
    middle = round(len(text) * rng.uniform(0.47, 0.53))
    return "", (text[:middle] if rng.random() < 0.5 else text[middle:]).strip(), ""


def one_word(text: str, rng: Random) -> EditedText:
    return "", _other_words(text, rng, 1), ""


def two_words(text: str, rng: Random) -> EditedText:
    return "", _other_words(text, rng, 2), ""


def three_words(text: str, rng: Random) -> EditedText:
    return "", _other_words(text, rng, 3), ""


def typos(text: str, rng: Random) -> EditedText:
    """Make one typing error per thirty characters: two neighbours swapped, one left
    out, or one typed twice.
    """
    return "", _mistyped(text, rng, 30), ""


def many_typos(text: str, rng: Random) -> EditedText:
    """Make one typing error per twelve characters."""
    return (
        "",
        "".join(_mistyped(text[i : i + 12], rng, 12) for i in range(0, len(text), 12)),
        "",
    )


def reordered(text: str, rng: Random) -> EditedText:
    """Swap two parts of about the same length, cut between words if there are
    spaces.
    """
    at = _between_words(text, round(len(text) * rng.uniform(0.4, 0.55)))
    return "", f"{text[at:].strip()} {text[:at].strip()}", ""


def every_fifth_dropped(text: str, rng: Random) -> EditedText:
    """Leave out every fifth word; of a text with fewer than five words, two of every
    ten characters.
    """
    first = rng.randrange(5)
    words = text.split(" ")
    if len(words) >= 5:
        return (
            "",
            " ".join(word for number, word in enumerate(words) if number % 5 != first),
            "",
        )
    return (
        "",
        "".join(c for number, c in enumerate(text) if number // 2 % 5 != first),
        "",
    )


def in_parts(text: str, rng: Random) -> EditedText:
    """Reorder three to five parts of about the same length, cut between words if there
    are spaces.
    """
    count = rng.randrange(3, 6)
    cuts = [
        _between_words(text, round(len(text) * (i + rng.uniform(-0.15, 0.15)) / count))
        for i in range(1, count)
    ]
    parts = [text[a:b].strip() for a, b in pairwise([0, *cuts, len(text)])]
    order = list(range(count))
    while order == sorted(order):
        rng.shuffle(order)
    return "", " ".join(parts[i] for i in order), ""


def middle_dropped(text: str, rng: Random) -> EditedText:
    """Leave out a quarter to two fifths in the middle."""
    share = rng.uniform(0.25, 0.4)
    start = round(len(text) * rng.uniform(0.25, 0.75 - share))
    kept = text[:start].rstrip(), text[start + round(len(text) * share) :].lstrip()
    return "", rng.choice((" ", "... ", "")).join(kept), ""


def letters_replaced(text: str, rng: Random) -> EditedText:
    """Replace one of every seven to eleven characters, at even distances, by another
    character of the text.
    """
    apart = rng.randrange(7, 12)
    letters = list(text)
    for i in range(rng.randrange(apart), len(letters), apart):
        letters[i] = rng.choice(text)
    return "", "".join(letters), ""


def _beginning(text: str, share: float) -> str:
    return text[: round(len(text) * share)].rstrip()


def _between_words(text: str, at: int) -> int:
    space = text.find(" ", at)
    return space if 0 < space < len(text) - 1 else at


def _mistyped(text: str, rng: Random, apart: int) -> str:
    for _ in range(max(1, len(text) // apart)):
        i = rng.randrange(max(1, len(text) - 1))
        slip = rng.choice(
            (
                text[i : i + 2][::-1],
                text[i + 1 : i + 2],
                text[i : i + 1] + text[i : i + 2],
            )
        )
        text = text[:i] + slip + text[i + 2 :]
    return text


def _other_words(text: str, rng: Random, count: int) -> str:
    """Replace ``count`` words outside links and names; if there are too few words,
    replace pairs of letters.
    """
    spoken = [
        m.span()
        for m in re.finditer(r"(?<!\S)\S+", text)
        if not re.match(r"https?://|@|RT$", m.group())
    ]
    words = [
        (a + w.start(), a + w.end())
        for a, b in spoken
        for w in [_WORD.search(text[a:b])]
        if w and w.end() < 20
    ]
    if len(words) <= count:
        words = [
            (i, i + 2) for i in range(0, len(text) - 1, 2) if text[i : i + 2].isalpha()
        ]
    for start, end in sorted(rng.sample(words, min(count, len(words))), reverse=True):
        text = text[:start] + rng.choice(_WORDS) + text[end:]
    return text


LIGHT = (
    exact,
    anonymised,
    stripped,
    escaped,
    retweeted,
    commented,
    respaced,
    marked_up,
    with_emoji,
    repunctuated,
)
COMMON = (truncated, one_word, two_words, typos)
HEAVY = (
    cut_to_two_thirds,
    cut_to_half,
    three_words,
    many_typos,
    reordered,
    every_fifth_dropped,
)
SEVERE = (in_parts, middle_dropped, letters_replaced)
"""Edits that people make to hide a copy; only ``at_most_any`` allows for them."""
SPREAD = (many_typos, every_fifth_dropped)
"""Edits that change a copy throughout."""
WEIGHTS = {"light": LIGHT, "common": COMMON, "heavy": HEAVY}
"""The edits of each weight, except severe ones."""
EDITS: dict[str, Edit] = {
    edit.__name__: edit for edits in (*WEIGHTS.values(), SEVERE) for edit in edits
}
SETS = {
    "light": [edit.__name__ for edit in (*LIGHT, *COMMON)],
    "mixed": [
        edit.__name__ for edit in (*LIGHT, *COMMON, *COMMON, *(3 * (*HEAVY, *SEVERE)))
    ],
    "heavy": [edit.__name__ for edit in (*COMMON, *HEAVY, *SEVERE)],
}
"""Values of ``--edits``: the edits that spike-ins use in turn. Edits whose recall
varies more are listed more often.
"""
