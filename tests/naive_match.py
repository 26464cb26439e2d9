"""The whole match by brute force: every licensed text is compared with every window.
This module imports nothing from provscan.
"""

from collections import Counter

import naive
import naive_passages


def similarities(text, length, tweet):
    """Jaccard and containment of every window of ``length`` against a tweet; both texts
    are canonical.
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
    """The most similar window of ``text``, a canonical text as the tweet is:
    (similarity, containment), or None.
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
    return sum(2 if naive_passages.wide(char) else 1 for char in text)


def longest_stretch(text, tweet):
    """Units of a tweet's longest stretch in a text, both canonical: its 5-grams in a
    window, less any others there.
    """
    wanted = naive.grams(tweet)
    best = value = 0
    for i in range(len(text) - 4):
        value = max(value, 0) + (1 if text[i : i + 5] in wanted else -1)
        best = max(best, value)
    return (best + 4) * units(tweet) / len(tweet) if best else 0


def way(similarity, containment, letters, stretch, limits):
    """The rule: what makes a match of a span, by its figures and the limits in the same
    order.
    """
    least_similar, least_contained, least_letters, least_stretch = limits
    if (
        similarity >= least_similar
        and containment >= least_contained
        and letters >= least_letters
    ):
        return "whole"
    return "stretch" if stretch >= least_stretch else "neither"
