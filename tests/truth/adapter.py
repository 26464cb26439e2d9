"""Run provscan, and return results as values of the truth machine.

This is the only module of the machine that knows names of options, columns, keys of
``summary.json`` and statuses of answers (``tables.toml`` has command lines), so a name
that changes in provscan changes only here.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections import Counter, namedtuple
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pyarrow.parquet as pq
from click.testing import CliRunner

import provscan
from provscan import api, handover
from provscan.cleaning.cutting import CUTS
from provscan.cleaning.tables import TABLES
from provscan.cli import main
from provscan.errors import InputError, UnusableError
from provscan.handover.case import write_case
from provscan.matching import scan_task
from provscan.readers import planning
from provscan.readers.bytes.compression import COMPRESSIONS
from provscan.readers.formats.registry import FORMATS
from provscan.report.export import export

# The machine's names of options that have other names in provscan.
OPTIONS = {"planted": "spike_ins", "null": "clean_data", "known": "other_sources"}
# Files of a run that it need not have.
OPTIONAL_FILES = ("report.html", "scanned.zip")
build_index = provscan.build_index
# The errors for data that can't be used or written, and for data without text.
Refused, NoText = UnusableError, InputError
# Exit statuses.
DONE, CROSSED, UNUSABLE = 0, 1, 3
# A status of an answer.
CLAIM = "copies_found"
# Levels of matches of unchanged texts.
EXACT = "exact"
LITERAL = (EXACT, "near_exact")
COUNTS = ("records", "records_matched", "texts_found", "matches", "findings")
UNITS = ("records", "texts", "tweets", "characters")
# Figures of a unit for all of the dataset. "findings" are those of the sample.
PROJECTED = ("at_least", "at_most", "at_most_any")
PLACE = ("source", "record", "field", "start", "end", "tweet_id")
COLUMNS = (*PLACE, "record_id", "tweets", "level")
COLUMNS += ("counted", "control", "common", "known", "passage", "tweet", "new")
# What a summary says of names of files, and of how the run was executed. The verdicts
# on fields are counted by file.
OF_FILES = {"sources", "examples", "damaged", "unread", "ignored", "baseline", "fields"}


# A match. Only a finding has a passage, and the text of a tweet.
Row = namedtuple(
    "Row",
    "source record field start end tweet record_id tweets level finding control common "
    "known passage text new",
)
# The numbers of one unit, such as records. A withheld number is None.
Bounds = namedtuple("Bounds", "findings at_least at_most low value high")


def place(row: Row) -> tuple[Any, ...]:
    return row[: len(PLACE)]


def _no_number(name: str) -> float:
    raise ValueError(f"the summary has a number that is {name}")


@dataclass(frozen=True)
class Result:
    """The result of a scan, read from the folder of the run."""

    path: Path

    @cached_property
    def summary(self) -> dict[str, Any]:
        text = (self.path / "summary.json").read_text("utf-8")
        return json.loads(text, parse_constant=_no_number)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All matches, in the order of the file."""
        table = pq.read_table(self.path / "matches.parquet", columns=list(COLUMNS))
        return tuple(Row(*map(row.get, COLUMNS)) for row in table.to_pylist())

    @property
    def licensed(self) -> tuple[Row, ...]:
        """The matches of licensed texts, which are not those of a control."""
        return tuple(row for row in self.rows if not row.control)

    @property
    def findings(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.finding)

    @property
    def claims(self) -> bool:
        return self.summary["answer"]["status"] == CLAIM

    def bounds(self, unit: str) -> Bounds:
        """The numbers of one of :data:`UNITS`."""
        layers = self.summary["answer"][unit]
        every = layers | (layers.get("estimate") or {})
        return Bounds(*map(every.get, Bounds._fields))

    @property
    def totals(self) -> list[float]:
        """The number of records in the dataset as each figure implies it, which is
        given as a number and as a share.
        """
        layers = self.summary["answer"]["records"]
        share = layers["share"]
        known = (each for each in PROJECTED if layers.get(each) and share.get(each))
        return [layers[name] / share[name] for name in known]

    @property
    def scanned(self) -> int:
        """The number of records that were scanned."""
        return self.summary["records"]

    @property
    def read(self) -> dict[str, int]:
        """The number of records that were met in each source, scanned or not."""
        return {item["source"]: item["read"] for item in self.summary["sources"]}

    @property
    def left_out(self) -> int:
        """The number of records that were not scanned."""
        return sum(self.summary["skipped"].values())

    @property
    def share(self) -> float:
        """The share of the dataset that was scanned."""
        return self.summary.get("sample", {"share": 1.0})["share"]

    @property
    def incomplete(self) -> list[str]:
        """Sources and codes of which something was said to be left out."""
        files = [item["path"] for item in self.summary["unread"]]
        files += [item["source"] for item in self.summary["damaged"]]
        return files + [code for code in self.summary["notes"] if code == "too_deep"]

    def figures(self) -> dict[str, Any]:
        """All of the summary that does not depend on names of files or on how the run
        was executed.
        """
        kept = {k: v for k, v in self.summary.items() if k not in OF_FILES}
        kept["by"] = {k: v for k, v in kept["by"].items() if k != "source"}
        for key in ("control", "known"):
            found = kept[key].items() if isinstance(kept[key], dict) else ()
            kept[key] = {k: v for k, v in found if k not in OF_FILES}
        kept["field_codes"] = {
            name: {*codes}
            for name, codes in kept["field_codes"].items()
            if any(code.startswith("scanned") for code in codes)
        }
        return kept

    def counts(self) -> tuple[Counter[str], Counter[str]]:
        """Return counts of the summary, and the same counts of the rows."""
        said, rows, found = self.summary, self.licensed, self.findings
        stated = {f"{unit} found": self.bounds(unit).findings for unit in UNITS[:2]}
        stated |= {name: said[name] for name in COUNTS} | said["levels"]
        stated |= {each["source"]: each["matches"] for each in said["sources"]}
        counted = {
            "records found": len({row[:2] for row in found}),
            "texts found": len({row.tweet for row in found}),
            "records_matched": len({row[:2] for row in rows}),
            "texts_found": len({row.tweet for row in rows}),
            "matches": len(rows),
            "findings": len(found),
            "records": sum(each["records"] for each in said["sources"]),
        }
        counted |= Counter(row.level for row in rows)
        counted |= Counter(row.source for row in rows)
        # Without the names that occur only in the summary, with 0.
        return +Counter(stated), +Counter(counted)


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    output: str
    errors: str


