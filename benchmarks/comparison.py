"""How many whole records equal a licensed tweet word for word in collections without
licensed tweets?

    python benchmarks/comparison.py --corpus DIR --background DIR [--tweets NAME ...]

Each file of the background is scanned for the tweets of the whole corpus, and each file
of the corpus that is named with ``--tweets`` for the tweets of all other files. The
command prints the rows of ``provscan/estimate/comparison.py``, in which names and kinds
are filled in by hand. A run shows these rows unscaled.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from measure import machine, table
from planted import files
from rich.console import Console

import provscan


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--corpus",
        type=Path,
        required=True,
        help="folder of JSON lines (plain or .zst) of tweets",
    )
    parser.add_argument(
        "--background",
        type=Path,
        required=True,
        help="folder of JSON lines of other texts",
    )
    parser.add_argument(
        "--tweets",
        nargs="*",
        default=[],
        help="names of files of the corpus to scan for the others",
    )
    args = parser.parse_args()
    found = table(
        "Whole records word for word",
        "collection",
        "records",
        "megabytes",
        "index tweets",
        "word for word",
    )
    corpus = files(args.corpus)
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(
            [*files(args.background), *(args.corpus / name for name in args.tweets)]
        ):
            index = provscan.build_index(
                [other for other in corpus if other != path], f"{folder}/{number}.index"
            )
            run = provscan.match(
                path, index, f"{folder}/{number}.run", spike_ins=0, text_field="text"
            )
            summary = run.summary
            found.add_row(
                path.name.split(".")[0],
                f"{summary['records']:,}",
                f"{summary['characters'] / 1e6:.1f}",
                f"{summary['index']['tweets']:,}",
                str(summary["answer"]["word_for_word"]["records"]),
            )
    print(machine())
    Console().print(found)


if __name__ == "__main__":
    main()
