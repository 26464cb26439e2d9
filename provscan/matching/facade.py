"""The index as users hold it: open it, ask it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan.index import IndexReader, open_reader
from provscan.matching.scan import scan_texts
from provscan.matching.table import match_table
from provscan.params import IndexParams, MatchParams, require, require_folder
from provscan.readers import MEMORY
from provscan.readers.formats.subtitles import without_cues
from provscan.text_buffers import Texts, buffers, to_array


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


class Index:
    """An open index of licensed tweets: one snapshot, mapped, safe to use from several
    threads.

    Get one from :func:`provscan.open_index` or :func:`provscan.build_index`.

    Examples
    --------
    >>> import provscan
    >>> index = provscan.build_index(
    ...     [{"id": "1", "text": "Never trust a goat near the harbour"}], "goat.index"
    ... )
    >>> index.match_document("I said: never trust a goat near the harbour!")
    [Span(start=8, end=43, tweet_id='1', tweets=1, level='near_exact', similarity=1.0, containment=1.0)]
    """  # noqa: E501

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

    def match(
        self,
        texts: Texts,
        *,
        threshold: float = MatchParams.threshold,
        min_containment: float = MatchParams.min_containment,
        min_chars: int = MatchParams.min_chars,
        partial_chars: int = MatchParams.partial_chars,
    ) -> pa.Table:
        """Find licensed tweets in texts, short or long.

        Parameters
        ----------
        texts
            Strings: an Arrow array, a chunked array or any iterable; a null counts as
            an empty text.
        threshold
            Minimum similarity of a match (Jaccard index of character 5-grams).
        min_containment
            Minimum containment: share of the licensed text's 5-grams that are in the
            span.
        min_chars
            Minimum number of letters that a match has in common with the licensed text,
            in canonical code points, where a Chinese character, a kana or a Korean
            syllable counts as two. Shorter licensed texts are ignored.
        partial_chars
            Minimum stretch of a licensed text, counted likewise, that is a match below
            these two shares; see :class:`provscan.params.MatchParams`.

        Returns
        -------
        pyarrow.Table
            One row a match with the columns of ``matches.parquet`` up to
            ``containment``, as only a run has scores; ``record`` is the place in
            ``texts``.

        Raises
        ------
        ParameterError
            A parameter is out of range; or ``texts`` is a single string, or holds
            something that is not one.
        """
        params = MatchParams(threshold, min_containment, min_chars, partial_chars)
        array = to_array(texts)
        if not self.reader.verified:
            reader = self.reader
            self.reader = open_reader(
                reader.path, snapshot=reader.snapshot, without=reader.left_out
            )
        with self.reader.unchanged():
            found = scan_texts(*buffers(without_cues(array)[0]), self.reader, params)
            names = {
                "record": pa.array(np.arange(len(array))),
                "id": pa.nulls(len(array), pa.string()),
            }
            batch = match_table(
                found, self.reader, MEMORY, pa.RecordBatch.from_pydict(names)
            )
        return pa.Table.from_batches([batch])

    def match_document(
        self,
        text: str,
        *,
        threshold: float = MatchParams.threshold,
        min_containment: float = MatchParams.min_containment,
        min_chars: int = MatchParams.min_chars,
        partial_chars: int = MatchParams.partial_chars,
    ) -> list[Span]:
        """Find licensed tweets in one text.

        Parameters
        ----------
        text
            A string of any length.
        threshold, min_containment, min_chars, partial_chars
            As for :meth:`match`.

        Returns
        -------
        list of Span
            In the order of their places.
        """
        table = self.match(
            [text],
            threshold=threshold,
            min_containment=min_containment,
            min_chars=min_chars,
            partial_chars=partial_chars,
        )
        return [Span(**row) for row in table.select(list(Span._fields)).to_pylist()]


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
