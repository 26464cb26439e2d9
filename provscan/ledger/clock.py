"""The snowflake clock: estimate the error of a log's clock from the ids of tweets.

An id contains the time at which its tweet was posted, in milliseconds. A response can't
contain a tweet from the future. The logged time of a response, minus the time of its
newest tweet, therefore is the offset of the clock plus an age of at least zero. Over
many responses, the ages of fresh tweets accumulate just above the offset, with none
below it: a sharp *edge*. A negative offset is proved by rows whose logged time precedes
that of their tweets. A positive offset is only inferred, since all tweets could have
been that old.

:func:`clock` makes the table. It finds the edge of each day (:func:`_edges`), and fits
a constant, steps of quarter hours (a zone with daylight saving time), or a line (a
drift) to the edges (:func:`_fits`). Rows far below the fit are backdated. Moon, Skelly
and Towsley, INFOCOM 1999, doi:10.1109/INFCOM.1999.749287, estimate the offset and drift
of a clock in the same way, from lower envelopes of one-way delays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan.ledger.counts import QUARTER, Counts
from provscan.ledger.database import literal
from provscan.ledger.tables import CLOCK
from provscan.names import counted, several

# The zero point of the times in tweet ids, as Unix time in milliseconds.
EPOCH = 1_288_834_974_657
# In seconds: the width of a bin, the width of an edge, and the maximum age considered.
BIN, EDGE, AGE = 10, 60, 26 * 3600
# The bin of all higher ages.
OLD = -(10**9)
# Consecutive days are combined until they have this many rows.
ROWS = 30
# An edge contains at least this share, and this number, of the quarter hours with rows.
# The EDGE seconds below an edge contain at most the share FEW of its rows. All bins
# below an edge together contain at most the share FEW of all rows; the rows in them are
# backdated.
SHARE, QUARTERS, FEW = 0.05, 5, 0.1
# In seconds: the tolerated error of a clock, and the largest difference of edges that
# have the same offset.
TOLERANCE, SPREAD = 60, 90
DELAY = f"""epoch(coalesce(seen, time)) - ((newest >> 22) + {EPOCH}) / 1000.0"""


class Edge(NamedTuple):
    """The lowest delay shared by many rows of some days, and the time at which it
    occurred, both in seconds.
    """

    time: float
    delay: float


class Fit(NamedTuple):
    """A clock's offset in a period: at ``start``, and its change per second."""

    kind: str
    start: float
    end: float
    offset: float
    slope: float = 0.0


def clock(counts: Counts) -> pa.Table:
    """Return the table ``clock``."""
    rows: list[dict[str, Any]] = []
    counts.store(
        "delays",
        f"""SELECT part, time, {DELAY} AS delay FROM calls
        WHERE newest IS NOT NULL AND outcome = 'answered'""",
    )
    counts.sql(
        "CREATE TEMP TABLE backdated AS SELECT '' AS stream, time FROM delays LIMIT 0"
    )
    streams = counts.sql(
        """SELECT stream, epoch(min(first)), epoch(max(last)), list(part)
        FROM files GROUP BY stream ORDER BY stream"""
    ).fetchall()
    for stream, first, last, parts in streams:
        counts.sql(
            f"""CREATE OR REPLACE TEMP VIEW answers AS SELECT time, delay FROM delays
            WHERE part IN ({", ".join(map(str, parts))})"""
        )
        delays = counts.sql(
            f"""SELECT floor(epoch(time) / 86400)::BIGINT AS day,
                if(delay < {AGE}, floor(delay / {BIN})::BIGINT, {OLD}) AS bin,
                count(*) AS rows, count(DISTINCT epoch_us(time) // {QUARTER}000000)
                    AS quarters,
                min(delay) AS delay, min_by(epoch(time), delay) AS time
            FROM answers GROUP BY ALL ORDER BY day, bin"""
        ).fetchnumpy()
        delays = {name: np.asarray(each, np.float64) for name, each in delays.items()}
        if not delays["rows"].sum():
            row = {"kind": "not_measured", "rows": 0, "start": first, "end": last}
            evidence = (
                "no call has ids of its tweets (calls that another file also has are "
                "left out), so the times can't be checked"
            )
            rows.append(_row(stream, row, evidence))
            continue
        fits = _fits(_edges(delays), first, last)
        if any(_too_young(fit, delays) for fit in fits):
            fits = []
        fits = _with_switches(counts, fits)
        rows += _described(counts, stream, delays, fits, (first, last))
    return pa.Table.from_pylist(rows, CLOCK)


