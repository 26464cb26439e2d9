"""Find calls that exceed a rate limit, however its windows are placed.

Logs show neither when the windows of a limit begin, nor the kind of a token. Their
clocks can be wrong, and two logs can have recorded the same calls. A sum above a limit
therefore proves nothing by itself. :func:`excesses` lists only calls for which no
possibility is left:

- Windows begin at any time, and a call can have been counted a little earlier or
  later than its logged time (``SLACK``). Windows of a day can have 23 to 25 hours
  (:func:`unexplained`).
- Only calls of a single stream are added, because its clock is the same for all of
  them. Left out are hours in which any time zone changes its clocks; times that a log
  contains twice because its clock was set back; and streams with backdated calls.
- Only successful calls count, because others may have used no quota. If nearly all
  calls of a file are logged several times, each counts once.
- A limit for an application's own token is exceeded only by tokens that also exceed the
  limit for a user. Calls with neither token nor user can be those of many users.
- A limit applies from the day after its date. If the next version has no date of
  effect, that version may have applied before: the higher value counts.

Groups without a window above the limit in ``busiest`` need no closer look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan.ledger.clock import BACKDATED, clock_changes
from provscan.ledger.counts import Counts
from provscan.ledger.database import literal
from provscan.ledger.database import rows as rows_of
from provscan.ledger.tables import EXCESSES

MICRO = 1_000_000
DAY, HOUR = 86_400 * MICRO, 3600 * MICRO
# The largest difference between the time at which the platform counted a call and the
# logged one, apart from the offset of the clock. Some logs only state minutes.
SLACK, MINUTE = 15 * MICRO, 60 * MICRO
# A window is divided into this many cells, whose starts are compared.
CELLS = 180
# A log whose times go back more often, and in more than a thousandth of its calls, is
# not in order of time: its clock was not set back.
STEPS = 10
# The scopes of limits that can be exceeded, with the group of names that they limit.
GROUPS = {
    "application": "application",
    "app-only": "application",
    "project": "project",
}


class Limit(NamedTuple):
    """A version of a rate limit. ``begin`` and ``until`` are in microseconds."""

    pack: str
    rule: str
    version: str
    scope: str
    endpoints: list[str]
    seconds: int
    value: int
    begin: int
    until: int


LIMITS = """
    SELECT pack, rule, version, scope, endpoints, 60 * window_minutes AS seconds,
        permits AS value, epoch_us(from_day + 1) AS begin,
        epoch_us(until_day - 1) AS until
    FROM rules WHERE kind = 'rate_limit' AND from_day IS NOT NULL AND value IS NOT NULL
    ORDER BY pack, rule, begin"""


# The successful calls of a group. If 99% of the calls of a file occur twice or three
# times, each was logged that often, and counts once.
SUCCESSFUL = """
    WITH mine AS (
        SELECT stream, part, row, epoch_us(time) AS time,
            coalesce(token, "user", '') AS holder,
            coalesce(lag(epoch_us(time)) OVER (PARTITION BY part ORDER BY row)
                - epoch_us(time), 0) AS back,
            count(*) OVER same AS copies, row_number() OVER same_in_order AS nth
        FROM calls JOIN names USING (key) JOIN files USING (part) WHERE {inside}
        WINDOW same AS (PARTITION BY part, time, key, parameters, tweets, newest),
            same_in_order AS (PARTITION BY part, time, key, parameters, tweets, newest
                ORDER BY row)
    ), logged AS (
        SELECT part, CASE WHEN avg((copies % 2 = 0)::INTEGER) >= 0.99 THEN 2
            WHEN avg((copies % 3 = 0)::INTEGER) >= 0.99 THEN 3 ELSE 1 END AS often
        FROM mine GROUP BY part
    )
    SELECT stream, time, holder, back FROM mine JOIN logged USING (part)
    WHERE (nth - 1) % often = 0 ORDER BY stream, time"""


def excesses(counts: Counts, clock: pa.Table) -> pa.Table:
    """Return the table ``excesses``, given the table ``clock``. The table ``rules``
    contains the limits.
    """
    limits = [Limit(**row) for row in rows_of(counts.database, LIMITS)]
    rows: list[dict[str, Any]] = []
    backdated = {row["stream"] for row in clock.to_pylist() if row["kind"] == BACKDATED}
    for limit in limits:
        if limit.scope not in GROUPS:
            continue
        users = [
            other
            for other in limits
            if other.scope == "user"
            and (other.pack, other.seconds) == (limit.pack, limit.seconds)
        ]
        for name, endpoint, streams in _candidates(counts, limit, backdated):
            subjects: Iterable[tuple[str, str | None, list[str] | None]]
            if limit.scope == "app-only":
                subjects = _own_tokens(limit, users, name, endpoint, streams)
            else:
                # Calls without a name can be those of many applications.
                subjects = [(GROUPS[limit.scope], name, None)] if name else []
            for scope, subject, tokens in subjects:
                for times, holders in streams:
                    if tokens is not None:
                        times = times[np.isin(holders, tokens)]
                    rows += [
                        {
                            "pack": limit.pack,
                            "rule": limit.rule,
                            "version": limit.version,
                            "scope": scope,
                            "name": subject,
                            "endpoint": endpoint,
                            "start": int(times[first]),
                            "end": int(times[last]),
                            "calls": last - first + 1,
                        }
                        for first, last in _above(limit, limit.value, times)
                    ]
    return pa.Table.from_pylist(rows, EXCESSES)


def _own_tokens(
    limit: Limit,
    users: Sequence[Limit],
    name: str | None,
    endpoint: str,
    streams: Sequence[tuple[Any, Any]],
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (scope, name of the subject, tokens) for the tokens to which a limit for an
    application's own token certainly applies.
    """
    users = [
        user
        for user in users
        # This matches like GLOB of DuckDB.
        if any(fnmatchcase(endpoint, pattern) for pattern in user.endpoints)
        and user.begin < limit.until
        and limit.begin < user.until
    ]
    # Without a limit for users, nothing is known about calls with users' tokens.
    if not users:
        return
    permitted = max(user.value for user in users)
    begin, until = min(u.begin for u in users), max(u.until for u in users)
    own: dict[str, None] = {}
    for times, holders in streams:
        inside = (times >= begin) & (times < until)
        for holder in dict.fromkeys(holders[inside]):
            if holder and holder not in own:
                mine = times[inside & (holders == holder)]
                if any(_above(limit, permitted, mine)):
                    own[holder] = None
    if name is not None and own:
        yield "application", name, list(own)
    elif name is None:
        # Each token can be that of another application.
        yield from (("token", token, [token]) for token in own)


