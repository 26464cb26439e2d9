"""Reuse the parts of a run that is replaced, so that only new or changed files are
scanned.

:func:`keep_parts` writes the parts of a run to :data:`SCANNED_FILE` in its folder. When
a later run replaces it, :func:`with_earlier_parts` finds the parts of all files that
have not changed since, and :func:`copy_parts` copies them. A part depends only on the
content of its file and on the :func:`basis`, so the results are those of a full scan.

Only the run that is replaced is trusted: a run from elsewhere, such as a baseline,
could state that it has scanned a file and found nothing.
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from provscan import readers
from provscan.caches import PROGRAM, sources_digest
from provscan.calibration.spike_ins import CARRIERS
from provscan.engine import Progress
from provscan.errors import ProvscanError
from provscan.matching.part_files import PartResult, load_part, read_part
from provscan.matching.record_samples import MAX_KEY, CarrierSample
from provscan.matching.scan_task import CARRIER_SEED
from provscan.options import MatchOptions
from provscan.ordered_map import ordered_map
from provscan.readers import Split
from provscan.readers.splits import Layout
from provscan.runs.folder import SCANNED_FILE, read_run
from provscan.runs.inputs.licensed import SearchedTexts
from provscan.runs.inputs.plan import InputFile, Inputs
from provscan.runs.scan.totals import ScanTotals
from provscan.runs.target import PARTS
from provscan.unfinished import Unfinished
from provscan.writing import replacing_file

# The member of the file that lists the scanned files and their splits.
LIST = "files.json"
DAMAGED = (
    ProvscanError,
    BadZipFile,
    zlib.error,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
)


def basis(
    options: MatchOptions, licensed: SearchedTexts, versions: Mapping[str, str]
) -> dict[str, Any]:
    """Return everything except the input files on which the parts of a run depend."""
    return {
        "options": options.scan_options(),
        "index": licensed.snapshot.id,
        "limits": readers.current_limits().as_dict(),
        "control": licensed.control_fingerprint,
        "versions": versions,
        # The sources can change while the version remains the same.
        "program": sources_digest(PROGRAM),
    }


def keep_parts(
    folder: Path,
    based_on: Mapping[str, Any],
    inputs: Mapping[str, Inputs],
    scans: Mapping[str, ScanTotals],
    described: Mapping[str, Any],
) -> None:
    """Write the parts of all files that can be recognised later to the folder of a run.

    Parameters
    ----------
    folder
        The folder of the run.
    based_on
        The :func:`basis` of the run.
    inputs, scans
        The inputs and their scans, by name.
    described
        The entries of ``run.json`` about the inputs.
    """
    listed: dict[str, list[dict[str, Any]]] = {}
    with ZipFile(folder / SCANNED_FILE, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in inputs.items():
            if data.streamed or data.sample is not None:
                continue
            files = described["inputs" if name == "dataset" else f"{name}_inputs"]
            known = dict(zip(data.files, files, strict=True))
            parts = {part.number: part for part in scans[name].parts}
            listed[name] = []
            for path, splits in _by_path(data.splits).items():
                # Damage may be an error of the disk or the network that does not recur.
                complete = all(
                    number in parts and not parts[number].stats.damaged
                    for number, _ in splits
                )
                file = known[path]
                if not complete or not (file["xxh3"] or file.get("version")):
                    continue
                for number, _ in splits:
                    for member in parts[number].files(scans[name].folder):
                        # The files with matches are compressed already.
                        method = ZIP_STORED if member.suffix == ".arrow" else None
                        archive.write(member, f"{name}/{member.name}", method)
                stored = [
                    (number, asdict(replace(split, copy=None, binding=None)))
                    for number, split in splits
                ]
                listed[name].append({**file, "path": path, "splits": stored})
        archive.writestr(LIST, json.dumps({"basis": based_on, "files": listed}))


def with_earlier_parts(
    run: Path,
    based_on: Mapping[str, Any],
    inputs: dict[str, Inputs],
    progress: Progress,
    threads: int,
) -> dict[str, Inputs]:
    """For every file that the run ``run`` has scanned and that has not changed since,
    replace the splits by those of that run, and add the ids of its parts.

    Nothing is reused if the run was damaged or changed, or has another basis.
    """
    with ExitStack() as opened:
        try:
            _, info = read_run(run)
            path = run / SCANNED_FILE
            if readers.file_checksum(path) != info["scanned"]:
                return inputs
            archive = opened.enter_context(ZipFile(path))
            stated = json.loads(archive.read(LIST))
            if stated["basis"] != json.loads(json.dumps(based_on)):
                return inputs
            listed = stated["files"]
        except DAMAGED:
            return inputs
        return {
            name: _with_parts(archive, name, listed[name], data, progress, threads)
            if name in listed and data.sample is None
            else data
            for name, data in inputs.items()
        }


def _with_parts(
    archive: ZipFile,
    name: str,
    listed: list[dict[str, Any]],
    data: Inputs,
    progress: Progress,
    threads: int,
) -> Inputs:
    """Return one of the inputs with the earlier splits and parts of its unchanged
    files.
    """
    files, earlier = _unchanged(listed, data, progress, threads)
    splits: list[Split] = []
    parts: dict[int, int] = {}
    for path, group in groupby(data.splits, lambda split: split.path):
        for number, split in earlier.get(path, ()):
            parts[len(splits)] = number
            splits.append(split)
        splits += [] if path in earlier else group
    # A part has only the carrier records with low keys. If too many of them were in
    # files that are gone, those of the other files are needed that it lacks.
    sample, limits = CarrierSample(CARRIERS, CARRIER_SEED), [MAX_KEY]
    for number in parts.values():
        carriers = _part(archive, name, number).carriers
        sample.merge(carriers)
        limits.append(carriers.limit)
    if min(limits) < sample.limit:
        return replace(data, files=files)
    return replace(data, splits=splits, files=files, earlier_parts=parts)


def copy_parts(run: Path, inputs: Mapping[str, Inputs], folder: Unfinished) -> None:
    """Copy the earlier parts of the inputs from the run ``run`` to the unfinished
    folder of the run that replaces it.
    """
    if not any(data.earlier_parts for data in inputs.values()):
        return
    with ZipFile(run / SCANNED_FILE) as archive:
        for name, data in inputs.items():
            parts = folder.path / PARTS[name]
            parts.mkdir(exist_ok=True)
            for number, earlier in data.earlier_parts.items():
                if load_part(parts, number) is not None:
                    continue
                part = replace(_part(archive, name, earlier), number=number)
                if part.matches:
                    with (
                        archive.open(f"{name}/{earlier:08}.arrow") as source,
                        replacing_file(part.matches_file(parts)) as target,
                        target.open("wb") as file,
                    ):
                        shutil.copyfileobj(source, file)
                part.save(parts)


def _part(archive: ZipFile, name: str, number: int) -> PartResult:
    return read_part(archive.read(f"{name}/{number:08}.json"))


def _unchanged(
    listed: list[dict[str, Any]], data: Inputs, progress: Progress, threads: int
) -> tuple[dict[str, InputFile], dict[str, list[tuple[int, Split]]]]:
    """Return the files of an input, with the checksums of those that were compared; and
    the earlier splits of all unchanged files, with their ids, by path.
    """
    files, stored = dict(data.files), {file["path"]: file for file in listed}
    groups = Counter(path for path, _ in groupby(split.path for split in data.splits))
    earlier, local = {}, {}
    for path, splits in _by_path(data.splits).items():
        state, before = files[path].state, stored.get(path)
        if state is None or before is None or groups[path] > 1:
            continue
        if (state.size, state.version) != (before["bytes"], before.get("version")):
            continue
        planned = {_kind(split): split for _, split in splits}
        known = [(number, _split(each)) for number, each in before["splits"]]
        # The same content may be read in another way, for instance if a file of
        # metadata was added to its folder.
        if planned.keys() == {_kind(split) for _, split in known}:
            earlier[path] = [
                (number, replace(split, binding=planned[_kind(split)].binding))
                for number, split in known
            ]
            if state.version is None:
                local[path] = state.size
    if local:
        progress.start("Comparing files", sum(local.values()), "bytes")
    for path, checksum in zip(
        local, ordered_map(readers.checksum, local, threads), strict=True
    ):
        files[path] = files[path]._replace(xxh3=checksum)
        if checksum != stored[path]["xxh3"]:
            del earlier[path]
        progress.advance(local[path])
    return files, earlier


def _by_path(splits: list[Split]) -> dict[str, list[tuple[int, Split]]]:
    """Return the splits of each file with their ids."""
    found: dict[str, list[tuple[int, Split]]] = {}
    for number, split in enumerate(splits):
        found.setdefault(split.path, []).append((number, split))
    return found


def _split(stored: dict[str, Any]) -> Split:
    return Split(**{**stored, "layout": Layout(**stored["layout"])})


def _kind(split: Split) -> Split:
    """Return what a split and other splits of its file have in common."""
    return replace(split, start=0, end=0, first_record=0, size=0, part=0)
