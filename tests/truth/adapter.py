"""Run provscan, and return results as values of the truth machine.

This is the only module of the machine that knows names of commands, options, columns,
keys of ``summary.json`` and statuses of answers, so a name that changes in provscan
changes only here.
"""

from __future__ import annotations

import html
import itertools
import json
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pyarrow.parquet as pq
from click.testing import CliRunner

import provscan
from provscan import handover
from provscan.cleaning.cutting import CUTS
from provscan.cleaning.tables import TABLES
from provscan.cli import main
from provscan.errors import InputError, UnusableError
from provscan.handover.case import write_case
from provscan.matching import scan_task
from provscan.readers import planning
from provscan.readers.bytes.compression import COMPRESSIONS
from provscan.readers.formats.registry import FORMATS
from provscan.readers.splits import WEBDATASET
from provscan.report.export import export

# The machine's names of options that have other names in provscan.
OPTIONS = {"planted": "spike_ins", "null": "clean_data", "known": "other_sources"}
# Commands that read a run. RUN, OTHER (another run), DATA and OUT stand for paths.
RUN_READERS = (
    "info RUN",
    "info RUN --json",
    "verify RUN",
    "explain RUN 3",
    "export RUN -o OUT.jsonl --all",
    "export RUN -o OUT.csv",
    "export RUN -o OUT.sarif",
    "export RUN -o OUT.html",
    "review RUN -o OUT --pairs=20",
    "case RUN OTHER -o OUT",
    "bundle RUN -o OUT.zip",
    "bundle RUN -o OUT.zip --digests",
    "clean DATA RUN --dry-run --json",
)
# Files of a run that it need not have.
OPTIONAL_FILES = ("report.html", "scanned.zip")
# The errors for data that can't be used or written, and for data without text.
Refused, NoText = UnusableError, InputError
# Exit statuses.
DONE, CROSSED, WRONG_USAGE, UNUSABLE, FAULT = 0, 1, 2, 3, 70
# A status of an answer.
CLAIM = "copies_found"
# Levels of matches of unchanged texts.
EXACT = "exact"
LITERAL = (EXACT, "near_exact")
UNITS = ("records", "texts", "tweets", "characters")
# Figures of a unit for all of the dataset. "findings" are those of the sample.
PROJECTED = ("at_least", "at_most", "at_most_any")


class Row(NamedTuple):
    """A match."""

    source: str
    record: int
    record_id: str | None
    field: str | None
    start: int
    end: int
    tweet: str
    tweets: int
    level: str
    finding: bool
    control: bool
    common: bool
    known: bool

    @property
    def place(self) -> tuple[Any, ...]:
        return (self.source, self.record, self.field, self.start, self.end, self.tweet)


PLACE = ("source", "record", "field", "start", "end", "tweet_id")
COLUMNS = ("source", "record", "record_id", "field", "start", "end", "tweet_id")
COLUMNS += ("tweets", "level", "counted", "control", "common", "known")


class Bounds(NamedTuple):
    """The numbers of one unit, such as records. A withheld number is None."""

    findings: float
    at_least: float | None
    low: float | None
    estimate: float | None
    high: float | None
    at_most: float | None


