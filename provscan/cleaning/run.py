"""Clean a dataset, from checking the run to writing the manifest.

:func:`clean` checks the run and the dataset, writes and scans the result
(:mod:`provscan.cleaning.result`), and writes the manifest.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from provscan.cleaning.choice import (
    KEY,
    Choice,
    CleanKeywords,
    CleanOptions,
    Rejected,
    Removals,
)
from provscan.cleaning.files import (
    Dataset,
    base_name,
    match_options,
    open_dataset,
)
from provscan.cleaning.result import (
    Entry,
    left_in,
    not_written,
    write_files,
)
from provscan.cleaning.rewriting import COUNTS
from provscan.cleaning.work import WORK, Unpublished
from provscan.engine import Progress
from provscan.errors import (
    InputError,
    OutputError,
    UnusableError,
    UsageError,
)
from provscan.matching import Index, open_index
from provscan.options import MatchOptions
from provscan.params import require_folder
from provscan.readers import Source, checksum, source_list
from provscan.readers.finding import CLEANED, CLEANED_FORMAT, METADATA
from provscan.report.files import RunFiles
from provscan.runs.folder import (
    MATCHES_FILE,
    read_json,
    read_run,
    require_unchanged,
    write_json,
)
from provscan.unfinished import (
    CHECKPOINT,
    require_new,
    require_outside,
    unfinished_folder,
    unfinished_path,
)
from provscan.writing import require_own

MANIFEST, REMOVED = CLEANED
# The options of the run that are replaced when the result is scanned.
RESCAN_OPTIONS = {
    "clean_data": None,
    "spike_ins": 0,
    "fail_above": None,
    "fail_above_claimed": None,
    "log": None,
    "allow_unread": True,
    "max_bad": 1.0,
    "digests": True,
}
# The counts that are added up over the files.
TOTALS = (*COUNTS, "records_removed")


@dataclass(frozen=True)
class Cleaned:
    """A cleaned dataset.

    Attributes
    ----------
    path
        The folder with the cleaned dataset, ``manifest.json`` and ``removed.jsonl``;
        None for a dry run.
    manifest
        The content of ``manifest.json``: what was removed, from which files and why.
    """

    path: Path | None
    manifest: dict[str, Any]

    @property
    def left(self) -> int:
        """The number of records in the result that have matches to remove."""
        return int(self.manifest["left"] or 0)


def clean(
    sources: Source | list[Source],
    run: Source,
    out: Source | None = None,
    *,
    index: Source | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    **options: Unpack[CleanKeywords],
) -> Cleaned:
    """Write a copy of a dataset without the matches that a run found in it.

    The result is scanned with the index and the options of the run.

    Parameters
    ----------
    sources
        The datasets of the run: files and folders, in the same order.
    run
        The run folder.
    out
        A new folder. It gets the cleaned datasets under their own names,
        ``manifest.json``, and ``removed.jsonl``, a list of the removed records.
    index
        The index, if it has been moved since the run.
    workers
        The number of workers that write files and scan the result; by default, one per
        processor.
    overwrite
        Replace an existing cleaned dataset. To resume an interrupted call, repeat it:
        complete files are not written again.
    dry_run
        Write nothing, and only count the matches that would be removed.
    progress
        Receives the progress in bytes read.
    **options
        The options of :class:`provscan.cleaning.CleanOptions`.

    Returns
    -------
    Cleaned

    Raises
    ------
    InputError
        The run can't be used, the dataset has changed since the run, or a file can't be
        written.
    OutputError
        ``out`` exists or can't be written.
    UsageError
        The arguments differ from those of the interrupted call, ``out`` is missing, or
        the data are in memory.
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
    datasets = source_list(sources)
    if datasets is None:
        raise UsageError("data in memory can't be cleaned: name files or folders")
    require_folder("run", run)
    base = Path(run)
    summary, info = read_run(base)
    require_unchanged(base, info, sorted(info["files"]))
    _require_usable(info, chosen)
    scan_options, progress = _options(info, workers), progress or Progress()
    dataset = open_dataset(datasets, summary, info)
    choice = Choice(base / MATCHES_FILE, chosen, _rejected(base, chosen))
    refused = dataset.unwritable(choice)
    if refused and not chosen.skip_unwritable:
        raise not_written(refused)
    manifest = {
        "format": CLEANED_FORMAT,
        "version": 1,
        "run": {
            "path": str(run),
            "checksum": info["checksum"],
            "index_fingerprint": info["index"]["fingerprint"],
            "rule": summary["rule"],
        },
        "options": chosen.as_dict(),
        "unwritable": refused,
        "rejected": choice.kept,
        "not_cleaned": sum(summary["skipped"].values()),
        "not_copied": [
            path
            for path, why in dataset.plan.ignored
            if os.path.basename(path) not in METADATA
        ],
    }
    if dry_run:
        return Cleaned(
            None, manifest | _with_totals(_planned(dataset, choice, refused))
        )
    if out is None:
        raise UsageError("the result needs a new folder: name it with out (-o)")
    require_folder("out", out)
    target = Path(out)
    _require_target(target, datasets, overwrite=overwrite)
    searched = None if chosen.keep_only else _index(info, index)
    marks = None if chosen.reviewed is None else checksum(str(chosen.reviewed))
    request = {
        "run": info["checksum"],
        "datasets": datasets,
        "options": chosen.as_dict() | {"skip_unwritable": None, "reviewed": marks},
    }
    with unfinished_folder(target, WORK, overwrite=overwrite) as folder:
        folder.begin(request)
        # The earlier call was interrupted at its very end.
        if target.exists() and not overwrite:
            return Cleaned(target, read_json(target / MANIFEST))
        result = Unpublished(folder.path)
        files = write_files(
            result, dataset, choice, refused, scan_options.threads, progress
        )
        texts = sum(file.pop("texts") for file in files)
        left = None if searched is None else 0
        if texts and searched is not None:
            left = left_in(result, dataset, choice, searched, scan_options, progress)
        manifest |= _with_totals(files) | {"left": left}
        with (result.files / REMOVED).open("wb") as removed:
            removed.writelines(result.removed())
        write_json(result.files / MANIFEST, manifest)
        folder.publish(result.files, replace=overwrite)
    return Cleaned(target, manifest)


