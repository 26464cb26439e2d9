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
from provscan.index.checks import check_shards
from provscan.index.format import PURGES, Manifest, SegmentInfo
from provscan.index.mapped_files import stamps, survive_truncated_files
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
    shards: Sequence[int] | None = None,
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
    shards
        The numbers of the shards to open, ascending; all by default. The reader has
        only the texts in these shards and in the segments that were added to the index.
    """
    folder = Path(path)
    manifest = index_format.read_manifest(folder)
    while True:
        try:
            reader = _opened(folder, manifest, check, without, shards)
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
    shards: Sequence[int] | None,
) -> IndexReader:
    """Check and map the segments of a manifest; the other parameters are those of
    :func:`open_reader`.
    """
    survive_truncated_files()
    left_out = (
        without
        if isinstance(without, LeftOut)
        else LeftOut(tuple(sorted(set(without))), 0, 0)
    )
    infos = _remaining(folder, manifest, left_out.segments)
    if shards is not None:
        infos = [info for info in infos if info.shard is None or info.shard in shards]
    remaining, sums = replace(manifest, segments=tuple(infos)), check != "lengths"
    states = stamps(folder, remaining.files())
    segments = _open_segments(folder, remaining, sums=sums)
    if manifest.shards and shards is None:
        check_shards(segments[: len(manifest.shards)], folder)
    reader = IndexReader(
        path=folder,
        segments=tuple(segments),
        bases=_bases(manifest, infos),
        manifest=manifest if shards is not None else remaining,
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


def _bases(manifest: Manifest, infos: Sequence[SegmentInfo]) -> np.ndarray:
    """Return the position of each segment's first text in the concatenation of all
    segments, and the end of the last; see :mod:`provscan.index.texts`.

    Numbers of texts do not depend on which shards are open. The positions of texts in
    closed shards are therefore reserved; they follow the last open shard.
    """
    sizes = [info.texts for info in infos]
    closed = sum(info.texts for info in manifest.shards if info not in infos)
    if closed:
        sizes[sum(info.shard is not None for info in infos) - 1] += closed
    return np.cumsum([0, *sizes])


def _check_rebuilds(reader: IndexReader, workers: int) -> None:
    """Check that rebuilding the segments from their tweets gives the same files."""
    damaged: Damage = []
    # Shards are rebuilt together, every other segment separately.
    count = len(reader.manifest.shards)
    groups = [[segment] for segment in reader.segments[count:]]
    for group in [list(reader.segments[:count]), *groups] if count else groups:
        try:
            check_rebuild(reader.path, group, reader.params, workers)
        except IndexFormatError as error:
            damaged.append((group[0].info, error))
    _raise_damage(damaged, reader.manifest.segments)
    if not reader.left_out.segments:
        check_counts(reader)


def _raise_damage(damaged: Damage, infos: Sequence[SegmentInfo]) -> None:
    """Raise the first error, with a note on how to leave out the damaged segments."""
    if not damaged:
        return
    if len(damaged) < len(infos) and all(info.shard is None for info, _ in damaged):
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
    if shards := [info.name for info in manifest.shards if info.name in without]:
        raise UsageError(
            f"{shards[0]} of {folder} is a shard, without which the others can't be "
            "used: keep it"
        )
    infos = [info for info in manifest.segments if info.name not in without]
    if not infos:
        raise UsageError(f"{folder} would be left without segments: keep at least one")
    return infos
