"""The ways in which data pipelines change a text, each as a function of the text and a dice.

An edit gives what is planted as three strings: what it puts before the copy, the copy, what it puts after it.
:data:`EDITS` names them all; spike-ins take them in turn.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from random import Random

Planted = tuple[str, str, str]
Edit = Callable[[str, Random], Planted]

_LINK = re.compile(r"https?://\S+")
_NAME = re.compile(r"@\w+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_PLACEHOLDERS = (("@user", "http"), ("<user>", "<url>"), ("[USER]", "[URL]"), ("@USER", "HTTPURL"))
_BEFORE = ("so true:", "this", "lol", "wow", "saw this today:", "quote:")
_AFTER = ("haha", "#mood", "!!", "smh", "what do you think", "(found online)")
_WORDS = ("thing", "never", "maybe", "people", "always", "better", "nothing", "somehow")
_SPACES = (" ", "  ", "\n", "\t", "\u00a0", " \u200b")


def exact(text: str, dice: Random) -> Planted:
    return "", text, ""


def anonymised(text: str, dice: Random) -> Planted:
    """Names and links replaced by placeholders."""
    name, link = dice.choice(_PLACEHOLDERS)
    return "", _LINK.sub(link, _NAME.sub(name, text)), ""


def stripped(text: str, dice: Random) -> Planted:
    """Lower case, without names, links, punctuation and symbols."""
    bare = _LINK.sub(" ", _NAME.sub(" ", html.unescape(text))).lower()
    kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in bare)
    return "", " ".join(kept.split()), ""


def escaped(text: str, dice: Random) -> Planted:
    """HTML's reserved characters as entities, once more than they were."""
    return "", html.escape(text), ""


def retweeted(text: str, dice: Random) -> Planted:
    """A retweet's mark belongs to the copy: so it does in a match."""
    return "", f"RT @user{dice.randrange(10_000)}: {text}", ""


def commented(text: str, dice: Random) -> Planted:
    """Somebody's words before and after it."""
    return dice.choice(_BEFORE) + " ", text, " " + dice.choice(_AFTER)


def truncated(text: str, dice: Random) -> Planted:
    """Cut off after 80 to 95 %."""
    return "", _beginning(text, dice.uniform(0.8, 0.95)), "…"


def cut_short(text: str, dice: Random) -> Planted:
    """Cut off after 55 to 80 %. How much is lost can be seen, so that it is a kind of its own."""
    return "", _beginning(text, dice.uniform(0.55, 0.8)), "…"


def _beginning(text: str, share: float) -> str:
    return text[: round(len(text) * share)].rstrip()


def one_word(text: str, dice: Random) -> Planted:
    return "", _other_words(text, dice, 1), ""


def two_words(text: str, dice: Random) -> Planted:
    return "", _other_words(text, dice, 2), ""


def typos(text: str, dice: Random) -> Planted:
    """One slip in thirty characters: two neighbours swapped, one left out, or one typed twice."""
    for _ in range(max(1, len(text) // 30)):
        i = dice.randrange(max(1, len(text) - 1))
        slip = dice.choice((text[i : i + 2][::-1], text[i + 1 : i + 2], text[i : i + 1] + text[i : i + 2]))
        text = text[:i] + slip + text[i + 2 :]
    return "", text, ""


def respaced(text: str, dice: Random) -> Planted:
    """Other white space, and another of Unicode's forms."""
    form = dice.choice(("NFC", "NFD", "NFKC"))
    spaced = "".join(dice.choice(_SPACES) if c == " " and dice.random() < 0.3 else c for c in text)
    return "", unicodedata.normalize(form, spaced), ""  # type: ignore[arg-type]


def _other_words(text: str, dice: Random, count: int) -> str:
    """So many words replaced, outside of links and names; where there are no spaces, pairs of letters."""
    spoken = [m.span() for m in re.finditer(r"(?<!\S)\S+", text) if not re.match(r"https?://|@|RT$", m.group())]
    words = [(a + w.start(), a + w.end()) for a, b in spoken for w in [_WORD.search(text[a:b])] if w and w.end() < 20]
    if len(words) <= count:
        words = [(i, i + 2) for i in range(0, len(text) - 1, 2) if text[i : i + 2].isalpha()]
    for start, end in sorted(dice.sample(words, min(count, len(words))), reverse=True):
        text = text[:start] + dice.choice(_WORDS) + text[end:]
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
        cut_short,
        one_word,
        two_words,
        typos,
        respaced,
    )
}