def _require_usable(info: dict[str, Any], options: CleanOptions) -> None:
    """Check that the dataset of a run can be cleaned with its matches."""
    parameters = info.get("parameters")
    if not isinstance(parameters, dict) or "limits" not in info:
        raise InputError(
            "the run was not made by provscan match: run match on the dataset"
        )
    if parameters.get("sample") is not None or "parts_sampled" in info:
        raise InputError(
            "the run scanned only a sample of the records: run match on the whole "
            "dataset"
        )
    for name in ("outputs", "fix_encoding"):
        if parameters.get(name) and options.mask is not None:
            raise InputError(
                f"the run scanned with --{name.replace('_', '-')}, so its spans are "
                "not exact: leave out --mask, so that whole records are dropped"
            )


def _require_target(target: Path, datasets: list[str], *, overwrite: bool) -> None:
    """Raise an error unless the result can be written to the target."""
    require_outside(target, datasets)
    if overwrite and os.path.lexists(target):
        require_own(target, _own_files(target))
    elif not (
        (unfinished_path(target) / CHECKPOINT).is_file()
        and (target / MANIFEST).is_file()
    ):
        require_new(target, WORK)
    names = [base_name(name) for name in datasets]
    if len(set(names)) < len(names) or {MANIFEST, REMOVED} & set(names):
        raise OutputError(
            f"the datasets need different names in {target}, other than {MANIFEST} and "
            f"{REMOVED}: rename one of {', '.join(names)}"
        )


def _own_files(target: Path) -> set[str]:
    """Return the paths of the files of a cleaned dataset, according to its manifest."""
    try:
        manifest = read_json(target / MANIFEST)
        if manifest["format"] != CLEANED_FORMAT:
            return set()
        written = {str(file["path"]) for file in manifest["files"]}
    except (UnusableError, KeyError, TypeError):
        return set()
    copied = {
        str(path.relative_to(target))
        for path in target.rglob("*")
        if path.name in METADATA
    }
    return {MANIFEST, REMOVED, *written, *copied}


def _rejected(run: Path, options: CleanOptions) -> frozenset[Rejected]:
    """Return the tweets that reviewers rejected in the report of a run."""
    if options.reviewed is None:
        return frozenset()
    files = RunFiles.open(run)
    marks = files.review(Path(options.reviewed)).marks
    rows = [row for row, mark in marks.items() if mark["verdict"] == "rejected"]
    found = files.exhibits.select(KEY).take(rows)
    return frozenset(Rejected(**row) for row in found.to_pylist())


def _options(info: dict[str, Any], workers: int | None) -> MatchOptions:
    """Return the options with which the result is scanned: those of the run, apart from
    ``RESCAN_OPTIONS`` and those about workers.
    """
    changed: dict[str, Any] = {"workers": workers, "ray": None}
    for name in ("control", "other_sources"):
        files = info["parameters"].get(name)
        changed[name] = files and [os.path.join(info["folder"], f) for f in files]
    return match_options(info, RESCAN_OPTIONS | changed)


def _index(info: dict[str, Any], named: Source | None) -> Index:
    """Open the index of a run, and check that it has not changed."""
    expected = info["index"]["fingerprint"]
    path = Path(info["folder"], info["index"]["path"] if named is None else named)
    try:
        index = open_index(path)
    except UnusableError as error:
        error.add_note("If the index was moved, name it with --index")
        raise
    if index.fingerprint != expected:
        raise InputError(
            f"{path} is not the index of the run: expected fingerprint {expected}, "
            f"found {index.fingerprint}. Name that index with --index, or run match "
            "again"
        )
    return index


def _planned(dataset: Dataset, choice: Choice, refused: dict[str, str]) -> list[Entry]:
    """Count the matches that would be removed from each file."""
    files = []
    for task in dataset.tasks(choice, refused):
        for each in task.inputs:
            found = Removals(each.matches, each.source).within(0, sys.maxsize)
            spans = sum(
                len(spans) for fields in found.values() for spans in fields.values()
            )
            counts = {"records_with_matches": len(found), "spans": spans}
            files.append({"source": each.source, **counts})
    return files


def _with_totals(files: list[Entry]) -> dict[str, Any]:
    """Return the entries of files and their totals, for the manifest."""
    totals = {
        name: sum(file[name] for file in files)
        for name in TOTALS
        if all(name in file for file in files)
    }
    return totals | {"files": files, "left": None}
