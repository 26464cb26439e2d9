"""A run folder as the report reads it: four files, one table of exhibits."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from provscan.arrays import Numbers
from provscan.errors import InputError, OutputError
from provscan.estimate.counters import Strongest
from provscan.matching.matches import PERMALINK
from provscan.runs.folder import (
    DATA,
    EVIDENCE_FILE,
    MATCHES_FILE,
    RUN_FILE,
    read_run,
)
from provscan.writing import replacing_file

ABOUT = ("author", "time", "lang")
TEXTS = ("before", "passage", "after", "tweet")
BATCH = 1 << 14
_BLOCK = 1 << 20
_LAST_LINE = b"\n<!-- written by provscan, XXH3-128 of all before this line: %s -->\n"
KEY = ("record", "start", "end", "tweet_id")
VERDICTS = ("accepted", "rejected", "unsure")
# What a reviewer types in the page to say what the report is for.
ABOUT_CASE = ("case", "client", "examiner")


@contextmanager
def replaced(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary file to write, which takes the place of `target` when the block ends
    well.

    Where it is a link, what it leads to is replaced. A file that is there is replaced
    with `overwrite` only, unless it is a report as it was written. What a run
    consists of is never replaced: a report or a list can be written again, and it
    cannot. Neither is a device.
    """
    shown, target = target, Path(os.path.realpath(target))
    if target.exists() and not target.is_file():
        raise OutputError(
            f"{shown} is no file, so it is not replaced: name another place"
        )
    if target.name in DATA and (target.parent / RUN_FILE).is_file():
        raise OutputError(
            f"{shown} is one of the files that reports and lists are made from: name "
            "another file"
        )
    try:
        if target.exists() and not overwrite and not _is_report(target):
            raise OutputError(
                f"{shown} exists already: name another file, or replace it with "
                "--overwrite"
            )
        with replacing_file(target) as temporary:
            yield temporary
    except OSError as error:
        raise OutputError(
            f"{shown} can't be written: {error.strerror or error}"
        ) from error


def write_page(target: Path, pieces: Iterable[str], *, overwrite: bool = False) -> Path:
    """Write a page, with a last line by which it is known again as long as nobody
    changes it.
    """
    digest = xxhash.xxh3_128()
    with (
        replaced(target, overwrite=overwrite) as temporary,
        temporary.open("wb") as file,
    ):
        for piece in pieces:
            file.write(encoded := piece.encode())
            digest.update(encoded)
        file.write(_LAST_LINE % digest.hexdigest().encode())
    return target


def _is_report(path: Path) -> bool:
    """Whether a file is a page as :func:`write_page` wrote it."""
    length = len(_LAST_LINE % bytes(32))
    left, digest = path.stat().st_size - length, xxhash.xxh3_128()
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(left, _BLOCK))):
            digest.update(block)
            left -= len(block)
        return file.read() == _LAST_LINE % digest.hexdigest().encode()


@dataclass(frozen=True)
class Review:
    """What reviewers marked and typed in a report."""

    # Row of the exhibit -> ``verdict`` and ``note``, either of which may be empty.
    marks: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)  # Case, client and examiner.


