"""The options of a run: one frozen value for what the user chose, and the command that
repeats it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any

from provscan.calibration.controls import parse_utc
from provscan.calibration.edits import SETS
from provscan.engine import EXECUTORS
from provscan.errors import ParameterError, UsageError
from provscan.params import (
    FindingParams,
    MatchParams,
    require,
    require_number,
    require_path,
)
from provscan.readers import Fields, Source, known_encoding
from provscan.urls import source_of

Sources = Source | Sequence[Source] | object

# What neither results nor parts depend on: a run may be resumed with other values.
FREE = (
    "workers",
    "executor",
    "address",
    "memory",
    "log",
    "parts",
    "shard_groups",
    "shards_from",
    "allow_unread",
    "strict",
    "max_bad",
    "fail_above",
    "tokenizer",
)
MAX_BAD = 0.05


@dataclass(frozen=True, kw_only=True)
class Options:
    """What :func:`provscan.match` was asked for; see there. Values of options that were
    not given are the defaults.
    """

    text_field: str | tuple[str, ...] | None = None
    id_field: str | None = None
    records: str | None = None
    encoding: str | None = None
    outputs: bool = False
    fix_encoding: bool = False
    threshold: float = MatchParams.threshold
    min_containment: float = MatchParams.min_containment
    min_chars: int = MatchParams.min_chars
    partial_chars: int = MatchParams.partial_chars
    min_bits: float = FindingParams.min_bits
    min_bits_passage: float = FindingParams.min_bits_passage
    min_letters: int = FindingParams.min_letters
    cutoff: str | date | None = None
    control: Source | Sequence[Source] | None = None
    null: Source | Sequence[Source] | None = None
    known: Source | Sequence[Source] | None = None
    spike_ins: int | None = None
    edits: str = "mixed"
    sample: float | None = None
    sample_by: str | None = None
    seed: int = 1
    no_text: bool = False
    texts: int | None = None
    tokenizer: Source | None = None
    workers: int | None = None
    executor: str = "threads"
    address: str | None = None
    memory: int | None = None
    log: Source | None = None
    parts: Source | None = None
    shard_groups: int | None = None
    shards_from: Source | None = None
    allow_unread: bool = False
    strict: bool = False
    max_bad: float = MAX_BAD
    fail_above: float | None = None
    without_segment: str | Sequence[str] | None = None
    params: MatchParams = field(init=False, repr=False)
    finding: FindingParams = field(init=False, repr=False)
    since: datetime | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for item in fields(self):
            if "Source" in str(item.type):
                object.__setattr__(
                    self, item.name, _as_sources(getattr(self, item.name))
                )
        self._require_types()
        require(
            self.sample is None or 0.0 < self.sample <= 1.0,
            "sample",
            self.sample,
            "above 0 and at most 1",
        )
        require(self.edits in SETS, "edits", self.edits, ", ".join(map(repr, SETS)))
        least_of = {
            "spike_ins": 0,
            "seed": 0,
            "texts": 0,
            "workers": 1,
            "memory": 1,
            "shard_groups": 1,
        }
        for name, least in least_of.items():
            if (value := getattr(self, name)) is not None:
                require_number(name, value, whole=True)
                require(value >= least, name, value, f"at least {least}")
        if self.shards_from is not None and self.shard_groups is None:
            raise ParameterError(
                "shards_from says where groups of shards are fetched from: give "
                "shard_groups, too"
            )
        require_executor(
            self.executor,
            address=self.address,
            memory=self.memory,
            shard_groups=self.shard_groups,
        )
        known_encoding(self.encoding)
        require(0.0 <= self.max_bad <= 1.0, "max_bad", self.max_bad, "between 0 and 1")
        above = self.fail_above
        require(
            above is None or 0.0 <= above <= 1.0, "fail_above", above, "between 0 and 1"
        )
        if above is not None and not (
            self.cutoff or self.control_files or self.null_files
        ):
            raise UsageError(
                "fail_above needs a lower bound, and there is none without a measure "
                "of chance: give cutoff, control or null"
            )
        params = MatchParams(
            self.threshold, self.min_containment, self.min_chars, self.partial_chars
        )
        object.__setattr__(self, "params", params)
        finding = FindingParams(self.min_bits, self.min_bits_passage, self.min_letters)
        object.__setattr__(self, "finding", finding)
        object.__setattr__(
            self, "since", parse_utc(self.cutoff) if self.cutoff is not None else None
        )

    def _require_types(self) -> None:
        for name in ("sample", "max_bad", "fail_above"):
            if getattr(self, name) is not None or name == "max_bad":
                require_number(name, getattr(self, name))
        named = (
            [self.text_field]
            if self.text_field is None or isinstance(self.text_field, str)
            else self.text_field
        )
        several = isinstance(named, Sequence) and all(
            isinstance(name, str | None) for name in named
        )
        require(several, "text_field", self.text_field, "a name or several")
        kinds = (None, "lines", "paragraphs", "files")
        require(
            self.records in kinds,
            "records",
            self.records,
            " or ".join(map(repr, kinds[1:])),
        )
        for name in ("tokenizer", "log", "parts", "shards_from"):
            if getattr(self, name) is not None:
                require_path(
                    name, getattr(self, name), remote=name in ("parts", "shards_from")
                )
        require(
            isinstance(self.id_field, str | None), "id_field", self.id_field, "a name"
        )
        require(
            isinstance(self.cutoff, str | date | None), "cutoff", self.cutoff, "a date"
        )

    @property
    def fields(self) -> Fields:
        return Fields(
            text=self.text_field,
            id=self.id_field,
            outputs=self.outputs,
            fix_encoding=self.fix_encoding,
        )

    @property
    def control_files(self) -> list[str]:
        return _paths("control", self.control)

    @property
    def null_files(self) -> list[str]:
        return _paths("null", self.null)

    @property
    def known_files(self) -> list[str]:
        return _paths("known", self.known)

    def of_whole(self) -> Options:
        """The same for the scan of a null dataset or of known data, which is read as a
        whole.
        """
        return replace(self, sample=None, sample_by=None)

    @property
    def threads(self) -> int:
        return default_workers(self.workers)

    def as_dict(self) -> dict[str, Any]:
        """Every option with its value, in types that JSON knows; limits of matching are
        among them.
        """
        chosen = {
            item.name: getattr(self, item.name) for item in fields(self) if item.init
        }
        return {
            **self.params.as_dict(),
            **chosen,
            "text_field": list(self.text_field)
            if isinstance(self.text_field, tuple)
            else self.text_field,
            "cutoff": self.since and self.since.isoformat(),
            "control": self.control_files or None,
            "null": self.null_files or None,
            "known": self.known_files or None,
        }

    def lasting(self) -> dict[str, Any]:
        """Those on which the parts depend."""
        return {
            name: value for name, value in self.as_dict().items() if name not in FREE
        }

    def command(self, sources: list[str], index: Source, out: Source | None) -> str:
        """The command that repeats the run, in the shell and the folder where it
        ran.
        """
        words = ["provscan", "match", "-i", os.fspath(index)]
        if out is not None:
            words += ["-o", os.fspath(out)]
        defaults = Options()
        for name, value in self.as_dict().items():
            if name not in Options.__dataclass_fields__ or value == getattr(
                defaults, name
            ):
                continue
            option = "--" + name.replace("_", "-")
            for item in value if isinstance(value, list | tuple) else [value]:
                words += [option] if item is True else [f"{option}={item}"]
        # A source may begin with "-".
        return shlex.join([*words, "--", *map(source_of, sources)])


def _as_sources(value: Any) -> Any:
    """One or several sources without the secrets of their URLs; whatever is no path, as
    it is.
    """
    if isinstance(value, str | os.PathLike):
        return source_of(value)
    return (
        [_as_sources(item) for item in value]
        if isinstance(value, list | tuple)
        else value
    )


def _paths(name: str, value: Source | Sequence[Source] | None) -> list[str]:
    if value is None or (isinstance(value, Sequence) and not value):
        return []
    named = source_list(value)
    if named is None:
        raise ParameterError(
            f"{name} must be paths of files or folders, not {type(value).__name__}"
        )
    return named


def source_list(sources: object) -> list[str] | None:
    """Paths as a list of strings; None if ``sources`` is data in memory. Strings are
    taken for paths.
    """
    if isinstance(sources, str | os.PathLike):
        return [source_of(sources)]
    if (
        isinstance(sources, Sequence)
        and sources
        and isinstance(sources[0], str | os.PathLike)
    ):
        for source in sources:
            if not isinstance(source, str | os.PathLike):
                raise ParameterError(
                    f"expected paths, found {type(source).__name__} among them: give "
                    "data by itself"
                )
        return [source_of(source) for source in sources]
    return None


def require_executor(executor: str, **of_clusters: Any) -> None:
    """Check the name of an executor, and that options of clusters are given for a
    cluster only.
    """
    require(
        executor in EXECUTORS, "executor", executor, " or ".join(map(repr, EXECUTORS))
    )
    address = of_clusters.get("address")
    require(isinstance(address, str | None), "address", address, "HOST:PORT or 'auto'")
    for name, value in of_clusters.items():
        if value is not None and executor != "ray":
            raise ParameterError(
                f"{name}={value!r} applies to a Ray cluster only: give executor='ray', "
                "too"
            )


def needs_files(executor: str) -> ParameterError:
    return ParameterError(
        f"executor={executor!r} needs files: data in memory, the standard input and "
        "pipes can be read in this process "
        "only. Save the data to a file, or use executor='threads'"
    )


def default_workers(workers: int | None) -> int:
    """As many as the processors that this process may use, unless given."""
    if workers is None:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    require_number("workers", workers, whole=True)
    if workers < 1:
        raise ParameterError(f"workers must be at least 1, not {workers}")
    return workers
