"""Write an index folder.

Building goes into a folder beside the target that takes its place when it is complete, so that an interrupted build
leaves what was there before.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from provscan.errors import OutputError
from provscan.index import format as index_format
from provscan.index.format import SEGMENTS, Manifest, SegmentInfo
from provscan.index.known_tweets import KnownTweets
from provscan.index.prepare import Prepared
from provscan.index.reader import REPEATED, VERSIONS, IndexReader, open_reader
from provscan.index.segment import SegmentWriter, open_segment
from provscan.params import IndexParams


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
        known = KnownTweets()
        empty = 0
        try:
            for prepared in batches:
                batch = known.new_rows(prepared, params)
                if not writer.has_room_for(len(batch.texts)):
                    segments.append(writer.close(_name(len(segments))))
                    writer = SegmentWriter(folder / SEGMENTS / _name(len(segments)))
                writer.add(batch)
                empty += batch.empty
            segments.append(writer.close(_name(len(segments))))
        except BaseException:
            writer.discard()
            raise
        found = {
            **notes,
            "tweets_without_text": empty,
            "repeated_tweets": known.repeated,
            VERSIONS: known.versions,
            REPEATED: _repeated(folder, segments),
        }
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
