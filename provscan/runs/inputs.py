"""What a run reads: the splits of the files that the user named, and whether these
stayed as they were.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import xxhash

from provscan import readers
from provscan.errors import InputError, UsageError
from provscan.ordered_map import ordered_map
from provscan.readers import MEMORY, UNKNOWN, Damage, RayBlock, Split
from provscan.runs.corpus import MOST_LISTED
from provscan.runs.folder import KNOWN_PARTS, NULL_PARTS, PARTS
from provscan.runs.options import Options, Sources, source_list
from provscan.runs.sample import FileSample, draw_files


@dataclass
class InputFile:
    """A file as it was when the run began; `size` and `modified` (ns) are null for what
    is no regular file.
    """

    source: str  # As the user named it.
    size: int | None = None
    modified: int | None = None
    scanned: int = 0  # Bytes of it that are scanned.
    # Of a remote file: what its server says of the version, such as an ETag; empty if
    # it says nothing.
    version: dict[str, str] | None = None


@dataclass
class Inputs:
    named: (
        list[str] | None
    )  # The paths that the user named; None for data in memory, which is `data`.
    splits: list[Split]  # Every part that is scanned, in the order of the records.
    data: object = None
    # Every file that the splits belong to, or that was left out of a sample, by its
    # path.
    files: dict[str, InputFile] = field(default_factory=dict)
    # What the user named and is not scanned: path and reason.
    unread: list[tuple[str, str]] = field(default_factory=list)
    # What was passed over in folders and archives that the user named, since it holds
    # no records of its own.
    ignored: list[tuple[str, str]] = field(default_factory=list)
    sample: FileSample | None = None  # The splits as a sample of more, if they are one.
    stage: str = "Scanning"  # What the scan is called while it runs.
    parts: str = PARTS  # Name of the folder of the part files.

    @property
    def streamed(self) -> bool:
        """Whether any of it can be read only once, and only in this process."""
        return self.named is None or any(
            split.format == UNKNOWN for split in self.splits
        )

    @property
    def size(self) -> int | None:
        """Bytes to scan, None if not known."""
        return None if self.streamed else sum(split.size for split in self.splits)

    def in_blocks(self, options: Options) -> bool:
        """Whether it lies on a cluster in blocks, which are read there."""
        return options.executor == "ray" and readers.is_ray_dataset(self.data)

    def pieces(self, options: Options) -> Iterator[tuple[Split, RayBlock | None]]:
        """All splits; those of data in blocks are not known before, and added to
        `splits`.
        """
        if not self.in_blocks(options):
            yield from ((split, None) for split in self.splits)
            return
        self.splits.clear()
        blocks = readers.blocks_of(
            self.data, options.fields, MEMORY, readers.current_limits()
        )
        for part, block in enumerate(blocks):
            self.splits.append(
                Split(
                    MEMORY,
                    MEMORY,
                    "",
                    first_record=block.first_record,
                    size=block.size,
                    part=part,
                )
            )
            yield self.splits[-1], block

    def reader(
        self, options: Options
    ) -> Callable[[Split, readers.ReadStats], Iterator[pa.RecordBatch]] | None:
        """How to read data that only this process has; None for other data."""
        if self.named is not None or self.in_blocks(options):
            return None
        return lambda split, stats: readers.read_objects(
            self.data, options.fields, stats
        )

    def state(self) -> dict[str, Any]:
        """What must be the same for parts of an unfinished run to be used."""
        splits = repr(list(self.splits)).encode("utf-8", "surrogatepass")
        return {
            "files": [
                [file.source, file.size, file.modified] for file in self.files.values()
            ],
            "splits": xxhash.xxh3_128_hexdigest(splits),
        }

    def left_out(self, stats: readers.ReadStats) -> dict[str, Any]:
        """Entries of ``summary.json``: what is damaged, and what was not scanned."""
        return {
            "damaged": [
                {
                    "source": damage.source,
                    "records": damage.records,
                    "problem": damage.reason,
                }
                for damage in [*stats.damaged, *self.changed()]
            ],
            "unread": [
                {"path": path, "reason": reason} for path, reason in self.unread
            ],
            "ignored": [
                {"path": path, "reason": reason}
                for path, reason in self.ignored[:MOST_LISTED]
            ],
            "ignored_files": len(self.ignored),
        }

    def changed(self) -> list[Damage]:
        found = []
        for path, file in self.files.items():
            now = _stat(file.source, path)
            if (
                file.scanned
                and file.size is not None
                and (now.size, now.modified) != (file.size, file.modified)
            ):
                problem = "it is gone" if now.size is None else "it was changed"
                found.append(
                    Damage(
                        file.source,
                        0,
                        f"{problem} while it was scanned: the results mix two versions",
                    )
                )
        return found

    def describe(self, workers: int) -> list[dict[str, Any]]:
        """Of each input what ``run.json`` says, with the checksum of those that were
        scanned as a whole.
        """
        if self.named is None:
            return [{"source": MEMORY, "bytes": None, "xxh3": None}]
        changed = {damage.source for damage in self.changed()}

        def entry(item: tuple[str, InputFile]) -> dict[str, Any]:
            path, file = item
            # Members of an archive are smaller than it is; of a sample, a part may be
            # all that was read.
            whole = self.sample is None or file.scanned >= (file.size or 0)
            whole = whole and file.size is not None and file.source not in changed
            # A remote file would have to be fetched once more; its server may say which
            # version it is.
            whole = whole and file.version is None
            known: dict[str, Any] = {"source": file.source, "bytes": file.size}
            known["xxh3"] = readers.checksum(path) if whole else None
            if file.version is not None:
                known["version"] = file.version
            return (
                {**known, "scanned": file.scanned} if self.sample is not None else known
            )

        return list(ordered_map(entry, self.files.items(), workers))


def find_inputs(sources: Sources, options: Options, workers: int) -> Inputs:
    """Plan what to read; the number of splits may depend on how many `workers` read."""
    named = source_list(sources)
    sample = draw_files(named, options)
    if named is None:
        return Inputs(None, [Split(MEMORY, MEMORY, "")], sources)
    if sample is not None:
        inputs = Inputs(
            named,
            sample.splits,
            unread=sample.unread,
            ignored=sample.ignored,
            sample=sample,
        )
    else:
        plan = readers.plan(
            named,
            options.fields,
            workers=workers,
            records=options.records,
            encoding=options.encoding,
        )
        inputs = Inputs(named, list(plan), unread=plan.unread, ignored=plan.ignored)
    for split in [*inputs.splits, *(sample.rest if sample else [])]:
        # A member of an archive has a source of its own.
        source = split.source if split.member is None else str(split.path)
        inputs.files.setdefault(split.path, _stat(source, split.path))
    for split in inputs.splits:
        inputs.files[split.path].scanned += split.size
    return inputs


def find_null(options: Options, workers: int) -> Inputs | None:
    """Plan what to read of the null dataset, if there is one."""
    return _find_whole(
        options.null_files, options, workers, "Scanning null dataset", NULL_PARTS
    )


def find_known(options: Options, workers: int) -> Inputs | None:
    """Plan what to read of the known data, if there is any."""
    return _find_whole(
        options.known_files, options, workers, "Scanning known data", KNOWN_PARTS
    )


def _find_whole(
    files: list[str], options: Options, workers: int, stage: str, parts: str
) -> Inputs | None:
    """Plan to read data beside the dataset: all of it, whatever the sample of the
    dataset.
    """
    return (
        replace(
            find_inputs(files, options.of_whole(), workers), stage=stage, parts=parts
        )
        if files
        else None
    )


def require_other_data(
    inputs: Inputs, null: Inputs | None, known: Inputs | None, control: Sequence[str]
) -> None:
    """Refuse a control that is a part of the dataset, a null dataset that holds all of
    it, and known data that shares a file with any of them.
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
            "the null dataset holds all of the dataset, so that no match in it could "
            "be a copy: give other data for null, in which no licensed text can be"
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
                    f"{file.source} is given as known data and is part of {what}, "
                    "which would acquit itself: give data "
                    "for known that is independent of it"
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


