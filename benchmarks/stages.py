"""How is the time of a scan of long text distributed over its stages?

    python benchmarks/stages.py [--corpus FOLDER] [--background FOLDER]
        [--tweets 300000] [--megabytes 8] [--repeats 5]

Long texts without licensed tweets are scanned in one thread, one file of the background
after the other. A table per file shows the thread's processor time per byte of text in
each stage of the fastest scan, and the number of results of the stage per megabyte.
Takes about half a minute.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import planted
import pyarrow as pa
import synthetic
from measure import command_line, console, machine, table

import provscan
from provscan.index import IndexReader, open_reader
from provscan.matching import candidates, scan
from provscan.params import MatchParams
from provscan.text_buffers import buffers

# The functions of a scan in the order of the data, each with its module and a function
# that counts its results.
STAGES: dict[str, tuple[Any, Callable[[Any], int] | None]] = {
    "canonical_codes": (scan, None),
    "seeds_of": (candidates, lambda seeds: int(seeds.bounds[-1])),
    "sketch_texts": (scan, None),
    "grams_of": (scan, None),
    "passages": (candidates, lambda found: len(found.record)),
    "whole_records": (candidates, lambda found: len(found.record)),
    "agreeing": (scan, lambda found: len(found.record)),
    "verify": (scan, lambda found: len(found.record)),
    "variants": (candidates, None),
    "without_overlaps": (scan, None),
    "liftover": (scan, lambda found: len(found.row)),
}


class Stopwatch:
    """Replaces the functions of a scan with ones that are timed and counted."""

    def __init__(self) -> None:
        self.nanoseconds: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        for name, (module, count) in STAGES.items():
            setattr(module, name, self._timed(name, getattr(module, name), count))

    def _timed(
        self,
        name: str,
        function: Callable[..., Any],
        count: Callable[[Any], int] | None,
    ) -> Callable[..., Any]:
        @wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            begin = time.thread_time_ns()
            result = function(*arguments, **options)
            self.nanoseconds[name] += time.thread_time_ns() - begin
            if count is not None:
                self.passed[name] += count(result)
            return result

        return timed


def fastest(
    texts: list[str], reader: IndexReader, watch: Stopwatch, repeats: int
) -> tuple[int, int, dict[str, int], dict[str, int]]:
    """Scan texts several times, after a scan that is not counted. Return the bytes of
    the texts, and the nanoseconds in total, those of each stage, and the results of
    each stage of the fastest scan.
    """
    text, offsets = buffers(pa.array(texts, pa.large_string()))
    results: list[tuple[int, dict[str, int], dict[str, int]]] = []
    for _ in range(repeats + 1):
        watch.nanoseconds.clear()
        watch.passed.clear()
        begin = time.thread_time_ns()
        scan.scan_texts(text, offsets, reader, MatchParams())
        total = time.thread_time_ns() - begin
        results.append((total, dict(watch.nanoseconds), dict(watch.passed)))
    best = min(results[1:], key=lambda result: result[0])
    return int(offsets[-1] - offsets[0]), *best


def sources(background: Path | None, characters: int) -> dict[str, list[str]]:
    """Return the long texts of each file of the background, or synthetic ones."""
    if background is None:
        return {"synthetic": synthetic.documents(characters, seed=2)}
    found: dict[str, list[str]] = {}
    for path in planted.files(background):
        texts: list[str] = []
        size = 0
        for row in planted.rows_of(path):
            if len(row.text) >= planted.SHORT and size < characters:
                texts.append(row.text)
                size += len(row.text)
        if size >= characters // 2:
            found[path.name.partition(".")[0]] = texts
    return found


def main() -> None:
    parser = command_line(
        __doc__,
        tweets=(300_000, "maximum number of indexed tweets"),
        megabytes=(8.0, "megabytes of text to read from each file"),
        repeats=(5, "scans of each file"),
    )
    planted.add_data_options(parser)
    arguments = parser.parse_args()
    console.print(machine())
    tweets, _ = planted.licensed(arguments.corpus, arguments.tweets)
    watch = Stopwatch()
    measured = {}
    with tempfile.TemporaryDirectory(prefix="provscan-stages-") as name:
        corpus = planted.write_jsonl(Path(name, "corpus.jsonl"), tweets)
        provscan.build_index(corpus, Path(name, "index"))
        reader = open_reader(Path(name, "index"))
        size = round(arguments.megabytes * 1e6)
        for kind, texts in sources(arguments.background, size).items():
            measured[kind] = fastest(texts, reader, watch, arguments.repeats)
    for kind, (size, total, nanoseconds, passed) in measured.items():
        shown = table(
            f"{kind}, {size / 1e6:,.1f} MB, {len(tweets):,} tweets indexed",
            "stage",
            "ns/byte",
            "results per MB",
        )
        for stage in STAGES:
            count = passed.get(stage)
            shown.add_row(
                stage,
                f"{nanoseconds.get(stage, 0) / size:.2f}",
                "" if count is None else f"{count / size * 1e6:,.0f}",
            )
        shown.add_row("whole scan", f"{total / size:.2f}", "")
        console.print(shown)


if __name__ == "__main__":
    main()
