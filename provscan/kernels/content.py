"""Random numbers that belong to texts: the same text has the same one, wherever it stands."""

import numpy as np

from provscan.kernels.hashing import GOLDEN64, splitmix
from provscan.kernels.jit import kernel

_S8, _S32 = np.uint64(8), np.uint64(32)
_WORD = 8


@kernel
def content_keys(text, offsets, longest, seed, keys):
    """A random number for each text of a text buffer, by its first ``longest`` bytes and ``seed``.

    ``text`` uint8[m], ``offsets`` int64[n + 1], ``longest`` int64, ``seed`` uint64; fills in uint64[n] ``keys``.
    """
    for i in range(len(keys)):
        at, stop = offsets[i], min(offsets[i + 1], offsets[i] + longest)
        h = splitmix(seed ^ np.uint64(stop - at))
        while at + _WORD <= stop:
            word = np.uint64(0)
            for j in range(_WORD):
                word |= np.uint64(text[at + j]) << (_S8 * np.uint64(j))
            h = (h ^ word) * GOLDEN64
            h ^= h >> _S32
            at += _WORD
        while at < stop:
            h = (h ^ np.uint64(text[at])) * GOLDEN64
            at += 1
        keys[i] = splitmix(h)
