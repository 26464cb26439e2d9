"""Build an index from corpora, or add to one: :func:`build_index` reads the tweets,
prepares them in threads and writes the index.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from provscan import readers
from provscan.engine import Progress, logged
from provscan.errors import (
    InputError,
    OutputError,
    ParameterError,
    ProvscanError,
    UsageError,
)
from provscan.index import append as append_tweets
from provscan.index import open_reader, write_index
from provscan.indexing.corpus import Corpus
from provscan.matching import Index
from provscan.options import default_workers
from provscan.params import IndexParams, require, require_folder, require_number
from provscan.readers import Source, source_list
from provscan.temporary import remove_with, removed_on_error
from provscan.text.hooks import Hook, hook_name, prepared_batch
from provscan.unfinished import require_outside


def build_index(
    sources: Source | Sequence[Source] | object,
    out: Source | None = None,
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
    overwrite: bool | None = None,
    append: bool = False,
    log: Source | None = None,
    canonical: Hook | None = None,
    progress: Progress | None = None,
) -> Index:
    """Build an index over licensed tweets.

    Parameters
    ----------
    sources
        Files, archives, folders, "-" for the standard input, ``recipe:NAME=PATH`` for a
        public set (:func:`provscan.readers.corpus.recipes.known_recipes`); or an Arrow
        table, a ``datasets.Dataset``, a ``ray.data.Dataset``, dicts. Strings are paths:
        pass texts as dicts or as an Arrow array.
    out
        The index's folder, by default ``licensed.index``. It appears when the index is
        complete; an interrupted build leaves an earlier index unchanged. For tweets in
        memory, it is by default a temporary folder, which is removed together with the
        returned :class:`provscan.Index`.
    text_field, id_field, author_field, date_field
        The name of the field with the text, id, author or date; a dot separates the
        name of a field from that of a field inside it. By default, fields are found by
        their usual names. ``column_1`` is the first column of a table without a header.
    delimiter, encoding
        The character between the values of a row in CSV files, and the encoding of text
        files; by default both are detected.
    fix_encoding
        Repair tweets that were decoded with a wrong encoding before they were written
        ("schÃ¶n"), or whose letters are written as escapes of JSON.
    bands, rows
        LSH banding of the 128 signature values; by default 16 and 4 or, with
        ``append``, those of the index.
    seed_length
        Number of letters in a seed. Seeds find passages in long text. The default is 10
        in an index of up to 524,288 texts, 11 up to 1,048,576, and 12 in a larger one.
        With longer seeds, a scan of long text takes less time, but finds fewer
        copies with many typing errors. When an index grows so much that it needs longer
        seeds, it is rewritten.
    fraction
        Share of all licensed tweets in the sources, if these are a random sample:
        estimates are then for all licensed tweets. By default 1 or, with ``append``,
        the fraction of the index.
    allow_unread
        Leave out files without tweets and files that can't be read, which are otherwise
        an error. A file that does not exist or is truncated is always an error.
    workers
        Number of threads; by default all processors. The result does not depend on it.
    overwrite
        Replace an existing index. By default, an index of the same tweets and
        parameters is kept and returned, and any other one is an error.
    append
        Add to an existing index. Tweets whose ids it contains, or has forgotten, change
        nothing, even with another text; ``appended`` in :meth:`Index.info` counts them.
    log
        File to which JSON lines about the progress are appended; see
        :func:`provscan.match`.
    canonical
        A hook for licensed text other than tweets: a function that prepares a text
        before it is compared, such as one that blanks the stage directions of a play.
        It must return a str of the same length, and applying it twice must have the
        same result as applying it once. The index stores the texts that the hook
        returns and the hook's name, and must be opened with the same hook
        (:func:`provscan.open_index`).
    progress
        Receives the progress.

    Returns
    -------
    Index

    Raises
    ------
    InputError, FieldNotFoundError
        A source can't be read completely, or contains no tweets.
    OutputError
        ``out`` exists, can't be written, or is being written by another process.
    IndexFormatError
        There is no index to add to, or it is damaged.
    ParameterError
        A parameter is out of range or, with ``append``, contradicts that of the index.
    UsageError
        Two parameters exclude each other, or one requires another.

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
    given = locals()
    temporary = None
    if out is None and source_list(sources) is None and not append:
        temporary = tempfile.mkdtemp(prefix="provscan-")
        with removed_on_error(temporary):
            index = build_index(**{**given, "out": Path(temporary, "memory.index")})
        remove_with(index, temporary)
        return index
    out = "licensed.index" if out is None else out
    require_folder("out", out)
    if overwrite is None and not append and _may_be_same(Path(out), sources):
        return _same({**given, "out": out})
    names = {
        "text_field": text_field,
        "id_field": id_field,
        "author_field": author_field,
        "date_field": date_field,
    }
    for name, value in names.items():
        require(isinstance(value, str | None), name, value, "the name of one field")
    wanted = {"bands": bands, "rows": rows, "seed_length": seed_length}
    for name, number in wanted.items():
        if number is not None:
            require_number(name, number, whole=True)
    if fraction is not None:
        require_number("fraction", fraction)
        require(0.0 < fraction <= 1.0, "fraction", fraction, "above 0 and at most 1")
    if append and overwrite:
        raise UsageError(
            "give either append, which keeps the existing index, or overwrite, which "
            "replaces it"
        )
    threads = default_workers(workers)
    hook = None if canonical is None else hook_name(canonical)
    asked = {name: value for name, value in wanted.items() if value is not None}
    params = (
        _stored(Path(out), {**asked, "fraction": fraction}, hook)
        if append
        else IndexParams(**asked)
    )
    require_outside(Path(out), source_list(sources) or [])
    with logged(log, progress) as watcher:
        fields = readers.Fields(
            text=text_field,
            id=id_field,
            author=author_field,
            date=date_field,
            fix_encoding=fix_encoding,
        )
        corpus = Corpus(sources, fields, delimiter, encoding, watcher)
        if corpus.notes.get("unread") and not allow_unread:
            raise InputError(corpus.unread_message())
        if fraction is not None and fraction < 1.0:
            corpus.notes["fraction"] = fraction
        batches = corpus.batches()
        if canonical is not None:
            corpus.notes["canonical"] = hook
            batches = (prepared_batch(batch, canonical) for batch in batches)
        if append:
            reader = append_tweets(
                batches, Path(out), lambda written: corpus.described(), workers=threads
            )
        else:
            reader = write_index(
                batches,
                Path(out),
                params,
                corpus.describe,
                workers=threads,
                overwrite=bool(overwrite),
            )
        watcher.finish()
    return Index(reader.with_hook(canonical))


