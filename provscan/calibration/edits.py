"""Edits that turn an original into a copy, each a function of the text, a random number
generator, and words of other texts in the same script (:func:`words_of`), which replace
words of the text.

:func:`edited` makes a copy with one of them. :data:`EDITS` lists all edits: light ones
(made by pipelines), common ones (made by people), heavy ones and severe ones. Spike-ins
use them in turn. All edits work in scripts with and without spaces, and some edit a
text in the ways of its script (:mod:`~provscan.calibration.script_edits`).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

from provscan.calibration import script_edits

Words = Sequence[str]
# Returns the copy or, if it is not all that is planted, a :class:`Surrounded` copy.
Edit = Callable[[str, Random, Words], "str | Surrounded"]

_LINK = re.compile(r"https?://\S+")
_NAME = re.compile(r"@\w+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_PLACEHOLDERS = (
    ("@user", "http"),
    ("<user>", "<url>"),
    ("[USER]", "[URL]"),
    ("@USER", "HTTPURL"),
)
_AFTER = ("", "!!", ":)", "…", "?!")
_NO_WORD = re.compile(r"https?://\S+|[@#]\w+|RT(?!\S)")
# Letters of a replaced stretch of a text without spaces.
_STRETCH = 3
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


class Surrounded(NamedTuple):
    """A copy, and the text that an edit puts before and after it."""

    before: str
    copy: str
    after: str


def exact(text: str, rng: Random, words: Words) -> str:
    return text


def anonymised(text: str, rng: Random, words: Words) -> str:
    name, link = rng.choice(_PLACEHOLDERS)
    return _LINK.sub(link, _NAME.sub(name, text))


def stripped(text: str, rng: Random, words: Words) -> str:
    """Change to lower case, without names, links, punctuation and symbols."""
    bare = _LINK.sub(" ", _NAME.sub(" ", html.unescape(text))).lower()
    kept = "".join(
        c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in bare
    )
    return " ".join(kept.split())


def escaped(text: str, rng: Random, words: Words) -> str:
    """Escape HTML's reserved characters as entities, even in existing entities."""
    return html.escape(text)


def retweeted(text: str, rng: Random, words: Words) -> str:
    """Prefix a retweet mark, as a part of the copy."""
    return f"RT @user{rng.randrange(10_000)}: {text}"


def respaced(text: str, rng: Random, words: Words) -> str:
    """Change the white space and the Unicode normalisation form. In a script whose
    spaces are free, also add or remove spaces.
    """
    if script_edits.is_free(text):
        text = script_edits.free_spaces(text, rng)
    form = rng.choice(("NFC", "NFD", "NFKC"))
    spaced = "".join(
        rng.choice(_SPACES) if c == " " and rng.random() < 0.3 else c for c in text
    )
    return unicodedata.normalize(form, spaced)  # type: ignore[arg-type]


def commented(text: str, rng: Random, words: Words) -> Surrounded:
    """Put a few words before the text, and after it."""
    before, after = (
        " ".join(rng.choice(words or [""]) for _ in range(rng.randrange(1, 4)))
        for _ in range(2)
    )
    return Surrounded(f"{before}: ", text, f" {after}{rng.choice(_AFTER)}")


def marked_up(text: str, rng: Random, words: Words) -> Surrounded:
    """Mark up the text as on a web page: enclose it in tags, replace line breaks and
    links by tags, and escape reserved characters.
    """
    tag = rng.choice(("p", "div", "blockquote", "li"))
    body = _LINK.sub(
        lambda link: f'<a href="{link.group()}">{link.group()}</a>',
        html.escape(text, quote=False),
    )
    return Surrounded(f"<{tag}>", body.replace("\n", "<br/>"), f"</{tag}>")


def with_emoji(text: str, rng: Random, words: Words) -> str:
    """Insert emoji between words and at the end, or remove all of them."""
    kept = "".join(c for c in text if unicodedata.category(c) != "So")
    if kept != text and rng.random() < 0.5:
        return kept
    at = rng.choice([m.end() for m in re.finditer(r"\s|[、。]", text)] or [len(text)])
    return f"{text[:at]}{rng.choice(_EMOJI)}{text[at:]}{rng.choice(_EMOJI)}"


def repunctuated(text: str, rng: Random, words: Words) -> str:
    """Change the punctuation: replace half width by full width or the reverse, or
    remove it.
    """
    bare = _LINK.sub("", text)
    table = rng.choice(
        (_FULL_WIDTH, _HALF_WIDTH, dict.fromkeys((*_FULL_WIDTH, *_HALF_WIDTH)))
    )
    return bare.translate(table)


def in_variants(text: str, rng: Random, words: Words) -> str:
    """Replace characters by variants of their script."""
    return script_edits.variants(text, rng)


def elongated(text: str, rng: Random, words: Words) -> str:
    """Abbreviate words, or elongate one and add laughter, as in the text's script."""
    return script_edits.elongated(text, rng)


def truncated(text: str, rng: Random, words: Words) -> Surrounded:
    return Surrounded("", _beginning(text, rng.uniform(0.8, 0.95)), "…")


def cut_to_two_thirds(text: str, rng: Random, words: Words) -> Surrounded:
    return Surrounded("", _beginning(text, rng.uniform(0.6, 0.75)), "…")


