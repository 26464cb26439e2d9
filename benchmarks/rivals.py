"""The fastest known ways to use datasketch and rensa for the same sketch of the same
5-grams.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasketch
import numpy as np
import rensa
import xxhash

SKETCH: dict[str, Any] = {
    "num_perm": 128,
    "seed": 1,
    "scheme": "affine32",
    "hashfunc": xxhash.xxh32_intdigest,
}


def grams(text: str) -> list[str]:
    return [text[i : i + 5] for i in range(max(1, len(text) - 4))]


def encoded_grams(text: str) -> list[bytes]:
    return [text[i : i + 5].encode() for i in range(max(1, len(text) - 4))]


def datasketch_cleared(tokens: list[list[bytes]]) -> np.ndarray:
    """Signatures with one object for all texts: no copy, no permutations checked
    anew.
    """
    out = np.empty((len(tokens), 128), np.uint32)
    sketch = datasketch.MinHash(**SKETCH)
    for i, row in enumerate(tokens):
        sketch.clear()
        sketch.update_batch(row)
        out[i] = sketch.hashvalues
    return out


def datasketch_insert(lsh: datasketch.MinHashLSH, texts: Sequence[str]) -> None:
    """Sketch canonical texts and insert them under their numbers; an LSH copies what it
    takes of a sketch.
    """
    sketch = datasketch.MinHash(**SKETCH)
    for i, text in enumerate(texts):
        sketch.clear()
        sketch.update_batch(encoded_grams(text))
        lsh.insert(i, sketch, check_duplication=False)


def datasketch_insert_signatures(
    lsh: datasketch.MinHashLSH, signatures: np.ndarray
) -> None:
    """Insert ready signatures, ``uint32[n, 128]``, under their numbers."""
    sketch = datasketch.MinHash(**SKETCH)
    for i, row in enumerate(signatures):
        sketch.hashvalues = row
        lsh.insert(i, sketch, check_duplication=False)


def datasketch_find(
    lsh: datasketch.MinHashLSH,
    indexed: Sequence[str],
    records: Sequence[str],
    similarity: float,
    containment: float,
) -> list[int]:
    """Of each canonical record the most similar indexed text, -1 if none has that
    similarity and containment.

    As datasketch's documentation advises: query, then compare the sets themselves.
    """
    sketch = datasketch.MinHash(**SKETCH)
    found = []
    for record in records:
        tokens = encoded_grams(record)
        sketch.clear()
        sketch.update_batch(tokens)
        best, nearest = similarity, -1
        own = set(tokens)
        for number in lsh.query(sketch):
            theirs = set(encoded_grams(indexed[number]))
            shared = len(own & theirs)
            jaccard = shared / (len(own) + len(theirs) - shared)
            if jaccard >= best and shared >= containment * len(theirs):
                best, nearest = jaccard, number
        found.append(nearest)
    return found


def rensa_lsh(texts: Sequence[str], bands: int) -> Any:
    """An LSH of canonical texts, sketched in one call and inserted in another, on all
    cores by default.
    """
    lsh = rensa.RMinHashLSH(0.5, 128, bands)
    lsh.insert_matrix(
        rensa.RMinHash.digest_matrix_from_token_sets(
            [grams(text) for text in texts], 128, 1
        )
    )
    return lsh
