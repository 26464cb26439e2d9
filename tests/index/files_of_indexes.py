"""The files of an index, a forger of its manifest, and records with its tweets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import xxhash

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


def change_manifest(folder: Path, **values: Any) -> None:
    """Change the manifest, and write the correct checksum into it."""
    path = folder / "manifest.json"
    manifest = {**json.loads(path.read_text()), **values}
    outside = ("format", "version", "checksum")
    body = {key: value for key, value in manifest.items() if key not in outside}
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    manifest["checksum"] = xxhash.xxh3_128_hexdigest(text.encode())
    path.write_text(json.dumps(manifest))


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
