"""Recognise the tokens that canonical text drops: URLs, mentions, retweet marks, their
placeholders in datasets, and HTML tags.

:func:`after_dropped` recognises all of them, by their first character.
"""

import numpy as np

from provscan.kernels.jit import helper


def _table(words):
    """Return words as rows of bytes, each followed by at least one 0."""
    table = np.zeros((len(words), max(map(len, words)) + 1), np.uint8)
    for row, word in zip(table, words, strict=True):
        row[: len(word)] = np.frombuffer(word, np.uint8)
    return table


_WORD = np.zeros(128, np.bool_)
_WORD[list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")] = True
_URL = np.zeros(128, np.bool_)
_URL[0x21:0x7F] = True
_URL[list(b'<>"{}|\\^`')] = False
_LOWER = np.arange(128).astype(np.uint32)
_LOWER[0x41:0x5B] += 32
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


@helper
def _is_word(codes, i, count):
    return 0 <= i < count and codes[i] < 128 and _WORD[codes[i]]


@helper
def _after_word(codes, i, count, word):
    """Return the index after a word of a table at ``i``, in any letter case, or -1."""
    for letter in word:
        if letter == 0:
            break
        if i >= count or codes[i] >= 128 or _LOWER[codes[i]] != letter:
            return -1
        i += 1
    return i


@helper
def _after_url(codes, i, count):
    """Return the index after the characters of a URL from ``i`` on."""
    while i < count and codes[i] < 128 and _URL[codes[i]]:
        i += 1
    return i


@helper
def after_mention(codes, i, count):
    """Return the index after a mention at ``i``, or ``i``."""
    if i < count and (codes[i] == 0x40 or codes[i] == 0xFF20):
        j = i + 1
        while _is_word(codes, j, count):
            j += 1
        if i + 1 < j <= i + 1 + LONGEST_NAME:
            return j
    return i


@helper(inline="always")
def _after_link(codes, i, count):
    """Return the index after a URL at ``i``, or after the word ``http``, ``https`` or
    ``httpurl``, or ``i``.
    """
    if not _is_word(codes, i - 1, count):
        begin = _after_word(codes, i, count, _WWW)
        end = _after_url(codes, begin, count) if begin > i else begin
        if end > begin:
            return end
    for k in range(len(_PICTURES)):
        begin = _after_word(codes, i, count, _PICTURES[k])
        if begin > i:
            return _after_url(codes, begin, count)
    http = _after_word(codes, i, count, _HTTP)
    if http < i:
        return i
    j = http
    if j < count and (codes[j] == 0x73 or codes[j] == 0x53):
        j += 1
    if (
        j + 2 < count
        and codes[j] == 0x3A
        and codes[j + 1] == 0x2F
        and codes[j + 2] == 0x2F
    ):
        return _after_url(codes, j + 3, count)
    if _is_word(codes, i - 1, count):
        return i
    if j == http:
        j = max(j, _after_word(codes, j, count, _URL_WORD))
    return i if _is_word(codes, j, count) else j


@helper(inline="always")
def _after_retweet(codes, i, count):
    """Return the index after a retweet mark, ``RT`` and a mention, at ``i``, or
    ``i``.
    """
    if (
        i + 2 < count
        and (codes[i + 1] == 0x74 or codes[i + 1] == 0x54)
        and not _is_word(codes, i - 1, count)
    ):
        j = i + 2
        while j < count and (codes[j] == 0x20 or 9 <= codes[j] <= 13):
            j += 1
        after = after_mention(codes, j, count)
        if after > j:
            return after
    return i


@helper(inline="always")
def _after_placeholder(codes, i, count):
    """Return the index after a placeholder in brackets at ``i``, or ``i``."""
    close = 0x3E if codes[i] == 0x3C else codes[i] + 2
    for k in range(len(_PLACEHOLDERS)):
        after = _after_word(codes, i + 1, count, _PLACEHOLDERS[k])
        if 0 <= after < count and codes[after] == close:
            return after + 1
    return i


@helper
def _separates(code):
    """Return whether a code point may separate a tag's name and its attributes: a
    slash, or white space other than line ends.
    """
    return code == 0x2F or code == 0x20 or code == 9 or code == 11 or code == 12


@helper
def after_tag(codes, i, count):
    """Return the index after an HTML tag at ``i``, or ``i``. A tag ends in its line,
    and contains an ``=`` if it has attributes.
    """
    first = i + 2 if i + 1 < count and codes[i + 1] == 0x2F else i + 1
    for k in range(len(_ELEMENTS)):
        at = _after_word(codes, first, count, _ELEMENTS[k])
        if not 0 <= at < count:
            continue
        if codes[at] == 0x3E:
            return at + 1
        if _separates(codes[at]):
            stop = min(count, at + 1 + ATTRIBUTES)
            bare, assigned = True, False
            while (
                at < stop
                and codes[at] != 0x3C
                and codes[at] != 0x3E
                and codes[at] != 10
                and codes[at] != 13
            ):
                bare = bare and _separates(codes[at])
                assigned = assigned or codes[at] == 0x3D
                at += 1
            closed = at < stop and codes[at] == 0x3E
            return at + 1 if closed and (bare or assigned) else i
    return i


@helper
def after_dropped(codes, i, count):
    """Return the index after the URL, mention, retweet mark, placeholder or HTML tag
    that starts at ``i``, or ``i``.
    """
    c = codes[i]
    letter = c | 0x20
    if c == 0x40 or c == 0xFF20:
        return after_mention(codes, i, count)
    if letter == 0x68 or letter == 0x77 or letter == 0x70:
        return _after_link(codes, i, count)
    if letter == 0x72:
        return _after_retweet(codes, i, count)
    if c == 0x3C or c == 0x5B or c == 0x7B:
        after = _after_placeholder(codes, i, count)
        return after_tag(codes, i, count) if after == i and c == 0x3C else after
    return i
