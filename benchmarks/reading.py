"""How fast is each format read, compared with pyarrow, polars and DuckDB?

    python benchmarks/reading.py [--megabytes 50] [--repeats 3] [--only jsonl]

The readers take turns to read the same synthetic file on one thread. All of them return
the same: the number of each record, its id as a string, and its text as an Arrow
``large_string`` that is valid UTF-8. pyarrow does not check the bytes of Parquet, Arrow
and JSON files, so its result is checked with ``validate``; the rows named "unchecked"
show the speed without this check. The string views of polars are converted with
``to_arrow``. provscan also counts characters and looks for wrong encodings.

The tables, for records of a tweet's length and for long records, show megabytes and
records per second of processor time (medians), and the speed as a share of that of the
fastest reader. polars is left out if it is not installed. Takes about four minutes.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import importlib
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "1"

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq
from measure import Way, command_line, console, machine, table, take_turns

from provscan import readers

polars: Any = None
with contextlib.suppress(ImportError):
    polars = importlib.import_module("polars")

Record = dict[str, str]
UNCHECKED = ", unchecked"


def synthetic_records(megabytes: float, words: int, seed: int = 1) -> list[Record]:
    """Return records whose texts have a mean number of words, a tenth of them not
    ASCII.
    """
    rng = random.Random(seed)
    vocabulary = [
        "".join(rng.choices("aeiounrstlkmd", k=rng.randint(2, 9))) for _ in range(5000)
    ]
    vocabulary += [word + "é" for word in vocabulary[:500]]
    records: list[Record] = []
    size = 0
    while size < megabytes * 1e6:
        text = " ".join(
            rng.choices(vocabulary, k=max(1, round(rng.gauss(words, words / 4))))
        )
        records.append({"id": str(len(records)), "text": text})
        size += len(text) + 30
    return records


def write(folder: Path, name: str, records: list[Record]) -> Path:
    """Write the records to a file in the format of its extension."""
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
        content = {
            "json": "[" + ",\n".join(lines) + "]",
            "txt": "\n".join(record["text"] for record in records),
        }
        data = content.get(path.suffix[1:], "\n".join(lines)).encode()
        path.write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
    return path


def ours(path: Path) -> int:
    """Read a file with provscan, and return the number of records."""
    stats, fields = readers.ReadStats(), readers.Fields()
    for split in readers.plan(path, fields, target_bytes=1 << 62):
        for _ in readers.read(split, fields, stats):
            pass
    return stats.records


def same(rows: pa.Table, *, check: bool = False) -> pa.Table:
    """Return records as provscan returns them: numbers, ids and texts of its types."""
    number = pa.array(np.arange(rows.num_rows))
    rows = pa.table(
        [number, rows["id"].cast(pa.string()), rows["text"].cast(pa.large_string())],
        ["record", "id", "text"],
    )
    rows.validate(full=check)
    return rows


def theirs(path: Path) -> dict[str, Callable[[], object]]:
    """Return the other readers of the format of a file."""
    name = str(path)
    connection = duckdb.connect(config={"threads": 1})
    kind = {".parquet": "read_parquet", ".csv": "read_csv", ".json": "read_json"}.get(
        path.suffix, "read_ndjson"
    )
    found: dict[str, Callable[[], object]] = {}
    if path.suffix != ".txt" and path.suffix != ".arrow":
        schema = ", columns = {'id': 'VARCHAR', 'text': 'VARCHAR'}"
        known = "" if path.suffix == ".parquet" else schema
        query = f"select id, text from {kind}('{name}'{known})"
        found["DuckDB"] = lambda: same(connection.sql(query).to_arrow_table())
    strings_schema = pa.schema({"id": pa.string(), "text": pa.string()})
    serial, ids = (
        {"use_threads": False},
        pyarrow.csv.ConvertOptions(column_types={"id": pa.string()}),
    )
    with_pyarrow: dict[str, Callable[[], pa.Table]] = {
        ".parquet": lambda: pq.read_table(
            name, columns=["id", "text"], use_threads=False
        ),
        ".arrow": lambda: pa.ipc.open_file(pa.memory_map(name)).read_all(),
        ".csv": lambda: pyarrow.csv.read_csv(
            name, pyarrow.csv.ReadOptions(**serial), convert_options=ids
        ),
        ".jsonl": lambda: pyarrow.json.read_json(
            name,
            pyarrow.json.ReadOptions(**serial),
            pyarrow.json.ParseOptions(explicit_schema=strings_schema),
        ),
    }
    if read := with_pyarrow.get(path.suffix):
        checks = path.suffix == ".csv"
        found["pyarrow"] = lambda: same(read(), check=not checks)
        if not checks:
            found[f"pyarrow{UNCHECKED}"] = lambda: same(read())
    if polars:
        strings = {"id": polars.String, "text": polars.String}
        with_polars: dict[str, Callable[[], Any]] = {
            ".parquet": lambda: polars.read_parquet(name, columns=["id", "text"]),
            ".arrow": lambda: polars.read_ipc(name, columns=["id", "text"]),
            ".csv": lambda: polars.read_csv(
                name, columns=["id", "text"], schema_overrides=strings
            ),
            ".jsonl": lambda: polars.read_ndjson(name, schema=strings),
        }
        if given := with_polars.get(path.suffix):
            found["polars"] = lambda: same(
                given().to_arrow(compat_level=polars.CompatLevel.oldest())
            )
    return found


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "--megabytes", type=float, default=50, help="approximate size of a file"
    )
    parser.add_argument("--repeats", type=int, default=3, help="turns of each reader")
    parser.add_argument(
        "--only", default="", help="read only formats whose names contain this text"
    )
    options = parser.parse_args()
    console.print(machine())
    names = ["jsonl", "json", "jsonl.gz", "csv", "parquet", "arrow", "txt"]
    with tempfile.TemporaryDirectory() as folder:
        for length, words in (("tweet-sized records", 15), ("long records", 400)):
            records = synthetic_records(options.megabytes, words)
            printed = table(
                f"Reading {length}",
                "format",
                "reader",
                "MB/s",
                "records/s",
                "of the fastest",
            )
            for name in names:
                if options.only not in name:
                    continue
                path = write(Path(folder), f"data.{name}", records)
                assert ours(path) == len(records)
                megabytes = path.stat().st_size / 1e6
                ways = [Way("provscan", megabytes, partial(ours, path))]
                ways += [
                    Way(reader, megabytes, run) for reader, run in theirs(path).items()
                ]
                take_turns(ways, options.repeats, time.process_time)
                best = max(way.rate for way in ways if not way.name.endswith(UNCHECKED))
                for way in ways:
                    speed = f"{len(records) / way.median:,.0f}"
                    share = (
                        "" if way.name.endswith(UNCHECKED) else f"{way.rate / best:.2f}"
                    )
                    printed.add_row(name, way.name, f"{way.rate:,.0f}", speed, share)
            console.print(printed)


if __name__ == "__main__":
    main()
