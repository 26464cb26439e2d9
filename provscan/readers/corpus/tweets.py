"""Licensed tweets: one row a tweet, with id, text, author, time, language and the tweet
that it repeats.

Files of flat records go through as columns. A record that is one of the nested layouts
of :mod:`provscan.readers.corpus.layouts` may hold several tweets, such as a retweet and
its original; blocks of lines with such records are parsed as objects.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.errors import FieldNotFoundError
from provscan.kernels.canonical.utf8 import code_points
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.corpus.columns import (
    batch_of,
    column,
    dates,
    filled_texts,
    from_tweets,
    whole_texts,
    with_ids,
)
from provscan.readers.corpus.dates import parse_date
from provscan.readers.corpus.fields import ROLES, Binding, bind
from provscan.readers.corpus.layouts import Tweet, is_nested, rows_of_table, tweets_in
from provscan.readers.corpus.sources import TweetFile
from provscan.readers.formats.json_documents import Elements
from provscan.readers.formats.jsonl import read_lines
from provscan.readers.formats.objects import object_rows
from provscan.readers.formats.protocol import (
    ANY,
    MEMORY,
    UNKNOWN,
    Context,
    Path,
    Piece,
    Progress,
    Rows,
    Split,
)
from provscan.readers.formats.values import values_of
from provscan.readers.limits import Limits, current_limits
from provscan.readers.reading import as_far_as_readable, read_rows
from provscan.readers.stats import Damage, ReadStats
from provscan.readers.texts.fields import Fields
from provscan.readers.texts.mending import mended_texts, note_garbled
from provscan.readers.texts.records import checked_text, numbers_of, value_at
from provscan.readers.texts.schema import TWEETS, plain_array
from provscan.text_buffers import buffers

# Tweets that are collected from objects before they become columns.
GROUP = 8192
# Code points by which a long text is known to be that of a tweet, and the names before
# a reply.
OPENING = 20
REPLY = re.compile(r"\A(?:@\w+\s+)+")
# Values that only nested records have: where what holds one shows, the block is parsed
# as objects.
GUARDS: tuple[Path, ...] = (
    ("retweeted_status", "id_str"),
    ("quoted_status", "id_str"),
    ("extended_tweet", "full_text"),
    ("note_tweet", "text"),
    ("user", "screen_name"),
    ("referenced_tweets", ANY, "id"),
    ("edit_history_tweet_ids", ANY),
)


def read_tweets(
    file: TweetFile,
    stats: ReadStats,
    *,
    on_bytes: Progress | None = None,
    limits: Limits | None = None,
) -> Iterator[pa.RecordBatch]:
    """The tweets of one file of :func:`~provscan.readers.plan_tweets`, in bounded
    memory.

    Every row has an id, ``file:line`` where the tweet has none. The `stats` are
    complete when the iterator is exhausted; `on_bytes` is called with the number of
    bytes of the file read since the last call.
    """
    limits = limits or current_limits()
    context = Context.of(file.split, stats, limits, on_bytes)
    before = stats.records
    reader = _Reader(file, stats, limits)
    if file.binding is not None:
        if file.binding.guessed:
            stats.note("fields_by_content", file.split.source, 0, file.binding.guessed)
        for role in file.binding.missing:
            stats.note(
                "field_missing",
                file.split.source,
                0,
                f"no field {getattr(file.fields, role)!r} for the {role}",
            )
    yield from as_far_as_readable(
        reader.batches(_rows(file, reader, context)), file.split.source, context
    )
    if context.breaks:
        stats.damaged.append(
            Damage(file.split.source, stats.records - before, context.breaks[0])
        )


def read_tweet_objects(
    obj: Any, fields: Fields, stats: ReadStats
) -> Iterator[pa.RecordBatch]:
    """The tweets among records in memory, as :func:`read_tweets` gives them."""
    file, limits = TweetFile(Split(MEMORY, MEMORY, UNKNOWN), fields), current_limits()
    yield from _Reader(file, stats, limits).batches(object_rows(obj, limits))


def _rows(file: TweetFile, reader: _Reader, context: Context) -> Iterator[Rows | Piece]:
    split, binding = file.split, file.binding
    if binding is None:
        yield from read_rows(split, None, context)
        return
    wanted = dict(binding.wanted)
    taken = {path[0] for path in wanted}
    places = (
        *binding.long,
        *(path for paths in binding.late.values() for path in paths),
    )
    late = {path: pa.string() for path in places if path[0] not in taken}
    if split.format in ("json", "jsonl"):
        wanted |= {path: pa.string() for path in GUARDS if path[0] not in taken} | late
        stream = ByteStream(split, context)
        yield from read_lines(
            Elements(stream) if split.format == "json" else stream,
            wanted,
            reader.is_flat,
        )
    else:
        yield from read_rows(split, wanted | late, context)


class _Reader:
    """Records of one file -> batches of tweets."""

    def __init__(self, file: TweetFile, stats: ReadStats, limits: Limits) -> None:
        self._file = file
        self._source = file.split.source
        self._binding = file.binding
        self._error: FieldNotFoundError | None = None
        self._counts = stats
        self._limits = limits
        self._rows = 0  # Of tables in single objects.

    def batches(self, parts: Iterable[Rows | Piece]) -> Iterator[pa.RecordBatch]:
        """All tweets among some records, in batches within the limits, counted and with
        ids.
        """
        limits = self._limits
        before = self._counts.records
        for batch in self._all(parts):
            if not batch.num_rows:
                continue
            _, offsets = buffers(batch.column("text"))
            step = max(
                1,
                int(
                    limits.batch_bytes
                    * batch.num_rows
                    // max(1, int(offsets[-1] - offsets[0]))
                ),
            )
            for low in range(0, batch.num_rows, min(step, limits.batch_records)):
                part = with_ids(
                    batch.slice(low, min(step, limits.batch_records)),
                    self._source,
                    self._counts,
                )
                data, bounds = buffers(part.column("text"))
                self._counts.records += part.num_rows
                self._counts.characters += int(
                    code_points(data[bounds[0] : bounds[-1]])
                )
                fixed = self._file.fields.fix_encoding
                note_garbled(part, self._source, self._counts, fixed=fixed)
                if fixed:
                    place = part.schema.get_field_index("text")
                    part = part.set_column(
                        place,
                        TWEETS.field("text"),
                        mended_texts(part.column("text"))[0],
                    )
                yield part
        if self._error is not None and self._counts.records == before:
            raise self._error

    def _all(self, parts: Iterable[Rows | Piece]) -> Iterator[pa.RecordBatch]:
        numbers: list[int] = []
        tweets: list[Tweet] = []
        size = 0
        for rows in parts:
            if isinstance(rows, Piece):
                if rows.start == 0:
                    self._counts.skip(
                        "text_too_long",
                        self._source,
                        rows.number,
                        "longer than any tweet",
                    )
                continue
            if isinstance(rows.values, pa.RecordBatch):
                if self._binding is not None:
                    yield self._columns(rows.values, numbers_of(rows))
                    continue
                rows = Rows(rows.numbers, values_of(rows.values))
            for number, tweet in self._objects(rows):
                numbers.append(number)
                tweets.append(tweet)
                size += len(tweet.text) if isinstance(tweet.text, str) else 0
            if len(tweets) >= GROUP or size >= self._limits.batch_bytes:
                yield from_tweets(numbers, tweets, self._source, self._counts)
                numbers, tweets, size = [], [], 0
        if tweets:
            yield from_tweets(numbers, tweets, self._source, self._counts)

    def is_flat(self, batch: pa.RecordBatch) -> bool:
        """Whether columns hold all there is in some lines: each has a text, and none is
        nested.
        """
        assert self._binding is not None
        text = _leaf(batch, self._binding.text)
        taken = {path[0] for path, _ in self._binding.wanted}
        guards = [_leaf(batch, path[:1]) for path in GUARDS if path[0] not in taken]
        return (
            text is not None
            and not text.null_count
            and all(g is None or g.null_count == len(g) for g in guards)
        )

    def _columns(self, batch: pa.RecordBatch, numbers: Numbers) -> pa.RecordBatch:
        assert self._binding is not None
        found = {role: _column(batch, self._binding, role) for role in ROLES}
        others = [
            leaf
            for path in self._binding.late.get("text", ())
            if (leaf := _leaf(batch, path)) is not None
        ]
        long = [
            leaf
            for path in self._binding.long
            if (leaf := _leaf(batch, path)) is not None
        ]
        whole = whole_texts(
            long,
            checked_text(found.pop("text"), numbers, self._source, self._counts),
            others,
        )
        kept, text = filled_texts(whole, numbers, self._source, self._counts)
        if kept is not None:
            numbers = numbers[kept]
            found = {
                role: values and values.take(pa.array(kept))
                for role, values in found.items()
            }
        created = dates(found.get("date"), numbers, self._source, self._counts)
        short = {
            role: column(found.get(role), len(text))
            for role in ("id", "author", "lang", "rt_of")
        }
        return batch_of(numbers, text, created, short)

    def _objects(self, rows: Rows) -> Iterator[tuple[int, Tweet]]:
        named, tried = bool(self._file.fields.texts), False
        for number, record in zip(rows.numbers, rows.values, strict=True):
            if not isinstance(record, dict):
                self._counts.skip(
                    "not_an_object", self._source, number, type(record).__name__
                )
            elif (table := rows_of_table(record)) is not None:
                binding = self._bound(table)
                # Rows go on from those of a table before.
                first = self._rows = max(number, self._rows)
                self._rows += len(table)
                for place, row in enumerate(table, first):
                    yield from self._flat(place, row, binding)
            elif not named and is_nested(record):
                yield from self._nested(number, record)
            else:
                if self._binding is None and not tried:
                    tried = True
                    objects = [
                        value for value in rows.values if isinstance(value, dict)
                    ]
                    flat = [value for value in objects if named or not is_nested(value)]
                    self._binding = self._bound(flat) or self._bound(objects)
                yield from self._flat(number, record, self._binding)

    def _bound(self, records: list[Any]) -> Binding | None:
        """The places of the fields in records that could not be looked at before."""
        try:
            return bind(
                self._file.fields,
                [record for record in records if isinstance(record, dict)],
                self._source,
            )
        except FieldNotFoundError as error:
            self._error = error
            return None

    def _flat(
        self, number: int, record: Any, binding: Binding | None
    ) -> Iterator[tuple[int, Tweet]]:
        if binding is None:
            self._counts.skip("no_text", self._source, number, "no field holds a text")
        else:
            yield (
                number,
                Tweet(*(_value(record, binding, role) for role in Tweet._fields)),
            )

    def _nested(
        self, number: int, record: dict[str, Any]
    ) -> Iterator[tuple[int, Tweet]]:
        def skip(reason: str, detail: str) -> None:
            self._counts.skip(reason, self._source, number, detail)

        for tweet in tweets_in(record, skip):
            yield number, self._completed(tweet)

    def _completed(self, tweet: Tweet) -> Tweet:
        """A tweet of an account's archive with what stands in other files of it."""
        if tweet.author is None and self._file.author is not None:
            tweet = tweet._replace(author=self._file.author)
        if self._file.long_texts and isinstance(tweet.text, str):
            posted = (parse_date(tweet.date) or 0) // 1000
            # The long text is made just before its tweet, which may be in the second
            # before.
            near = (self._file.long_texts.get(posted - before) for before in (0, 1, 2))
            opening = _opening(tweet.text)
            long = next(
                (
                    text
                    for text in near
                    if text is not None and _opening(text) == opening
                ),
                tweet.text,
            )
            tweet = tweet._replace(text=long)
        return tweet


