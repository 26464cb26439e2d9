"""How fast are records of a tweet's length matched, and how many copies are found,
compared with datasketch?

    pip install 'provscan[bench]'
    python benchmarks/match.py [--corpus FOLDER] [--background FOLDER]
        [--tweets 300000] [--records 300000]

Licensed tweets, each after one of ten edits (``edits.py``), are planted among records
of a tweet's length. provscan processes JSON lines into a run folder. datasketch
processes a sample of the records with the same share of copies, as canonical texts in
memory and on one thread: ``MinHashLSH`` chooses its bands for provscan's minimum
similarity and gets the same signatures, and the candidates are compared as sets, as its
documentation advises. The sets of all indexed texts were made before. provscan's time
includes reading, canonical text, the planting and matching of its own test copies, the
estimate and the report.

The first table shows records per second and the memory of the matching process without
the mapped index; the second one shows the share of the planted tweets found, by edit.
Takes about three minutes.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import datasketch
import planted
from edits import EDITS
from measure import (
    Way,
    apart,
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

PARAMS = provscan.MatchParams()
# The maximum number of copies on which datasketch's recall is measured.
COPIES = 500


def match(source: Path, index: Path, out: Path, workers: int) -> None:
    fresh_match(source, index, out, workers=workers)


class Datasketch:
    """datasketch's index of canonical texts, a sample of records to look up, and the
    planted records on which recall is measured.
    """

    def __init__(
        self,
        tweets: list[planted.Tweet],
        records: list[str],
        where: list[planted.Planted],
        sample: int,
    ):
        self.tweets = tweets
        texts = provscan.canonical(t.text for t in tweets)
        self.indexed = [frozenset(planted.grams(text)) for text in texts]
        self.where = where[:COPIES]
        self.copies = provscan.canonical(records[mark.record] for mark in self.where)
        # Copies are at random positions.
        self.records = provscan.canonical(records[:sample])
        self.lsh = datasketch.MinHashLSH(threshold=PARAMS.threshold, num_perm=128)
        datasketch_insert_signatures(self.lsh, provscan.minhash(texts))

    def find(self, records: list[str]) -> list[int]:
        return datasketch_find(
            self.lsh,
            self.indexed,
            records,
            PARAMS.threshold,
            PARAMS.min_containment,
        )

    def score(self) -> planted.Score:
        result = planted.Score()
        for mark, number in zip(self.where, self.find(self.copies), strict=True):
            result.planted[mark.edit] += 1
            same = (
                number >= 0
                and planted.similar(self.tweets[number].text, mark.tweet.text)
                >= planted.SAME
            )
            result.found[mark.edit] += same
        return result


def main() -> None:
    parser = command_line(
        __doc__,
        tweets=(300_000, "maximum number of indexed tweets"),
        records=(300_000, "number of records"),
        planted=(10_000, "records that are planted tweets"),
        sample=(3_000, "records that datasketch processes"),
        repeats=(5, "turns of each method"),
    )
    planted.add_data_options(parser)
    arguments = parser.parse_args()

    tweets, _ = planted.licensed(arguments.corpus, arguments.tweets)
    texts = planted.short_texts(
        arguments.background, max(0, arguments.records - arguments.planted)
    )
    records, where = planted.in_records(
        planted.plantable(tweets, arguments.planted), texts
    )
    theirs = Datasketch(tweets, records, where, arguments.sample)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index, out = folder / "licensed.index", folder / "records.run"
        provscan.build_index(
            planted.write_jsonl(folder / "tweets.jsonl", tweets), index
        )
        source = planted.write_jsonl(
            folder / "records.jsonl", planted.numbered(records)
        )
        ways = [
            Way(
                f"provscan, {n} worker{'s' * (n > 1)}",
                len(records),
                partial(match, source, index, out, n),
            )
            for n in sorted({1, cores()})
        ]
        rival = Way(
            "datasketch, MinHashLSH.query(), 1 thread",
            len(theirs.records),
            partial(theirs.find, theirs.records),
        )
        take_turns([*ways, rival], arguments.repeats)
        usages = [apart(match, source, index, out, n) for n in sorted({1, cores()})]
        run = fresh_match(source, index, out)
        by_id = {tweet.id: tweet.text for tweet in tweets}
        scores = [
            *(
                planted.score(run.matches, marks, by_id)
                for marks in (where, theirs.where)
            ),
            theirs.score(),
        ]
        size = provscan.open_index(index).info()["bytes"]

    console.print(machine())
    console.print(
        f"{len(tweets):,} tweets indexed in {size / 1e6:,.0f} MB; {len(records):,} "
        f"records of {sum(map(len, records)) / len(records):.0f} characters, "
        f"{len(where):,} of them planted; medians of {arguments.repeats}\n"
    )
    speed = table(
        "Matching records",
        "method",
        "records",
        "records/s",
        f"slower than {ways[0].name}",
        "own memory, MB",
    )
    memory = [f"{usage.own / 1e6:,.0f}" for usage in usages]
    for way, own in zip([*ways, rival], [*memory, ""], strict=True):
        ratio = f"{ways[0].rate / way.rate:.2f}x"
        speed.add_row(way.name, f"{way.amount:,.0f}", f"{way.rate:,.0f}", ratio, own)
    console.print(speed)
    sample = f"{len(theirs.where):,} of them"
    columns = ("planted", "provscan", f"provscan, {sample}", f"datasketch, {sample}")
    found = table("\nShare of the planted tweets found", "edit", *columns)
    for edit in EDITS:
        found.add_row(
            edit,
            f"{scores[0].planted[edit]:,}",
            *(f"{score.recall(edit):.3f}" for score in scores),
        )
    found.add_row(
        "all", f"{len(where):,}", *(f"{score.recall():.3f}" for score in scores)
    )
    console.print(found)
    console.print(f"\ndatasketch chose {theirs.lsh.b} bands of {theirs.lsh.r}")


if __name__ == "__main__":
    main()
