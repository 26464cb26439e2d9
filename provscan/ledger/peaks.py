"""Find the busiest windows, shared quotas and retries.

:func:`walk` reads all calls in order of time, some days at once, together with the
calls of the windows that begin before these days. So memory depends on the number of
calls of the busiest days, and not on that of all calls. ``access.sql`` makes tables
from the results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.engine.progress import Progress
from provscan.errors import ParameterError
from provscan.ledger.counts import QUARTER, SCOPES, Counts

DAY = 86_400
# The longest time between a call and its retry, in seconds.
RETRY = 60
# Approximate number of calls, and maximum number of days, that are read at a time.
CALLS, DAYS = 4_000_000, 16
MICRO = 1_000_000


def require_windows(windows: Sequence[int]) -> None:
    """Check the lengths of windows."""
    for window in windows:
        if not 1 <= window <= DAY:
            raise ParameterError(
                f"a window must have 1 to {DAY:,} seconds, not {window}; longer "
                "periods are sums of days in the table calls"
            )


def walk(
    counts: Counts, windows: Sequence[int], progress: Progress
) -> tuple[pa.Table, pa.Table]:
    """Return the busiest windows of each group and UTC day, and the count of retries of
    each name and day. ``windows`` are in seconds, ascending.
    """
    names = counts.sql("SELECT * FROM names ORDER BY i").to_arrow_table()
    # Leave out scopes without names, such as users in a log of applications.
    scopes = {
        scope: names[f"{scope}_group"].to_numpy()
        for scope in SCOPES
        if scope == "application" or names[scope].null_count < len(names)
    }
    found, retries = [], []
    periods = list(_periods(counts))
    progress.start("Peaks", len(periods), "steps")
    for begin, end in periods:
        calls = _calls(counts, begin - max(RETRY, *windows), end)
        retries.append(_retries(calls, begin))
        calls = calls[calls["answered"]]
        time = np.ascontiguousarray(calls["time"])
        for scope, groups in scopes.items():
            group = groups[calls["name"]]
            for window in windows:
                best = _busiest(time, group, window, begin)
                same = {"scope": scope, "window": window}
                repeated = {
                    name: pa.repeat(value, len(best["day"]))
                    for name, value in same.items()
                }
                found.append(pa.table(repeated | best))
        progress.advance(1)
    return pa.concat_tables(found), pa.concat_tables(retries)


def _periods(counts: Counts) -> Iterator[tuple[int, int]]:
    """Divide all UTC days with calls into periods of up to ``DAYS`` days, each with
    about ``CALLS`` calls. Yield the beginning and the end of each, in seconds.
    """
    days = counts.sql(
        f"""SELECT quarter * {QUARTER} // {DAY} AS day, sum(calls)::BIGINT
        FROM quarters GROUP BY day ORDER BY day"""
    ).fetchall()
    first, calls = days[0][0], 0
    for (day, number), (following, _) in zip(days, [*days[1:], (None, 0)], strict=True):
        calls += number
        if following is None or calls >= CALLS or following - first >= DAYS:
            yield first * DAY, (day + 1) * DAY
            first, calls = following, 0


def _calls(counts: Counts, begin: int, end: int) -> Any:
    """Return the calls of a period in order of time; simultaneous calls keep the order
    of the logs.
    """
    rows = counts.sql(
        f"""SELECT epoch_us(time) AS time, hash(parameters, holder) AS request,
            n.i::INTEGER AS name, outcome = 'answered' AS answered
        FROM ({counts.calls(counts.within(begin, end))}) JOIN names n USING (key)
        WHERE time >= make_timestamp({begin * MICRO})
            AND time < make_timestamp({end * MICRO})"""
    ).to_arrow_table()
    order = np.argsort(rows["time"].to_numpy(), kind="stable")
    columns = [column.to_numpy()[order] for column in rows.columns]
    return np.rec.fromarrays(columns, names=rows.column_names)


def _busiest(time: Any, group: Any, window: int, begin: int) -> dict[str, Any]:
    """Return columns with the busiest window of each group and UTC day from ``begin``
    on. A window belongs to the day of its last call. Of several with equally many
    calls, the first one counts.

    ``time`` and ``group``, [calls], are in order of time.
    """
    # In the order of groups, then of time, search for the first call of the window that
    # ends with each call. Places order the calls of all groups at once.
    count = len(time)
    first = np.searchsorted(time, time - window * MICRO, "right")
    order = np.argsort(group, kind="stable")
    time, group = time[order], group[order]
    low = group.astype(np.int64) * count
    oldest = np.searchsorted(low + order, low + first[order])
    calls = np.arange(count) - oldest + 1
    kept = time >= begin * MICRO
    day, group, calls = time[kept] // (DAY * MICRO), group[kept], calls[kept]
    # Take the first of the largest windows of each group and day.
    new = np.diff(group, prepend=-1) | np.diff(day, prepend=-1)
    starts = np.flatnonzero(new)
    # ``reduceat`` fails without segments.
    most = np.maximum.reduceat(calls, starts) if len(starts) else calls
    most = np.repeat(most, np.diff(starts, append=len(calls)))
    largest = np.flatnonzero(calls == most)
    best = largest[np.searchsorted(largest, starts)]
    return {
        "group_id": group[best].astype(np.int64),
        "day": day[best],
        "calls": calls[best],
        "start": time[oldest[kept][best]],
    }


def _retries(calls: Any, begin: int) -> pa.Table:
    """Count the retries of each name and UTC day from ``begin`` on."""
    # Sorting all calls would be slow. Only requests with a refused or failed call have
    # retries; keep these, and others with the same upper bits, which are few.
    bits = calls["request"] >> np.uint64(40)
    repeated = np.zeros(1 << 24, np.bool_)
    repeated[bits[~calls["answered"]]] = True
    calls = calls[repeated[bits]]
    calls = calls[np.argsort(calls["request"], kind="stable")]
    before, after = calls[:-1], calls[1:]
    found = after[
        (before["request"] == after["request"])
        & ~before["answered"]
        & (after["time"] - before["time"] <= RETRY * MICRO)
        & (after["time"] >= begin * MICRO)
    ]
    days = pa.array((found["time"] // (DAY * MICRO)).astype(np.int32)).cast(pa.date32())
    table = pa.table({"i": found["name"].astype(np.int64), "day": days})
    counted = table.group_by(["i", "day"]).aggregate([([], "count_all")])
    return counted.rename_columns(["i", "day", "retries"])
