"""The inputs of a run: :func:`plan_run` plans the splits of the named files once.
:mod:`provscan.runs.left_out` describes the inputs after the scan.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import xxhash

from provscan import readers
from provscan.errors import ParameterError, UsageError
from provscan.options import MatchOptions, Source
from provscan.readers import MEMORY, UNKNOWN, Fields, Split
from provscan.runs.sample import FileSample, draw_files
from provscan.urls import source_of

Sources = Source | Sequence[Source] | object
Reasons = list[tuple[str, str]]  # Paths, each with a reason.


@dataclass(frozen=True)
class InputFile:
    """A file as it was when the run began; ``size`` and ``modified`` (ns) are None if
    it is not a regular file.
    """

    source: str  # Name as given by the user.
    size: int | None = None
    modified: int | None = None
    # Version of a remote file, such as an ETag; empty if its server reports none.
    version: dict[str, str] | None = None
    scanned: int = 0  # Number of bytes to scan, of members of an archive decompressed.
    whole: bool = True  # Whether all of it is scanned.


@dataclass(frozen=True)
class Inputs:
    """The input files and splits of a dataset, a null dataset or known data."""

    fields: Fields
    named: list[str] | None  # The paths that the user named; None for data in memory.
    data: object  # Data in memory.
    splits: list[Split]  # All parts that are scanned, in the order of the records.
    # All files with splits, including those that a sample leaves out, by path.
    files: dict[str, InputFile]
    # Named files that can't be scanned, and files without records that were ignored in
    # folders and archives.
    unread: Reasons
    ignored: Reasons
    # The sample of files to which the splits belong, if any.
    sample: FileSample | None
    share: float  # Share of the records that is scanned.
    in_blocks: bool  # The data is stored in blocks on a cluster, where they are read.

    @property
    def streamed(self) -> bool:
        """Whether the data can be read only once, and only in this process."""
        return self.named is None or any(
            split.format == UNKNOWN for split in self.splits
        )

    @property
    def size(self) -> int | None:
        """The number of bytes to scan; None if it is unknown."""
        return None if self.streamed else sum(split.size for split in self.splits)

    @property
    def state(self) -> dict[str, Any]:
        """The values that must be equal for the parts of an unfinished run to be
        used.
        """
        listed = repr(self.splits).encode("utf-8", "surrogatepass")
        return {
            "files": [
                [file.source, file.size, file.modified] for file in self.files.values()
            ],
            "splits": xxhash.xxh3_128_hexdigest(listed),
        }


@dataclass(frozen=True)
class RunInputs:
    """All inputs of a run."""

    dataset: Inputs
    # The null dataset and the known data, if any.
    auxiliary: dict[str, Inputs]

    @property
    def streamed(self) -> bool:
        """Whether any of the data can be read only once."""
        return any(data.streamed for data in (self.dataset, *self.auxiliary.values()))

    @property
    def state(self) -> dict[str, Any]:
        """Return the values that must be equal for the parts of an unfinished run to be
        used.
        """
        return self.dataset.state | {
            f"{name}_{key}": value
            for name, data in self.auxiliary.items()
            for key, value in data.state.items()
        }


def source_list(sources: object) -> list[str] | None:
    """Return paths as a list of strings; None if ``sources`` is data in memory. Strings
    are taken as paths.
    """
    several = [sources] if isinstance(sources, str | os.PathLike) else sources
    if not (
        isinstance(several, Sequence)
        and several
        and isinstance(several[0], str | os.PathLike)
    ):
        return None
    for source in several:
        if not isinstance(source, str | os.PathLike):
            raise ParameterError(
                f"expected paths, found {type(source).__name__} among them: pass data "
                "in memory alone, not in a list with paths"
            )
    return [*map(source_of, several)]


def plan_run(sources: Sources, options: MatchOptions, workers: int) -> RunInputs:
    """Plan the inputs of the dataset, the null dataset and the known data; the number
    of splits may depend on the number of ``workers``.
    """
    dataset, whole = plan_inputs(sources, options, workers), options.unsampled()
    auxiliary = {
        name: plan_inputs(options.files(name), whole, workers)
        for name in ("null", "known")
        if options.files(name)
    }
    _require_other_data(
        dataset, auxiliary.get("null"), auxiliary.get("known"), options.files("control")
    )
    return RunInputs(dataset, auxiliary)


def fields_of(options: MatchOptions) -> Fields:
    """Return the fields that are read."""
    readers.known_encoding(options.encoding)
    return Fields(
        text=options.text_field,
        id=options.id_field,
        outputs=options.outputs,
        fix_encoding=options.fix_encoding,
    )


def plan_inputs(sources: Sources, options: MatchOptions, workers: int) -> Inputs:
    """Plan the inputs of some sources."""
    fields = fields_of(options)
    named = source_list(sources)
    sample = draw_files(named, options, fields)
    unread, ignored = Reasons(), Reasons()
    if sample is not None:
        splits, unread, ignored = sample.splits, sample.unread, sample.ignored
    elif named is None:
        splits = [Split(MEMORY, MEMORY, "")]
    else:
        plan = readers.plan(
            named,
            fields,
            workers=workers,
            records=options.records,
            encoding=options.encoding,
        )
        splits, unread, ignored = list(plan), plan.unread, plan.ignored
    return Inputs(
        fields=fields,
        named=named,
        data=sources if named is None else None,
        splits=splits,
        files={} if named is None else _files(splits, sample.rest if sample else []),
        unread=unread,
        ignored=ignored,
        sample=sample,
        share=options.sample or 1.0 if sample is None else 1.0,
        in_blocks=options.executor == "ray" and readers.is_ray_dataset(sources),
    )


def _files(splits: list[Split], rest: list[Split]) -> dict[str, InputFile]:
    """Return the files of the splits that are scanned, and of the rest, by path."""
    files: dict[str, InputFile] = {}
    for split in [*splits, *rest]:
        if split.path not in files:
            # A member of an archive has its own source.
            source = split.source if split.member is None else str(split.path)
            files[split.path] = file_state(source, split.path)
    scanned = Counter[str]()
    for split in splits:
        scanned[split.path] += split.size
    parts = {split.path for split in rest}
    return {
        path: replace(file, scanned=scanned[path], whole=path not in parts)
        for path, file in files.items()
    }


def _require_other_data(
    inputs: Inputs, null: Inputs | None, known: Inputs | None, control: Sequence[str]
) -> None:
    """Raise an error for a control that is part of the dataset, a null dataset that
    contains all of the dataset, or known data that shares a file with any of them.
    """
    dataset = {_real(path): file.source for path, file in inputs.files.items()}
    for named in control:
        whole = _real(named)
        for path, source in dataset.items():
            if path == whole or path.startswith(whole + os.sep):
                raise UsageError(
                    f"control {named} is scanned as a part of the dataset ({source}), "
                    "so its tweets are in it: give tweets that are known to be absent"
                )
    if null is not None and dataset and dataset.keys() <= set(map(_real, null.files)):
        raise UsageError(
            "the null dataset contains the whole dataset, and all of its matches count "
            "as chance: give other data for null, which can't contain a licensed text"
        )
    if known is None:
        return
    others = {
        "the dataset": inputs.files,
        "the null dataset": null.files if null else {},
    }
    taken = {_real(path): what for what, files in others.items() for path in files}
    taken |= {_real(path): "the control" for path in control}
    for path, file in known.files.items():
        for other, what in taken.items():
            if f"{_real(path)}{os.sep}".startswith(f"{other}{os.sep}"):
                raise UsageError(
                    f"{file.source} is given as known data but is part of {what}, so "
                    "no match in it would be a finding: give independent known data"
                )


def _real(path: str) -> str:
    return path if readers.is_remote(path) else os.path.realpath(path)


def file_state(source: str, path: str) -> InputFile:
    """Return a file as it is now."""
    try:
        found = (
            readers.state_of(path)
            if readers.is_remote(path) or os.path.isfile(path)
            else None
        )
    except OSError:
        found = None
    return (
        InputFile(source)
        if found is None
        else InputFile(source, found.size, found.modified, version=found.version)
    )
