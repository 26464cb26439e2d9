"""The public index object: open an index, and find licensed tweets in texts in memory.

Matches have the same scores as in a run (:mod:`provscan.scoring`), except for those
that need a complete dataset, a control or known data.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property, lru_cache
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from provscan.arrays import Numbers, slices
from provscan.errors import ParameterError
from provscan.index import IndexReader, open_reader
from provscan.index.opening import Check
from provscan.matching.compare import copied_wording
from provscan.matching.matches import (
    MATCHES,
    Matches,
    match_table,
    passages,
    permalinks,
)
from provscan.matching.scan import scan_texts
from provscan.params import (
    IndexParams,
    MatchParams,
    require,
    require_folder,
)
from provscan.readers import MEMORY
from provscan.readers.strings import LEFT_OUT
from provscan.scoring.background import background
from provscan.scoring.lengths import too_short
from provscan.scoring.rule import MatchTraits, Scorer
from provscan.sketch.signatures import NUM_PERM, minhash_canonical
from provscan.text.hooks import Hook
from provscan.text_buffers import Texts, buffers, to_array

# The sample for :meth:`Index.info`: how many texts it contains, and the seed with which
# they are drawn.
SAMPLE, SEED = 20_000, 3
# The columns of ``matches.parquet`` after those of the scan.
SCORES = pa.schema(
    [
        pa.field("bits", pa.float32()),
        pa.field("common", pa.bool_(), nullable=False),
        pa.field("known", pa.bool_(), nullable=False),
        pa.field("counted", pa.bool_(), nullable=False),
    ]
)
SCORED = pa.schema([*MATCHES, *SCORES])
# The columns with the passage and its context.
AROUND = ("before", "passage", "after")
EVIDENCE = pa.schema(
    [
        *SCORED,
        *(pa.field(name, pa.large_string()) for name in (*AROUND, "tweet")),
        pa.field("author", pa.string()),
        pa.field("time", pa.timestamp("ms", "UTC")),
        pa.field("permalink", pa.string()),
        pa.field("lang", pa.string()),
        pa.field("authors", pa.int32(), nullable=False),
    ]
)


class Span(NamedTuple):
    """A copy of a licensed tweet in a text, at ``text[start:end]``."""

    start: int  # In code points.
    end: int  # In code points, exclusive.
    tweet_id: str  # The id of the earliest licensed tweet with this wording.
    tweets: int  # The number of licensed tweets with this wording.
    level: str  # ``exact``, ``near_exact``, ``strong``, ``weak`` or ``partial``.
    # The Jaccard index of the character 5-grams of the canonical span and the
    # canonical tweet.
    similarity: float
    containment: float  # The share of the tweet's 5-grams that are in the span.
    # The rarity of the wording under a language model of the index; None if the model
    # hardly knows the script.
    bits: float | None
    common: bool  # Whether three or more authors posted the text.
    known: bool  # Whether the text is in known data; here always False.
    counted: bool  # Whether the match is a finding: rare wording, not common.


class Tweet(NamedTuple):
    """A licensed tweet, as it was read."""

    id: str
    text: str
    author: str | None
    time: datetime | None  # In UTC.
    lang: str | None


# The columns of ``IndexReader.earliest_tweets`` that become a :class:`Tweet`.
EARLIEST = ["tweet_id", "tweet", "author", "time", "lang"]


class Index:
    """An open index of licensed tweets, which several threads can use.

    :func:`provscan.open_index` and :func:`provscan.build_index` return one. It shows
    the index as it was when it was opened. It is pickled as its path, so another
    process must have access to the folder; unpickling fails if the index was changed.

    Examples
    --------
    >>> import provscan
    >>> index = provscan.build_index(
    ...     [{"id": "1", "text": "Never trust a goat near the harbour"}], "goat.index"
    ... )
    >>> span = index.match_document("I said: never trust a goat near the harbour!")[0]
    >>> span.start, span.end, span.tweet_id, span.level
    (8, 43, '1', 'near_exact')
    >>> index["1"].text, "2" in index, [tweet.id for tweet in index]
    ('Never trust a goat near the harbour', False, ['1'])
    """

    def __init__(self, reader: IndexReader) -> None:
        self.reader = reader

    @property
    def path(self) -> os.PathLike[str]:
        """The folder of the index."""
        return self.reader.path

    @property
    def params(self) -> IndexParams:
        """The parameters that the index was built with."""
        return self.reader.params

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that are equal for equal tweets and parameters,
        whatever files the tweets came from.
        """
        return self.reader.fingerprint

    def __len__(self) -> int:
        """Return the number of licensed texts."""
        return self.reader.texts

    def __iter__(self) -> Iterator[Tweet]:
        """Yield the earliest tweet of each licensed text."""
        for texts in self._numbers():
            rows = self.reader.earliest_tweets(texts).select(EARLIEST).to_pylist()
            yield from (Tweet(*row.values()) for row in rows)

    def __contains__(self, tweet_id: object) -> bool:
        return bool(self._tweets_of(tweet_id))

    def __getitem__(self, tweet_id: str) -> Tweet:
        """Return a licensed tweet by its id, which is a string.

        Raises
        ------
        KeyError
            The index has no tweet with this id.
        """
        if not (found := self._tweets_of(tweet_id)):
            raise KeyError(tweet_id)
        return found[0]

    def _tweets_of(self, tweet_id: object) -> list[Tweet]:
        """Return the texts of a tweet; a tweet that was edited can have several."""
        if not isinstance(tweet_id, str):
            return []
        return [Tweet(*row.values()) for row in self.reader.tweet_rows(tweet_id)]

    def _numbers(self) -> Iterator[Numbers]:
        """Yield the ids of the licensed texts in slices, each text once."""
        for part in slices(self.reader.size):
            texts = np.arange(part.start, min(part.stop, self.reader.size))
            yield texts[self.reader.same_text(texts) == texts]

    def signatures(self) -> NDArray[np.uint32]:
        """Return the MinHash signatures of all licensed texts, in the order of
        iteration, for tools that look up datasketch's signatures.

        Returns
        -------
        uint32[n, 128]
            512 bytes a text; see :func:`provscan.minhash`.
        """
        parts = [
            minhash_canonical(*self.reader.canonical_texts(texts))
            for texts in self._numbers()
        ]
        return np.concatenate([np.empty((0, NUM_PERM), np.uint32), *parts])

    def __repr__(self) -> str:
        return f"<provscan.Index {self.reader.path}: {len(self):,} licensed texts>"

    def _repr_html_(self) -> str:
        info = self.info()
        facts = {
            "Index": info["path"],
            "Tweets": f"{info['tweets']:,}",
            "Different texts": f"{info['texts']:,}",
            "Fingerprint": info["fingerprint"],
        }
        rows = (
            f"<tr><th>{name}</th><td>{escape(value)}</td></tr>"
            for name, value in facts.items()
        )
        return f"<table><tbody>{''.join(rows)}</tbody></table>"

    def info(self) -> dict[str, Any]:
        """Describe the index.

        Returns
        -------
        dict
            Counts, parameters, fingerprint, segments and sizes, which can be written as
            JSON. ``too_short`` contains the share of tweets that are too short to be
            searched for, estimated from a sample.
        """
        texts, count = [np.zeros(0, np.int64)], 0
        for part in self.reader.shuffled(SEED):
            texts.append(part)
            count += len(part)
            if count >= SAMPLE:
                break
        sample = np.concatenate(texts)[:SAMPLE]
        short = too_short(self.reader, sample, MatchParams().min_chars)
        return {**self.reader.info(), "too_short": short}

    def verify(self) -> None:
        """Compare every file with its checksum, and with the file that a rebuild of the
        index from its tweets gives.

        Raises
        ------
        IndexFormatError
            If a file differs, or if the index was changed since it was opened.
        """
        open_reader(self.reader.path, check="rebuild", snapshot=self.reader.snapshot)

    def __reduce__(
        self,
    ) -> tuple[Callable[..., Index], tuple[str, str, Hook | None]]:
        reader = self.reader
        return _reopened, (
            os.path.abspath(reader.path),
            reader.snapshot,
            reader.hook,
        )

    def match(
        self,
        texts: Texts,
        *,
        ids: Iterable[object] | None = None,
        evidence: bool = False,
        params: MatchParams | None = None,
        threshold: float | None = None,
        min_containment: float | None = None,
        min_chars: int | None = None,
        partial_chars: int | None = None,
    ) -> pa.Table:
        """Find licensed tweets in texts, short or long.

        Parameters
        ----------
        texts
            Strings: an Arrow array, a chunked array or any iterable; a null counts as
            an empty text.
        ids
            An id for each text, which becomes ``record_id`` in its rows.
        evidence
            Whether rows also have the texts that a run keeps of its findings: the
            passage with its context, and the tweet with its author, time, permalink and
            language; ``authors`` is the number of authors who posted the text.
        params
            The definition of a match; by default that of
            :class:`provscan.MatchParams`.
        threshold, min_containment, min_chars, partial_chars
            Values that replace those of `params`. The estimates of runs are only valid
            for the defaults.

        Returns
        -------
        pyarrow.Table
            One row per match with the columns of ``matches.parquet``, except
            ``q_value`` and ``control``, which only a run has. ``record`` is the index
            of the text in ``texts``. ``known`` is False, since there is no known data.

        Raises
        ------
        ParameterError
            If a parameter is out of range, if ``texts`` is a single string or contains
            anything but strings, or if there are not as many ids as texts.
        """
        if isinstance(texts, str):
            raise ParameterError(
                "expected several texts, found one str: put it into a list, or call "
                "match_document"
            )
        given: dict[str, Any] = {
            "threshold": threshold,
            "min_containment": min_containment,
            "min_chars": min_chars,
            "partial_chars": partial_chars,
        }
        params = MatchParams() if params is None else params
        require(isinstance(params, MatchParams), "params", params, "MatchParams")
        changes = {name: value for name, value in given.items() if value is not None}
        params = replace(params, **changes)
        array = to_array(texts)
        record_ids = _id_array(ids, len(array))
        schema = EVIDENCE if evidence else SCORED
        self._compare_files()
        with self.reader.unchanged():
            found = scan_texts(*buffers(array), self.reader, params)
            if len(found.row) == 0:
                return schema.empty_table()
            batch = pa.RecordBatch.from_pydict(
                {
                    "record": pa.array(np.arange(len(array))),
                    "id": record_ids,
                    "text": array,
                }
            )
            rows = match_table(found, self.reader, MEMORY, batch)
            around = passages(batch, found)
            columns = dict(zip(rows.schema.names, rows.columns, strict=True))
            columns |= self._scores(found, around[1])
            if evidence:
                columns |= dict(zip(AROUND, around, strict=True))
                columns |= self._tweets(found)
        return pa.table(columns, schema=schema)

    def _compare_files(self) -> None:
        """Compare the files with their checksums, unless this was done already."""
        reader = self.reader
        if not reader.verified:
            self.reader = open_reader(reader.path, snapshot=reader.snapshot).with_hook(
                reader.hook
            )

    @cached_property
    def scorer(self) -> Scorer:
        """The scorer of matches, as in a run without control and known data."""
        return Scorer(self.reader, background(self.reader), np.zeros(0, np.int64))

    def _scores(
        self, found: Matches, passage: pa.LargeStringArray
    ) -> dict[str, pa.Array]:
        """Return the columns :data:`SCORES` of matches."""
        # Don't count code points that readers left out.
        left_out = pc.count_substring(passage, LEFT_OUT).to_numpy()
        traits = MatchTraits(
            found.text,
            # A run takes it from its part files, as float32.
            found.containment.astype(np.float32).astype(np.float64),
            found.whole,
            found.span[:, 1] - found.span[:, 0] - left_out,
            copied_wording(*buffers(passage), found.text, self.reader).stretch,
        )
        scores = self.scorer.scores(traits)
        bits = scores.bits.astype(np.float32)
        return {
            "bits": pa.array(bits, mask=np.isnan(bits)),
            "common": pa.array(scores.common),
            "known": pa.array(scores.known),
            "counted": pa.array(scores.passes_rule),
        }

    def _tweets(self, found: Matches) -> dict[str, pa.ChunkedArray | pa.Array]:
        """Return the columns of :data:`EVIDENCE` that describe the tweets."""
        tweets = self.reader.earliest_tweets(found.text)
        authors = self.reader.author_counts(found.text)
        return {
            "tweet": tweets["tweet"],
            "author": tweets["author"],
            "time": tweets["time"],
            "permalink": permalinks(tweets["tweet_id"], tweets["time"]),
            "lang": tweets["lang"],
            "authors": pa.array(authors.astype(np.int32)),
        }

    def match_document(self, text: str, **options: Any) -> list[Span]:
        """Find licensed tweets in one text.

        Parameters
        ----------
        text
            A string of any length.
        **options
            ``params``, ``threshold``, ``min_containment``, ``min_chars``
            and ``partial_chars`` as for :meth:`match`.

        Returns
        -------
        list of Span
            The spans, ordered by start.

        Raises
        ------
        ParameterError
            If `text` is not a string, or if a parameter is out of range.
        """
        require(isinstance(text, str), "text", text, "one str (match takes several)")
        table = self.match([text], **options)
        return [Span(**row) for row in table.select(list(Span._fields)).to_pylist()]


