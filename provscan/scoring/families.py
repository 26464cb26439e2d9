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
    if len(texts) == 0:
        return np.zeros(0, np.int64)
    bands = sketch_texts(reader.canonical_texts(texts), reader.params).bands
    bands = bands ^ np.arange(bands.shape[1], dtype=np.uint64)[None, :] * np.uint64(0x9E3779B97F4A7C15)
    return components(np.unique(bands, return_inverse=True)[1].reshape(bands.shape))


def components(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Connected components of rows, which are connected if they share a group; numbered by their first rows.

    The `groups`, int64[rows, n], of each row are numbered from 0 without gaps.
    """
    flat = groups.reshape(-1)
    order = np.argsort(flat, kind="stable")
    starts = np.flatnonzero(np.diff(flat[order], prepend=-1))
    rows = order // groups.shape[1]
    # Each row is labelled with a row of its component, the first of all in the end.
    label = np.arange(len(groups))
    while True:
        least = np.minimum.reduceat(label[rows], starts)[groups].min(axis=1)
        following = label.copy()
        # The row that was the label learns of a lesser one, so that whole trees are joined at once.
        np.minimum.at(following, label, least)
        following = np.minimum(following, least)
        following = following[following]
        if np.array_equal(following, label):
            return np.unique(label, return_inverse=True)[1].astype(np.int64)
        label = following
