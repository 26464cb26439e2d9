"""Controls: texts that can't be in the scanned dataset. To measure chance, a run
searches for them together with the licensed texts.

A run scans with one reader, which contains the segments of the licensed index followed
by those of the control; a control text is identified by its id in that reader. The scan
and the rules treat matches of control texts like all other matches, and at each
position only one text, licensed or control, can match. Matches of control texts are
chance matches.

:func:`no_control` starts without a control, :func:`with_cutoff` turns recent licensed
texts into controls, and :func:`with_files` adds tweets of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from provscan import readers
from provscan.arrays import Flags, Numbers, distinct
from provscan.errors import InputError, ParameterError
from provscan.index import IndexReader, Strings, write_index
from provscan.ordered_map import ordered_map
from provscan.readers.stats import require_undamaged
from provscan.text import canonical_buffers
from provscan.text.hooks import prepared_batch
from provscan.text_buffers import buffers


@dataclass(frozen=True)
class Controls:
    """The licensed texts and the control texts, which are from the index itself or from
    control files.
    """

    # The licensed index, followed by the segments of control files.
    reader: IndexReader
    licensed: IndexReader  # The licensed index alone.
    control: Flags  # bool[texts of ``reader``]: the text is a control.
    # Ids of licensed texts, which are not controls, that also occur in a control file:
    # commonplace wording.
    repeated: Numbers
    texts: int = 0  # Number of control texts.
    # Number of tweets with the control texts that a cutoff takes from the index.
    cutoff_tweets: int = 0
    control_tweets: int = 0  # Number of tweets with any control text.

    @cached_property
    def licensed_texts(self) -> int:
        return self.licensed.texts - len(
            _distinct(self.licensed, self.control[: self.licensed.size])
        )

    @property
    def licensed_tweets(self) -> int:
        return self.licensed.tweets - self.cutoff_tweets

    @property
    def tweets_ratio(self) -> float:
        """The mean number of tweets of a licensed text, divided by that of a control
        text.
        """
        if 0 in (self.licensed_texts, self.control_tweets):
            return 1.0
        return (
            self.licensed_tweets
            / self.licensed_texts
            * self.texts
            / self.control_tweets
        )


def no_control(reader: IndexReader) -> Controls:
    """Return a reader's texts without any control."""
    return Controls(
        reader, reader, np.zeros(reader.size, np.bool_), np.zeros(0, np.int64)
    )


def with_cutoff(controls: Controls, cutoff: datetime, name: str = "cutoff") -> Controls:
    """Turn licensed texts into controls if all of their tweets were posted at
    ``cutoff`` or later.

    A text does not become a control if one of its tweets has no time, or is a retweet,
    which may be younger than its text.
    """
    reader = controls.licensed
    control = reader.posted_since(int(cutoff.timestamp() * 1000))
    texts = _distinct(reader, control)
    count = len(texts)
    if count == 0:
        raise ParameterError(
            f"no licensed text is known to be younger than {name}, "
            f"{cutoff.isoformat()}: nothing can serve as control. Give a date before "
            "the last tweets of the index, or pass tweets that are known to be absent "
            "from the dataset as control"
        )
    if count == reader.texts:
        raise ParameterError(
            f"every licensed text is younger than {name}, {cutoff.isoformat()}: "
            "nothing is left to find"
        )
    tweets = int(reader.tweet_counts(texts).sum())
    both = controls.control.copy()
    both[: len(control)] |= control
    return replace(
        controls,
        control=both,
        texts=controls.texts + count,
        cutoff_tweets=tweets,
        control_tweets=tweets,
    )


def _distinct(reader: IndexReader, chosen: Flags) -> Numbers:
    """Return the ids of the chosen texts, one id for a text that is in several
    segments.
    """
    texts = np.flatnonzero(chosen)
    return texts[reader.same_text(texts) == texts]


def with_files(
    controls: Controls,
    sources: Sequence[str],
    fields: readers.Fields,
    folder: Path,
    workers: int,
) -> tuple[Controls, dict[str, Any]]:
    """Add the tweets of files as controls; they are indexed in ``folder``.

    A text that is also licensed does not become a control, but counts as commonplace
    wording. A text that already is a control, because of a cutoff, remains one. The
    second result describes what was read: ``tweets`` with text (each id counts once),
    ``texts``, which the files add, ``also_licensed`` (tweets left out), ``skipped`` and
    ``unread``.
    """
    licensed = controls.licensed
    stats = readers.ReadStats()
    plan = readers.plan_tweets(list(sources), fields)
    indexed: list[tuple[pa.Array, Numbers]] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for file in plan.files:
            for batch in readers.read_tweets(file, stats):
                hook = licensed.hook
                yield batch if hook is None else prepared_batch(batch, hook)
        require_undamaged(stats)

    tweets = ordered_map(_unindexed(licensed, indexed), batches(), workers)
    extra = write_index(tweets, folder, licensed.params, workers=workers)
    if extra.texts == 0 == controls.texts:
        known = any(len(ids) for ids, _ in indexed)
        raise InputError(
            f"all texts of control {', '.join(sources)} are licensed as well, so "
            "nothing measures chance: give tweets that the index does not contain"
            if known
            else f"no tweet of control {', '.join(sources)} has letters or digits "
            "outside links and names, so nothing measures chance: give other tweets"
        )
    control = np.concatenate([controls.control, np.ones(extra.size, np.bool_)])
    ids = pa.chunked_array([ids for ids, _ in indexed], pa.string())
    numbers = np.concatenate([np.zeros(0, np.int64), *(n for _, n in indexed)])
    # A text that the cutoff made a control shows chance: it must not become common.
    repeats = ~controls.control[numbers]
    also_licensed, left_out = ids.filter(pa.array(repeats)).unique(), ids.unique()
    skipped = stats.as_dict()["skipped"]
    empty = extra.manifest.notes["tweets_without_text"]
    read = {
        "sources": list(sources),
        "tweets": extra.tweets
        + len(left_out)
        - len(distinct(extra.texts_of_ids(left_out)[0])),
        "texts": extra.texts,
        "also_licensed": len(also_licensed),
        "skipped": {**skipped, "no_text": skipped.get("no_text", 0) + empty}
        if empty
        else skipped,
        "unread": [{"path": path, "reason": reason} for path, reason in plan.unread],
    }
    texts = controls.texts + extra.texts
    return replace(
        controls,
        reader=licensed.with_control(extra),
        control=control,
        texts=texts,
        repeated=distinct(numbers[repeats]),
        control_tweets=controls.control_tweets + extra.tweets,
    ), read


def _unindexed(
    licensed: IndexReader, indexed: list[tuple[pa.Array, Numbers]]
) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Return a function that removes tweets with texts of the index from a batch, and
    adds the ids of these tweets and of those texts to ``indexed``.
    """

    def filtered(batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = Strings(*canonical_buffers(*buffers(batch.column("text"))))
        rows, numbers = licensed.equal_texts(texts)
        indexed.append((batch.column("id").take(pa.array(rows)), numbers))
        new = np.ones(len(texts), np.bool_)
        new[rows] = False
        return batch.filter(pa.array(new)) if len(rows) else batch

    return filtered
