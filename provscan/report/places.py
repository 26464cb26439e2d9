"""Shorten the names of files for a report, which does not show the folders of the
machine on which the run was made.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

FILE_URL = re.compile(r"file:///[^/]")


class Places:
    """Removes the folders of absolute paths from texts.

    Files of the dataset keep their paths below the folder that they have in common, so
    that two files with the same name can be told apart. Other paths keep their last
    part.
    """

    def __init__(self, summary: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        sources = (*summary.get("sources", ()), *info.get("inputs", ()))
        data = _folders(item["source"] for item in sources)
        common = os.path.commonpath(data) if data else "/"
        command = shlex.split(info.get("repeat") or "")
        texts = [*_strings([summary, info]), *command]
        folders = _folders(texts)
        if common != "/":
            below = {name for name in folders if f"{name}/".startswith(f"{common}/")}
            folders = folders - below | {common}
        # Replace the longest folder first, since a folder may lie within another one.
        # Slashes within a URL are not folders of this machine.
        folders |= {os.path.dirname(text) for text in texts if FILE_URL.match(text)}
        names = sorted(folders - {"/"}, key=len, reverse=True)
        pattern = "|".join(map(re.escape, names)) or "(?!)"
        self._folders = re.compile(rf"(?<![^\s'\"=:(\[,])(?:{pattern})/")

    def command(self, text: str) -> str:
        """Return a command line in which all words are shortened."""
        return shlex.join(self.shown(word) for word in shlex.split(text))

    def shown(self, value: Any) -> Any:
        """Return a value of ``summary.json`` or ``run.json`` in which all texts are
        shortened.
        """
        match value:
            case str():
                return self._folders.sub("", value)
            case Mapping():
                return {
                    self.shown(name): self.shown(item) for name, item in value.items()
                }
            case list() | tuple():
                return [self.shown(item) for item in value]
            case _:
                return value


def _folders(paths: Iterable[str]) -> set[str]:
    """Return the folders of the absolute paths."""
    return {os.path.dirname(path.rstrip("/")) for path in paths if path.startswith("/")}


def _strings(value: Any) -> list[str]:
    """Return all texts in a value."""
    match value:
        case str():
            return [value]
        case Mapping():
            return [text for item in value.values() for text in _strings(item)]
        case list() | tuple():
            return [text for item in value for text in _strings(item)]
        case _:
            return []