def _may_be_same(path: Path, sources: object) -> bool:
    """Return whether there is an index that was built from sources of these names; data
    in memory have no name.
    """
    if not path.is_dir():
        return False
    with suppress(ProvscanError):
        built = open_reader(path, check="lengths").manifest.notes
        if (named := source_list(sources)) is None:
            return True
        read = [os.path.abspath(each["source"]) for each in built.get("sources", ())]
        folders = tuple(map(os.path.abspath, named))
        return bool(read) and all(path.startswith(folders) for path in read)
    return False


def _same(arguments: dict[str, Any]) -> Index:
    """Build an index in a temporary folder, and return the one in ``out`` if it has the
    same tweets and parameters.
    """
    out = Path(arguments["out"])
    with tempfile.TemporaryDirectory(prefix="provscan-", dir=out.parent) as folder:
        new = build_index(**{**arguments, "out": Path(folder, "new.index")})
        earlier = open_reader(out)
        if (new.fingerprint, new.reader.fraction, new.reader.hook_name) != (
            earlier.fingerprint,
            earlier.fraction,
            earlier.hook_name,
        ):
            raise OutputError(
                f"{out} exists already, and has other tweets or parameters: choose "
                "another path, add to it with --append, or replace it with --overwrite"
            )
    return Index(earlier.with_hook(arguments["canonical"]))


def _stored(path: Path, given: dict[str, Any], hook: str | None) -> IndexParams:
    """Return the parameters of an index. Raise an error if the given values contradict
    them, or if the index was built with another hook.
    """
    reader = open_reader(path, check="lengths")
    reader.require_hook_name(hook)
    known = {**reader.manifest.params.as_dict(), "fraction": reader.fraction}
    for name, value in given.items():
        if value is not None and value != known[name]:
            raise ParameterError(
                f"{name} is {value!r}, but {path} was built with "
                f"{known[name] or 'none'}: leave it out, or build another index"
            )
    return reader.params