@dataclass(frozen=True)
class Result:
    """The result of a scan, read from the folder of the run."""

    path: Path

    @cached_property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.path / "summary.json").read_text("utf-8"))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All matches, in the order of the file."""
        table = pq.read_table(self.path / "matches.parquet")
        columns = (table[name].to_pylist() for name in COLUMNS)
        return tuple(Row(*values) for values in zip(*columns, strict=True))

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
        estimate = layers.get("estimate") or {}
        return Bounds(
            layers["findings"],
            layers.get("at_least"),
            *(estimate.get(name) for name in ("low", "value", "high")),
            layers.get("at_most"),
        )

    def totals(self) -> Iterator[float]:
        """Yield the number of records in the dataset as each figure implies it, which
        is given as a number and as a share.
        """
        layers = self.summary["answer"]["records"]
        for name in PROJECTED:
            if layers.get(name) and layers["share"].get(name):
                yield layers[name] / layers["share"][name]

    @property
    def unmeasured(self) -> list[str]:
        """The kinds of text that the control has too rarely to measure chance."""
        return (self.summary["control"] or {}).get("without_control") or []

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

    @cached_property
    def new(self) -> set[tuple[Any, ...]]:
        """The places of the findings that a baseline lacks."""
        rows = self.evidence()
        return {tuple(row[name] for name in PLACE) for row in rows if row["new"]}

    def evidence(self) -> list[dict[str, Any]]:
        """The findings with "passage" (the text of the span) and "tweet"."""
        rows = pq.read_table(self.path / "matches.parquet").to_pylist()
        return [row for row in rows if row["counted"]]

    def figures(self) -> dict[str, Any]:
        """All of ``summary.json`` that does not depend on names of files or on how the
        run was executed.
        """
        skipped = {"sources", "examples", "damaged", "unread", "ignored", "baseline"}
        # The verdicts on fields are counted by file.
        kept = {k: v for k, v in self.summary.items() if k not in {*skipped, "fields"}}
        kept["by"] = {k: v for k, v in kept["by"].items() if k != "source"}
        for key in ("control", "known"):
            named, found = ("sources", "unread"), kept[key]
            if isinstance(found, dict):
                kept[key] = {k: v for k, v in found.items() if k not in named}
        kept["field_codes"] = {
            name: {*codes}
            for name, codes in kept["field_codes"].items()
            if any(code.startswith("scanned") for code in codes)
        }
        return kept

    def contradictions(self) -> Iterator[str]:
        """Yield where the counts of the summary are not those of the rows."""
        summary, rows, found = self.summary, self.licensed, self.findings
        sources = {item["source"]: item for item in summary["sources"]}
        pairs = {
            "records_matched": len({row[:2] for row in rows}),
            "matches": len(rows),
            "texts_found": len({row.tweet for row in rows}),
            "records": sum(item["records"] for item in sources.values()),
            "findings": len(found),
        }
        said = dict(summary)
        for unit, number in (
            ("records", len({row[:2] for row in found})),
            ("texts", len({row.tweet for row in found})),
        ):
            said[f"{unit} found"] = summary["answer"][unit]["findings"]
            pairs[f"{unit} found"] = number
        for level, number in summary["levels"].items():
            pairs[level] = sum(row.level == level for row in rows)
            said[level] = number
        for source, item in sources.items():
            pairs[source] = sum(row.source == source for row in rows)
            said[source] = item["matches"]
        for name, number in pairs.items():
            if said[name] != number:
                yield f"{name} is {said[name]}, and {number} from the rows"

    def odd_numbers(self) -> list[str]:
        """The keys whose numbers are not finite."""
        return [
            key
            for key, value in _leaves(self.summary)
            if isinstance(value, float) and not math.isfinite(value)
        ]

    def stated(self) -> tuple[str, str]:
        """The sentence of the answer in the summary and as the page shows it."""
        shown = re.search(
            r"<h1[^>]*>(.*?)</h1>", (self.path / "report.html").read_text(), re.DOTALL
        )
        page = html.unescape(re.sub("<[^>]*>", "", shown[1])) if shown else ""
        return self.summary["answer"]["headline"], page


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, f"{key}.{name}")
    else:
        yield key, value


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    output: str
    errors: str


@contextmanager
def small_parts(size: int | None) -> Iterator[None]:
    """Have files cut into parts of about ``size`` bytes."""
    names = ("SMALLEST_SPLIT", "LEAST_SPLIT", "MOST_SPLIT")
    sizes = {name: size or getattr(planning, name) for name in names}
    with mock.patch.multiple(planning, **sizes):
        yield


def stop(call: tuple[Any, ...], after: int, **options: Any) -> None:
    """Begin a scan in this process, and interrupt it when it opens one more part than
    ``after``.
    """
    read, begun = scan_task.read, itertools.count()

    def interrupt(*args: Any, **named: Any) -> Any:
        if next(begun) >= after:
            raise KeyboardInterrupt
        return read(*args, **named)

    with mock.patch.object(scan_task, "read", interrupt):
        try:
            scan(*call, **options | {"workers": 1})
        except KeyboardInterrupt:
            return
    shutil.rmtree(call[2])


def command(*words: Any) -> Ended:
    """Run a command in this process, for example ``command("match", "a.jsonl")``."""
    done = CliRunner().invoke(main, ["--isolated", *map(str, words)])
    return Ended(done.exit_code, done.stdout, done.stderr)


def named(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of the machine by provscan's names."""
    return {OPTIONS.get(name, name): value for name, value in options.items()}


