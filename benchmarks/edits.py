"""Edits that a tweet may undergo on its way into a dataset.

Each edit is a function of a text and a random generator that returns the text to plant;
:data:`EDITS` lists them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from itertools import pairwise
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


def in_three_parts(text: str, rng: Random) -> str:
    """Reorder three parts of about the same length."""
    words = text.split(" ")
    unit = words if len(words) >= 6 else list(text)
    first, second = len(unit) // 3, 2 * len(unit) // 3
    parts = [unit[:first], unit[first:second], unit[second:]]
    order = rng.choice(((1, 2, 0), (2, 0, 1), (2, 1, 0)))
    return (" " if unit is words else "").join(
        piece for number in order for piece in parts[number]
    )


def in_five_parts(text: str, rng: Random) -> str:
    """Put five parts in random order."""
    words = text.split(" ")
    unit = words if len(words) >= 10 else list(text)
    ends = [number * len(unit) // 5 for number in range(6)]
    parts = [unit[low:high] for low, high in pairwise(ends)]
    rng.shuffle(parts)
    return (" " if unit is words else "").join(
        piece for part in parts for piece in part
    )


def letter_in_ten(text: str, rng: Random) -> str:
    """Replace every tenth character with another letter."""
    letters = list(text)
    for at in range(rng.randrange(10), len(letters), 10):
        letters[at] = (
            rng.choice("abcdefghijklmnopqrstuvwxyz")
            if letters[at].isascii()
            else rng.choice("的是不了のはにと")
        )
    return "".join(letters)


def leetspeak(text: str, rng: Random) -> str:
    """Replace some of the letters with digits."""
    table = dict(
        rng.sample(
            [
                ("a", "4"),
                ("e", "3"),
                ("i", "1"),
                ("o", "0"),
                ("s", "5"),
                ("t", "7"),
                ("b", "8"),
            ],
            2,
        )
    )
    return "".join(table.get(c.lower(), c) for c in text)


def interleaved(text: str, rng: Random) -> str:
    """Insert a foreign word after every three to six words, or pairs of characters if
    there are no spaces.
    """
    words = text.split(" ")
    unit = (
        words if len(words) > 4 else [text[i : i + 2] for i in range(0, len(text), 2)]
    )
    apart = rng.randrange(3, 7)
    put = [
        [*piece, rng.choice(_OTHER_WORDS)]
        for piece in (unit[i : i + apart] for i in range(0, len(unit), apart))
    ]
    return (" " if unit is words else "").join(word for piece in put for word in piece)


def stretched(text: str, rng: Random) -> str:
    """Insert a character into every second word, or after every sixth character if
    there are no spaces.
    """
    words = text.split(" ")
    unit = (
        words if len(words) > 4 else [text[i : i + 6] for i in range(0, len(text), 6)]
    )
    for number in range(rng.randrange(2), len(unit), 2 if unit is words else 1):
        at = rng.randrange(len(unit[number]) + 1)
        unit[number] = unit[number][:at] + rng.choice("xzq-ー") + unit[number][at:]
    return (" " if unit is words else "").join(unit)


def middle_gone(text: str, rng: Random) -> str:
    """Leave out the middle third."""
    return (
        f"{text[: len(text) // 3].rstrip()} ... {text[2 * len(text) // 3 :].lstrip()}"
    )


def fourth_word_other(text: str, rng: Random) -> str:
    """Replace every fourth word or, if there are no spaces, two of every eight
    characters.
    """
    words = text.split(" ")
    unit = (
        words if len(words) > 4 else [text[i : i + 2] for i in range(0, len(text), 2)]
    )
    for number in range(rng.randrange(4), len(unit), 4):
        unit[number] = rng.choice(_OTHER_WORDS)
    return (" " if unit is words else "").join(unit)


def abbreviated(text: str, rng: Random) -> str:
    """Leave out the vowels of some of the longer words, as in hurried typing."""
    short = {
        "you": "u",
        "are": "r",
        "to": "2",
        "for": "4",
        "and": "n",
        "the": "da",
        "with": "w",
        "your": "ur",
        "be": "b",
    }
    words = [short.get(word.lower(), word) for word in text.split(" ")]
    long = [
        number for number, word in enumerate(words) if len(word) > 5 and word.isalpha()
    ]
    for number in rng.sample(long, len(long) // 3):
        words[number] = words[number][0] + re.sub("[aeiouAEIOU]", "", words[number][1:])
    return " ".join(words)


def ends_gone(text: str, rng: Random) -> str:
    """Leave out the first and the last sixth of the words."""
    sixth = len(text) // 6
    return text[sixth : len(text) - sixth].strip()


def retyped(text: str, rng: Random) -> str:
    """Replace one letter in fifteen with its neighbour on the keyboard, and leave out a
    word or two.
    """
    near = dict(
        zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioplsdfghjkl;xcvbnm,", strict=True)
    )
    typed = "".join(near.get(c, c) if rng.random() < 1 / 15 else c for c in text).split(
        " "
    )
    for _ in range(rng.randrange(1, 3)):
        if len(typed) > 4:
            del typed[rng.randrange(len(typed))]
    return " ".join(typed)


OTHERS: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        in_three_parts,
        in_five_parts,
        letter_in_ten,
        leetspeak,
        interleaved,
        stretched,
        middle_gone,
        fourth_word_other,
        abbreviated,
        ends_gone,
        retyped,
    )
}
"""Edits that leave little of a text and resemble none of the spike-ins' edits."""
