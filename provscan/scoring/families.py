"""Families of licensed texts: those of like wording, which come by one chance and are counted as one bunch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from provscan.index import IndexReader
from provscan.index.prepare import sketch_texts


def families(reader: IndexReader, texts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Family of each of some distinct texts: connected components of those that share an LSH band.

    Texts share a band with probability 0.13 at a Jaccard index of 0.25, and 0.87 at 0.5.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if len(texts) == 0:
        return np.zeros(0, np.int64)
    bands = sketch_texts(reader.canonical_texts(texts), reader.params).bands
    bands = bands ^ np.arange(bands.shape[1], dtype=np.uint64)[None, :] * np.uint64(0x9E3779B97F4A7C15)
    _, bucket = np.unique(bands.reshape(-1), return_inverse=True)
    rows = np.repeat(np.arange(len(texts)), bands.shape[1])
    bucket = bucket.reshape(-1) + len(texts)
    size = int(bucket.max()) + 1
    graph = coo_matrix((np.ones(len(rows), np.bool_), (rows, bucket)), shape=(size, size))
    result: npt.NDArray[np.int64] = connected_components(graph, directed=False)[1][: len(texts)].astype(np.int64)
    return result
