"""Build an index from corpora: read, prepare in threads, write in the order of the corpus."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from provscan import readers
from provscan.engine.ordered_map import ordered_map
from provscan.engine.progress import Progress
from provscan.errors import InputError, ParameterError
from provscan.index import prepare, write_index
from provscan.matching import Index
from provscan.params import IndexParams
from provscan.runs.corpus import Corpus
from provscan.runs.options import default_workers

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
    allow_unread: bool = False,
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
    allow_unread
        Leave out files without tweets and files that can't be read; they are an error otherwise.
    workers
        Threads; all processors by default. The result does not depend on it.
    overwrite
        Replace an index that is there.
    progress
        Told how far it is.

    Raises
    ------
    InputError, FieldNotFoundError
        A source can't be read, to its end, or holds no tweets.
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
    corpus = Corpus(sources, fields, delimiter, encoding, watcher)
    if corpus.notes.get("unread") and not allow_unread:
        raise InputError(corpus.unread_message())
    if fraction < 1.0:
        corpus.notes["fraction"] = fraction
    prepared = ordered_map(lambda batch: prepare(batch, params), corpus.batches(), workers)
    reader = write_index(corpus.with_text(prepared), Path(out), params, corpus.notes, overwrite=overwrite)
    watcher.finish()
    return Index(reader)
