"""Make prompts, which give the model one part of a tweet and leave another part to
recite.

The templates are fixed. The *given* part of a tweet goes into the prompt; the *target*
is the part that the model would have to add. An answer that only repeats the given part
is not a recitation.
"""

from __future__ import annotations

import re
from typing import NamedTuple

KINDS = ("prefix", "opening", "masked")
"""The kinds of prompt differ in the given part: half of the words; the author, the day
and the opening words; or all words except a passage in the middle.
"""
STYLES = ("chat", "completion")

OPENING_WORDS = 4
# What replaces the target in a prompt of the kind "masked".
BLANK = "[...]"
# A text with fewer words, as in scripts without spaces, is cut by characters.
FEW_WORDS = 6

TEMPLATES = {
    ("chat", "prefix"): (
        "This is the beginning of a post. Continue it word for word, as it was "
        "published. Answer with the words that follow, and nothing else.\n\n{given}"
    ),
    ("chat", "opening"): (
        "This is the beginning of a post by {author}, published on {day}. Continue it "
        "word for word, as it was published. Answer with the words that follow, and "
        "nothing else.\n\n{given}"
    ),
    ("chat", "masked"): (
        "A stretch of this post was replaced by [...]. Answer with the missing words, "
        "as they were published, and nothing else.\n\n{given}"
    ),
    ("completion", "prefix"): "{given}",
    ("completion", "opening"): "{author} ({day}): {given}",
}
"""The prompt template of each style and kind. A model that only completes text can't be
asked to fill a gap.
"""


class Prompt(NamedTuple):
    kind: str  # An entry of ``KINDS``.
    text: str  # The text that is sent to the model.
    # The given part of the tweet, and author and day if the prompt has them.
    given: str
    target: str  # The part that is left to recite.
    gap: str = ""  # The white space between the prompt and the target.


def make_prompt(
    kind: str,
    style: str,
    tweet: str,
    author: str | None,
    day: str | None,
    other: str | None = None,
) -> Prompt | None:
    """Make the prompt of one kind for a tweet; None if the tweet has too few words, no
    author or no day.

    With an ``other`` tweet, the prompt is misplaced: the half of the given part that is
    farther from the target is taken from the other tweet.
    """
    template = TEMPLATES.get((style, kind))
    pieces = _pieces(tweet)
    if (
        template is None
        or len(pieces) < 2
        or (kind == "opening" and (author is None or day is None))
    ):
        return None
    gap = ""
    strange = _pieces(other or "")
    if kind == "masked":
        low, high = len(pieces) // 4, len(pieces) - len(pieces) // 4
        before, after = "".join(pieces[:low]), "".join(pieces[high:])
        if far := low // 2 * bool(strange):
            before = _joined(strange[:far], pieces[far:low])
            after = _joined(pieces[high : len(pieces) - far], strange[-far:])
        given = f"{before.rstrip()} {BLANK} {after.lstrip()}".strip()
        target = "".join(pieces[low:high]).strip()
    else:
        at = (
            OPENING_WORDS * max(1, len(pieces) // len(tweet.split()))
            if kind == "opening"
            else len(pieces) // 2
        )
        at = min(at, len(pieces) // 2)
        given, target = "".join(pieces[:at]), "".join(pieces[at:]).strip()
        if far := at // 2 * bool(strange):
            given = _joined(strange[:far], pieces[far:at])
        gap = given[len(given.rstrip()) :] if style == "completion" else ""
        given = given.strip()
    text = template.format(given=given, author=author, day=day)
    return Prompt(
        kind,
        text,
        f"{author} {day} {given}" if kind == "opening" else given,
        target,
        gap,
    )


def _pieces(tweet: str) -> list[str]:
    """Split a tweet into words with the white space after them, or into characters if
    there are hardly any spaces.
    """
    words = re.findall(r"\S+\s*", tweet)
    return words if len(words) >= FEW_WORDS else list(tweet.strip())


def _joined(first: list[str], second: list[str]) -> str:
    """Join pieces of two tweets, with a space if the pieces are words."""
    start, end = "".join(first), "".join(second)
    space = any(len(piece) > 1 for piece in (*first, *second))
    return f"{start.rstrip()} {end}" if space else start + end


def max_tokens(target: str) -> int:
    """Return the maximum number of tokens in an answer, a few more than the target
    needs: a token for two characters of ASCII, or for a byte of any other.
    """
    plain = sum(character.isascii() for character in target)
    return 16 + plain // 2 + len(target.encode()) - plain
