"""Clusters of licensed texts: texts of similar wording, whose chance matches have one
cause and are counted as one.

:func:`similar_texts` links texts by LSH bands, :func:`connected` and
:func:`components` find connected components, and :func:`best_of` returns the best score
of each cluster.
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

    Two texts share a band with probability 0.13 at a Jaccard index of 0.25, and 0.87 at
    0.5.
    """
    label = np.arange(len(texts))
    if len(texts) == 0:
        return label
    with tempfile.TemporaryFile() as file:
        # Process one band at a time: all bands of all texts would take many times the
        # memory of the texts' numbers.
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
    """Connect rows with equal keys, and return the new component of each row.

    ``label``, [n], is the previous component of each row, named by its first row.
    """
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
    pairs = np.column_stack([label[order[same]], label[order[same + 1]]])
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    if len(pairs) == 0:
        return label
    component = components(
        np.unique(pairs, return_inverse=True)[1].reshape(pairs.shape)
    )
    # The smallest first row replaces the first rows of the connected components.
    first = np.full(int(component.max()) + 1, len(label))
    np.minimum.at(first, component, pairs.min(axis=1))
    target = np.arange(len(label))
    target[pairs] = first[component][:, None]
    return target[label]


def components(groups: Numbers) -> Numbers:
    """Return the connected components of rows, named by their first rows.

    Two rows are connected if they share a group. ``groups``, int64[rows, n], are
    numbered from 0 without gaps.
    """
    flat = groups.reshape(-1)
    order = np.argsort(flat, kind="stable")
    starts = np.flatnonzero(np.diff(flat[order], prepend=-1))
    rows = order // groups.shape[1]
    # Label each row with a row of its component; at the end, this is the first row.
    label = np.arange(len(groups))
    while True:
        least = np.minimum.reduceat(label[rows], starts)[groups].min(axis=1)
        following = label.copy()
        # Also relabel the row that was the label, so that whole trees are joined at
        # once.
        np.minimum.at(following, label, least)
        following = np.minimum(following, least)
        following = following[following]
        if np.array_equal(following, label):
            return np.unique(label, return_inverse=True)[1].astype(np.int64)
        label = following
