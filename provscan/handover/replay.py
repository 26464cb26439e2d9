"""``replay``: repeats a run of a bundle and compares every row and figure.

:func:`replay` matches the given dataset and index with the recorded parameters. Then it
compares the inputs and the index by their checksums, the rows by their canonical JSON,
and ``summary.json`` value by value. Names of files may differ: files are recognised by
their checksums (:func:`_renamed`).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from provscan.api import match
from provscan.engine import Progress
from provscan.errors import InputError, UsageError
from provscan.handover.bag import PAYLOAD, Archive
from provscan.handover.bundle import INPUT_LISTS
from provscan.handover.check import check
from provscan.handover.rows import KEY, Row, rows_of, write_without_texts
from provscan.handover.statement import canonical
from provscan.options import RESUMABLE, MatchKeywords, MatchOptions
from provscan.runs.folder import EVIDENCE_FILE, MATCHES_FILE, RUN_FILE, SUMMARY_FILE

Source = str | os.PathLike[str]

# Options that a replay may choose anew; all others are those of the run.
CHOSEN = (
    *("control", "null", "known", "tokenizer"),
    *("workers", "executor", "address", "memory", "log", "parts"),
    *("shard_groups", "shards_from"),
)
# Entries of ``summary.json`` that list files, in the order in which they were read.
LISTS = ("sources", "examples", "damaged", "unread", "ignored")
# An entry whose keys are names of files.
BY_SOURCE = "by.source"
# Entries that name files which a replay may have elsewhere.
NAMES = ("control.files", "control.null.sources", "known.sources")
# Maximum number of rows that a problem names.
MOST_NAMED = 5


def replay(
    bundle: Source,
    dataset: Source | Sequence[Source],
    index: Source,
    *,
    run: int = 1,
    out: Source | None = None,
    progress: Progress | None = None,
    **options: Unpack[MatchKeywords],
) -> dict[str, Any]:
    """Repeat a run of a bundle with its recorded parameters, and compare every row and
    figure.

    Parameters
    ----------
    bundle
        The archive, which is checked first.
    dataset
        The dataset of the run, in any order of its files and under any names.
    index
        The index of the run.
    run
        Number of the run in the bundle.
    out
        Folder for the repeated run; by default it is not kept.
    progress
        Receives the progress of the run.
    **options
        Where ``control``, ``null``, ``known`` and ``tokenizer`` are now, if the run had
        them and they were moved; and how to run: ``workers``, ``executor`` and other
        options on which results do not depend.

    Returns
    -------
    dict
        ``problems``: inputs, rows and figures that differ, each in a sentence, empty if
        none do; ``may_differ``: what differs and does not matter, such as versions;
        ``rows``, the number of rows compared, and ``figures``, of figures.

    Raises
    ------
    InputError
        The bundle is not intact, has no such run, or an input can't be read.
    IndexFormatError
        There is no index, or a damaged one.
    UsageError
        An option is given that must be that of the run.
    """
    for name in options.keys() - set(CHOSEN):
        raise UsageError(f"{name} must be that of the run: leave it out")
    if problems := check(bundle)["problems"]:
        raise InputError(
            f"{bundle} is not intact, so nothing was repeated: {problems[0]}"
        )
    folder = f"{PAYLOAD}run-{run}"
    with Archive(Path(bundle)) as archive, tempfile.TemporaryDirectory() as working:
        if f"{folder}/{RUN_FILE}" not in archive.entries:
            raise InputError(f"{bundle} has no run {run}")
        summary, info = (
            json.loads(archive.read(f"{folder}/{name}"))
            for name in (SUMMARY_FILE, RUN_FILE)
        )
        place = Path(working, "replay.run") if out is None else Path(out)
        recorded = {
            name: info["parameters"][name]
            for name in MatchOptions.__dataclass_fields__
            if name not in RESUMABLE or name == "tokenizer"
        }
        chosen: Any = recorded | {"allow_unread": True, "max_bad": 1.0} | options
        again = match(dataset, index, place, progress=progress, **chosen)

        renamed, problems = _renamed(info, again.info)
        problems += _conditions(info, again.info)
        tables = place
        if "without_texts" in info:
            tables = Path(working, "without_texts")
            tables.mkdir()
            write_without_texts(place, tables)
        with (
            archive.open(f"{folder}/{MATCHES_FILE}") as matches,
            archive.open(f"{folder}/{EVIDENCE_FILE}") as evidence,
        ):
            before = _hashed(rows_of(matches, evidence), lambda name: name)
        now = _hashed(rows_of(tables / MATCHES_FILE, tables / EVIDENCE_FILE), renamed)
        problems += _different_rows(before, now)
        figures, others = (
            dict(_figures(each, how))
            for each, how in ((summary, lambda name: name), (again.summary, renamed))
        )
    absent = "not there"
    problems += [
        f"{name} of {SUMMARY_FILE} is {others.get(name, absent)!r}, and was "
        f"{figures.get(name, absent)!r}"
        for name in sorted(figures.keys() | others.keys())
        if figures.get(name, absent) != others.get(name, absent)
    ]
    return {
        "bundle": os.fspath(bundle),
        "run": None if out is None else str(place),
        "problems": problems,
        "may_differ": list(_may_differ(info, again.info)),
        "rows": len(before),
        "figures": len(figures),
    }


def _renamed(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[Callable[[str], str], list[str]]:
    """Recognise the inputs of a run by their checksums.

    Returns
    -------
    renamed
        Returns the name that a source of the new run had in the old one.
    problems
        Inputs that are other ones, or missing.
    """
    names, problems = {}, []
    for kind in INPUT_LISTS:
        old, new = list(before.get(kind, ())), list(now.get(kind, ()))
        for same in (("xxh3", "bytes"), ("bytes", "version"), ("source",)):
            for item in list(new):
                values = [item.get(name) for name in same]
                for other in old:
                    known = other["xxh3"] is None or same == ("xxh3", "bytes")
                    if known and [other.get(name) for name in same] == values:
                        names[item["source"]] = other["source"]
                        old.remove(other)
                        new.remove(item)
                        break
        # What is left are other files: take those of the same name for each other.
        for item in new:
            problems.append(
                f"{item['source']} is no input of the run: its XXH3-128 is "
                f"{item['xxh3']}"
            )
        for other in old:
            problems.append(
                f"{other['source']} of the run ({other['bytes']:,} bytes, XXH3-128 "
                f"{other['xxh3']}) is not among the inputs"
            )
        for item, other in zip(new, old, strict=False):
            names[item["source"]] = other["source"]

    def renamed(name: str) -> str:
        for new_name, old_name in names.items():
            if name == new_name or name.startswith(f"{new_name}/"):
                return old_name + name[len(new_name) :]
        return name

    return renamed, problems


def _conditions(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what must be equal, apart from the inputs, for equal results."""
    names = {
        "the index": ("index", "fingerprint"),
        "the parameters of the index": ("index", "params"),
        "the control": ("control", "fingerprint"),
        "the tokenizer": ("tokenizer", "xxh3"),
    }
    for what, (entry, name) in names.items():
        was, is_now = (each.get(entry, {}).get(name) for each in (before, now))
        if was != is_now:
            yield f"{what} is another one: {name} {is_now}, and was {was}"
    for name, limit in before["limits"].items():
        if now["limits"].get(name) != limit:
            yield f"the limit {name} is {now['limits'].get(name)}, and was {limit}"


