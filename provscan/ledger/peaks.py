"""Find the busiest windows, shared quotas and retries.

:func:`walk` reads all calls once, in order of time and some millions at a time, and
passes them to compiled loops. The calls of the last days, in which a window can begin,
are in a mapped file, so that memory does not depend on the number of calls a day.
``access.sql`` makes tables from the results.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import zip_longest
from tempfile import TemporaryFile
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from provscan.errors import ParameterError
from provscan.ledger.columns import require_zone
from provscan.ledger.counts import QUARTER, SCOPES, Counts
from provscan.ledger.kernels import (
    CALL,
    PENDING,
    RECENT,
    busiest,
    repeats,
    window_type,
)
from provscan.ordered_map import ordered_map

DAY = 86_400
# In seconds: the longest time between a call and its retry.
RETRY = 60
# Approximate number of calls that are in memory at a time.
CALLS = 4_000_000
MICRO = 1_000_000
# Periods of whole quarter hours, in seconds, with about CALLS calls each, and the
# maximum number of calls in the period and the two days before it.
PIECES = f"""
    WITH added AS (
        SELECT quarter, sum(calls)::BIGINT AS calls FROM quarters GROUP BY quarter
    ), placed AS (
        SELECT quarter, calls, sum(calls) OVER (ORDER BY quarter) // {CALLS} AS piece,
            sum(calls) OVER (ORDER BY quarter RANGE BETWEEN {2 * DAY // QUARTER + 1}
                PRECEDING AND CURRENT ROW) AS recent
        FROM added
    ) SELECT {QUARTER} * min(quarter), {QUARTER} * (max(quarter) + 1),
        (max(recent) + sum(calls))::BIGINT
    FROM placed GROUP BY piece ORDER BY piece"""


class Walked(NamedTuple):
    """The results of :func:`walk`: the busiest windows of each group and day, and the
    number of retries of each name and day.
    """

    busiest: pa.Table
    retries: pa.Table


class Midnight(NamedTuple):
    """The beginning of a day in a zone, in microseconds since 1970."""

    time: int
    zone: int
    day: date


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
    """Walk through all calls; ``windows`` are in seconds, ascending."""
    names = counts.sql("SELECT * FROM names ORDER BY i").to_arrow_table()
    holders = names["holder"].to_numpy().astype(np.uint64)
    zones = list(dict.fromkeys(("UTC", zone)))
    # Leave out scopes without names, such as users in a log of applications.
    scopes = [
        _Scope(number, names[f"of_{scope}"].to_numpy(), windows, zones)
        for number, scope in enumerate(SCOPES)
        if scope == "application" or names[scope].null_count < len(names)
    ]
    pieces = counts.sql(PIECES).fetchall()
    midnights = _midnights(zones, pieces[0][0], pieces[-1][1])
    most = max(kept for _, _, kept in pieces)
    calls, retries, added = np.zeros(0, CALL), [], 0
    with TemporaryFile(dir=counts.work) as file:
        # Zeros are written so that a full disk is an error here, and not later.
        np.zeros(1 << int(most).bit_length(), RECENT).tofile(file)
        recent = np.memmap(file, RECENT, "r+")
        for number, (begin, end, _) in enumerate(pieces, 1):
            before = calls[calls["time"] >= (begin - RETRY) * MICRO]
            new = _calls(counts, begin, end)
            calls = np.concatenate([before, new])
            retries.append(_retries(calls, holders, begin))
            new = new[new["answered"]]
            slots = np.arange(added, added + len(new)) & (len(recent) - 1)
            recent["time"][slots], recent["name"][slots] = new["time"], new["name"]
            passed = [
                m for m in midnights if m.time < end * MICRO or end == pieces[-1][1]
            ]
            midnights = midnights[len(passed) :]
            cuts = added + np.searchsorted(new["time"], [m.time for m in passed])
            added += len(new)
            add = partial(_Scope.add, recent=recent, passed=passed, cuts=[*cuts, added])
            list(ordered_map(add, scopes, os.cpu_count() or 1))
            on_progress("peaks", number, len(pieces))
    found = [table for scope in scopes for table in scope.found]
    return Walked(pa.concat_tables(found), pa.concat_tables(retries))


class _Scope:
    """The busiest windows of the groups of one scope."""

    def __init__(
        self, number: int, groups: Any, windows: Sequence[int], zones: Sequence[str]
    ) -> None:
        size = int(groups.max()) + 1
        self.found: list[pa.Table] = []
        self._number, self._groups, self._zones = number, groups, zones
        self._lengths = np.array(windows, np.int64)
        self._latest = np.full((size, 2), -DAY * MICRO)
        self._windows = np.zeros((size, len(windows)), window_type(len(zones)))
        self._begun = [Midnight(0, 0, date.min)] * len(zones)
        self._added = 0

    def add(self, recent: Any, passed: Sequence[Midnight], cuts: Sequence[int]) -> None:
        """Add the calls up to the last of ``cuts``; before the call with the number
        ``cuts[i]``, the day ``passed[i]`` begins.
        """
        for cut, midnight in zip_longest(cuts, passed):
            busiest(
                recent,
                np.array([self._added, cut]),
                self._number,
                self._groups,
                self._lengths * MICRO,
                np.array([begun.time for begun in self._begun]),
                self._latest,
                self._windows,
            )
            self._added = cut
            if midnight is not None:
                self._end(midnight.zone)
                self._begun[midnight.zone] = midnight

    def _end(self, zone: int) -> None:
        """End the day of a zone: move its busiest windows to ``found``."""
        best = self._windows["best"][:, :, zone]
        group, window, kind = np.nonzero(best[..., 0])
        number = len(group)
        if number:
            columns = {
                "scope": pa.repeat(SCOPES[self._number], number),
                "of": group,
                "window": self._lengths[window],
                "kind": kind,
                "zone": pa.repeat(self._zones[zone], number),
                "day": pa.repeat(self._begun[zone].day, number),
                "calls": best[group, window, kind, 0],
                "start": best[group, window, kind, 1],
            }
            self.found.append(pa.table(columns))
        best[:] = 0


def _midnights(zones: Sequence[str], begin: int, end: int) -> list[Midnight]:
    """Return the beginnings of days in all zones, in order of time: from the days of
    ``begin`` to the days after ``end``, which are in seconds.
    """
    found = []
    for number, name in enumerate(zones):
        zone = ZoneInfo(name)
        day = datetime.fromtimestamp(begin, zone).date()
        last = datetime.fromtimestamp(end, zone).date()
        while day <= last + timedelta(days=1):
            time = datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
            found.append(Midnight(round(time) * MICRO, number, day))
            day += timedelta(days=1)
    return sorted(found)


def _calls(counts: Counts, begin: int, end: int) -> Any:
    """Return the calls of a period in order of time; simultaneous calls keep the order
    of the logs.
    """
    rows = counts.sql(
        f"""SELECT epoch_us(time) AS time, parameters, n.i::INTEGER AS name,
            (outcome = 'answered')::UTINYINT AS answered
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
    """Return the number of retries of each name and UTC day from ``begin`` on."""
    again = np.zeros(len(calls), np.bool_)
    slots = 2 * np.count_nonzero(~calls["answered"]) + 1
    pending = np.zeros(1 << int(slots).bit_length(), PENDING)
    repeats(calls, holders, RETRY * MICRO, pending, again)
    found = calls[again & (calls["time"] >= begin * MICRO)]
    days = pa.array((found["time"] // (DAY * MICRO)).astype(np.int32)).cast(pa.date32())
    table = pa.table({"i": found["name"].astype(np.int64), "day": days})
    counted = table.group_by(["i", "day"]).aggregate([([], "count_all")])
    return counted.rename_columns(["i", "day", "retries"])
