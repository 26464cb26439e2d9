"""MinHash signatures, identical to those of datasketch 2.

:func:`minhash` takes original texts, :func:`minhash_canonical` takes canonical texts.
Both return ``uint32[n, 128]``. :func:`to_datasketch` converts signatures to datasketch
objects, for example for its LSH forest; only this function imports datasketch. The
kernels are in :mod:`provscan.kernels.sketch.minhash`.

A signature equals that of ``datasketch.MinHash(num_perm=128, seed=1, scheme="affine32",
hashfunc=xxhash.xxh32_intdigest)`` updated with the UTF-8 bytes of every character
5-gram. A text of one to four characters is its own only shingle. An empty text has the
empty signature, in which all values are 0xFFFFFFFF. The method is from Broder (1997,
doi:10.1109/SEQUEN.1997.666900).

Two texts are a candidate pair if their signatures are equal in at least one of
``bands`` bands of ``rows`` values (:func:`band_keys`). For texts of similarity s, the
probability of this is ``1 - (1 - s**rows)**bands``, the S-curve (Leskovec, Rajaraman,
Ullman, *Mining of Massive Datasets*, section 3.4).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from provscan.errors import ParameterError, UsageError
from provscan.kernels.records import TextBuffer as TextRecord
from provscan.kernels.records import frozen
from provscan.kernels.sketch import bands as bands_kernels
from provscan.kernels.sketch import minhash as kernels
from provscan.text import canonical_buffers
from provscan.text_buffers import Texts, buffers, to_array

if TYPE_CHECKING:
    import datasketch
    from numpy.typing import NDArray

NUM_PERM = kernels.NUM_PERM
# How many minima a two-bit sketch is computed from.
SKETCHED = 64
SEED = 1
SCHEME = "affine32"


def _draw_permutations() -> NDArray[np.uint32]:
    random = np.random.RandomState(SEED)
    a = random.randint(0, 1 << 31, NUM_PERM, dtype=np.uint32) * np.uint32(
        2
    ) + np.uint32(1)
    b = random.randint(0, 1 << 32, NUM_PERM, dtype=np.uint32)
    drawn = np.array([a, b])
    drawn.flags.writeable = False
    return drawn


PERMUTATIONS = _draw_permutations()
"""uint32[2, 128], read-only: a and b of the permutations ``a * h + b`` modulo 2**32,
drawn as in datasketch.
"""


def minhash(texts: Texts) -> NDArray[np.uint32]:
    """Return the MinHash signatures of the canonical texts of strings.

    Parameters
    ----------
    texts
        Strings: an Arrow array, a chunked array or any iterable; a null counts as an
        empty text.

    Returns
    -------
    uint32[n, 128]
        One row per text.

    Raises
    ------
    ParameterError
        If ``texts`` is a single string, or contains anything but strings.

    Examples
    --------
    >>> import provscan
    >>> signatures = provscan.minhash(
    ...     ["It is raining again", "RT @b: it's raining again!", "Something else"]
    ... )
    >>> signatures.shape
    (3, 128)
    >>> similarity = (signatures[0] == signatures[1:]).mean(axis=1)
    >>> bool(similarity[0] > 0.4 > similarity[1])
    True
    """
    return minhash_canonical(*canonical_buffers(*buffers(to_array(texts))))


def minhash_canonical(
    text: NDArray[np.uint8], offsets: NDArray[np.int64], permutations: int = NUM_PERM
) -> NDArray[np.uint32]:
    """Return the signatures of a text buffer of canonical texts
    (:mod:`provscan.text_buffers`), one row per text, with the first ``permutations``
    values of each signature.
    """
    out = np.empty((len(offsets) - 1, permutations), np.uint32)
    scratch = np.empty(
        kernels.scratch_size(int(np.diff(offsets).max(initial=0))), np.uint32
    )
    a, b = PERMUTATIONS
    # Without the JIT, the kernels run as Python code, and numpy would warn about
    # intended overflow.
    with np.errstate(over="ignore"):
        kernels.signatures(frozen(TextRecord(text, offsets)), a, b, scratch, out)
    return out


def to_datasketch(signatures: NDArray[np.uint32]) -> list[datasketch.MinHash]:
    """Convert signatures to ``datasketch.MinHash`` objects, which can be updated,
    merged and compared.

    Parameters
    ----------
    signatures : uint32[n, 128]

    Returns
    -------
    list of datasketch.MinHash

    Raises
    ------
    UsageError
        If datasketch is not installed.
    ParameterError
        If ``signatures`` has another shape or dtype.

    Examples
    --------
    >>> import provscan
    >>> a, b = provscan.to_datasketch(
    ...     provscan.minhash(["It is raining again", "it is raining again..."])
    ... )
    >>> a.jaccard(b)
    1.0
    """
    try:
        import datasketch
        import xxhash
    except ModuleNotFoundError as error:
        raise UsageError(
            "to_datasketch needs datasketch 2: pip install 'provscan[sketches]'"
        ) from error
    options: Any = {
        "seed": SEED,
        "hashfunc": xxhash.xxh32_intdigest,
        "permutations": PERMUTATIONS,
        "scheme": SCHEME,
    }
    return [
        datasketch.MinHash(hashvalues=row, **options) for row in _checked(signatures)
    ]


def from_datasketch(sketches: Iterable[datasketch.MinHash]) -> NDArray[np.uint32]:
    """Convert ``datasketch.MinHash`` objects to signatures: the inverse of
    :func:`to_datasketch`.

    Parameters
    ----------
    sketches
        Objects with 128 permutations, seed 1 and ``scheme="affine32"``. Their hash
        function and shingles can't be checked: signatures are comparable only if these
        are provscan's, too.

    Returns
    -------
    uint32[n, 128]

    Raises
    ------
    ParameterError
        If an object has other permutations.

    Examples
    --------
    >>> import provscan
    >>> signatures = provscan.minhash(["It is raining again"])
    >>> sketches = provscan.to_datasketch(signatures)
    >>> bool((provscan.from_datasketch(sketches) == signatures).all())
    True
    """
    rows = []
    for sketch in sketches:
        permutations = np.asarray(getattr(sketch, "permutations", ()))
        if not np.array_equal(permutations, PERMUTATIONS):
            raise ParameterError(
                f"sketches must have {NUM_PERM} permutations, seed {SEED} and scheme "
                f"{SCHEME!r}: their values can't be compared with provscan's otherwise"
            )
        rows.append(np.asarray(sketch.hashvalues, np.uint32))
    return np.array(rows, np.uint32).reshape(-1, NUM_PERM)


def _checked(signatures: NDArray[np.uint32]) -> NDArray[np.uint32]:
    if not isinstance(signatures, np.ndarray):
        raise ParameterError(
            f"signatures must be an array, not {signatures!r}: pass what minhash "
            "returned"
        )
    if (
        signatures.dtype != np.uint32
        or signatures.ndim != 2
        or signatures.shape[1] != NUM_PERM
    ):
        raise ParameterError(
            f"signatures must be uint32 of shape (n, {NUM_PERM}), not "
            f"{signatures.dtype} {signatures.shape}: pass what minhash returned"
        )
    return signatures


def band_keys(
    signatures: NDArray[np.uint32], bands: int, rows: int
) -> NDArray[np.uint64]:
    """Return the keys of the bands of each signature, uint64[n, bands];
    :func:`provscan.kernels.sketch.bands.band_keys` specifies them.

    A signature must have at least ``bands * rows`` values, and be C-contiguous.
    """
    out = np.empty((len(signatures), bands), np.uint64)
    with np.errstate(over="ignore"):
        bands_kernels.band_keys(signatures, bands, rows, out)
    return out


def two_bit_sketch(signatures: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return the sketches of signatures, uint64[n, 2]: two bits of a hash of each of
    the first 64 minima.

    :func:`provscan.kernels.sketch.bands.two_bit_sketch` specifies them. If two texts
    have the similarity J, the bits of ``16 * (1 + 3 * J)`` minima agree on average.
    """
    out = np.empty((len(signatures), 2), np.uint64)
    with np.errstate(over="ignore"):
        bands_kernels.two_bit_sketch(signatures, out)
    return out
