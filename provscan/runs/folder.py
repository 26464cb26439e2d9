"""The folder of a run: unfinished beside its place at first, so that an interrupted run can go on; whole when in place.

``NAME.run.unfinished`` holds ``unfinished.json`` (what the run was asked for and what it reads) and the parts that are
complete. It becomes ``NAME.run`` when all is written.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from provscan.errors import InputError, OutputError, RecallError, UsageError
from provscan.index.folder import sync, sync_all
from provscan.readers import counted, file_checksum

MATCHES_FILE, EVIDENCE_FILE, SUMMARY_FILE = "matches.parquet", "evidence.parquet", "summary.json"
RUN_FILE, REPORT_FILE, PASSAGES_FILE = "run.json", "report.html", "passages.parquet"
RUN_FILES = (MATCHES_FILE, EVIDENCE_FILE, SUMMARY_FILE, RUN_FILE)
# Which only a probe has.
PLAN_FILE, ANSWERS_FILE, MODEL_FILE = "plan.json", "answers.jsonl", "model.json"
TWEETS_FILE, RECITATIONS_FILE = "tweets.parquet", "recitations.parquet"
# What reports and lists of a run or a probe are made from.
DATA = {*RUN_FILES, PASSAGES_FILE, PLAN_FILE, ANSWERS_FILE, MODEL_FILE, TWEETS_FILE, RECITATIONS_FILE}
# Where `provscan report --format pdf` writes it.
PDF_FILE = "report.pdf"
CHECKPOINT, PARTS, CONTROL, LOCK = "unfinished.json", "parts", "control", "lock"
NULL_PARTS, KNOWN_PARTS = "null", "known"
ALL_PARTS = (PARTS, NULL_PARTS, KNOWN_PARTS)

FILES = {
    *RUN_FILES, REPORT_FILE, PASSAGES_FILE, PDF_FILE, CHECKPOINT, *ALL_PARTS, CONTROL, LOCK,
}  # fmt: skip

# Names of what a checkpoint holds, for messages.
NAMES = {
    "options": "options", "limits": "limits of the readers", "index": "index", "control": "control files",
    "files": "input files", "splits": "splits", "null_files": "files of the null dataset",
    "null_splits": "splits of the null dataset", "known_files": "files of the known data",
    "known_splits": "splits of the known data",
}  # fmt: skip
FILES_OF_RUNS = ("control", "files", "splits", "null_files", "null_splits", "known_files", "known_splits")


@dataclass
class RunFolder:
    """A run folder that is being written."""

    path: Path  # Where to write.
    earlier: dict[str, Any] | None  # The checkpoint of the interrupted run that goes on, if there is one.
    resumable: bool = False  # Whether what is complete is worth keeping.

    @property
    def parts(self) -> Path:
        return self.path / PARTS

    def begin(self, checkpoint: dict[str, Any], *, resumable: bool) -> None:
        """Note what the run is, or compare it with the run that goes on."""
        known = json.loads(json.dumps(checkpoint))
        if self.earlier is not None:
            for name, words in NAMES.items():
                before = self.earlier.get(name)
                if known.get(name) != before:
                    advice = "Restore the files as they were, repeat" if name in FILES_OF_RUNS else "Repeat"
                    raise UsageError(
                        f"can't resume {self.path}: its {words} differ{_difference(before, known.get(name))}. "
                        f"{advice} the first command with --resume, or start again with --overwrite"
                    )
        self.resumable = resumable
        write_json(self.path / CHECKPOINT, known)


def require_run(path: Path) -> None:
    """Raise :class:`~provscan.errors.InputError` unless a folder is a run, with all of its files but the report."""
    if (path / PLAN_FILE).is_file():
        raise InputError(f"{path} is a probe, and not the run of a match: info, report and probe score read it")
    for name in RUN_FILES:
        if not (path / name).is_file():
            raise InputError(f"{path / name} does not exist, so {path} is no finished run: run match again")


def read_run(folder: Path, tables: Sequence[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """``summary.json`` and ``run.json`` of a run, which together with some `tables` are as they were written."""
    require_run(folder)
    info = read_json(folder / RUN_FILE)
    try:
        for name in (RUN_FILE, *tables, SUMMARY_FILE):
            own = name == RUN_FILE
            expected = info["checksum"] if own else info["files"][name]["xxh3"]
            if (found := info_checksum(info) if own else file_checksum(folder / name)) != expected:
                raise InputError(f"{folder / name} was changed: expected XXH3-128 {expected}, found {found}")
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder / RUN_FILE} names no checksum of {error}: run match again") from error
    return read_json(folder / SUMMARY_FILE), info


def read_json(path: Path) -> dict[str, Any]:
    """An object in a file of a run."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path} does not exist, so {path.parent} is no finished run: run match again") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as JSON ({error}): run match again") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds {type(value).__name__} where an object is expected: run match again")
    return value


