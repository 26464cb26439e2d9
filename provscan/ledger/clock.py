"""The snowflake clock: find errors of a log's clock with the ids of tweets.

An id contains the time at which its tweet was posted, in milliseconds, and a response
can't contain a tweet from the future. So the logged time of a response, minus the time
of its newest tweet, is the offset of the clock plus an age of at least zero. A logged
time that precedes that of a tweet is therefore proved to be wrong. A clock that is
ahead can't be told from a log of old tweets, and is not noticed.

:func:`clock` makes the table. If a quarter of a log is wrong, its clock is *behind*.
Otherwise, or if some calls are wrong by hours more than the others, these are
*backdated*, and the log is not used to find excesses. :func:`clock_changes` returns the
times at which clocks are set for daylight saving time.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pyarrow as pa

from provscan.ledger.counts import QUARTER, Counts
from provscan.ledger.database import rows
from provscan.ledger.tables import CLOCK
from provscan.names import counted, several
from provscan.snowflakes import SNOWFLAKE_EPOCH

# The tolerated error of a clock, in seconds.
TOLERANCE = 60
BACKDATED = "backdated"
# In seconds: daylight saving time and the ages of the youngest tweets of a log explain
# smaller differences between its calls.
HOURS = 7200
MICRO = 1_000_000
DAY, MINUTE = 86_400 * MICRO, 60 * MICRO
DELAYS = f"""
    SELECT stream, time, epoch(coalesce(seen, time))
        - ((newest >> 22) + {SNOWFLAKE_EPOCH}) / 1000.0 AS delay
    FROM calls JOIN (SELECT part, stream FROM files) USING (part)
    WHERE newest IS NOT NULL AND outcome = 'answered'"""
# A client that pages back through old tweets gets fresh ones only on the first page, so
# quarter hours with a wrong call are counted, and not calls.
CLOCKS = f"""
    SELECT stream, min(first)::TIMESTAMPTZ AS start, max(last)::TIMESTAMPTZ AS "end",
        coalesce(any_value(number), 0) AS rows, any_value(low) AS offset_at_most,
        coalesce(any_value(wrong), 0) AS impossible,
        CASE WHEN any_value(number) IS NULL THEN 'not_measured'
            WHEN any_value(wrong) = 0 THEN 'agrees'
            WHEN any_value(share) < 0.25 OR any_value(low < usual - {HOURS})
            THEN '{BACKDATED}' ELSE 'behind' END AS kind
    FROM files LEFT JOIN (
        SELECT stream, sum(n)::BIGINT AS number, sum(early)::BIGINT AS wrong,
            min(low) AS low, quantile_cont(low, 0.25) AS usual,
            avg((early > 0)::INTEGER) AS share FROM (
                SELECT stream, count(*) AS n, min(delay) AS low,
                    count(*) FILTER (delay < {-TOLERANCE}) AS early FROM delays
                GROUP BY stream, epoch_us(time) // {QUARTER}000000)
        GROUP BY stream) USING (stream)
    WHERE part IS NOT NULL GROUP BY stream ORDER BY stream"""
# What the table says of each kind.
EVIDENCE = {
    "agrees": "no call states a time before that of a tweet that was returned",
    "not_measured": "no call has ids of its tweets (calls that another file also has "
    "are left out), so the times can't be checked",
}


def clock(counts: Counts) -> pa.Table:
    """Return the table ``clock``, and make the table ``backdated`` of calls."""
    counts.store("delays", DELAYS)
    found = rows(counts.database, CLOCKS)
    for row in found:
        number = row["impossible"]
        row["evidence"] = EVIDENCE.get(row["kind"]) or (
            f"{number:,} of {counted(row['rows'], 'row')} "
            f"{'states' if number == 1 else 'state'} a time before that of a tweet "
            f"that was returned, by up to {lasting(row['offset_at_most'])}"
        )
    table = pa.Table.from_pylist(found, CLOCK)
    counts.database.register("clock", table)
    counts.sql(
        f"""CREATE TEMP TABLE backdated AS SELECT stream, time FROM delays
        WHERE delay < {-TOLERANCE} AND stream IN (
            SELECT stream FROM clock WHERE kind = '{BACKDATED}')"""
    )
    return table


def lasting(seconds: float) -> str:
    """Return a duration in words, with its two largest units."""
    rest, words = round(abs(seconds)), []
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        number, rest = divmod(rest, size)
        if number:
            words.append(several(number, unit, f"{unit}s"))
    return " and ".join(words[:2]) or "less than a second"


def clock_changes(
    zones: Iterable[str], first: datetime, last: datetime
) -> list[tuple[int, int]]:
    """Return the periods, in logged time and microseconds, in which clocks may have
    been changed, in any zone if the logs do not state theirs.
    """
    found = []
    for year in range(first.year, last.year + 1):
        found += _local_changes(year)
        for zone in sorted(zones):
            found += [(at - abs(by), at + abs(by)) for at, by in _switches(zone, year)]
    return found


@cache
def _local_changes(year: int) -> list[tuple[int, int]]:
    """Return the local times, as if in UTC, at which clocks are changed in any zone."""
    found = set()
    for zone in available_timezones():
        for at, by in _switches(zone, year):
            local = at + _offset(zone, at - MICRO)
            found.add((local + min(by, 0), local + max(by, 0)))
    return sorted(found)


@cache
def _switches(zone: str, year: int) -> list[tuple[int, int]]:
    """Return the times at which the clocks of a zone change in a year, and by how much;
    all in microseconds.
    """
    found = []
    begin, end = (_micro(date(each, 1, 1)) for each in (year, year + 1))
    for low in range(begin, end, 7 * DAY):
        minutes = range(low, min(low + 7 * DAY, end) + 1, MINUTE)
        before, after = _offset(zone, low), _offset(zone, minutes[-1])
        if before != after:
            at = bisect(minutes, False, key=lambda at: _offset(zone, at) != before)
            found.append((minutes[at], after - before))
    return found


def _offset(zone: str, at: int) -> int:
    offset = datetime.fromtimestamp(at // MICRO, ZoneInfo(zone)).utcoffset()
    return round((offset or timedelta()).total_seconds()) * MICRO


def _micro(day: date) -> int:
    return round(datetime.combine(day, time(), UTC).timestamp()) * MICRO
