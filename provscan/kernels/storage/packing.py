"""Store whole numbers in blocks, each with as few bits per number as the block needs.

Numbers are stored in blocks of :data:`BLOCK`. A block is described by ``low`` and
``start << 8 | thousands << 7 | width`` in ``blocks``, int64[n, 2]. The value at
position i of a block is ``low`` plus the ``width`` bits from bit ``i * width`` of
``words[start:]`` on, times 1,000 if ``thousands`` is 1 (times in milliseconds are
mostly whole seconds). The last block is padded with ``low``. Differences are taken
modulo 2**64, so any int64 can be stored.
"""

import numpy as np

from provscan.kernels.jit import kernel

BLOCK = 128
# The number of words in a block for each bit of its width.
WORDS_A_BIT = BLOCK // 64
_B = np.uint64(BLOCK)
_U0, _U1, _U6, _U64 = np.uint64(0), np.uint64(1), np.uint64(6), np.uint64(64)
_WIDTH = np.uint64(127)
_LOW6 = np.uint64(63)
_THOUSAND = np.uint64(1000)


@kernel
def measure(numbers, blocks):
    """Fill ``blocks`` for int64 ``numbers``; return the number of words needed."""
    words = np.uint64(0)
    for b in range(len(blocks)):
        part = numbers[b * BLOCK : (b + 1) * BLOCK]
        low = part[0]
        for x in part:
            low = min(low, x)
        most, thousands = _U0, True
        for x in part:
            above = np.uint64(x) - np.uint64(low)
            most = max(most, above)
            thousands = thousands and above % _THOUSAND == _U0
        if thousands:
            most //= _THOUSAND
        width = _U0
        while width < _U64 and most >> width != _U0:
            width += _U1
        blocks[b, 0] = low
        blocks[b, 1] = np.int64(
            words << np.uint64(8) | np.uint64(thousands) << np.uint64(7) | width
        )
        words += width * _B >> _U6
    return np.int64(words)


@kernel
def pack(numbers, blocks, words):
    """Write int64 ``numbers`` to uint64 ``words``, initially 0, as ``blocks``
    specify.
    """
    for b in range(len(blocks)):
        head = np.uint64(blocks[b, 1])
        width, start = head & _WIDTH, head >> np.uint64(8)
        unit = _THOUSAND if head >> np.uint64(7) & _U1 else _U1
        bit = _U0
        for x in numbers[b * BLOCK : (b + 1) * BLOCK]:
            above = (np.uint64(x) - np.uint64(blocks[b, 0])) // unit
            word, down = start + (bit >> _U6), bit & _LOW6
            if width > _U0:
                words[word] |= above << down
                if down + width > _U64:
                    words[word + _U1] |= above >> (_U64 - down)
            bit += width


@kernel
def unpack(words, blocks, rows, out):
    """Write the values of some rows, int64[n], to int64 ``out``."""
    for i in range(len(rows)):
        row = np.uint64(rows[i])
        block = row // _B
        head = np.uint64(blocks[block, 1])
        width, above = head & _WIDTH, _U0
        if width > _U0:
            bit = (row & (_B - _U1)) * width
            word, down = (head >> np.uint64(8)) + (bit >> _U6), bit & _LOW6
            above = words[word] >> down
            if down + width > _U64:
                above |= words[word + _U1] << (_U64 - down)
            if width < _U64:
                above &= (_U1 << width) - _U1
            if head >> np.uint64(7) & _U1:
                above *= _THOUSAND
        out[i] = np.int64(np.uint64(blocks[block, 0]) + above)
