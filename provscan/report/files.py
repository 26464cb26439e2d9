"""A run folder as the report reads it: four files, one table of exhibits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.errors import InputError

FILES = ("matches.parquet", "evidence.parquet", "summary.json", "run.json")
ABOUT, TEXTS = ("author", "time", "permalink"), ("before", "passage", "after", "tweet")
KEY = ("record", "start", "end", "tweet_id")
VERDICTS = ("accepted", "rejected", "unsure")


@dataclass(frozen=True)
class RunFiles:
    """The four files of a run.

    Attributes
    ----------
    path
        The folder.
    summary, info
        ``summary.json`` and ``run.json``.
    """

    path: Path
    summary: Mapping[str, Any]
    info: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> RunFiles:
        """Open a folder that ``match`` wrote.

        Raises
        ------
        InputError
            A file is missing or is not what ``match`` writes.
        """
        for name in FILES:
            if not (path / name).is_file():
                raise InputError(f"{path / name} is missing, so this is not a complete run folder: run match again")
        texts = {}
        for name in ("summary.json", "run.json"):
            try:
                texts[name] = json.loads((path / name).read_bytes())
            except ValueError as error:
                raise InputError(
                    f"{path / name}: expected JSON as match writes it ({error}): run match again"
                ) from None
            if not isinstance(texts[name], dict):
                raise InputError(f"{path / name}: expected a JSON object, found {type(texts[name]).__name__}")
        return cls(path, texts["summary.json"], texts["run.json"])

    @cached_property
    def matches(self) -> pa.Table:
        """``matches.parquet``, matches of control texts included."""
        return _read(self.path / "matches.parquet")

    @cached_property
    def identity(self) -> str:
        """16 hexadecimal digits of the matches, which marks of reviewers refer to."""
        with (self.path / "matches.parquet").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    @cached_property
    def exhibits(self) -> pa.Table:
        """Matches of licensed texts, the strongest counted match first, with author, time and permalink where counted.

        Row ``i`` is exhibit ``i + 1``: page, lists and ``explain`` use the same numbers. ``place`` is the row in
        ``evidence.parquet``, null where the match is not counted.

        Raises
        ------
        InputError
            ``matches.parquet`` and ``evidence.parquet`` do not belong together.
        """
        evidence = _read(self.path / "evidence.parquet", [*KEY, *ABOUT])
        licensed = self.matches.filter(pc.invert(self.matches["control"]))
        counted = licensed["counted"].to_numpy(zero_copy_only=False)
        rows = licensed.filter(pa.array(counted))
        if len(rows) != len(evidence) or not all(
            rows[name].cast(evidence[name].type).equals(evidence[name]) for name in KEY
        ):
            raise InputError(
                f"{self.path}: the {len(rows):,} counted rows of matches.parquet are not the {len(evidence):,} rows of "
                "evidence.parquet, so the files are of different runs: run match again"
            )
        places = pa.array(np.cumsum(counted) - 1, mask=~counted)
        for name in ABOUT:
            licensed = licensed.append_column(name, evidence[name].take(places))
        bits = np.nan_to_num(licensed["bits"].to_numpy(zero_copy_only=False).astype(np.float64), nan=-1.0)
        order = np.lexsort((licensed["record"].to_numpy(), -bits, ~counted))
        return licensed.append_column("place", places).take(pa.array(order))

    def with_texts(self, first: int | None = None) -> pa.Table:
        """The first exhibits, all by default, with ``before``, ``passage``, ``after`` and ``tweet`` where counted.

        Only the texts of these are held in memory.
        """
        exhibits = self.exhibits.slice(0, first)
        wanted = pc.drop_null(exhibits["place"]).to_numpy()
        chosen = np.zeros(pq.read_metadata(self.path / "evidence.parquet").num_rows, bool)
        chosen[wanted] = True
        parts, low = [], 0
        for batch in pq.ParquetFile(self.path / "evidence.parquet").iter_batches(1 << 14, columns=list(TEXTS)):
            parts.append(batch.filter(pa.array(chosen[low : low + len(batch)])))
            low += len(batch)
        rows = pa.array(np.cumsum(chosen) - 1).take(exhibits["place"].combine_chunks())
        for name in TEXTS:
            column = pa.chunked_array([part.column(name) for part in parts], pa.large_string()).combine_chunks()
            exhibits = exhibits.append_column(name, column.take(rows))
        return exhibits.drop_columns(["place"])

    def marks(self, path: Path) -> dict[int, dict[str, str]]:
        """Marks of reviewers, as the page saves them: row of the exhibit -> ``verdict`` and ``note``.

        Raises
        ------
        InputError
            The file is not one that a report saved, or holds marks of another run.
        """
        try:
            saved = json.loads(path.read_bytes())
            marks = {
                int(mark["exhibit"]) - 1: (mark["tweet_id"], mark["verdict"], str(mark.get("note") or ""))
                for mark in saved["marks"]
            }
            run = saved["run"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: expected marks as a report saves them ({error}), so none were taken in"
            ) from None
        if run != self.identity:
            raise InputError(f"{path} holds marks of run {run}, not of {self.identity}: name the file of this run")
        ids = self.exhibits["tweet_id"]
        for row, (tweet_id, verdict, _) in marks.items():
            if not (0 <= row < len(ids) and ids[row].as_py() == tweet_id) or verdict not in VERDICTS:
                raise InputError(f"{path}: the mark of exhibit {row + 1} does not fit this run: save the marks again")
        return {row: {"verdict": verdict, "note": note} for row, (_, verdict, note) in sorted(marks.items())}


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read ({error}): run match again") from None
