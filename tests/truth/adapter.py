"""Run provscan, and return results as values of the truth machine.

This is the only module of the machine that knows names of commands, options, columns,
keys of ``summary.json`` and statuses. The machine has its own names for options
(:data:`OPTIONS`), so a name that changes in provscan changes only here.
"""

from __future__ import annotations

import html
import itertools
import json
import math
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pyarrow.parquet as pq
from click.testing import CliRunner

import provscan
from provscan.cleaning.cutting import CUTS
from provscan.cleaning.tables import TABLES
from provscan.cli import main
from provscan.errors import InputError
from provscan.matching import scan_task
from provscan.readers import planning
from provscan.readers.bytes.compression import COMPRESSIONS
from provscan.readers.formats.registry import FORMATS
from provscan.readers.splits import WEBDATASET

# The machine's names of the options of a scan, with provscan's names. Others that the
# machine draws have no effect.
OPTIONS = {
    "cutoff": "cutoff",
    "control": "control",
    "null": "null",
    "known": "known",
    "sample": "sample",
    "sample_by": "sample_by",
    "outputs": "outputs",
    "edits": "edits",
    "workers": "workers",
    "resume": "resume",
    "replace": "overwrite",
    "baseline": "baseline",
    "planted": "spike_ins",
    "records": "records",
    "text": "text_field",
    "id": "id_field",
    "encoding": "encoding",
    "seed": "seed",
    "accept_unread": "allow_unread",
    "max_bad": "max_bad",
}
# The error for data that can't be used or written.
Refused = provscan.errors.UnusableError
# Exit statuses.
DONE, CROSSED, WRONG_USAGE, UNUSABLE, FAULT = 0, 1, 2, 3, 70
# Statuses of an answer.
CLAIM = "copies_found"
INCOMPLETE = "incomplete"
# Levels of matches of unchanged texts.
LITERAL = ("exact", "near_exact")


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
    def place(self) -> tuple[str, int, str | None, int, int, str]:
        return (
            self.source,
            self.record,
            self.field,
            self.start,
            self.end,
            self.tweet,
        )


class Bounds(NamedTuple):
    """The numbers of one unit, such as records. A withheld number is None."""

    findings: float
    at_least: float | None
    low: float | None
    estimate: float | None
    high: float | None
    at_most: float | None
    at_most_any: float | None
    chance: float | None


