"""Recognise the tokens that canonical text drops: URLs, mentions, retweet marks, their
placeholders in datasets, and HTML tags.

:func:`after_dropped` recognises all of them, by their first character. Each function
for one kind of token returns the index after the token that begins at ``i``, or ``i``
if there is none.
"""

import numpy as np

from provscan.kernels.canonical.entries import NOT_ASCII, ascii_of
from provscan.kernels.characters import (
    AT,
    BRACE,
    BRACKET,
    CASE,
    COLON,
    EQUALS,
    FORM_FEED,
    GREATER,
    LESS,
    NEWLINE,
    RETURN,
    SLASH,
    SPACE,
    TAB,
    VERTICAL_TAB,
    is_ascii_blank,
)
from provscan.kernels.jit import helper


def _table(words):
    """Return words as rows of bytes, each followed by at least one 0."""
    table = np.zeros((len(words), max(map(len, words)) + 1), np.uint8)
    for row, word in zip(table, words, strict=True):
        row[: len(word)] = np.frombuffer(word, np.uint8)
    return table


_H, _P, _R, _S, _T, _W = np.frombuffer(b"hprstw", np.uint8)
# The tables have one more row, for characters that are not ASCII.
_WORD = np.zeros(129, np.bool_)
_WORD[list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")] = True
_URL = np.zeros(129, np.bool_)
_URL[SPACE + 1 : 0x7F] = True
_URL[list(b'<>"{}|\\^`')] = False
_LOWER = np.arange(129).astype(np.uint32)
_LOWER[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")] += CASE
# The maximum length of a mentioned name. A longer one is a text that lacks spaces.
LONGEST_NAME = 20

_HTTP, _URL_WORD, _WWW = _table([b"http"])[0], _table([b"url"])[0], _table([b"www."])[0]
_PICTURES = _table([b"pic.twitter.com/", b"pic.x.com/"])
_PLACEHOLDERS = _table(
    [b"url", b"user", b"username", b"mention", b"link", b"http", b"https"]
)
# HTML elements whose tags are dropped, and the maximum length of their attributes.
_ELEMENTS = _table(
    (
        b"a abbr article b big blockquote body br center cite code dd del div dl dt em "
        b"figure font footer h1 h2 h3 h4 h5 "
        b"h6 head header hr html i iframe img input ins label li main mark meta nav ol "
        b"p pre q s script section small span "
        b"strike strong style sub sup table tbody td th thead title tr tt u ul video"
    ).split()
)
ATTRIBUTES = 1000
# Brackets with a stroke; decomposed, they are a bracket and the stroke.
NOT_LESS, NOT_GREATER = np.uint32(0x226E), np.uint32(0x226F)


@helper
def _is_word(codes, i, count, tables):
    return 0 <= i < count and _WORD[ascii_of(codes, i, count, tables)]


@helper
def _after_word(codes, i, count, tables, word):
    """Return the index after a word of a table at ``i``, in any letter case, or -1."""
    for letter in word:
        if letter == 0:
            break
        if i >= count or _LOWER[ascii_of(codes, i, count, tables)] != letter:
            return -1
        i += 1
    return i


@helper
def _after_url(codes, i, count, tables):
    """Return the index after the characters of a URL from ``i`` on."""
    first = i
    while i < count and codes[i] < NOT_ASCII and _URL[codes[i]]:
        i += 1
    # The last one may have an accent.
    i = max(first, i - 1)
    while i < count and _URL[ascii_of(codes, i, count, tables)]:
        i += 1
    return i


@helper
def after_mention(codes, i, count, tables):
    """Return the index after a mention at ``i``, or ``i``."""
    if i < count and (codes[i] == AT or codes[i] == 0xFF20):
        j = i + 1
        while _is_word(codes, j, count, tables):
            j += 1
        if i + 1 < j <= i + 1 + LONGEST_NAME:
            return j
    return i


@helper(inline="always")
def _after_link(codes, i, count, tables):
    """Return the index after a URL at ``i``, or after the word ``http``, ``https`` or
    ``httpurl``, or ``i``.
    """
    if not _is_word(codes, i - 1, count, tables):
        begin = _after_word(codes, i, count, tables, _WWW)
        end = _after_url(codes, begin, count, tables) if begin > i else begin
        if end > begin:
            return end
    for k in range(len(_PICTURES)):
        begin = _after_word(codes, i, count, tables, _PICTURES[k])
        if begin > i:
            return _after_url(codes, begin, count, tables)
    http = _after_word(codes, i, count, tables, _HTTP)
    if http < i:
        return i
    j = http
    if j < count and ascii_of(codes, j, count, tables) | CASE == _S:
        j += 1
    if (
        j + 2 < count
        and codes[j] == COLON
        and codes[j + 1] == SLASH
        and codes[j + 2] == SLASH
    ):
        return _after_url(codes, j + 3, count, tables)
    if _is_word(codes, i - 1, count, tables):
        return i
    if j == http:
        j = max(j, _after_word(codes, j, count, tables, _URL_WORD))
    return i if _is_word(codes, j, count, tables) else j


@helper(inline="always")
def _after_retweet(codes, i, count, tables):
    """Return the index after a retweet mark, ``RT`` and a mention, at ``i``, or
    ``i``.
    """
    if (
        i + 2 < count
        and codes[i + 1] | CASE == _T
        and not _is_word(codes, i - 1, count, tables)
    ):
        j = i + 2
        while j < count and is_ascii_blank(codes[j]):
            j += 1
        after = after_mention(codes, j, count, tables)
        if after > j:
            return after
    return i


@helper(inline="always")
def _after_placeholder(codes, i, count, tables):
    """Return the index after a placeholder in brackets at ``i``, or ``i``."""
    close = GREATER if codes[i] == LESS else codes[i] + 2
    for k in range(len(_PLACEHOLDERS)):
        after = _after_word(codes, i + 1, count, tables, _PLACEHOLDERS[k])
        if 0 <= after < count and ascii_of(codes, after, count, tables) == close:
            return after + 1
    return i


@helper
def _separates(code):
    """Return whether a code point may separate a tag's name and its attributes: a
    slash, or white space other than line ends.
    """
    return (
        code == SLASH
        or code == SPACE
        or code == TAB
        or code == VERTICAL_TAB
        or code == FORM_FEED
    )


@helper
def after_tag(codes, i, count, tables):
    """Return the index after an HTML tag at ``i``, or ``i``. A tag ends in its line,
    and contains an ``=`` if it has attributes.
    """
    first = i + 2 if i + 1 < count and codes[i + 1] == SLASH else i + 1
    for k in range(len(_ELEMENTS)):
        at = _after_word(codes, first, count, tables, _ELEMENTS[k])
        if not 0 <= at < count:
            continue
        if ascii_of(codes, at, count, tables) == GREATER:
            return at + 1
        if _separates(codes[at]):
            stop = min(count, at + 1 + ATTRIBUTES)
            bare, assigned = True, False
            while (
                at < stop
                and codes[at] != LESS
                and codes[at] != GREATER
                and codes[at] != NOT_LESS
                and codes[at] != NOT_GREATER
                and codes[at] != NEWLINE
                and codes[at] != RETURN
            ):
                bare = bare and _separates(codes[at])
                equals = ascii_of(codes, at, count, tables) == EQUALS
                assigned = assigned or equals
                at += 1
            closed = at < stop and ascii_of(codes, at, count, tables) == GREATER
            return at + 1 if closed and (bare or assigned) else i
    return i


@helper
def after_dropped(codes, i, count, tables):
    """Return the index after the URL, mention, retweet mark, placeholder or HTML tag
    that starts at ``i``, or ``i``.
    """
    c = codes[i]
    letter = c | CASE
    if c == AT or c == 0xFF20:
        return after_mention(codes, i, count, tables)
    if letter == _H or letter == _W or letter == _P:
        return _after_link(codes, i, count, tables)
    if letter == _R:
        return _after_retweet(codes, i, count, tables)
    if c == LESS or c == BRACKET or c == BRACE:
        after = _after_placeholder(codes, i, count, tables)
        return after_tag(codes, i, count, tables) if after == i and c == LESS else after
    return i
