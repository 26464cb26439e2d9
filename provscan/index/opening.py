"""Opening an index: its present generation, checked, without what is left out on request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from provscan.errors import IndexFormatError, UsageError
from provscan.index import format as index_format
from provscan.index.checks import check_content, check_shape, check_shards
from provscan.index.faults import survive_truncated_files
from provscan.index.folder import THREADS
from provscan.index.format import PURGES, FileInfo, Manifest, SegmentInfo
from provscan.index.reader import IndexReader, LeftOut, state_of
from provscan.index.segment import Segment, open_segment


def open_reader(
    path: str | os.PathLike[str], *, verify: bool = True, snapshot: str | None = None, without: Sequence[str] = ()
) -> IndexReader:
    """Map the present generation of an index.

    Parameters
    ----------
    path
        Its folder.
    verify
        Compare all files with their checksums and check every number in them against its bounds, which reads
        everything once. Without it, a damaged index may give wrong answers or end the process.
    snapshot
        The :attr:`IndexReader.snapshot` that it must have: that of the same index, opened elsewhere.
    without
        Names of segments to leave out, such as damaged ones; their files are not read.

    Raises
    ------
    IndexFormatError
        There is no index, or one of another version, incomplete or damaged; or not the one that is meant.
    UsageError
        There is no segment of that name, or none would be left.
    """
    folder = Path(path)
    manifest = index_format.read_manifest(folder)
    while True:
        try:
            reader = _opened(folder, manifest, verify=verify, without=without)
            break
        except (IndexFormatError, OSError) as error:
            # A writer may have removed what the manifest named when it was read.
            newer = index_format.read_manifest(folder)
            if newer.generation == manifest.generation:
                if isinstance(error, OSError):
                    raise IndexFormatError(f"{folder} can't be opened: {error}") from error
                raise
            manifest = newer
    if snapshot is not None and reader.snapshot != snapshot:
        raise IndexFormatError(f"the index {folder} was changed while it was used: run again, with --overwrite")
    return reader


def _opened(folder: Path, manifest: Manifest, *, verify: bool, without: Sequence[str]) -> IndexReader:
    survive_truncated_files()
    infos = _remaining(folder, manifest, without)
    remaining = replace(manifest, segments=tuple(infos))
    files = remaining.files()
    states = {folder / name: state_of(folder / name) for name in files}
    _check_files(folder, {name: files[name] for name in files if name.startswith(PURGES)}, verify=verify)
    segments: list[Segment] = []
    damaged: list[tuple[SegmentInfo, IndexFormatError]] = []
    for info in infos:
        try:
            segments.append(_open_checked(folder, info, remaining, verify=verify))
        except IndexFormatError as error:
            damaged.append((info, error))
    if damaged:
        if len(damaged) < len(infos) and all(info.shard is None for info, _ in damaged):
            tweets = sum(info.living for info, _ in damaged)
            options = " ".join(f"--without-segment {info.name}" for info, _ in damaged)
            damaged[0][1].add_note(f"To match without the {tweets:,} tweets in what is damaged, give {options}")
        raise damaged[0][1]
    if manifest.shards:
        check_shards(segments[: len(manifest.shards)], folder)
    bases = np.cumsum([0, *(info.texts for info in infos)])
    known = {path: state for path, state in states.items() if state}
    reader = IndexReader(folder, remaining, tuple(segments), bases, known, verify)
    if not without:
        return reader
    tweets, texts = reader.count()
    left_out = LeftOut(tuple(sorted(set(without))), manifest.tweets - tweets, manifest.texts - texts)
    return replace(reader, manifest=replace(remaining, tweets=tweets, texts=texts), left_out=left_out)


def _open_checked(folder: Path, info: SegmentInfo, manifest: Manifest, *, verify: bool) -> Segment:
    _check_files(folder, info.paths(), verify=verify)
    segment = open_segment(folder, info, manifest.index_params)
    check_shape(segment, folder)
    if verify:
        check_content(segment, folder)
    return segment


def _check_files(folder: Path, files: dict[str, FileInfo], *, verify: bool) -> None:
    index_format.check_sizes(folder, files)
    if verify:
        with ThreadPoolExecutor(THREADS) as pool:
            index_format.check_sums(folder, files, pool.map)


def _remaining(folder: Path, manifest: Manifest, without: Sequence[str]) -> list[SegmentInfo]:
    """The segments without those of some names."""
    names = [info.name for info in manifest.segments]
    if unknown := sorted(set(without) - set(names)):
        raise UsageError(
            f"{folder} has no segment {unknown[0]}, only {', '.join(names)}: leave out one of them, or none"
        )
    if shards := [info.name for info in manifest.shards if info.name in without]:
        raise UsageError(f"{shards[0]} of {folder} is a shard, without which the others can't be used: keep it")
    infos = [info for info in manifest.segments if info.name not in without]
    if not infos:
        raise UsageError(f"{folder} has no segments but those that are to be left out: keep one")
    return infos