@dataclass(frozen=True)
class Result:
    """The result of a scan, read from the run's folder, and the exit status if a
    command wrote it.
    """

    path: Path
    exit_status: int | None = None

    @cached_property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.path / "summary.json").read_text("utf-8"))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All matches, in the order of the file."""
        table = pq.read_table(self.path / "matches.parquet")
        columns = (
            "source record record_id field start end tweet_id tweets level counted"
        )
        names = [*columns.split(), "control", "common", "known"]
        return tuple(
            Row(*values)
            for values in zip(*(table[name].to_pylist() for name in names), strict=True)
        )

    @property
    def licensed(self) -> tuple[Row, ...]:
        """The matches of licensed texts, which are not those of a control."""
        return tuple(row for row in self.rows if not row.control)

    @property
    def findings(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.finding)

    @property
    def status(self) -> str:
        return self.summary["answer"]["status"]

    @property
    def claims(self) -> bool:
        return self.status == CLAIM

    def bounds(self, unit: str) -> Bounds:
        """The numbers of "records", "texts", "tweets" or "characters"."""
        layers = self.summary["answer"][unit]
        estimate = layers.get("estimate") or {}
        return Bounds(
            layers["findings"],
            layers.get("at_least"),
            *(estimate.get(name) for name in ("low", "value", "high")),
            layers.get("at_most"),
            layers.get("at_most_any"),
            layers.get("chance"),
        )

    @property
    def scanned(self) -> int:
        """The number of records that were scanned."""
        return self.summary["records"]

    @property
    def read(self) -> dict[str, int]:
        """The number of records that were met in each source, scanned or not."""
        return {item["source"]: item["read"] for item in self.summary["sources"]}

    @property
    def left_out(self) -> dict[str, int]:
        """The number of records that were not scanned, by code."""
        return dict(self.summary["skipped"])

    @property
    def share(self) -> float:
        """The share of the dataset that was scanned."""
        return self.summary.get("sample", {"share": 1.0})["share"]

    @property
    def incomplete(self) -> set[str]:
        """The sources, and "fields", of which something was said to be left out."""
        files = [item["path"] for item in self.summary["unread"]]
        files += [item["source"] for item in self.summary["damaged"]]
        deep = "too_deep" in self.summary["notes"]
        return {*files, *(["fields"] if deep else [])}

    def fields(self) -> dict[str, set[str]]:
        """The codes of the verdicts on each field."""
        return {name: {*codes} for name, codes in self.summary["field_codes"].items()}

    @cached_property
    def new(self) -> set[tuple[Any, ...]] | None:
        """The places of the findings that a baseline lacks."""
        table = pq.read_table(self.path / "evidence.parquet")
        names = ("source", "record", "field", "start", "end", "tweet_id")
        columns = [table[name].to_pylist() for name in (*names, "new")]
        rows = [*zip(*columns, strict=True)]
        if any(row[-1] is None for row in rows):
            return None
        return {row[:-1] for row in rows if row[-1]}

    def evidence(self) -> list[dict[str, Any]]:
        """The findings with "passage" (the text of the span) and "tweet"."""
        return pq.read_table(self.path / "evidence.parquet").to_pylist()

    def figures(self) -> dict[str, Any]:
        """All of ``summary.json`` that does not depend on names of files or on how the
        run was executed.
        """
        skipped = {"sources", "examples", "damaged", "unread", "ignored", "baseline"}
        kept = {key: value for key, value in self.summary.items() if key not in skipped}
        kept["by"] = {
            key: value for key, value in kept["by"].items() if key != "source"
        }
        for key in ("control", "known"):
            kept[key] = _without_names(kept[key])
        # The verdicts are counted by file.
        kept["fields"] = None
        kept["field_codes"] = {
            name: codes
            for name, codes in self.fields().items()
            if any(code.startswith("scanned") for code in codes)
        }
        return kept

    def contradictions(self) -> Iterator[str]:
        """Yield where the counts of the summary are not those of the rows."""
        summary, rows, found = self.summary, self.licensed, self.findings
        counted = {
            "records_matched": len({row[:2] for row in rows}),
            "matches": len(rows),
            "levels": sum(summary["levels"].values()),
            "texts_found": len({row.tweet for row in rows}),
            "counted matches": len(found),
            "counted records": len({row[:2] for row in found}),
            "counted texts": len({row.tweet for row in found}),
            "records of sources": self.scanned,
        }
        said = {name: summary.get(name) for name in counted}
        said["levels"] = len(rows)
        said |= {f"counted {name}": n for name, n in summary["counted"].items()}
        sources = summary["sources"]
        said["records of sources"] = sum(item["records"] for item in sources)
        for name, number in counted.items():
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
    items: Iterable[tuple[Any, Any]] = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    if isinstance(value, dict | list):
        for name, each in items:
            yield from _leaves(each, f"{key}.{name}")
    else:
        yield key, value


def _without_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_names(each)
            for key, each in value.items()
            if key not in ("sources", "unread")
        }
    return value


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    output: str
    errors: str


@contextmanager
def small_parts(size: int) -> Iterator[None]:
    """Have files cut into parts of about ``size`` bytes."""
    with (
        mock.patch.object(planning, "SMALLEST_SPLIT", size),
        mock.patch.object(planning, "LEAST_SPLIT", size),
        mock.patch.object(planning, "MOST_SPLIT", size),
    ):
        yield


@contextmanager
def interrupted(after: int) -> Iterator[None]:
    """Interrupt a scan in this process when it opens one more part than ``after``."""
    read, begun = scan_task.read, itertools.count()

    def interrupt(*args: Any, **options: Any) -> Any:
        if next(begun) >= after:
            raise KeyboardInterrupt
        return read(*args, **options)

    with mock.patch.object(scan_task, "read", interrupt):
        yield


def stopped(call: tuple[Any, ...], after: int, **options: Any) -> bool:
    """Begin a scan, interrupt it, and return whether it can be resumed."""
    options = options | {"by_command": False, "workers": 1}
    with interrupted(after):
        try:
            result = scan(*call, **options)
        except KeyboardInterrupt as error:
            return bool(getattr(error, "__notes__", None))
    shutil.rmtree(result.path)
    return False


def command(*words: Any) -> Ended:
    """Run a command in this process, for example ``command("match", "a.jsonl")``."""
    done = CliRunner().invoke(main, ["--isolated", *map(str, words)])
    return Ended(done.exit_code, done.stdout, done.stderr)


def words_of(options: Mapping[str, Any]) -> list[str]:
    """Return options of the machine as words of a command line."""
    words = []
    for name, value in options.items():
        if name not in OPTIONS:
            continue
        option = "--" + OPTIONS[name].replace("_", "-")
        for each in value if isinstance(value, list | tuple) else [value]:
            if each is not None and each is not False:
                words.append(option if each is True else f"{option}={each}")
    return words


def _named(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of the machine by provscan's names."""
    return {OPTIONS[name]: value for name, value in options.items() if name in OPTIONS}