def _candidates(
    counts: Counts, limit: Limit, backdated: Collection[str]
) -> Iterator[tuple[str | None, str, list[tuple[Any, Any]]]]:
    """Yield the groups with a window above the limit: the name, the endpoint, and for
    each stream the times and the tokens of the calls that certainly count.
    """
    scope = GROUPS[limit.scope]
    patterns = " OR ".join(f"endpoint GLOB {literal(each)}" for each in limit.endpoints)
    groups = counts.sql(
        f"""SELECT DISTINCT {scope} AS name, endpoint, {scope}_group AS group_id
        FROM names JOIN busiest ON group_id = {scope}_group
        WHERE scope = '{scope}' AND "window" = {limit.seconds}
            AND calls > {limit.value} AND ({patterns})
            AND day BETWEEN {limit.begin // DAY - 1} AND {limit.until // DAY}
        ORDER BY ALL"""
    ).fetchall()
    for name, endpoint, number in groups:
        inside = f"""{scope}_group = {number} AND calls.status BETWEEN 200 AND 299
            AND epoch_us(time) >= {limit.begin} AND epoch_us(time) < {limit.until}"""
        found = counts.sql(SUCCESSFUL.format(inside=inside)).fetchnumpy()
        stream, times = np.asarray(found["stream"]), np.asarray(found["time"])
        holders = np.asarray(found["holder"])
        streams = []
        for each in dict.fromkeys(stream):
            if each in backdated:
                continue
            mine = stream == each
            back = np.asarray(found["back"])[mine]
            kept = _trusted(counts, each, times[mine], back)
            streams += [(times[mine][rows], holders[mine][rows]) for rows in kept]
        yield name, endpoint, streams