def from_utc(offset: float) -> str:
    """Return the offset of a clock in words, such as "6 hours behind UTC"."""
    if abs(offset) < 1:
        return "within a second of UTC"
    return f"{lasting(offset)} {'behind' if offset < 0 else 'ahead of'} UTC"


def lasting(seconds: float) -> str:
    """Return a duration in words, with its two largest units."""
    rest, words = round(abs(seconds)), []
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        number, rest = divmod(rest, size)
        if number:
            words.append(several(number, unit, f"{unit}s"))
    return " and ".join(words[:2]) or "less than a second"


def _edges(delays: dict[str, Any]) -> list[Edge]:
    """Return the edges of days, or of several days together if they have few rows."""
    edges = []
    begin = 0
    days = delays["day"]
    ends = np.flatnonzero(np.append(np.diff(days) > 0, True)) + 1
    for end in ends.tolist():
        if delays["rows"][begin:end].sum() >= ROWS or end == len(days):
            edge = _edge({name: each[begin:end] for name, each in delays.items()})
            edges += [] if edge is None else [edge]
            begin = end
    if not edges and (edge := _edge(delays)) is not None:
        edges = [edge]
    return edges


def _edge(delays: dict[str, Any]) -> Edge | None:
    """Return the edge of a histogram. If it has several, return the one at zero, or
    else the highest.
    """
    order = np.argsort(delays["bin"], kind="stable")
    order = order[delays["bin"][order] > OLD]
    bins, rows = delays["bin"][order], delays["rows"][order]
    total, width = delays["rows"].sum(), EDGE // BIN
    quarters = delays["quarters"][order]
    busy = max(1.0, float(np.unique(delays["day"]).size) * 86_400 / QUARTER)
    busy = min(busy, float(delays["quarters"].sum()))
    low = np.searchsorted(bins, bins - width, "left")
    start = np.searchsorted(bins, bins, "left")
    high = np.searchsorted(bins, bins + width, "left")
    rows_below = np.concatenate([[0.0], np.cumsum(rows)])
    quarters_below = np.concatenate([[0.0], np.cumsum(quarters)])
    inside, under = (
        rows_below[high] - rows_below[start],
        rows_below[start] - rows_below[low],
    )
    sharp = (
        (quarters_below[high] - quarters_below[start] >= max(QUARTERS, SHARE * busy))
        & (under <= FEW * inside)
        & (rows_below[start] <= FEW * total)
    )
    found = np.flatnonzero(sharp)
    if not len(found):
        return None
    at_zero = [i for i in found if -width <= bins[i] < width]
    # The bins of an edge are consecutive; the first bin has the lowest delay.
    chosen = at_zero[0] if at_zero else found[-1]
    while chosen > 0 and sharp[chosen - 1] and bins[chosen] - bins[chosen - 1] <= 1:
        chosen -= 1
    window = order[start[chosen] : high[chosen]]
    lowest = window[np.argmin(delays["delay"][window])]
    return Edge(float(delays["time"][lowest]), float(delays["delay"][lowest]))


