"""The manifest of an index: its contents, reading it, and checking files against it.
docs/format.md describes every byte on disk.

The manifest is one JSON object that is replaced atomically, so a reader never sees a
mixture of two generations of the index. It lists every other file in the folder with
its size and XXH3-128 checksum.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import xxhash

from provscan.errors import IndexFormatError, ParameterError
from provscan.opening import LARGE, read_small
from provscan.ordered_map import pool_of
from provscan.params import CANONICAL_VERSION, IndexParams
from provscan.readers import file_checksum

FORMAT = "provscan-index"
VERSION = 1
MANIFEST = "manifest.json"
SEGMENTS = "segments"
TOMBSTONES = "tombstones"
PURGES = "purges"
# The number of threads that hash or sync files. Files of up to FEW_BYTES in total are
# hashed in the calling thread.
THREADS, FEW_BYTES = 8, 4 << 20

_DIGEST = re.compile("[0-9a-f]{32}")
# The valid names of segments, and of the files in each folder.
SEGMENT_NAME = re.compile("[0-9a-f]{16}")
FILE_NAMES = {
    SEGMENTS: re.compile(r"[a-z_]+\.[a-z0-9_]+"),
    TOMBSTONES: re.compile(r"[0-9a-f]{16}-[0-9]{6,}"),
    PURGES: re.compile(r"[0-9]{6,}\.json"),
}


@dataclass(frozen=True, slots=True)
class FileInfo:
    """The size in bytes and the XXH3-128 checksum of a file."""

    bytes: int
    xxh3: str


File = TypeVar("File", bound=FileInfo)


@dataclass(frozen=True, slots=True)
class Purge(FileInfo):
    """The record of a purge, a file under ``purges/``."""

    purged: str  # The time of the purge.
    tweets: int  # The number of purged tweets.


@dataclass(frozen=True, slots=True)
class Tombstones(FileInfo):
    """The file under ``tombstones/`` that lists the forgotten tweets of a segment."""

    name: str
    tweets: int  # The number of forgotten rows of the segment.
    digest: str  # The sum of the digests of these rows, see ``SegmentInfo.digest``.


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """The manifest's entry for one segment."""

    # The name of its folder under ``segments/``, derived from its files' checksums.
    name: str
    texts: int  # The number of licensed texts, including forgotten ones.
    tweets: int  # The number of tweet rows, including forgotten ones.
    # The sum of the digests of its tweets, modulo 2**64 in each half; see
    # ``tweet_digests`` in ``provscan.index.segment.prepare``.
    digest: str
    files: dict[str, FileInfo]  # All its files, by name.
    tombstones: Tombstones | None = None  # Its forgotten tweets, if any.

    @property
    def bytes(self) -> int:
        return sum(info.bytes for info in self.files.values())

    @property
    def living(self) -> int:
        """The number of tweet rows that are not forgotten."""
        return self.tweets - (self.tombstones.tweets if self.tombstones else 0)

    def paths(self) -> dict[str, FileInfo]:
        """Return its files by their paths in the index folder."""
        found = {
            f"{SEGMENTS}/{self.name}/{name}": info for name, info in self.files.items()
        }
        if self.tombstones:
            found[f"{TOMBSTONES}/{self.tombstones.name}"] = self.tombstones
        return found

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation of an index."""

    # The parameters as the user gave them. Without a seed length, the number of texts
    # determines it.
    params: IndexParams
    segments: tuple[SegmentInfo, ...]
    # How many distinct licensed texts and tweet ids there are, without forgotten ones.
    texts: int
    tweets: int
    generation: int = 1
    # Records of purges by file name.
    purges: dict[str, Purge] = field(default_factory=dict)
    # The builder's notes: the sources of the tweets, and what was left out.
    notes: dict[str, Any] = field(default_factory=dict)
    # The number of units of a seed, in all segments; see docs/format.md for units.
    seed_length: int | None = None

    @property
    def index_params(self) -> IndexParams:
        """The parameters, with the length of the seeds."""
        return replace(self.params, seed_length=self.seed_length)

    def with_seed_length(self) -> Manifest:
        """Return the manifest with the seed length that a new index of its texts would
        have.
        """
        return replace(self, seed_length=self.params.of_texts(self.texts).seed_length)

    def as_dict(self) -> dict[str, Any]:
        return {
            "generation": self.generation,
            "fingerprint": self.fingerprint(),
            "params": self.params.as_dict(),
            "seed_length": self.seed_length,
            "texts": self.texts,
            "tweets": self.tweets,
            "segments": [segment.as_dict() for segment in self.segments],
            "purges": {name: asdict(purge) for name, purge in self.purges.items()},
            "notes": self.notes,
        }

    def fingerprint(self) -> str:
        """Return the XXH3-128 of the parameters and of the tweets that are not
        forgotten. It does not depend on how the tweets are divided into segments.
        """
        high = low = 0
        for segment in self.segments:
            for part, sign in ((segment, 1), (segment.tombstones, -1)):
                if part is not None:
                    high += sign * int(part.digest[:16], 16)
                    low += sign * int(part.digest[16:], 16)
        content = f"{self.params.fingerprint()} {digest_of((high, low))}"
        return xxhash.xxh3_128_hexdigest(content.encode())

    def files(self) -> dict[str, FileInfo]:
        """Return all files except the manifest itself, by their paths in the folder."""
        found = {
            path: info
            for segment in self.segments
            for path, info in segment.paths().items()
        }
        return found | {
            f"{PURGES}/{name}": purge for name, purge in self.purges.items()
        }

    def encoded(self) -> bytes:
        body = self.as_dict()
        head = {
            "format": FORMAT,
            "version": VERSION,
            "checksum": _checksum(body),
        }
        return (
            json.dumps({**head, **body}, indent=1, ensure_ascii=False) + "\n"
        ).encode()


def digest_of(sums: Iterable[int]) -> str:
    """Return two sums, modulo 2**64, as 32 hexadecimal digits."""
    return "".join(f"{int(number) % 2**64:016x}" for number in sums)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an index folder."""
    path = folder / MANIFEST
    if not folder.is_dir():
        raise IndexFormatError(
            f"there is no index at {folder}: build one with `provscan index CORPUS -o "
            f"{folder}`",
            in_python=f"there is no index at {folder}: pass the path of one, or build "
            f"one with provscan.build_index(corpus, {str(folder)!r})",
        )
    try:
        found = json.loads(read_small(path, LARGE))
    except FileNotFoundError:
        raise IndexFormatError(
            f"{folder} is not an index: it has no {MANIFEST}. Name another folder, or "
            "build the index again if its build did not finish",
            in_python=f"{folder} is not an index: it has no {MANIFEST}. Pass a folder "
            "that provscan.build_index wrote",
        ) from None
    except (ValueError, OSError, RecursionError) as error:
        raise IndexFormatError(
            f"{path} can't be read ({error}): restore it from a copy or build it again"
        ) from None
    kind = found.get("format") if isinstance(found, dict) else None
    if kind != FORMAT:
        raise IndexFormatError(
            f"{path} is not the manifest of a provscan index: expected format "
            f"{FORMAT!r}, found {kind!r}"
        )
    version = found.get("version")
    if version != VERSION:
        raise IndexFormatError(
            f"{path} has index version {version!r}, and this provscan reads version "
            f"{VERSION}: build the index again, or use the provscan that wrote it"
        )
    body = {
        key: value
        for key, value in found.items()
        if key not in ("format", "version", "checksum")
    }
    if found.get("checksum") != _checksum(body):
        raise IndexFormatError(
            f"{path} was changed after it was written: its checksum is wrong. Build "
            "the index again"
        )
    params = body.get("params")
    canonical = params.get("canonical_version") if isinstance(params, dict) else None
    if type(canonical) is int and canonical != CANONICAL_VERSION:
        raise IndexFormatError(
            f"{path} has canonical texts of version {canonical}, and this provscan has "
            f"version {CANONICAL_VERSION}: build the index again, or use the provscan "
            "that wrote it"
        )
    try:
        manifest = _parsed(body)
        if manifest.fingerprint() != body["fingerprint"]:
            raise ValueError("the fingerprint does not belong to the segments")
    except (AttributeError, KeyError, TypeError, ValueError, ParameterError) as error:
        raise IndexFormatError(
            f"{path} describes an index that this provscan can't read: {error}"
        ) from None
    return manifest


