"""Build an index from corpora, or add to one: read, prepare in threads, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provscan import readers
from provscan.engine import Progress, logged
from provscan.errors import InputError, ParameterError, UsageError
from provscan.index import (
    MOST_SHARDS,
    open_reader,
    write_index,
    write_shards,
)
from provscan.index import append as append_tweets
from provscan.matching import Index
from provscan.options import default_workers, require_executor
from provscan.params import (
    IndexParams,
    require,
    require_folder,
    require_number,
)
from provscan.readers import Source
from provscan.runs.corpus import Corpus
from provscan.runs.inputs import require_outside, source_list
from provscan.runs.spread import shards_of


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
    fix_encoding: bool = False,
    bands: int | None = None,
    rows: int | None = None,
    seed_length: int | None = None,
    fraction: float | None = None,
    allow_unread: bool = False,
    workers: int | None = None,
    overwrite: bool = False,
    append: bool = False,
    shards: int | None = None,
    executor: str = "threads",
    address: str | None = None,
    log: Source | None = None,
    progress: Progress | None = None,
) -> Index:
    """Build an index over licensed tweets.

    Parameters
    ----------
    sources
        Files, archives, folders, "-" for the standard input, ``recipe:NAME=PATH`` for a
        public set (:func:`provscan.readers.known_recipes`); or an Arrow table, a
        ``datasets.Dataset``, a ``ray.data.Dataset``, dicts. Strings are paths: pass
        texts as dicts or as an Arrow array.
    out
        The index's folder. It appears when the index is complete; an interrupted build
        leaves what was there before.
    text_field, id_field, author_field, date_field
        The name of one field each, dots lead into nested ones; by default found by
        their usual names. Of a table without a header, ``column_1`` is the first.
    delimiter, encoding
        Of CSV files: the character between the values of a row, the encoding; by
        default both are determined.
    fix_encoding
        Index tweets that were decoded with a wrong encoding before they were written
        ("schÃ¶n"), or whose letters are written as escapes of JSON, as what was meant.
    bands, rows
        LSH banding of the 128 signature values; 16 and 4, or those of the index that is
        added to.
    seed_length
        Letters of a seed, which is what a passage in long text is found by; by default
        10, and 14 in an index of more than a million texts: with 14, long text is
        scanned in two thirds of the time, and fewer copies with many typing errors are
        found. When an index grows beyond a million texts, all of it is written again
        with longer seeds.
    fraction
        Share of the licensed tweets that are indexed, where it is a random part:
        estimates are then for all of them. All, or that of the index that is added to.
    allow_unread
        Leave out files without tweets and files that can't be read; they are an error
        otherwise. One that does not exist or breaks off is an error all the same.
    workers
        Threads; all processors by default. The result does not depend on it.
    overwrite
        Replace an index that is there.
    append
        Add to an index that is there. Tweets whose ids it holds, or has forgotten,
        change nothing; ``appended`` in :meth:`Index.info` counts them.
    shards
        Part the index by text into so many shards, at most 256, which are looked up as
        one; 1 by default. For an index that is larger than one segment, 2**24 texts, or
        than one machine's memory: a scan reads of each shard what it asks for. It finds
        the same, to the byte.
    executor
        What builds: ``"threads"`` of this process; or, for two shards or more,
        ``"processes"`` or ``"ray"``, a Ray cluster whose nodes see sources and ``out``
        under the same paths: tasks read some files each, others write a shard each. The
        index is the same.
    address
        Of the head of a Ray cluster; see :func:`provscan.match`.
    log
        File that lines of JSON about the progress are added to; see
        :func:`provscan.match`.
    progress
        Receives the progress.

    Returns
    -------
    Index

    Raises
    ------
    InputError, FieldNotFoundError
        A source can't be read, to its end, or holds no tweets.
    OutputError
        ``out`` exists, can't be written, or is being written by another process.
    IndexFormatError
        There is no index to add to, or a damaged one.
    ParameterError
        A parameter is out of range, or contradicts that of the index that is added to.
    UsageError
        Two parameters exclude each other, or one needs another.

    Examples
    --------
    >>> import provscan
    >>> index = provscan.build_index(
    ...     [{"id": "1", "text": "the first tweet of this corpus"}], "two.index"
    ... )
    >>> index = provscan.build_index(
    ...     [{"id": "2", "text": "and the second one of it"}], "two.index", append=True
    ... )
    >>> len(index)
    2
    """
    require_folder("out", out)
    names = {
        "text_field": text_field,
        "id_field": id_field,
        "author_field": author_field,
        "date_field": date_field,
    }
    for name, value in names.items():
        require(isinstance(value, str | None), name, value, "the name of one field")
    for name, number, whole in (
        ("bands", bands, True),
        ("rows", rows, True),
        ("seed_length", seed_length, True),
        ("shards", shards, True),
        ("fraction", fraction, False),
    ):
        if number is not None:
            require_number(name, number, whole=whole)
    if append and overwrite:
        raise UsageError(
            "give either append, which keeps the index that is there, or overwrite, "
            "which replaces it"
        )
    if fraction is not None and not 0.0 < fraction <= 1.0:
        raise ParameterError(
            f"fraction must be above 0 and at most 1, not {fraction!r}"
        )
    if shards is not None and not 1 <= shards <= MOST_SHARDS:
        raise ParameterError(
            f"shards must be between 1 and {MOST_SHARDS}, not {shards!r}"
        )
    if shards is not None and append:
        raise UsageError(
            "shards are made when an index is built: leave shards out with append"
        )
    if executor != "threads" and (shards or 1) < 2:
        raise UsageError(
            f"executor={executor!r} writes a shard a task: give shards, 2 or more, or "
            "use threads"
        )
    require_executor(executor, address=address)
    wanted = {"bands": bands, "rows": rows, "seed_length": seed_length}
    given = {name: value for name, value in wanted.items() if value is not None}
    params = (
        _stored(Path(out), {**given, "fraction": fraction})
        if append
        else IndexParams(**given)
    )
    require_outside(Path(out), source_list(sources) or [])
    fields = readers.Fields(
        text=text_field,
        id=id_field,
        author=author_field,
        date=date_field,
        fix_encoding=fix_encoding,
    )
    threads = default_workers(workers)
    with logged(log, progress) as watcher:
        corpus = Corpus(sources, fields, delimiter, encoding, watcher)
        if corpus.notes.get("unread") and not allow_unread:
            raise InputError(corpus.unread_message())
        if fraction is not None and fraction < 1.0:
            corpus.notes["fraction"] = fraction
        if append:
            reader = append_tweets(
                corpus.batches(),
                Path(out),
                lambda written: corpus.described(),
                workers=threads,
            )
        elif executor != "threads":
            tasks = workers if executor == "ray" else threads
            make = shards_of(
                corpus, params, shards or 1, executor, tasks, address, watcher
            )
            reader = write_shards(
                make, Path(out), params, corpus.describe, overwrite=overwrite
            )
        else:
            reader = write_index(
                corpus.batches(),
                Path(out),
                params,
                corpus.describe,
                workers=threads,
                overwrite=overwrite,
                shards=shards or 1,
            )
        watcher.finish()
    return Index(reader)


def _stored(path: Path, given: dict[str, Any]) -> IndexParams:
    """The parameters of an index; an error if others are given."""
    reader = open_reader(path, check="lengths")
    known = {**reader.manifest.params.as_dict(), "fraction": reader.fraction}
    for name, value in given.items():
        if value is not None and value != known[name]:
            raise ParameterError(
                f"{name} is {value!r}, but {path} was built with "
                f"{known[name] or 'none'}: leave it out, or build another index"
            )
    return reader.params
