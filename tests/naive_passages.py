"""Seeds, keys, fingerprints, edit distance and coverage, computed from their
definitions. This module imports nothing from provscan.
"""

from collections import Counter

from naive import unspaced

M64 = 2**64


def wide(char):
    code = ord(char)
    return (
        0x1200 <= code < 0x1380
        or 0x3040 <= code < 0x3100
        or 0x3400 <= code < 0xA000
        or 0xAC00 <= code < 0xD7B0
        or 0x20000 <= code < 0x32000
    )


def units(text):
    """Return each unit of a text with the position of its character. A wide character
    has two units.
    """
    result = []
    for place, char in enumerate(text):
        result.append((ord(char), place))
        if wide(char):
            result.append((ord(char) | 0x1000000, place))
    return result


def index_seeds(text, k, window):
    """Return the key and position of each seed of a licensed text."""
    return index_minimizers([unit for unit, _ in units(text)], k, window)


def multipliers():
    """Return two odd numbers for each level of the tree."""
    state, values = 1, []
    for _ in range(12):
        state = (state + 0x9E3779B97F4A7C15) % M64
        z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % M64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % M64
        values.append((z ^ z >> 31) >> 32 | 1)
    return list(zip(values[::2], values[1::2], strict=True))


MULTIPLIERS = multipliers()


def tree_sum(kmer, level=0):
    """Return a weighted sum of units, computed along a tree in which each node has two
    halves.

    If the number of units is odd, the last one is added to the sum of the halves.
    """
    if len(kmer) == 1:
        return kmer[0]
    half = len(kmer) // 2
    m0, m1 = MULTIPLIERS[level]
    total = tree_sum(kmer[:half], level + 1) * m0 + tree_sum(
        kmer[half : 2 * half], level + 1
    )
    return (total * m1 + kmer[-1] if len(kmer) % 2 else total) % 2**32


def kmer_key(kmer):
    total = tree_sum(kmer)
    return (total ^ total >> 16) * 0x9E3779B1 % 2**32


def minimizers(units, k, window, beyond=0):
    """Return the key and position of the smallest k-mer of every window, in the order
    of positions. K-mers are compared by the upper 22 bits of their keys.

    Windows extend ``beyond`` k-mers past the ends of the text.
    """
    keys = [kmer_key(units[i : i + k]) for i in range(len(units) - k + 1)]
    if not keys:
        return []
    window = min(window, len(keys) + 2 * beyond)
    ranks = [(key >> 10, place) for place, key in enumerate(keys)]
    windows = [
        ranks[max(i, 0) : i + window]
        for i in range(-beyond, len(keys) + beyond - window + 1)
    ]
    places = {min(ranked)[1] for ranked in windows}
    return [(keys[place], place) for place in sorted(places)]


def index_minimizers(units, k, window):
    beyond = window - 1 if len(units) <= 40 and k <= 10 else 0
    return minimizers(units, k, window, beyond)


def spread(key):
    """Return the key of a seed in an index."""
    return key * 0x9E3779B1 % 2**32


def seed_hash(key):
    """Return the hash of a seed, which determines its bits in a filter."""
    return key << 32 | spread(key) >> 20


