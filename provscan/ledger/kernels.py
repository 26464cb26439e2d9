"""Inner loops over calls, an array of :data:`CALL` in order of time."""

from __future__ import annotations

import numpy as np

from provscan.kernels.jit import kernel

CALL = np.dtype(
    [
        ("time", np.int64),  # In microseconds since 1970.
        ("parameters", np.uint64),  # A hash.
        ("name", np.int32),  # The row of the call's names in the view ``names``.
        ("tweets", np.int32),
        ("answered", np.bool_),
    ],
    align=True,
)
WINDOW = np.dtype(
    [
        # The sliding window that ends with the last call: its first call, and sums.
        ("oldest", np.int64),
        ("calls", np.int64),
        ("tweets", np.int64),
        # The fixed window that contains the last call.
        ("fixed_start", np.int64),
        ("fixed_calls", np.int64),
        ("fixed_tweets", np.int64),
        # The calls, tweets and start of the busiest sliding and fixed windows.
        ("best", np.int64, (2, 3)),
    ]
)
"""The state of one window length in one group; it is zero before the first call."""
PENDING = np.dtype([("key", np.uint64), ("time", np.int64)])
"""A refused or failed call that can be repeated. The key of a free slot is 0."""

DAY = np.int64(86_400_000_000)
# Odd multiplier of a hash (2**64 / golden ratio); it mixes values into the upper bits.
MIX = np.uint64(0x9E3779B97F4A7C15)
ONE = np.uint64(1)


@kernel
def busiest(calls, span, groups, lengths, latest, following, windows):
    """Update the busiest sliding and fixed windows of each group.

    ``span`` has the first and the last index (exclusive) of the calls to add, and the
    start of their day, from which fixed windows are counted. ``groups`` int64[names] is
    the group of each name, and ``lengths`` int64[w] the lengths of the windows in
    microseconds. The other arrays are kept between the calls of this function:
    ``latest`` int64[groups] is the index of the last answered call of each group, at
    first -1; ``following`` int64[calls] is the index of the next answered call of the
    same group; ``windows`` is WINDOW[groups, w].

    Of equal windows, the first one counts. A window that ends with the last of several
    simultaneous calls contains all of them.
    """
    for i in range(span[0], span[1]):
        if not calls[i].answered:
            continue
        time, tweets, group = calls[i].time, calls[i].tweets, groups[calls[i].name]
        if latest[group] >= 0:
            following[latest[group]] = i
        latest[group] = i
        for w in range(len(lengths)):
            length, window = lengths[w], windows[group, w]
            if window.calls == 0:
                window.oldest = i
            window.calls += 1
            window.tweets += tweets
            while calls[window.oldest].time <= time - length:
                window.calls -= 1
                window.tweets -= calls[window.oldest].tweets
                window.oldest = following[window.oldest]
            if window.calls > window.best[0, 0]:
                window.best[0, 0] = window.calls
                window.best[0, 1] = window.tweets
                window.best[0, 2] = calls[window.oldest].time
            start = span[2]
            if length < DAY:
                start += (time - start) // length * length
            if window.fixed_start != start:
                window.fixed_start = start
                window.fixed_calls = 0
                window.fixed_tweets = 0
            window.fixed_calls += 1
            window.fixed_tweets += tweets
            if window.fixed_calls > window.best[1, 0]:
                window.best[1, 0] = window.fixed_calls
                window.best[1, 1] = window.fixed_tweets
                window.best[1, 2] = start


@kernel
def repeats(calls, holders, within, pending, again):
    """Mark the calls whose predecessor was refused or failed shortly before.

    The predecessor has the same parameters and the same ``holders`` uint64[names], a
    number for each token and endpoint. ``again`` bool[calls] is set to true for calls
    at most ``within`` microseconds after such a predecessor. ``pending`` PENDING[2**b]
    is a hash table; it must be zero, and have more slots than there are refused and
    failed calls.
    """
    mask = np.uint64(len(pending) - 1)
    for i in range(len(calls)):
        key = (calls[i].parameters ^ (holders[calls[i].name] * MIX)) * MIX | ONE
        slot = (key >> np.uint64(32)) & mask
        while pending[slot].key != 0 and pending[slot].key != key:
            slot = (slot + ONE) & mask
        if pending[slot].key == key:
            again[i] = calls[i].time - pending[slot].time <= within
            # An answered call is not pending.
            pending[slot].time = -DAY
        if not calls[i].answered:
            pending[slot].key = key
            pending[slot].time = calls[i].time
