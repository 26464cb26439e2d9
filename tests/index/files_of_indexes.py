"""The files of an index, and records that contain its tweets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import provscan

Tweet = dict[str, Any]


def files(folder: Any) -> dict[str, bytes]:
    """Return the content of every file of an index, by its path in the folder."""
    root = Path(folder)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def segments(index: provscan.Index) -> dict[str, bytes]:
    return {
        name: content
        for name, content in files(index.path).items()
        if name.startswith("segments/")
    }


def documents(tweets: list[Tweet]) -> list[str]:
    texts = [tweet["text"] for tweet in tweets]
    return [
        *texts[::2],
        *(" -- ".join(texts[n : n + 5]) for n in range(0, len(texts), 9)),
    ]
