"""The options of a match: :class:`MatchOptions` documents each of them once.

The command, :func:`provscan.match` and a run use the same names. ``--help`` and the
docstring of the function are generated from the documentation of the class
(:mod:`provscan.keywords`).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from provscan.errors import ParameterError, UsageError
from provscan.params import MatchParams, require, require_number, require_path
from provscan.urls import source_of

Source = str | os.PathLike[str]
Paths = Source | Sequence[Source] | None

# Part files do not depend on these options, so a run can be resumed with other values.
RESUMABLE = (
    "workers",
    "ray",
    "log",
    "allow_unread",
    "max_bad",
    "fail_above",
    "fail_above_claimed",
    "baseline",
    "collected",
)
# The allowed values of options that take one of a few words.
CHOICES = {
    "records": ("lines", "paragraphs", "files"),
    "sample_by": ("records", "files"),
}
# The minimum of each option that takes a whole number.
MINIMA = {
    "spike_ins": 0,
    "seed": 0,
    "workers": 1,
}


@dataclass(frozen=True, kw_only=True)
class MatchOptions:
    """The options of a match.

    Attributes
    ----------
    text_field
        Name of a field that contains text, or several names. a.b is a field inside an
        object, and a[].b is a field of the objects in a list. By default, every field
        that contains text is read.
    id_field
        Name of the field that contains the id; by default a field with a usual name.
    records
        What counts as a record in plain text: "lines", "paragraphs" or "files"; by
        default every line, but source code, and a file of at most four short lines, is
        one record.
    encoding
        Encoding of text files, e.g. latin-1; by default it is detected for each file.
    outputs
        Treat the dataset as outputs of a model. Prompts, recognised by the names of
        fields and by the speakers of a chat, are not scanned, and words that an answer
        repeats from its prompt are left out. The notes count both.
    fix_encoding
        Before the scan, repair texts that were decoded with a wrong encoding, such as
        "schÃ¶n" for "schön", or whose letters are written as JSON escapes. Spans still
        refer to the original text.
    cutoff
        Time at which the dataset was collected, e.g. 2021-03-01. A licensed text whose
        tweets were all posted later can't have been copied into the dataset, so its
        matches measure chance.
    collected
        First and last time at which the dataset was collected or written, e.g.
        2019-01-01..2020-12-31; the first may be left out. If most tweets with findings
        are younger than that, or than the records' own dates, they may have been copied
        from the dataset, and nothing is claimed.
    control
        Files of tweets that are known to be absent from the dataset; their matches
        measure chance. Fields are recognised by their usual names.
    clean_data
        Data of the same kind as the dataset that can't contain a licensed text (for
        example, because it is older); its matches measure chance. It is read with the
        options of the dataset.
    other_sources
        Data that can't come from the platform (an encyclopedia, quotations, subtitles,
        an older crawl). A licensed text that also occurs there may come from a third
        source, so its matches are not findings. The data is read with the options of
        the dataset; it must not share a file with the dataset, ``control`` or
        ``clean_data``.
    spike_ins
        Number of edited copies of licensed texts to plant in the dataset to measure
        recall; if there are few texts, each is planted several times. With 0, none are
        planted, and every corrected number is withheld. By default one per 50 records,
        but at least 2,000 and at most 3,000.
    sample
        Share of the dataset to scan, chosen at random, e.g. 0.01 (1%); the estimate is
        for the whole dataset.
    sample_by
        Unit of the sample: with "records", all files are read; with "files" (and ranges
        of large files), only the sampled files are read, but intervals are wider. By
        default, files are sampled if the sample would contain at least 50 of them.
    seed
        Seed of the sample. Spike-ins are the same for every seed.
    digests
        Write only digests, ids and figures to the run folder: every text is replaced by
        its SHA-256 digest. Anyone who has or guesses a text can recognise its digest.
    workers
        Number of workers; the results do not depend on it. By default one per
        processor.
    ray
        Run the tasks on a Ray cluster, whose nodes must see all files under the same
        paths: HOST:PORT, the address of its head node; "auto", the cluster to which
        this machine belongs; or "local", a new cluster on this machine. By default,
        threads of this process run them. The results are the same.
    log
        Append JSON lines to this file: progress and time left, where each task ran and
        for how long, and attempts that failed on a cluster.
    allow_unread
        Exit with status 0 even if a file that you named could not be scanned, unless
        it is truncated or does not exist. Such files are always listed.
    max_bad
        Stop after the scan if more than this share of all records can't be read; with
        0, if any can't be read.
    fail_above
        Fail after the results are written, with exit status 1, if more than this share
        of the records that were scanned have findings.
    fail_above_claimed
        Like ``fail_above``, but for the lower bound on records with copies. It needs
        ``cutoff``, ``control`` or ``clean_data``. If the bound is withheld, the exit
        status is 3.
    baseline
        Folder of an earlier run. Findings that the earlier run lacks are marked as new,
        and only these count for ``fail_above``. Findings are compared by licensed text,
        passage and context, not by record and position.
    """

    text_field: str | tuple[str, ...] | None = None
    id_field: str | None = None
    records: str | None = None
    encoding: str | None = None
    outputs: bool = False
    fix_encoding: bool = False
    cutoff: str | date | None = None
    collected: str | date | None = None
    # Lists of paths after validation.
    control: Paths = None
    clean_data: Paths = None
    other_sources: Paths = None
    spike_ins: int | None = None
    sample: float | None = None
    sample_by: str | None = None
    seed: int = 1
    digests: bool = False
    workers: int | None = None
    ray: str | None = None
    log: Source | None = None
    allow_unread: bool = False
    max_bad: float = 0.05
    fail_above: float | None = None
    fail_above_claimed: float | None = None
    baseline: Source | None = None

    def __post_init__(self) -> None:
        for name in ("control", "clean_data", "other_sources"):
            object.__setattr__(self, name, _paths(name, getattr(self, name)))
        for name, words in CHOICES.items():
            value = getattr(self, name)
            allowed = " or ".join(map(repr, words))
            default = MatchOptions.__dataclass_fields__[name].default
            require(value in words or value == default, name, value, allowed)
        for name, least in MINIMA.items():
            if (value := getattr(self, name)) is not None:
                require_number(name, value, whole=True)
                require(value >= least, name, value, f"at least {least}")
        for name in ("max_bad", "fail_above", "fail_above_claimed"):
            if (value := getattr(self, name)) is not None or name == "max_bad":
                require_number(name, value)
                require(0.0 <= value <= 1.0, name, value, "between 0 and 1")
        if (share := self.sample) is not None:
            require_number("sample", share)
            require(0.0 < share <= 1.0, "sample", share, "above 0 and at most 1")
        for name in ("log", "baseline"):
            if (value := getattr(self, name)) is not None:
                require_path(name, value)
                # URLs are shown without their secrets.
                object.__setattr__(self, name, source_of(value))
        fields = self.text_field
        names = isinstance(fields, Sequence) and all(
            isinstance(name, str) for name in fields
        )
        require(fields is None or names, "text_field", fields, "a name or several")
        id_field = self.id_field
        require(isinstance(id_field, str | None), "id_field", id_field, "a name")
        for name in ("cutoff", "collected"):
            value = getattr(self, name)
            require(isinstance(value, str | date | None), name, value, "a date")
        valid = self.ray is None or (isinstance(self.ray, str) and bool(self.ray))
        require(valid, "ray", self.ray, "HOST:PORT, 'auto' or 'local'")
        self._require_consistent()
        # Computing these properties checks their values.
        _ = self.since, self.complete

    def _require_consistent(self) -> None:
        """Raise an error if an option lacks one that it needs, or excludes another."""
        if self.sample_by is not None and self.sample is None:
            raise ParameterError("sample_by needs sample, the share to scan")
        measured = self.cutoff or self.control or self.clean_data
        if self.fail_above_claimed is not None and not measured:
            raise UsageError(
                "fail_above_claimed needs a lower bound, which needs a measure of "
                "chance: give cutoff, control or clean_data"
            )
        if self.baseline is not None and self.fail_above_claimed is not None:
            raise UsageError(
                "fail_above_claimed applies to a bound on all copies, and there is no "
                "bound on only the new ones: with a baseline, give fail_above"
            )
        if self.baseline is not None and self.sample is not None:
            raise UsageError(
                "the records of a sample change when the dataset changes, so a sample "
                "can't be compared with a baseline: leave out sample or baseline"
            )

    @property
    def since(self) -> datetime | None:
        """The cutoff as a time in UTC."""
        return None if self.cutoff is None else parse_utc(self.cutoff)

    @property
    def complete(self) -> datetime | None:
        """The time at which the dataset was complete, in UTC; a date includes its
        day.
        """
        if self.collected is None:
            return None
        first, _, last = str(self.collected).rpartition("..")
        begin, end = (parse_utc(each or last, "collected") for each in (first, last))
        if begin > end:
            raise ParameterError(
                f"collected begins at {begin.isoformat()}, after its end "
                f"{end.isoformat()}: give FROM..TO"
            )
        return end + timedelta(days=len(last) == len("2021-03-01"))

    def files(self, name: str) -> list[str]:
        """The paths of ``control``, ``clean_data`` or ``other_sources``."""
        return getattr(self, name) or []

    @property
    def threads(self) -> int:
        return default_workers(self.workers)

    def unsampled(self) -> MatchOptions:
        """Return the options for clean data or known data, which is never
        sampled.
        """
        return replace(self, sample=None, sample_by=None)

    def as_dict(self) -> dict[str, Any]:
        """Return the values of all options, and the parameters that define a match, in
        JSON types.
        """
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        several = isinstance(self.text_field, tuple)
        return {
            **MatchParams().as_dict(),
            **values,
            "text_field": list(self.text_field or ()) if several else self.text_field,
            "cutoff": self.since and self.since.isoformat(),
            "collected": None if self.collected is None else str(self.collected),
        }

    def scan_options(self) -> dict[str, Any]:
        """Return the options on which the part files depend."""
        return {
            name: value
            for name, value in self.as_dict().items()
            if name not in RESUMABLE
        }

    def command(self, sources: list[str], index: Source, out: Source | None) -> str:
        """Return the shell command that repeats the run in the same folder."""
        words = ["provscan", "match", "-i", os.fspath(index)]
        if out is not None:
            words += ["-o", os.fspath(out)]
        values = self.as_dict()
        for item in fields(self):
            value, option = values[item.name], option_name(item.name)
            if value != item.default:
                for each in value if isinstance(value, list | tuple) else [value]:
                    words += [option] if each is True else [f"{option}={each}"]
        # "--" protects sources that begin with "-".
        return shlex.join([*words, "--", *map(source_of, sources)])


def option_name(name: str) -> str:
    """Return the command's option for a keyword argument."""
    return f"--{name.replace('_', '-')}"


