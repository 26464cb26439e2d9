"""Maintain indexes: :func:`forget` removes tweets, and
:func:`verify` checks every byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from provscan import index as indexes
from provscan.errors import InputError, UsageError
from provscan.index import open_reader
from provscan.indexing.copies import copies_beside
from provscan.indexing.withdrawals import Withdrawals
from provscan.names import counted
from provscan.options import default_workers
from provscan.params import require, require_folder
from provscan.readers import Source
from provscan.readers.bytes.compression import COMPRESSED
from provscan.runs.folder import RUN_FILE, verify_run
from provscan.urls import source_of

# An argument with one of these suffixes is a file, not an id.
FILES = (".txt", ".json", ".jsonl", ".csv", ".ids", *COMPRESSED)


def forget(
    index: Source,
    ids: Source | Sequence[Source] = (),
    *,
    users: bool = False,
    purge: bool = False,
    dry_run: bool = False,
    workers: int | None = None,
) -> dict[str, Any]:
    """Forget tweets: whoever opens the index afterwards does not find them.

    Their texts remain in the files of the index until ``purge`` rewrites these files. A
    forgotten tweet is never added again, even if a later corpus contains it, unless a
    new index is built (``overwrite``).

    Parameters
    ----------
    index
        The index's folder.
    ids
        Ids of tweets, or files of three kinds: one id per line, compliance events as
        platforms send them (JSON lines with ``delete``, ``user_delete``,
        ``user_suspend``, ``status_withheld`` and others), or batch results. Without
        ids, ``purge`` removes tweets that are already forgotten. An index stores an
        edited tweet under the id of its first version; if ``tweet_edit`` events connect
        the versions of a tweet, it can be forgotten by the id of any version.
    users
        Treat plain ids and batch results as names of accounts, as in the column
        ``author`` of matches, and forget all tweets of these accounts.
    purge
        Rewrite the index in as few segments as possible, which removes the texts and
        hashes of forgotten tweets from the disk, and write a record of the purge.
    dry_run
        Only report what would be forgotten.
    workers
        Number of threads for the purge.

    Returns
    -------
    dict
        Counts of the forgotten ``tweets`` and ``texts``, of ``unknown`` ids (not in the
        index, and not recorded), of ``unknown_accounts`` (without tweets in the index)
        and of the ``events`` that were read, by kind; ``dry_run`` and ``purged``; and
        ``copies``, the runs beside the index and in the current folder that match one
        of the tweets, with pages and cases made from them.

    Raises
    ------
    InputError
        A file can't be read, or contains something else.
    IndexFormatError
        There is no index, or a damaged one.
    OutputError
        The index is being written by another process, or can't be written.

    Examples
    --------
    >>> import provscan
    >>> tweets = [
    ...     {"id": str(n), "text": f"tweet number {n} of this corpus"} for n in range(3)
    ... ]
    >>> index = provscan.build_index(tweets, "three.index")
    >>> provscan.forget("three.index", ["1", "7"], purge=True)["tweets"]
    1
    >>> len(provscan.open_index("three.index"))
    2
    """
    require_folder("index", index)
    if purge and dry_run:
        raise UsageError("a dry run changes nothing: give either dry_run or purge")
    asked = _withdrawals(ids, users=users)
    if asked is None and not purge:
        raise UsageError(
            "no ids to forget: name ids or files, or purge tweets that are already "
            "forgotten with purge (--purge)"
        )
    asked = asked or Withdrawals()
    try:
        named, authors = (
            pa.array(values, pa.string()) for values in (asked.tweets, asked.authors)
        )
    except UnicodeEncodeError as error:
        raise InputError(
            f"{error.object!r} is not an id: it is not valid UTF-8. Nothing was "
            "forgotten"
        ) from None
    found = indexes.forget(Path(index), named, authors, dry_run=dry_run)
    if purge:
        try:
            indexes.merge(Path(index), workers=default_workers(workers))
        except BaseException as error:
            if found.tweets:
                error.add_note(
                    f"Forgotten before this error: {counted(found.tweets, 'tweet')}. "
                    "No run finds them any more; their texts stay in the files until a "
                    "purge succeeds"
                )
            raise
    return {
        "tweets": found.tweets,
        "texts": found.texts,
        "unknown": found.unknown,
        "unknown_accounts": found.unknown_authors,
        "events": dict(asked.events),
        "dry_run": dry_run,
        "purged": purge,
        "copies": copies_beside(Path(index), found.ids) if found.tweets else [],
    }


def _withdrawals(ids: Source | Sequence[Source], *, users: bool) -> Withdrawals | None:
    """Return the tweets and accounts that the ids and files list; None if no id or file
    was given.
    """
    several = isinstance(ids, Iterable) and not isinstance(ids, str | os.PathLike)
    items: list[Any] = list(ids) if several else [ids]  # type: ignore[arg-type]
    asked = Withdrawals()
    for item in items:
        known = isinstance(item, str | os.PathLike)
        require(known, "ids", item, "an id (a str) or a path")
    for item in items:
        name = os.fspath(item)
        if os.path.isdir(name):
            raise InputError(
                f"{name} is a folder: name the files in it. Nothing was forgotten"
            )
        if os.path.exists(name) or not isinstance(item, str):
            asked.read(name, users=users)
        elif source_of(name).endswith(FILES):
            raise InputError(
                f"{source_of(name)} is neither an existing file nor an id. Nothing was "
                "forgotten"
            )
        else:
            asked.take([name], source_of(name), users=users)
    return asked if items else None


def verify(
    path: Source, *, quick: bool = False, workers: int | None = None
) -> dict[str, Any]:
    """Check every byte of an index, or the files of a run against each other.

    Anyone who edits a run can also write new checksums. Only repeating the command in
    its ``run.json`` detects that.

    Parameters
    ----------
    path
        Folder of an index or of a run.
    quick
        Only compare the checksums of an index. By default, its segments are also
        rebuilt from the tweets in a temporary folder. This takes as long as building
        the index, and detects files that were forged together with their checksums.
    workers
        Number of threads; by default all processors.

    Returns
    -------
    dict
        A description of what was checked.

    Raises
    ------
    IndexFormatError
        There is no index or run, or the index is damaged; the message names the file.
    InputError
        The run's files contradict each other, or one is missing.

    Examples
    --------
    >>> import provscan
    >>> tweets = [
    ...     {"id": str(n), "text": f"tweet number {n} of this corpus"} for n in range(3)
    ... ]
    >>> index = provscan.build_index(tweets, "checked.index")
    >>> provscan.verify("checked.index")["tweets"]
    3
    """
    require_folder("path", path)
    folder = Path(path)
    if (folder / RUN_FILE).is_file():
        return verify_run(folder)
    reader = open_reader(
        folder,
        check="checksums" if quick else "rebuild",
        workers=default_workers(workers),
    )
    checked = {
        "index": str(folder),
        "generation": reader.manifest.generation,
        "fingerprint": reader.fingerprint,
        "files": len(reader.manifest.files()),
        "bytes": reader.info()["bytes"],
        "quick": quick,
    }
    if not quick:
        checked |= {"texts": reader.texts, "tweets": reader.tweets}
    return checked
