"""Open the current generation of an index: read the manifest, and check and map the
segments.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from provscan.errors import IndexFormatError
from provscan.index import format as index_format
from provscan.index.format import PURGES, Manifest
from provscan.index.mapped_files import stamps
from provscan.index.reader import IndexReader
from provscan.index.rebuild import check_counts, check_rebuild
from provscan.index.segment.read import Segment, open_segment

Check = Literal["lengths", "checksums", "rebuild"]


def open_reader(
    path: str | os.PathLike[str],
    *,
    check: Check = "checksums",
    snapshot: str | None = None,
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
    workers
        The number of threads for the rebuild; by default one per processor.
    """
    folder = Path(path)
    manifest = index_format.read_manifest(folder)
    while True:
        try:
            reader = _opened(folder, manifest, check)
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


def _opened(folder: Path, manifest: Manifest, check: Check) -> IndexReader:
    """Check and map the segments of a manifest; the other parameters are those of
    :func:`open_reader`.
    """
    sums = check != "lengths"
    states = stamps(folder, manifest.files())
    return IndexReader(
        path=folder,
        segments=tuple(_open_segments(folder, manifest, sums=sums)),
        bases=np.cumsum([0, *(info.texts for info in manifest.segments)]),
        manifest=manifest,
        states=states,
        verified=sums,
    )


def _open_segments(folder: Path, manifest: Manifest, *, sums: bool) -> list[Segment]:
    """Check the files of a manifest, with their checksums if ``sums`` is True, and open
    its segments.
    """
    files = manifest.files()
    purges = {name: files[name] for name in files if name.startswith(PURGES)}
    index_format.check_files(folder, purges, sums=sums)
    segments: list[Segment] = []
    for info in manifest.segments:
        index_format.check_files(folder, info.paths(), sums=sums)
        segments.append(open_segment(folder, info, manifest.index_params))
    return segments


def _check_rebuilds(reader: IndexReader, workers: int) -> None:
    """Check that rebuilding the segments from their tweets gives the same files."""
    for segment in reader.segments:
        check_rebuild(reader.path, segment, reader.params, workers)
    check_counts(reader)