def _fits(edges: Sequence[Edge], first: float, last: float) -> list[Fit]:
    """Fit the edges by a constant, by steps, or by a line."""
    if not edges:
        return []
    runs: list[list[Edge]] = [[]]
    for edge in edges:
        if runs[-1] and abs(edge.delay - _low(runs[-1][-5:])) > SPREAD:
            runs.append([])
        runs[-1].append(edge)
    # A single edge that differs from both of its neighbours is noise.
    kept = [run for run in runs if len(run) > 1] or runs
    joined: list[list[Edge]] = []
    for run in kept:
        if joined and abs(_low(run) - _low(joined[-1])) <= SPREAD:
            joined[-1] += run
        else:
            joined.append(list(run))
    line = _line(edges)
    if line is not None:
        offset, slope = line
        return [Fit("drift", first, last, offset + slope * first, slope)]
    offsets = [_offset(run) for run in joined]
    jumps = [b - a for a, b in pairwise(offsets)]
    if jumps and all(
        abs(jump) <= 2 * 3600 and abs(_nearest_quarter(jump) - jump) <= SPREAD
        for jump in jumps
    ):
        starts = [first, *(run[0].time for run in joined[1:])]
        ends = [*starts[1:], last]
        return [
            Fit("daylight", start, end, offset)
            for start, end, offset in zip(starts, ends, offsets, strict=True)
        ]
    largest = max(joined, key=len)
    offset = _offset(largest)
    if abs(offset) <= TOLERANCE:
        return [Fit("agrees", first, last, offset)]
    if offset > 0 and _age(largest) > max(TOLERANCE / 3, offset / 10):
        # If a clock is ahead, its edges are close together. Scattered edges are more
        # likely the ages of the youngest tweets that this log requests.
        return []
    zoned = abs(offset - _nearest_quarter(offset)) < 1
    return [Fit("zone" if zoned else "skew", first, last, offset)]


def _too_young(fit: Fit, delays: dict[str, Any]) -> bool:
    """Return whether, if the clock had this offset, too many responses would contain
    tweets from the future. The fit is then not the offset of the clock, but the usual
    age of the tweets that this log requests.
    """
    if fit.kind == "drift" or fit.offset <= TOLERANCE:
        return False
    young = (
        (delays["day"] > fit.start / 86_400)
        & (delays["day"] < fit.end / 86_400 - 1)
        & (delays["bin"] * BIN < fit.offset - 2 * BIN)
        & (delays["bin"] * BIN > fit.offset - 5 * EDGE)
    )
    return float(delays["rows"][young].sum()) > max(2.0, 5e-4 * delays["rows"].sum())


def _low(run: Sequence[Edge]) -> float:
    return min(edge.delay for edge in run)


def _nearest_quarter(seconds: float) -> float:
    return round(seconds / QUARTER) * QUARTER


def _offset(run: Sequence[Edge]) -> float:
    """Return the offset of consecutive edges, rounded to a quarter hour if the ages of
    the youngest tweets explain the remainder.
    """
    low = _low(run)
    rest = low - _nearest_quarter(low)
    # Even in a log of fresh tweets, the youngest can be half a minute old.
    if -5 <= rest <= min(max(30.0, 3 * _age(run)), QUARTER / 3):
        return _nearest_quarter(low)
    return low


def _age(run: Sequence[Edge]) -> float:
    """Return the median distance of consecutive edges from the lowest of them."""
    return float(np.median([edge.delay for edge in run])) - _low(run)


def _line(edges: Sequence[Edge]) -> tuple[float, float] | None:
    """Return the offset at time 0 and the slope of a line through the edges (the
    Theil-Sen estimator, a median of slopes), or None if they don't follow the line.
    """
    if len(edges) < 4:
        return None
    times = np.array([edge.time for edge in edges])
    values = np.array([edge.delay for edge in edges])
    chosen = np.linspace(0, len(edges) - 1, min(len(edges), 300)).astype(int)
    dt = times[chosen][:, None] - times[chosen]
    dv = values[chosen][:, None] - values[chosen]
    slope = float(np.median(dv[dt > 0] / dt[dt > 0]))
    if abs(slope) * (times[-1] - times[0]) < TOLERANCE:
        return None
    rest = values - slope * times
    near = np.abs(rest - np.median(rest)) <= TOLERANCE / 2
    if near.mean() < 0.8:
        return None
    # The lowest edges near the line belong to the youngest tweets.
    return float(np.quantile(rest[near], 0.05)), slope


