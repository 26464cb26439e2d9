"""How fast are tweets found inside long text, and how exactly, against n-gram sets and
sliding windows?

    python benchmarks/passages.py [--corpus FOLDER] [--background FOLDER] [--texts
    10000,100000,300000] [--megabytes 50]

Licensed tweets, each after one of ten edits, stand inside long documents. provscan goes
from JSON lines to a run folder, for several numbers of indexed tweets; "scan alone" is
what of that lies between the open index and the estimate, median and best. Files of
long texts are also scanned as they are, repeated up to --file-megabytes; and recall is
that of tweets in records three to ten times as long as they are ("wrapped").

Beside it, on canonical documents in memory and the largest number that --others-texts
allows: *n-grams of words in a set*, as decontamination tools look them up, where one
n-gram in common is a find (it gives no span and finds no tweet shorter than n words);
and *datasketch over sliding windows* of 120 characters at every 40th, each looked up in
``MinHashLSH(threshold=0.4)`` and compared. Both get samples of the documents and run on
one thread. Needs ``pip install 'provscan[bench]'``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import datasketch
import planted
from edits import EDITS
from measure import Way, console, cores, machine, table, take_turns
from rivals import datasketch_find, datasketch_insert_signatures

import provscan

WINDOW, STEP = 120, 40
# Characters of a record, on average, from which on a file is one of long texts.
LONG_TEXTS = 400


@dataclass
class Rival:
    """Another way: looks for tweets in canonical documents; what it finds are
    (document, number of the tweet).
    """

    tweets: Sequence[planted.Tweet]
    documents: Sequence[str]
    found: set[tuple[int, int]] = field(default_factory=set)

    def run(self) -> None:
        raise NotImplementedError

    def score(self, where: Sequence[planted.Planted]) -> planted.Score:
        named: dict[int, list[str]] = {}
        for document, number in self.found:
            named.setdefault(document, []).append(self.tweets[number].text)
        result = planted.Score()
        for mark in where:
            if mark.record < len(self.documents):
                result.planted[mark.edit] += 1
                result.found[mark.edit] += any(
                    planted.similar(text, mark.tweet.text) >= planted.SAME
                    for text in named.get(mark.record, ())
                )
        return result


class NGrams(Rival):
    """Word n-grams in a dictionary; of those that several tweets share, the first
    counts.
    """

    def __init__(
        self, tweets: Sequence[planted.Tweet], documents: Sequence[str], n: int
    ):
        super().__init__(tweets, documents)
        self.n = n
        self.owner: dict[str, int] = {}
        for number, text in enumerate(
            provscan.canonical(tweet.text for tweet in tweets)
        ):
            for gram in self.grams(text):
                self.owner.setdefault(gram, number)

    def grams(self, text: str) -> list[str]:
        words = text.split()
        return [" ".join(words[i : i + self.n]) for i in range(len(words) - self.n + 1)]

    def run(self) -> None:
        owner = self.owner
        self.found = {
            (document, owner[gram])
            for document, text in enumerate(self.documents)
            for gram in self.grams(text)
            if gram in owner
        }


class Windows(Rival):
    """datasketch over sliding windows."""

    def __init__(self, tweets: Sequence[planted.Tweet], documents: Sequence[str]):
        super().__init__(tweets, documents)
        self.params = provscan.MatchParams()
        self.indexed = provscan.canonical(tweet.text for tweet in tweets)
        self.lsh = datasketch.MinHashLSH(threshold=self.params.threshold, num_perm=128)
        datasketch_insert_signatures(self.lsh, provscan.minhash(self.indexed))

    def run(self) -> None:
        self.found = set()
        for document, text in enumerate(self.documents):
            windows = [
                text[i : i + WINDOW]
                for i in range(0, max(1, len(text) - WINDOW + STEP), STEP)
            ]
            numbers = datasketch_find(
                self.lsh,
                self.indexed,
                windows,
                self.params.threshold,
                self.params.min_containment,
            )
            self.found.update((document, number) for number in numbers if number >= 0)


@dataclass
class Match:
    """Runs of provscan over one file; what of their time the scan took."""

    source: Path
    index: Path
    out: Path
    workers: int
    scans: list[float] = field(default_factory=list)

    def run(self) -> None:
        run = provscan.match(
            self.source, self.index, self.out, workers=self.workers, overwrite=True
        )
        self.scans.append(run.info["seconds"]["scan"])

    def scanned(self, megabytes: float) -> str:
        """Megabytes a second of the scan alone: the median of all runs but the first,
        and the best.
        """
        scans = self.scans[1:]
        return (
            f"{megabytes / statistics.median(scans):,.1f}, "
            f"{megabytes / min(scans):,.1f}"
        )


def as_they_are(
    background: Path | None, folder: Path, megabytes: float
) -> Iterator[tuple[str, Path, float]]:
    """Of each file of long texts: its name, all its records as JSON lines, and
    megabytes of text.

    The records of a small file are repeated until it has some ``megabytes``.
    """
    for path in planted.files(background) if background else ():
        texts = [row.text for row in planted.rows_of(path)]
        if sum(map(len, texts)) >= LONG_TEXTS * len(texts):
            name = path.name.partition(".")[0]
            texts *= max(1, round(megabytes / size(texts)))
            yield (
                name,
                planted.write_jsonl(folder / f"{name}.jsonl", planted.numbered(texts)),
                size(texts),
            )


def size(texts: Sequence[str]) -> float:
    """Megabytes in UTF-8."""
    return sum(len(text.encode()) for text in texts) / 1e6


def beginning(documents: Sequence[str], megabytes: float) -> Sequence[str]:
    """As many of the documents from the first as make up so much, at least one."""
    left = megabytes
    for number, text in enumerate(documents):
        left -= size([text])
        if left <= 0:
            return documents[: number + 1]
    return documents


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    planted.add_data_options(parser)
    parser.add_argument(
        "--texts", default="10000,100000,300000", help="numbers of indexed tweets"
    )
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--planted", type=int, default=5_000)
    parser.add_argument(
        "--others-texts",
        type=int,
        default=100_000,
        help="tweets that the other ways index, at most",
    )
    parser.add_argument("--others-megabytes", type=float, default=5)
    parser.add_argument("--windows-megabytes", type=float, default=0.5)
    parser.add_argument(
        "--file-megabytes",
        type=float,
        default=0,
        help="of each file of long texts, at least",
    )
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    numbers = sorted(int(number) for number in arguments.texts.split(","))
    tweets, _ = planted.licensed(arguments.corpus, numbers[-1])
    numbers = sorted({min(number, len(tweets)) for number in numbers})
    # Planted are tweets that every index has.
    guests = planted.plantable(tweets[: numbers[0]], arguments.planted)
    texts = planted.long_texts(arguments.background, round(arguments.megabytes * 1e6))
    documents, where = planted.in_documents(guests, texts)
    records, around = planted.wrapped(guests, texts)
    by_id = {tweet.id: tweet.text for tweet in tweets}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = planted.write_jsonl(
            folder / "documents.jsonl", planted.numbered(documents)
        )
        short = planted.write_jsonl(folder / "records.jsonl", planted.numbered(records))
        ways, matches, counts, scores, wrapped = [], [], [], [], []
        for number in numbers:
            index, out = folder / f"{number}.index", folder / f"{number}.run"
            provscan.build_index(
                planted.write_jsonl(folder / "tweets.jsonl", tweets[:number]), index
            )
            scores.append(
                planted.score(provscan.match(source, index, out).matches, where, by_id)
            )
            wrapped.append(
                planted.score(
                    provscan.match(short, index, out, overwrite=True).matches,
                    around,
                    by_id,
                )
            )
            for workers in sorted({1, cores()}):
                label = f"provscan, {workers} worker{'s' * (workers > 1)}"
                matches.append(Match(source, index, out, workers))
                ways.append(Way(label, size(documents), matches[-1].run))
                counts.append((number, scores[-1]))
        sample = tweets[: min(numbers[-1], arguments.others_texts)]
        canonical = provscan.canonical(beginning(documents, arguments.others_megabytes))
        few = canonical[: len(beginning(canonical, arguments.windows_megabytes))]
        rivals = {
            "8-grams of words in a set": NGrams(sample, canonical, 8),
            "13-grams of words in a set": NGrams(sample, canonical, 13),
            "datasketch, sliding windows": Windows(sample, few),
        }
        theirs = [
            Way(label, size(rival.documents), rival.run)
            for label, rival in rivals.items()
        ]
        alone = []
        for label, file, megabytes in as_they_are(
            arguments.background, folder, arguments.file_megabytes
        ):
            matches.append(Match(file, index, out, cores()))
            alone.append(Way(label, megabytes, matches[-1].run))
        take_turns([*ways, *alone, *theirs], arguments.repeats)

    counts += [(len(sample), rival.score(where)) for rival in rivals.values()]
    best = max(
        way.rate
        for way, (count, _) in zip(ways, counts, strict=False)
        if count == counts[len(ways) - 1][0]
    )
    console.print(machine())
    console.print(
        f"{len(documents):,} documents, {size(documents):,.0f} MB, {len(where):,} "
        f"tweets planted; medians of {arguments.repeats}\n"
    )
    columns = (
        "indexed",
        "MB",
        "MB/s",
        "scan alone",
        "slower than the largest index",
        "planted",
        "recall",
        "spans right",
    )
    speed = table("Tweets in long text", "way", *columns)
    scanned = {
        way.name + str(count): run.scanned(way.amount)
        for way, run, (count, _) in zip(ways, matches, counts, strict=False)
    }
    for way, (count, score) in zip([*ways, *theirs], counts, strict=True):
        speed.add_row(
            way.name,
            f"{count:,}",
            f"{way.amount:,.1f}",
            f"{way.rate:,.2f}",
            scanned.get(way.name + str(count), ""),
            f"{best / way.rate:,.2f}x",
            f"{score.planted.total():,}",
            f"{score.recall():.3f}",
            f"{score.spans():.3f}" if way in ways else "",
        )
    console.print(speed)
    files = table(
        f"\nThe same with nothing planted, {numbers[-1]:,} indexed",
        "file",
        "MB",
        "MB/s",
        "scan alone",
    )
    for way, run in zip(alone, matches[len(ways) :], strict=True):
        files.add_row(
            way.name, f"{way.amount:,.1f}", f"{way.rate:,.2f}", run.scanned(way.amount)
        )
    console.print(files)
    found = table("\nShare of the planted tweets found, by edit", "way", *EDITS, "all")
    for number, score, other in zip(numbers, scores, wrapped, strict=True):
        found.add_row(f"provscan, {number:,} indexed", *score.cells())
        found.add_row("the same, wrapped", *other.cells())
    for label, (_, score) in zip(rivals, counts[len(ways) :], strict=True):
        found.add_row(label, *score.cells())
    console.print(found)


if __name__ == "__main__":
    main()
