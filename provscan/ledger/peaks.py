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
from datetime import datetime, timedelta
from functools import partial
from itertools import zip_longest
from tempfile import TemporaryFile
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from provscan.errors import ParameterError
from provscan.ledger.columns import require_zone
from provscan.ledger.counts import QUARTER, SCOPES, Counts
from provscan.ledger.kernels import RECENT, busiest, window_type
from provscan.ordered_map import ordered_map

DAY = 86_400
# The longest time between a call and its retry, in seconds.
RETRY = 60
# Approximate number of calls that are in memory at a time.
CALLS = 4_000_000
MICRO = 1_000_000


def require_windows(windows: Sequence[int], zone: str) -> None:
    """Check the lengths of windows and the zone."""
    require_zone(zone)
    for window in windows:
        if not 1 <= window <= DAY:
            raise ParameterError(
                f"a window must have 1 to {DAY:,} seconds, not {window}; longer "
                "periods are sums of days in the table calls"
            )


def walk(
    counts: Counts, windows: Sequence[int], zone: str, on_progress: Any
) -> tuple[pa.Table, pa.Table]:
    """Return the busiest windows of each group and day, and the number of retries of
    each name and day. ``windows`` are in seconds, ascending.
    """
    names = counts.sql("SELECT * FROM names ORDER BY i").to_arrow_table()
    zones = list(dict.fromkeys(("UTC", zone)))
    # Leave out scopes without names, such as users in a log of applications.
    scopes = [
        _Scope(number, names[f"{scope}_group"].to_numpy(), windows, zones)
        for number, scope in enumerate(SCOPES)
        if scope == "application" or names[scope].null_count < len(names)
    ]
    pieces = _pieces(counts)
    midnights = _midnights(zones, pieces[0][0], pieces[-1][1])
    slots = 1 << max(kept for _, _, kept in pieces).bit_length()
    before: list[Any] = []
    retries, added, done = [], 0, 0
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
            until = midnights[-1][0] if number == len(pieces) else end * MICRO
            days = [day for day in midnights if done < day[0] <= until]
            done = until
            cuts = added + np.searchsorted(new["time"], [day[0] for day in days])
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

    def __init__(
        self, number: int, groups: Any, windows: Sequence[int], zones: Sequence[str]
    ) -> None:
        self.found: list[pa.Table] = []
        self._number, self._groups, self._zones = number, groups, zones
        self._lengths = np.array(windows, np.int64)
        # The current day of each zone: the time of its midnight, its number, and the
        # number of its first call.
        self._days = np.zeros((len(zones), 3), np.int64)
        size = int(groups.max()) + 1
        self._latest = np.full((size, 2), -DAY * MICRO)
        self._windows = np.zeros((size, len(windows)), window_type(len(zones)))
        self._added = 0

    def add(self, recent: Any, days: Sequence[Any], cuts: Sequence[int]) -> None:
        """Add calls up to the last of ``cuts``. ``days`` are those of ``_midnights``
        that begin meanwhile, and ``cuts[i]`` is the number of the first call of
        ``days[i]``.
        """
        for cut, begun in zip_longest(cuts, days):
            busiest(
                recent,
                np.array([self._added, cut]),
                self._number,
                self._groups,
                self._lengths * MICRO,
                self._days[:, 0],
                self._latest,
                self._windows,
            )
            self._added = cut
            if begun is not None:
                time, zone, day = begun
                # Days without calls have no windows. The first day is added all the
                # same, so that an empty result has its columns.
                if cut > self._days[zone, 2] or not self.found:
                    self._end(zone)
                self._days[zone] = time, day, cut

    def _end(self, zone: int) -> None:
        """End the day of a zone: move its busiest windows to ``found``."""
        best = self._windows["best"][:, :, zone]
        group, window, kind = np.nonzero(best[..., 0])
        calls, start = best[group, window, kind].T
        columns = {
            "scope": pa.repeat(SCOPES[self._number], len(group)),
            "group_number": group,
            "window": self._lengths[window],
            "kind": kind,
            "zone": pa.repeat(self._zones[zone], len(group)),
            "day": pa.repeat(self._days[zone, 1], len(group)),
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


def _midnights(
    zones: Sequence[str], begin: int, end: int
) -> list[tuple[int, int, int]]:
    """Return the beginning of each day between ``begin`` and ``end`` (in seconds), and
    of a day or two around them: its time in microseconds, the number of its zone, and
    the number of the day.
    """
    found = []
    for number, zone in enumerate(zones):
        for day in range(begin // DAY - 1, end // DAY + 3):
            date = datetime(1970, 1, 1, tzinfo=ZoneInfo(zone)) + timedelta(days=day)
            found.append((round(date.timestamp()) * MICRO, number, day))
    return sorted(found)


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
