"""The index as users have it: open it, find licensed tweets in texts that are in
memory.

A match has the scores that a run gives it (:mod:`provscan.scoring`), except for those
that only a whole dataset, its control or known data can give.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.errors import ParameterError
from provscan.index import IndexReader, open_reader
from provscan.index.reader import LeftOut
from provscan.matching.matches import (
    MATCHES,
    Matches,
    match_table,
    passages,
    permalinks,
)
from provscan.matching.scan import scan_texts
from provscan.params import (
    FINDING,
    IndexParams,
    MatchParams,
    require,
    require_folder,
)
from provscan.readers import MEMORY
from provscan.readers.formats.subtitles import without_cues
from provscan.readers.texts.model_outputs import LEFT_OUT
from provscan.scoring.background import Background, background
from provscan.scoring.rule import Scored, Scorer
from provscan.text_buffers import Texts, buffers, to_array

# Columns of ``matches.parquet`` that follow those of the scan.
SCORES = pa.schema(
    [
        pa.field("bits", pa.float32()),
        pa.field("common", pa.bool_(), nullable=False),
        pa.field("known", pa.bool_(), nullable=False),
        pa.field("counted", pa.bool_(), nullable=False),
    ]
)
SCORED = pa.schema([*MATCHES, *SCORES])
# Columns of ``evidence.parquet`` beside these, and the number of authors.
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
    """A licensed tweet in a text: ``text[start:end]`` holds it."""

    # Code points, end exclusive: Python's own string positions.
    start: int
    end: int
    tweet_id: str  # The earliest of the licensed tweets with this text.
    tweets: int  # How many licensed tweets have this text.
    level: str  # ``exact``, ``near_exact``, ``strong``, ``weak`` or ``partial``.
    # Jaccard index of the character 5-grams of the canonical span and the canonical
    # tweet.
    similarity: float
    containment: float  # Share of the tweet's 5-grams that are in the span.
    # How rare the wording is under a language model of the index; None where the model
    # does not know the script.
    bits: float | None
    common: bool  # Three authors or more posted the text.
    known: bool  # The text also stands in known data: always False, as there is none.
    counted: bool  # The match is a finding: its wording is rare, long and not common.


class Index:
    """An open index of licensed tweets: one snapshot, mapped, safe to use from several
    threads.

    Get one from :func:`provscan.open_index` or :func:`provscan.build_index`. Pickled,
    it is its path: another process, on a machine that sees the folder, opens the same
    snapshot, or fails if the index was changed.

    Examples
    --------
    >>> import provscan
    >>> index = provscan.build_index(
    ...     [{"id": "1", "text": "Never trust a goat near the harbour"}], "goat.index"
    ... )
    >>> span = index.match_document("I said: never trust a goat near the harbour!")[0]
    >>> span.start, span.end, span.tweet_id, span.level
    (8, 43, '1', 'near_exact')
    """

    def __init__(self, reader: IndexReader) -> None:
        self.reader = reader

    @property
    def path(self) -> os.PathLike[str]:
        """The folder."""
        return self.reader.path

    @property
    def params(self) -> IndexParams:
        """What the index was built with."""
        return self.reader.params

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits, equal for equal tweets and parameters, whatever files
        the tweets came in.
        """
        return self.reader.fingerprint

    def __len__(self) -> int:
        """Number of licensed texts."""
        return self.reader.texts

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
            Counts, parameters, fingerprint, segments and sizes, in types that JSON
            knows.
        """
        return self.reader.info()

    def verify(self) -> None:
        """Check every file again: its checksum, and whether it is what provscan makes
        from the tweets in the index.

        Raises
        ------
        IndexFormatError
            One differs, or the index was changed since it was opened.
        """
        open_reader(
            self.reader.path,
            check="rebuild",
            snapshot=self.reader.snapshot,
            without=self.reader.left_out,
        )

    def __reduce__(self) -> tuple[Callable[..., Index], tuple[str, str, LeftOut]]:
        reader = self.reader
        return _reopened, (
            os.path.abspath(reader.path),
            reader.snapshot,
            reader.left_out,
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
            An id of each text, which its rows have as ``record_id``.
        evidence
            Whether rows have the columns of ``evidence.parquet`` as well: the passage
            with what stands around it, the tweet, its author, time, permalink and
            language; and ``authors``, how many authors posted the text.
        params
            What a match is; by default as :class:`provscan.MatchParams` says.
        threshold, min_containment, min_chars, partial_chars
            Values that replace those of `params`.

        Returns
        -------
        pyarrow.Table
            One row a match with the columns of ``matches.parquet``, but without
            ``q_value`` and ``control``, which only a run has; ``record`` is the place
            in ``texts``. ``known`` is False, as there is no known data.

        Raises
        ------
        ParameterError
            A parameter is out of range; ``texts`` is a single string, or contains
            something else than strings; or there are more or fewer ids than texts.
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
        array = without_cues(to_array(texts))[0]
        self._compare_files()
        with self.reader.unchanged():
            found = scan_texts(*buffers(array), self.reader, params)
            batch = pa.RecordBatch.from_pydict(
                {
                    "record": pa.array(np.arange(len(array))),
                    "id": _id_array(ids, len(array)),
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
        return pa.table(columns, schema=EVIDENCE if evidence else SCORED)

    def _compare_files(self) -> None:
        """Compare the files with their checksums, if the index was opened without."""
        reader = self.reader
        if not reader.verified:
            self.reader = open_reader(
                reader.path, snapshot=reader.snapshot, without=reader.left_out
            )

    @cached_property
    def _background(self) -> Background:
        return background(self.reader)

    def _scores(
        self, found: Matches, passage: pa.LargeStringArray
    ) -> dict[str, pa.Array]:
        """The columns :data:`SCORES` of matches, as a run has them."""
        if len(found.row) == 0:
            return {field.name: pa.array([], field.type) for field in SCORES}
        # What readers leave out of a text is no part of what is compared.
        left_out = pc.count_substring(passage, LEFT_OUT).to_numpy()
        scorer = Scorer(self.reader, self._background, np.zeros(0, np.int64))
        texts, place = np.unique(found.text, return_inverse=True)
        of_texts = scorer.texts(texts)
        scored = Scored(
            place,
            # A run has them from its part files, with the digits of a float32.
            found.containment.astype(np.float32).astype(np.float64),
            found.similarity.astype(np.float32).astype(np.float64),
            found.whole,
            found.span[:, 1] - found.span[:, 0] - left_out,
        )
        scores = of_texts.matches(scored, FINDING)
        bits = scores.bits.astype(np.float32)
        return {
            "bits": pa.array(bits, mask=np.isnan(bits)),
            "common": pa.array(of_texts.common[place]),
            "known": pa.array(scores.known),
            "counted": pa.array(scores.counted),
        }

    def _tweets(self, found: Matches) -> dict[str, pa.ChunkedArray | pa.Array]:
        """The columns of the tweets that matches are credited to."""
        tweets = self.reader.earliest_tweets(found.text)
        authors = self.reader.author_counts(found.text)
        return {
            "tweet": tweets["tweet"],
            "author": tweets["author"],
            "time": tweets["time"],
            "permalink": permalinks(tweets["tweet_id"]),
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
            In the order of their places.

        Raises
        ------
        ParameterError
            `text` is no string, or a parameter is out of range.
        """
        require(isinstance(text, str), "text", text, "one str; match takes several")
        table = self.match([text], **options)
        return [Span(**row) for row in table.select(list(Span._fields)).to_pylist()]


