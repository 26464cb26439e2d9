"""Find the busiest windows, shared quotas and retries.

:func:`walk` reads all calls in order of time, several days at a time, and finds sliding
windows and retries in compiled loops. :func:`peaks` makes the table of peaks, with
fixed windows as sums of cells, and :func:`fanout` makes the table of shared quotas.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from provscan.errors import ParameterError
from provscan.ledger.columns import require_zone
from provscan.ledger.counts import QUARTER, SCOPES, Counts
from provscan.ledger.kernels import busiest, repeats
from provscan.ledger.tables import FANOUT, PEAKS
from provscan.ordered_map import ordered_map

DAY = 86_400
# Maximum number of seconds between a retry and its predecessor.
RETRY = 60
# Approximate number of calls that are in memory at a time.
CALLS = 12_000_000
MICRO = 1_000_000
# Odd multiplier of a hash (2**64 / golden ratio); it mixes values into the upper bits.
MIX = np.uint64(0x9E3779B97F4A7C15)


class Walked(NamedTuple):
    """The results of :func:`walk`: the busiest sliding window of each group and day,
    and the number of retries of each name and day.
    """

    sliding: pa.Table
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
    holders = names["holder"].to_numpy()
    sliding: list[pa.Table] = []
    retries: list[pa.Table] = []
    chunks = list(_chunks(counts))
    before = max(*windows, RETRY)
    # Leave out scopes without names, such as users in a log of applications.
    scopes = [
        s for s in SCOPES if s == "application" or names[s].null_count < len(names)
    ]
    jobs = [(s, shown) for shown in dict.fromkeys(("UTC", zone)) for s in scopes]
    for number, (begin, end) in enumerate(chunks, 1):
        rows = counts.sql(
            f"""SELECT n.i, epoch_us(time) AS time, outcome = 'answered' AS answered,
                coalesce(tweets, 0)::BIGINT AS tweets, parameters
            FROM calls JOIN names n USING (key)
            WHERE time >= make_timestamp({(begin - before) * MICRO})
                AND time < make_timestamp({end * MICRO})"""
        ).fetchnumpy()
        columns = {name: np.asarray(column) for name, column in rows.items()}
        # Simultaneous calls keep the order of the log.
        order = np.argsort(columns["time"], kind="stable")
        columns = {name: column[order] for name, column in columns.items()}
        retries.append(_retries(columns, holders, begin))
        answered = columns["answered"]
        columns = {name: column[answered] for name, column in columns.items()}
        find = partial(_sliding, columns, groups, (begin, end), windows)
        for tables in ordered_map(find, jobs, os.cpu_count() or 1):
            sliding += tables
        on_progress("peaks", number, len(chunks))
    return Walked(pa.concat_tables(sliding), pa.concat_tables(retries))


def _chunks(counts: Counts) -> Iterator[tuple[int, int]]:
    """Yield periods of whole UTC days, in seconds, with about ``CALLS`` calls each."""
    days = counts.sql(
        f"""SELECT start // {DAY} AS day, sum(calls) FROM cells
        GROUP BY day ORDER BY day"""
    ).fetchall()
    begin, held, last = days[0][0], 0, days[0][0]
    for day, number in days:
        if held and held + number > CALLS:
            yield begin * DAY, (last + 1) * DAY
            begin, held = day, 0
        held += number
        last = day
    yield begin * DAY, (last + 1) * DAY


def _days(times: Any, zone: str, begin: int, end: int) -> Any:
    """Return the day of each time in a zone, in days since 1970."""
    if zone == "UTC":
        return (times // (DAY * MICRO)).astype(np.int32)
    first = begin // QUARTER
    quarters = np.arange(first, end // QUARTER + 1) * QUARTER
    offsets = np.array([_offset(int(start), zone) for start in quarters], np.int64)
    local = times + offsets[times // (QUARTER * MICRO) - first] * MICRO
    return (local // (DAY * MICRO)).astype(np.int32)


def _offset(start: int, zone: str) -> int:
    """Return the seconds by which a zone is ahead of UTC. Offsets change only at full
    quarter hours.
    """
    ahead = datetime.fromtimestamp(start, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert ahead is not None
    return round(ahead.total_seconds())


def _retries(columns: dict[str, Any], holders: Any, begin: int) -> pa.Table:
    """Return the number of retries of each name and UTC day."""
    # Hash the token, endpoint and parameters. A call can be a retry only if a refused
    # or failed call has the same first bits of the hash.
    holder = holders[columns["i"]].astype(np.uint64)
    group = (columns["parameters"] ^ (holder * MIX)) * MIX
    possible = np.zeros(1 << 24, np.bool_)
    possible[group[~columns["answered"]] >> np.uint64(40)] = True
    kept = np.flatnonzero(possible[group >> np.uint64(40)])
    order = kept[np.argsort(group[kept], kind="stable")]
    names, times = columns["i"][order], columns["time"][order]
    again = np.zeros(len(order), np.bool_)
    answered = columns["answered"][order]
    repeats(group[order], times, answered, begin * MICRO, RETRY * MICRO, again)
    days = (times[again] // (DAY * MICRO)).astype(np.int32)
    found, numbers = np.unique(
        np.stack([names[again], days.astype(np.int64)]), axis=1, return_counts=True
    )
    return pa.table(
        {
            "i": pa.array(found[0], pa.int64()),
            "day": pa.array(found[1].astype(np.int32)).cast(pa.date32()),
            "retries": pa.array(numbers, pa.int64()),
        }
    )


def _sliding(
    columns: dict[str, Any],
    groups: dict[str, Any],
    period: tuple[int, int],
    windows: Sequence[int],
    job: tuple[str, str],
) -> list[pa.Table]:
    """Return the busiest sliding window of one scope for each day in one zone."""
    scope, zone = job
    begin, end = period
    days = _days(columns["time"], zone, begin - 2 * DAY, end)
    group = groups[scope][columns["i"]]
    # NumPy sorts small integers by radix sort, which is faster.
    few = groups[scope].max(initial=0) < 1 << 16
    small = group.astype(np.uint16) if few else group
    order = np.argsort(small, kind="stable")
    group, times, days = group[order], columns["time"][order], days[order]
    tweets = columns["tweets"][order]
    tables = []
    for window in windows:
        best = np.zeros((len(group), 3), np.int64)
        busiest(group, times, days, tweets, begin * MICRO, window * MICRO, best)
        found = best[:, 0] > 0
        size = int(found.sum())
        columns = {
            "scope": pa.repeat(scope, size),
            "of": pa.array(group[found]),
            "window": pa.repeat(window, size),
            "zone": pa.repeat(zone, size),
            "day": pa.array(days[found]).cast(pa.date32()),
            "start": pa.array(best[found, 2]).cast(pa.timestamp("us")),
            "calls": pa.array(best[found, 0]),
            "tweets": pa.array(best[found, 1]),
        }
        tables.append(pa.table(columns))
    return tables


def peaks(counts: Counts, windows: Sequence[int], zone: str) -> pa.Table:
    """Return the table ``peaks``."""
    zones = list(dict.fromkeys(("UTC", zone)))
    counts.database.register("quarters", _quarters(counts, zones))
    queries = []
    for scope in SCOPES:
        known = "" if scope == "application" else f'WHERE "{scope}" IS NOT NULL'
        named = f'(SELECT DISTINCT of_{scope} AS "of", "{scope}" AS name, endpoint'
        named += f" FROM names {known})"
        queries.append(
            f"""SELECT '{scope}' AS scope, name, endpoint, "window", 'sliding' AS kind,
                zone, day, max_by(start, (calls, -epoch_us(start))) AS start,
                max(calls) AS calls,
                max_by(tweets, (calls, -epoch_us(start))) AS tweets
            FROM (SELECT * FROM sliding WHERE scope = '{scope}') JOIN {named}
                USING ("of") GROUP BY ALL"""
        )
        for window in windows:
            step = f"midnight + (c.start - midnight) // {window} * {window}"
            queries.append(
                f"""SELECT '{scope}', name, endpoint, {window}, 'fixed', zone, day,
                    make_timestamp(max_by(start, (calls, -start)) * {MICRO}),
                    max(calls), max_by(tweets, (calls, -start))
                FROM (
                    SELECT of_{scope} AS "of", zone, day,
                        {"midnight" if window == DAY else step} AS start,
                        sum(calls - refused - failed) AS calls, sum(delivered) AS tweets
                    FROM cells c JOIN names USING (i) JOIN quarters
                        ON quarters.quarter = c.start // {QUARTER} GROUP BY ALL
                ) JOIN {named} USING ("of") WHERE calls > 0 GROUP BY ALL"""
            )
    order = '"window", zone, kind, scope, name, endpoint, day'
    found = counts.sql(
        f"SELECT * FROM ({' UNION ALL '.join(queries)}) ORDER BY {order}"
    )
    return found.to_arrow_table().cast(PEAKS)


def _quarters(counts: Counts, zones: list[str]) -> pa.Table:
    """Return the day of each quarter hour in each zone, and when that day begins."""
    first, last = counts.sql("SELECT min(start), max(start) FROM cells").fetchall()[0]
    rows: dict[str, list[Any]] = {n: [] for n in ("quarter", "zone", "day", "midnight")}
    for zone in zones:
        midnight, known = 0, None
        for quarter in range((first - 2 * DAY) // QUARTER, last // QUARTER + 1):
            start = quarter * QUARTER
            day = (start + _offset(start, zone)) // DAY
            if day != known:
                midnight, known = start, day
            for name, value in zip(rows, (quarter, zone, day, midnight), strict=True):
                rows[name].append(value)
    table = pa.table(rows)
    day = pa.array(rows["day"], pa.int32()).cast(pa.date32())
    return table.set_column(2, "day", day)


def fanout(counts: Counts, window: int) -> pa.Table:
    """Return the table ``fanout``; its peaks are those of sliding windows."""
    queries = [
        f"""SELECT '{scope}' AS scope, a.name, a.endpoint, a.applications, a.tokens,
            a.first, a.last, a.calls, {window} AS "window", j.calls AS joint_peak,
            j.start AS joint_start, s.calls AS single_peak
        FROM (
            SELECT "{scope}" AS name, endpoint, any_value(of_{scope}) AS "of",
                list_sort(list(DISTINCT application)) AS applications,
                count(DISTINCT token) AS tokens, min(first) AS first, max(last) AS last,
                sum(calls - refused - failed) AS calls
            FROM cells JOIN names USING (i) WHERE "{scope}" IS NOT NULL GROUP BY ALL
        ) a JOIN (
            SELECT "of", max(calls) AS calls,
                max_by(start, (calls, -epoch_us(start))) AS start
            FROM sliding WHERE scope = '{scope}' AND zone = 'UTC'
                AND "window" = {window} GROUP BY ALL
        ) j USING ("of") LEFT JOIN (
            SELECT of_{scope} AS "of", max(x.calls) AS calls
            FROM sliding x JOIN (SELECT DISTINCT of_token, of_{scope} FROM names
                WHERE token IS NOT NULL) ON x."of" = of_token
            WHERE scope = 'token' AND zone = 'UTC' AND "window" = {window} GROUP BY ALL
        ) s USING ("of") WHERE a.tokens > 1 OR len(a.applications) > 1"""
        for scope in ("project", "user")
    ]
    found = counts.sql(f"{' UNION ALL '.join(queries)} ORDER BY scope, name, endpoint")
    return found.to_arrow_table().cast(FANOUT)