def _parsed(body: dict[str, Any]) -> Manifest:
    manifest = Manifest(
        IndexParams(**body["params"]),
        tuple(_segment(value) for value in body["segments"]),
        _count(body["texts"]),
        _count(body["tweets"]),
        _count(body["generation"]),
        _files(PURGES, body["purges"], Purge),
        body["notes"],
        body["seed_length"],
    )
    if manifest.index_params.seed_length != (
        manifest.params.seed_length or _count(manifest.seed_length)
    ):
        raise ValueError(
            f"seed_length is {manifest.seed_length}, which contradicts its parameters"
        )
    if not isinstance(manifest.notes, dict):
        raise TypeError(f"notes must be an object, not {manifest.notes!r}")
    if len({segment.name for segment in manifest.segments}) < len(manifest.segments):
        raise ValueError("two segments have the same name")
    return manifest


def _segment(value: dict[str, Any]) -> SegmentInfo:
    return SegmentInfo(
        _matching(SEGMENT_NAME, value["name"]),
        _count(value["texts"]),
        _count(value["tweets"]),
        _matching(_DIGEST, value["digest"]),
        _files(SEGMENTS, value["files"], FileInfo),
        _file(Tombstones, value["tombstones"]) if value["tombstones"] else None,
    )


def _files(folder: str, files: dict[str, Any], kind: type[File]) -> dict[str, File]:
    return {
        _matching(FILE_NAMES[folder], name): _file(kind, value)
        for name, value in files.items()
    }


