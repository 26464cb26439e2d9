"""Hash functions that the kernels and the index format share.

All arithmetic is modulo 2**64, or 2**32, on unsigned integers; constants are typed,
since numba makes the result of a ``uint64`` and a bare literal signed.
"""

import numpy as np
import numpy.typing as npt

from provscan.kernels.jit import helper, kernel

# The golden ratio: an odd multiplier that spreads keys evenly (Knuth, The Art of
# Computer Programming 3, 6.4).
GOLDEN64 = np.uint64(0x9E3779B97F4A7C15)
GOLDEN32 = np.uint32(0x9E3779B1)
FNV_START = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
MURMUR1, MURMUR2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SPLIT1, _SPLIT2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S33 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(33)


@kernel(forceinline=True)
def fnv1a(state, byte):
    """Update an FNV-1a hash, which starts at ``FNV_START``, with one byte."""
    return (state ^ np.uint64(byte)) * FNV_PRIME


@helper(forceinline=True)
def murmur_mix(h):
    """Apply MurmurHash3's 64-bit finaliser."""
    h = (h ^ (h >> _S33)) * MURMUR1
    h = (h ^ (h >> _S33)) * MURMUR2
    return h ^ (h >> _S33)


@kernel(forceinline=True)
def splitmix(h):
    """Apply SplitMix64's finaliser (Steele et al. 2014,
    doi:10.1145/2660193.2660195).
    """
    h = (h ^ (h >> _S30)) * _SPLIT1
    h = (h ^ (h >> _S27)) * _SPLIT2
    return h ^ (h >> _S31)


def splitmix64(start: int, numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    """Return pseudo-random numbers, ``splitmix(start + number * GOLDEN64)`` modulo
    2**64 for each of some numbers.

    For the numbers 1, 2 and so on, these are the outputs of a SplitMix64 generator with
    the state ``start``. Different 64-bit numbers have different results.
    """
    with np.errstate(over="ignore"):
        state = numbers.astype(np.uint64) * GOLDEN64 + np.uint64(start % 2**64)
        mixed: npt.NDArray[np.uint64] = getattr(splitmix, "py_func", splitmix)(state)
    return mixed
