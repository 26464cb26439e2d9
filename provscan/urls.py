"""Sources that the user names: paths, and URLs with their secrets hidden.

A URL may contain credentials: a user and a password before the host, a signature in
its query, or a token in its fragment. A :class:`Url` is a string without them, so that
code that prints, compares, logs or stores it can't leak them. Only :func:`opened`
returns the full address that a file system opens. A string made from a Url lacks its
credentials; to keep them in the Url of a file in a folder, use :func:`below`.

People also mistype URLs, as in ``http:/me:secret@host`` or ``//me:secret@host``. Such a
word is no URL, and no file is found; but messages and results must not show its
secrets either, so it becomes a :class:`Url` that is shown with ``***`` in their place.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import SupportsIndex
from urllib.parse import unquote

SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
# The beginning of a URL in which pathlib has replaced the two slashes by one.
COLLAPSED = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+:)/(?=[^/])")
# The authority, between "://" and the path. In a chained URL, "::" and another scheme
# end it.
AUTHORITY = re.compile(r"(?<=://)(?:(?!::[a-zA-Z][a-zA-Z0-9+.-]*://)[^/])+")
HOST = re.compile(r"(?:[^\s:\[\]]*|\[[^\s\[\]]*\])(?::[0-9]*)?")
# The characters that separate the parts of a URL.
PARTS = re.compile(r"[/:@?#&=]+")
# What separates a path from a query, a parameter or a fragment.
ENDS = re.compile(r"[?#]|(?:[;&]|%3[bf]|%26|%23)(?=[\w.~%-]*(?:=|%3d))", re.IGNORECASE)
# The beginning of a mistyped URL: only slashes, or a scheme that is not followed by
# exactly two slashes.
_SLASH = r"(?:[/\\]|%2f)"
_SCHEME = r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]+(?::|%3a)(?!//(?!/))"
_KNOWN = r"(?:https?|ftps?|sftp|ssh|s3a?|gc?s|az|abfss?|hf|hdfs)(?::|%3a)(?!//(?!/))"
_MISTYPED = rf"(?:{_SCHEME}{_SLASH}+|\b{_KNOWN}{_SLASH}*|(?<![\w:/\\.]){_SLASH}{{2,}})"
MISTYPED_USER = re.compile(rf"({_MISTYPED})\S*(?=@|%40)", re.IGNORECASE)
# A query with a name and a value, or anything after the path of a mistyped URL.
MISTYPED_QUERY = re.compile(
    rf"({_MISTYPED}[^\s?#;]*?(?:[?#;]|%3f|%3b|%23)"
    r"|(?:[?;&#]|%3[bf]|%26|%23)(?=[\w.~%-]*(?:=|%3d)))"
    r"\S*?(?=[)\]}>'\",;:.]*(?:\s|$))",
    re.IGNORECASE,
)
SPACE = "\ue000"  # Stands for a space within a word.
# A URL in a sentence, and the punctuation after the URL.
MENTIONED = re.compile(r"([\w+.:=-]*://\S*?)([)\]}>'\",;:.]*)(?=\s|$)")


def _shown(url: str) -> str:
    """Return a URL without user, password, query and fragment; only its scheme if
    these can't be separated safely, such as when a password contains a slash.
    """
    scheme, _, rest = url.partition("://")
    place, *hidden = ENDS.split(rest, maxsplit=1)
    address = f"{scheme}://{place}"
    password_is_split = "@" in "".join(hidden) and "/" not in place
    if password_is_split or not all(
        HOST.fullmatch(_host(found)) for found in AUTHORITY.finditer(address)
    ):
        return f"{scheme}://"
    return _masked(AUTHORITY.sub(_host, address))


def _masked(text: str) -> str:
    """Return a text with the secrets of mistyped URLs replaced by ``***``."""
    if not any(sign in text for sign in "@=?#;%"):
        return text
    return MISTYPED_QUERY.sub(r"\1***", MISTYPED_USER.sub(r"\1***", text))


def _host(authority: re.Match[str]) -> str:
    return re.split("@|%40", authority[0])[-1]


class Url(str):
    """A URL in the form that can be shown. Two objects are equal if their full
    addresses are equal.
    """

    __slots__ = ("_opened",)
    _opened: str

    def __new__(cls, opened: str, shown: str | None = None) -> Url:
        url = super().__new__(cls, _shown(opened) if shown is None else shown)
        url._opened = opened
        return url

    def __eq__(self, other: object) -> bool:
        return (
            self._opened == other._opened
            if isinstance(other, Url)
            else super().__eq__(other)
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __reduce_ex__(
        self, protocol: SupportsIndex
    ) -> tuple[type[Url], tuple[str, str]]:
        return Url, (self._opened, str(self))


def source_of(given: str | os.PathLike[str]) -> str:
    """Return a path as it is given, or a :class:`Url` if it contains "://", or if it
    seems to be a mistyped URL with secrets and no file has this name.
    """
    if isinstance(given, Url):
        return given
    text = os.fspath(given)
    collapsed = COLLAPSED.match(text) if isinstance(given, PurePath) else None
    if collapsed is not None and not os.path.exists(collapsed[1]):
        text = f"{collapsed[1]}//{text[collapsed.end() :]}"
    if "://" in text:
        return Url(text)
    # A secret may contain spaces.
    masked = _masked(text.replace(" ", SPACE)).replace(SPACE, " ")
    mistyped = masked != text and "\0" not in text and not os.path.lexists(text)
    return Url(text, masked) if mistyped else text


def opened(source: str) -> str:
    """Return the address that a file system opens, with the secrets of a URL."""
    return source._opened if isinstance(source, Url) else source


def below(folder: str, name: str) -> str:
    """Return the path of a file or folder inside ``folder``. The query and fragment of
    a URL are dropped, since they apply only to the folder.
    """
    place = f"{folder.rstrip('/')}/{name}"
    if not isinstance(folder, Url):
        return place
    return Url(
        f"{re.split('[?#]', opened(folder), maxsplit=1)[0].rstrip('/')}/{name}", place
    )


def is_remote(path: str | os.PathLike[str]) -> bool:
    return SCHEME.match(os.fspath(path)) is not None


def local_path(source: str) -> str:
    """Return the path in a URL with the scheme ``file``, and any other source as it
    is.
    """
    if not source.startswith("file://"):
        return source
    # Imported here, since it loads http and ssl.
    from urllib.request import url2pathname

    # urlsplit refuses some mistyped authorities, such as "[".
    place = re.split("[?#]", opened(source).removeprefix("file://"), maxsplit=1)[0]
    _, slash, path = place.partition("/")
    return url2pathname(slash + path)


def without_secrets(text: str, url: str = "") -> str:
    """Return a message, such as one of another library, without the secrets in its
    URLs and without the secrets of ``url``.
    """
    text = (
        MENTIONED.sub(lambda found: _shown(found[1]) + found[2], text)
        if "://" in text
        else text
    )
    text = _masked(text)
    if isinstance(url, Url):
        # Libraries may also quote parts of a URL.
        words = {word for word in PARTS.split(opened(url)) if len(word) > 2} - set(
            PARTS.split(url)
        )
        words |= {
            found[0].rpartition("@")[0] for found in AUTHORITY.finditer(opened(url))
        } - {""}
        for word in sorted(words | set(map(unquote, words)), key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "***", text)
    return text
