"""How fast is each format read, beside the readers of pyarrow, polars and DuckDB on the same file?

    python benchmarks/readers.py [--megabytes 50] [--repeats 3] [--only jsonl]

Everything runs on one thread, and its processor time counts. All readers deliver ids and texts; provscan's are counted
and checked to be UTF-8. pyarrow does not look at the texts of an Arrow file at all, so it is also timed with its own
check of them. Readers take turns; printed are medians. polars is left
out where it is not installed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq
from measure import Way, console, machine, table, take_turns

from provscan import readers

try:
    import polars
except ImportError:
    polars = None

Record = dict[str, str]


def made_up(megabytes: float, words: int, seed: int = 1) -> list[Record]:
    """Records whose texts have about so many words, a tenth of them not ASCII."""
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choices("aeiounrstlkmd", k=rng.randint(2, 9))) for _ in range(5000)]
    vocabulary += [word + "é" for word in vocabulary[:500]]
    records, size = [], 0
    while size < megabytes * 1e6:
        text = " ".join(rng.choices(vocabulary, k=max(1, round(rng.gauss(words, words / 4)))))
        records.append({"id": str(len(records)), "text": text})
        size += len(text) + 30
    return records


def write(folder: Path, name: str, records: list[Record]) -> Path:
    """The records as a file of the format that its extension names."""
    path = folder / name
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(records), path)
    elif name.endswith(".arrow"):
        rows = pa.Table.from_pylist(records)
        with pa.ipc.new_file(str(path), rows.schema) as file:
            file.write_table(rows, max_chunksize=10_000)
    elif name.endswith(".csv"):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["id", "text"])
            writer.writeheader()
            writer.writerows(records)
    else:
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        content = {"json": "[" + ",\n".join(lines) + "]", "txt": "\n".join(record["text"] for record in records)}
        data = content.get(path.suffix[1:], "\n".join(lines)).encode()
        path.write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
    return path


def ours(path: Path) -> int:
    """Records that provscan reads."""
    stats, fields = readers.ReadStats(), readers.Fields()
    for split in readers.plan(path, fields, target_bytes=1 << 62):
        for _ in readers.read(split, fields, stats):
            pass
    return stats.records


def theirs(path: Path) -> dict[str, Callable[[], object]]:
    """The other readers of a format: each gives the columns of ids and of texts."""
    name = str(path)
    connection = duckdb.connect(config={"threads": 1})
    kind = {".parquet": "read_parquet", ".csv": "read_csv", ".json": "read_json"}.get(path.suffix, "read_ndjson")
    found: dict[str, Callable[[], object]] = {}
    if path.suffix != ".txt" and path.suffix != ".arrow":
        found["DuckDB"] = lambda: connection.sql(f"select id, text from {kind}('{name}')").to_arrow_table()
    if path.suffix == ".parquet":
        found["pyarrow"] = lambda: pq.read_table(name, columns=["id", "text"], use_threads=False)
        if polars:
            found["polars"] = lambda: polars.read_parquet(name, columns=["id", "text"])
    elif path.suffix == ".arrow":
        found["pyarrow"] = lambda: pa.ipc.open_file(pa.OSFile(name)).read_all()
        found["pyarrow, checked"] = lambda: pa.ipc.open_file(pa.OSFile(name)).read_all().validate(full=True)
    elif path.suffix == ".csv":
        found["pyarrow"] = lambda: pyarrow.csv.read_csv(name, pyarrow.csv.ReadOptions(use_threads=False))
        if polars:
            found["polars"] = lambda: polars.read_csv(name, columns=["id", "text"])
    elif path.suffix == ".jsonl":
        found["pyarrow"] = lambda: pyarrow.json.read_json(name, pyarrow.json.ReadOptions(use_threads=False))
        if polars:
            found["polars"] = lambda: polars.read_ndjson(name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="formats whose name contains this")
    options = parser.parse_args()
    console.print(machine())
    names = ["jsonl", "json", "jsonl.gz", "csv", "parquet", "arrow", "txt"]
    with tempfile.TemporaryDirectory() as folder:
        for length, words in (("tweet-sized records", 15), ("long records", 400)):
            records = made_up(options.megabytes, words)
            printed = table(f"Reading {length}", "format", "reader", "MB/s", "records/s", "of the fastest")
            for name in names:
                if options.only not in name:
                    continue
                path = write(Path(folder), f"data.{name}", records)
                assert ours(path) == len(records)
                megabytes = path.stat().st_size / 1e6
                ways = [Way("provscan", megabytes, lambda path=path: ours(path))]
                ways += [Way(reader, megabytes, run) for reader, run in theirs(path).items()]
                take_turns(ways, options.repeats, time.process_time)
                best = max(way.rate for way in ways)
                for way in ways:
                    speed = f"{len(records) / way.median:,.0f}"
                    printed.add_row(name, way.name, f"{way.rate:,.0f}", speed, f"{way.rate / best:.2f}")
            console.print(printed)


if __name__ == "__main__":
    main()