def _id_array(ids: Iterable[object] | None, texts: int) -> pa.StringArray:
    """Return the ids of texts as strings, null for missing ids."""
    if ids is None:
        return pa.nulls(texts, pa.string())
    values = ids.to_pylist() if isinstance(ids, pa.Array | pa.ChunkedArray) else ids
    array = pa.array([None if id is None else str(id) for id in values], pa.string())
    if len(array) != texts:
        raise ParameterError(
            f"expected one id per text, {texts:,} in all, found {len(array):,} ids"
        )
    return array


@lru_cache(maxsize=4)
def _reopened(path: str, snapshot: str, hook: Hook | None) -> Index:
    """Open an index that was pickled. A process opens each index only once."""
    reader = open_reader(path, check="lengths", snapshot=snapshot)
    return Index(reader.with_hook(hook))


def open_index(
    path: str | os.PathLike[str] = "licensed.index",
    *,
    verify: bool = True,
    canonical: Hook | None = None,
) -> Index:
    """Open an index. Its files are mapped, not read into memory.

    Parameters
    ----------
    path
        The folder of the index.
    verify
        Whether to compare every file with its checksum now. If False, the first call of
        ``match`` does so. Call :meth:`Index.verify` once for an index that comes from
        somebody else, since only this detects files that were forged together with
        their checksums.
    canonical
        The hook that the index was built with, if any (:func:`provscan.build_index`).
        Without its hook, an index can't be searched.

    Returns
    -------
    Index

    Raises
    ------
    IndexFormatError
        If there is no index, or if it has another version, is incomplete or is
        damaged.
    ParameterError
        If the index was built with another hook.

    Examples
    --------
    >>> import provscan
    >>> _ = provscan.build_index(
    ...     [{"id": "1", "text": "Never trust a goat near the harbour"}], "a.index"
    ... )
    >>> len(provscan.open_index("a.index"))
    1
    """
    require_folder("path", path)
    check: Check = "checksums" if verify else "lengths"
    return Index(open_reader(path, check=check).with_hook(canonical))
