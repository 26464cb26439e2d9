"""Matching by brute force: every licensed text is compared with every window of a
record. This module imports nothing from provscan.
"""

from collections import Counter

import naive
import naive_passages


def similarities(text, length, tweet):
    """Return, for every window of ``length`` characters of a text, the Jaccard index
    with a tweet and the containment of the tweet. Both texts are canonical.
    """
    wanted = naive.grams(tweet)
    window = Counter(text[i : i + 5] for i in range(max(1, length - 4)))
    shared = sum(gram in wanted for gram in window)
    result = []
    for start in range(len(text) - length + 1):
        result.append(
            (shared / (len(window) + len(wanted) - shared), shared / len(wanted))
        )
        gone, new = (
            text[start : start + 5],
            text[start + length - 4 : start + length + 1],
        )
        if gone != new and len(new) == 5:
            window[gone] -= 1
            if not window[gone]:
                del window[gone]
                shared -= gone in wanted
            shared += new in wanted and new not in window
            window[new] += 1
    return result


def best(text, tweet, threshold, least):
    """Return the similarity and containment of the window of a text that is most
    similar to a tweet, or None if no window matches. Both texts are canonical.
    """
    shortest = max(5, int(least * len(tweet)))
    found = None
    for length in range(shortest, min(len(text), int(len(tweet) / threshold)) + 1):
        for pair in similarities(text, length, tweet):
            if (
                pair[0] >= threshold
                and pair[1] >= least
                and (found is None or pair > found)
            ):
                found = pair
    return found


def units(text):
    """Return the length of a text, in which a wide character counts twice, and six
    letters without spaces as one more.
    """
    return len(naive_passages.units(text)) + sum(map(naive.unspaced, text)) // 6


def longest_stretch(text, tweet):
    """Return the length in units of the longest stretch of a tweet in a text. Both are
    canonical.

    The length follows from the maximum, over all windows, of the number of 5-grams that
    are in the tweet minus the number of 5-grams that are not.
    """
    wanted = naive.grams(tweet)
    best = value = 0
    for i in range(len(text) - 4):
        value = max(value, 0) + (1 if text[i : i + 5] in wanted else -1)
        best = max(best, value)
    return (best + 4) * units(tweet) / len(tweet) if best else 0


def way(similarity, containment, letters, stretch, limits, missing):
    """Return the condition by which a span is a match: "whole", "stretch" or "neither".

    ``limits`` are the minimum values of the first four arguments. With fewer than 25
    letters in common, at most six 5-grams of the tweet may be ``missing``.
    """
    least_similar, least_contained, least_letters, least_stretch = limits
    if (
        similarity >= least_similar
        and containment >= least_contained
        and letters >= least_letters
        and (letters >= 25 or missing <= 6)
    ):
        return "whole"
    return "stretch" if stretch >= least_stretch else "neither"
