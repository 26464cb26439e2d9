"""Are bits a measure of rarity, and equally strict in every script?

    python benchmarks/bits.py --corpus FOLDER --background FOLDER [--world FOLDER]
        [--planted 3000]

The first table has, for each collection without tweets, the matches that have more
than four bits a letter (eight a character of Chinese, Japanese or Korean text) and the
findings, of a run without control. All tweets of the corpus and of ``--world``, which
has one file per language, are indexed.

The second table has the findings among copies of tweets of at least 40 letters, planted
in short and in long texts with the edits of ``edits.py``.

The third table has the findings per 1,000 tweets by file: half of the tweets of each
file are indexed, and a quarter is scanned. Most of these findings are reposts, replies
with a quotation, and templates of the same accounts.

Needs real tweets and texts, as JSON lines (see ``README.md``). Takes about two minutes
for 500,000 tweets and 100 MB of texts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from measure import command_line, console, machine, table
from planted import (
    Tweet,
    add_data_options,
    files,
    in_documents,
    in_records,
    licensed,
    long_texts,
    numbered,
    plantable,
    rows_of,
    score,
    short_texts,
    write_jsonl,
)

import provscan
from provscan.scoring.lengths import WIDE, lengths_and_scripts

MOST_BITS = 4.0


def clean(index: provscan.Index, background: Path, folder: Path) -> None:
    found = table(
        f"Data without tweets, {index.info()['tweets']:,} tweets indexed",
        "collection",
        "matches",
        "above four bits a letter",
        "findings",
    )
    total = np.zeros(3, np.int64)
    for path in files(background):
        run = provscan.match(
            path, index, folder / f"{path.name}.run", spike_ins=0, text_field="text"
        )
        matches = run.matches
        rows, numbers = index.reader.texts_of_ids(
            pa.array(matches["tweet_id"].to_pylist(), pa.string())
        )
        _, script = lengths_and_scripts(index.reader, numbers)
        wide = np.zeros(len(matches), np.bool_)
        wide[rows] |= WIDE[script]
        letters = (matches["end"].to_numpy() - matches["start"].to_numpy()) * (1 + wide)
        bits = matches["bits"].fill_null(0).to_numpy()
        counts = [len(bits), (bits > MOST_BITS * letters).sum(), run_findings(matches)]
        total += counts
        found.add_row(path.name.split(".")[0], *(f"{count:,}" for count in counts))
    found.add_row("all", *(f"{count:,}" for count in total))
    console.print(found)


def run_findings(matches: pa.Table) -> int:
    return int(pc.sum(matches["counted"]).as_py() or 0)


def copies(corpus: Path, background: Path, count: int, folder: Path) -> None:
    tweets, _ = licensed(corpus, 1 << 40)
    chosen = plantable(Random(1).sample(tweets, len(tweets)), 2 * count)
    index = provscan.build_index(
        write_jsonl(folder / "planted.jsonl", tweets), folder / "planted.index"
    )
    texts = {tweet.id: tweet.text for tweet in tweets}
    found = table("Copies that are findings", "in", "copies", "matches", "findings")
    for name, (records, planted) in {
        "records": in_records(chosen[:count], short_texts(background, 10 * count)),
        "documents": in_documents(chosen[count:], long_texts(background, 20_000_000)),
    }.items():
        path = write_jsonl(folder / f"{name}.jsonl", numbered(records))
        matches = provscan.match(
            path, index, folder / f"{name}.run", spike_ins=0
        ).matches
        findings = matches.filter(matches["counted"])
        found.add_row(
            name,
            f"{len(planted):,}",
            *(f"{score(m, planted, texts).recall():.4f}" for m in (matches, findings)),
        )
    console.print(found)


def scripts(paths: Iterable[Path], folder: Path) -> None:
    """Print the findings among the tweets of each file, whose other tweets are
    indexed.
    """
    scanned: dict[str, list[str]] = {}

    def indexed() -> Iterator[Tweet]:
        for path in paths:
            tweets = [t for t in rows_of(path) if not t.text.startswith("RT @")]
            Random(path.name).shuffle(tweets)
            half, name = len(tweets) // 2, path.name.split(".")[0]
            scanned[name] = [tweet.text for tweet in tweets[half : half + half // 2]]
            for number, tweet in enumerate(tweets[:half]):
                yield Tweet(f"{name} {number}", tweet.text)

    index = provscan.build_index(
        write_jsonl(folder / "halves.jsonl", indexed()), folder / "halves.index"
    )
    found = table("Findings among other tweets", "file", "tweets", "a thousand")
    for name, texts in scanned.items():
        matches = index.match(pa.array(texts, pa.large_string()))
        records = pc.count_distinct(matches.filter(matches["counted"])["record"])
        rate = 1000 * records.as_py() / max(1, len(texts))
        found.add_row(name, f"{len(texts):,}", f"{rate:.1f}")
    console.print(found)


def main() -> None:
    parser = command_line(
        __doc__, planted=(3_000, "copies planted in records, and in documents")
    )
    add_data_options(parser, required=True)
    parser.add_argument(
        "--world",
        type=Path,
        metavar="FOLDER",
        help="folder of JSON lines of tweets, one file per language",
    )
    args = parser.parse_args()
    console.print(machine())
    world = [] if args.world is None else files(args.world)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = provscan.build_index(
            [*files(args.corpus), *world], folder / "all.index"
        )
        clean(index, args.background, folder)
        copies(args.corpus, args.background, args.planted, folder)
        scripts([*files(args.corpus), *world], folder)


if __name__ == "__main__":
    main()
