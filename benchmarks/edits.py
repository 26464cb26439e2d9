"""What happens to a tweet on its way into somebody's dataset.

Each edit is a function of a text and a random generator that gives the text that is planted; :data:`EDITS` names them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from random import Random

Edit = Callable[[str, Random], str]

_NAME = re.compile(r"@\w+")
_LINK = re.compile(r"https?://\S+")
_BEFORE = ("so true:", "this!", "lol", "look at that", "+1", "can't believe it:")
_AFTER = ("haha", "#quote", "...", "what do you think?", "(true story)")
_OTHER_WORDS = ("again", "nobody", "however", "people", "nothing", "better", "always", "somehow", "morning")


def exact(text: str, rng: Random) -> str:
    return text


def anonymised(text: str, rng: Random) -> str:
    """Names and links replaced by the placeholders that dataset builders write."""
    name, link = rng.choice((("@user", "http"), ("<user>", "<url>"), ("@USER", "HTTPURL")))
    return _LINK.sub(link, _NAME.sub(name, text))


def stripped(text: str, rng: Random) -> str:
    """Lower case, letters and digits only, no names and no links."""
    bare = _LINK.sub(" ", _NAME.sub(" ", html.unescape(text))).lower()
    return " ".join("".join(c if c.isalnum() or _is_mark(c) else " " for c in bare).split())


def _is_mark(character: str) -> bool:
    """Vowel signs and the like, without which many scripts can't be read; they count as word characters here."""
    return re.match(r"[\u0900-\u0dff\u0e30-\u0e4e\u064b-\u0652]", character) is not None


def escaped(text: str, rng: Random) -> str:
    """Every reserved character of HTML as an entity, once."""
    return html.escape(html.unescape(html.unescape(text)))


def retweeted(text: str, rng: Random) -> str:
    return f"RT @reader{rng.randrange(10_000)}: {text}"


def commented(text: str, rng: Random) -> str:
    """Somebody's words before and after it."""
    return f"{rng.choice(_BEFORE)} {text} {rng.choice(_AFTER)}"


def truncated(text: str, rng: Random) -> str:
    """The first three quarters, as an API that cuts long tweets returns them."""
    return text[: len(text) * 3 // 4].rstrip() + "…"


def _other_words(text: str, rng: Random, count: int) -> str:
    """So many words of three characters or more replaced; in a script without spaces so many pairs of characters."""
    words = [m.span() for m in re.finditer(r"(?<!\S)[^\W\d_]{3,}", text)]
    if len(words) <= count:
        words = [(i, i + 2) for i in range(0, len(text) - 1, 2) if text[i].isalpha()]
    for start, end in sorted(rng.sample(words, min(count, len(words))), reverse=True):
        text = text[:start] + rng.choice(_OTHER_WORDS) + text[end:]
    return text


def one_word(text: str, rng: Random) -> str:
    return _other_words(text, rng, 1)


def two_words(text: str, rng: Random) -> str:
    return _other_words(text, rng, 2)


def typos(text: str, rng: Random) -> str:
    """One slip in twenty-five characters: two neighbours swapped, one left out, or one typed twice."""
    for _ in range(max(1, len(text) // 25)):
        i = rng.randrange(max(1, len(text) - 1))
        slip = rng.choice((text[i : i + 2][::-1], text[i + 1 : i + 2], text[i] + text[i : i + 2]))
        text = text[:i] + slip + text[i + 2 :]
    return text


EDITS: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        exact,
        anonymised,
        stripped,
        escaped,
        retweeted,
        commented,
        truncated,
        one_word,
        two_words,
        typos,
    )
}
