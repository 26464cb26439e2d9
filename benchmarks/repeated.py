"""How long does a scan take that replaces an earlier one, if a few files changed?

    python benchmarks/repeated.py [--files 200] [--changed 3] [--gigabytes 20]
        [--texts 300000] [--folder FOLDER]

Documents with planted tweets are written to files of equal size, and matched. Then some
of the files get other documents, and the run is replaced, which scans only these files
(``provscan match --overwrite``). Finally, all files are matched into a new folder. The
table shows the seconds of each run, with the checksums of all files, and the files that
it took from the earlier run; the last line says which files of the second and third run
are equal. Takes about a minute for a gigabyte.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from random import Random

import planted
import synthetic
from measure import add_folder_option, command_line, console, machine, table, timed

import provscan

# The files of a run that have no times and no paths.
COMPARED = ("matches.parquet", "summary.json")
# Characters of the documents from which those of each file are drawn.
DRAWN_FROM = 20_000_000


def write_file(path: Path, documents: list[str], size: int, seed: int) -> None:
    """Write documents in random order until a file has at least ``size`` bytes."""
    rng, chosen, written = Random(seed), [], 0
    while written < size:
        chosen.append(rng.choice(documents))
        written += len(chosen[-1].encode())
    planted.write_jsonl(path, planted.numbered(chosen))


def main() -> None:
    parser = command_line(
        __doc__,
        files=(200, "files"),
        changed=(3, "files that change"),
        gigabytes=(20.0, "gigabytes of documents"),
        texts=(300_000, "indexed tweets"),
        planted=(5_000, "tweets planted in the documents"),
    )
    add_folder_option(parser)
    arguments = parser.parse_args()
    size = round(arguments.gigabytes * 1e9 / arguments.files)
    tweets = list(planted.synthetic_tweets(arguments.texts))
    documents, _ = planted.in_documents(
        planted.plantable(tweets, arguments.planted),
        planted.long_texts(None, min(DRAWN_FROM, arguments.files * size)),
    )
    with tempfile.TemporaryDirectory(
        dir=arguments.folder, prefix="provscan-repeated-"
    ) as name:
        folder = Path(name)
        data, index = folder / "data", folder / "licensed.index"
        data.mkdir()
        synthetic.write_jsonl(
            synthetic.tweets(arguments.texts), folder / "tweets.jsonl"
        )
        provscan.build_index(folder / "tweets.jsonl", index)
        paths = [data / f"{number:04}.jsonl" for number in range(arguments.files)]
        for number, path in enumerate(paths):
            write_file(path, documents, size, number)

        first: tuple[float, float] | None = None
        shown = table(
            "Repeated scans", "run", "files reused", "seconds", "processor seconds"
        )
        for label, out in (
            ("first", "a.run"),
            ("second, replaces the first", "a.run"),
            ("second, in a new folder", "b.run"),
        ):
            if label.startswith("second, replaces"):
                for number, path in enumerate(paths[: arguments.changed]):
                    write_file(path, documents, size, arguments.files + number)
            begin = time.perf_counter()
            run, used = timed(
                provscan.match, data, index, folder / out, overwrite=out == "a.run"
            )
            taken = time.perf_counter() - begin, used
            first = first or taken
            shown.add_row(
                label,
                f"{run.info['reused']:,}",
                *(
                    f"{value:,.1f} ({value / whole:.3f})"
                    for value, whole in zip(taken, first, strict=True)
                ),
            )
        pairs = [
            [folder / out / each for out in ("a.run", "b.run")] for each in COMPARED
        ]
        same = [a.name for a, b in pairs if a.read_bytes() == b.read_bytes()]
        matches = run.matches.num_rows
    console.print(machine())
    console.print(
        f"{arguments.files:,} files of {size / 1e6:,.1f} MB, {arguments.changed:,} "
        f"changed; {arguments.texts:,} tweets indexed; {matches:,} rows; in brackets, "
        "ratios to the first run\n"
    )
    console.print(shown)
    console.print(f"Equal in both second runs: {', '.join(same) or 'nothing'}")


if __name__ == "__main__":
    main()
