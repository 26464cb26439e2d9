"""Open the current generation of an index: read the manifest, and check and map the
segments, except those that the user wants to leave out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from provscan.errors import IndexFormatError, UsageError
from provscan.index import format as index_format
from provscan.index.format import PURGES, Manifest, SegmentInfo
from provscan.index.mapped_files import stamps
from provscan.index.reader import IndexReader, LeftOut
from provscan.index.rebuild import check_counts, check_rebuild
from provscan.index.segment.read import Segment, open_segment
from provscan.names import counted

Check = Literal["lengths", "checksums", "rebuild"]
Damage = list[tuple[SegmentInfo, IndexFormatError]]


def open_reader(
    path: str | os.PathLike[str],
    *,
    check: Check = "checksums",
    snapshot: str | None = None,
    without: Sequence[str] | LeftOut = (),
    workers: int | None = None,
) -> IndexReader:
    """Map the current generation of an index.

    Parameters
    ----------
    check
        How thoroughly to check the files. ``"lengths"`` compares their lengths, for an
        index that the same command has already checked. ``"checksums"`` also compares
        their checksums. ``"rebuild"`` also rebuilds the index from its tweets and
        compares the files; this takes as long as building the index, and detects files
        that were forged together with their checksums.
    snapshot
        The :attr:`IndexReader.snapshot` that the index must have, such as that of a
        reader in another process.
    without
        The names of segments to leave out, such as damaged ones; their files are not
        read. The missing tweets are counted by reading all others, unless an earlier
        reader's :class:`LeftOut` is given.
    workers
        The number of threads for the rebuild; by default one per processor.
    """
    folder = Path(path)
    manifest = index_format.read_manifest(folder)
    while True:
        try:
            reader = _opened(folder, manifest, check, without)
            if check == "rebuild":
                _check_rebuilds(reader, workers or os.cpu_count() or 1)
            break
        except (IndexFormatError, OSError) as error:
            # A writer may have removed files since the manifest was read.
            newer = index_format.read_manifest(folder)
            if newer.generation == manifest.generation:
                if isinstance(error, OSError):
                    raise IndexFormatError(
                        f"{folder} can't be opened: {error}"
                    ) from error
                raise
            manifest = newer
    if snapshot is not None and reader.snapshot != snapshot:
        raise IndexFormatError(
            f"the index {folder} was changed while it was in use: open it again and "
            "run again, with --overwrite"
        )
    return reader


def open_written(path: str | os.PathLike[str]) -> IndexReader:
    """Map an index that this process has just written and that needs no check."""
    return replace(open_reader(path, check="lengths"), verified=True)


def _opened(
    folder: Path,
    manifest: Manifest,
    check: Check,
    without: Sequence[str] | LeftOut,
) -> IndexReader:
    """Check and map the segments of a manifest; the other parameters are those of
    :func:`open_reader`.
    """
    left_out = (
        without
        if isinstance(without, LeftOut)
        else LeftOut(tuple(sorted(set(without))), 0, 0)
    )
    infos = _remaining(folder, manifest, left_out.segments)
    remaining, sums = replace(manifest, segments=tuple(infos)), check != "lengths"
    states = stamps(folder, remaining.files())
    segments = _open_segments(folder, remaining, sums=sums)
    reader = IndexReader(
        path=folder,
        segments=tuple(segments),
        bases=np.cumsum([0, *(info.texts for info in infos)]),
        manifest=remaining,
        states=states,
        verified=sums,
        left_out=left_out,
    )
    if not left_out.segments:
        return reader
    if left_out is not without:
        tweets, texts = reader.count()
        left_out = left_out._replace(
            tweets=manifest.tweets - tweets, texts=manifest.texts - texts
        )
    remaining = replace(
        remaining,
        tweets=manifest.tweets - left_out.tweets,
        texts=manifest.texts - left_out.texts,
    )
    return replace(reader, manifest=remaining, left_out=left_out)


def _open_segments(folder: Path, manifest: Manifest, *, sums: bool) -> list[Segment]:
    """Check the files of a manifest, with their checksums if ``sums`` is True, and open
    its segments. An error lists all damaged segments.
    """
    files = manifest.files()
    purges = {name: files[name] for name in files if name.startswith(PURGES)}
    index_format.check_files(folder, purges, sums=sums)
    segments: list[Segment] = []
    damaged: Damage = []
    for info in manifest.segments:
        try:
            index_format.check_files(folder, info.paths(), sums=sums)
            segments.append(open_segment(folder, info, manifest.index_params))
        except IndexFormatError as error:
            damaged.append((info, error))
    _raise_damage(damaged, manifest.segments)
    return segments


def _check_rebuilds(reader: IndexReader, workers: int) -> None:
    """Check that rebuilding the segments from their tweets gives the same files."""
    damaged: Damage = []
    for segment in reader.segments:
        try:
            check_rebuild(reader.path, segment, reader.params, workers)
        except IndexFormatError as error:
            damaged.append((segment.info, error))
    _raise_damage(damaged, reader.manifest.segments)
    if not reader.left_out.segments:
        check_counts(reader)


def _raise_damage(damaged: Damage, infos: Sequence[SegmentInfo]) -> None:
    """Raise the first error, with a note on how to leave out the damaged segments."""
    if not damaged:
        return
    if len(damaged) < len(infos):
        tweets = sum(info.living for info, _ in damaged)
        options = " ".join(f"--without-segment {info.name}" for info, _ in damaged)
        damaged[0][1].add_note(
            f"To match without {counted(tweets, 'tweet')} in damaged segments, "
            f"add {options}"
        )
    raise damaged[0][1]


def _remaining(
    folder: Path, manifest: Manifest, without: Sequence[str]
) -> list[SegmentInfo]:
    """Return the segments except those with the given names."""
    names = [info.name for info in manifest.segments]
    if unknown := sorted(set(without) - set(names)):
        raise UsageError(
            f"{folder} has no segment {unknown[0]}, only {', '.join(names)}: leave out "
            "one of them, or none"
        )
    infos = [info for info in manifest.segments if info.name not in without]
    if not infos:
        raise UsageError(f"{folder} would be left without segments: keep at least one")
    return infos