def _with_switches(counts: Counts, fits: list[Fit]) -> list[Fit]:
    """Return the fits with the exact times of switches to and from daylight saving
    time, at which two periods meet.
    """
    fits = list(fits)
    for number in range(1, len(fits)):
        before, after = fits[number - 1], fits[number]
        # Delays between the two offsets are possible only under the lower offset. If
        # that is the offset of the first period, the switch is after the last row with
        # such a delay; otherwise, it is at the first.
        high = max(before.offset, after.offset) - TOLERANCE
        low = min(before.offset, after.offset) - TOLERANCE
        pick = "max" if after.offset > before.offset else "min"
        switch = counts.sql(
            f"""SELECT epoch({pick}(time)) FROM answers
            WHERE delay > {low} AND delay < {high} AND epoch(time)
                BETWEEN {after.start - 4 * 86_400} AND {after.start + 2 * 86_400}"""
        ).fetchall()[0][0]
        if switch is not None:
            # A period ends before the first row of the next period.
            switch += 1e-3 if pick == "max" else 0
            fits[number - 1] = before._replace(end=switch)
            fits[number] = after._replace(start=switch)
    return fits


def _described(
    counts: Counts,
    stream: str,
    delays: dict[str, Any],
    fits: list[Fit],
    period: tuple[float, float],
) -> list[dict[str, Any]]:
    """Return the rows of the table for one stream."""
    number, lowest = int(delays["rows"].sum()), float(delays["delay"].min())
    impossible = int(delays["rows"][delays["delay"] < -TOLERANCE].sum())
    row: dict[str, Any] = {
        "start": period[0],
        "end": period[1],
        "rows": number,
        "offset_at_most": lowest,
        "impossible": impossible,
        "evidence": f"{impossible:,} of {counted(number, 'row')} "
        f"{'states' if impossible == 1 else 'state'} a time before that of a tweet "
        "that was returned",
    }
    # A client that pages back through old tweets gets fresh ones only on the first
    # page. If its clock is behind UTC, few rows show it, but most quarter hours do.
    behind, quarters = counts.sql(
        f"""SELECT count(*) FILTER (lowest < {-TOLERANCE}), count(*) FROM (
            SELECT min(delay) AS lowest FROM answers
            GROUP BY epoch_us(time) // {QUARTER}000000)"""
    ).fetchall()[0]
    if not fits and behind < quarters / 3:
        # No offset explains the impossible rows, so they are backdated.
        evidence = (
            f"no offset can be estimated from its {counted(number, 'row')}: the "
            "tweets are too old, or the rows too few, to separate an offset from the "
            "age of tweets"
        )
        fits = [Fit("agrees", *period, 0.0)]
        rows = [
            _row(stream, row | {"kind": "agrees", "certainty": "inferred"}, evidence)
        ]
    elif not fits:
        # Assume that the offset is a multiple of a quarter hour, if the youngest tweet
        # then is at most 5 minutes old. Otherwise, assume a multiple of an hour, if the
        # youngest tweet then is at most 15 minutes old.
        zones = [(QUARTER, QUARTER / 3), (3600, QUARTER)]
        below = [lowest % step for step, age in zones if lowest % step <= age]
        evidence = (
            f"{row['evidence']}, by up to {lasting(lowest)}; the rows are too few to "
            "estimate the age of the youngest tweets"
        )
        row |= {"kind": "zone" if below else "skew", "certainty": "proved"}
        row |= {"offset": round(lowest - below[0]) if below else None}
        if below:
            evidence += f", which is {lasting(below[0])} in the likeliest zone"
        return [_row(stream, row, evidence)]
    else:
        rows = [_explained(stream, row, fit) for fit in fits]
    return rows + _backdated(counts, stream, row, fits)


