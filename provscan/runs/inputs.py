"""The inputs of a run: :func:`plan_run` plans the splits of the named files once, and
:func:`check_files` checks after the scan that the files did not change.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xxhash

from provscan import readers
from provscan.errors import InputError, OutputError, ParameterError, UsageError
from provscan.names import counted
from provscan.options import MatchOptions, Source
from provscan.ordered_map import ordered_map
from provscan.params import require_folder
from provscan.readers import MEMORY, UNKNOWN, Damage, Fields, Split
from provscan.readers.bytes.compression import COMPRESSED
from provscan.runs.sample import FileSample, draw_files
from provscan.runs.scan_totals import ScanTotals
from provscan.urls import source_of

Sources = Source | Sequence[Source] | object
Reasons = list[tuple[str, str]]  # Paths, each with a reason.
# Maximum number of listed files of a kind.
MOST_LISTED = 100


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
    scanned: int = 0  # Number of bytes to scan.


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
    streamed: bool  # The data can be read only once, and only in this process.
    size: int | None  # Bytes to scan, None if unknown.
    # Values that must be equal for the parts of an unfinished run to be used.
    state: dict[str, Any]


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


def run_path(sources: Sources, out: Source | None) -> Path:
    """Return the run folder, which must not be part of the inputs; by default it is
    named after the first source.
    """
    named = source_list(sources)
    place = default_out(named) if out is None else out
    require_folder("out", place)
    require_outside(Path(place), named or [])
    return Path(place)


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
    files: dict[str, InputFile] = {}
    if named is not None:
        for split in [*splits, *(sample.rest if sample else [])]:
            if split.path not in files:
                # A member of an archive has its own source.
                source = split.source if split.member is None else str(split.path)
                files[split.path] = _stat(source, split.path)
        for split in splits:
            file = files[split.path]
            files[split.path] = replace(file, scanned=file.scanned + split.size)
    streamed = named is None or any(split.format == UNKNOWN for split in splits)
    listed = repr(splits).encode("utf-8", "surrogatepass")
    return Inputs(
        fields=fields,
        named=named,
        data=sources if named is None else None,
        splits=splits,
        files=files,
        unread=unread,
        ignored=ignored,
        sample=sample,
        share=options.sample or 1.0 if sample is None else 1.0,
        in_blocks=options.executor == "ray" and readers.is_ray_dataset(sources),
        streamed=streamed,
        size=None if streamed else sum(split.size for split in splits),
        state={
            "files": [
                [file.source, file.size, file.modified] for file in files.values()
            ],
            "splits": xxhash.xxh3_128_hexdigest(listed),
        },
    )


def describe_inputs(
    inputs: RunInputs,
    scans: Mapping[str, ScanTotals],
    unread_controls: Reasons,
    threads: int,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Describe all inputs, and compare them with their state when the run began.

    Returns
    -------
    left_out
        Entries of ``summary.json`` on damaged files and on files that were not scanned.
    described
        Entries of ``run.json``: each file with its checksum, and the parts of a sample.
    """
    damaged: list[Damage] = []
    unread, ignored = Reasons(), Reasons()
    described: dict[str, Any] = {}
    for name, data in {"dataset": inputs.dataset, **inputs.auxiliary}.items():
        changed, files = check_files(data, threads)
        damaged += [*scans[name].stats.damaged, *changed]
        unread += [*data.unread, *scans[name].unread]
        ignored += data.ignored
        described["inputs" if name == "dataset" else f"{name}_inputs"] = files
    unread += unread_controls
    sample = inputs.dataset.sample
    if sample is not None:
        described["parts_in_all"] = len(sample.splits) + len(sample.rest)
        described["parts_sampled"] = sample.ranges
    return left_out_summary(damaged, unread, ignored), described


def left_out_summary(
    damaged: Sequence[Damage], unread: Reasons, ignored: Reasons
) -> dict[str, Any]:
    """Return the entries of ``summary.json`` on damaged and unscanned files."""
    return {
        "damaged": [
            {
                "source": damage.source,
                "records": damage.records,
                "problem": damage.reason,
            }
            for damage in damaged
        ],
        "unread": [{"path": path, "reason": reason} for path, reason in unread],
        "ignored": [
            {"path": path, "reason": reason} for path, reason in ignored[:MOST_LISTED]
        ],
        "ignored_files": len(ignored),
    }


