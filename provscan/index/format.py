"""The folder of an index: its manifest, how it is written and what is checked when it is read.

::

    licensed.index/
      manifest.json        this module
      segments/000001/     immutable; see provscan.index.segment

The manifest is one JSON object: ``format`` and ``version`` first, then the parameters with their fingerprint and
the segments with the size and XXH3-128 checksum of each of their files, and a checksum of itself. It is replaced as
a whole; a reader has one manifest or the other, never half of one.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from provscan.errors import IndexFormatError, ParameterError
from provscan.params import IndexParams

FORMAT = "provscan-index"
# 2: seeds have three filters in place of one bitmap. 3: other seeds. 4: postings of their pairs.
VERSION = 4
MANIFEST = "manifest.json"
SEGMENTS = "segments"
# Files that are compared with their checksums at a time.
_READERS = 2


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """What the manifest says of one segment.

    Attributes
    ----------
    name
        Folder under ``segments/``.
    texts, tweets
        Licensed texts in it, and the tweets that carry them.
    files
        Of each file its size in bytes and its XXH3-128 checksum.
    """

    name: str
    texts: int
    tweets: int
    files: dict[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Parameters, segments and free notes (who built it from what)."""

    params: IndexParams
    segments: tuple[SegmentInfo, ...]
    notes: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "params": self.params.as_dict(),
            "fingerprint": self.fingerprint(),
            "segments": [
                {
                    "name": s.name,
                    "texts": s.texts,
                    "tweets": s.tweets,
                    "files": {name: {"bytes": size, "xxh3": digest} for name, (size, digest) in s.files.items()},
                }
                for s in self.segments
            ],
            "notes": self.notes,
        }

    def fingerprint(self) -> str:
        """XXH3-128 over the parameters and all checksums: equal for equal indexes, however they were built."""
        digest = xxhash.xxh3_128(self.params.fingerprint().encode())
        for segment in self.segments:
            for name in sorted(segment.files):
                digest.update(f"{name} {segment.files[name]}\n".encode())
        return digest.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest in place, atomically."""
    body = manifest.as_dict()
    head = {"format": FORMAT, "version": VERSION, "checksum": _checksum(body)}
    temporary = folder / (MANIFEST + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump({**head, **body}, file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an index folder.

    Raises
    ------
    IndexFormatError
        There is no index, or one that this provscan can't read, or a damaged one.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise IndexFormatError(f"there is no index at {folder}: build one with `provscan index CORPUS -o {folder}`")
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise IndexFormatError(
            f"{folder} is no index: it has no {MANIFEST}. Either it is another folder, or its build did not finish; "
            "build it again"
        ) from None
    except (ValueError, OSError) as error:
        raise IndexFormatError(f"{path} can't be read ({error}): restore it from a copy or build it again") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise IndexFormatError(f"{path} is not the manifest of a provscan index: expected format {FORMAT!r}")
    if found.get("version") != VERSION:
        raise IndexFormatError(
            f"{path} has index version {found.get('version')!r}; this provscan reads version {VERSION}. It was "
            "written by another version of provscan: use that one, or build the index again"
        )
    body = {key: value for key, value in found.items() if key not in ("format", "version", "checksum")}
    if found.get("checksum") != _checksum(body):
        raise IndexFormatError(f"{path} was changed after it was written: its checksum is wrong. Build the index again")
    try:
        manifest = Manifest(
            IndexParams(**body["params"]),
            tuple(
                SegmentInfo(
                    s["name"], s["texts"], s["tweets"], {k: (v["bytes"], v["xxh3"]) for k, v in s["files"].items()}
                )
                for s in body["segments"]
            ),
            body["notes"],
        )
        if not isinstance(manifest.notes, dict):
            raise TypeError(f"notes must be an object, not {manifest.notes!r}")
    except (AttributeError, KeyError, TypeError, ParameterError) as error:
        raise IndexFormatError(f"{path} describes an index that this provscan can't read: {error}") from None
    for segment in manifest.segments:
        for name, (size, _) in segment.files.items():
            _check_size(folder / SEGMENTS / segment.name / name, size)
    return manifest


def verify(folder: Path, manifest: Manifest) -> None:
    """Compare every file with its checksum.

    Raises
    ------
    IndexFormatError
        One differs: names it.
    """
    files = [
        (folder / SEGMENTS / segment.name / name, expected)
        for segment in manifest.segments
        for name, (_, expected) in segment.files.items()
    ]
    # Reading and hashing hold no lock.
    with ThreadPoolExecutor(_READERS) as pool:
        digests = pool.map(file_checksum, (path for path, _ in files))
        for (path, expected), found in zip(files, digests, strict=True):
            if found != expected:
                pool.shutdown(wait=False, cancel_futures=True)
                raise IndexFormatError(
                    f"{path} is damaged: expected XXH3-128 {expected}, found {found}. "
                    "Restore it from a copy or build the index again"
                )


def file_checksum(path: Path) -> str:
    """XXH3-128 of a file, 32 hexadecimal digits."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(8 << 20):
            digest.update(block)
    return digest.hexdigest()


def _check_size(path: Path, expected: int) -> None:
    try:
        found = path.stat().st_size
    except OSError as error:
        raise IndexFormatError(f"{path} is missing ({error.strerror}): build the index again") from None
    if found != expected:
        raise IndexFormatError(f"{path} is damaged: expected {expected:,} bytes, found {found:,}. Build it again")


def _checksum(body: dict[str, Any]) -> str:
    return xxhash.xxh3_128_hexdigest(json.dumps(body, sort_keys=True, ensure_ascii=False).encode())
