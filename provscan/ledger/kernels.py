"""Inner loops over calls that are sorted by group and time."""

from __future__ import annotations

from provscan.kernels.jit import kernel


@kernel
def busiest(groups, times, days, tweets, begin, window, best):
    """Find the busiest sliding window of each run of equal group and day.

    ``groups`` int64[n], ``times`` int64[n] (microseconds), ``days`` int32[n] and
    ``tweets`` int64[n] are sorted by group and time. A window ends with a call at or
    after ``begin``, and contains the calls of its group less than ``window``
    microseconds before it. ``best`` int64[n, 3] must be zero. For each run, the row of
    its last call receives the number of calls in the busiest window, their tweets, and
    the time of the window's first call. If several windows are equal, the first counts.
    """
    low = 0
    calls = 0
    total = 0
    at = 0
    held = 0
    for i in range(len(groups)):
        if i == 0 or groups[i] != groups[i - 1]:
            low = i
            total = 0
        total += tweets[i]
        while times[low] <= times[i] - window:
            total -= tweets[low]
            low += 1
        if i == 0 or groups[i] != groups[i - 1] or days[i] != days[i - 1]:
            calls = 0
        # The window of the last of several simultaneous calls contains all of them.
        if times[i] >= begin and i - low + 1 > calls:
            calls = i - low + 1
            at = times[low]
            held = total
        last = i + 1 == len(groups)
        if calls and (last or groups[i + 1] != groups[i] or days[i + 1] != days[i]):
            best[i, 0] = calls
            best[i, 1] = held
            best[i, 2] = at


@kernel
def repeats(groups, times, sound, begin, within, again):
    """Mark the calls whose predecessor was refused or failed shortly before.

    ``groups`` uint64[n] and ``times`` int64[n] (microseconds) are sorted by group and
    time. ``sound`` bool[n] is false for refused and failed calls. ``again`` bool[n] is
    set to true for calls at or after ``begin`` that are at most ``within`` microseconds
    after a refused or failed predecessor of their group.
    """
    for i in range(1, len(groups)):
        again[i] = (
            not sound[i - 1]
            and groups[i] == groups[i - 1]
            and times[i] >= begin
            and times[i] - times[i - 1] <= within
        )
