"""Locality-sensitive hashing: what a banding proposes, which one to take, and the keys of its bands.

A *banding* cuts a signature into ``bands`` bands of ``rows`` values. Two texts whose signatures are equal in one
whole band become a candidate pair, which at similarity s happens with :func:`probability`
``1 - (1 - s**rows)**bands``, the S-curve (Leskovec, Rajaraman, Ullman, *Mining of Massive Datasets*, section 3.4).
:func:`choose` picks a banding as datasketch does; :func:`recall` and :func:`expected_candidates` say what it
finds and what it costs on measured similarities. :func:`band_keys` and :func:`one_bit_sketch` make the words
that an index stores.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from provscan.errors import ParameterError
from provscan.kernels import bands as kernels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Banding(NamedTuple):
    """How a signature is cut: ``bands`` bands of ``rows`` values each."""

    bands: int
    rows: int


def probability(similarity: ArrayLike, bands: int, rows: int) -> NDArray[np.float64]:
    """Chance that a pair of some similarity becomes a candidate.

    Parameters
    ----------
    similarity : float array
        Jaccard similarities, 0 to 1.
    bands, rows : int
        The banding.

    Returns
    -------
    float64 array of the shape of `similarity`

    Raises
    ------
    ParameterError
        `bands` or `rows` is below 1, or a similarity is not between 0 and 1.
    """
    _require_banding(bands, rows)
    s = np.asarray(similarity, np.float64)
    if s.size and not (s.min() >= 0 and s.max() <= 1):
        raise ParameterError(f"similarity must be between 0 and 1, found values from {s.min()} to {s.max()}")
    return np.asarray(1 - (1 - s**rows) ** bands)


def error_areas(threshold: float, bands: int, rows: int) -> tuple[float, float]:
    """Area under the S-curve left of a threshold, and above it on the right.

    The first stands for pairs proposed in vain, the second for pairs missed, were all similarities equally
    frequent. The S-curve is a polynomial of degree ``bands * rows``, for which Gauss-Legendre quadrature with
    half as many nodes is exact.

    Returns
    -------
    false_positive, false_negative : float
    """
    _require_banding(bands, rows)
    _require_threshold(threshold)
    nodes, weights = _quadrature(bands * rows // 2 + 1)
    below = probability(threshold * (nodes + 1) / 2, bands, rows) @ weights * threshold / 2
    width = 1 - threshold
    above = probability(threshold + width * (nodes + 1) / 2, bands, rows) @ weights * width / 2
    return float(below), float(width - above)


def choose(threshold: float, num_perm: int = 128, weights: tuple[float, float] = (0.5, 0.5)) -> Banding:
    """Banding whose weighted error areas are least: the choice of ``datasketch.MinHashLSH``.

    Parameters
    ----------
    threshold : float
        Similarity that should separate candidates from the rest, 0 to 1.
    num_perm : int
        Values of a signature; ``bands * rows`` is at most that.
    weights : (float, float)
        Of false positives and of false negatives; not negative, with a sum of 1.

    Raises
    ------
    ParameterError
        One of them is out of its range.
    """
    _require_threshold(threshold)
    if num_perm < 1:
        raise ParameterError(f"num_perm must be at least 1, not {num_perm}")
    if min(weights) < 0 or abs(sum(weights) - 1) > 1e-9:
        raise ParameterError(f"weights must not be negative and have a sum of 1, not {weights!r}")
    best = Banding(1, 1)
    least = np.inf
    for bands in range(1, num_perm + 1):
        for rows in range(1, num_perm // bands + 1):
            false_positive, false_negative = error_areas(threshold, bands, rows)
            error = false_positive * weights[0] + false_negative * weights[1]
            if error < least:
                least = error
                best = Banding(bands, rows)
    return best


def recall(similarities: ArrayLike, bands: int, rows: int, counts: ArrayLike | None = None) -> float:
    """Share of the pairs with these similarities that a banding is expected to propose.

    Parameters
    ----------
    similarities : float array
        Of true pairs, or the middles of a histogram's bins.
    bands, rows : int
        The banding.
    counts : array of the shape of `similarities`, optional
        How many pairs each stands for; 1 unless given.

    Raises
    ------
    ParameterError
        There are no pairs, or the banding or a similarity is out of its range.
    """
    chance = probability(similarities, bands, rows)
    weight = np.ones_like(chance) if counts is None else np.asarray(counts, np.float64)
    if not weight.sum() > 0:
        raise ParameterError("recall needs at least one pair, found none")
    return float((chance * weight).sum() / weight.sum())


def expected_candidates(similarities: ArrayLike, counts: ArrayLike, bands: int, rows: int, records: int) -> float:
    """Candidates that a record is expected to get.

    Parameters
    ----------
    similarities : float array
        The middles of the bins of a histogram of similarities, records against indexed texts.
    counts : array of the same shape
        Pairs in each bin, scaled up to all indexed texts if they were sampled.
    bands, rows : int
        The banding.
    records : int
        How many records the histogram covers.

    Raises
    ------
    ParameterError
        The banding, a similarity or `records` is out of its range.
    """
    if records < 1:
        raise ParameterError(f"records must be at least 1, not {records}")
    return float((probability(similarities, bands, rows) * np.asarray(counts, np.float64)).sum() / records)


def band_keys(signatures: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.uint64]:
    """Keys of the bands of some signatures; :func:`provscan.kernels.bands.band_keys` specifies them.

    Parameters
    ----------
    signatures : uint32[n, m]
    bands, rows : int
        The banding; ``bands * rows`` is at most m.

    Returns
    -------
    uint64[n, bands]

    Raises
    ------
    ParameterError
        `signatures` is of another shape, dtype or layout, or the banding doesn't fit it.
    """
    _require_banding(bands, rows)
    _require_signatures(signatures)
    if bands * rows > signatures.shape[1]:
        raise ParameterError(
            f"bands * rows must be at most the length of a signature, {signatures.shape[1]}, not {bands} * {rows}"
        )
    out = np.empty((len(signatures), bands), np.uint64)
    with np.errstate(over="ignore"):
        kernels.band_keys(signatures, bands, rows, out)
    return out


def one_bit_sketch(signatures: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """One bit of a hash of each minimum; :func:`provscan.kernels.bands.one_bit_sketch` specifies it.

    Parameters
    ----------
    signatures : uint32[n, 128]

    Returns
    -------
    uint64[n, 2]
        Texts of similarity J agree in ``128 * (1 + J) / 2`` bits on average.

    Raises
    ------
    ParameterError
        `signatures` is of another shape, dtype or layout.
    """
    _require_signatures(signatures)
    if signatures.shape[1] != 128:
        raise ParameterError(f"a one-bit sketch takes signatures of 128 values, not of {signatures.shape[1]}")
    out = np.empty((len(signatures), 2), np.uint64)
    with np.errstate(over="ignore"):
        kernels.one_bit_sketch(signatures, out)
    return out


@cache
def _quadrature(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def _require_banding(bands: int, rows: int) -> None:
    if bands < 1 or rows < 1:
        raise ParameterError(f"bands and rows must be at least 1, not {bands} and {rows}")


def _require_threshold(threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise ParameterError(f"threshold must be between 0 and 1, not {threshold!r}")


def _require_signatures(signatures: NDArray[np.uint32]) -> None:
    if signatures.dtype != np.uint32 or signatures.ndim != 2 or not signatures.flags.c_contiguous:
        raise ParameterError(
            f"signatures must be a C-contiguous uint32 array of two dimensions, not {signatures.dtype} "
            f"{signatures.shape}: pass what minhash returned"
        )
