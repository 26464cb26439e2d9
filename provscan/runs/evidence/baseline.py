"""The findings of a run that are new since an earlier run, the baseline.

:func:`read_baseline` reads the findings of the baseline before the scan; after the
scan, :func:`mark_new` compares the findings of the run with them.

Findings are compared by content, not by position, so neither inserted lines nor a
renamed file makes an old finding new. A finding is paired with a finding of the
baseline that has the same licensed text, passage and context or, if none is left, the
same licensed text and passage. Each finding of the baseline is used once: if a run has
three equal copies and the baseline has two, one is new.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from provscan.arrays import Flags
from provscan.errors import InputError
from provscan.options import RESUMABLE, Source
from provscan.params import require_folder
from provscan.runs.evidence.tables import ROW_GROUP, TABLE, digest
from provscan.runs.folder import MATCHES_FILE, read_run
from provscan.writing import replacing_file

# Options that do not affect the findings.
IRRELEVANT = (
    *RESUMABLE,
    "id_field",
    "clean_data",
    "digests",
    "seed",
    "spike_ins",
)
COMPARED = ("field", "before", "passage", "after", "tweet", "has_text")


@dataclass(frozen=True)
class Contents:
    """The contents of findings, in their order, as XXH3-64 digests."""

    # Digests of the licensed text, the passage and its context.
    with_context: list[int]
    alone: list[int]  # Digests of the licensed text and the passage.


@dataclass(frozen=True)
class Baseline:
    """An earlier run."""

    path: Path
    summary: dict[str, Any]
    info: dict[str, Any]
    findings: Contents


def read_baseline(path: Source) -> Baseline:
    """Read the findings of an earlier run, which must not be a run of a sample."""
    require_folder("baseline", path)
    folder = Path(path)
    summary, info = read_run(folder, (MATCHES_FILE,))
    if summary.get("sample"):
        raise InputError(
            f"{folder} is a run of a sample, so findings that it did not scan would "
            "count as new: give a baseline that scanned the whole dataset"
        )
    return Baseline(folder, summary, info, _contents(folder / MATCHES_FILE))


def mark_new(
    folder: Path, baseline: Baseline, summary: dict[str, Any], info: dict[str, Any]
) -> dict[str, Any]:
    """Mark the findings of a run that are new, in the column ``new`` of its matches,
    and return the entry ``baseline`` of its summary.

    Parameters
    ----------
    folder
        The folder of the run.
    baseline
        The earlier run.
    summary, info
        The contents of the run's ``summary.json`` and ``run.json``.
    """
    path, before = folder / MATCHES_FILE, baseline.findings
    new, gone = new_findings(_contents(path), before)
    records, low = set(), 0
    with (
        replacing_file(path) as temporary,
        pq.ParquetFile(path) as table,
        pq.ParquetWriter(temporary, TABLE, compression="zstd") as written,
    ):
        column = TABLE.get_field_index("new")
        for batch in table.iter_batches(ROW_GROUP):
            marks = batch["counted"].to_numpy(zero_copy_only=False).copy()
            counted = np.flatnonzero(marks)
            marks[counted] = new[low : low + len(counted)]
            low += len(counted)
            values = pa.array(marks, mask=~np.isin(np.arange(len(batch)), counted))
            written.write_batch(batch.set_column(column, TABLE.field("new"), values))
            added = batch.filter(pa.array(marks))
            keys = zip(
                added["source"].to_pylist(), added["record"].to_pylist(), strict=True
            )
            records |= set(keys)
    return {
        "path": str(baseline.path),
        "checksum": baseline.info["checksum"],
        "findings": len(before.alone),
        "new": {
            "findings": int(np.count_nonzero(new)),
            "records": len(records),
            "share_of_records": len(records) / max(1, summary["records"]),
        },
        "gone": gone,
        "differs": differences(baseline, summary, info),
    }


def new_findings(now: Contents, before: Contents) -> tuple[Flags, int]:
    """Return which findings have no partner in the baseline, and how many findings of
    the baseline have no partner now.
    """
    old = _paired(now.with_context, before.with_context)
    used = _paired(before.with_context, now.with_context)
    rest, unused = np.flatnonzero(~old), np.flatnonzero(~used)
    left, available = (
        [contents.alone[row] for row in rows.tolist()]
        for contents, rows in ((now, rest), (before, unused))
    )
    old[rest] = _paired(left, available)
    return ~old, len(unused) - int(np.count_nonzero(old[rest]))


def _paired(contents: list[int], others: list[int]) -> Flags:
    """Return which findings have a partner among ``others``. Each of the others is used
    once; among equal findings, earlier ones are paired first.
    """
    left, paired = Counter(others), np.zeros(len(contents), np.bool_)
    for row, content in enumerate(contents):
        if left[content] > 0:
            left[content] -= 1
            paired[row] = True
    return paired


def _contents(path: Path) -> Contents:
    """Return the contents of the findings in a ``matches.parquet``.

    Texts are compared by their SHA-256, since a run without texts keeps nothing else.
    """
    found = Contents([], [])
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(columns=[*COMPARED, "counted"]):
                findings = batch.filter(batch["counted"])
                columns = (findings[name].to_pylist() for name in COMPARED)
                for field, before, passage, after, tweet, has_text in zip(
                    *columns, strict=True
                ):
                    alone = [tweet, passage]
                    if has_text:
                        alone = [digest(text) for text in alone]
                    context = [*alone, field, before, after]
                    found.alone.append(_number(alone))
                    found.with_context.append(_number(context))
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read ({error}): run match again") from None
    return found


def _number(texts: list[str | None]) -> int:
    return xxhash.xxh3_64_intdigest(repr(texts).encode("utf-8", "surrogatepass"))


def differences(
    baseline: Baseline, summary: dict[str, Any], info: dict[str, Any]
) -> list[str]:
    """Return the other differences between the two runs, which may make a finding new
    even if the data is unchanged.
    """
    before, now = (
        run["parameters"] | _contents_of_files(about, run)
        for about, run in ((baseline.summary, baseline.info), (summary, info))
    )
    names = [
        name
        for name in now
        if name not in IRRELEVANT and name in before and before[name] != now[name]
    ]
    index = baseline.info["index"]["fingerprint"] != info["index"]["fingerprint"]
    left_out = baseline.summary["unread"] or baseline.summary["damaged"]
    return [
        *(["index"] if index else []),
        *(["unread files"] if left_out else []),
        *names,
    ]


def _contents_of_files(summary: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    """Return what is known about the contents of the files of a run that affect its
    findings, by the names of the options. The names of the files don't matter.
    """
    control, known = summary["control"]["files"], info.get("known_inputs")
    return {
        "control": (
            info.get("control"),
            control and control | {"sources": None, "unread": len(control["unread"])},
        ),
        "other_sources": known
        and sorted((x["xxh3"] or "", x["bytes"] or 0) for x in known),
    }
