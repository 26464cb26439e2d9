"""Opening an index: its present generation, checked, without what is left out on
request.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from provscan.errors import IndexFormatError, UsageError
from provscan.index import format as index_format
from provscan.index.checked import is_marked, key_of, mark_checked
from provscan.index.checks import check_content, check_shape, check_shards
from provscan.index.folder import threads_for
from provscan.index.format import MANIFEST, PURGES, FileInfo, Manifest, SegmentInfo
from provscan.index.reader import IndexReader, LeftOut, stamps
from provscan.index.rebuild import check_counts, check_made_again
from provscan.index.segment.read import Segment, open_segment
from provscan.index.truncation import survive_truncated_files
from provscan.ordered_map import pool_of

Check = Literal["lengths", "compared", "checksums", "changes", "once", "again"]
# A mark (:mod:`provscan.index.checked`) and the files that it is for.
Mark = tuple[str, list[Path]]
# Of marks of files whose checksums were compared, and which were not made again.
SUMS = "checksums"
OnCheck = Callable[[int, int], None]


def open_reader(
    path: str | os.PathLike[str],
    *,
    check: Check = "once",
    snapshot: str | None = None,
    without: Sequence[str] | LeftOut = (),
    workers: int | None = None,
    on_check: OnCheck | None = None,
    shards: Sequence[int] | None = None,
) -> IndexReader:
    """Map the present generation of an index.

    `check` is what is checked of its files. ``"lengths"``: nothing but these, for an
    index that was checked before in the same command. ``"checksums"``: these as well.
    ``"compared"``: the same, unless they were compared before and nothing has changed
    the files since. ``"again"``: also whether it is what provscan makes from the tweets
    in it, which takes as long as building it. ``"once"``: the same, but no more than
    checksums if that was done before and nothing has changed the files since.
    ``"changes"``: not even these then.

    `snapshot` is the :attr:`IndexReader.snapshot` that it must have: that of the same
    index, opened elsewhere. `without` names segments to leave out, such as damaged
    ones; their files are not read, and what is left is counted, unless a reader that
    has done so says what it left out. `on_check` is called while the index is made
    again, with the number of tweets that are read, from 0 on, and of all. `shards` are
    the numbers of those to open, ascending, if not all: the reader then knows the texts
    in these, and in what was added to the index, and only lengths are checked.
    """
    folder = Path(path)
    manifest = index_format.read_manifest(folder)
    while True:
        try:
            if shards is None:
                reader = _opened(
                    folder,
                    manifest,
                    check,
                    without,
                    workers or os.cpu_count() or 1,
                    on_check,
                )
            else:
                reader = _opened_shards(folder, manifest, shards)
            break
        except (IndexFormatError, OSError) as error:
            # A writer may have removed what the manifest named when it was read.
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
            f"the index {folder} was changed while it was used: open it again and run "
            "again, with --overwrite"
        )
    return reader


def open_written(path: str | os.PathLike[str]) -> IndexReader:
    """Map an index that this process has just written, or added to after it was
    checked: it needs no check.
    """
    reader = open_reader(path, check="lengths")
    for key, paths in _marks(reader.path, reader.manifest):
        mark_checked(key, paths)
    return reader


def _opened(
    folder: Path,
    manifest: Manifest,
    check: Check,
    without: Sequence[str] | LeftOut,
    workers: int,
    on_check: OnCheck | None,
) -> IndexReader:
    survive_truncated_files()
    left_out = (
        without
        if isinstance(without, LeftOut)
        else LeftOut(tuple(sorted(set(without))), 0, 0)
    )
    infos = _remaining(folder, manifest, left_out.segments)
    remaining = replace(manifest, segments=tuple(infos))
    files = remaining.files()
    states = stamps(folder, files)
    marks = [] if check in ("lengths", "checksums") else _marks(folder, remaining)
    trusted = bool(marks) and check != "again" and is_marked(marks[-1][0])
    compared = check == "compared" and (trusted or is_marked(marks[-1][0], SUMS))
    sums = check != "lengths" and not (check == "changes" and trusted) and not compared
    _check_files(
        folder,
        {name: files[name] for name in files if name.startswith(PURGES)},
        sums=sums,
    )
    segments: list[Segment] = []
    damaged: list[tuple[SegmentInfo, IndexFormatError]] = []
    for info in infos:
        try:
            _check_files(folder, info.paths(), sums=sums)
            segments.append(open_segment(folder, info, remaining.index_params))
            check_shape(segments[-1], folder)
        except IndexFormatError as error:
            damaged.append((info, error))
    _raise_damage(damaged, infos)
    if manifest.shards:
        check_shards(segments[: len(manifest.shards)], folder)
    bases = np.cumsum([0, *(info.texts for info in infos)])
    reader = IndexReader(
        folder,
        remaining,
        tuple(segments),
        bases,
        states,
        bool(marks) and check != "compared",
    )
    if check == "compared":
        if sums:
            mark_checked(*marks[-1], SUMS)
    elif marks and not trusted:
        pending = [check == "again" or not is_marked(key) for key, _ in marks]
        # What is left of an index is counted anew at each opening.
        pending[-1] &= not left_out.segments
        _check_all(
            reader, marks, pending, workers, on_check or (lambda done, total: None)
        )
    if not left_out.segments:
        return reader
    if left_out is not without:
        tweets, texts = reader.count()
        left_out = left_out._replace(
            tweets=manifest.tweets - tweets, texts=manifest.texts - texts
        )
    counted = replace(
        remaining,
        tweets=manifest.tweets - left_out.tweets,
        texts=manifest.texts - left_out.texts,
    )
    return replace(reader, manifest=counted, left_out=left_out)


def _opened_shards(
    folder: Path, manifest: Manifest, shards: Sequence[int]
) -> IndexReader:
    survive_truncated_files()
    infos = [
        info for info in manifest.segments if info.shard is None or info.shard in shards
    ]
    files = replace(manifest, segments=tuple(infos)).files()
    states = stamps(folder, files)
    segments = []
    for info in infos:
        _check_files(folder, info.paths(), sums=False)
        segments.append(open_segment(folder, info, manifest.index_params))
        check_shape(segments[-1], folder)
    total = sum(info.texts for info in manifest.shards)
    # The numbers of the other shards' texts follow those of the last one here, before
    # those of what was added.
    counts = [info.texts for info in infos if info.shard is not None]
    added = [info.texts for info in infos if info.shard is None]
    bases = np.concatenate(
        [[0], np.cumsum(counts[:-1]), total + np.cumsum([0, *added])]
    ).astype(np.int64)
    return IndexReader(folder, manifest, tuple(segments), bases, states)


def _groups(manifest: Manifest) -> list[tuple[SegmentInfo, ...]]:
    """Segments that are made together: all shards, and each other one alone."""
    others = [(info,) for info in manifest.segments if info.shard is None]
    return [manifest.shards, *others] if manifest.shards else list(others)


def _marks(folder: Path, manifest: Manifest) -> list[Mark]:
    """The marks of each group of segments and, as the last one, of all that the
    manifest says.
    """
    named = [
        [name for info in group for name in info.paths()] for group in _groups(manifest)
    ]
    marks = []
    for names in (*named, [MANIFEST, *manifest.files()]):
        paths = [folder / name for name in names]
        try:
            marks.append((key_of(paths), paths))
        except OSError:  # a missing file is reported by whoever opens it
            marks.append(("missing", paths))
    return marks


def _check_all(
    reader: IndexReader,
    marks: list[Mark],
    pending: list[bool],
    workers: int,
    on_check: OnCheck,
) -> None:
    """Check whether the segments that are pending are what is made from their tweets,
    and mark those that are.
    """
    damaged: list[tuple[SegmentInfo, IndexFormatError]] = []
    rest, groups = reader.segments, _groups(reader.manifest)
    done, total = (
        0,
        sum(
            info.tweets
            for infos, due in zip(groups, pending, strict=False)
            if due
            for info in infos
        ),
    )
    on_check(done, total)

    def advance(tweets: int) -> None:
        nonlocal done
        done += tweets
        on_check(done, total)

    for infos, due, (key, paths) in zip(groups, pending, marks, strict=False):
        group, rest = rest[: len(infos)], rest[len(infos) :]
        if not due:
            continue
        try:
            for segment in group:
                check_content(segment, reader.path)
            check_made_again(reader.path, group, reader.params, workers, advance)
        except IndexFormatError as error:
            damaged.append((infos[0], error))
        else:
            mark_checked(key, paths)
    _raise_damage(damaged, reader.manifest.segments)
    if pending[-1]:
        check_counts(reader)
        mark_checked(*marks[-1])


def _raise_damage(
    damaged: list[tuple[SegmentInfo, IndexFormatError]], infos: Sequence[SegmentInfo]
) -> None:
    """Raise the first error, with a note on how to match without what is damaged."""
    if not damaged:
        return
    if len(damaged) < len(infos) and all(info.shard is None for info, _ in damaged):
        tweets = sum(info.living for info, _ in damaged)
        options = " ".join(f"--without-segment {info.name}" for info, _ in damaged)
        damaged[0][1].add_note(
            f"To match without the {tweets:,} tweets in what is damaged, give {options}"
        )
    raise damaged[0][1]


def _check_files(folder: Path, files: dict[str, FileInfo], *, sums: bool) -> None:
    index_format.check_sizes(folder, files)
    if sums:
        with pool_of(threads_for(sum(info.bytes for info in files.values()))) as pool:
            index_format.check_sums(folder, files, pool.map)


def _remaining(
    folder: Path, manifest: Manifest, without: Sequence[str]
) -> list[SegmentInfo]:
    """The segments without those of some names."""
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