def unread_members(stats: readers.ReadStats) -> list[tuple[str, str]]:
    """The members of compressed archives that were not read: the first of them, and how
    many there are more.
    """
    cases = stats.examples.get("unread_member", [])
    found = [(case.source, case.detail) for case in cases]
    if more := stats.notes.get("unread_member", 0) - len(cases):
        found.append(
            (
                cases[-1].source,
                f"and {more:,} more members of archives, for reasons like these",
            )
        )
    return found


def check_skipped(stats: readers.ReadStats, options: Options) -> None:
    """Stop where more records can't be read than the options allow; texts that are
    missing are no fault of a file.
    """
    bad = {
        reason: count
        for reason, count in stats.skipped.items()
        if reason not in ("no_text", "only_prompts")
    }
    count = sum(bad.values())
    if not count:
        return
    if options.strict:
        what, remedy = (
            f"{readers.counted(count, 'record')} can't be read",
            "Mend the file, or leave --strict out",
        )
    elif count > options.max_bad * (
        whole := stats.records + sum(stats.skipped.values())
    ):
        share = f"{count:,} of {readers.counted(whole, 'record')}"
        what = (
            f"{share} can't be read, more than --max-bad {options.max_bad:.3%} allows"
        )
        remedy = "Mend the file, or allow more with --max-bad"
    else:
        return
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
            "name the folder for the results with out (-o): the data has no name to "
            "take it from"
        )
    name = os.path.basename(os.path.abspath(named[0]).replace(":", "-"))
    # The name of a file may be no UTF-8, that of a run may not.
    name = os.fsencode(name).decode("utf-8", "replace")
    for suffix in (".gz", ".bz2", ".xz", ".zst", ".zstd"):
        name = name.removesuffix(suffix)
    stem, dot, _ = name.rpartition(".")
    return f"{stem if dot and stem else name}.run"
