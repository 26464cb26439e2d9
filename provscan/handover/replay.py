"""Repeat a run of a bundle, and compare every row and figure.

:func:`replay` runs ``match`` on the given dataset and index with the recorded
parameters. Then it compares the inputs and the index by their checksums, the rows by
their canonical JSON, and ``summary.json`` value by value. Files may have other names,
since their checksums identify them (:func:`_recognised`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provscan.api import match
from provscan.engine import Progress
from provscan.errors import InputError, UsageError
from provscan.handover.bag import PAYLOAD, Archive
from provscan.handover.bundle import INPUT_LISTS
from provscan.handover.check import check
from provscan.handover.rows import KEY, Row, rows_of, write_without_texts
from provscan.handover.statement import canonical
from provscan.options import RESUMABLE, MatchOptions
from provscan.readers import Source
from provscan.runs.folder import MATCHES_FILE, RUN_FILE, SUMMARY_FILE
from provscan.writing import temporary_folder

# Options that name files on which results depend. These files may have been moved.
FILES = ("control", "clean_data", "other_sources", "baseline")
# Options that do not affect results.
RUNNING = ("workers", "ray", "log")
# The maximum number of rows that the message of a problem lists.
MOST_NAMED = 5
# Entries of ``run.json`` that must be equal for equal results.
CONDITIONS = {
    "the index": ("index", "fingerprint"),
    "the index's set of parameters": ("index", "params"),
    "the control": ("control", "fingerprint"),
}
# The properties by which an input is identified: checksum, version, name.
IDENTITIES = (("xxh3", "bytes"), ("version", "bytes"), ("source",))


def replay(
    bundle: Source,
    dataset: Source | Sequence[Source],
    index: Source,
    *,
    run: int = 1,
    out: Source | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Repeat a run of a bundle with its recorded parameters, and compare every row and
    figure.

    Parameters
    ----------
    bundle
        The archive. It is checked before the run is repeated.
    dataset
        The dataset of the run. Its files may have other names and another order.
    index
        The index of the run.
    run
        Number of the run in the bundle.
    out
        Folder for the repeated run. By default, the repeated run is not saved.
    progress
        Receives the progress of the run.
    **options
        The current paths of ``control``, ``clean_data``, ``other_sources`` and
        ``baseline``, if the run used them and they were moved; and ``workers``,
        ``ray`` and other options that do not affect results.

    Returns
    -------
    dict
        ``problems``: a list of sentences on inputs, rows and figures that differ;
        ``may_differ``: what may differ without being a problem, such as versions;
        ``rows`` and ``figures``: how many rows and figures were compared.

    Raises
    ------
    InputError
        The bundle is not intact, has no such run, or an input can't be read.
    IndexFormatError
        The index is missing or damaged.
    UsageError
        An option is given that is taken from the run.
    """
    for name in options.keys() - {*FILES, *RUNNING}:
        raise UsageError(f"{name} is taken from the run and can't be set: leave it out")
    if problems := check(bundle)["problems"]:
        raise InputError(
            f"{bundle} is not intact, so nothing was repeated: {problems[0]}"
        )
    folder = f"{PAYLOAD}run-{run}"
    with Archive(Path(bundle)) as archive, temporary_folder() as working:
        if f"{folder}/{RUN_FILE}" not in archive.entries:
            raise InputError(f"{bundle} has no run {run}")
        summary, info = (
            json.loads(archive.read(f"{folder}/{name}"))
            for name in (SUMMARY_FILE, RUN_FILE)
        )
        run_folder = working / "replay.run" if out is None else Path(out)
        recorded = {
            name: info["parameters"][name]
            for name in MatchOptions.__dataclass_fields__ & info["parameters"].keys()
            if name not in RESUMABLE or name in FILES
        }
        chosen: Any = recorded | {"allow_unread": True, "max_bad": 1.0} | options
        again = match(dataset, index, run_folder, progress=progress, **chosen)
        names, problems = _recognised(info, again.info)
        problems += _conditions(info, again.info)

        # Compare the rows.
        tables = run_folder
        if info.get("without_texts"):
            tables = working / "without_texts"
            tables.mkdir()
            write_without_texts(run_folder, tables)
        with archive.open(f"{folder}/{MATCHES_FILE}") as matches:
            before = _hashed(rows_of(matches))
        made = rows_of(tables / MATCHES_FILE)
        now = _hashed(
            {**row, "source": names.of(row["source"]) or row["source"]} for row in made
        )
        problems += _different_rows(before, now)

    # Compare the figures.
    unchanged = _Names({name: name for name in names.names.values()})
    figures, others = (
        dict(_figures(_comparable(found, used)))
        for found, used in ((summary, unchanged), (again.summary, names))
    )
    absent = "missing"
    for name in sorted(figures.keys() | others.keys()):
        was, is_now = (each.get(name, absent) for each in (figures, others))
        if was != is_now:
            problems.append(f"{name} of {SUMMARY_FILE} is {is_now!r}, but was {was!r}")
    return {
        "bundle": os.fspath(bundle),
        "run": None if out is None else str(run_folder),
        "problems": problems,
        "may_differ": list(_may_differ(info, again.info)),
        "rows": len(before),
        "figures": len(figures),
    }


