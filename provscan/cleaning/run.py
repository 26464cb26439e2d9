"""Clean a dataset from beginning to end: check, write, scan again, write the manifest.

Everything is written into a temporary folder beside OUT, which is renamed at the end;
whatever ends the command earlier removes it.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, Unpack

from provscan import api
from provscan.cleaning.choice import (
    CleanKeywords,
    CleanOptions,
    Cursor,
    Removals,
)
from provscan.cleaning.files import (
    Dataset,
    base_name,
    match_options,
    open_dataset,
    unwritable,
    write_archive,
)
from provscan.cleaning.rewriting import Rewriter, Written
from provscan.engine import Progress
from provscan.errors import InputError, OutputError, UnusableError, UsageError
from provscan.matching import open_index
from provscan.names import counted
from provscan.params import require_folder
from provscan.readers import Source, file_checksum
from provscan.readers.splits import Split
from provscan.runs.folder import MATCHES_FILE, read_run, write_json
from provscan.runs.inputs import require_outside, source_list
from provscan.writing import new_folder, temporary_name

MANIFEST, REMOVED = "manifest.json", "removed.jsonl"
ROUNDS = 3
# Files that can't be written and that an error names.
MOST_NAMED = 20
# Options of the run that its result does not need to be scanned again with.
AGAIN = {
    "null": None,
    "spike_ins": 0,
    "fail_above": None,
    "fail_above_claimed": None,
    "log": None,
    "parts": None,
    "allow_unread": True,
    "strict": False,
    "max_bad": 1.0,
    "texts": 0,
    "tokenizer": None,
    "executor": "threads",
    "address": None,
    "memory": None,
    "shard_groups": None,
    "shards_from": None,
}


@dataclass(frozen=True)
class Cleaned:
    """A cleaned dataset.

    Attributes
    ----------
    path
        The folder: the dataset under its own name, ``manifest.json``,
        ``removed.jsonl``. None of a dry run.
    manifest
        ``manifest.json``: what went, from where and why.
    """

    path: Path | None
    manifest: dict[str, Any]

    @property
    def left(self) -> int:
        """Records with matches that should be gone, and are found again."""
        return int(self.manifest["left"] or 0)


def clean(
    sources: Source | list[Source],
    run: Source,
    out: Source | None = None,
    *,
    index: Source | None = None,
    workers: int | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    **options: Unpack[CleanKeywords],
) -> Cleaned:
    """Write a dataset again without what a run found in it.

    The result is scanned again with the index and the options of the run, and cleaned
    again, until no match is left that would be removed, at most three times.

    Parameters
    ----------
    sources
        The datasets of the run: files and folders, in the same order.
    run
        The run folder.
    out
        A new folder: the datasets under their own names, ``manifest.json``, and
        ``removed.jsonl`` with the removed records.
    index
        The index, if it is no longer where the run read it.
    workers
        Number of workers that scan the result; by default one per processor.
    dry_run
        Write nothing, and only count what would go.
    progress
        Receives the progress of the scans of the result.
    **options
        The options of :class:`provscan.cleaning.CleanOptions`.

    Returns
    -------
    Cleaned

    Raises
    ------
    InputError
        The run can't be used for this, the dataset was changed since, or a file can't
        be written.
    OutputError
        ``out`` exists, or can't be written.
    ParameterError
        An option is out of range.

    Examples
    --------
    >>> from pathlib import Path
    >>> import provscan
    >>> index = provscan.build_index(
    ...     [{"id": "1", "text": "Never trust a goat near the old harbour wall"}],
    ...     "goat.index",
    ... )
    >>> lines = [
    ...     '{"text": "Never trust a goat near the old harbour wall"}\\n',
    ...     '{"text": "Wool prices rose"}\\n',
    ... ]
    >>> _ = Path("farm.jsonl").write_text("".join(lines))
    >>> run = provscan.match("farm.jsonl", index, "farm.run")
    >>> cleaned = provscan.clean("farm.jsonl", run.path, "cleaned", all=True)
    >>> cleaned.manifest["records_removed"]
    1
    >>> Path("cleaned/farm.jsonl").read_text() == lines[1]
    True
    """
    chosen = CleanOptions(**options)
    named = source_list(sources)
    if named is None:
        raise UsageError("data in memory can't be cleaned: name the files of the run")
    require_folder("run", run)
    summary, info = read_run(Path(run), [MATCHES_FILE])
    _require_usable(info, chosen)
    dataset = open_dataset(named, info)
    refused = unwritable(dataset, summary, chosen)
    if refused and not chosen.skip_unwritable:
        shown = "; ".join(
            f"{name}: {why}" for name, why in list(refused.items())[:MOST_NAMED]
        )
        more = len(refused) - MOST_NAMED
        raise InputError(
            f"{counted(len(refused), 'file')} can't be written, and nothing was: "
            f"{shown}{f'; and {more:,} more' if more > 0 else ''}. Leave them out with "
            "--skip-unwritable"
        )
    manifest = {
        "format": "provscan-cleaned-dataset",
        "version": 1,
        "run": {
            "path": str(run),
            "checksum": info["checksum"],
            "index_fingerprint": info["index"]["fingerprint"],
            "rule": summary["rule"],
        },
        "options": chosen.as_dict(),
        "unwritable": refused,
        "not_cleaned": sum(summary["skipped"].values()),
        "not_copied": [path for path, why in dataset.plan.ignored],
    }
    if dry_run:
        files = _count(dataset, Removals(Path(run), chosen))
        return Cleaned(None, manifest | _totals(files) | {"files": files, "left": None})
    if out is None:
        raise UsageError("clean needs a new folder for its result: name it with out")
    require_folder("out", out)
    target = Path(out)
    _require_new(target, named)
    again = None if chosen.keep_only else _Rescan(info, index, workers, progress)
    with new_folder(target) as folder, (folder / REMOVED).open("x") as log:
        work = _Round(dataset, refused, chosen, folder, log)
        files = latest = work.write(Removals(Path(run), chosen))
        rounds, left = 1, None
        while again is not None:
            # Without a record there is nothing to scan.
            if not sum(entry["records_kept"] for entry in latest):
                left = 0
                break
            left, found = again.scan(folder, named, chosen)
            if not left or rounds == ROUNDS:
                break
            rounds += 1
            latest = _clean_again(folder, named, found, chosen, log, rounds)
        for entry in files:
            place = folder / entry["path"]
            exists = place.exists()
            entry["xxh3_after"] = file_checksum(place) if exists else None
        _remove_scans(folder)
        manifest |= _totals(files)
        manifest |= {"files": files, "rounds": rounds, "left": left}
        write_json(folder / MANIFEST, manifest)
    return Cleaned(target, manifest)


def _require_usable(info: dict[str, Any], options: CleanOptions) -> None:
    """Check that the matches of a run say what to remove."""
    parameters = info.get("parameters")
    if not isinstance(parameters, dict) or "limits" not in info:
        raise InputError(
            "the run is not one of provscan match: run match on the dataset"
        )
    if parameters.get("sample") is not None or "parts_sampled" in info:
        raise InputError(
            "the run scanned a sample, so that it says nothing of the other records: "
            "run match on the whole dataset"
        )
    for name in ("outputs", "fix_encoding"):
        if parameters.get(name) and options.mask is not None:
            raise InputError(
                f"the run scanned with --{name.replace('_', '-')}, so that its spans "
                "are not to be trusted to the character: leave out --mask, which drops "
                "whole records"
            )


def _require_new(target: Path, named: list[str]) -> None:
    require_outside(target, named)
    if target.exists() or target.is_symlink():
        raise OutputError(f"{target} exists: name a new folder")
    names = [base_name(name) for name in named]
    if len(set(names)) < len(names) or {MANIFEST, REMOVED} & set(names):
        raise OutputError(
            f"the datasets need names of their own in {target}, other than {MANIFEST} "
            f"and {REMOVED}: rename one of {', '.join(names)}"
        )


@dataclass
class _Round:
    """One pass over all files."""

    dataset: Dataset
    refused: dict[str, str]
    options: CleanOptions
    folder: Path
    log: IO[str]
    number: int = 1

    def write(self, removals: Removals) -> list[dict[str, Any]]:
        """Write all files; what the manifest says of each."""
        files: list[dict[str, Any]] = []
        for place, splits in self.dataset.places():
            names = [self.dataset.sources[split.source] for split in splits]
            path = splits[0].path
            # An archive is written if all of its members can be.
            if any(name in self.refused for name in names):
                for name in names:
                    self.refused.setdefault(name, "its archive can't be written")
                    for _ in removals.of_source(name):
                        pass
                continue
            target = self.folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            written = Written()
            counts = {
                "source": names[0] if splits[0].member is None else path,
                "path": str(place),
                "bytes": os.path.getsize(path),
                "xxh3_before": self.dataset.checksums[path],
            }

            write = partial(self._write, removals, written)
            if splits[0].member is None:
                with target.open("xb") as out:
                    stays = write(splits[0], out)
                if not stays:
                    target.unlink()
            else:
                write_archive(path, splits, target, write)
            files.append(counts | written.counts())
        removals.require_all_used()
        for path, place in self.dataset.metadata():
            target = self.folder / place
            if target.parent.is_dir() and not target.exists():
                shutil.copyfile(path, target)
        return files

    def _write(
        self, removals: Removals, written: Written, split: Split, out: IO[bytes]
    ) -> bool:
        """Write one file, or member of an archive; whether it stays."""
        dataset, name = self.dataset, self.dataset.sources[split.source]

        def removed(entry: dict[str, Any]) -> None:
            line = {"source": name, **entry, "round": self.number}
            self.log.write(json.dumps(line) + "\n")

        rewriter = Rewriter(
            split, dataset.fields, dataset.limits, self.options, removed
        )
        own = rewriter.write(out, Cursor(removals.of_source(name), name))
        written.add(own)
        # A text that is a file goes with its file, as does an object or a message.
        alone = split.format in ("json", "mail") and own.records == 1
        alone |= split.format == "text" and split.layout.records == "files"
        return not (alone and own.records and not own.kept)


class _Rescan:
    """Scans a result with the index and the options of the run."""

    def __init__(
        self,
        info: dict[str, Any],
        index: Source | None,
        workers: int | None,
        progress: Progress | None,
    ) -> None:
        self._progress = progress
        base = Path(info["folder"])
        place = Path(index) if index is not None else base / info["index"]["path"]
        try:
            self._index = open_index(place)
        except UnusableError as error:
            error.add_note("Name the index of the run with --index")
            raise
        expected = info["index"]["fingerprint"]
        if self._index.fingerprint != expected:
            raise InputError(
                f"{place} is not the index of the run: expected fingerprint "
                f"{expected}, found {self._index.fingerprint}. Name that index with "
                "--index, or run match again"
            )
        changed: dict[str, Any] = {**AGAIN, "workers": workers}
        for name in ("control", "known"):
            files = info["parameters"].get(name)
            changed[name] = files and [os.path.join(base, file) for file in files]
        self._options = match_options(info, changed)

    def scan(
        self, folder: Path, named: list[str], options: CleanOptions
    ) -> tuple[int, Path]:
        """How many records have matches that should be gone; and the run."""
        run = folder / _SCANS / temporary_name()
        run.parent.mkdir(exist_ok=True)
        sources = _written(folder, named)
        asked = {
            name: getattr(self._options, name)
            for name in self._options.__dataclass_fields__
        }
        try:
            api.match(sources, self._index, run, progress=self._progress, **asked)
        except InputError as error:
            error.add_note("The result could not be scanned again, and was removed")
            raise
        removals = Removals(run, options)
        return removals.count(), run


_SCANS = ".provscan-scans"


def _remove_scans(folder: Path) -> None:
    shutil.rmtree(folder / _SCANS, ignore_errors=True)


def _written(folder: Path, named: list[str]) -> list[str]:
    """The datasets that were written."""
    places = [folder / base_name(name) for name in named]
    return [str(place) for place in places if place.exists()]


def _clean_again(
    folder: Path,
    named: list[str],
    run: Path,
    options: CleanOptions,
    log: IO[str],
    number: int,
) -> list[dict[str, Any]]:
    """Clean what was written once more, by a run on it; what is written then."""
    summary, info = read_run(run, [MATCHES_FILE])
    dataset = open_dataset(_written(folder, named), info)
    inner = folder / _SCANS / temporary_name()
    inner.mkdir()
    chosen = replace(options, drop_unscanned=False)
    refused = unwritable(dataset, summary, chosen)
    if refused:
        name, why = next(iter(refused.items()))
        raise InputError(f"{name} can't be cleaned again: {why}")
    work = _Round(dataset, refused, chosen, inner, log, number)
    files = work.write(Removals(run, chosen))
    for source in _written(folder, named):
        place = Path(source)
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()
        if (inner / place.name).exists():
            (inner / place.name).rename(place)
    return files


def _count(dataset: Dataset, removals: Removals) -> list[dict[str, Any]]:
    """What would go from each file."""
    files = []
    for split in dataset.plan:
        name = dataset.sources[split.source]
        records = spans = 0
        for _, found in removals.of_source(name):
            records += 1
            spans += sum(map(len, found.values()))
        files.append({"source": name, "records_removed": records, "spans": spans})
    removals.require_all_used()
    return files


def _totals(files: list[dict[str, Any]]) -> dict[str, int]:
    names = ("records", "records_kept", "records_removed", "spans", "unscanned_removed")
    return {
        name: sum(file[name] for file in files)
        for name in names
        if all(name in file for file in files)
    }
