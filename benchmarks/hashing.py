"""How fast are signatures, against datasketch and rensa?

    python benchmarks/hashing.py [--corpus FOLDER] [--tweets 50000] [--repeats 7]

Everything runs on one thread and in one process, on the same canonical tweets. The ways take turns, so that a
machine that slows down slows all of them; printed are medians. The slow ways get fewer tweets a turn. ``--corpus``
names a folder of JSON lines (plain or .zst) with a field ``text``; without it, tweets are made up. Needs
``pip install 'provscan[bench]'``.

The rest compare like with like in the work, not in the sketch: rensa's are other hashes under other
permutations (its Rho sketch, which samples tokens, is left out), datasketch's are the very signatures, and checked.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# rensa reads it when it is imported.
os.environ["RAYON_NUM_THREADS"] = "1"

import datasketch
import numpy as np
import orjson
import pyarrow as pa
import rensa
import xxhash
import zstandard
from numba import njit
from rich.console import Console
from rich.table import Table

from provscan.kernels import minhash as kernels
from provscan.sketch import PERMUTATIONS, minhash, minhash_canonical
from provscan.text import canonical_array, canonical_buffers
from provscan.text.arrow import buffers

SKETCH: dict[str, Any] = {"num_perm": 128, "seed": 1, "scheme": "affine32", "hashfunc": xxhash.xxh32_intdigest}
FEW = 1_000


@dataclass
class Way:
    """One way to get from tweets to signatures, or one stage of it."""

    name: str
    tweets: int
    run: Callable[[], object]
    seconds: list[float] = field(default_factory=list)

    @property
    def per_tweet(self) -> float:
        return statistics.median(self.seconds) / self.tweets


def read_tweets(folder: Path, count: int) -> list[str]:
    texts = [text for path in sorted(folder.rglob("*.jsonl*")) for text in _texts(path)]
    random.Random(1).shuffle(texts)
    return texts[:count]


def _texts(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file) if path.suffix == ".zst" else file
        for line in io.BufferedReader(stream):  # type: ignore[type-var]
            text = orjson.loads(line).get("text")
            if isinstance(text, str):
                yield text


def made_up_tweets(count: int) -> list[str]:
    """Words by Zipf's law from an invented vocabulary; in one tweet of twelve an emoji or an accented word."""
    dice = random.Random(1)
    syllables = ["ba", "ko", "mi", "ru", "ten", "sal", "vo", "ni", "dra", "pel", "zu", "ha", "lor", "quin", "es", "ty"]
    words = ["".join(dice.choices(syllables, k=dice.randint(1, 4))) for _ in range(20_000)]
    frequency = [1 / rank for rank in range(1, len(words) + 1)]
    tweets = []
    for _ in range(count):
        chosen = dice.choices(words, frequency, k=max(1, round(dice.gauss(11, 4))))
        if dice.random() < 1 / 12:
            chosen.insert(dice.randrange(len(chosen)), dice.choice(["😂", "café", "🔥", "日本"]))
        tweets.append(f"@{dice.choice(words)} {' '.join(chosen)} https://t.co/{dice.randrange(10**9)}")
    return tweets


@njit
def count_shingles(data, offsets, scratch, counts):  # type: ignore[no-untyped-def]
    for i in range(len(counts)):
        counts[i] = kernels.shingle_hashes(data, offsets[i], offsets[i + 1], scratch)


@njit
def permute(counts, a, b, scratch, out):  # type: ignore[no-untyped-def]
    for i in range(len(counts)):
        kernels.signature(scratch, counts[i], a, b, out[i])


def grams(text: str) -> list[str]:
    return [text[i : i + 5] for i in range(max(1, len(text) - 4))]


def encoded_grams(text: str) -> list[bytes]:
    return [text[i : i + 5].encode() for i in range(max(1, len(text) - 4))]


def datasketch_readme(texts: list[str]) -> list[Any]:
    sketches = []
    for text in texts:
        sketch = datasketch.MinHash(num_perm=128)
        for gram in grams(text):
            sketch.update(gram.encode("utf8"))
        sketches.append(sketch)
    return sketches


def datasketch_cleared(tokens: list[list[bytes]]) -> np.ndarray:
    """One object for all texts: no copy, no permutations checked anew."""
    out = np.empty((len(tokens), 128), np.uint32)
    sketch = datasketch.MinHash(**SKETCH)
    for i, row in enumerate(tokens):
        sketch.clear()
        sketch.update_batch(row)
        out[i] = sketch.hashvalues
    return out


def rensa_updates(kind: Any, tokens: list[list[str]]) -> list[Any]:
    sketches = []
    for row in tokens:
        sketch = kind(num_perm=128, seed=1)
        sketch.update(row)
        sketches.append(sketch)
    return sketches


