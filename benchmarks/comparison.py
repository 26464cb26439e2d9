"""How many whole records equal a licensed tweet word for word in collections without
licensed tweets?

    python benchmarks/comparison.py --corpus FOLDER --background FOLDER
        [--tweets NAME ...]

Each file of the background is scanned for the tweets of the whole corpus, and each file
of the corpus that ``--tweets`` names for the tweets of all other files. The table has
the numbers of ``provscan/estimate/comparison.py``, which a run shows if chance was not
measured; names and kinds are added there by hand. Needs real tweets and real texts
without them, as JSON lines (see ``README.md``). Takes about half a minute for 300,000
tweets and 100 MB of texts.
"""

from __future__ import annotations

import tempfile

from measure import command_line, console, machine, table
from planted import add_data_options, files

import provscan


def main() -> None:
    parser = command_line(__doc__)
    add_data_options(parser, required=True)
    parser.add_argument(
        "--tweets",
        nargs="*",
        default=[],
        metavar="NAME",
        help="files of the corpus to scan for the tweets of the other files",
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
    console.print(machine())
    console.print(found)


if __name__ == "__main__":
    main()