def write_json(path: Path, value: dict[str, Any]) -> None:
    # A file name need not be valid Unicode: a lone surrogate becomes an escape of JSON.
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_summary(folder: Path, summary: dict[str, Any], info: dict[str, Any], tables: Sequence[str]) -> None:
    """``summary.json``, and ``run.json`` with the checksums of the other files."""
    write_json(folder / SUMMARY_FILE, summary)
    info["files"] = {
        name: {"bytes": (folder / name).stat().st_size, "xxh3": file_checksum(folder / name)}
        for name in (*tables, SUMMARY_FILE)
    }
    info["checksum"] = info_checksum(info)
    write_json(folder / RUN_FILE, info)


def info_checksum(info: dict[str, Any]) -> str:
    """XXH3-128 of what ``run.json`` says, but for its own checksum."""
    body = {key: value for key, value in info.items() if key != "checksum"}
    return xxhash.xxh3_128_hexdigest(json.dumps(body, sort_keys=True).encode())


@contextlib.contextmanager
def run_folder(target: Path, *, resume: bool, overwrite: bool) -> Iterator[RunFolder]:
    """A folder to write a run to, which takes the place of ``target`` when the block ends well.

    When it does not, complete parts are kept, and a note about how to go on is added to the error. With `resume` an
    unfinished run goes on, if there is one; with `overwrite` an older run, or an unfinished one, may go.
    """
    if os.path.lexists(target):
        if not overwrite:
            done = ", so there is no interrupted run to go on with" * resume
            raise OutputError(f"{target} exists already{done}: name another folder, or replace it with --overwrite")
        _check_replaceable(target)
    # Where the target is a link, what it leads to is replaced.
    place = Path(os.path.realpath(target))
    unfinished = place.with_name(f"{place.name}.unfinished")
    shown = target.with_name(unfinished.name)
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"can't write beside {target}: {error.strerror}") from error
    with _locked(unfinished, shown):
        folder = RunFolder(unfinished, _earlier(unfinished, shown, resume=resume, overwrite=overwrite))
        try:
            if folder.earlier is None:
                for name in ALL_PARTS:
                    shutil.rmtree(unfinished / name, ignore_errors=True)
            shutil.rmtree(unfinished / CONTROL, ignore_errors=True)
            yield folder
            _put(unfinished, place)
        except BaseException as error:
            _keep_or_remove(folder, shown, error)
            if isinstance(error, OSError):
                raise _failed(error, target) from error
            raise
    for name in (*ALL_PARTS, CONTROL):
        shutil.rmtree(place / name, ignore_errors=True)
    for name in (CHECKPOINT, LOCK):
        (place / name).unlink(missing_ok=True)


