"""Does the memory of a match grow with the size of a dataset of mixed formats?

    python benchmarks/large.py [--gigabytes 1,2,4] [--row-group 1.2] [--tweets 100000]
        [--workers 2] [--folder FOLDER]

Long texts and tweet-sized records with planted synthetic tweets are written once in
each format, in files of about 16 MB. These are repeated under other names until the
dataset has the requested size. An optional last dataset is one Parquet file with a
single row group of ``--row-group`` gigabytes of text. The table shows, for each size,
the speed, the peak memory of the matching process with and without mapped files, and
the matches. Takes about a minute per gigabyte, and twice the disk space of the largest
dataset.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import planted
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import zstandard
from measure import add_folder_option, apart, command_line, console, machine, table
from rich.table import Table

import provscan

FORMATS = (
    "jsonl",
    "jsonl.gz",
    "jsonl.zst",
    "csv",
    "parquet",
    "arrow",
    "warc.gz",
    "txt",
)
FRAME = 1 << 20


def match(source: Path, index: Path, out: Path, workers: int) -> None:
    provscan.match(source, index, out, workers=workers, overwrite=True)


def write(texts: list[str], path: Path) -> None:
    """Write the texts as a file in the format of its suffix."""
    rows = pa.table(
        {"id": [str(number) for number in range(len(texts))], "text": texts}
    )
    kind = path.name.partition(".")[2]
    if kind == "csv":
        pyarrow.csv.write_csv(rows, path)
    elif kind == "parquet":
        pq.write_table(rows, path, row_group_size=10_000)
    elif kind == "arrow":
        with pa.ipc.new_file(str(path), rows.schema) as file:
            file.write_table(rows, max_chunksize=10_000)
    elif kind == "txt":
        path.write_text(
            "\n".join(text.replace("\n", " ") for text in texts), encoding="utf-8"
        )
    elif kind == "warc.gz":
        with path.open("wb") as file:
            for text in texts:
                data = text.encode()
                head = (
                    "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: "
                    f"text/plain\r\nContent-Length: {len(data)}\r\n"
                )
                file.write(
                    gzip.compress(f"{head}\r\n".encode() + data + b"\r\n\r\n", 1)
                )
    else:
        plain = planted.write_jsonl(path.with_suffix(".plain"), planted.numbered(texts))
        if kind == "jsonl":
            plain.rename(path)
            return
        if kind == "jsonl.gz":
            path.write_bytes(gzip.compress(plain.read_bytes(), 1))
            plain.unlink()
            return
        lines = plain.read_bytes().splitlines(keepends=True)
        compressor = zstandard.ZstdCompressor()
        with path.open("wb") as file:
            held, size = [], 0
            for line in lines:
                held.append(line)
                size += len(line)
                if size >= FRAME or line is lines[-1]:
                    file.write(compressor.compress(b"".join(held)))
                    held, size = [], 0
        plain.unlink()


def prepared(
    folder: Path, tweets: int, megabytes: float, formats: Sequence[str] = FORMATS
) -> tuple[Path, list[Path], list[str]]:
    """Write an index, and a file in each format, alternately of long texts and of
    records; return these and the long texts.
    """
    licensed = list(planted.synthetic_tweets(tweets))
    index = folder / "licensed.index"
    provscan.build_index(
        planted.write_jsonl(folder / "licensed.jsonl", licensed), index
    )
    size = round(megabytes * 1e6)
    guests = planted.plantable(licensed, min(50, len(licensed) // 20))
    long, _ = planted.in_documents(guests, planted.long_texts(None, size))
    short, _ = planted.in_records(guests, planted.short_texts(None, size // 100))
    units = [folder / f"unit{number}.{kind}" for number, kind in enumerate(formats)]
    for unit, texts in zip(units, cycle([long, short]), strict=False):
        write(texts, unit)
    return index, units, long


def repeated(units: list[Path], dataset: Path, number: int) -> int:
    """Add a copy of one of the files to a dataset, and return its size."""
    unit = units[number % len(units)]
    shutil.copyfile(unit, dataset / f"{number:06}.{unit.name.partition('.')[2]}")
    return unit.stat().st_size


def add_row(
    printed: Table, dataset: Path, size: int, files: int, index: Path, workers: int
) -> None:
    """Match a dataset in a separate process, and add its costs to the table."""
    out = index.with_name("found.run")
    usage = apart(match, dataset, index, out, workers)
    found = provscan.open_run(out).matches.num_rows
    rate = size / 1e6 / usage.seconds
    # Each size has a line as soon as it is done, since the next one may take an hour.
    console.print(
        f"{size / 1e9:.2f} GB: {usage.own / 1e6:,.0f} MB without mapped files, "
        f"{rate:,.0f} MB/s"
    )
    printed.add_row(
        f"{size / 1e9:.2f}",
        f"{files:,}",
        f"{rate:,.0f}",
        f"{usage.peak / 1e6:,.0f}",
        f"{usage.own / 1e6:,.0f}",
        f"{found:,}",
    )


def main() -> None:
    parser = command_line(
        __doc__,
        row_group=(
            0.0,
            "gigabytes of text of a Parquet file with one row group; 0 omits it",
        ),
        tweets=(100_000, "number of licensed tweets"),
        megabytes=(16.0, "megabytes of text of one file"),
        workers=(2, "threads of a match"),
    )
    parser.add_argument(
        "--gigabytes", default="1,2,4", help="sizes of the dataset in gigabytes"
    )
    add_folder_option(parser)
    arguments = parser.parse_args()
    console.print(machine())
    printed = table(
        "A large dataset of mixed formats",
        "GB",
        "files",
        "MB/s",
        "peak MB",
        "without mapped files",
        "matches",
    )
    with tempfile.TemporaryDirectory(
        dir=arguments.folder, prefix="provscan-large-"
    ) as name:
        folder = Path(name)
        index, units, long = prepared(folder, arguments.tweets, arguments.megabytes)
        dataset = folder / "dataset"
        dataset.mkdir()
        total = count = 0
        for gigabytes in sorted(float(text) for text in arguments.gigabytes.split(",")):
            while total < gigabytes * 1e9:
                total += repeated(units, dataset, count)
                count += 1
            add_row(printed, dataset, total, count, index, arguments.workers)
        if arguments.row_group:
            group = folder / "one.parquet"
            texts = planted.enough(long, round(arguments.row_group * 1e9))
            pq.write_table(pa.table({"text": texts}), group, row_group_size=len(texts))
            add_row(printed, group, group.stat().st_size, 1, index, arguments.workers)
    console.print(printed)


if __name__ == "__main__":
    main()