def _recognised(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[_Names, list[str]]:
    """Identify the inputs of the original run among the new inputs.

    Returns
    -------
    names
        The original names of the files, by their new names.
    problems
        Inputs that are new, and inputs of the run that are missing.
    """
    names, problems = dict[str, str](), list[str]()
    for kind in INPUT_LISTS:
        old, new = list(before.get(kind, ())), list(now.get(kind, ()))
        for identity in IDENTITIES:
            for item in list(new):
                same = [x for x in old if _same(x, item, identity)]
                if same:
                    original, named = same[0], item["source"]
                    names.setdefault(named, original["source"])
                    old.remove(original)
                    new.remove(item)
        problems += [
            f"{item['source']} is not an input of the run: its XXH3-128 is "
            f"{item['xxh3']}"
            for item in new
        ]
        problems += [
            f"{item['source']} of the run ({item['bytes']} bytes, XXH3-128 "
            f"{item['xxh3']}) is not among the inputs"
            for item in old
        ]
        # Assume that the other new files are changed versions of the missing files, in
        # the same order, so that their rows are compared.
        for item, original in zip(new, old, strict=False):
            names.setdefault(item["source"], original["source"])
    return _Names(names), problems


def _same(
    old: Mapping[str, Any], new: Mapping[str, Any], identity: tuple[str, ...]
) -> bool:
    """Return whether two inputs are the same. Compare version and name only if there is
    no checksum.
    """
    values = [[each.get(name) for name in identity] for each in (old, new)]
    return values[0] == values[1] and (
        old["xxh3"] is None if "xxh3" not in identity else old["xxh3"] is not None
    )


def _conditions(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for what, (entry, name) in CONDITIONS.items():
        was, is_now = (each.get(entry, {}).get(name) for each in (before, now))
        if was != is_now:
            yield f"{what} differs: {name} is {is_now}, but was {was}"
    for what, entry in (("limit", "limits"), ("parameter", "parameters")):
        for name, was in before[entry].items():
            is_now = now[entry].get(name)
            if is_now != was and name not in {*RESUMABLE, *FILES}:
                yield f"the {what} {name} is {is_now}, but was {was}"


def _may_differ(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield the differences that are not problems, one sentence for each."""
    for entry, names in (
        ("versions", sorted(before["versions"].keys() | now["versions"].keys())),
        ("parameters", ["workers", "ray"]),
    ):
        for name in names:
            was, is_now = (each[entry].get(name) for each in (before, now))
            if was != is_now:
                yield f"{name} is {is_now}, but was {was}"
    for kind in INPUT_LISTS:
        for item in before.get(kind, ()):
            if item["xxh3"] is None:
                yield f"the content of {item['source']}, whose checksum is not recorded"
    yield "times, speeds and paths of files"


@dataclass(frozen=True)
class _Names:
    """The names that files had in the original run, by their names in one of the runs.

    A member of an archive has the name of the archive, a slash and its own name.
    """

    names: Mapping[str, str]

    def of(self, name: str) -> str | None:
        """Return the original name of a file, or None for a file that is no input."""
        for end in (len(name), *(n for n, c in enumerate(name) if c == "/")):
            if (original := self.names.get(name[:end])) is not None:
                return original + name[end:]
        return None


def _comparable(summary: Mapping[str, Any], names: _Names) -> dict[str, Any]:
    """Return the values of a summary that don't depend on how files are named.

    Files of the dataset have their original names. Names of other files are left out:
    their contents are compared by checksums. So are sentences and examples that
    mention files.
    """
    left_out = {"sources", "path", "unread", "problem", "reason"}

    def without(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if entry is None:
            return None
        return {key: value for key, value in entry.items() if key not in left_out}

    def named(entry: str, key: str) -> list[Any]:
        items = [
            {**(without(item) or {}), key: names.of(item[key])}
            for item in summary[entry]
        ]
        return sorted(items, key=repr)

    skipped = ("examples", "ignored", "known", "baseline")
    result = {key: value for key, value in summary.items() if key not in skipped}
    result |= {
        "sources": named("sources", "source"),
        "damaged": named("damaged", "source"),
        "unread": named("unread", "path"),
        "known": without(summary["known"]),
        "baseline": without(summary["baseline"]),
    }
    control = summary["control"]
    other_files = {name: without(control[name]) for name in ("null", "files")}
    result["control"] = control | other_files
    by_source = {
        names.of(name): value for name, value in summary["by"]["source"].items()
    }
    result["by"] = summary["by"] | {"source": by_source}
    return result


def _hashed(rows: Iterable[Row]) -> dict[tuple[Any, ...], bytes]:
    """Return the hash of each row, by its key. The exhibit number is left out of the
    hash, because it depends on the order of the files.
    """
    result = {}
    for row in rows:
        row["exhibit"] = None
        key = tuple(row[name] for name in KEY)
        result[key] = hashlib.sha256(canonical(row)).digest()
    return result


def _different_rows(
    before: Mapping[tuple[Any, ...], bytes], now: Mapping[tuple[Any, ...], bytes]
) -> Iterator[str]:
    common = before.keys() & now.keys()
    for what, keys in (
        ("missing rows", before.keys() - common),
        ("new rows", now.keys() - common),
        ("different rows", {key for key in common if before[key] != now[key]}),
    ):
        if keys:
            named = [
                f"{source}, record {record}, {field} {start}-{end}, tweet {tweet}"
                for source, record, field, start, end, tweet in sorted(keys, key=repr)
            ]
            yield f"{what}: {len(keys):,}, such as {'; '.join(named[:MOST_NAMED])}"


def _figures(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of each entry of a summary."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _figures(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _figures(item, f"{path}[{number}]")
    else:
        yield path, value