def check_files(
    inputs: Inputs, workers: int
) -> tuple[list[Damage], list[dict[str, Any]]]:
    """Return the files that changed while they were scanned, and the entries of
    ``run.json`` on all inputs. Files that were scanned completely and did not change
    have checksums.
    """
    if inputs.named is None:
        return [], [{"source": MEMORY, "bytes": None, "xxh3": None}]

    def checked(item: tuple[str, InputFile]) -> tuple[str | None, dict[str, Any]]:
        path, file = item
        now, problem = _stat(file.source, path), None
        same = (now.size, now.modified) == (file.size, file.modified)
        if file.scanned and file.size is not None and not same:
            problem = "it is gone" if now.size is None else "it was changed"
        known: dict[str, Any] = {
            "source": file.source,
            "bytes": file.size,
            "xxh3": None,
        }
        # Compute checksums only for local files that were read completely: a remote
        # file would have to be fetched again, and its server may report a version.
        # Members of an archive are smaller than the archive.
        local = file.size is not None and file.version is None
        whole = inputs.sample is None or file.scanned >= (file.size or 0)
        if local and whole and problem is None:
            known["xxh3"] = readers.checksum(path)
        if file.version is not None:
            known["version"] = file.version
        if inputs.sample is not None:
            known["scanned"] = file.scanned
        return problem, known

    found = list(ordered_map(checked, inputs.files.items(), workers))
    changed = [
        Damage(
            known["source"],
            0,
            f"{problem} while it was scanned: the results mix two versions",
        )
        for problem, known in found
        if problem is not None
    ]
    return changed, [known for _, known in found]


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


def _stat(source: str, path: str) -> InputFile:
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


def check_skipped(stats: readers.ReadStats, options: MatchOptions) -> None:
    """Raise an error if more records can't be read than the options allow. Records
    without text do not count.
    """
    bad = {
        reason: count
        for reason, count in stats.skipped.items()
        if reason not in ("no_text", "only_prompts")
    }
    count, whole = sum(bad.values()), stats.records + sum(stats.skipped.values())
    if count == 0 or not (options.strict or count > options.max_bad * whole):
        return
    if options.strict:
        what = f"{counted(count, 'record')} can't be read"
        remedy = "Mend the file, or leave --strict out"
    else:
        what = (
            f"{count:,} of {counted(whole, 'record')} can't be read, more than "
            f"--max-bad {options.max_bad:.3%} allows"
        )
        remedy = "Mend the file, or allow more with --max-bad"
    first, reason = min(
        (case, reason) for reason in bad for case in stats.examples.get(reason, [])
    )
    detail = f": {first.detail}" if first.detail else ""
    raise InputError(
        f"{what}; the first is record {first.record} of {first.source} "
        f"({reason}{detail}). {remedy}"
    )


def default_out(named: Sequence[str] | None) -> str:
    if named is None or list(named) == ["-"]:
        raise UsageError(
            "name the folder for the results with out (-o): data in memory and the "
            "standard input have no name from which to derive it"
        )
    name = os.path.basename(os.path.abspath(named[0]).replace(":", "-"))
    # The name of a file may be invalid UTF-8, but the name of a run must be valid.
    name = os.fsencode(name).decode("utf-8", "replace")
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    stem, dot, _ = name.rpartition(".")
    return f"{stem if dot and stem else name}.run"


def require_outside(target: Path, sources: Sequence[str]) -> None:
    """Check that the results are not written into a folder that is read, or that
    contains an input.
    """
    place = Path(os.path.realpath(target))
    for source in sources:
        read = Path(os.path.realpath(source))
        # A text that was mistaken for a path may be too long for the system.
        if source and (
            read.is_relative_to(place)
            or (os.path.isdir(read) and place.is_relative_to(read))
        ):
            raise OutputError(
                f"{target} would be inside an input, {source}, or contain it: name a "
                "place outside of it with -o"
            )
