"""Read licensed tweets: one row per tweet, with its id, text, author, time and
language, and the id of the tweet that it repeats.

Flat records are read as columns. A record in one of the nested layouts of
:mod:`provscan.readers.corpus.layouts` may contain several tweets, such as a retweet and
its original; blocks of lines with such records are parsed as objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from provscan.arrays import Numbers
from provscan.errors import FieldNotFoundError
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.corpus.apis import Tweet
from provscan.readers.corpus.columns import (
    batch_of,
    filled_texts,
    first_in_record,
    first_texts,
    first_values,
    from_tweets,
    look_rounded,
    with_ids,
    with_plain_ids,
)
from provscan.readers.corpus.layouts import is_nested, tweets_in
from provscan.readers.corpus.sources import TweetFile
from provscan.readers.fields.binding import Binding, Fields, note_missing
from provscan.readers.fields.names import RECORDS, ROLES
from provscan.readers.fields.paths import leaf
from provscan.readers.fields.tweets import bind
from provscan.readers.formats.json_documents import Elements
from provscan.readers.formats.jsonl import read_lines
from provscan.readers.formats.objects import object_rows
from provscan.readers.formats.protocol import Rows, first_records
from provscan.readers.limits import Limits, current_limits
from provscan.readers.reading import note_damage, read_rows, until_damage
from provscan.readers.schema import TWEETS
from provscan.readers.splits import MEMORY, UNKNOWN, Context, OnBytes, Split
from provscan.readers.stats import ReadStats
from provscan.readers.strings import checked_text, is_text
from provscan.readers.texts.batches import characters, slices
from provscan.readers.texts.garbled import mended_texts, note_garbled
from provscan.readers.values import values_of

# The number of tweets collected from objects before they are turned into columns.
TWEETS_AT_ONCE = 8192


def read_tweets(
    file: TweetFile,
    stats: ReadStats,
    *,
    on_bytes: OnBytes | None = None,
    limits: Limits | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the tweets of one file of :func:`~provscan.readers.plan_tweets`, in
    bounded memory.

    Every row has an id; it is ``file:line`` if the tweet has none. The ``stats`` are
    complete when the iterator is exhausted; ``on_bytes`` is called with the number of
    bytes of the file read since the last call.
    """
    limits = limits or current_limits()
    context, before = Context.of(file.split, stats, limits, on_bytes), stats.records
    reader = _Reader(file, stats, limits)
    batches = reader.batches(reader.rows(context))
    yield from until_damage(batches, file.split, context)
    note_damage(file.split, context, before)


def read_tweet_objects(
    obj: Any, fields: Fields, stats: ReadStats
) -> Iterator[pa.RecordBatch]:
    """Yield the tweets among records in memory in the form of :func:`read_tweets`."""
    file, limits = TweetFile(Split(MEMORY, MEMORY, UNKNOWN), fields), current_limits()
    return _Reader(file, stats, limits).batches(object_rows(obj, limits))


