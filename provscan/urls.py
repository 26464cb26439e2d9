"""Sources that the user names: paths, and URLs with their secrets hidden.

A URL may contain credentials: a user and a password before the host, a signature in
its query, or a token in its fragment. A :class:`Url` is a string without them, so that
code that prints, compares, logs or stores it can't leak them. Only :func:`opened`
returns the full address that a file system opens. A string made from a Url lacks its
credentials; to keep them in the Url of a file in a folder, use :func:`below`.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import SupportsIndex
from urllib.parse import unquote, urlsplit

SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
# The beginning of a URL in which pathlib has replaced the two slashes by one.
COLLAPSED = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+:)/(?=[^/])")
# The authority, between "://" and the path. In a chained URL, "::" and another scheme
# end it.
AUTHORITY = re.compile(r"(?<=://)(?:(?!::[a-zA-Z][a-zA-Z0-9+.-]*://)[^/])+")
HOST = re.compile(r"(?:[^\s:\[\]]*|\[[^\s\[\]]*\])(?::[0-9]*)?")
# The characters that separate the parts of a URL.
PARTS = re.compile(r"[/:@?#&=]+")
# A URL in a sentence, and the punctuation after the URL.
MENTIONED = re.compile(r"([\w+.:=-]*://\S*?)([)\]}>'\",;:.]*)(?=\s|$)")


def _shown(url: str) -> str:
    """Return a URL without user, password, query and fragment; only its scheme if
    these can't be separated safely, such as when a password contains a slash.
    """
    scheme, _, rest = url.partition("://")
    place, *hidden = re.split(r"[?#]", rest, maxsplit=1)
    address = f"{scheme}://{place}"
    password_is_split = "@" in "".join(hidden) and "/" not in place
    if password_is_split or not all(
        HOST.fullmatch(_host(found)) for found in AUTHORITY.finditer(address)
    ):
        return f"{scheme}://"
    return AUTHORITY.sub(_host, address)


def _host(authority: re.Match[str]) -> str:
    return authority[0].rpartition("@")[2]


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
    """Return a path as it is given, or a :class:`Url` if it contains "://"."""
    if isinstance(given, Url):
        return given
    text = os.fspath(given)
    collapsed = COLLAPSED.match(text) if isinstance(given, PurePath) else None
    if collapsed is not None and not os.path.exists(collapsed[1]):
        text = f"{collapsed[1]}//{text[collapsed.end() :]}"
    return Url(text) if "://" in text else text


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

    return url2pathname(urlsplit(opened(source)).path)


def without_secrets(text: str, url: str = "") -> str:
    """Return a message, such as one of another library, without the secrets in its
    URLs and without the secrets of ``url``.
    """
    text = (
        MENTIONED.sub(lambda found: _shown(found[1]) + found[2], text)
        if "://" in text
        else text
    )
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
