"""The fastest known ways to make the same sketches of the same 5-grams with datasketch
and rensa.

Needs ``pip install 'provscan[bench]'``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasketch
import numpy as np
import rensa
import xxhash
from planted import grams

SKETCH: dict[str, Any] = {
    "num_perm": 128,
    "seed": 1,
    "scheme": "affine32",
    "hashfunc": xxhash.xxh32_intdigest,
}


def encoded_grams(text: str) -> list[bytes]:
    """Return the 5-grams of a text in UTF-8."""
    return [gram.encode() for gram in grams(text)]


def datasketch_cleared(tokens: list[list[bytes]]) -> np.ndarray:
    """Return the signatures of texts, made with one object for all, which saves copies
    and checks of the permutations.
    """
    out = np.empty((len(tokens), 128), np.uint32)
    sketch = datasketch.MinHash(**SKETCH)
    for i, row in enumerate(tokens):
        sketch.clear()
        sketch.update_batch(row)
        out[i] = sketch.hashvalues
    return out


def datasketch_insert(
    lsh: datasketch.MinHashLSH, texts: Sequence[str], num_perm: int = 128
) -> None:
    """Sketch canonical texts and insert them under their numbers.

    One sketch object serves all texts, since an LSH copies the values that it stores.
    """
    sketch = datasketch.MinHash(**SKETCH | {"num_perm": num_perm})
    for i, text in enumerate(texts):
        sketch.clear()
        sketch.update_batch(encoded_grams(text))
        lsh.insert(i, sketch, check_duplication=False)


def datasketch_insert_signatures(
    lsh: datasketch.MinHashLSH, signatures: np.ndarray
) -> None:
    """Insert existing signatures, ``uint32[n, 128]``, under their numbers."""
    sketch = datasketch.MinHash(**SKETCH)
    for i, row in enumerate(signatures):
        sketch.hashvalues = row
        lsh.insert(i, sketch, check_duplication=False)


def datasketch_find(
    lsh: datasketch.MinHashLSH,
    indexed: Sequence[frozenset[str]],
    records: Sequence[str],
    similarity: float,
    containment: float,
) -> list[int]:
    """Return, for each canonical record, the number of the most similar indexed text;
    -1 if no text has this similarity and containment.

    The candidates of a query are compared as sets of 5-grams, as datasketch's
    documentation advises. ``indexed`` has the sets of all indexed texts.
    """
    sketch = datasketch.MinHash(**SKETCH)
    found = []
    for record in records:
        own = set(grams(record))
        sketch.clear()
        sketch.update_batch([gram.encode() for gram in own])
        best, nearest = similarity, -1
        for number in lsh.query(sketch):
            theirs = indexed[number]
            shared = len(own & theirs)
            jaccard = shared / (len(own) + len(theirs) - shared)
            if jaccard >= best and shared >= containment * len(theirs):
                best, nearest = jaccard, number
        found.append(nearest)
    return found


def rensa_lsh(texts: Sequence[str], bands: int, num_perm: int = 128) -> Any:
    """Return an LSH of canonical texts, which are sketched in one call and inserted in
    another, by default on all cores.
    """
    lsh = rensa.RMinHashLSH(0.5, num_perm, bands)
    lsh.insert_matrix(
        rensa.RMinHash.digest_matrix_from_token_sets(
            [grams(text) for text in texts], num_perm, 1
        )
    )
    return lsh
