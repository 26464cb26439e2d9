"""How fast are other indexes of MinHash signatures built and queried, how large are
they, and how many edited copies do they find?

    pip install 'provscan[bench]'
    python benchmarks/peers.py [--corpus FOLDER] [--background FOLDER]
        [--tweets 100000] [--copies 100] [--others 2000]

Lance's index on disk (``MINHASHLSH``), datasketch and rensa index canonical texts in
memory by the MinHash of their 5-grams, each with several numbers of bands. The queries
are the edited copies of ``edits_recall.py`` among texts without tweets, in the share
``--share``. Each of them is a whole record.

Every index is built and queried in a process of its own, with the calls for many texts
that it offers, and garbage collection is off. Seconds are processor time in all
threads. They include for the other indexes the 5-grams, the signatures and the index;
for provscan also the canonical text, reading JSON lines and, in queries, the positions
of matches. datasketch, rensa and Lance (of which ten rows are requested) return
candidates, which are verified with the rule of provscan's matches: the minimum
similarity or containment. The 5-gram sets of indexed texts are kept after their first
use, and the time for them is not included.

The first table shows, for each index, texts built and queries answered per processor
second, without and with verification; bytes on disk with the texts, or bytes of memory
without them; and the verified rows for texts without tweets. The second table shows the
share of the copies found after verification, by edit. Takes about ten minutes.
"""

from __future__ import annotations

import gc
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import datasketch
import edits_recall
import lance
import planted
import pyarrow as pa
import rensa
from lance.indices import IndexConfig
from lance.query import MinHashQuery
from measure import command_line, console, cores, machine, own_memory, table
from planted import grams
from rivals import SKETCH, datasketch_insert, encoded_grams, rensa_lsh

import provscan

ANSWERS = 10
PARAMS = provscan.MatchParams()
Answers = list[Iterable[int]]


@dataclass
class Built:
    """A built index, and its size in bytes."""

    # Returns the numbers of the tweets that are found for each text.
    answers: Callable[[Sequence[str]], Answers]
    bytes: float


class Work(NamedTuple):
    """The tweets to index; and canonical queries, with the number of their tweet or
    -1.
    """

    tweets: list[planted.Tweet]
    canonical: list[str]
    raw: list[str]
    queries: list[str]
    others: list[str]


class Result(NamedTuple):
    built: float
    bytes: float
    rate: float
    verified_rate: float
    rows: int
    found: list[set[int]]


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def built_provscan(folder: Path, work: Work) -> Built:
    index = provscan.build_index(folder / "tweets.jsonl", folder / "licensed.index")
    number = {tweet.id: i for i, tweet in enumerate(work.tweets)}

    def answers(texts: Sequence[str]) -> Answers:
        found: list[list[int]] = [[] for _ in texts]
        matches = index.match(pa.array(texts, pa.large_string()))
        for record, tweet in zip(
            matches["record"].to_pylist(), matches["tweet_id"].to_pylist(), strict=True
        ):
            found[record].append(number[tweet])
        return list(found)

    return Built(answers, index.info()["bytes"])


def built_lance(bands: int, rows: int, folder: Path, work: Work) -> Built:
    ngrams = {"base_tokenizer": "ngram", "min_ngram_length": 5, "max_ngram_length": 5}
    tokenizer = {**ngrams, "stem": False, "remove_stop_words": False}
    parameters = {
        "num_hashes": bands * rows,
        "num_bands": bands,
        "shingle_size": 1,
        "tokenizer": tokenizer,
    }
    texts = pa.table({"number": range(len(work.canonical)), "text": work.canonical})
    dataset = lance.write_dataset(texts, folder / "tweets.lance")
    dataset.create_scalar_index("text", IndexConfig("MINHASHLSH", parameters))

    def answer(text: str) -> list[int]:
        found = dataset.to_table(
            nearest=MinHashQuery(text, "text"),
            limit=ANSWERS,
            columns=["number", "_distance"],
        )
        numbers: list[int] = found["number"].to_pylist()
        return numbers

    def answers(texts: Sequence[str]) -> Answers:
        with ThreadPoolExecutor(cores()) as pool:
            return list(pool.map(answer, texts))

    return Built(answers, size(folder / "tweets.lance"))


def built_datasketch(bands: int, rows: int, folder: Path, work: Work) -> Built:
    before = own_memory()
    lsh = datasketch.MinHashLSH(params=(bands, rows), num_perm=bands * rows)
    datasketch_insert(lsh, work.canonical, bands * rows)
    used = own_memory() - before
    sketch = datasketch.MinHash(**SKETCH | {"num_perm": bands * rows})

    def answer(text: str) -> list[int]:
        sketch.clear()
        sketch.update_batch(encoded_grams(text))
        numbers: list[int] = lsh.query(sketch)
        return numbers

    return Built(lambda texts: [answer(text) for text in texts], used)


def built_rensa(bands: int, rows: int, folder: Path, work: Work) -> Built:
    before = own_memory()
    lsh: Any = rensa_lsh(work.canonical, bands, bands * rows)
    used = own_memory() - before

    def sketch(text: str) -> Any:
        made = rensa.RMinHash(bands * rows, 1)
        made.update(grams(text))
        return made

    return Built(
        lambda texts: list(lsh.query_all([sketch(text) for text in texts])), used
    )


