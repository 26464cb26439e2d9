"""How fast are other indexes of MinHash signatures built and queried, how large are
they, and how many edited copies do they find?

    pip install 'provscan[bench]'
    python benchmarks/peers.py [--corpus FOLDER] [--background FOLDER]
        [--tweets 100000] [--copies 100] [--others 2000]

Lance's index on disk (``MINHASHLSH``), datasketch and rensa index canonical texts in
memory, with 5-grams and 128 permutations in 32 bands of 4; provscan indexes JSON lines.
Lance returns ten rows per query, datasketch and rensa return all candidates, and none
of them verifies its rows. provscan returns verified matches. The queries are the edited
copies of ``edits_recall.py``, each of which is a whole record.

The first table shows, for each index, texts built and queries answered per processor
second in all threads; bytes on disk with the texts, or bytes of memory without them;
and the rows for texts without tweets. Such a row is supported if the text and the tweet
have at least provscan's minimum similarity or containment, or 40 consecutive characters
in common. The second table shows the share of the copies found, by edit. Takes about
five minutes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

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

BANDS, ROWS, ANSWERS = 32, 4, 10
PARAMS = provscan.MatchParams()
Answers = list[Iterable[int]]


@dataclass
class Peer:
    """A built index, with the time and memory that it took."""

    name: str
    # Returns the numbers of the tweets that are found for each text.
    answers: Callable[[Sequence[str]], Answers]
    raw: bool
    seconds: float
    bytes: float


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def built_provscan(
    folder: Path, tweets: list[planted.Tweet], canonical: list[str]
) -> Peer:
    source = planted.write_jsonl(folder / "tweets.jsonl", tweets)
    number = {tweet.id: i for i, tweet in enumerate(tweets)}
    begin = time.process_time()
    index = provscan.build_index(source, folder / "licensed.index")
    seconds = time.process_time() - begin

    def answers(texts: Sequence[str]) -> Answers:
        found: list[list[int]] = [[] for _ in texts]
        matches = index.match(pa.array(texts, pa.large_string()))
        for record, tweet in zip(
            matches["record"].to_pylist(), matches["tweet_id"].to_pylist(), strict=True
        ):
            found[record].append(number[tweet])
        return list(found)

    return Peer("provscan", answers, True, seconds, index.info()["bytes"])


def built_lance(
    folder: Path, tweets: list[planted.Tweet], canonical: list[str]
) -> Peer:
    ngrams = {"base_tokenizer": "ngram", "min_ngram_length": 5, "max_ngram_length": 5}
    tokenizer = {**ngrams, "stem": False, "remove_stop_words": False}
    parameters = {
        "num_hashes": BANDS * ROWS,
        "num_bands": BANDS,
        "shingle_size": 1,
        "tokenizer": tokenizer,
    }
    rows = pa.table({"number": range(len(canonical)), "text": canonical})
    begin = time.process_time()
    dataset = lance.write_dataset(rows, folder / "tweets.lance")
    dataset.create_scalar_index("text", IndexConfig("MINHASHLSH", parameters))
    seconds = time.process_time() - begin

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

    return Peer("Lance", answers, False, seconds, size(folder / "tweets.lance"))


def built_datasketch(
    folder: Path, tweets: list[planted.Tweet], canonical: list[str]
) -> Peer:
    before, begin = own_memory(), time.process_time()
    lsh = datasketch.MinHashLSH(params=(BANDS, ROWS), num_perm=BANDS * ROWS)
    datasketch_insert(lsh, canonical)
    seconds = time.process_time() - begin
    sketch = datasketch.MinHash(**SKETCH)

    def answer(text: str) -> list[int]:
        sketch.clear()
        sketch.update_batch(encoded_grams(text))
        numbers: list[int] = lsh.query(sketch)
        return numbers

    return Peer(
        "datasketch",
        lambda texts: [answer(text) for text in texts],
        False,
        seconds,
        own_memory() - before,
    )


def built_rensa(
    folder: Path, tweets: list[planted.Tweet], canonical: list[str]
) -> Peer:
    before, begin = own_memory(), time.process_time()
    lsh: Any = rensa_lsh(canonical, BANDS)
    seconds = time.process_time() - begin

    def sketch(text: str) -> Any:
        made = rensa.RMinHash(BANDS * ROWS, 1)
        made.update(grams(text))
        return made

    def answers(texts: Sequence[str]) -> Answers:
        return list(lsh.query_all([sketch(text) for text in texts]))

    return Peer("rensa", answers, False, seconds, own_memory() - before)


BUILDERS = (built_provscan, built_lance, built_datasketch, built_rensa)


def supported(text: str, tweet: str) -> bool:
    """Return whether a text shares enough wording with a tweet; both are canonical."""
    own, theirs = set(grams(text)), set(grams(tweet))
    shared = len(own & theirs)
    if shared >= PARAMS.threshold * (
        len(own) + len(theirs) - shared
    ) or shared >= PARAMS.min_containment * len(theirs):
        return True
    return any(tweet[i : i + 40] in text for i in range(len(tweet) - 39))


def main() -> None:
    parser = command_line(
        __doc__,
        tweets=(100_000, "maximum number of indexed tweets"),
        copies=(100, "maximum number of copies per edit"),
        others=(2_000, "texts without licensed tweets"),
        singly=(200, "queries that are asked one by one"),
    )
    planted.add_data_options(parser)
    arguments = parser.parse_args()
    tweets, _ = planted.licensed(arguments.corpus, arguments.tweets)
    canonical = provscan.canonical(tweet.text for tweet in tweets)
    others = planted.short_texts(arguments.background, arguments.others)
    copies = {
        name: edits_recall.copies_of(tweets, name, arguments.copies)
        for name in edits_recall.EDITS
    }
    asked = [copy for pairs in copies.values() for _, copy in pairs]
    Random(1).shuffle(asked)
    console.print(machine())
    with tempfile.TemporaryDirectory() as name:
        peers = [build(Path(name), tweets, canonical) for build in BUILDERS]
        costs = table(
            f"{len(tweets):,} tweets indexed; {len(others):,} texts without tweets",
            "index",
            "texts built per CPU s",
            "bytes per text",
            "queries per CPU s, singly",
            "in batches",
            "rows for texts without tweets",
            "unsupported",
        )
        recall = table(
            "Share of the copies found",
            "edit",
            "copies",
            *(peer.name for peer in peers),
        )
        for peer in peers:
            given, clean = (
                texts if peer.raw else provscan.canonical(texts)
                for texts in (asked, others)
            )
            peer.answers(given[:10])
            begin = time.process_time()
            for text in given[: arguments.singly]:
                peer.answers([text])
            singly = min(arguments.singly, len(given)) / (time.process_time() - begin)
            begin = time.process_time()
            peer.answers(given)
            batch = len(given) / (time.process_time() - begin)
            texts = provscan.canonical(others)
            rows = [
                (text, canonical[i])
                for text, found in zip(texts, peer.answers(clean), strict=True)
                for i in found
            ]
            bad = sum(not supported(*row) for row in rows)
            rates = (
                len(tweets) / peer.seconds,
                peer.bytes / len(tweets),
                singly,
                batch,
                len(rows),
                bad,
            )
            costs.add_row(peer.name, *(f"{rate:,.0f}" for rate in rates))
        for edit, pairs in copies.items():
            texts = [copy for _, copy in pairs]
            shares = []
            for peer in peers:
                found = peer.answers(texts if peer.raw else provscan.canonical(texts))
                hits = sum(
                    any(
                        planted.similar(tweets[i].text, tweet.text) >= planted.SAME
                        for i in numbers
                    )
                    for (tweet, _), numbers in zip(pairs, found, strict=True)
                )
                shares.append(f"{hits / max(1, len(pairs)):.3f}")
            recall.add_row(edit, f"{len(pairs)}", *shares)
    console.print(costs)
    console.print(recall)


if __name__ == "__main__":
    main()
