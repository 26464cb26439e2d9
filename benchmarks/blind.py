"""How large is a blind index, and how many copies does it find, compared with a full
index?

    python benchmarks/blind.py [--corpus FOLDER] [--background FOLDER]
        [--tweets 200000] [--records 60000] [--megabytes 10]

Half of the planted tweets are records, and half are inside documents. The table shows,
for both, recall, rows, and processor seconds with each index. It counts the rows that
only the blind index reports, those of them that name neither a planted tweet nor a
near-duplicate, and those that are below the thresholds of a match when the texts are
compared. Takes about a minute.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import planted
import pyarrow as pa
from measure import command_line, console, machine, table, timed

import provscan.blind
from provscan.blind.index import open_blind
from provscan.blind.params import BlindLimits
from provscan.blind.reveal import compared_with_tweets
from provscan.blind.scan import scan_blind
from provscan.matching.matches import Matches
from provscan.params import MatchParams
from provscan.text_buffers import buffers, to_array

Pairs = set[tuple[int, str]]


class Dataset(NamedTuple):
    """Texts with planted tweets, and the positions of the tweets."""

    texts: list[str]
    marks: list[planted.Planted]

    def unplanted(self, pairs: Pairs, tweets: dict[str, str]) -> int:
        """Return how many of the pairs name neither a tweet planted in the record nor a
        near-duplicate of one.
        """
        texts: defaultdict[int, list[str]] = defaultdict(list)
        for mark in self.marks:
            texts[mark.record].append(mark.tweet.text)
        return sum(
            all(
                planted.similar(tweets[tweet_id], text) < planted.SAME
                for text in texts[record]
            )
            for record, tweet_id in pairs
        )


def datasets(
    arguments: argparse.Namespace, tweets: list[planted.Tweet]
) -> dict[str, Dataset]:
    """Plant tweets in records and in documents."""
    chosen = planted.plantable(tweets, arguments.planted)
    half = len(chosen) // 2
    records = planted.short_texts(arguments.background, arguments.records)
    size = round(arguments.megabytes * 1e6)
    documents = planted.long_texts(arguments.background, size)
    return {
        "records": Dataset(*planted.in_records(chosen[:half], records)),
        "documents": Dataset(*planted.in_documents(chosen[half:], documents)),
    }


def below(
    full: provscan.Index, texts: list[str], found: Matches, ids: list[str], pairs: Pairs
) -> int:
    """Return how many of the pairs are below the thresholds of a match when the texts
    are compared.
    """
    rows = [
        n
        for n, pair in enumerate(zip(found.row.tolist(), ids, strict=True))
        if pair in pairs
    ]
    passages = [texts[found.row[n]][slice(*found.span[n])] for n in rows]
    named = pa.array([ids[n] for n in rows], pa.string())
    *_, similarity, containment = compared_with_tweets(
        to_array(passages), named, full.reader
    )
    params = MatchParams()
    return int(
        ((similarity < params.threshold) | (containment < params.min_containment)).sum()
    )


def main() -> None:
    parser = command_line(
        __doc__,
        tweets=(200_000, "maximum number of indexed tweets"),
        planted=(6_000, "maximum number of planted tweets"),
        records=(60_000, "number of records without tweets"),
        megabytes=(10.0, "megabytes of documents"),
    )
    planted.add_data_options(parser)
    arguments = parser.parse_args()
    tweets, _ = planted.licensed(arguments.corpus, arguments.tweets)
    console.print(machine())
    with tempfile.TemporaryDirectory(prefix="provscan-blind-") as name:
        folder = Path(name)
        source = planted.write_jsonl(folder / "tweets.jsonl", tweets)
        key = folder / "key"
        key.write_bytes(os.urandom(32))
        full, full_build = timed(provscan.build_index, source, folder / "full.index")
        _, blind_build = timed(
            provscan.blind.build_index, source, folder / "blind.index", key=key
        )
        blind = open_blind(folder / "blind.index", key.read_bytes())
        info = blind.info()
        console.print(
            f"{blind.size:,} texts: {info['bytes'] / blind.size:.1f} bytes per text; "
            f"blind index built in {blind_build:.1f} s, full index in "
            f"{full_build:.1f} s of processor time"
        )
        shown = table(
            "A blind index and the full one",
            "dataset",
            "recall, full",
            "recall, blind",
            "rows, full",
            "rows, blind",
            "rows of blind only",
            "not planted",
            "below the thresholds",
            "CPU s, full",
            "CPU s, blind",
        )
        by_id = {tweet.id: tweet.text for tweet in tweets}
        for name, dataset in datasets(arguments, tweets).items():
            texts = dataset.texts
            # The first scan compiles the kernels.
            full.match(texts[:1000])
            rows, plain_seconds = timed(partial(full.match, texts))
            plain: Pairs = set(
                zip(
                    rows["record"].to_pylist(),
                    rows["tweet_id"].to_pylist(),
                    strict=True,
                )
            )
            find = partial(
                scan_blind, index=blind, params=MatchParams(), limits=BlindLimits()
            )
            find(*buffers(to_array(texts[:1000])))
            found, seconds = timed(partial(find, *buffers(to_array(texts))))
            ids = blind.tweet_ids(found.text).array().to_pylist()
            blind_rows = pa.table(
                {
                    "record": found.row,
                    "start": found.span[:, 0],
                    "end": found.span[:, 1],
                    "tweet_id": ids,
                }
            )
            recall = [
                planted.score(each, dataset.marks, by_id).recall()
                for each in (rows, blind_rows)
            ]
            sketched: Pairs = set(zip(found.row.tolist(), ids, strict=True))
            extra = sketched - plain
            counts = (
                len(extra),
                dataset.unplanted(extra, by_id),
                below(full, texts, found, ids, extra),
            )
            shown.add_row(
                name,
                *(f"{share:.4f}" for share in recall),
                f"{len(plain):,}",
                f"{len(sketched):,}",
                *(f"{n:,} ({n / max(1, len(sketched)):.2%})" for n in counts),
                f"{plain_seconds:.1f}",
                f"{seconds:.1f}",
            )
        console.print(shown)


if __name__ == "__main__":
    main()
