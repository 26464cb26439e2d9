"""Count tokens, with an upper bound where an endpoint returns no count.

A token has at least one byte, so a prompt has at most one token for each byte of its
UTF-8, and :data:`FRAME` for the template of a chat. An answer has at most the number of
tokens that were asked for. An endpoint that ignores this limit is recognised by the
length of its answer, and each byte then counts as a token.
"""

from __future__ import annotations

from typing import Any, NamedTuple

FRAME = 64
# An answer with more bytes than this per token of its limit exceeds the limit.
LONGEST_TOKEN = 8


class Tokens(NamedTuple):
    """Tokens used, or an upper bound on them."""

    prompt: int = 0
    answer: int = 0
    estimated: int = 0  # The part of both that is an upper bound.

    def plus(self, other: Tokens) -> Tokens:
        return Tokens(*(a + b for a, b in zip(self, other, strict=True)))


def upper_bound(prompt: str, limit: int) -> Tokens:
    """Return an upper bound for a request whose answer has at most ``limit`` tokens."""
    sent = len(prompt.encode("utf-8", "surrogatepass")) + FRAME
    return Tokens(sent, limit, sent + limit)


def tokens_used(usage: Any, bound: Tokens, answer: str) -> Tokens:
    """Return the tokens of an answered request, from the ``usage`` of the response if
    it can be true, else from the upper bound of the request.
    """
    named = usage if isinstance(usage, dict) else {}
    counts = [named.get(f"{kind}_tokens") for kind in ("prompt", "completion", "total")]
    prompt, told, total = (each if type(each) is int else 0 for each in counts)
    # Some endpoints count the tokens of hidden reasoning only in the total.
    told = max(told, total - prompt)
    if prompt > 0 and (told > 0 or (told == 0 and not answer)):
        return Tokens(prompt, told)
    size = len(answer.encode("utf-8", "surrogatepass"))
    if size <= LONGEST_TOKEN * bound.answer:
        return bound
    return Tokens(bound.prompt, size, bound.prompt + size)
