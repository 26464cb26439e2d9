"""Tables of postings. A posting records in 32 bits which text a key belongs to.

Keys are 64-bit hashes (for seeds, 32-bit hashes followed by zeros). A table stores the
upper bits of each key. The first ``bits`` bits of a key select its *bucket*; the bucket
offsets ``starts`` (uint32[2**bits + 1]) say where the bucket's entries begin. An
*entry*, uint32, consists of the key's next ``32 - text_bits`` bits and, below, the
text's row; the entries of a bucket are in ascending order. A look-up is one read of the
offsets and one of the entries. The entries with the same key form its *equal range*.

Three tables have this form: whole canonical texts, LSH bands, and seeds. The places of
the seeds are in a separate array.

While a table is built, its entries are uint64, see
:class:`~provscan.kernels.records.EntryForm`.

The kernels are, in this order: building a table (:func:`bucket_offsets`,
:func:`pack_entries`, :func:`renumber`, :func:`widen_entries`), looking up keys
(:func:`find_buckets`, :func:`equal_range`, :func:`find_texts`), and the hashes of bands
in a filter.

Helpers that are called in loops are force-inlined, since numba passes an array as
seven words, most of them on the stack.
"""

import numpy as np

from provscan.kernels.instructions import prefetch
from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import GOLDEN32
from provscan.kernels.storage.bloom import mark

_S20 = np.uint32(20)
_U1, _U8, _U24, _U32, _U64 = map(np.uint64, (1, 8, 24, 32, 64))
_BYTE = np.uint64(0xFF)
# Maximum entries of a bucket that are compared one by one; in a larger bucket, the
# range is bisected.
LINEAR = 64
NO_TEXT = np.uint32(0xFFFFFFFF)
_U16BITS = np.uint64(0xFFFF)


@helper(forceinline=True)
def key_of(entry, form):
    """Return the key of an entry in the upper bits of a uint64."""
    below = np.uint64(form.text_bits + form.place_bits)
    return form.first_bits | (entry >> below << below) >> np.uint64(form.omitted)


@helper(forceinline=True)
def entry_text(entry, form):
    """Return the row of the text of an entry, uint64."""
    text = (_U1 << np.uint64(form.text_bits)) - _U1
    return entry >> np.uint64(form.place_bits) & text


@kernel
def bucket_offsets(entries, form, first, bits, starts):
    """Write the offsets of the buckets of some sorted ``entries``, the first of which
    is entry ``first`` (int64) of the table.

    The caller fills ``starts`` with the length of the table before the first call. A
    bucket keeps the lowest offset, so its entries may be divided between calls.
    """
    shift = np.uint64(64 - bits)
    last = np.int64(-1)
    for i in range(len(entries)):
        bucket = np.int64(key_of(entries[i], form) >> shift) if bits > 0 else 0
        if bucket != last:
            starts[bucket] = min(np.int64(starts[bucket]), first + i)
            last = bucket


def close_bucket_offsets(starts: np.ndarray) -> None:
    """Give each empty bucket the start of the next bucket with entries."""
    np.minimum.accumulate(starts[::-1], out=starts[::-1])


@kernel
def pack_entries(entries, form, text_bits, key_bits, out, places):
    """Convert uint64 entries to the uint32 entries of a table, in ``out``.

    ``text_bits`` says how many bits a text's row takes, ``key_bits`` how many bits of a
    key bucket and entry hold together. The codes of places, if any, go to ``places``,
    which is uint8, or uint16 for the codes and the eight bits after the first 32 of the
    key.
    """
    down = _U64 - np.uint64(key_bits)
    stored_bits = (_U1 << (_U32 - np.uint64(text_bits))) - _U1
    for i in range(len(entries)):
        key, text = key_of(entries[i], form), entry_text(entries[i], form)
        out[i] = np.uint32((key >> down & stored_bits) << np.uint64(text_bits) | text)
    checked = places.itemsize > 1
    for i in range(len(places)):
        code = entries[i] & _BYTE
        if checked:
            code |= (key_of(entries[i], form) >> _U24 & _BYTE) << _U8
        places[i] = code


@kernel
def unpack_entries(postings, places, shift, out):
    """Convert a table back to the input of :func:`pack_entries`, in uint64 ``out``;
    ``places`` are read if ``shift`` is 8.
    """
    entries, starts, bits, text_bits = postings
    low = _U64 - np.uint64(bits)
    down = low - (_U32 - np.uint64(text_bits))
    text = (_U1 << np.uint64(text_bits)) - _U1
    for bucket in range(len(starts) - 1):
        for i in range(np.int64(starts[bucket]), np.int64(starts[bucket + 1])):
            e = np.uint64(entries[i])
            out[i] = (
                np.uint64(bucket) << low
                | (e >> np.uint64(text_bits)) << down
                | (e & text) << np.uint64(shift)
            )
            if shift > 0:
                out[i] |= np.uint64(places[i])


@kernel
def renumber(entries, form, numbers):
    """Renumber the texts in ``entries`` in place: text t becomes ``numbers[t]``
    (uint32). Entries whose text becomes :data:`NO_TEXT` are removed; return how many
    are left.
    """
    places, n = np.uint64(form.place_bits), np.uint64(0)
    kept = ~(((_U1 << np.uint64(form.text_bits)) - _U1) << places)
    for i in range(len(entries)):
        e = entries[i]
        number = numbers[entry_text(e, form)]
        entries[n] = (e & kept) | np.uint64(number) << places
        n += np.uint64(number != NO_TEXT)
    return np.int64(n)


