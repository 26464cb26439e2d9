"""How fast are MinHash signatures computed, compared with datasketch and rensa?

    pip install 'provscan[bench]'
    python benchmarks/hashing.py [--corpus FOLDER] [--tweets 50000] [--repeats 7]

All methods run on one thread in one process and sketch the same canonical tweets. They
take turns, and slow methods get fewer tweets per turn. The table shows medians: tweets
per second, nanoseconds per tweet, and how much slower each method is than provscan; a
second part shows the stages of provscan. Takes about half a minute.

The methods do comparable work but make different sketches. rensa uses other hashes and
permutations; its Rho sketch, which samples tokens, is not compared. datasketch's
signatures are equal to provscan's, which the command checks.
"""

from __future__ import annotations

import os
import random
from typing import Any

# rensa reads this variable when it is imported.
os.environ["RAYON_NUM_THREADS"] = "1"

import datasketch
import numpy as np
import planted
import pyarrow as pa
import rensa
from measure import Way, command_line, console, machine, table, take_turns
from planted import grams
from rivals import SKETCH, datasketch_cleared, encoded_grams

from provscan.kernels.jit import kernel
from provscan.kernels.sketch import minhash as kernels
from provscan.sketch.signatures import PERMUTATIONS, minhash, minhash_canonical
from provscan.text import canonical_array, canonical_buffers
from provscan.text_buffers import buffers

FEW = 1_000


@kernel
def count_shingles(data, offsets, scratch, counts):  # type: ignore[no-untyped-def]
    for i in range(len(counts)):
        counts[i] = kernels.shingle_hashes(data, offsets[i], offsets[i + 1], scratch)


@kernel
def permute(counts, a, b, scratch, out):  # type: ignore[no-untyped-def]
    for i in range(len(counts)):
        kernels.signature(scratch, counts[i], a, b, out[i])


def datasketch_readme(texts: list[str]) -> list[Any]:
    sketches = []
    for text in texts:
        sketch = datasketch.MinHash(num_perm=128)
        for gram in grams(text):
            sketch.update(gram.encode("utf8"))
        sketches.append(sketch)
    return sketches


def rensa_updates(kind: Any, tokens: list[list[str]]) -> list[Any]:
    sketches = []
    for row in tokens:
        sketch = kind(num_perm=128, seed=1)
        sketch.update(row)
        sketches.append(sketch)
    return sketches


def ours(
    tweets: pa.LargeStringArray, canonical: pa.LargeStringArray
) -> tuple[list[Way], list[Way]]:
    data, offsets = buffers(canonical)
    count = len(canonical)
    scratch = np.zeros(kernels.scratch_size(int(np.diff(offsets).max())), np.uint32)
    counts = np.zeros(count, np.int64)
    out = np.empty((count, 128), np.uint32)
    raw = buffers(tweets)
    count_shingles(data, offsets, scratch, counts)
    whole = [
        Way(
            "provscan, from canonical tweets",
            count,
            lambda: minhash_canonical(data, offsets),
        ),
        Way("provscan, from raw tweets", count, lambda: minhash(tweets)),
    ]
    stages = [
        Way("canonical text", count, lambda: canonical_buffers(*raw)),
        Way(
            "shingle hashes",
            count,
            lambda: count_shingles(data, offsets, scratch, counts),
        ),
        Way(
            "permutations",
            count,
            lambda: permute(*(counts, *PERMUTATIONS, scratch, out)),
        ),
    ]
    return whole, stages


def theirs(texts: list[str]) -> list[Way]:
    few = texts[:FEW]
    many = texts[: 10 * FEW]
    few_tokens = [encoded_grams(text) for text in few]
    many_tokens = [grams(text) for text in many]
    return [
        Way(
            "datasketch, update() as in its README",
            FEW // 5,
            lambda: datasketch_readme(texts[: FEW // 5]),
        ),
        Way(
            "datasketch, bulk(), xxh32",
            len(few),
            lambda: datasketch.MinHash.bulk(
                [encoded_grams(text) for text in few], **SKETCH
            ),
        ),
        Way(
            "datasketch, update_batch() and clear(), xxh32",
            len(few),
            lambda: datasketch_cleared([encoded_grams(text) for text in few]),
        ),
        Way(
            "  the same, tokens ready", len(few), lambda: datasketch_cleared(few_tokens)
        ),
        Way(
            "rensa, RMinHash.update()",
            len(many),
            lambda: rensa_updates(rensa.RMinHash, [grams(text) for text in many]),
        ),
        Way(
            "rensa, RMinHash.digest_matrix_from_token_sets()",
            len(many),
            lambda: rensa.RMinHash.digest_matrix_from_token_sets(
                [grams(text) for text in many], 128, 1
            ),
        ),
        Way(
            "  the same, tokens ready",
            len(many),
            lambda: rensa.RMinHash.digest_matrix_from_token_sets(many_tokens, 128, 1),
        ),
        Way(
            "rensa, CMinHash.digests64_from_token_sets()",
            len(many),
            lambda: rensa.CMinHash.digests64_from_token_sets(
                [grams(text) for text in many], 128, 1
            ),
        ),
        Way(
            "  the same, tokens ready",
            len(many),
            lambda: rensa.CMinHash.digests64_from_token_sets(many_tokens, 128, 1),
        ),
    ]


def main() -> None:
    parser = command_line(__doc__)
    planted.add_data_options(parser, background=False)
    parser.add_argument(
        "--tweets", type=int, default=50_000, help="maximum number of tweets"
    )
    parser.add_argument("--repeats", type=int, default=7, help="turns of each method")
    arguments = parser.parse_args()

    every = (
        planted.rows(arguments.corpus)
        if arguments.corpus
        else planted.synthetic_tweets(arguments.tweets)
    )
    raw = [tweet.text for tweet in every]
    random.Random(1).shuffle(raw)
    raw = raw[: arguments.tweets]
    tweets = pa.array(raw, pa.large_string())
    canonical = canonical_array(tweets)
    texts = canonical.to_pylist()
    reference = datasketch_cleared(
        [encoded_grams(text) if text else [] for text in texts[:FEW]]
    )
    np.testing.assert_array_equal(
        minhash_canonical(*buffers(canonical[:FEW])), reference
    )

    whole, stages = ours(tweets, canonical)
    ways = [*whole, *theirs(texts), *stages]
    take_turns(ways, arguments.repeats)

    characters = sum(map(len, texts)) / len(texts)
    ascii_share = sum(text.isascii() for text in texts) / len(texts)
    console.print(machine())
    console.print(
        f"{len(texts):,} tweets, {characters:.0f} canonical characters each, "
        f"{ascii_share:.0%} of them ASCII; one thread, medians of {arguments.repeats}\n"
    )
    result = table(
        "From tweets to signatures",
        "method",
        "tweets/s",
        "ns a tweet",
        "slower than core",
        "slower than raw",
    )
    for way in ways:
        if way is stages[0]:
            result.add_section()
            result.add_row("stages of provscan")
        result.add_row(
            way.name,
            f"{way.rate:,.0f}",
            f"{1e9 / way.rate:,.0f}",
            *(
                "" if way in stages else f"{base.rate / way.rate:.1f}x"
                for base in whole
            ),
        )
    console.print(result)


if __name__ == "__main__":
    main()
