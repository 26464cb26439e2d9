"""Clusters of licensed texts: texts with similar wording, whose chance matches have the
same cause and count as one.

:func:`similar_texts` joins texts that share an LSH band (:func:`connected`), and
:func:`best_of` returns the best score of each cluster.
"""

from __future__ import annotations

import tempfile

import numpy as np
import numpy.typing as npt

from provscan.arrays import Flags, Floats, Numbers, slices
from provscan.index import IndexReader
from provscan.index.segment.prepare import sketch_texts


def similar_texts(reader: IndexReader, texts: Numbers) -> Numbers:
    """Return the cluster of each distinct text: the connected component of texts that
    share an LSH band.

    With the default banding (16 bands of 4 values), two texts share a band with
    probability 0.06 at a Jaccard index of 0.25, and 0.64 at 0.5.
    """
    label = np.arange(len(texts))
    if len(texts) == 0:
        return label
    with tempfile.TemporaryFile() as file:
        # Process one band at a time: all bands of all texts would take many times the
        # memory of their ids.
        bands = np.memmap(
            file, np.uint64, "w+", shape=(reader.params.bands, len(texts))
        )
        for part in slices(len(texts)):
            bands[:, part] = sketch_texts(
                reader.canonical_texts(texts[part]), reader.params
            ).bands.T
        for band in bands:
            label = connected(label, band)
        del band, bands
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def best_of(cluster: Numbers, best: Floats, texts: Flags) -> Floats:
    """Return the best score among the selected ``texts`` of each cluster; minus
    infinity if none is selected.
    """
    result = np.full(int(cluster.max(initial=0)) + 1, -np.inf)
    np.maximum.at(result, cluster[texts], best[texts])
    return result


def connected(label: Numbers, keys: npt.NDArray[np.uint64]) -> Numbers:
    """Join the clusters of rows with equal keys, and return the new cluster of each
    row.

    ``label``, [n], is the previous cluster of each row, named by its first row.
    """
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    first, second = label[order[same]], label[order[same + 1]]
    # Replace both clusters of each pair by the smaller one, until no pair differs.
    joined = np.arange(len(label))
    while True:
        pair = joined[first], joined[second]
        if np.array_equal(*pair):
            return joined[label]
        smaller = np.minimum(*pair)
        for cluster in pair:
            np.minimum.at(joined, cluster, smaller)
        # Follow each replacement to the next one, so that long chains end soon.
        joined = joined[joined]
