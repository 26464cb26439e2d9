"""The whole match by brute force, every licensed text against every window. Imports nothing from provscan."""

from collections import Counter

import naive
import naive_passages


def similarities(text, length, tweet):
    """Jaccard and containment of every window of ``length`` against a tweet; both texts are canonical."""
    wanted = naive.grams(tweet)
    window = Counter(text[i : i + 5] for i in range(max(1, length - 4)))
    shared = sum(gram in wanted for gram in window)
    result = []
    for start in range(len(text) - length + 1):
        result.append((shared / (len(window) + len(wanted) - shared), shared / len(wanted)))
        gone, new = text[start : start + 5], text[start + length - 4 : start + length + 1]
        if gone != new and len(new) == 5:
            window[gone] -= 1
            if not window[gone]:
                del window[gone]
                shared -= gone in wanted
            shared += new in wanted and new not in window
            window[new] += 1
    return result


def best(text, tweet, threshold, least):
    """The most similar window of ``text``, a canonical text as the tweet is: (similarity, containment), or None."""
    shortest = max(5, int(least * len(tweet)))
    found = None
    for length in range(shortest, min(len(text), int(len(tweet) / threshold)) + 1):
        for pair in similarities(text, length, tweet):
            if pair[0] >= threshold and pair[1] >= least and (found is None or pair > found):
                found = pair
    return found


def _units(text):
    return sum(2 if naive_passages.wide(char) else 1 for char in text)


def longest_stretch(text, tweet):
    """Units of a tweet's longest stretch in a text, both canonical: its 5-grams in a window, less any others there."""
    wanted = naive.grams(tweet)
    best = value = 0
    for i in range(len(text) - 4):
        value = max(value, 0) + (1 if text[i : i + 5] in wanted else -1)
        best = max(best, value)
    return (best + 4) * _units(tweet) / len(tweet) if best else 0


def is_spread(text, tweet, units):
    """Whether 5-grams all over a tweet stand in a text, so many units in all.

    Two thirds of them if the 5-grams are half of the tweet's, five thirds if they are less than 45 %.
    """
    shared = naive.grams(text) & naive.grams(tweet)
    places = [i for i in range(len(tweet) - 4) if tweet[i : i + 5] in shared]
    share = len(shared) / len(naive.grams(tweet))
    units *= 2 / 3 if share >= 0.5 else 1 if share >= 0.45 else 5 / 3
    return (
        len(places) > 0
        and places[-1] + 5 - places[0] >= 0.8 * len(tweet)
        and (len(shared) + 4) * _units(tweet) >= units * len(tweet)
    )


def is_half(text, tweet, units):
    """Whether a text holds so many units of a tweet, and half of it."""
    shared, wanted = naive.grams(text) & naive.grams(tweet), naive.grams(tweet)
    return 2 * len(shared) >= len(wanted) and (len(shared) + 4) * _units(tweet) >= units * len(tweet)


def may_match(text, tweet, stretch):
    """Whether a text holds as much of a tweet as a match needs that has not the share of it."""
    least = 0.9 * stretch
    return longest_stretch(text, tweet) >= least or is_spread(text, tweet, least) or is_half(text, tweet, 0.7 * stretch)