def _file(kind: type[File], value: dict[str, Any]) -> File:
    return kind(
        **{key.name: _CHECKED[key.name](value[key.name]) for key in fields(kind)}
    )


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"unexpected value {value!r}")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"expected a count, found {value!r}")
    return value


# The check of each field of FileInfo, Purge and Tombstones.
_CHECKED: dict[str, Callable[[Any], Any]] = {
    "bytes": _count,
    "xxh3": partial(_matching, _DIGEST),
    "purged": str,
    "tweets": _count,
    "name": partial(_matching, FILE_NAMES[TOMBSTONES]),
    "digest": partial(_matching, _DIGEST),
}


def damage(path: Path, problem: str) -> IndexFormatError:
    """Return the error for a damaged file."""
    return IndexFormatError(
        f"{path} is damaged: {problem}. Restore it from a copy or build the index again"
    )


def check_files(folder: Path, files: dict[str, FileInfo], *, sums: bool = True) -> None:
    """Raise :class:`~provscan.errors.IndexFormatError` if a file is missing, if its
    size is wrong or, with ``sums``, if its checksum is wrong.
    """
    for name, info in files.items():
        path = folder / name
        try:
            found = path.stat().st_size
        except OSError as error:
            raise IndexFormatError(
                f"{path} is missing ({error.strerror}): build the index again"
            ) from None
        if found != info.bytes:
            raise IndexFormatError(
                f"{path} is damaged: expected {info.bytes:,} bytes, found {found:,}. "
                "Build the index again"
            )
    if sums:
        check_sums(folder, files)


def checksums(paths: Sequence[Path], size: int) -> list[str]:
    """Return the XXH3-128 checksums of files of ``size`` bytes in total."""
    with pool_of(THREADS if size > FEW_BYTES else 0) as pool:
        return list(pool.map(file_checksum, paths))


def check_sums(folder: Path, files: dict[str, FileInfo]) -> None:
    """Raise :class:`~provscan.errors.IndexFormatError` if a checksum is wrong."""
    size = sum(info.bytes for info in files.values())
    sums = checksums([folder / name for name in files], size)
    for (name, info), found in zip(files.items(), sums, strict=True):
        if found != info.xxh3:
            raise damage(folder / name, f"expected XXH3-128 {info.xxh3}, found {found}")


def _checksum(body: dict[str, Any]) -> str:
    return xxhash.xxh3_128_hexdigest(
        json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
    )