def _explained(stream: str, row: dict[str, Any], fit: Fit) -> dict[str, Any]:
    behind = fit.offset < -TOLERANCE or (fit.slope and row["impossible"] > 0)
    if fit.kind == "agrees":
        evidence = f"the freshest tweets are {lasting(fit.offset)} old when logged"
    elif fit.kind == "drift":
        evidence = (
            f"the clock is {from_utc(fit.offset)} at first and gains "
            f"{fit.slope * 86_400:,.1f} s a day"
        )
    else:
        evidence = (
            "the freshest tweets of many responses have the same age, of a few "
            f"seconds, if the clock is {from_utc(fit.offset)}"
        )
    if behind:
        evidence += f"; {row['evidence']}"
    elif fit.kind != "agrees":
        evidence += "; it can also be right, if the platform returned no fresher tweets"
    row = row | {
        **fit._asdict(),
        "drift": fit.slope * 86_400 or None,
        "certainty": "proved" if behind else "inferred",
    }
    return _row(stream, row, evidence)


def _backdated(
    counts: Counts, stream: str, row: dict[str, Any], fits: list[Fit]
) -> list[dict[str, Any]]:
    """Return a row on the calls far below the offset of their period, if any. Add the
    times of these calls to the table ``backdated``, which ``pauses`` reads.
    """
    # The first and last period also cover the time before and after them.
    offset = "CASE "
    for fit in fits:
        value = min(fit.offset, 0) if fit.kind == "agrees" else fit.offset
        offset += f"WHEN epoch(time) < {fit.end} OR {fit is fits[-1]} THEN "
        offset += f"{value} + {fit.slope} * (epoch(time) - {fit.start}) "
    offset += "END"
    tolerance = TOLERANCE if fits[0].kind != "drift" else 2 * TOLERANCE
    early = f"""(SELECT time, delay AS logged, delay - ({offset}) AS delay FROM answers
        WHERE delay - ({offset}) < {-tolerance} ORDER BY 3 LIMIT 1000000)"""
    found = counts.sql(
        f"SELECT epoch(time) AS time, logged, delay FROM {early} ORDER BY delay"
    ).fetchnumpy()
    delays = np.asarray(found["delay"], np.float64)
    if not len(delays):
        return []
    counts.sql(f"INSERT INTO backdated SELECT {literal(stream)}, time FROM {early}")
    # If calls were backdated by the same amount, many of their delays are equal.
    inside = np.searchsorted(delays, delays + EDGE, "right") - np.arange(len(delays))
    piles = np.flatnonzero(inside >= max(2, 0.2 * len(delays)))
    shift = float(delays[piles[0]]) if len(piles) else None
    # If the clock is ahead of UTC, the logged time of such a call can still be later
    # than that of its tweets. The call then is backdated only if the offset is right.
    impossible = int((np.asarray(found["logged"]) < -TOLERANCE).sum())
    limits = dict.fromkeys((lasting(delays[-1]), lasting(delays[0])))
    evidence = (
        f"{several(len(delays), 'row states', 'rows state')} a time before that of a "
        f"tweet that was returned, by {' to '.join(limits)}"
    )
    if fits[0].kind != "agrees":
        evidence += ", after the offset of the clock is subtracted"
    times = np.asarray(found["time"], np.float64)
    row = row | {
        "kind": "backdated",
        "start": float(times.min()),
        "end": float(times.max()),
        "rows": len(delays),
        "offset": shift,
        "offset_at_most": float(delays[-1]),
        "offset_at_least": float(delays[0]),
        "impossible": impossible,
        "certainty": "proved" if impossible == len(delays) else "inferred",
    }
    return [_row(stream, row, evidence)]


def _row(stream: str, row: dict[str, Any], evidence: str) -> dict[str, Any]:
    times = {name: datetime.fromtimestamp(row[name], UTC) for name in ("start", "end")}
    return row | times | {"stream": stream, "evidence": evidence}