def words_of(options: Mapping[str, Any]) -> list[str]:
    """Return options of the machine as words of a command line."""
    words = []
    for name, value in named(options).items():
        option = "--" + name.replace("_", "-")
        for each in value if isinstance(value, list | tuple) else [value]:
            if each is not None and each is not False:
                words.append(option if each is True else f"{option}={each}")
    return words


def build_index(
    tweets: Any, out: Path, *, fraction: float | None = None, append: bool = False
) -> Path:
    """Index licensed tweets: dicts, or a path. ``fraction`` is the share of all
    licensed tweets that they are.
    """
    options = {} if fraction is None else {"fraction": fraction}
    provscan.build_index(tweets, out, append=append, **options)
    return out


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
    ``stop_after``, an interrupted scan is resumed (:func:`stop`).
    """
    if stop_after is not None:
        stop((sources, index, out), stop_after, parts=parts, **options)
    with small_parts(parts):
        if by_command:
            words = ["-i", index, "-o", out, *words_of(options), "--"]
            ended = command("match", *words, *sources)
            if not (out / "summary.json").exists():
                raise RuntimeError(f"status {ended.status}: {ended.errors[-2000:]}")
        else:
            chosen = named(options)
            provscan.match(list(map(os.fspath, sources)), index, out, **chosen)
    return Result(out)


def clean(
    sources: Sequence[Path],
    run: Path,
    out: Path,
    mask: str | None,
    *,
    keep_found: bool,
    everything: bool,
    workers: int,
) -> int:
    """Write a copy of a dataset without the findings of a run, or without all matches
    (``everything``), and return how many records with matches are left.
    """
    done = provscan.clean(
        list(map(os.fspath, sources)),
        run,
        out,
        mask=mask,
        keep_only=keep_found,
        all=everything,
        workers=workers,
    )
    return done.left


def case_totals(runs: Sequence[Path], out: Path) -> dict[str, Any]:
    """Compare two or more runs, and return the totals: "texts", "tweets", "records"."""
    return write_case(runs, out)["totals"]


def exported(run: Path, out: Path) -> list[tuple[Any, ...]]:
    """Export a run as JSON lines, and return the places of its rows."""
    export(run, out)
    with out.open(encoding="utf-8") as lines:
        return [tuple(json.loads(line)[name] for name in PLACE) for line in lines]


def bundle(run: Path, out: Path) -> tuple[Path, list[str]]:
    """Write a bundle of a run, check it, and return its path and the problems."""
    handover.bundle([run], out)
    return out, handover.check(out)["problems"]


def replayed(
    bundled: Path, sources: Sequence[Path], index: Path, out: Path, **options: Any
) -> list[str]:
    """Repeat the run of a bundle in a new folder, and return the differences."""
    return handover.replay(bundled, list(sources), index, out=out, **named(options))[
        "problems"
    ]


def formats() -> dict[str, tuple[str, ...]]:
    """The registered formats with the extensions of their files."""
    return {name: known.extensions for name, known in FORMATS.items()}


def compressions() -> dict[str, str]:
    """The registered compressions with their first extensions."""
    return {name: known.extensions[0] for name, known in COMPRESSIONS.items()}


def cleanable() -> set[str]:
    """The formats whose files can be cleaned."""
    return {*CUTS, *TABLES, WEBDATASET}
