"""Divide the inputs of a run into splits (:func:`plan_run`), before the scan.
:mod:`provscan.runs.scan.left_out` describes the inputs after the scan.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import xxhash

from provscan import readers
from provscan.errors import UsageError
from provscan.options import MatchOptions, Source
from provscan.readers import MEMORY, UNKNOWN, Fields, Split
from provscan.readers.bytes.files import FileState
from provscan.readers.corpus.recipes import path_in_recipe
from provscan.runs.inputs.sample import FileSample, draw_files

Sources = Source | Sequence[Source] | object
PathReasons = list[tuple[str, str]]  # Paths, each with a reason.


class InputFile(NamedTuple):
    source: str  # Name as given by the user.
    # State of the file when the run began; None if it is not a regular file.
    state: FileState | None
    scanned: int  # Number of bytes to scan; for an archive, decompressed bytes.
    whole: bool  # Whether the complete file is scanned.
    xxh3: str | None = None  # Its checksum in this state, if it is known already.


@dataclass(frozen=True)
class Inputs:
    """The input files and splits of a dataset, clean data or known data."""

    fields: Fields
    named: list[str] | None  # The paths that the user named; None for data in memory.
    data: object  # Data in memory.
    splits: list[Split]  # All parts that are scanned, in the order of the records.
    # All files with splits, including those that a sample leaves out, by path.
    files: dict[str, InputFile]
    # Named files that can't be scanned, and files without records that were ignored in
    # folders and archives.
    unread: PathReasons
    ignored: PathReasons
    # The sample of files to which the splits belong, if any.
    sample: FileSample | None
    share: float  # Share of the records that is scanned.
    # The id of the part that the replaced run made for a split, by id of the split
    # (:mod:`provscan.runs.scan.reuse`).
    earlier_parts: Mapping[int, int] = field(default_factory=dict)

    @property
    def streamed(self) -> bool:
        """Whether the data can be read only once, and only in this process."""
        return self.named is None or any(
            split.format == UNKNOWN for split in self.splits
        )

    @property
    def reused(self) -> int:
        """The number of files whose parts an earlier run has made."""
        return len({self.splits[number].path for number in self.earlier_parts})

    @property
    def size(self) -> int | None:
        """The number of bytes to scan; None if it is unknown."""
        return None if self.streamed else sum(split.size for split in self.splits)

    @property
    def state(self) -> dict[str, Any]:
        """The values that must be unchanged for an unfinished run to be resumed."""
        listed = repr(self.splits).encode("utf-8", "surrogatepass")
        return {
            "files": [
                [file.source, *(file.state or (None, None))[:2]]
                for file in self.files.values()
            ],
            "splits": xxhash.xxh3_128_hexdigest(listed),
        }


def plan_run(
    sources: Sources, options: MatchOptions, workers: int
) -> dict[str, Inputs]:
    """Plan the inputs of the ``dataset`` and, if given, of the ``null`` dataset and the
    ``known`` data; the number of splits may depend on the number of ``workers``.
    """
    inputs = {"dataset": plan_inputs(sources, options, workers)}
    for name, option in (("null", "clean_data"), ("known", "other_sources")):
        if options.files(option):
            inputs[name] = plan_inputs(
                options.files(option), options.unsampled(), workers
            )
    _require_other_data(inputs, options.files("control"))
    return inputs


def fields_of(options: MatchOptions) -> Fields:
    """Return the options for reading fields."""
    readers.known_encoding(options.encoding)
    return Fields(
        text=options.text_field,
        id=options.id_field,
        outputs=options.outputs,
        fix_encoding=options.fix_encoding,
    )


def plan_inputs(sources: Sources, options: MatchOptions, workers: int) -> Inputs:
    """Plan how to read some sources."""
    fields = fields_of(options)
    named = readers.source_list(sources)
    sample = draw_files(named, options, fields)
    unread, ignored = PathReasons(), PathReasons()
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
        share=1.0 if sample or options.sample is None else options.sample,
    )


def _files(splits: list[Split], rest: list[Split]) -> dict[str, InputFile]:
    """Return the files of the scanned splits and of the ``rest``, by path."""
    scanned = Counter[str]()
    for split in splits:
        scanned[split.path] += split.size
    parts = {split.path for split in rest}
    files: dict[str, InputFile] = {}
    for split in [*splits, *rest]:
        path = split.path
        if path not in files:
            # A member of an archive has its own source.
            source = split.source if split.member is None else str(path)
            state, whole = file_state(path), path not in parts
            files[path] = InputFile(source, state, scanned[path], whole)
    return files


def _require_other_data(inputs: Mapping[str, Inputs], control: Sequence[str]) -> None:
    """Raise an error for a control that is part of the dataset, clean data that
    contains all of the dataset, or known data that shares a file with any of them.
    """
    files = {
        name: {_real(path): file.source for path, file in data.files.items()}
        for name, data in inputs.items()
    }
    dataset, null = files["dataset"], files.get("null", {})
    for named in control:
        for path, source in dataset.items():
            if _inside(path, _real(path_in_recipe(named))):
                raise UsageError(
                    f"control {named} is scanned as a part of the dataset ({source}), "
                    "so its tweets are in it: give tweets that are known to be absent"
                )
    if dataset and dataset.keys() <= null.keys():
        raise UsageError(
            "the clean data contains the whole dataset, and all of its matches count "
            "as chance: give other data with --clean-data, which can't contain a "
            "licensed text"
        )
    others = dict.fromkeys(dataset, "the dataset")
    others |= dict.fromkeys(null, "the clean data")
    others |= dict.fromkeys(map(_real, control), "the control")
    for path, source in files.get("known", {}).items():
        for other, what in others.items():
            if _inside(path, other):
                raise UsageError(
                    f"{source} is given with --other-sources but is part of {what}, so "
                    "no match in it would be a finding: give other data"
                )


def _real(path: str) -> str:
    return path if readers.is_remote(path) else os.path.realpath(path)


def _inside(path: str, other: str) -> bool:
    """Return whether a path is the same as another one, or inside it."""
    return f"{path}{os.sep}".startswith(f"{other}{os.sep}")


def file_state(path: str) -> FileState | None:
    """Return the current state of a file; None if it is not a regular file."""
    with suppress(OSError):
        if readers.is_remote(path) or os.path.isfile(path):
            return readers.state_of(path)
    return None
