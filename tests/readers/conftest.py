"""Fixtures that write small files and read them."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pytest

from provscan.readers import (
    LIMITS,
    Fields,
    ReadStats,
    plan,
    plan_tweets,
    read,
    read_tweets,
)
from provscan.readers.schema import DATE, SCHEMA


def _read_all(
    sources, *, target_bytes=None, limits=LIMITS, records=None, encoding=None, **names
):
    """Read sources. Return rows as dicts, batches, counts and the plan."""
    fields = Fields(**names)
    splits = plan(
        sources,
        fields,
        target_bytes=target_bytes,
        limits=limits,
        records=records,
        encoding=encoding,
    )
    stats = ReadStats()
    batches = []
    for split in splits:
        consumed = []
        before = stats.bytes
        part = list(read(split, fields, stats, on_bytes=consumed.append, limits=limits))
        assert sum(consumed) == stats.bytes - before
        for batch in part:
            batch.validate(full=True)
            assert batch.num_rows > 0
            more = list(batch.schema)[len(SCHEMA) :]
            assert list(batch.schema)[: len(SCHEMA)] == list(SCHEMA)
            assert more in ([], [DATE])
        batches += part
    rows = [row for batch in batches for row in batch.to_pylist()]
    return SimpleNamespace(
        rows=rows,
        texts=[row["text"] for row in rows],
        records=[row["record"] for row in rows],
        fields=[row["field"] for row in rows],
        batches=batches,
        stats=stats,
        splits=splits,
        unread=splits.unread,
    )


@pytest.fixture
def read_all():
    return _read_all


@pytest.fixture
def read_tweet_rows():
    """Return a function that reads tweets and returns rows as dicts, and counts."""

    def read(sources, **names):
        stats = ReadStats()
        files = plan_tweets(sources, Fields(**names)).files
        rows = [
            row
            for file in files
            for batch in read_tweets(file, stats)
            for row in batch.to_pylist()
        ]
        return SimpleNamespace(
            rows=rows, texts=[row["text"] for row in rows], stats=stats, files=files
        )

    return read


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path. A list becomes JSON
    lines.
    """

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pa.Table):
            raise TypeError("write tables with their own writers")
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write
