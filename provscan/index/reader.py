"""An index folder as a whole: build one, open one.

Building goes into a folder beside the target that takes its place when it is complete, so that an interrupted build
leaves what was there before.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.errors import OutputError
from provscan.index import format as index_format
from provscan.index.format import SEGMENTS, Manifest, SegmentInfo
from provscan.index.prepare import NO_TIME, Prepared
from provscan.index.segment import Segment, SegmentWriter, open_segment
from provscan.index.texts import Strings
from provscan.params import IndexParams
from provscan.text.arrow import buffers

# Note in the manifest: texts that stand in a segment before theirs as well.
REPEATED = "repeated_texts"


@dataclass(frozen=True)
class IndexReader:
    """An open index: one snapshot of its segments.

    Texts are numbered through: text t of segment s has number ``bases[s] + t``. A text that stands in several
    segments has a number in each; whichever is asked for, its tweets are those of all of them.
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

    @property
    def texts(self) -> int:
        """Number of licensed texts; one that stands in several segments counts once."""
        return int(self.bases[-1]) - int(self.manifest.notes.get(REPEATED, 0))

    @cached_property
    def longest(self) -> int:
        """Bytes of the longest canonical text."""
        return max((int(np.diff(s.texts.offsets).max(initial=0)) for s in self.segments), default=0)

    def codes(self, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Canonical code points of some texts: uint32[m] and int64 offsets[n + 1]."""
        of = np.searchsorted(self.bases, texts, "right") - 1
        strings = _gathered([segment.texts for segment in self.segments], of, texts - self.bases[of])
        return strings.codes(np.arange(len(texts)))

    def originals(self, texts: np.ndarray) -> Strings:
        """Of each of some texts the earliest tweet's, as it came."""
        return _gathered([segment.originals for segment in self.segments], *self._earliest(texts))

    def tweet_ids(self, texts: np.ndarray) -> Strings:
        """Of each of some texts the earliest tweet's id."""
        return _gathered([segment.ids for segment in self.segments], *self._earliest(texts))

    def earliest_tweets(self, texts: np.ndarray) -> pa.Table:
        """Of each of some texts the earliest tweet: ``tweet_id``, ``tweet`` as it came, ``author``, ``time`` in UTC."""
        of, rows = self._earliest(texts)
        places = [np.flatnonzero(of == number) for number in range(len(self.segments))]
        parts = [
            segment.tweets().select(["author", "time"]).take(pa.array(rows[place]))
            for segment, place in zip(self.segments, places, strict=True)
        ]
        about = pa.concat_tables(parts).take(pa.array(np.argsort(np.concatenate(places))))
        time = pc.if_else(pc.equal(about["time"], int(NO_TIME)), pa.scalar(None, pa.int64()), about["time"])
        return pa.table(
            {
                "tweet_id": self.tweet_ids(texts).array().cast(pa.string()),
                "tweet": self.originals(texts).array(),
                "author": about["author"].cast(pa.string()),
                "time": time.cast(pa.timestamp("ms", "UTC")),
            }
        )

    def tweet_counts(self, texts: np.ndarray) -> np.ndarray:
        """How many tweets carry each of some texts, in all segments."""
        if len(self.segments) == 1:
            return self.segments[0].tweet_counts(texts)
        counts = np.zeros(len(texts), np.int64)
        for segment, numbers in zip(self.segments, self._everywhere(texts), strict=True):
            here = np.flatnonzero(numbers >= 0)
            counts[here] += segment.tweet_counts(numbers[here])
        return counts

    def _everywhere(self, texts: np.ndarray) -> np.ndarray:
        """int64[segments, n]: the number that each text has in each segment, -1 where it doesn't stand."""
        of = np.searchsorted(self.bases, texts, "right") - 1
        strings = _gathered([segment.texts for segment in self.segments], of, texts - self.bases[of])
        return np.stack([segment.equal_texts(strings) for segment in self.segments])

    def _earliest(self, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Segment and row in it of the earliest tweet of each text; of equally early ones, the first that came."""
        if len(self.segments) == 1:
            return np.zeros(len(texts), np.int64), self.segments[0].earliest(texts)
        of, row, time = np.full(len(texts), -1), np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
        for number, numbers in enumerate(self._everywhere(texts)):
            here = np.flatnonzero(numbers >= 0)
            rows = self.segments[number].earliest(numbers[here])
            times = pc.fill_null(self._times[number].take(pa.array(rows)), int(NO_TIME)).to_numpy()
            better = (of[here] < 0) | (times < time[here])
            here = here[better]
            of[here], row[here], time[here] = number, rows[better], times[better]
        return of, row

    @cached_property
    def _times(self) -> list[pa.ChunkedArray]:
        """Of each segment the tweets' times, mapped."""
        return [segment.tweets().column("time") for segment in self.segments]

    def info(self) -> dict[str, Any]:
        """What there is to know about the index, in types that JSON knows."""
        return {
            "path": str(self.path),
            "version": index_format.VERSION,
            "fingerprint": self.fingerprint,
            "params": self.params.as_dict(),
            "texts": self.texts,
            "tweets": sum(s.info.tweets for s in self.segments),
            "bytes": sum(size for s in self.segments for size, _ in s.info.files.values()),
            "segments": [{"name": s.info.name, "texts": s.info.texts, "tweets": s.info.tweets} for s in self.segments],
            **self.manifest.notes,
        }


def open_reader(path: str | os.PathLike[str], *, verify: bool = False) -> IndexReader:
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
    return IndexReader(folder, manifest, segments, bases)


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
    if os.path.lexists(target):
        if not overwrite:
            raise OutputError(f"{target} exists already: name another place, or say --overwrite to replace it")
        if not target.is_dir() or not ((target / mark).exists() or not any(target.iterdir())):
            raise OutputError(f"{target} is not {kind}, so it is not replaced: name another place")
    # Where the target is a link, what it leads to is replaced.
    place = Path(os.path.realpath(target))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    except OSError as error:
        raise OutputError(f"can't write beside {target}: {error.strerror}") from error
    try:
        temporary.chmod(0o777 & ~_umask())
        yield temporary
        _put(temporary, place)
    except OSError as error:
        raise OutputError(f"writing {target} failed: {error.strerror or error}. Nothing was changed") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, place: Path) -> None:
    """Move a folder to its place; what was there goes afterwards, or comes back."""
    if not place.exists():
        temporary.rename(place)
        return
    retired = temporary.with_name(temporary.name + ".old")
    place.rename(retired)
    try:
        temporary.rename(place)
    except BaseException:
        retired.rename(place)
        raise
    # It is replaced already: what can't be removed is no reason to say it failed.
    shutil.rmtree(retired, ignore_errors=True)


def _gathered(columns: list[Strings], of: np.ndarray, rows: np.ndarray) -> Strings:
    """String ``rows[i]`` of column ``of[i]``, for every i."""
    if len(columns) == 1:
        return columns[0].take(rows)
    places = [np.flatnonzero(of == number) for number in range(len(columns))]
    parts = [column.take(rows[place]).array() for column, place in zip(columns, places, strict=True)]
    back = np.argsort(np.concatenate(places))
    return Strings(*buffers(pa.concat_arrays(parts).take(pa.array(back))))


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_index(
    batches: Iterable[Prepared], target: Path, params: IndexParams, notes: dict[str, Any], *, overwrite: bool = False
) -> IndexReader:
    """Write an index from prepared batches, one or more segments of up to 2**24 texts.

    ``notes`` is read when the last batch has come, so that whoever prepares them can fill it in meanwhile.
    """
    with replacing(target, overwrite=overwrite, kind="an index", mark=index_format.MANIFEST) as folder:
        segments: list[SegmentInfo] = []
        writer = SegmentWriter(folder / SEGMENTS / _name(0))
        empty = 0
        try:
            for batch in batches:
                if not writer.has_room_for(len(batch.texts)):
                    segments.append(writer.close(_name(len(segments))))
                    writer = SegmentWriter(folder / SEGMENTS / _name(len(segments)))
                writer.add(batch)
                empty += batch.empty
            segments.append(writer.close(_name(len(segments))))
        except BaseException:
            writer.discard()
            raise
        found = {**notes, "tweets_without_text": empty, REPEATED: _repeated(folder, segments)}
        index_format.write_manifest(folder, Manifest(params, tuple(segments), found))
    return open_reader(target)


def _name(number: int) -> str:
    return f"{number + 1:06}"


def _repeated(folder: Path, infos: list[SegmentInfo]) -> int:
    """Texts that stand in a segment before theirs as well. They share one row of matches: see :class:`IndexReader`."""
    segments = [open_segment(folder / SEGMENTS / info.name, info) for info in infos]
    total = 0
    for number, segment in enumerate(segments[1:], 1):
        for low in range(0, len(segment.texts), 1 << 18):
            some = segment.texts.take(np.arange(low, min(low + (1 << 18), len(segment.texts))))
            before = [earlier.equal_texts(some) >= 0 for earlier in segments[:number]]
            total += int(np.count_nonzero(np.any(before, axis=0)))
    return total