def ours(tweets: pa.LargeStringArray, canonical: pa.LargeStringArray) -> tuple[list[Way], list[Way]]:
    data, offsets = buffers(canonical)
    count = len(canonical)
    scratch = np.zeros(kernels.scratch_size(int(np.diff(offsets).max())), np.uint32)
    counts = np.zeros(count, np.int64)
    out = np.empty((count, 128), np.uint32)
    raw = buffers(tweets)
    count_shingles(data, offsets, scratch, counts)
    whole = [
        Way("provscan, from canonical tweets", count, lambda: minhash_canonical(canonical, out=out)),
        Way("provscan, from raw tweets", count, lambda: minhash(tweets)),
    ]
    stages = [
        Way("canonical text", count, lambda: canonical_buffers(*raw)),
        Way("shingle hashes", count, lambda: count_shingles(data, offsets, scratch, counts)),
        Way("permutations", count, lambda: permute(counts, *PERMUTATIONS, scratch, out)),
    ]
    return whole, stages


def theirs(texts: list[str]) -> list[Way]:
    few = texts[:FEW]
    many = texts[: 10 * FEW]
    few_tokens = [encoded_grams(text) for text in few]
    many_tokens = [grams(text) for text in many]
    return [
        Way("datasketch, update() as in its README", FEW // 5, lambda: datasketch_readme(texts[: FEW // 5])),
        Way(
            "datasketch, bulk(), xxh32",
            len(few),
            lambda: datasketch.MinHash.bulk([encoded_grams(text) for text in few], **SKETCH),
        ),
        Way(
            "datasketch, update_batch() and clear(), xxh32",
            len(few),
            lambda: datasketch_cleared([encoded_grams(text) for text in few]),
        ),
        Way("  the same, tokens ready", len(few), lambda: datasketch_cleared(few_tokens)),
        Way(
            "rensa, RMinHash.update()",
            len(many),
            lambda: rensa_updates(rensa.RMinHash, [grams(text) for text in many]),
        ),
        Way(
            "rensa, RMinHash.digest_matrix_from_token_sets()",
            len(many),
            lambda: rensa.RMinHash.digest_matrix_from_token_sets([grams(text) for text in many], 128, 1),
        ),
        Way(
            "  the same, tokens ready",
            len(many),
            lambda: rensa.RMinHash.digest_matrix_from_token_sets(many_tokens, 128, 1),
        ),
        Way(
            "rensa, CMinHash.digests64_from_token_sets()",
            len(many),
            lambda: rensa.CMinHash.digests64_from_token_sets([grams(text) for text in many], 128, 1),
        ),
        Way(
            "  the same, tokens ready",
            len(many),
            lambda: rensa.CMinHash.digests64_from_token_sets(many_tokens, 128, 1),
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--tweets", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()

    if arguments.corpus:
        raw = read_tweets(arguments.corpus, arguments.tweets)
    else:
        raw = made_up_tweets(arguments.tweets)
    tweets = pa.array(raw, pa.large_string())
    canonical = canonical_array(tweets)
    texts = canonical.to_pylist()
    reference = datasketch_cleared([encoded_grams(text) if text else [] for text in texts[:FEW]])
    np.testing.assert_array_equal(minhash_canonical(texts[:FEW]), reference)

    whole, stages = ours(tweets, canonical)
    ways = [*whole, *theirs(texts), *stages]
    for turn in range(arguments.repeats + 1):
        for way in ways:
            begin = time.perf_counter()
            way.run()
            # The first turn compiles and warms up.
            if turn:
                way.seconds.append(time.perf_counter() - begin)

    console = Console(width=110)
    characters = sum(map(len, texts)) / len(texts)
    ascii_share = sum(text.isascii() for text in texts) / len(texts)
    console.print(
        f"{len(texts):,} tweets, {characters:.0f} canonical characters each, {ascii_share:.0%} of them ASCII; "
        f"one thread, medians of {arguments.repeats}"
    )
    table = Table("way", box=None)
    for heading in ("tweets/s", "ns a tweet", "slower than core", "slower than raw"):
        table.add_column(heading, justify="right")
    for way in ways:
        if way is stages[0]:
            table.add_section()
            table.add_row("[bold]stages of provscan")
        ratios = [way.per_tweet / base.per_tweet for base in whole]
        table.add_row(
            way.name,
            f"{1 / way.per_tweet:,.0f}",
            f"{way.per_tweet * 1e9:,.0f}",
            *("" if way in stages else f"{ratio:.1f}x" for ratio in ratios),
        )
    console.print(table)


if __name__ == "__main__":
    main()