BANDS = ((32, 4), (42, 3), (64, 2))
PEERS: dict[str, Callable[[Path, Work], Built]] = {
    "provscan": built_provscan,
    **{
        f"{name}, {bands} x {rows}": partial(build, bands, rows)
        for name, build in (
            ("Lance", built_lance),
            ("datasketch", built_datasketch),
            ("rensa", built_rensa),
        )
        for bands, rows in BANDS
    },
}


@cache
def kept(text: str) -> frozenset[str]:
    """Return the 5-grams of an indexed text, which are kept."""
    return frozenset(grams(text))


def verified(text: str, candidates: Iterable[int], indexed: Sequence[str]) -> list[int]:
    """Return the candidates that have the minimum similarity or containment; all texts
    are canonical.
    """
    own = set(grams(text))
    result = []
    for number in candidates:
        theirs = kept(indexed[number])
        shared = len(own & theirs)
        if shared >= PARAMS.threshold * (
            len(own) + len(theirs) - shared
        ) or shared >= PARAMS.min_containment * len(theirs):
            result.append(number)
    return result


def measured(name: str, folder: Path, work: Work) -> Result:
    """Build an index and query it; runs in a process of its own."""
    gc.disable()
    begin = time.process_time()
    index = PEERS[name](folder, work)
    built = len(work.tweets) / (time.process_time() - begin)
    ours = name == "provscan"

    def answered(texts: Sequence[str]) -> Answers:
        found = index.answers(texts)
        if ours:
            return found
        return [
            verified(text, numbers, work.canonical)
            for text, numbers in zip(texts, found, strict=True)
        ]

    queries = work.raw if ours else work.queries
    found = answered(queries)  # Also warms up.
    begin = time.process_time()
    index.answers(queries)
    rate = len(queries) / (time.process_time() - begin)
    begin = time.process_time()
    answered(queries)
    verified_rate = len(queries) / (time.process_time() - begin)
    rows = sum(len(list(each)) for each in answered(work.others))
    return Result(
        built, index.bytes / len(work.tweets), rate, verified_rate, rows,
        list(map(set, found)),
    )  # fmt: skip


def main() -> None:
    parser = command_line(
        __doc__,
        tweets=(100_000, "maximum number of indexed tweets"),
        copies=(100, "maximum number of copies per edit"),
        others=(2_000, "texts without licensed tweets"),
        share=(0.03, "share of copies in the queries"),
    )
    parser.add_argument("--only", default="", help="indexes whose name contains this")
    planted.add_data_options(parser)
    arguments = parser.parse_args()
    tweets, _ = planted.licensed(arguments.corpus, arguments.tweets)
    copies = {
        name: edits_recall.copies_of(tweets, name, arguments.copies)
        for name in edits_recall.EDITS
    }
    asked = [copy for pairs in copies.values() for _, copy in pairs]
    others = planted.short_texts(
        arguments.background,
        max(arguments.others, round(len(asked) * (1 / arguments.share - 1))),
    )
    order = list(range(len(asked) + len(others)))
    Random(1).shuffle(order)
    raw = [[*asked, *others][i] for i in order]
    place = {number: at for at, number in enumerate(order)}
    work = Work(
        tweets,
        provscan.canonical(tweet.text for tweet in tweets),
        raw,
        provscan.canonical(raw),
        others[: arguments.others],
    )
    console.print(machine())
    names = [name for name in PEERS if arguments.only in name]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        planted.write_jsonl(Path(folder, "tweets.jsonl"), tweets)
        for name in names:
            given = work
            if name != "provscan":
                given = work._replace(others=provscan.canonical(work.others))
            with ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn")
            ) as pool:
                done = pool.submit(measured, name, Path(folder), given)
                results[name] = done.result()
            path = Path(folder, "tweets.lance")
            if path.exists():
                path.rename(Path(folder, name))
    costs = table(
        f"{len(tweets):,} tweets indexed; {len(raw):,} queries, {len(asked):,} copies",
        "index",
        "texts built per CPU s",
        "bytes per text",
        "queries per CPU s",
        "verified",
        f"rows in {arguments.others:,} texts without tweets",
    )
    for name, result in results.items():
        costs.add_row(name, *(f"{value:,.0f}" for value in result[:5]))
    console.print(costs)
    recall = table("Share of the copies found", "edit", "copies", *names)
    first = 0
    for edit, pairs in copies.items():
        shares = []
        for result in results.values():
            hits = sum(
                any(
                    planted.similar(tweets[i].text, tweet.text) >= planted.SAME
                    for i in result.found[place[first + number]]
                )
                for number, (tweet, _) in enumerate(pairs)
            )
            shares.append(f"{hits / max(1, len(pairs)):.3f}")
        first += len(pairs)
        recall.add_row(edit, f"{len(pairs)}", *shares)
    console.print(recall)


if __name__ == "__main__":
    main()