def _may_differ(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in before["versions"].keys() | now["versions"].keys():
        was, is_now = (each["versions"].get(name) for each in (before, now))
        if was != is_now:
            yield f"version of {name}: {is_now}, and was {was}"
    for name in ("workers", "executor"):
        was, is_now = (each["parameters"][name] for each in (before, now))
        if was != is_now:
            yield f"{name}: {is_now}, and was {was}"
    yield "times, speeds and places of files"


def _hashed(
    rows: Iterator[Row], renamed: Callable[[str], str]
) -> dict[tuple[Any, ...], bytes]:
    """Return the canonical JSON's hash of each row by its key; exhibits of equal
    strength are numbered in the order of the files, so their numbers are left out.
    """
    result = {}
    for row in rows:
        row["source"] = renamed(row["source"])
        del row["exhibit"]
        key = tuple(row[name] for name in KEY)
        result[key] = hashlib.sha256(canonical(row)).digest()
    return result


def _different_rows(
    before: Mapping[tuple[Any, ...], bytes], now: Mapping[tuple[Any, ...], bytes]
) -> Iterator[str]:
    common = before.keys() & now.keys()
    for what, keys in (
        ("are missing", before.keys() - common),
        ("are new", now.keys() - common),
        ("differ", {key for key in common if before[key] != now[key]}),
    ):
        if keys:
            first = sorted(keys, key=repr)[:MOST_NAMED]
            named = "; ".join(
                f"{source}, record {record}, {field} {start}-{end}, tweet {tweet}"
                for source, record, field, start, end, tweet in first
            )
            yield f"{len(keys):,} rows {what}, such as {named}"


def _figures(
    summary: Mapping[str, Any], renamed: Callable[[str], str]
) -> Iterator[tuple[str, Any]]:
    """Yield each value of a summary with its path."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if path in NAMES:
            return
        if isinstance(value, Mapping):
            for name, item in value.items():
                own = renamed(name) if path == BY_SOURCE else name
                yield from walk(item, f"{path}.{own}".lstrip("."))
        elif isinstance(value, list):
            if path in LISTS:
                value = sorted(_with_names(value, renamed), key=repr)
            for number, item in enumerate(value):
                yield from walk(item, f"{path}[{number}]")
        else:
            yield path, value

    yield from walk(summary, "")


def _with_names(
    entries: Sequence[Mapping[str, Any]], renamed: Callable[[str], str]
) -> list[dict[str, Any]]:
    return [
        {
            name: renamed(value) if name in ("source", "path") else value
            for name, value in entry.items()
        }
        for entry in entries
    ]
