"""What would be read of some sources, on a sample of each file, before a long run."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from provscan.errors import InputError
from provscan.readers.fields import Fields
from provscan.readers.limits import Limits, current_limits
from provscan.readers.names import counted
from provscan.readers.planning import plan
from provscan.readers.protocol import Plan, Split
from provscan.readers.reading import read
from provscan.readers.recipes import PREFIX
from provscan.readers.stats import ReadStats
from provscan.readers.tweet_sources import plan_tweets

# Rows that are read of a file, and those of them that are shown.
SAMPLE, EXAMPLES, EXAMPLE_LENGTH = 2000, 3, 200


@dataclass(slots=True)
class FileInspection:
    """One file, and what a sample of it holds."""

    # The file as the user named it, and how it is read.
    source: str
    format: str
    compression: str | None
    encoding: str
    records_are: str | None  # Of plain text: what is a record ("lines", "paragraphs", "files").
    bytes: int  # Size on disk.
    splits: int  # Parts that can be read separately.
    # Fields with strings, and whether each is scanned, or why not.
    fields: dict[str, str] = field(default_factory=dict)
    # Counts of the sample: ``records``, ``texts``, ``characters``, ``skipped``, ``repaired``, ``notes``.
    sampled: dict[str, Any] = field(default_factory=dict)
    # The first texts: ``record``, ``field`` and the beginning of the ``text``.
    examples: list[dict[str, Any]] = field(default_factory=list)
    # Estimated code points of text in the file, and time to read it on one processor.
    characters: int = 0
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)  # What should be looked at before a run.


@dataclass(slots=True)
class Inspection:
    """All files, and what will not be read."""

    files: list[FileInspection]
    unread: list[tuple[str, str]]
    ignored: list[tuple[str, str]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def inspect_sources(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    fields: Fields | None = None,
    *,
    records: str | None = None,
    encoding: str | None = None,
    limits: Limits | None = None,
) -> Inspection:
    """What would be read of some sources: as for :func:`~provscan.readers.plan`, or ``recipe:NAME=PATH``."""
    limits = limits or current_limits()
    fields = fields or Fields()
    named = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    paths = [source for source in named if not os.fspath(source).startswith(PREFIX)]
    found = plan(paths, fields, records=records, encoding=encoding, limits=limits) if paths or not named else Plan([])
    files: dict[str, tuple[list[Split], Fields]] = {}
    for split in found:
        files.setdefault(split.source, ([], fields))[0].append(split)
    for source in named:
        if source not in paths:
            tweets = plan_tweets(source, fields, limits=limits)
            files |= {file.split.source: ([file.split], file.fields) for file in tweets.files}
            found.unread += tweets.unread
            found.ignored += tweets.ignored
    return Inspection([_inspected(*file, limits) for file in files.values()], found.unread, found.ignored)


def _inspected(splits: list[Split], fields: Fields, limits: Limits) -> FileInspection:
    first, layout = splits[0], splits[0].layout
    size = sum(split.size for split in splits)
    result = FileInspection(
        first.source,
        first.format,
        first.compression,
        layout.encoding or "utf-8",
        layout.records if first.format == "text" else None,
        size,
        len(splits),
    )
    stats = ReadStats()
    texts: list[str] = []
    started = time.perf_counter()
    try:
        for batch in read(first, fields, stats, limits=limits):
            rows = batch.select(["record", "field", "text"]).slice(0, SAMPLE - len(texts)).to_pylist()
            texts += [row["text"] for row in rows]
            for row in islice(rows, EXAMPLES - len(result.examples)):
                result.examples.append({**row, "text": row["text"][:EXAMPLE_LENGTH]})
            if len(texts) >= SAMPLE:
                break
    except InputError as error:
        result.warnings.append(str(error))
    spent = time.perf_counter() - started
    whole = size / stats.bytes if stats.bytes else 1.0
    result.seconds, result.characters = round(spent * whole, 2), round(stats.characters * whole)
    result.fields = {name: next(iter(verdicts)) for name, verdicts in stats.fields.items()}
    counts = stats.as_dict()
    result.sampled = {name: counts[name] for name in ("records", "characters", "skipped", "repaired", "notes")}
    result.sampled["texts"] = len(texts)
    result.warnings += _warnings(stats, texts)
    return result


def _warnings(stats: ReadStats, texts: list[str]) -> list[str]:
    warnings = [
        f"skipped in the sample: {counted(count, 'record')}, {reason.replace('_', ' ')} "
        f"(first: record {stats.examples[reason][0].record + 1}, {stats.examples[reason][0].detail})"
        for reason, count in stats.skipped.items()
    ]
    warnings += [f"the file ends early: {damage.reason}" for damage in stats.damaged]
    if bad := stats.notes.get("wrongly_decoded"):
        case = stats.examples["wrongly_decoded"][0]
        warnings.append(
            f"{bad:,} texts of the sample were decoded with a wrong encoding before they were written (first: record "
            f"{case.record + 1}); copies in them may be missed without --fix-encoding"
        )
    if not texts and not stats.damaged:
        warnings.append("no record with text")
    return warnings