def _check_replaceable(target: Path) -> None:
    """Raise an error unless provscan wrote everything in a folder, or it is empty."""
    if not target.is_dir():
        raise OutputError(f"{target} is not a folder, so it is not replaced: name another place")
    if not os.access(target, os.W_OK):
        raise OutputError(f"{target} is write-protected, so it is not replaced: name another folder")
    foreign = sorted({path.name for path in target.iterdir()} - FILES)
    try:
        ours = not any(target.iterdir()) or "parameters" in json.loads((target / RUN_FILE).read_bytes())
    except (OSError, ValueError, TypeError):
        ours = False
    if foreign or not ours:
        why = f"it holds {foreign[0]}" if foreign else f"it has no {RUN_FILE} that provscan wrote"
        raise OutputError(f"{target} is not a run ({why}), so it is not replaced: name another folder")


def _failed(error: OSError, target: Path) -> OutputError:
    failed = OutputError(f"writing {target} failed: {error.strerror or error}")
    for note in getattr(error, "__notes__", []):
        failed.add_note(note)
    return failed


def _keep_or_remove(folder: RunFolder, shown: Path, error: BaseException) -> None:
    complete = sum(1 for name in ALL_PARTS for _ in (folder.path / name).glob("*.json"))
    differs = isinstance(error, UsageError) and folder.earlier is not None
    if differs or (complete and folder.resumable and not isinstance(error, RecallError)):
        if not differs:
            error.add_note(
                f"{counted(complete, 'complete part')} kept in {shown}: repeat the command with --resume to go on, or "
                "with --overwrite once an input file has changed"
            )
    else:
        shutil.rmtree(folder.path, ignore_errors=True)
        if not isinstance(error, KeyboardInterrupt):
            error.add_note("No results were saved")


def _earlier(unfinished: Path, shown: Path, *, resume: bool, overwrite: bool) -> dict[str, Any] | None:
    """The checkpoint to go on from."""
    names = {path.name for path in unfinished.iterdir()}
    if CHECKPOINT not in names:
        if names - {LOCK, *ALL_PARTS, CONTROL}:
            raise OutputError(f"{shown} is not an unfinished run, so it is not replaced: name another folder")
        return None
    if not resume:
        if not overwrite:
            raise OutputError(f"{shown} holds an interrupted run: go on with --resume, or discard it with --overwrite")
        return None
    try:
        checkpoint: dict[str, Any] = json.loads((unfinished / CHECKPOINT).read_bytes())
    except ValueError:
        # It was interrupted before its first part.
        return None
    return checkpoint


@contextlib.contextmanager
def _locked(folder: Path, shown: Path) -> Iterator[None]:
    """Hold the folder; the system lets go of it when this process ends, however it ends."""
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(
                f"{shown} is being written by another process: wait for it, or name another folder"
            ) from error
        yield


def _put(temporary: Path, place: Path) -> None:
    """Move a folder to its place; what was there goes afterwards, or comes back."""
    sync_all([path for path in temporary.iterdir() if path.is_file() and path.name not in (CHECKPOINT, LOCK)])
    sync(temporary)
    if not place.exists():
        temporary.rename(place)
        sync(place.parent)
        return
    if _exchange(temporary, place):
        sync(place.parent)
        shutil.rmtree(temporary, ignore_errors=True)
        return
    retired = temporary.with_name(temporary.name + ".old")
    place.rename(retired)
    try:
        temporary.rename(place)
    except BaseException:
        retired.rename(place)
        raise
    # It is replaced already: what can't be removed is no reason to say it failed.
    shutil.rmtree(retired, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Let two folders change places at once, where the system can: no instant has neither."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    cwd, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename is not None and rename(cwd, os.fsencode(first), cwd, os.fsencode(second), exchange) == 0


def _difference(before: Any, now: Any) -> str:
    """What differs, in words, where they are dicts or lists."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in now if before.get(name) != now[name]]
        return f" ({', '.join(f'{name} was {before.get(name)!r} and is {now[name]!r}' for name in names[:3])})"
    if isinstance(before, list) and isinstance(now, list):
        changed = [item[0] for item in now if item not in before] or [item[0] for item in before if item not in now]
        return f" ({', '.join(map(str, changed[:3]))})"
    return ""