class _Reader:
    """Turns the records of one file into batches of tweets.

    :meth:`rows` reads the records, and :meth:`batches` turns them into tweets: columns
    with :meth:`_columns`, objects with :meth:`_objects`. The fields are known
    beforehand, unless the records come from a pipe, contain nested tweets or are in
    memory. In these cases, :meth:`batches` collects the first records, and
    :meth:`_determine` finds the fields at the first flat record. If no tweet is found,
    :meth:`batches` raises the last error of :meth:`_bound`.
    """

    def __init__(self, file: TweetFile, stats: ReadStats, limits: Limits) -> None:
        self._file = file
        self._binding: Binding | None = file.split.binding
        # Raised if no tweet is found.
        self._error: FieldNotFoundError | None = None
        self._counts = stats.for_source(file.split.source)
        self._limits = limits
        # Whether a spreadsheet rounded the ids of the file.
        self._rounded = file.rounded

    def rows(self, context: Context) -> Iterator[Rows]:
        """Yield the records of the file: as columns if the fields are known and the
        format allows it, else unchanged.
        """
        split, binding = self._file.split, self._binding
        if binding is None:
            yield from read_rows(split, None, context)
            return
        note_missing(binding, self._file.fields, self._counts)
        if split.format not in ("json", "jsonl"):
            yield from read_rows(split, binding.wanted, context)
            return
        # A block of lines that has objects or lists in the fields of nested tweets is
        # parsed as objects. This does not apply to fields that the binding reads, which
        # are flat even if their names are those of nested tweets.
        read = {path[0] for path in binding.wanted}
        nested = ((name,) for name in (*RECORDS["nested"], "user") if name not in read)
        wanted = binding.wanted | dict.fromkeys(nested, pa.string())
        stream = ByteStream(split, context)
        lines = Elements(stream) if split.format == "json" else stream
        yield from read_lines(lines, wanted, self._is_flat)

    def batches(self, parts: Iterable[Rows]) -> Iterator[pa.RecordBatch]:
        """Yield all tweets in some records, with ids, in batches within the limits, and
        count them.
        """
        counts, fixed = self._counts, self._file.fields.fix_encoding
        before = counts.stats.records
        first: list[Any] = []
        if self._binding is None:
            first, parts = first_records(parts, self._limits)
        for batch in filter(len, self._all(parts, first)):
            batch = with_plain_ids(batch)
            for part, _ in slices(batch, self._limits):
                part = with_ids(part, counts, rounded=self._rounded)
                counts.stats.records += part.num_rows
                counts.stats.characters += characters(part)
                note_garbled(part, counts, fixed=fixed)
                if fixed:
                    position = part.schema.get_field_index("text")
                    texts = mended_texts(part.column("text"))[0]
                    part = part.set_column(position, TWEETS.field("text"), texts)
                yield part
        if self._error is not None and counts.stats.records == before:
            raise self._error

    def _all(self, parts: Iterable[Rows], first: list[Any]) -> Iterator[pa.RecordBatch]:
        """Yield the tweets in some records, before missing ids are added."""
        numbers: list[int] = []
        tweets: list[Tweet] = []
        size = 0
        for rows in parts:
            if isinstance(rows.values, pa.RecordBatch):
                if self._binding is not None:
                    yield self._columns(rows.values, rows.position_array)
                    continue
                rows = Rows(rows.positions, values_of(rows.values))
            for number, tweet in self._objects(rows, first):
                numbers.append(number)
                tweets.append(tweet)
                size += len(tweet.text) if isinstance(tweet.text, str) else 0
            if len(tweets) >= TWEETS_AT_ONCE or size >= self._limits.batch_bytes:
                yield from_tweets(numbers, tweets, self._counts)
                numbers, tweets, size = [], [], 0
        if tweets:
            yield from_tweets(numbers, tweets, self._counts)

    def _is_flat(self, batch: pa.RecordBatch) -> bool:
        """Return whether some column has a text in every row."""
        return any(not each.null_count for each in self._leaves(batch, "text"))

    def _leaves(self, batch: pa.RecordBatch, role: str) -> list[pa.Array]:
        """Return the columns of a role, in order of preference."""
        assert self._binding is not None
        found = (leaf(batch, path) for path in self._binding.paths.get(role, ()))
        return [each.array for each in found if each is not None]

    def _columns(self, batch: pa.RecordBatch, numbers: Numbers) -> pa.RecordBatch:
        values = {
            role: first_values(self._leaves(batch, role))
            for role in ROLES
            if role != "text"
        }
        texts = self._leaves(batch, "text")
        texts = [text for text in texts if is_text(text.type)] or texts
        text = first_texts(checked_text(text, numbers, self._counts) for text in texts)
        kept, text = filled_texts(text, numbers, self._counts)
        if kept is not None:
            numbers = numbers[kept]
            values = {
                role: array and array.take(pa.array(kept))
                for role, array in values.items()
            }
        return batch_of(numbers, text, values, self._counts)

    def _objects(self, rows: Rows, first: list[Any]) -> Iterator[tuple[int, Tweet]]:
        """Yield the tweets in objects: nested tweets, or flat records."""
        named, tried = bool(self._file.fields.texts), False
        for number, record in zip(rows.positions, rows.values, strict=True):
            if not isinstance(record, dict):
                self._counts.skip("not_an_object", number, type(record).__name__)
            elif not named and (tweets := self._nested(number, record)) is not None:
                yield from tweets
            else:
                if self._binding is None and not tried:
                    # The first records of a file usually begin with these.
                    shared = min(len(first), len(rows.values))
                    new = rows.values
                    if first[:shared] == [*new[:shared]]:
                        new = new[shared:]
                    self._binding, tried = self._determine([*first, *new]), True
                    if self._binding is not None:
                        note_missing(self._binding, self._file.fields, self._counts)
                yield from self._flat(number, record, self._binding)

    def _determine(self, records: list[Any]) -> Binding | None:
        """Return the fields of the flat records, or else of all objects; None if no
        field contains a text.
        """
        objects = [each for each in records if isinstance(each, dict)]
        named = bool(self._file.fields.texts)
        flat = [each for each in objects if named or not is_nested(each)]
        return self._bound(flat) or self._bound(objects)

    def _bound(self, records: list[dict[str, Any]]) -> Binding | None:
        """Return the fields of records that could not be inspected beforehand."""
        fields, limits = self._file.fields, self._limits
        try:
            found = bind(records, self._counts.source, fields=fields, limits=limits)
        except FieldNotFoundError as error:
            self._error = error
            return None
        self._rounded = look_rounded(records, found.paths.get("id", ()))
        return found

    def _flat(
        self, number: int, record: Any, binding: Binding | None
    ) -> Iterator[tuple[int, Tweet]]:
        if binding is None:
            self._counts.skip("no_text", number, "no field contains a text")
        else:
            paths = (binding.paths.get(role, ()) for role in Tweet._fields)
            yield number, Tweet(*(first_in_record(record, path) for path in paths))

    def _nested(
        self, number: int, record: dict[str, Any]
    ) -> Iterable[tuple[int, Tweet]] | None:
        """Return the tweets of a record in the layout of a platform, else None."""

        def skip(reason: str, detail: str) -> None:
            self._counts.skip(reason, number, detail)

        if (tweets := tweets_in(record, skip)) is None:
            return None
        username = self._file.username
        return (
            (number, tweet if tweet.author else tweet._replace(author=username))
            for tweet in tweets
        )
