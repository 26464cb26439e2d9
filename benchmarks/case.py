"""How long does ``provscan case`` take for many large runs, and are its totals right?

    python benchmarks/case.py [--runs 8] [--matches 1000000]

Run folders with synthetic matches are written, combined as by ``provscan case``, and
counted by a naive script. The table shows the seconds and the peak memory of both; the
command fails if a total differs. Takes about four minutes.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import apart, command_line, console, machine, table

from provscan.handover.case import write_case
from provscan.runs.evidence.tables import ADDED, CANDIDATE, EVIDENCE
from provscan.runs.folder import (
    EVIDENCE_FILE,
    MATCHES_FILE,
    RUN_FILE,
    SUMMARY_FILE,
    read_json,
    write_summary,
)

SAMPLE = Path(__file__).parents[1] / "tests" / "report"
BEGIN = datetime(2015, 1, 1, tzinfo=UTC)
# One match in this number is not a finding.
NOT_FINDINGS = 10
# Number of matches written at a time.
STEP = 1 << 17


def texts_of(numbers: np.ndarray) -> dict[str, pa.Array]:
    """Return the metadata of licensed texts, which depends only on their numbers."""
    days = [BEGIN + timedelta(days=int(n) % 3000) for n in numbers]
    return {
        "tweet_id": pa.array([str(10**18 + int(n)) for n in numbers]),
        "author": pa.array([f"author{n % 50_021}" for n in numbers]),
        "time": pa.array(days, pa.timestamp("ms", "UTC")),
        "lang": pa.array(["en"] * len(numbers)),
    }


def write_run(folder: Path, number: int, matches: int) -> Path:
    """Write a run folder with synthetic matches of a third of the licensed texts."""
    rng = np.random.default_rng(number)
    folder.mkdir()
    schema = pa.schema(
        [
            *(pa.field(name, pa.string()) for name in ("source", "record_id", "field")),
            *(pa.field(name, pa.int64()) for name in ("record", "start", "end")),
            pa.field("tweet_id", pa.string()),
            pa.field("tweets", pa.int64()),
            pa.field("level", pa.string()),
            pa.field("similarity", pa.float32()),
            pa.field("containment", pa.float32()),
            *ADDED,
            *CANDIDATE,
        ]
    )
    found: set[int] = set()
    findings = 0
    with (
        pq.ParquetWriter(folder / MATCHES_FILE, schema) as table,
        pq.ParquetWriter(folder / EVIDENCE_FILE, EVIDENCE) as evidence,
    ):
        for low in range(0, matches, STEP):
            size = min(STEP, matches - low)
            text = rng.integers(0, 3 * matches, size)
            record = np.arange(low, low + size)
            counted = record % NOT_FINDINGS != 0
            known = texts_of(text)
            columns: dict[str, Any] = {
                "source": pa.array([f"data{number}.jsonl"] * size),
                "record": pa.array(record),
                "start": pa.array(np.zeros(size, np.int64)),
                "end": pa.array(np.full(size, 80)),
                "tweet_id": known["tweet_id"],
                "tweets": pa.array(1 + text % 3),
                "level": pa.array(["exact"] * size),
                "bits": pa.array(np.full(size, 90, np.float32)),
                "counted": pa.array(counted),
            }
            for name in ("control", "common", "known"):
                columns[name] = pa.array(np.zeros(size, bool))
            rows = [columns.get(f.name, pa.nulls(size, f.type)) for f in schema]
            table.write_table(pa.table(rows, schema=schema))
            passage = pa.array([f"the wording of text {n}" for n in text])
            texts = {"passage": passage, "tweet": passage}
            whole = {**columns, **known, **texts, "has_text": pa.array([True] * size)}
            rows = [
                whole.get(f.name, pa.nulls(size, f.type)).cast(f.type) for f in EVIDENCE
            ]
            evidence.write_table(
                pa.table(rows, schema=EVIDENCE).filter(pa.array(counted))
            )
            found.update(text[counted].tolist())
            findings += int(counted.sum())
    summary, info = (read_json(SAMPLE / name) for name in (SUMMARY_FILE, RUN_FILE))
    summary["counted"] |= {"matches": findings, "texts": len(found)}
    info["inputs"] = [{"source": f"data{number}.jsonl", "xxh3": f"{number:032x}"}]
    write_summary(folder, summary, info, (MATCHES_FILE, EVIDENCE_FILE))
    return folder


def naive(runs: list[Path]) -> dict[str, Any]:
    """Return the counts of all runs, made in Python with all texts in memory."""
    found: dict[str, set[int]] = defaultdict(set)
    tweets: dict[str, int] = {}
    author: dict[str, str] = {}
    findings = 0
    for number, run in enumerate(runs, 1):
        table = pq.read_table(
            run / MATCHES_FILE, columns=["tweet_id", "tweets", "counted"]
        )
        for batch in table.to_batches():
            columns = [column.to_pylist() for column in batch.columns]
            for tweet_id, copies, counted in zip(*columns, strict=True):
                if counted:
                    found[tweet_id].add(number)
                    tweets[tweet_id] = copies
                    findings += 1
        table = pq.read_table(run / EVIDENCE_FILE, columns=["tweet_id", "author"])
        author.update(zip(*(c.to_pylist() for c in table.columns), strict=True))
    exactly = Counter(len(numbers) for numbers in found.values())
    pairs: Counter[tuple[int, int]] = Counter()
    for numbers in found.values():
        pairs.update(combinations(sorted(numbers), 2))
    return {
        "totals": [len(found), sum(tweets.values()), findings],
        "in_exactly": [exactly[k] for k in range(1, len(runs) + 1)],
        "pairs": [pairs[pair] for pair in combinations(range(1, len(runs) + 1), 2)],
        "authors": dict(Counter(author[tweet_id] for tweet_id in found)),
    }


def counted(case: Path) -> dict[str, Any]:
    """Return the same counts from the files of a case."""
    body = json.loads((case / "case.json").read_bytes())
    authors = pq.read_table(case / "authors.parquet").to_pylist()
    return {
        "totals": [body["totals"][name] for name in ("texts", "tweets", "findings")],
        "in_exactly": [item["texts"] for item in body["in_exactly"]],
        "pairs": [item["texts"] for item in body["pairs"]],
        "authors": {row["name"]: row["texts"] for row in authors},
    }


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--runs", type=int, default=8, help="number of runs")
    parser.add_argument(
        "--matches", type=int, default=1_000_000, help="matches of each run"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        runs = [
            write_run(Path(place) / f"app{number}.run", number, options.matches)
            for number in range(1, options.runs + 1)
        ]
        case = Path(place) / "case"
        ways = {
            "provscan case": apart(write_case, runs, case),
            "a naive script": apart(naive, runs),
        }
        if counted(case) != naive(runs):
            raise SystemExit(
                "A total of provscan case differs from that of the naive script."
            )
    console.print(machine())
    console.print(f"{options.runs} runs of {options.matches:,} matches: equal totals\n")
    made = table("Counting", "", "seconds", "memory, GB")
    for name, usage in ways.items():
        made.add_row(name, f"{usage.seconds:.1f}", f"{usage.peak / 1e9:.2f}")
    console.print(made)


if __name__ == "__main__":
    main()