def _paths(name: str, value: Any) -> list[str] | None:
    """Return one or several paths as a list, with the secrets of URLs hidden; None if
    there are no paths.
    """
    if value is None:
        return None
    single = isinstance(value, str) or not isinstance(value, Sequence)
    paths = [value] if single else value
    for path in paths:
        if not isinstance(path, str | os.PathLike):
            raise ParameterError(
                f"{name} must be paths of files or folders, found "
                f"{type(path).__name__} among them"
            )
    return [*map(source_of, paths)] or None


def parse_utc(cutoff: str | date, name: str = "cutoff") -> datetime:
    """Parse a cutoff, the value of the parameter ``name``, as a time in UTC."""
    if isinstance(cutoff, str):
        try:
            cutoff = datetime.fromisoformat(cutoff)
        except ValueError:
            raise ParameterError(
                f"{name} must be a date such as 2021-03-01, or a time such as "
                f"2021-03-01T12:00:00+00:00, not {cutoff!r}"
            ) from None
    if not isinstance(cutoff, datetime):
        cutoff = datetime(cutoff.year, cutoff.month, cutoff.day)
    return cutoff.astimezone(UTC) if cutoff.tzinfo else cutoff.replace(tzinfo=UTC)


def needs_files() -> ParameterError:
    """Return the error for data that a cluster can't read."""
    return ParameterError(
        "a Ray cluster needs files: data in memory, the standard input and pipes can "
        "only be read in this process. Save the data to a file, or leave out ray"
    )


def default_workers(workers: int | None) -> int:
    """Return the given number of workers or, by default, the number of processors that
    this process may use.
    """
    if workers is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    require_number("workers", workers, whole=True)
    require(workers >= 1, "workers", workers, "at least 1")
    return workers