@dataclass(frozen=True)
class RunFiles:
    path: Path  # The folder.
    # ``summary.json`` and ``run.json``.
    summary: Mapping[str, Any]
    info: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> RunFiles:
        return cls(path, *read_run(path, (MATCHES_FILE, EVIDENCE_FILE)))

    @cached_property
    def identity(self) -> str:
        """16 hexadecimal digits of the matches, which marks of reviewers refer to."""
        with (self.path / MATCHES_FILE).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    def read(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Columns of ``matches.parquet``, a batch at a time, matches of control texts
        included.
        """
        return _read(self.path / MATCHES_FILE, names)

    def licensed(self) -> Iterator[pa.Table]:
        """Matches of licensed texts, a batch at a time, with author, time, language and
        permalink.

        ``place`` is the row in ``evidence.parquet``, null where the match is not
        counted; ``row`` that in ``matches.parquet``.
        """
        names = [name for name in _names(self.path / MATCHES_FILE) if name not in TEXTS]
        rows, evidence = (
            _Rows(self.read(names)),
            _Rows(_read(self.path / EVIDENCE_FILE, [*KEY, *ABOUT])),
        )
        row = place = 0
        while True:
            matches = rows.take(BATCH)
            if row and not len(matches):
                break
            matches = matches.append_column(
                "row", pa.array(np.arange(row, row + len(matches)))
            )
            row += len(matches)
            licensed = matches.filter(pc.invert(matches["control"]))
            counted = licensed["counted"].to_numpy(zero_copy_only=False)
            beside = evidence.take(int(np.count_nonzero(counted)))
            self._require_equal(licensed.filter(pa.array(counted)), beside)
            within = pa.array(np.cumsum(counted) - 1, mask=~counted)
            licensed = licensed.append_column("place", pc.add(within, place))
            place += len(beside)
            for name in ABOUT:
                column = pc.coalesce(beside[name].take(within), licensed[name])
                licensed = licensed.drop_columns([name]).append_column(name, column)
            numeric = pc.match_substring_regex(licensed["tweet_id"], "^[0-9]+$")
            links = pc.binary_join_element_wise(PERMALINK, licensed["tweet_id"], "")
            yield licensed.append_column(
                "permalink", pc.if_else(numeric, links, pa.scalar(None, pa.string()))
            )
            if not len(matches):
                break
        self._require_equal(matches, evidence.take(1))

    def _require_equal(self, counted: pa.Table, evidence: pa.Table) -> None:
        """Raise an error unless rows of both files are the same ones."""
        if len(counted) == len(evidence) and all(
            counted[name].cast(evidence[name].type).equals(evidence[name])
            for name in KEY
        ):
            return
        expected = sum(
            pc.sum(part["counted"]).as_py() or 0 for part in self.read(["counted"])
        )
        found = pq.read_metadata(self.path / EVIDENCE_FILE).num_rows
        raise InputError(
            f"{self.path}: the {expected:,} counted rows of matches.parquet are not "
            f"the {found:,} rows of "
            "evidence.parquet, so the files are of different runs: run match again"
        )

    def first(
        self,
        limit: int | None = None,
        each: Callable[[pa.Table], None] = lambda batch: None,
    ) -> pa.Table:
        """The first exhibits, all by default: matches of licensed texts, the strongest
        counted one first.

        Row ``i`` is exhibit ``i + 1``: page, lists and ``explain`` use the same
        numbers. The columns are those of :meth:`licensed`, of which `each` is given
        every batch.
        """
        chosen = None if limit is None else self._strongest(limit)
        held: list[pa.Table] = []
        for batch in self.licensed():
            each(batch)
            held.append(
                batch
                if chosen is None
                else batch.filter(pa.array(np.isin(batch["row"], chosen)))
            )
        table = pa.concat_tables(held)
        return table.take(pa.array(np.lexsort(_keys(table))))

    def _strongest(self, limit: int) -> Numbers:
        """The rows of the first exhibits."""
        strongest, low = Strongest(limit, 3), 0
        for batch in self.read(["control", "counted", "bits", "record"]):
            rows = np.flatnonzero(~batch["control"].to_numpy())
            strongest.add(
                low + rows,
                *(key[rows].astype(np.float64) for key in reversed(_keys(batch))),
            )
            low += len(batch)
        return strongest.rows

    @cached_property
    def exhibits(self) -> pa.Table:
        return self.first()

    def batches(
        self, size: int, exhibits: pa.Table | None = None
    ) -> Iterator[pa.Table]:
        """Some exhibits, all by default, so many at a time, with their texts, of which
        only these are held.

        A run keeps texts of its counted matches and of the strongest others, or of
        fewer: ``before``, ``passage``, ``after`` and ``tweet`` are null where it keeps
        none, and ``has_text`` is false where ``passage`` and ``tweet`` are SHA-256
        digests.
        """
        exhibits = self.exhibits if exhibits is None else exhibits
        sources = ((EVIDENCE_FILE, "place"), (MATCHES_FILE, "row"))
        texts = [
            _Texts.read(self.path / name, exhibits[place].combine_chunks())
            for name, place in sources
        ]
        exhibits = exhibits.drop_columns(["place", "row"])
        for low in range(0, max(1, len(exhibits)), size):
            batch = exhibits.slice(low, size)
            for name in (*TEXTS, "has_text"):
                counted, other = (held.take(name, low, size) for held in texts)
                batch = batch.append_column(name, pc.coalesce(counted, other))
            yield batch

    def listed(self, *, everything: bool = False) -> pa.Table:
        """The exhibits that a list holds: the findings, or all of them with those of
        common or known wording.
        """
        return (
            self.exhibits
            if everything
            else self.exhibits.filter(self.exhibits["counted"])
        )

    def with_texts(self, *, everything: bool = False) -> pa.Table:
        """The exhibits of a list with their texts: see :meth:`batches`."""
        return pa.concat_tables(self.batches(BATCH, self.listed(everything=everything)))

    def review(self, path: Path) -> Review:
        """What reviewers marked and typed, as the page saves it."""
        try:
            saved = json.loads(path.read_bytes())
            marks = {}
            for mark in saved["marks"]:
                number = mark["exhibit"]
                if not isinstance(number, int) or number - 1 in marks:
                    raise ValueError(
                        f"exhibit {number!r} is marked twice, or no number"
                    )
                marks[number - 1] = (
                    mark["tweet_id"],
                    mark["verdict"],
                    str(mark.get("note") or ""),
                )
            run, about = (
                saved["run"],
                {
                    name: str(saved.get("about", {}).get(name) or "")
                    for name in ABOUT_CASE
                },
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: expected marks as a report saves them ({error}), so none "
                "were taken in"
            ) from None
        if run != self.identity:
            raise InputError(
                f"{path} holds marks of run {run}, not of {self.identity}: name the "
                "file of this run"
            )
        ids = self.exhibits["tweet_id"]
        for row, (tweet_id, verdict, _) in marks.items():
            if not (
                0 <= row < len(ids) and ids[row].as_py() == tweet_id
            ) or verdict not in (*VERDICTS, ""):
                raise InputError(
                    f"{path}: the mark of exhibit {row + 1} does not fit this run: "
                    "save the marks again"
                )
        verdicts = {
            row: {"verdict": verdict, "note": note}
            for row, (_, verdict, note) in sorted(marks.items())
        }
        return Review(verdicts, about)


@dataclass(frozen=True)
class _Texts:
    """Columns of texts of a file, of the rows that exhibits need."""

    rows: pa.Table  # Those rows.
    places: pa.Array  # The row of each exhibit in `rows`; null where it has none.

    @classmethod
    def read(cls, path: Path, wanted: pa.Array) -> _Texts:
        """Read what a file knows of some rows, a batch at a time."""
        file, parts, low = _opened(path), [], 0
        chosen = np.zeros(file.metadata.num_rows, bool)
        chosen[pc.drop_null(wanted).to_numpy()] = True
        names = [
            name for name in (*TEXTS, "has_text") if name in file.schema_arrow.names
        ]
        for batch in file.iter_batches(BATCH, columns=names):
            parts.append(batch.filter(pa.array(chosen[low : low + len(batch)])))
            low += len(batch)
        rows = pa.Table.from_batches(parts) if parts else pa.table({})
        return cls(rows, pa.array(np.cumsum(chosen) - 1).take(wanted))

    def take(self, name: str, low: int, size: int) -> pa.Array:
        places = self.places.slice(low, size)
        if name in self.rows.column_names:
            return self.rows[name].take(places).combine_chunks()
        if name == "has_text":
            return pc.if_else(pc.is_valid(places), True, pa.scalar(None, pa.bool_()))
        return pa.nulls(len(places), pa.large_string())


def _names(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read ({error}): run match again") from None


def _keys(matches: pa.Table) -> tuple[npt.NDArray[Any], ...]:
    """By what exhibits are ordered, the first key last."""
    bits = np.nan_to_num(matches["bits"].to_numpy().astype(np.float64), nan=-1.0)
    return matches["record"].to_numpy(), -bits, ~matches["counted"].to_numpy()


class _Rows:
    """Batches from which as many rows are taken as are asked for."""

    def __init__(self, batches: Iterator[pa.Table]) -> None:
        self._batches = batches
        self._held = next(batches)

    def take(self, count: int) -> pa.Table:
        """So many rows, or what is left."""
        while (
            len(self._held) < count and (more := next(self._batches, None)) is not None
        ):
            self._held = pa.concat_tables([self._held, more])
        taken, self._held = self._held.slice(0, count), self._held.slice(count)
        return taken


def _opened(path: Path) -> pq.ParquetFile:
    """A file that is read a row group at a time; Arrow would hold all that it has read
    of it until the end.
    """
    return pq.ParquetFile(path, pre_buffer=False)


def _read(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Columns of a file, a batch at a time; at first one without rows."""
    try:
        # Not pq.read_table, whose import of all kinds of file systems takes longer than
        # most runs' files.
        with _opened(path) as file:
            yield file.schema_arrow.empty_table().select(columns)
            for batch in file.iter_batches(BATCH, columns=columns):
                yield pa.Table.from_batches([batch])
    except (OSError, KeyError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read ({error}): run match again") from None
