"""Read a run folder for a report, and write reports and lists.

:class:`RunFiles` reads the files of a run as one table of exhibits; an exhibit is
a match of a licensed text. :func:`replaced` and :func:`write_page` write output files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.arrays import Numbers
from provscan.errors import InputError, OutputError
from provscan.index import forgotten_ids
from provscan.matching.matches import permalinks
from provscan.opening import read_small
from provscan.runs.evidence.tables import TABLE
from provscan.runs.folder import (
    MATCHES_FILE,
    REPORT_FILE,
    REVIEW_FILE,
    RUN_FILE,
    RUN_FILES,
    info_checksum,
    inputs_of,
    is_page,
    last_line,
    read_json,
    read_run,
)
from provscan.writing import remove_dead, replacing_hidden, require_not_input

# Columns with texts.
TEXTS = ("before", "passage", "after", "tweet")
# Columns that decide the order of exhibits.
ORDERING = ("record", "start", "end", "similarity", "bits", "counted", "control")
BATCH = 1 << 14
# The run of a report is named in the first bytes of the page.
PAGE_HEAD = 200
VERDICTS = ("accepted", "rejected", "unsure")
# Fields in which a reviewer describes the case.
ABOUT_CASE = ("case", "client", "examiner")


@contextmanager
def replaced(
    target: Path,
    *,
    overwrite: bool = False,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> Iterator[Path]:
    """Provide a temporary file that replaces ``target`` when the block succeeds.

    An existing file is replaced only with ``overwrite``, unless it is a report that no
    one has changed. A link is replaced, and the file that it points to does not change.
    Neither ``inputs`` nor the data files of a run are ever replaced, since they can't
    be written again; nor are devices.
    """
    require_not_input(target, inputs)
    if os.path.lexists(target) and not target.is_symlink() and not target.is_file():
        raise OutputError(
            f"{target} is not a regular file, so it is not replaced: name another place"
        )
    for place in {target, Path(os.path.realpath(target))}:
        if place.name in RUN_FILES and (place.parent / RUN_FILE).is_file():
            raise OutputError(
                f"{target} is one of the files that reports and lists are made from: "
                "name another file"
            )
    try:
        if os.path.lexists(target) and not overwrite and not is_page(target):
            remove_dead(target.parent)
            raise OutputError(
                f"{target} exists already: name another file, or replace it with "
                "--overwrite"
            )
        with replacing_hidden(target) as temporary:
            yield temporary
    except OSError as error:
        raise OutputError(
            f"{target} can't be written: {error.strerror or error}"
        ) from error


def write_page(
    target: Path,
    page: str,
    *,
    overwrite: bool = False,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> Path:
    """Write a page, with a last line that shows whether it was changed."""
    written = page.encode()
    with replaced(target, overwrite=overwrite, inputs=inputs) as temporary:
        temporary.write_bytes(written + last_line(written))
    return target


@dataclass(frozen=True)
class Review:
    """The marks and entries of reviewers in a report."""

    # Row of the exhibit -> ``verdict`` and ``note``, either of which may be empty.
    marks: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)  # Case, client and examiner.


@dataclass(frozen=True)
class RunFiles:
    """The files of a run folder; tables are read when they are needed."""

    path: Path  # The folder.
    # ``summary.json`` and ``run.json``.
    summary: Mapping[str, Any]
    info: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> RunFiles:
        return cls(path, *read_run(path, (MATCHES_FILE,)))

    @cached_property
    def identity(self) -> str:
        """16 hexadecimal digits that identify the matches; reviewers' marks refer to
        them. The files of a bundle have the identity of the run that was bundled.
        """
        if "original" in self.info:
            return str(self.info["original"]["identity"])
        with (self.path / MATCHES_FILE).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    def inputs(self, marks: Path | None = None) -> list[Path]:
        """Return the files that no report or list may replace: ``marks``, the verdicts
        of a review, and the files that the run has read.
        """
        named = [self.path / REVIEW_FILE, *([] if marks is None else [marks])]
        return [*named, *inputs_of(self.info)]

    @property
    def origin(self) -> str:
        """The checksum of the run that ``match`` wrote."""
        return str(self.info.get("original", self.info)["checksum"])

    @property
    def blinded_review(self) -> str | None:
        """The verdicts of reviewers on a blinded sample of the findings, in one or two
        sentences; None if there was no review.
        """
        if not os.path.lexists(self.path / REVIEW_FILE):
            return None
        found = read_json(self.path / REVIEW_FILE)
        if info_checksum(found) != found.get("checksum") or (
            found.get("run") != self.identity
        ):
            raise InputError(
                f"{self.path / REVIEW_FILE} was changed, or belongs to another run: "
                "move it away, or score the review again"
            )
        return str(found["headline"])

    def require_own_pages(self) -> None:
        """Check that the report and the review in the folder, if there are any, were
        made from this run and are unchanged.
        """
        report = self.path / REPORT_FILE
        own = f'data-checksum="{self.origin}"'.encode()
        if report.exists() and (
            not report.is_file()
            or own not in report.read_bytes()[:PAGE_HEAD]
            or not is_page(report)
        ):
            raise InputError(
                f"{report} is not the unchanged report of this run: write it again "
                "with provscan export and --overwrite"
            )
        # Reading the review checks it.
        _ = self.blinded_review

    @property
    def scores(self) -> pa.Table:
        """``bits``, ``control`` and ``counted`` of all matches."""
        return _read(self.path / MATCHES_FILE, ["bits", "control", "counted"])

    @cached_property
    def exhibits(self) -> pa.Table:
        """The matches of licensed texts, findings first, and the strongest first.

        Row ``i`` is exhibit ``i + 1``: page, lists and ``explain`` use the same
        numbers. The table has the columns of ``matches.parquet`` that are not texts;
        ``forgotten``, true if the index of the run has forgotten the tweet, whose
        author and texts are then left out; and ``row``, the row in
        ``matches.parquet``.
        """
        matches = _read(self.path / MATCHES_FILE)
        matches = matches.append_column("row", pa.array(np.arange(len(matches))))
        gone = self._forgotten(matches["tweet_id"])
        matches = matches.append_column("forgotten", gone)
        place = matches.schema.get_field_index("permalink")
        links = permalinks(matches["tweet_id"], matches["time"])
        matches = matches.set_column(place, "permalink", links)
        matches = _without(matches, ["author", "permalink"])
        return matches.take(pa.array(exhibit_order(matches)))

    def with_texts(self, exhibits: pa.Table) -> pa.Table:
        """Return some exhibits with the texts that the run has kept, in place of the
        column ``row``.

        ``before``, ``passage``, ``after`` and ``tweet`` are null if the run has not
        kept them; ``has_text`` is false if ``passage`` and ``tweet`` are SHA-256
        digests.
        """
        texts = _texts(self.path / MATCHES_FILE, exhibits["row"].to_numpy())
        exhibits = exhibits.drop_columns(["row"])
        for name in TEXTS:
            exhibits = exhibits.append_column(name, texts[name])
        return _without(exhibits, TEXTS)

    def _forgotten(self, ids: pa.ChunkedArray) -> pa.Array:
        """Return whether the index of the run has forgotten each tweet, if the index is
        still at its place.
        """
        path = self.info["index"].get("path")
        places = (
            {Path(self.info.get("folder") or "") / path, Path(path)} if path else ()
        )
        gone = [forgotten_ids(place) for place in places]
        named = pa.concat_arrays([pa.array([], pa.large_string()), *gone])
        return pc.is_in(ids.combine_chunks().cast(named.type), value_set=named)

    def listed(self, *, everything: bool = False) -> pa.Table:
        """Return the exhibits of a list: the findings and, with ``everything``, also
        the matches of common or known wording.
        """
        if everything:
            return self.exhibits
        # Findings come first; a slice copies nothing.
        return self.exhibits.slice(0, pc.sum(self.exhibits["counted"]).as_py() or 0)

    def review(self, path: Path) -> Review:
        """Read the reviewers' marks and entries that the page saved."""
        try:
            saved = json.loads(read_small(path))
            marks = {}
            for mark in saved["marks"]:
                number = mark["exhibit"]
                if not isinstance(number, int) or number - 1 in marks:
                    raise ValueError(
                        f"exhibit {number!r} is marked twice, or is not a number"
                    )
                marks[number - 1] = (
                    mark["tweet_id"],
                    mark["verdict"],
                    str(mark.get("note") or ""),
                )
            run, typed = saved["run"], saved.get("about", {})
            about = {name: str(typed.get(name) or "") for name in ABOUT_CASE}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: expected marks as a report saves them ({error}), so no marks "
                "were added"
            ) from None
        if run != self.identity:
            raise InputError(
                f"{path} contains marks of run {run}, not of {self.identity}: name the "
                "file of this run"
            )
        ids = self.exhibits["tweet_id"]
        for row, (tweet_id, verdict, _) in marks.items():
            known = 0 <= row < len(ids) and ids[row].as_py() == tweet_id
            if not known or verdict not in (*VERDICTS, ""):
                raise InputError(
                    f"{path}: the mark of exhibit {row + 1} does not fit this run: "
                    "save the marks again"
                )
        verdicts = {
            row: {"verdict": verdict, "note": note}
            for row, (_, verdict, note) in sorted(marks.items())
        }
        return Review(verdicts, about)