def _id_array(ids: Iterable[object] | None, texts: int) -> pa.StringArray:
    """Ids of texts as strings, null where there is none."""
    if ids is None:
        return pa.nulls(texts, pa.string())
    values = ids.to_pylist() if isinstance(ids, pa.Array | pa.ChunkedArray) else ids
    array = pa.array([None if id is None else str(id) for id in values], pa.string())
    if len(array) != texts:
        raise ParameterError(
            f"expected an id of each of {texts:,} texts, found {len(array):,} ids"
        )
    return array


@lru_cache(maxsize=4)
def _reopened(path: str, snapshot: str, left_out: LeftOut) -> Index:
    """An index that was pickled; a process opens it once."""
    return Index(
        open_reader(path, check="lengths", snapshot=snapshot, without=left_out)
    )


def open_index(
    path: str | os.PathLike[str] = "licensed.index",
    *,
    verify: bool = True,
    without_segment: str | Sequence[str] | None = None,
) -> Index:
    """Open an index, by mapping it.

    Parameters
    ----------
    path
        Its folder.
    verify
        Compare every file with its checksum first. Without it, an index opens at once,
        and the first call of ``match`` compares the files. Files that were forged
        together with their checksums are found by :meth:`Index.verify` only: call it
        once for an index that comes from somebody else.
    without_segment
        Name of a segment to leave out, or several: a damaged one, as the error names
        it. ``info()`` says under ``segments_left_out`` how many tweets and texts are
        missing.

    Raises
    ------
    IndexFormatError
        There is no index, or one of another version, incomplete or damaged.
    UsageError
        There is no segment of that name, or none would be left.

    Returns
    -------
    Index

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
    without = (
        [without_segment] if isinstance(without_segment, str) else without_segment or ()
    )
    named = isinstance(without, Sequence) and all(
        isinstance(name, str) for name in without
    )
    require(
        named, "without_segment", without_segment, "the name of a segment, or several"
    )
    return Index(
        open_reader(path, check="checksums" if verify else "lengths", without=without)
    )
