"""Names of files as a report shows them: without the folders of the machine on which
the run was made.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any


class Places:
    """Takes the folders of absolute paths out of texts.

    Files of the dataset keep what is below the folder that they have in common, so that
    two of the same name stay apart; of any other path its last part is left.
    """

    def __init__(self, summary: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        data = _folders(
            item["source"]
            for item in (*summary.get("sources", ()), *info.get("inputs", ()))
        )
        common = os.path.commonpath(data) if data else "/"
        others = {
            item["path"]
            for name in ("unread", "ignored")
            for item in summary.get(name, ())
        }
        others |= {item["source"] for item in info.get("null_inputs") or ()}
        others |= {
            *_strings(info.get("parameters", {})),
            info.get("index", {}).get("path", ""),
        }
        others |= set(shlex.split(info.get("repeat") or ""))
        outside = {
            folder
            for folder in _folders(others)
            if common == "/" or not f"{folder}/".startswith(f"{common}/")
        }
        folders = (data if common == "/" else {common}) | outside
        # The longest first: one may lie within another. What stands within a URL is no
        # folder of this machine.
        names = "|".join(
            re.escape(folder)
            for folder in sorted(folders - {"/"}, key=len, reverse=True)
        )
        self._folders = (
            re.compile(rf"(?<![^\s'\"=:(\[,])(?:{names})/") if names else None
        )

    def shown(self, value: Any) -> Any:
        """A value of ``summary.json`` or ``run.json`` with all of its texts as they are
        shown.
        """
        match value:
            case str():
                return self._folders.sub("", value) if self._folders else value
            case Mapping():
                return {
                    self.shown(name): self.shown(item) for name, item in value.items()
                }
            case list() | tuple():
                return [self.shown(item) for item in value]
            case _:
                return value


def _folders(paths: Iterable[str]) -> set[str]:
    """The folders of those paths that are absolute."""
    return {os.path.dirname(path.rstrip("/")) for path in paths if path.startswith("/")}


def _strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case Mapping():
            return [text for item in value.values() for text in _strings(item)]
        case list() | tuple():
            return [text for item in value for text in _strings(item)]
        case _:
            return []