def exhibit_order(matches: pa.Table) -> Numbers:
    """Return the rows of ``matches.parquet`` that are exhibits, in the order of their
    numbers, from the columns :data:`ORDERING`: findings first, then by bits. Among
    matches of unknown rarity, more similar and longer ones come first.
    """
    counted = matches["counted"].to_numpy()
    bits = np.nan_to_num(matches["bits"].to_numpy().astype(np.float64), nan=-1.0)
    length = matches["end"].to_numpy() - matches["start"].to_numpy()
    similarity = matches["similarity"].to_numpy()
    record = matches["record"].to_numpy()
    order = np.lexsort((record, -length, -similarity, -bits, ~counted))
    licensed = ~matches["control"].to_numpy()
    result: Numbers = order[licensed[order]]
    return result


def _without(exhibits: pa.Table, names: Iterable[str]) -> pa.Table:
    """Return exhibits with null in these columns for forgotten tweets."""
    for name in names:
        kept = pc.if_else(exhibits["forgotten"], None, exhibits[name])
        place = exhibits.schema.get_field_index(name)
        exhibits = exhibits.set_column(place, name, kept)
    return exhibits


def _read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read columns of a file, by default all that are not texts."""
    try:
        # pq.read_table would import many file systems.
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if missing := {*TABLE.names} - {*names}:
                raise KeyError(*missing)
            return file.read(columns or [name for name in names if name not in TEXTS])
    except (OSError, KeyError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read ({error}): run match again") from None


def _texts(path: Path, rows: Numbers) -> pa.Table:
    """Read the texts of some rows of a file, in the order of ``rows``.

    The file is read batch by batch, and only these rows are kept in memory.
    """
    # With the default, Arrow would keep everything that it has read in memory.
    file, parts, low = pq.ParquetFile(path, pre_buffer=False), [], 0
    chosen = np.zeros(file.metadata.num_rows, bool)
    chosen[rows] = True
    for batch in file.iter_batches(BATCH, columns=list(TEXTS)):
        parts.append(batch.filter(pa.array(chosen[low : low + len(batch)])))
        low += len(batch)
    schema = pa.schema([file.schema_arrow.field(name) for name in TEXTS])
    place = pa.array(np.cumsum(chosen)[rows] - 1)
    return pa.Table.from_batches(parts, schema).take(place)
