"""How fast and how exactly are tweets found inside long text, compared with n-gram sets
and sliding windows?

    pip install 'provscan[bench]'
    python benchmarks/passages.py [--corpus FOLDER] [--background FOLDER]
        [--texts 10000,100000,300000] [--megabytes 50] [--file-megabytes 200]

Licensed tweets, each after one of ten edits (``edits.py``), are planted in long
documents. provscan processes JSON lines into a run folder, with indexes of several
sizes. Two other methods run on one thread, on a sample of the canonical documents in
memory and with up to ``--others-texts`` tweets:

n-grams of words in a set
    The method of decontamination tools: a tweet is found if one n-gram is equal. It
    gives no span, and finds no tweet with fewer than n words.
datasketch, sliding windows
    Windows of 120 characters, one every 40 characters, are looked up in
    ``MinHashLSH``, and candidates are compared as sets.

The first table shows the speed of each method, recall, and the share of right spans;
"scan alone" is the rate between the opening of the index and the estimate, as median
and maximum. The second one shows the speed for each file of ``--background`` with
nothing planted. The third one shows recall by edit; "wrapped" tweets are planted in
records three to ten times as long as the tweet. Takes about five minutes.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import datasketch
import planted
from edits import EDITS
from measure import (
    Way,
    command_line,
    console,
    cores,
    fresh_match,
    machine,
    table,
    take_turns,
)
from rivals import datasketch_find, datasketch_insert_signatures

import provscan

WINDOW, STEP = 120, 40
# Minimum of the mean number of characters of a record in a file of long texts.
LONG_TEXTS = 400


@dataclass
class Rival:
    """Another method, which looks for tweets in canonical documents.

    ``found`` contains pairs of a document's number and a tweet's number.
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
    """Word n-grams in a dictionary, each with the first tweet that contains it."""

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
        texts = provscan.canonical(tweet.text for tweet in tweets)
        self.indexed = [frozenset(planted.grams(text)) for text in texts]
        self.lsh = datasketch.MinHashLSH(threshold=self.params.threshold, num_perm=128)
        datasketch_insert_signatures(self.lsh, provscan.minhash(texts))

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
    """Runs of provscan on one file; ``scans`` are the seconds of their scans."""

    source: Path
    index: Path
    out: Path
    workers: int
    scans: list[float] = field(default_factory=list)

    def run(self) -> None:
        run = fresh_match(self.source, self.index, self.out, workers=self.workers)
        self.scans.append(run.info["seconds"]["scan"])

    def scanned(self, megabytes: float) -> str:
        """Return the megabytes per second of the scan alone: the median and the maximum
        of all runs except the first one.
        """
        scans = self.scans[1:]
        return (
            f"{megabytes / statistics.median(scans):,.1f}, "
            f"{megabytes / min(scans):,.1f}"
        )


def unplanted(
    background: Path | None, folder: Path, megabytes: float
) -> Iterator[tuple[str, Path, float]]:
    """Yield the name of each file of long texts, a file of JSON lines with its records,
    and their megabytes of text.

    The records of a smaller file are repeated until they have about ``megabytes``.
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
    """Return the megabytes of texts in UTF-8."""
    return sum(len(text.encode()) for text in texts) / 1e6


def beginning(documents: Sequence[str], megabytes: float) -> Sequence[str]:
    """Return the first documents that together have at least this size."""
    left = megabytes
    for number, text in enumerate(documents):
        left -= size([text])
        if left <= 0:
            return documents[: number + 1]
    return documents


def main() -> None:
    parser = command_line(__doc__)
    planted.add_data_options(parser)
    parser.add_argument(
        "--texts", default="10000,100000,300000", help="numbers of indexed tweets"
    )
    parser.add_argument(
        "--megabytes", type=float, default=50, help="megabytes of documents"
    )
    parser.add_argument(
        "--planted", type=int, default=5_000, help="tweets planted in the documents"
    )
    parser.add_argument(
        "--others-texts",
        type=int,
        default=100_000,
        help="maximum number of tweets that the other methods index",
    )
    parser.add_argument(
        "--others-megabytes",
        type=float,
        default=5,
        help="megabytes of documents for the n-gram sets",
    )
    parser.add_argument(
        "--windows-megabytes",
        type=float,
        default=0.5,
        help="megabytes of documents for the sliding windows",
    )
    parser.add_argument(
        "--file-megabytes",
        type=float,
        default=0.0,
        help="repeat the records of smaller files of long texts up to this size",
    )
    parser.add_argument("--repeats", type=int, default=3, help="turns of each method")
    arguments = parser.parse_args()

    numbers = sorted(int(number) for number in arguments.texts.split(","))
    tweets, _ = planted.licensed(arguments.corpus, numbers[-1])
    numbers = sorted({min(number, len(tweets)) for number in numbers})
    # The planted tweets are in every index.
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
                    fresh_match(short, index, out).matches,
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
        for label, file, megabytes in unplanted(
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
    speed = table("Tweets in long text", "method", *columns)
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
        f"\nFiles with nothing planted, {numbers[-1]:,} tweets indexed",
        "file",
        "MB",
        "MB/s",
        "scan alone",
    )
    for way, run in zip(alone, matches[len(ways) :], strict=True):
        files.add_row(
            way.name, f"{way.amount:,.1f}", f"{way.rate:,.2f}", run.scanned(way.amount)
        )
    if alone:
        console.print(files)
    found = table(
        "\nShare of the planted tweets found, by edit", "method", *EDITS, "all"
    )
    for number, score, other in zip(numbers, scores, wrapped, strict=True):
        found.add_row(f"provscan, {number:,} indexed", *score.cells())
        found.add_row("the same, wrapped", *other.cells())
    for label, (_, score) in zip(rivals, counts[len(ways) :], strict=True):
        found.add_row(label, *score.cells())
    console.print(found)


if __name__ == "__main__":
    main()