def table_seeds(texts, k, window):
    """Return the key, text and position of each seed in the seed table of a segment of
    canonical texts, and the frequent keys.

    The table contains the rarest seeds of each text. Seeds are taken in the order of
    the number of seeds with the same key, in powers of two, and then of the key. A seed
    with a unique key is taken while the text has fewer than 24 seeds. If up to two,
    four, eight or sixteen seeds have the key, the limit is 20, 16, 12 or 8; for other
    keys, it is 4. The limits of longer texts are proportionally higher. If seeds have
    more than 10 units, the limit of texts of up to 40 is 2, except for unique keys.
    """
    rows = [
        [(spread(key), place) for key, place in index_seeds(text, k, window)]
        for text in texts
    ]
    counts = Counter(key for seeds in rows for key, _ in seeds)
    table = []
    for number, seeds in enumerate(rows):
        size = 20 * -(-len(units(texts[number])) // 20)
        taken = 0
        for key, place in sorted(
            seeds, key=lambda seed: (min(10, (counts[seed[0]] - 1).bit_length()), *seed)
        ):
            most = max(4, 24 - 4 * (counts[key] - 1).bit_length())
            most = max(most, size * most // 128)
            if k > 10 and size <= 40 and counts[key] > 1:
                most = 2
            if taken < most:
                table.append((key, number, place))
                taken += 1
    return table, {key for key, count in counts.items() if count > 16}


def key_filter(hashes, bits):
    """Return the 64-bit words of a filter in which two bits are set for each hash.

    The upper bits of a hash select the word, and its lowest twelve bits select the two
    bits.
    """
    words = [0] * 2**bits
    for h in hashes:
        words[h >> 64 - bits] |= 1 << h % 64 | 1 << (h >> 6) % 64
    return words


def text_keys(data):
    """Return the two 64-bit keys of a text."""
    g, h = 0xCBF29CE484222325, 0xC4CEB9FE1A85EC53
    for byte in data:
        g = (g ^ byte) * 0x100000001B3 % M64
        h = (h + byte + 1) * 0xFF51AFD7ED558CCD % M64
    return finish(g), finish(h)


def finish(h):
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD % M64
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 % M64
    return h ^ h >> 33


def edit_costs(text, other):
    """Return the edit distances between ``text`` and every prefix of ``other``."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(text, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j - 1] + (a != b), before[j] + 1, row[j - 1] + 1))
    return row


def resolved(rows):
    """Return the indices of the rows (span, score, similarity, text) that are kept.

    Rows are considered from the best to the worst. A row is dropped if a row that is
    kept overlaps it by more than half of the shorter span.
    """
    order = sorted(
        range(len(rows)), key=lambda i: (-rows[i][1], -rows[i][2], rows[i][3])
    )
    kept = []
    for i in order:
        (a, b), *_ = rows[i]
        if all(
            2 * (min(b, rows[j][0][1]) - max(a, rows[j][0][0]))
            <= min(b - a, rows[j][0][1] - rows[j][0][0])
            for j in kept
        ):
            kept.append(i)
    return sorted(kept)


def covered(spans):
    """Return the number of distinct positions that spans (row, start, end) cover."""
    return len(
        {(row, place) for row, start, end in spans for place in range(start, end)}
    )


def fingerprints(text):
    """Return the fingerprint of each 5-gram: the polynomial whose coefficients are the
    characters, evaluated at 3 modulo 256.
    """
    codes = [ord(char) for char in text]
    return [
        sum(3 ** (4 - k) * codes[i + k] for k in range(5)) % 256
        for i in range(len(codes) - 4)
    ]


def agrees(record, text, code, place, thresholds):
    """Return whether the wording around a position of a record agrees with a text, by
    the fingerprints of up to 64 5-grams of the text.

    A fingerprint agrees if it is among the record's fingerprints from 14 positions
    before to 13 positions after the expected one. The number that must agree is that of
    a match, but at most 44% of 64 in a text with more than 64 fingerprints.
    Fingerprints outside the record are 0. If ``place`` is at least 384 units, it is not
    exact: each position from there to 63 code points later is tried at which the text
    has the same two letters as the record.
    """
    similarity, containment, letters, stretch, *_ = thresholds
    known, wanted = fingerprints(record), fingerprints(text)
    ends = units(text)
    at = ends[place][1] if place < len(ends) else len(text)
    length = len(ends) + sum(map(unspaced, text)) // 6
    later = [
        i
        for i in range(at, min(at + 64, len(text) - 1))
        if text[i : i + 2] == record[code : code + 2]
    ]
    for begin in later if place >= 384 else [at]:
        first = max(0, min(begin - 26, len(wanted) - 64))
        chosen = wanted[first : first + 64]
        share = max(similarity, containment, letters / length)
        # Of fewer than 25 letters in common, at most six 5-grams are missing.
        short = min(25 / length * len(chosen), len(chosen) - 6)
        least = max(share * len(chosen), short)
        least = min(0.9 * least, stretch * len(text) / length - 4)
        if len(wanted) > 64:
            least = min(least, 0.44 * 64)
        total = 0
        for j, value in enumerate(chosen):
            low = code - begin + first + j - 14
            total += value in [
                known[i] if 0 <= i < len(known) else 0 for i in range(low, low + 28)
            ]
        if total >= max(1, least):
            return True
    return False
