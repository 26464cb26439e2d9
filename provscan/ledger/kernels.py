"""The inner loop over calls in order of time."""

from __future__ import annotations

import numpy as np

from provscan.kernels.jit import kernel

RECENT = np.dtype(
    [
        ("time", np.int64),
        ("name", np.int32),
        # For each scope, the number of calls until the next one of the same group.
        ("next", np.int32, 4),
    ],
    align=True,
)
"""An answered call. Call ``i`` is in slot ``i`` modulo the number of slots."""
WINDOW = np.dtype(
    [
        # The window that ends with the last call: its first call, its size.
        ("oldest", np.int64),
        ("calls", np.int64),
        # The size and start of the busiest window of the day.
        ("best", np.int64, 2),
    ]
)
"""The state of one window length in one group; it is zero before the first call."""


@kernel
def busiest(recent, span, scope, groups, lengths, latest, windows):
    """Update the busiest windows of each group.

    Calls are numbered in order of time. ``span`` has the number of the first call to
    add, and the number after the last one. ``recent`` RECENT[2**b] has these calls, and
    the calls before them in a period of twice the longest window. ``groups``
    int64[names] is the group of each name in the scope with number ``scope``.
    ``lengths`` int64[w] are the lengths of the windows in microseconds, ascending.

    The caller keeps the other arrays from one span to the next. ``latest``
    int64[groups, 2] is the number and the time of the last call of each group; its
    initial time is before all calls. ``windows`` is WINDOW[groups, w].

    Of windows with equally many calls, the first one counts. A window that ends with
    the last of several simultaneous calls contains all of them.
    """
    mask = len(recent) - 1
    for i in range(span[0], span[1]):
        time, group = recent[i & mask].time, groups[recent[i & mask].name]
        pause = time - latest[group, 1]
        if pause < lengths[-1]:
            recent[latest[group, 0] & mask].next[scope] = i - latest[group, 0]
        latest[group, 0] = i
        latest[group, 1] = time
        for w in range(len(lengths)):
            length, window = lengths[w], windows[group, w]
            # After such a pause, the window is empty. Otherwise, its first call is less
            # than two lengths ago, so that ``recent`` still has it.
            if pause >= length:
                window.calls = 0
                window.oldest = i
            window.calls += 1
            while recent[window.oldest & mask].time <= time - length:
                window.calls -= 1
                window.oldest += recent[window.oldest & mask].next[scope]
            if window.calls > window.best[0]:
                window.best[0] = window.calls
                window.best[1] = recent[window.oldest & mask].time
