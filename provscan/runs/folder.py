"""The names of the files of a run, and functions that read and write these files.

:func:`read_run` reads a finished run, and checks it and the tables that its caller
reads later against their checksums. :func:`require_unchanged` checks more of them, and
the files of other results with checksums that :func:`seal` adds. :func:`verify_run`
checks a whole run.
:func:`write_summary` writes ``summary.json`` and, with the checksums of all other
files, ``run.json``. Until a run is complete, its files are in the folder that
:mod:`provscan.runs.target` provides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from provscan.errors import InputError
from provscan.opening import LARGE, read_small
from provscan.readers import checksum, file_checksum, is_remote
from provscan.readers.corpus.recipes import path_in_recipe
from provscan.urls import local_path

MATCHES_FILE = "matches.parquet"
SUMMARY_FILE = "summary.json"
RUN_FILE, REPORT_FILE = "run.json", "report.html"
RUN_FILES = (MATCHES_FILE, SUMMARY_FILE, RUN_FILE)
# Verdicts of reviewers on a sample of the findings, written by ``provscan review REVIEW
# VERDICTS...``. A run with this file is not replaced.
REVIEW_FILE = "review.json"
# What was scanned, for the run that replaces this one
# (:mod:`provscan.runs.scan.reuse`). No other command needs it.
SCANNED_FILE = "scanned.zip"
# The report is written after ``run.json``, which therefore does not list it.
WRITTEN = {*RUN_FILES, REPORT_FILE, SCANNED_FILE}
LAST_LINE = "\n<!-- written by provscan, XXH3-128 of all before this line: %s -->\n"
# Parameters that name files or folders, in addition to the datasets.
OTHER_INPUTS = ("control", "clean_data", "other_sources", "baseline")


def read_run(
    folder: Path, tables: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read ``summary.json`` and ``run.json`` of a run. Check that the run is complete
    (except for the report), and that both files and the given ``tables`` are unchanged.
    """
    for name in RUN_FILES:
        if not (folder / name).is_file():
            raise InputError(
                f"{folder / name} does not exist, so {folder} is not a finished run of "
                "match: name the folder of one, or run match again"
            )
    return read_summary(folder, tables)


def read_summary(
    folder: Path, tables: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read ``summary.json`` and ``run.json`` of a run or a probe. Check that both files
    and the given ``tables`` are unchanged.
    """
    info = read_json(folder / RUN_FILE)
    require_unchanged(folder, info, (*tables, SUMMARY_FILE))
    return read_json(folder / SUMMARY_FILE), info


def require_unchanged(
    folder: Path, info: dict[str, Any], names: Sequence[str], described: str = RUN_FILE
) -> None:
    """Check files of a folder against the checksums in ``info``, the content of its
    file ``described``, which :func:`seal` added.

    Raises
    ------
    InputError
        A file is missing or was changed.
    """
    try:
        _require_equal(folder / described, info["checksum"], info_checksum(info))
        for name in names:
            expected, path = info["files"][name]["xxh3"], folder / name
            _require_equal(path, expected, checksum(str(path)))
    except (KeyError, TypeError) as error:
        missing = isinstance(error, KeyError)
        what = f"{error} is missing" if missing else "they are malformed"
        raise InputError(
            f"{folder / described} has no valid checksums ({what}): make {folder} again"
        ) from error


def _require_equal(path: Path, expected: str, found: str) -> None:
    if found != expected:
        raise InputError(
            f"{path} was changed after it was written: restore it, or make "
            f"{path.parent} again"
        )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file of a run."""
    try:
        value = json.loads(read_small(path, LARGE))
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist, so {path.parent} is not a finished run: run match "
            "again"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path} can't be read as JSON ({error}): run match again"
        ) from None
    if not isinstance(value, dict):
        raise InputError(
            f"{path} contains {type(value).__name__} where an object is expected: run "
            "match again"
        )
    return value


def inputs_of(info: Mapping[str, Any]) -> list[Path]:
    """Return the paths on this machine that a run has read, according to its
    ``run.json``. Relative paths are also taken from the current folder, since the run
    may have been moved together with its inputs.
    """
    parameters = info.get("parameters") or {}
    named = [info.get("index", {}).get("path")]
    named += [parameters.get(name) for name in OTHER_INPUTS]
    named += [
        each["source"]
        for name in ("inputs", "null_inputs", "known_inputs")
        for each in info.get(name, ())
    ]
    flat = [
        path
        for each in named
        for path in (each if isinstance(each, list | tuple) else [each])
    ]
    folder = Path(info.get("folder") or ".")
    local = {local_path(path_in_recipe(str(path))) for path in flat if path is not None}
    return [
        base / path
        for path in sorted(local)
        if path and not is_remote(path)
        for base in (folder, Path())
    ]


def verify_run(folder: Path) -> dict[str, Any]:
    """Check the files of a run against their checksums in ``run.json``, and their
    counts against each other.
    """
    try:
        # A run may have additional tables.
        named = read_json(folder / RUN_FILE).get("files", ())
        summary, _ = read_run(folder, sorted({MATCHES_FILE, *named} - {SUMMARY_FILE}))
        table = pq.read_table(folder / MATCHES_FILE, columns=["control", "counted"])
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise InputError(
            f"{folder} can't be read ({error}): run match again"
        ) from error
    matches = table.filter(pc.invert(table["control"]))
    found = {
        "matches": len(matches),
        "findings": len(matches.filter(matches["counted"])),
    }
    for what, number in found.items():
        if summary[what] != number:
            raise InputError(
                f"{folder}: {SUMMARY_FILE} has {summary[what]} {what}, but "
                f"{MATCHES_FILE} has {number}, so one of them was changed: run match "
                "again"
            )
    return {"run": str(folder), **found, "rows": len(table)}


def is_page(path: Path) -> bool:
    """Return whether a file is a page with :func:`last_line` that no one has
    changed.
    """
    if path.is_symlink():
        return False
    found = path.read_bytes()
    body = found[: -len(last_line(b""))]
    return found == body + last_line(body)


def last_line(body: bytes) -> bytes:
    """Return the last line of a page, which shows whether the page was changed."""
    return (LAST_LINE % xxhash.xxh3_128_hexdigest(body)).encode()


def write_json(path: Path, value: dict[str, Any]) -> None:
    try:
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise AssertionError(
            f"{path.name} would contain a number that is not finite, so it was not "
            "written: this is a bug of provscan"
        ) from error
    # A lone surrogate in a file name is written as a JSON escape.
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_summary(
    folder: Path, summary: dict[str, Any], info: dict[str, Any], tables: Sequence[str]
) -> None:
    """Write ``summary.json``, and ``run.json`` with the checksums of the other
    files.
    """
    write_json(folder / SUMMARY_FILE, summary)
    seal(folder, info, (*tables, SUMMARY_FILE))
    write_json(folder / RUN_FILE, info)


def seal(folder: Path, info: dict[str, Any], names: Sequence[str]) -> None:
    """Add the checksums of files of a folder, and of ``info`` itself, to ``info``."""
    info["files"] = {
        name: {
            "bytes": (folder / name).stat().st_size,
            "xxh3": file_checksum(folder / name),
        }
        for name in names
    }
    info["checksum"] = info_checksum(info)


def info_checksum(info: dict[str, Any]) -> str:
    """Return the XXH3-128 of ``run.json`` without its own checksum."""
    body = {key: value for key, value in info.items() if key != "checksum"}
    return xxhash.xxh3_128_hexdigest(json.dumps(body, sort_keys=True).encode())
