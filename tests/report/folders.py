"""Make run folders for tests of the report without a scan."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from provscan.runs.evidence.tables import TABLE, TEXTS
from provscan.runs.folder import MATCHES_FILE, write_summary

FIXTURES = Path(__file__).parent
WORDS = (
    "ferry",
    "harbour",
    "goat",
    "landslip",
    "umbrella",
    "kettle",
    "Sunday",
    "junction",
    "closing",
    "bathtub",
)

# Texts that try to be interpreted as markup, code, formulas or file names.
HOSTILE = json.loads((FIXTURES / "hostile.json").read_text(encoding="utf-8"))
HOSTILE[23:23] = ["x" * 100_000, "a\u0301" * 3000]


def hostile(count: int = 100) -> list[str]:
    """Return different hostile texts: each as it is, and then with words after it."""
    return [
        HOSTILE[i % len(HOSTILE)] + (f" {i} ferry" if i >= len(HOSTILE) else "")
        for i in range(count)
    ]


def rows(count: int = 60, texts: list[str] | None = None) -> list[dict[str, Any]]:
    """Return matches with their passages and tweets. Every seventh match is not a
    finding; half of those have no texts in a run folder.
    """
    made = []
    for i in range(count):
        tweet = (
            " ".join(WORDS[(i * step + step) % len(WORDS)] for step in range(1, 9))
            + f" number {i}"
        )
        passage = (
            tweet.replace("ferry", "Ferry")
            if i % 3
            else tweet.replace(f"number {i}", "sans nombre")
        )
        counted = i % 7 != 6
        time = datetime(2012, 1, 1, tzinfo=UTC) + timedelta(days=97 * (i % 30))
        # The id of a tweet contains its time.
        number = (round(1000 * time.timestamp()) - 1288834974657 << 22) + i
        if texts:
            passage = tweet = texts[i % len(texts)]
        made.append(
            {
                "source": f"part-{i % 2}.jsonl",
                "record": i,
                "record_id": f"d{i}",
                "field": "text",
                "start": 5,
                "end": 5 + len(passage),
                "tweet_id": str(number),
                "tweets": 1 + i % 2,
                "level": ("exact", "near_exact", "strong", "weak")[i % 4],
                "similarity": 1 - i / (2 * count),
                "containment": 1.0,
                "bits": 400.0 - 3 * (i % 100),
                "q_value": 0.004,
                "control": False,
                "common": not counted and i % 2 == 0,
                "known": i == 27,
                "counted": counted,
                "before": "before ",
                "passage": passage,
                "after": " after",
                "tweet": tweet,
                "author": f"author_{i % 5}",
                "lang": (None, "en", "ja")[i % 3],
                "has_text": True,
                "time": time,
                "permalink": f"https://x.com/i/status/{number}",
            }
        )
    return made


def write_folder(
    path: Path,
    made: list[dict[str, Any]],
    summary: dict[str, Any] | None = None,
    info: dict[str, Any] | None = None,
) -> Path:
    """Write a run folder with these matches."""
    path.mkdir(exist_ok=True)
    texts = dict.fromkeys(TEXTS.names)
    found = [
        row | texts if not row["counted"] and row["record"] % 14 == 13 else row
        for row in made
    ]
    chance = (
        [{**made[0], "control": True, "counted": False, "bits": 12.0, **texts}]
        if made
        else []
    )
    pq.write_table(pa.Table.from_pylist(found + chance, TABLE), path / MATCHES_FILE)
    return seal(path, FIXTURES, summary, info)


def seal(
    path: Path,
    known: Path,
    summary: dict[str, Any] | None = None,
    info: dict[str, Any] | None = None,
) -> Path:
    """Write ``summary.json`` and ``run.json``, by default those in `known`, with the
    current checksums of the other files.
    """
    read = [
        given
        if given is not None
        else json.loads((known / name).read_text(encoding="utf-8"))
        for name, given in (("summary.json", summary), ("run.json", info))
    ]
    write_summary(path, *read, [MATCHES_FILE])
    return path