def _trusted(counts: Counts, stream: str, times: Any, back: Any) -> Iterator[Any]:
    """Yield masks of calls between changes of the clock. ``back`` is the time by which
    a call precedes the one before it in the log.
    """
    zones = {part.zone for part in counts.parts if part.about["stream"] == stream}
    changes = clock_changes(
        zones,
        *(datetime.fromtimestamp(at / MICRO, UTC) for at in (times[0], times[-1])),
    )
    # If a clock was set back, the log has its times from then on twice.
    steps = np.flatnonzero((back > SLACK) & (back <= 2 * HOUR))
    if len(steps) <= max(STEPS, len(times) // 1000):
        changes += [
            (int(times[row]) - SLACK, int(times[row] + back[row]) + SLACK)
            for row in steps
        ]
    begin = -(1 << 62)
    for start, end in [*sorted(changes), (1 << 62, 1 << 62)]:
        inside = (times >= begin) & (times < start)
        if inside.any():
            yield inside
        begin = max(begin, end)


def _above(limit: Limit, value: int, times: Any) -> Iterator[tuple[int, int]]:
    shortest = longest = limit.seconds * MICRO
    if limit.seconds % 86_400 == 0:
        shortest, longest = shortest - HOUR, longest + HOUR
    return unexplained(times, value, shortest, longest)


def unexplained(
    times: Any, value: int, shortest: int, longest: int
) -> Iterator[tuple[int, int]]:
    """Yield the first and the last call of windows that exceed a limit in every placing
    of windows.

    ``times`` int64[n] are the sorted times of calls. A placing is a sequence of windows
    that do not overlap, of ``shortest`` to ``longest``, such that each call is in one
    of them, within the slack. It explains the calls if no window has more than
    ``value``. The possible starts of a window follow from those of the window before
    it; if none is left, no placing explains the calls. Starts are compared in cells of
    time; where a cell is too coarse to decide, the calls count as explained.
    """
    slack = SLACK if (times % MINUTE).any() else SLACK + MINUTE
    inner = shortest - 2 * slack
    ends = np.searchsorted(times, times + max(inner, 0), "right")
    busy = np.flatnonzero(ends - np.arange(len(times)) > value)
    if inner <= 0 or not len(busy):
        return
    # Look only at the calls near busy times: fewer calls are easier to explain.
    reach = 4 * longest
    cuts = np.flatnonzero(np.diff(times[busy]) > 2 * reach) + 1
    for group in np.split(busy, cuts):
        low = int(np.searchsorted(times, times[group[0]] - reach))
        high = int(np.searchsorted(times, times[group[-1]] + reach, "right"))
        while high - low > value:
            found = _first(times[low:high], value, shortest, longest, slack)
            if found is None:
                break
            yield low + found[0], low + found[1]
            low += found[1] + 1


def _first(
    times: Any, value: int, shortest: int, longest: int, slack: int
) -> tuple[int, int] | None:
    """Return the first window that no placing can avoid: its first and last call."""
    cell = max(shortest // CELLS, 1)
    origin = int(times[0]) - longest - slack
    starts = np.arange(origin, int(times[-1]) + slack + cell, cell)
    # The calls that are certainly in a window that starts in a cell.
    first = np.searchsorted(times, starts + cell + slack)
    last = np.searchsorted(times, starts + shortest - slack)
    fits = last - first <= value
    # The next window begins before the next call, or there is none.
    after = np.searchsorted(times, starts + cell + longest + slack)
    latest = (np.append(times, 1 << 62)[after] + slack - origin) // cell
    block = shortest // cell
    change = np.zeros(len(starts) + block + 1, np.int64)
    change[0] += 1
    change[(longest + 2 * slack) // cell + 1] -= 1
    possible = 0
    final = np.zeros(0, np.int64)  # The starts after which no window fits.
    furthest = (longest + 2 * slack) // cell
    for begin in range(0, len(starts), block):
        if begin > furthest:
            break
        # Windows that start in a block end after it.
        open_ = possible + np.cumsum(change[begin : begin + block])
        possible = int(open_[-1])
        cells = begin + np.flatnonzero(open_[: len(starts) - begin] > 0)
        good = cells[fits[cells]]
        if (after[good] == len(times)).any():
            return None
        if len(good):
            np.add.at(change, good + block, 1)
            np.add.at(change, np.minimum(latest[good] + 1, len(change) - 1), -1)
            furthest = max(furthest, int(latest[good].max()))
            cells = cells[cells > good[-1]]
            final = cells
        else:
            final = np.concatenate([final, cells])
    worst = final[np.argmax((last - first)[final])]
    return int(first[worst]), int(last[worst]) - 1