def cut_to_half(text: str, rng: Random, words: Words) -> str:
    middle = round(len(text) * rng.uniform(0.47, 0.53))
    return (text[:middle] if rng.random() < 0.5 else text[middle:]).strip()


def one_word(text: str, rng: Random, words: Words) -> str:
    return _other_words(text, rng, words, 1)


def two_words(text: str, rng: Random, words: Words) -> str:
    return _other_words(text, rng, words, 2)


def three_words(text: str, rng: Random, words: Words) -> str:
    return _other_words(text, rng, words, 3)


def typos(text: str, rng: Random, words: Words) -> str:
    """Make one typing error per thirty characters: two neighbours swapped, one left
    out, or one typed twice.
    """
    return _mistyped(text, rng, 30)


def many_typos(text: str, rng: Random, words: Words) -> str:
    """Make one typing error per twelve characters."""
    parts = (text[i : i + 12] for i in range(0, len(text), 12))
    return "".join(_mistyped(part, rng, 12) for part in parts)


def reordered(text: str, rng: Random, words: Words) -> str:
    """Swap two parts of about the same length, cut between words if there are
    spaces.
    """
    at = _between_words(text, round(len(text) * rng.uniform(0.4, 0.55)))
    return f"{text[at:].strip()} {text[:at].strip()}"


def every_fifth_dropped(text: str, rng: Random, words: Words) -> str:
    """Leave out every fifth word; of a text with fewer than five words, two of every
    ten characters.
    """
    first = rng.randrange(5)
    words = text.split(" ")
    if len(words) >= 5:
        return " ".join(word for i, word in enumerate(words) if i % 5 != first)
    return "".join(c for i, c in enumerate(text) if i // 2 % 5 != first)


def in_parts(text: str, rng: Random, words: Words) -> str:
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
    return " ".join(parts[i] for i in order)


def middle_dropped(text: str, rng: Random, words: Words) -> str:
    """Leave out a quarter to two fifths in the middle."""
    share = rng.uniform(0.25, 0.4)
    start = round(len(text) * rng.uniform(0.25, 0.75 - share))
    kept = text[:start].rstrip(), text[start + round(len(text) * share) :].lstrip()
    return rng.choice((" ", "... ", "")).join(kept)


def letters_replaced(text: str, rng: Random, words: Words) -> str:
    """Replace one of every seven to eleven characters, at even distances, by another
    character of the text.
    """
    apart = rng.randrange(7, 12)
    letters = list(text)
    for i in range(rng.randrange(apart), len(letters), apart):
        letters[i] = rng.choice(text)
    return "".join(letters)


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


def _other_words(text: str, rng: Random, words: Words, count: int) -> str:
    """Replace ``count`` words outside links and names; if there are too few words,
    replace stretches of letters.
    """
    places = [span for span in _places(text) if _WORD.search(text[slice(*span)])]
    if len(places) <= count or script_edits.is_free(text):
        size = _STRETCH if len(text) > 2 * count * _STRETCH else 2
        skipped = [m.span() for m in _NO_WORD.finditer(text)]
        places = [
            m.span()
            for m in re.finditer(rf"[^\W\d_]{{{size}}}", text)
            if not any(low < m.end() and m.start() < high for low, high in skipped)
        ]
    for start, end in sorted(rng.sample(places, min(count, len(places))), reverse=True):
        old = text[start:end]
        other = next(
            (word for word in rng.choices(words or [""], k=8) if word not in ("", old)),
            # Without other words, the letters of the word in another order.
            old[::-1],
        )
        text = text[:start] + other + text[end:]
    return text


def _places(text: str) -> list[tuple[int, int]]:
    """Return the words outside links, names and hashtags, without punctuation."""
    found = []
    for match in re.finditer(r"(?<!\S)\S+", text):
        if _NO_WORD.match(match.group()) is None:
            low, high = match.span()
            while low < high and not text[low].isalnum():
                low += 1
            while low < high and not _in_word(text[high - 1]):
                high -= 1
            if 0 < high - low < 20:
                found.append((low, high))
    return found


def _in_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def words_of(texts: Iterable[str]) -> list[str]:
    """Return the words of texts of one script that may replace words of other texts:
    in texts without spaces, stretches of letters.
    """
    result = []
    for text in texts:
        places = _places(text)
        if script_edits.is_free(text) and 8 * len(places) < len(text):
            result += re.findall(rf"[^\W\d_a-zA-Z]{{{_STRETCH}}}", text)
        else:
            words = (text[low:high] for low, high in places)
            result += [
                word for word in words if len(word) >= _STRETCH or not word.isascii()
            ]
    return result


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
    in_variants,
    elongated,
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
PLANTED = [
    edit.__name__ for edit in (*LIGHT, *COMMON, *COMMON, *(3 * (*HEAVY, *SEVERE)))
]
"""The edits that spike-ins use in turn. Edits whose recall varies more are listed more
often.
"""


def edited(name: str, text: str, rng: Random, words: Words) -> Surrounded:
    """Return a copy of a text with the edit ``name``, and the text around the copy."""
    made = EDITS[name](text, rng, words)
    return Surrounded("", made, "") if isinstance(made, str) else made