def command(*words: Any) -> Ended:
    """Run a command in this process, for example ``command("match", "a.jsonl")``."""
    done = CliRunner().invoke(main, [*map(str, words)])
    return Ended(done.exit_code, done.stdout, done.stderr)


def named(options: Mapping[str, Any]) -> dict[str, Any]:
    return {OPTIONS.get(name, name): value for name, value in options.items()}


def words_of(options: Mapping[str, Any]) -> list[str]:
    """Return options of the machine as words of a command line."""
    words = []
    for name, value in named(options).items():
        option = "--" + name.replace("_", "-")
        if value is not None and value is not False:
            words.append(option if value is True else f"{option}={value}")
    return words


@contextmanager
def small_parts(size: int | None) -> Iterator[None]:
    """Have files cut into parts of about ``size`` bytes."""
    names = ("SMALLEST_SPLIT", "LEAST_SPLIT", "MOST_SPLIT")
    sizes = {name: size or getattr(planning, name) for name in names}
    with mock.patch.multiple(planning, **sizes):
        yield


@contextmanager
def without_pages() -> Iterator[None]:
    """Have runs without ``report.html``, which takes a fifth of the time."""
    with mock.patch.object(api, "write_report"):
        yield


def scan(
    sources: Sequence[Path],
    index: Path,
    out: Path,
    *,
    by_command: bool = False,
    parts: int | None = None,
    stop_after: int | None = None,
    **options: Any,
) -> Result:
    """Scan a dataset, whose files are cut into parts of about ``parts`` bytes. With
    ``stop_after``, a scan is first interrupted when it opens one more part than that.
    """

    def match() -> None:
        provscan.match(list(map(os.fspath, sources)), index, out, **named(options))

    with small_parts(parts):
        if stop_after is not None:
            with _interrupted(stop_after), mock.patch.dict(options, {"workers": 1}):
                match()
            if (out / "summary.json").exists():
                shutil.rmtree(out)
        if by_command:
            words = ["-i", index, "-o", out, *words_of(options), "--"]
            ended = command("match", *words, *sources)
            if not (out / "summary.json").exists():
                raise RuntimeError(f"status {ended.status}: {ended.errors[-2000:]}")
        else:
            match()
    return Result(out)


@contextmanager
def _interrupted(after: int) -> Iterator[None]:
    read, begun = scan_task.read, itertools.count()

    def interrupt(*args: Any, **named: Any) -> Any:
        if next(begun) >= after:
            raise KeyboardInterrupt
        return read(*args, **named)

    with mock.patch.object(scan_task, "read", interrupt), suppress(KeyboardInterrupt):
        yield


def clean(sources: Sequence[Path], run: Path, out: Path, **options: Any) -> int:
    """Write a copy of a dataset without the findings of a run, and return how many
    records with matches are left. ``mask`` replaces passages, ``keep_only`` keeps the
    records with findings instead, and ``all`` takes all matches.
    """
    return provscan.clean(list(map(os.fspath, sources)), run, out, **options).left


def case_texts(runs: Sequence[Path], out: Path) -> int:
    """Compare two or more runs, and return the number of texts in all of them."""
    return write_case(runs, out)["totals"]["texts"]


def exported(run: Path, out: Path) -> list[tuple[Any, ...]]:
    """Export a run as JSON lines, and return the places of its rows."""
    export(run, out)
    rows = map(json.loads, out.read_text("utf-8").split("\n")[:-1])
    return [tuple(row[name] for name in PLACE) for row in rows]


def bundle(run: Path, out: Path) -> list[str]:
    """Write a bundle of a run, check it, and return the problems."""
    handover.bundle([run], out)
    return handover.check(out)["problems"]


def replayed(*paths: Any, out: Path, **options: Any) -> list[str]:
    """Repeat the run of a bundle with data and an index in a new folder, and return the
    differences.
    """
    return handover.replay(*paths, out=out, **named(options))["problems"]


def formats() -> dict[str, tuple[str, ...]]:
    """The registered formats with the extensions of their files."""
    return {name: known.extensions for name, known in FORMATS.items()}


def compressions() -> dict[str, str]:
    """The registered compressions with their first extensions."""
    return {name: known.extensions[0] for name, known in COMPRESSIONS.items()}


def cleanable() -> set[str]:
    """The formats whose files can be cleaned."""
    return {*CUTS, *TABLES}
