"""Find the busiest windows, shared quotas and retries.

:func:`walk` reads all calls once, in order of time and a few million at a time. It
counts retries, and passes the answered calls to a compiled loop (:class:`_Scope`). The
calls of the last two days, in which the windows begin, are in a mapped file, so memory
does not depend on the number of calls per day. ``access.sql`` makes tables from the
results.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.errors import ParameterError
from provscan.ledger.counts import QUARTER, SCOPES, Counts
from provscan.ledger.kernels import RECENT, WINDOW, busiest
from provscan.ordered_map import ordered_map

DAY = 86_400
# The longest time between a call and its retry, in seconds.
RETRY = 60
# Approximate number of calls that are in memory at a time.
CALLS = 4_000_000
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
    counts: Counts, windows: Sequence[int], on_progress: Any
) -> tuple[pa.Table, pa.Table]:
    """Return the busiest windows of each group and UTC day, and the number of retries
    of each name and day. ``windows`` are in seconds, ascending.
    """
    names = counts.sql("SELECT * FROM names ORDER BY i").to_arrow_table()
    # Leave out scopes without names, such as users in a log of applications.
    scopes = [
        _Scope(number, names[f"{scope}_group"].to_numpy(), windows)
        for number, scope in enumerate(SCOPES)
        if scope == "application" or names[scope].null_count < len(names)
    ]
    pieces = _pieces(counts)
    slots = 1 << max(kept for _, _, kept in pieces).bit_length()
    before: list[Any] = []
    retries, added, day = [], 0, pieces[0][0] // DAY
    with TemporaryFile(dir=counts.work) as file:
        # Write zeros, so that a full disk is an error here and not a crash later.
        np.zeros(slots, RECENT).tofile(file)
        recent = np.memmap(file, RECENT, "r+")
        for number, (begin, end, _) in enumerate(pieces, 1):
            new = _calls(counts, begin, end)
            calls = np.concatenate([*before, new])
            before = [calls[calls["time"] >= (end - RETRY) * MICRO]]
            retries.append(_retries(calls, begin))
            new = new[new["answered"]]
            at = np.arange(added, added + len(new)) % slots
            recent["time"][at], recent["name"][at] = new["time"], new["name"]
            # The days that end with this piece; those of the last piece all end.
            last = -(-end // DAY) if number == len(pieces) else end // DAY
            days = range(day, last)
            day = last
            midnights = [DAY * MICRO * (each + 1) for each in days]
            cuts = added + np.searchsorted(new["time"], midnights)
            added += len(new)
            add = partial(_Scope.add, recent=recent, days=days, cuts=[*cuts, added])
            list(ordered_map(add, scopes, os.cpu_count() or 1))
            on_progress("peaks", number, len(pieces))
    found = [table for scope in scopes for table in scope.found]
    return pa.concat_tables(found), pa.concat_tables(retries)


class _Scope:
    """Finds the busiest windows of the groups of one scope.

    ``found`` has the windows of the days that have ended.
    """

    def __init__(self, number: int, groups: Any, windows: Sequence[int]) -> None:
        self.found: list[pa.Table] = []
        self._number, self._groups = number, groups
        self._lengths = np.array(windows, np.int64)
        size = int(groups.max()) + 1
        self._latest = np.full((size, 2), -DAY * MICRO)
        self._windows = np.zeros((size, len(windows)), WINDOW)
        self._added = 0

    def add(self, recent: Any, days: Sequence[int], cuts: Sequence[int]) -> None:
        """Add calls up to the last of ``cuts``. ``days`` are those that end meanwhile,
        as days since 1970, and ``cuts[i]`` is the number of the first call after
        ``days[i]``.
        """
        for cut, day in zip_longest(cuts, days):
            busiest(
                recent,
                np.array([self._added, cut]),
                self._number,
                self._groups,
                self._lengths * MICRO,
                self._latest,
                self._windows,
            )
            self._added = cut
            if day is not None:
                self._end(day)

    def _end(self, day: int) -> None:
        """End a day: move its busiest windows to ``found``."""
        best = self._windows["best"]
        group, window = np.nonzero(best[..., 0])
        # The first day is added even without calls, so that an empty result has its
        # columns.
        if not len(group) and self.found:
            return
        calls, start = best[group, window].T
        columns = {
            "scope": pa.repeat(SCOPES[self._number], len(group)),
            "group_number": group,
            "window": self._lengths[window],
            "day": pa.repeat(day, len(group)),
            "calls": calls,
            "start": start,
        }
        self.found.append(pa.table(columns))
        best[:] = 0


def _pieces(counts: Counts) -> list[tuple[int, int, int]]:
    """Divide the time of all calls into periods of whole quarter hours, each with about
    ``CALLS`` calls. Return the beginning and end of each period, in seconds, and an
    upper bound of the number of calls in the period and the two days before it.
    """
    return counts.sql(
        f"""WITH added AS (
            SELECT quarter, sum(calls)::BIGINT AS calls FROM quarters GROUP BY quarter
        ), placed AS (
            SELECT quarter, calls,
                sum(calls) OVER (ORDER BY quarter) // {CALLS} AS piece,
                sum(calls) OVER (ORDER BY quarter RANGE BETWEEN {2 * DAY // QUARTER + 1}
                    PRECEDING AND CURRENT ROW) AS recent
            FROM added
        ) SELECT {QUARTER} * min(quarter), {QUARTER} * (max(quarter) + 1),
            (max(recent) + sum(calls))::BIGINT
        FROM placed GROUP BY piece ORDER BY piece"""
    ).fetchall()


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


def _retries(calls: Any, begin: int) -> pa.Table:
    """Return the number of retries of each name and UTC day from ``begin`` on."""
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
