"""Licensed tweets: text, id, author, time and language of each record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from provscan.readers.batches import Batcher
from provscan.readers.fields import Fields
from provscan.readers.limits import Limits, current_limits
from provscan.readers.memory import object_rows
from provscan.readers.protocol import Context, Piece, Progress, Rows, Split
from provscan.readers.reading import read_rows
from provscan.readers.stats import Damage, ReadStats
from provscan.readers.tweet_columns import Columns
from provscan.readers.tweet_fields import Binding, Found, Path, bind, note_missing, survey


def read_tweets(
    split: Split, fields: Fields, stats: ReadStats, *, on_bytes: Progress | None = None, limits: Limits | None = None
) -> Iterator[pa.RecordBatch]:
    """The tweets of one split."""
    context = Context(stats, limits or current_limits(), [], on_bytes)
    before = stats.records
    tweets = _tweets(read_rows(split, None, context), fields, stats, split.source)
    yield from Batcher(stats, context.limits).batches(tweets)
    if context.breaks:
        stats.damaged.append(Damage(split.source, stats.records - before, context.breaks[0]))


def read_tweet_objects(
    obj: Any, fields: Fields, stats: ReadStats, *, source: str = "<memory>"
) -> Iterator[pa.RecordBatch]:
    """The tweets among records in memory."""
    yield from Batcher(stats, current_limits()).batches(_tweets(object_rows(obj), fields, stats, source))


def _tweets(parts: Iterable[Rows | Piece], fields: Fields, stats: ReadStats, source: str) -> Iterator[pa.RecordBatch]:
    binding: Binding | None = None
    for rows in parts:
        if isinstance(rows, Piece):
            stats.skip("text_too_long", source, rows.number)
            continue
        values = rows.values.to_pylist() if isinstance(rows.values, pa.RecordBatch) else rows.values
        objects = [(n, v) for n, v in zip(rows.numbers, values, strict=True) if isinstance(v, dict)]
        if not objects:
            continue
        if binding is None:
            head = [v for _, v in objects]
            binding = bind(fields, Found(survey(head), source, len(head)), strict=False)
            note_missing(fields, binding, source, stats)
        roles: dict[str, list[Any]] = {
            role: [_reach(record, paths) for _, record in objects]
            for role in Binding.__slots__
            if (paths := getattr(binding, role))
        }
        yield Columns(source, [n for n, _ in objects], **roles).batch(stats)


def _reach(record: Any, paths: tuple[Path, ...]) -> Any:
    for path in paths:
        value = record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None
