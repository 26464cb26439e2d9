"""Inner loops over calls that are sorted by group and time."""

from __future__ import annotations

from provscan.kernels.jit import kernel


@kernel
def busiest(groups, times, days, tweets, begin, window, best):
    """Find the busiest sliding window of each run of equal group and day.

    `groups` int64[n], `times` int64[n] (microseconds) and `days` int32[n] are sorted by
    group and time; `tweets` int64[n]. A window ends with a call, at or after `begin`,
    and holds the calls of its group less than `window` microseconds before it. For each
    run, the row of its last call gets in `best` int64[n, 3], which must be zero, the
    number of calls of the busiest window, its tweets, and the time of its first call.
    Of several such windows, the first counts.
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
        # Of calls at one time, the last one's window holds them all.
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

    `groups` uint64[n] and `times` int64[n] (microseconds) are sorted in this order;
    `sound` bool[n] is false for a refused or failed call. A call at or after `begin`,
    at most `within` microseconds after such a predecessor of its group, gets true in
    `again` bool[n].
    """
    for i in range(1, len(groups)):
        again[i] = (
            not sound[i - 1]
            and groups[i] == groups[i - 1]
            and times[i] >= begin
            and times[i] - times[i - 1] <= within
        )
