"""A background model of dictionaries. This module imports nothing from provscan and
does not change.
"""

import collections
import math


def bits(training, text, order, discount, unknown_bits):
    counts = collections.Counter()
    followers = collections.defaultdict(set)
    for line in training:
        padded = "\0" * order + line
        for at in range(order, len(padded)):
            for length in range(order):
                context = padded[at - length : at]
                counts[context, padded[at]] += 1
                followers[context].add(padded[at])
    total = 0.0
    padded = "\0" * order + text
    for at in range(order, len(padded)):
        p = 2.0**-unknown_bits
        for length in range(order):
            context = padded[at - length : at]
            seen = sum(counts[context, char] for char in followers[context])
            if seen == 0:
                break
            hit = counts[context, padded[at]]
            p = (
                max(hit - discount, 0.0) + discount * len(followers[context]) * p
            ) / seen
        total -= math.log2(p)
    return total