def _opening(text: str) -> str:
    """How a tweet begins, whether or not it has HTML entities and the names of those to
    whom it replies.
    """
    return html.unescape(REPLY.sub("", text))[:OPENING]


def _leaf(batch: pa.RecordBatch, path: Path) -> pa.Array | None:
    if path[0] not in batch.schema.names:
        return None
    array = batch.column(batch.schema.get_field_index(path[0]))
    return plain_array(
        pc.struct_field(array, list(path[1:])) if len(path) > 1 else array
    )


def _column(batch: pa.RecordBatch, binding: Binding, role: str) -> pa.Array | None:
    """The values of a role, from where the first records have it, else from where later
    ones do.
    """
    path = getattr(binding, role)
    if path is not None:
        return _leaf(batch, path)
    there = [
        leaf
        for path in binding.late.get(role, ())
        if (leaf := _leaf(batch, path)) is not None
    ]
    if len(there) > 1:
        known = [
            column(leaf, len(leaf)) for leaf in there if leaf.null_count < len(leaf)
        ]
        return pc.coalesce(*known) if known else None
    return there[0] if there else None


def _value(record: Any, binding: Binding, role: str) -> Any:
    """As :func:`_column`, of one record."""
    path = getattr(binding, role)
    if role == "text":
        long = next(
            (value for path in binding.long if (value := value_at(record, path))), None
        )
        if isinstance(long, str):
            return long
    if path is not None and (
        (value := value_at(record, path)) is not None or role != "text"
    ):
        return value
    values = (value_at(record, path) for path in binding.late.get(role, ()))
    return next(
        (value for value in values if isinstance(value, str | int | float)), None
    )