@kernel
def widen_entries(entries, form, first):
    """Convert uint64 entries to ``form`` in place. They consist of a key of 40 bits,
    the text's row minus ``first`` in 16 bits, and the place code in 8 bits.
    """
    first, places = np.uint64(first), np.uint64(form.place_bits)
    below = np.uint64(form.text_bits) + places
    for i in range(len(entries)):
        e = entries[i]
        key = (e >> _U24 << _U24) << np.uint64(form.omitted)
        text = first + (e >> _U8 & _U16BITS)
        entries[i] = key >> below << below | text << places | e & _BYTE


@helper(forceinline=True)
def bucket_of(postings, key):
    """Return the first and last (exclusive) entry of a 64-bit key's bucket."""
    bucket = key >> (_U64 - np.uint64(postings.bits))
    return np.int64(postings.starts[bucket]), np.int64(postings.starts[bucket + _U1])


@helper(forceinline=True)
def text_of(postings, entry):
    return np.int64(
        np.uint64(postings.entries[entry])
        & ((_U1 << np.uint64(postings.text_bits)) - _U1)
    )


@helper(forceinline=True)
def find_buckets(postings, above, keys, lows, highs):
    """Find the buckets of some keys, entries ``lows[i]`` to ``highs[i]``, and prefetch
    them for :func:`equal_range`.

    A key has 64 bits minus ``above``. A look-up waits for memory twice: for the
    offsets, and for the entries. Neither loop has a branch that depends on a value read
    from memory, so the processor has the reads of many keys in progress at once.
    """
    entries, starts = postings.entries, postings.starts
    down = _U64 - np.uint64(postings.bits) - above
    for i in range(len(keys)):
        bucket = np.uint64(keys[i]) >> down
        lows[i] = starts[bucket]
        highs[i] = starts[bucket + _U1]
    for i in range(len(keys)):
        prefetch(entries, lows[i])
        prefetch(entries, highs[i])


@helper(forceinline=True)
def stored_key(postings, key):
    """Return the smallest value that an entry with a 64-bit ``key`` may have, and how
    many values it may have: an entry ``e`` has the key if ``uint32(e - smallest) <
    number``.
    """
    text_bits = np.uint64(postings.text_bits)
    stored = (key << np.uint64(postings.bits)) >> (_U32 + text_bits)
    return np.uint32(stored << text_bits), np.uint32(_U1 << text_bits)


@helper(forceinline=True)
def equal_range(postings, low, stop, key, limit):
    """Return the first entry with a 64-bit ``key`` in its bucket from ``low`` to
    ``stop``, and how many there are; a count above ``limit`` need not be exact.
    """
    entries = postings.entries
    base, texts = stored_key(postings, key)
    if stop - low > LINEAR:
        return _bisected_range(entries, low, stop, (base, texts), limit)
    less, equal = np.int64(0), np.int64(0)
    for e in range(np.uint64(low), np.uint64(stop)):
        less += entries[e] < base
        equal += np.uint32(entries[e] - base) < texts
    return low + less, equal


@helper
def _bisected_range(entries, low, stop, wanted, limit):
    """Compute :func:`equal_range` in a bucket of any length, by bisection. Beyond
    ``limit``, the end is not searched for.
    """
    base, texts = wanted
    high = stop
    while low < high:
        middle = (low + high) >> 1
        if entries[middle] < base:
            low = middle + 1
        else:
            high = middle
    first = low
    if first + limit < stop and np.uint32(entries[first + limit] - base) < texts:
        return first, limit + 1
    high = min(first + limit, stop)
    while low < high:
        middle = (low + high) >> 1
        if np.uint32(entries[middle] - base) < texts:
            low = middle + 1
        else:
            high = middle
    return first, low - first


@kernel
def find_texts(keys, texts, postings, licensed, numbers):
    """Write the row of the licensed text that equals each canonical text to int64
    ``numbers``; -1 if there is none.

    ``keys`` uint64[n, 2] are those of :func:`provscan.kernels.storage.keys.text_keys`;
    ``postings`` are the segment's postings of whole texts, ``licensed`` its texts.
    Bytes are compared, not keys.
    """
    text, offsets = texts
    for i in range(len(keys)):
        numbers[i] = -1
        low, high = bucket_of(postings, keys[i, 0])
        first, size = equal_range(
            postings, low, high, keys[i, 0], len(postings.entries)
        )
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


@helper(forceinline=True)
def band_hash(key, known):
    """Return the 64-bit hash of a band's key for the filter; the table stores the upper
    ``known`` bits of the key.
    """
    half = np.uint32((key >> (_U64 - known) << (_U64 - known)) >> _U32)
    return np.uint64(half) << _U32 | np.uint64(np.uint32(half * GOLDEN32) >> _S20)


@kernel
def mark_bands(entries, known, bloom):
    """Add the bands of uint64 entries to a filter; the table has ``known`` bits of
    each key.
    """
    for entry in entries:
        mark(bloom, band_hash(entry, np.uint64(known)))
