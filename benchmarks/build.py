"""How fast is an index built, against datasketch and rensa?

    python benchmarks/build.py [--corpus FOLDER] [--tweets 200000] [--sample 5000]
    [--repeats 5]

provscan does all the work: it reads JSON lines, makes canonical texts, stores equal
texts once with all their tweets, and writes bands, seeds, texts and ids to disk with
checksums. The others start with canonical texts in memory and end with LSH tables in
memory, 32 bands of 4, on a sample; rensa uses all cores. ``--corpus`` names a folder of
JSON lines (plain or .zst); without it, tweets are made up. Needs ``pip install
'provscan[bench]'``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import datasketch
from measure import Way, apart, console, cores, machine, table, take_turns
from planted import Tweet, made_up, rows, write_jsonl
from rivals import datasketch_insert, rensa_lsh

import provscan

BANDS, ROWS = 32, 4


def build(source: Path, out: Path, workers: int) -> None:
    provscan.build_index(source, out, workers=workers, overwrite=True)


def ours(source: Path, out: Path, tweets: int, workers: int) -> Way:
    return Way(
        f"provscan, {workers} worker{'s' * (workers > 1)}",
        tweets,
        lambda: build(source, out, workers),
    )


def theirs(texts: list[str]) -> list[Way]:
    def insert_into_datasketch() -> None:
        datasketch_insert(
            datasketch.MinHashLSH(num_perm=128, params=(BANDS, ROWS)), texts
        )

    return [
        Way(
            "datasketch, update_batch(), MinHashLSH.insert()",
            len(texts),
            insert_into_datasketch,
        ),
        Way(
            "rensa, RMinHashLSH.insert_matrix()",
            len(texts),
            lambda: rensa_lsh(texts, BANDS),
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--tweets", type=int, default=200_000)
    parser.add_argument(
        "--sample", type=int, default=5_000, help="tweets that the others get"
    )
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    every = rows(arguments.corpus) if arguments.corpus else made_up(arguments.tweets)
    tweets: list[Tweet] = [
        tweet for tweet, _ in zip(every, range(arguments.tweets), strict=False)
    ]
    texts = [
        text
        for text in provscan.canonical(t.text for t in tweets[: 2 * arguments.sample])
        if text
    ]

    with tempfile.TemporaryDirectory() as folder:
        source, out = (
            write_jsonl(Path(folder, "tweets.jsonl"), tweets),
            Path(folder, "licensed.index"),
        )
        workers = sorted({1, cores()})
        own = [ours(source, out, len(tweets), number) for number in workers]
        ways = [*own, *theirs(texts[: arguments.sample])]
        take_turns(ways, arguments.repeats)
        peaks = [apart(build, source, out, number).peak for number in workers]
        index = provscan.open_index(out)
        size = index.info()["bytes"] / len(index)

    characters = sum(len(tweet.text) for tweet in tweets) / len(tweets)
    console.print(machine())
    console.print(
        f"{len(tweets):,} tweets, {characters:.0f} characters each, {len(index):,} "
        "distinct texts, "
        f"{size:,.0f} bytes of index a text; medians of {arguments.repeats}\n"
    )
    result = table(
        "Building an index",
        "way",
        "tweets",
        "tweets/s",
        f"slower than {own[-1].name}",
        "peak memory, MB",
    )
    for way, peak in zip(ways, [*peaks, *(0 for _ in ways[len(peaks) :])], strict=True):
        result.add_row(
            way.name,
            f"{way.amount:,.0f}",
            f"{way.rate:,.0f}",
            f"{own[-1].rate / way.rate:.2f}x",
            f"{peak / 1e6:,.0f}" if peak else "",
        )
    console.print(result)


if __name__ == "__main__":
    main()
