"""Edits that a tweet may undergo on its way into a dataset.

Each edit is a function of a text and a random generator that returns the text to plant;
:data:`EDITS` and :data:`HEAVY` list them. Many resemble edits of the test copies
(spike-ins), so results for them do not show how a run treats other edits
(``other_edits.py``).
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
_OTHER_WORDS = (
    "again",
    "nobody",
    "however",
    "people",
    "nothing",
    "better",
    "always",
    "somehow",
    "morning",
)


def exact(text: str, rng: Random) -> str:
    return text


def anonymised(text: str, rng: Random) -> str:
    """Replace names and links with the placeholders that dataset builders write."""
    name, link = rng.choice(
        (("@user", "http"), ("<user>", "<url>"), ("@USER", "HTTPURL"))
    )
    return _LINK.sub(link, _NAME.sub(name, text))


def stripped(text: str, rng: Random) -> str:
    """Change to lower case; keep only letters and digits outside names and links."""
    bare = _LINK.sub(" ", _NAME.sub(" ", html.unescape(text))).lower()
    return " ".join(
        "".join(c if c.isalnum() or _is_mark(c) else " " for c in bare).split()
    )


def _is_mark(character: str) -> bool:
    """Return whether a character is a combining mark that belongs to the words of its
    script, such as a vowel sign; such marks count as word characters here.
    """
    return re.match(r"[\u0900-\u0dff\u0e30-\u0e4e\u064b-\u0652]", character) is not None


def escaped(text: str, rng: Random) -> str:
    """Escape every reserved character of HTML as an entity, once."""
    return html.escape(html.unescape(html.unescape(text)))


def retweeted(text: str, rng: Random) -> str:
    return f"RT @reader{rng.randrange(10_000)}: {text}"


def commented(text: str, rng: Random) -> str:
    """Add a remark before and after the tweet."""
    return f"{rng.choice(_BEFORE)} {text} {rng.choice(_AFTER)}"


def truncated(text: str, rng: Random) -> str:
    """Keep the first three quarters, like an API that truncates long tweets."""
    return text[: len(text) * 3 // 4].rstrip() + "…"


def _other_words(text: str, rng: Random, count: int) -> str:
    """Replace `count` words of three characters or more; in a script without spaces,
    pairs of characters.
    """
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
    """Make one typing error in twenty-five characters: two neighbours swapped, one left
    out, or one typed twice.
    """
    for _ in range(max(1, len(text) // 25)):
        i = rng.randrange(max(1, len(text) - 1))
        slip = rng.choice(
            (text[i : i + 2][::-1], text[i + 1 : i + 2], text[i] + text[i : i + 2])
        )
        text = text[:i] + slip + text[i + 2 :]
    return text


def kept_in_part(text: str, rng: Random) -> str:
    """Keep the first 60 to 75 %, cut between words if there are any."""
    cut = text[: int(len(text) * (0.6 + 0.15 * rng.random()))]
    return cut.rsplit(" ", 1)[0] if " " in cut[len(cut) // 2 :] else cut


def halved(text: str, rng: Random) -> str:
    """Keep one half."""
    return rng.choice((text[: len(text) // 2], text[len(text) // 2 :])).strip()


def three_words(text: str, rng: Random) -> str:
    return _other_words(text, rng, 3)


def mistyped(text: str, rng: Random) -> str:
    """Make one character in every twelve wrong, missing or doubled."""
    letters = list(text)
    for start in range(0, len(letters) - 12, 12):
        at = start + rng.randrange(12)
        letters[at] = rng.choice(
            ("", letters[at] * 2, letters[(at + 1) % len(letters)])
        )
    return "".join(letters)


def swapped(text: str, rng: Random) -> str:
    """Put the second half first."""
    words = text.split(" ")
    if len(words) < 2:
        return text[len(text) // 2 :] + text[: len(text) // 2]
    return " ".join(words[len(words) // 2 :] + words[: len(words) // 2])


def thinned_out(text: str, rng: Random) -> str:
    """Leave out every fifth word, or every fifth character if there are no words."""
    words = text.split(" ")
    return (
        " ".join(words[i] for i in range(len(words)) if i % 5 != 4)
        if len(words) > 4
        else "".join(text[i] for i in range(len(text)) if i % 5 != 4)
    )


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
HEAVY: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (kept_in_part, three_words, mistyped, swapped, thinned_out)
}
"""Edits that leave little of a text. :func:`halved`, which is not in the list, is used
separately.
"""
