"""Which texts of a segment are equal to given ones."""

from provscan.kernels.jit import kernel
from provscan.kernels.postings import bucket_of, equal_range, text_of


@kernel
def find_texts(keys, texts, postings, licensed, numbers):
    """Number of the licensed text that equals each canonical text, into int64 ``numbers``; -1 where there is none.

    ``keys`` uint64[n, 2] are the :func:`provscan.kernels.postings.text_keys` of ``texts``; ``postings`` are the
    segment's of whole texts, ``licensed`` its texts. Bytes are compared, not keys.
    """
    text, offsets = texts
    for i in range(len(keys)):
        numbers[i] = -1
        low, high = bucket_of(postings, keys[i, 0])
        first, size = equal_range(postings, low, high, keys[i, 0], len(postings.entries))
        length = offsets[i + 1] - offsets[i]
        for e in range(first, first + size):
            number = text_of(postings, e)
            begin = licensed.offsets[number]
            if licensed.offsets[number + 1] - begin != length:
                continue
            same = True
            for j in range(length):
                same = same and text[offsets[i] + j] == licensed.text[begin + j]
            if same:
                numbers[i] = number