NoText = InputError


class Failed(Exception):
    """A command ended without a result."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(f"status {ended.status}: {ended.errors[-2000:]}")
        self.ended = ended


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
    sources: Sequence[Path | str],
    index: Path,
    out: Path,
    *,
    by_command: bool = False,
    **options: Any,
) -> Result:
    """Scan a dataset. :data:`OPTIONS` has the names of the options.

    Raises :class:`Failed` if a command writes no result; a call raises the error of
    provscan.
    """
    if by_command:
        words = ["-i", index, "-o", out, *words_of(options), "--quiet", "--"]
        ended = command("match", *words, *sources)
        if not (out / "summary.json").exists():
            raise Failed(ended)
        return Result(out, ended.status)
    named = _named(options)
    provscan.match(list(map(os.fspath, sources)), index, out, **named)
    return Result(out)


def clean(
    sources: Sequence[Path | str],
    run: Path,
    out: Path,
    *,
    mask: str | None = None,
    keep_found: bool = False,
    everything: bool = False,
    **running: Any,
) -> Any:
    """Write a copy of a dataset without the matches of a run. ``everything`` includes
    matches that are not findings; ``running`` has "workers" and "resume".
    """
    return provscan.clean(
        list(map(os.fspath, sources)),
        run,
        out,
        mask=mask,
        keep_only=keep_found,
        all=everything,
        **running,
    )


def case_totals(runs: Sequence[Path], out: Path) -> dict[str, Any]:
    """Compare two or more runs, and return the totals: "texts", "tweets", "records"."""
    from provscan.handover.case import write_case

    return write_case(runs, out)["totals"]


def exported(run: Path, out: Path, *, everything: bool = False) -> list[dict[str, Any]]:
    """Export a run as JSON lines, and return its rows with the columns of matches."""
    from provscan.report.export import export

    export(run, out, everything=everything)
    with out.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def bundle(runs: Sequence[Path], out: Path) -> Path:
    from provscan import handover

    handover.bundle(runs, out)
    return out


def problems_of(bundled: Path) -> list[str]:
    """Check a bundle, and return the problems."""
    from provscan import handover

    return handover.check(bundled)["problems"]


def replayed(
    bundled: Path, sources: Sequence[Path | str], index: Path, out: Path, **options: Any
) -> list[str]:
    """Repeat the run of a bundle in a new folder, and return the differences."""
    from provscan import handover

    named = _named(options)
    return handover.replay(bundled, list(sources), index, out=out, **named)["problems"]


def run_problems(run: Path) -> Ended:
    """Verify the files of a run against each other."""
    return command("verify", run)


def formats() -> dict[str, tuple[str, ...]]:
    """The registered formats with the extensions of their files."""
    return {name: known.extensions for name, known in FORMATS.items()}


def compressions() -> dict[str, str]:
    """The registered compressions with their first extensions."""
    return {name: known.extensions[0] for name, known in COMPRESSIONS.items()}


def cleanable() -> set[str]:
    """The formats whose files can be cleaned."""
    return {*CUTS, *TABLES, WEBDATASET}


def canonical(text: str) -> str:
    return provscan.canonical([text])[0]
