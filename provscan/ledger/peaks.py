"""Find the busiest windows, shared quotas and retries.

:func:`walk` reads all calls once, in order of time and several days at a time, and
passes them to compiled loops. ``access.sql`` makes tables from its results.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from provscan.errors import ParameterError
from provscan.ledger.columns import require_zone
from provscan.ledger.counts import SCOPES, Counts
from provscan.ledger.kernels import CALL, PENDING, WINDOW, busiest, repeats
from provscan.ordered_map import ordered_map

DAY = 86_400
# In seconds: the longest time between a call and its retry, and the longest time for
# which earlier calls matter: a day of 25 hours, when clocks change.
RETRY, BEFORE = 60, 25 * 3600
# Approximate number of calls that are in memory at a time.
CALLS = 6_000_000
MICRO = 1_000_000


class Walked(NamedTuple):
    """The results of :func:`walk`: the busiest windows of each group and day, and the
    number of retries of each name and day.
    """

    busiest: pa.Table
    retries: pa.Table


def require_windows(windows: Sequence[int], zone: str) -> None:
    """Check the lengths of windows and the zone."""
    require_zone(zone)
    for window in windows:
        if not 1 <= window <= DAY:
            raise ParameterError(
                f"a window must have 1 to {DAY:,} seconds, not {window}; longer "
                "periods are sums of days in the table calls"
            )


def walk(counts: Counts, windows: Sequence[int], zone: str, on_progress: Any) -> Walked:
    names = counts.sql("SELECT * FROM names ORDER BY i").to_arrow_table()
    groups = {scope: names[f"of_{scope}"].to_numpy() for scope in SCOPES}
    holders = names["holder"].to_numpy().astype(np.uint64)
    found: list[pa.Table] = []
    retries: list[pa.Table] = []
    # Leave out scopes without names, such as users in a log of applications.
    scopes = [
        s for s in SCOPES if s == "application" or names[s].null_count < len(names)
    ]
    jobs = [(s, shown) for shown in dict.fromkeys(("UTC", zone)) for s in scopes]
    lengths = np.array(windows, np.int64)
    periods = list(_periods(counts))
    calls = np.zeros(0, CALL)
    for number, (begin, end) in enumerate(periods, 1):
        earlier = calls[calls["time"] >= (begin - BEFORE) * MICRO]
        calls = np.concatenate([earlier, _calls(counts, begin, end)])
        retries.append(_retries(calls, holders, begin))
        find = partial(_busiest, calls, groups, lengths, (begin, end))
        found += ordered_map(find, jobs, os.cpu_count() or 1)
        on_progress("peaks", number, len(periods))
    return Walked(pa.concat_tables(found), pa.concat_tables(retries))


def _periods(counts: Counts) -> Iterator[tuple[int, int]]:
    """Yield periods of whole UTC days, in seconds, with about ``CALLS`` calls each."""
    days = counts.sql(
        """SELECT epoch(day)::BIGINT, sum(calls) FROM sums GROUP BY day ORDER BY day"""
    ).fetchall()
    begin, number, last = days[0][0], 0, days[0][0]
    for day, calls in days:
        if number and number + calls > CALLS:
            yield begin, last + DAY
            begin, number = day, 0
        number += calls
        last = day
    yield begin, last + DAY


def _calls(counts: Counts, begin: int, end: int) -> Any:
    """Return the calls of a period in order of time; simultaneous calls keep the order
    of the logs.
    """
    rows = counts.sql(
        f"""SELECT epoch_us(time) AS time, parameters, n.i::INTEGER AS name,
            coalesce(tweets, 0) AS tweets, (outcome = 'answered')::UTINYINT AS answered
        FROM ({counts.calls(counts.within(begin, end))}) JOIN names n USING (key)
        WHERE time >= make_timestamp({begin * MICRO})
            AND time < make_timestamp({end * MICRO})"""
    ).to_arrow_table()
    order = np.argsort(rows["time"].to_numpy(), kind="stable")
    calls = np.empty(len(rows), CALL)
    for name in rows.column_names:
        calls[name] = rows[name].to_numpy()[order]
    return calls


def _retries(calls: Any, holders: Any, begin: int) -> pa.Table:
    """Return the number of retries of each name and UTC day."""
    calls = calls[np.searchsorted(calls["time"], (begin - RETRY) * MICRO) :]
    again = np.zeros(len(calls), np.bool_)
    slots = 2 * np.count_nonzero(~calls["answered"]) + 1
    pending = np.zeros(1 << int(slots).bit_length(), PENDING)
    repeats(calls, holders, RETRY * MICRO, pending, again)
    found = calls[again & (calls["time"] >= begin * MICRO)]
    pairs = np.stack([found["name"].astype(np.int64), found["time"] // (DAY * MICRO)])
    (names, days), numbers = np.unique(pairs, axis=1, return_counts=True)
    return pa.table(
        {
            "i": pa.array(names),
            "day": pa.array(days.astype(np.int32)).cast(pa.date32()),
            "retries": pa.array(numbers, pa.int64()),
        }
    )


def _busiest(
    calls: Any,
    groups: dict[str, Any],
    lengths: Any,
    period: tuple[int, int],
    job: tuple[str, str],
) -> pa.Table:
    """Return the busiest windows of one scope for each day in one zone."""
    scope, zone = job
    group = groups[scope]
    size = int(group.max(initial=0)) + 1
    latest, following = np.full(size, -1), np.zeros(len(calls), np.int64)
    windows = np.zeros((size, len(lengths)), WINDOW)
    rows: list[Any] = []
    for day, midnight, start, end in _days(zone, *period):
        first, last = np.searchsorted(calls["time"], (start * MICRO, end * MICRO))
        span = np.array([first, last, midnight * MICRO])
        busiest(calls, span, group, lengths * MICRO, latest, following, windows)
        at, window, kind = np.nonzero(windows["best"][..., 0])
        if start >= period[0]:
            best = windows["best"][at, window, kind]
            rows.append([at, lengths[window], kind, np.full(len(at), day), *best.T])
        windows["best"] = 0
    of_day = [np.concatenate(column) for column in zip(*rows, strict=True)]
    names = ("of", "window", "kind", "day", "calls", "tweets", "start")
    table = pa.table(dict(zip(names, of_day, strict=True)))
    table = table.append_column("zone", pa.repeat(zone, len(table)))
    return table.append_column("scope", pa.repeat(scope, len(table)))


def _days(zone: str, begin: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the days of a zone from ``BEFORE`` seconds before ``begin``, with their
    midnight, and the period of each. A day is cut at ``begin`` and ``end``.
    """
    local = datetime.fromtimestamp(begin - BEFORE, ZoneInfo(zone)).date()
    day = (local - date(1970, 1, 1)).days
    midnight = _midnight(local, zone)
    while midnight < end:
        local += timedelta(days=1)
        following = _midnight(local, zone)
        cuts = [midnight, *([begin] if midnight < begin < following else [])]
        for start, stop in zip(cuts, [*cuts[1:], following], strict=True):
            yield day, midnight, start, min(stop, end)
        midnight, day = following, day + 1


def _midnight(day: date, zone: str) -> int:
    """Return the time at which a day begins in a zone."""
    begin = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return round(begin.timestamp())
