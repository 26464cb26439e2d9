"""An index folder as a whole: build one, open one.

Building goes into a folder beside the target that takes its place when it is complete, so that an interrupted build
leaves what was there before.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.errors import OutputError
from provscan.index import format as index_format
from provscan.index.format import SEGMENTS, Manifest, SegmentInfo
from provscan.index.prepare import Prepared
from provscan.index.segment import Segment, SegmentWriter, open_segment
from provscan.index.texts import Strings
from provscan.params import IndexParams
from provscan.text.arrow import buffers


@dataclass(frozen=True)
class Store:
    """An open index: one snapshot of its segments.

    Texts are numbered through: text t of segment s has number ``bases[s] + t``.
    """

    path: Path
    manifest: Manifest
    segments: tuple[Segment, ...]
    bases: np.ndarray

    @property
    def params(self) -> IndexParams:
        return self.manifest.params

    @property
    def fingerprint(self) -> str:
        return self.manifest.fingerprint()

    def verify(self) -> None:
        """Compare every file with its checksum; raises :class:`~provscan.errors.IndexFormatError`."""
        index_format.verify(self.path, self.manifest)

    def _take(self, texts: np.ndarray, what: Callable[[Segment, np.ndarray], Strings]) -> Strings:
        """Strings of some texts, whichever segments they are in."""
        if len(self.segments) == 1:
            return what(self.segments[0], texts)
        of = np.searchsorted(self.bases, texts, "right") - 1
        parts, places = [], []
        for number, segment in enumerate(self.segments):
            rows = np.flatnonzero(of == number)
            parts.append(what(segment, texts[rows] - self.bases[number]).array())
            places.append(rows)
        back = np.argsort(np.concatenate(places))
        return Strings(*buffers(pa.concat_arrays(parts).take(pa.array(back))))

    def originals(self, texts: np.ndarray) -> Strings:
        """Of each of some texts the earliest tweet's, as it came."""
        return self._take(texts, lambda segment, some: segment.originals.take(segment.earliest(some)))

    def tweet_ids(self, texts: np.ndarray) -> Strings:
        """Of each of some texts the earliest tweet's id."""
        return self._take(texts, lambda segment, some: segment.ids.take(segment.earliest(some)))

    def tweet_counts(self, texts: np.ndarray) -> np.ndarray:
        """How many tweets carry each of some texts."""
        counts = np.zeros(len(texts), np.int64)
        of = np.searchsorted(self.bases, texts, "right") - 1
        for number, segment in enumerate(self.segments):
            rows = np.flatnonzero(of == number)
            counts[rows] = segment.tweet_counts(texts[rows] - self.bases[number])
        return counts

    def info(self) -> dict[str, Any]:
        """What there is to know about the index, in types that JSON knows."""
        return {
            "path": str(self.path),
            "version": index_format.VERSION,
            "fingerprint": self.fingerprint,
            "params": self.params.as_dict(),
            "texts": sum(s.info.texts for s in self.segments),
            "tweets": sum(s.info.tweets for s in self.segments),
            "bytes": sum(size for s in self.segments for size, _ in s.info.files.values()),
            "segments": [{"name": s.info.name, "texts": s.info.texts, "tweets": s.info.tweets} for s in self.segments],
            **self.manifest.notes,
        }


def open_store(path: str | os.PathLike[str], *, verify: bool = False) -> Store:
    """Map an index.

    Parameters
    ----------
    path
        Its folder.
    verify
        Compare all files with their checksums, which reads them once.

    Raises
    ------
    IndexFormatError
        There is no index, or one of another version, incomplete or damaged.
    """
    folder = Path(path)
    manifest = index_format.read_manifest(folder)
    if verify:
        index_format.verify(folder, manifest)
    segments = tuple(open_segment(folder / SEGMENTS / info.name, info) for info in manifest.segments)
    bases = np.cumsum([0, *(info.texts for info in manifest.segments)])
    return Store(folder, manifest, segments, bases)


@contextlib.contextmanager
def replacing(target: Path, *, overwrite: bool, kind: str, mark: str) -> Iterator[Path]:
    """A fresh folder that takes the place of ``target`` when the block ends well, and vanishes when it doesn't.

    Parameters
    ----------
    target
        The folder to make.
    overwrite
        Whether an older one may go. It must hold a file ``mark``, so that no foreign folder is ever removed.
    kind
        What messages call it: "an index".

    Raises
    ------
    OutputError
        ``target`` exists and may not be replaced, or the file system refuses.
    """
    if target.exists():
        if not overwrite:
            raise OutputError(f"{target} exists already: name another place, or say --overwrite to replace it")
        if not target.is_dir() or not ((target / mark).exists() or not any(target.iterdir())):
            raise OutputError(f"{target} is not {kind}, so it is not replaced: name another place")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise OutputError(f"can't write beside {target}: {error.strerror}") from error
    try:
        temporary.chmod(0o777 & ~_umask())
        yield temporary
        if target.exists():
            retired = temporary.with_name(temporary.name + ".old")
            target.rename(retired)
            temporary.rename(target)
            shutil.rmtree(retired)
        else:
            temporary.rename(target)
    except OSError as error:
        raise OutputError(f"writing {target} failed: {error.strerror or error}. Nothing was changed") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def build_store(
    batches: Iterable[Prepared], target: Path, params: IndexParams, notes: dict[str, Any], *, overwrite: bool = False
) -> Store:
    """Write an index from prepared batches, one or more segments of up to 2**24 texts.

    ``notes`` is read when the last batch has come, so that whoever prepares them can fill it in meanwhile.
    """
    with replacing(target, overwrite=overwrite, kind="an index", mark=index_format.MANIFEST) as folder:
        segments: list[SegmentInfo] = []
        writer = _segment_writer(folder, segments, params)
        empty = 0
        for batch in batches:
            if not writer.has_room_for(len(batch.texts)):
                segments.append(writer.close(_name(segments)))
                writer = _segment_writer(folder, segments, params)
            writer.add(batch)
            empty += batch.empty
        segments.append(writer.close(_name(segments)))
        index_format.write_manifest(folder, Manifest(params, tuple(segments), {**notes, "tweets_without_text": empty}))
    return open_store(target)


def _name(segments: list[SegmentInfo]) -> str:
    return f"{len(segments) + 1:06}"


def _segment_writer(folder: Path, segments: list[SegmentInfo], params: IndexParams) -> SegmentWriter:
    return SegmentWriter(folder / SEGMENTS / _name(segments), params)
