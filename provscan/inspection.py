"""``provscan inspect``: describe a sample of each file before a long run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from provscan.errors import InputError
from provscan.names import counted
from provscan.readers.corpus.layouts import is_nested
from provscan.readers.corpus.recipes import PREFIX
from provscan.readers.corpus.sources import plan_tweets
from provscan.readers.fields.binding import Fields
from provscan.readers.fields.names import VERDICTS
from provscan.readers.fields.paths import name_of
from provscan.readers.fields.tweets import bind
from provscan.readers.finding import Source, named_sources
from provscan.readers.formats.registry import FORMATS
from provscan.readers.limits import Limits, current_limits
from provscan.readers.planning import ReadPlan, plan, with_fields
from provscan.readers.reading import read
from provscan.readers.splits import Split
from provscan.readers.stats import ReadStats

# The number of texts that are read from a file, the number of texts that are shown, and
# their length in code points.
SAMPLE, EXAMPLES, EXAMPLE_LENGTH = 2000, 3, 200


def inspect_sources(
    sources: Source | Sequence[Source],
    fields: Fields | None = None,
    *,
    records: str | None = None,
    encoding: str | None = None,
) -> dict[str, Any]:
    """Describe how the files of sources would be read. A source can also be
    ``recipe:NAME=PATH``.

    The result has descriptions of the ``files`` that would be read, and the paths of
    other files with the reason why they would be ``unread`` or ``ignored``.
    """
    limits, fields = current_limits(), fields or Fields()
    named = named_sources(sources)
    recipes = [source for source in named if source.startswith(PREFIX)]
    paths = [source for source in named if source not in recipes]
    found = ReadPlan([])
    if paths or not recipes:
        found = plan(paths, fields, records=records, encoding=encoding, limits=limits)
    files: dict[str, tuple[list[Split], Fields]] = {}
    for split in found:
        files.setdefault(split.source, ([], fields))[0].append(split)
    for source in recipes:
        tweets = plan_tweets(source, fields, encoding=encoding, limits=limits)
        for file in tweets.files:
            # Describe the files of a recipe like those of a dataset.
            split = with_fields(file.split, file.fields, limits)
            files[split.source] = ([split], file.fields)
        found.unread += tweets.unread
        found.ignored += tweets.ignored
    inspected = [_inspected(*file, limits) for file in files.values()]
    return {"files": inspected, "unread": found.unread, "ignored": found.ignored}


def _inspected(splits: list[Split], fields: Fields, limits: Limits) -> dict[str, Any]:
    """Return a description of one file, based on a sample of its records."""
    first, size = splits[0], sum(split.size for split in splits)
    stats = ReadStats()
    rows: list[dict[str, Any]] = []
    sampled = 0
    warnings: list[str] = []
    started = time.perf_counter()
    try:
        for batch in read(first, fields, stats, limits=limits):
            shown = batch.select(["record", "field", "text"])
            rows += shown.slice(0, EXAMPLES - len(rows)).to_pylist()
            sampled += batch.num_rows
            if sampled >= SAMPLE:
                break
    except InputError as error:
        warnings.append(str(error))
    spent = time.perf_counter() - started
    whole = size / stats.bytes if stats.bytes else 1.0
    return {
        "source": first.source,
        "format": first.format,
        "compression": first.compression,
        "encoding": first.layout.encoding or "utf-8",
        # For plain text: what a record is ("lines", "paragraphs", "files").
        "records_are": first.layout.records if first.format == "text" else None,
        "bytes": size,
        "splits": len(splits),
        # For each field with strings: whether it is scanned, or why not.
        "fields": {
            name: VERDICTS[next(iter(verdicts))]
            for name, verdicts in stats.fields.items()
        },
        # The field whose texts "provscan index" would take for those of tweets.
        "tweet_text": _tweet_text(first, fields, limits),
        "sampled": {
            "records": stats.records,
            "characters": stats.characters,
            "skipped": stats.skipped,
            "repaired": stats.repaired,
            "notes": stats.notes,
            "texts": sampled,
        },
        "examples": [{**row, "text": row["text"][:EXAMPLE_LENGTH]} for row in rows],
        # Estimates for the complete file: code points of text, and seconds to read it
        # on one processor.
        "characters": round(stats.characters * whole),
        "seconds": round(spent * whole, 2),
        "warnings": warnings + _warnings(stats, sampled),
    }


def _tweet_text(split: Split, fields: Fields, limits: Limits) -> str | None:
    """Return the name of the field whose texts an index would contain; None if no field
    is suitable, or if the records contain nested tweets.
    """
    if split.format not in FORMATS:
        return None
    try:
        records = [
            record
            for record in FORMATS[split.format].fields(split, limits)
            if isinstance(record, dict)
        ]
        if not fields.texts and any(map(is_nested, records)):
            return None
        return name_of(
            bind(records, split.source, fields=fields, limits=limits).texts[0]
        )
    except InputError:
        return None


# Problems of texts in the sample, with their consequences.
GARBLED = {
    "wrongly_decoded": "decoded with a wrong encoding before being written: {} (first: "
    "record {}); copies in such texts may be missed without --fix-encoding",
    "escaped": "with letters written as escapes, such as \\u0447: {} (first: record "
    "{}); copies in such texts are missed without --fix-encoding",
}


def _warnings(stats: ReadStats, texts: int) -> list[str]:
    warnings = []
    for reason, count in stats.skipped.items():
        case = stats.examples[reason][0]
        warnings.append(
            f"skipped in the sample: {counted(count, 'record')}, "
            f"{reason.replace('_', ' ')} (first: record {case.record}, {case.detail})"
        )
    warnings += [f"the file ends early: {damage.reason}" for damage in stats.damaged]
    for reason, words in GARBLED.items():
        if bad := stats.notes.get(reason):
            record = stats.examples[reason][0].record
            problem = words.format(counted(bad, "text"), record)
            warnings.append(f"in the sample, {problem}")
    if not texts and not stats.damaged:
        warnings.append("no record with text")
    return warnings
