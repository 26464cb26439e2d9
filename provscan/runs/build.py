"""Build an index from corpora: read, prepare in threads, write in the order of the corpus."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from provscan import readers
from provscan.engine.ordered_map import ordered_map
from provscan.engine.progress import Progress
from provscan.errors import InputError, ParameterError
from provscan.index import Prepared, prepare, write_index
from provscan.matching import Index
from provscan.params import IndexParams
from provscan.readers.stats import require_undamaged
from provscan.runs.options import default_workers, source_list

Source = str | os.PathLike[str]


def build_index(
    sources: Source | Sequence[Source] | object,
    out: Source = "licensed.index",
    *,
    text_field: str | None = None,
    id_field: str | None = None,
    author_field: str | None = None,
    date_field: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    bands: int = IndexParams.bands,
    rows: int = IndexParams.rows,
    fraction: float = 1.0,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Index:
    """Build an index over licensed tweets.

    Parameters
    ----------
    sources
        Files, archives, folders, "-" for the standard input, ``recipe:NAME=PATH`` for a public set
        (:func:`provscan.readers.recipes`); or an Arrow table, a ``datasets.Dataset``, dicts. Strings are taken for
        paths: hand texts over as dicts or as an Arrow array.
    out
        The index's folder. It appears when the index is complete; an interrupted build leaves what was there before.
    text_field, id_field, author_field, date_field
        Names of fields, dots lead into nested ones; by default the usual names are looked for. Of a table without a
        header, ``column_1`` is the first.
    delimiter, encoding
        Of CSV files: the character between the values of a row, the encoding; by default both are determined.
    bands, rows
        LSH banding of the 128 signature values.
    fraction
        Share of the licensed tweets that are indexed, where it is a random part: estimates are then for all of them.
    workers
        Threads; all processors by default. The result does not depend on it.
    overwrite
        Replace an index that is there.
    progress
        Told how far it is.

    Raises
    ------
    InputError, FieldNotFoundError
        A source can't be read, to its end, or has no text field.
    OutputError
        ``out`` exists, or can't be written.
    ParameterError
        A parameter is out of range.
    """
    params = IndexParams(bands=bands, rows=rows)
    if not 0.0 < fraction <= 1.0:
        raise ParameterError(f"fraction must be above 0 and at most 1, not {fraction!r}")
    fields = readers.Fields(text=text_field, id=id_field, author=author_field, date=date_field)
    workers = default_workers(workers)
    watcher = progress or Progress()
    stats = readers.ReadStats()
    notes: dict[str, Any] = {"fraction": fraction} if fraction < 1.0 else {}

    def batches() -> Iterator[pa.RecordBatch]:
        yield from _read(sources, fields, stats, watcher, notes, delimiter, encoding)
        require_undamaged(stats)
        notes["read"] = stats.as_dict()

    def prepared() -> Iterator[Prepared]:
        tweets = 0
        for batch in ordered_map(lambda batch: prepare(batch, params), batches(), workers):
            tweets += len(batch.texts)
            yield batch
        if not tweets:
            raise InputError(f"{_shown(sources)} holds no tweets: {_left_out(stats)}. No index was written")

    reader = write_index(prepared(), Path(out), params, notes, overwrite=overwrite)
    watcher.finish()
    return Index(reader)


def _read(
    sources: object,
    fields: readers.Fields,
    stats: readers.ReadStats,
    progress: Progress,
    notes: dict[str, Any],
    delimiter: str | None,
    encoding: str | None,
) -> Iterator[pa.RecordBatch]:
    named = source_list(sources)
    if named is None:
        progress.start("Indexing", None, "tweets")
        for batch in readers.read_tweet_objects(sources, fields, stats):
            yield batch
            progress.advance(batch.num_rows)
        return
    plan = readers.plan_tweets(named, fields, delimiter=delimiter, encoding=encoding)
    notes["sources"] = [{"source": file.split.source, "bytes": file.split.size} for file in plan.files]
    notes["unread"] = [{"path": path, "reason": reason} for path, reason in plan.unread]
    notes["ignored"] = [{"path": path, "reason": reason} for path, reason in plan.ignored]
    progress.start("Indexing", sum(file.split.size for file in plan.files) or None, "bytes")
    for file in plan.files:
        yield from readers.read_tweets(file, stats, on_bytes=progress.advance)


def _shown(sources: object) -> str:
    named = source_list(sources)
    return "the corpus" if named is None else ", ".join(named)


def _left_out(stats: readers.ReadStats) -> str:
    """What became of the records of a corpus without a tweet."""
    if not stats.skipped:
        return f"nothing but links, names and signs in {stats.records:,} records" if stats.records else "it is empty"
    reasons = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(stats.skipped.items()))
    return f"{sum(stats.skipped.values()):,} records were left out ({reasons})"
