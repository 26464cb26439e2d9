"""What would be read of some sources, on a sample of each file, before a long run."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

from provscan.errors import InputError
from provscan.readers.corpus.recipes import PREFIX
from provscan.readers.corpus.sources import plan_tweets
from provscan.readers.limits import Limits, current_limits
from provscan.readers.names import counted
from provscan.readers.planning import ReadPlan, plan
from provscan.readers.reading import read
from provscan.readers.splits import Split
from provscan.readers.stats import ReadStats
from provscan.readers.texts.fields import Fields
from provscan.urls import source_of

# Rows that are read of a file, and those of them that are shown.
SAMPLE, EXAMPLES, EXAMPLE_LENGTH = 2000, 3, 200


def inspect_sources(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    fields: Fields | None = None,
    *,
    records: str | None = None,
    encoding: str | None = None,
) -> dict[str, Any]:
    """What would be read of some sources: as for :func:`~provscan.readers.plan`, or
    ``recipe:NAME=PATH``.

    That is ``files``, and paths and reasons of what is ``unread`` or ``ignored``.
    """
    limits, fields = current_limits(), fields or Fields()
    named = [
        source_of(name)
        for name in ([sources] if isinstance(sources, str | os.PathLike) else sources)
    ]
    paths = [source for source in named if not source.startswith(PREFIX)]
    found = (
        plan(paths, fields, records=records, encoding=encoding, limits=limits)
        if paths or not named
        else ReadPlan([])
    )
    files: dict[str, tuple[list[Split], Fields]] = {}
    for split in found:
        files.setdefault(split.source, ([], fields))[0].append(split)
    for source in named:
        if source not in paths:
            tweets = plan_tweets(source, fields, encoding=encoding, limits=limits)
            files |= {
                file.split.source: ([file.split], file.fields) for file in tweets.files
            }
            found.unread += tweets.unread
            found.ignored += tweets.ignored
    inspected = [_inspected(*file, limits) for file in files.values()]
    return {"files": inspected, "unread": found.unread, "ignored": found.ignored}


def _inspected(splits: list[Split], fields: Fields, limits: Limits) -> dict[str, Any]:
    """A file, and what a sample of it holds."""
    first, size = splits[0], sum(split.size for split in splits)
    stats = ReadStats()
    texts: list[str] = []
    sampled = 0
    examples: list[dict[str, Any]] = []
    warnings: list[str] = []
    started = time.perf_counter()
    try:
        for batch in read(first, fields, stats, limits=limits):
            sampled += batch.num_rows
            rows = (
                batch.select(["record", "field", "text"])
                .slice(0, SAMPLE - len(texts))
                .to_pylist()
            )
            texts += [row["text"] for row in rows]
            for row in islice(rows, EXAMPLES - len(examples)):
                examples.append({**row, "text": row["text"][:EXAMPLE_LENGTH]})
            if sampled >= SAMPLE:
                break
    except InputError as error:
        warnings.append(str(error))
    spent = time.perf_counter() - started
    whole = size / stats.bytes if stats.bytes else 1.0
    counts = stats.as_dict()
    return {
        "source": first.source,
        "format": first.format,
        "compression": first.compression,
        "encoding": first.layout.encoding or "utf-8",
        # Of plain text: what is a record ("lines", "paragraphs", "files").
        "records_are": first.layout.records if first.format == "text" else None,
        "bytes": size,
        "splits": len(splits),
        # Fields with strings, and whether each is scanned, or why not.
        "fields": {
            name: next(iter(verdicts)) for name, verdicts in stats.fields.items()
        },
        "sampled": {
            **{
                name: counts[name]
                for name in ("records", "characters", "skipped", "repaired", "notes")
            },
            "texts": sampled,
        },
        "examples": examples,
        # Estimated code points of text in the file, and time to read it on one
        # processor.
        "characters": round(stats.characters * whole),
        "seconds": round(spent * whole, 2),
        "warnings": warnings + _warnings(stats, texts),
    }


def _warnings(stats: ReadStats, texts: list[str]) -> list[str]:
    warnings = [
        f"skipped in the sample: {counted(count, 'record')}, "
        f"{reason.replace('_', ' ')} (first: record "
        f"{stats.examples[reason][0].record}, {stats.examples[reason][0].detail})"
        for reason, count in stats.skipped.items()
    ]
    warnings += [f"the file ends early: {damage.reason}" for damage in stats.damaged]
    if bad := stats.notes.get("wrongly_decoded"):
        case = stats.examples["wrongly_decoded"][0]
        warnings.append(
            f"{bad:,} texts of the sample were decoded with a wrong encoding before "
            "they were written (first: record "
            f"{case.record}); copies in them may be missed without --fix-encoding"
        )
    if bad := stats.notes.get("escaped"):
        case = stats.examples["escaped"][0]
        warnings.append(
            f"{bad:,} texts of the sample have letters written as escapes, such as "
            "\\u0447 (first: record "
            f"{case.record}); copies in them are missed without --fix-encoding"
        )
    if not texts and not stats.damaged:
        warnings.append("no record with text")
    return warnings
