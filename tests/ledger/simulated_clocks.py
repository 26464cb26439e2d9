"""Simulate client logs whose clocks are right, or wrong in a known way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

EPOCH = 1_288_834_974_657
DAY = 86_400
ZONES = (
    "America/Chicago",
    "Europe/Berlin",
    "Asia/Kolkata",
    "America/New_York",
    "Asia/Tokyo",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Europe/London",
    "Pacific/Auckland",
)


class Truth(NamedTuple):
    """The error of a log's clock. ``offset`` is the offset at the first call, or the
    shift of backdated rows; ``other`` is the offset after a switch of daylight saving
    time.
    """

    kind: str
    offset: float
    other: float | None = None
    drift: float = 0.0


def log(kind: str, seed: int) -> tuple[pa.Table, Truth]:
    """Return a log with an error of this kind, or with a right clock for "agrees"."""
    draw = np.random.default_rng(seed)
    days = float(draw.uniform(6, 250))
    number = int(
        np.clip(days * np.exp(draw.uniform(np.log(30), np.log(2000))), 500, 60_000)
    )
    start = datetime(2021, 1, 1, tzinfo=UTC).timestamp() + draw.uniform(0, 300) * DAY
    true = np.sort(start + draw.uniform(0, days * DAY, number))
    # Some calls return tweets that were just posted, others return old tweets.
    fresh = draw.uniform(size=number) < draw.uniform(0.15, 1)
    age = np.where(
        fresh,
        draw.lognormal(
            np.log(np.exp(draw.uniform(np.log(2), np.log(90)))),
            draw.uniform(0.4, 1.2),
            number,
        ),
        draw.lognormal(np.log(draw.uniform(0.2, 20) * DAY), 1.0, number),
    )
    if kind == "agrees" and seed % 5 == 0:
        # All calls of such a log return old tweets.
        age = draw.lognormal(np.log(draw.uniform(0.02, 30) * DAY), 0.7, number)
    if kind == "agrees" and seed % 5 == 1:
        age = draw.lognormal(
            np.log(draw.uniform(120, 3000)), draw.uniform(0.4, 1), number
        )
    age += draw.uniform(0.1, 1.5)
    stated = true + draw.normal(0, 0.2, number)
    truth = Truth("agrees", 0.0)
    if kind == "zone":
        zone = ZoneInfo(str(draw.choice(ZONES)))
        offsets = np.array(
            [
                datetime.fromtimestamp(t, UTC)
                .astimezone(zone)
                .utcoffset()
                .total_seconds()  # type: ignore[union-attr]
                for t in true
            ]
        )
        stated += offsets
        other = float(offsets[-1]) if offsets[-1] != offsets[0] else None
        middle = offsets[number // 2]
        if middle not in (offsets[0], offsets[-1]):
            other = float(middle)
        truth = Truth("zone", float(offsets[0]), other)
        if other is None and offsets[0] == 0:
            truth = Truth("agrees", 0.0)
    elif kind == "skew":
        offset = float(
            draw.choice([-1, 1]) * np.exp(draw.uniform(np.log(120), np.log(20_000)))
        )
        stated += offset
        truth = Truth("skew", offset)
    elif kind == "drift":
        gained = float(draw.choice([-1, 1]) * draw.uniform(240, 3000) / days)
        stated += gained * (true - start) / DAY
        truth = Truth("drift", 0.0, None, gained)
    elif kind == "backdated":
        rows = draw.choice(
            np.flatnonzero(fresh), max(5, int(number * draw.uniform(0.001, 0.03)))
        )
        shift = float(-np.exp(draw.uniform(np.log(1200), np.log(40 * DAY))))
        stated[rows] += shift
        truth = Truth("backdated", shift)
    newest = ((true - age) * 1000 - EPOCH).astype(np.int64) << 22
    order = np.argsort(stated, kind="stable")
    table = pa.table(
        {
            "time": pa.array((stated[order] * 1e6).astype(np.int64)).cast(
                pa.timestamp("us")
            ),
            "application": pa.repeat("reader", number),
            "status": pa.repeat(200, number),
            "ids": pa.array([[each] for each in newest[order]]),
        }
    )
    return table, truth


def write(folder: Path, kinds: list[str], seed: int) -> dict[str, Truth]:
    """Write logs, and return the error of each by the name of its stream."""
    truths = {}
    for number, kind in enumerate(kinds):
        table, truth = log(kind, seed + number)
        name = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03}")
        pq.write_table(table, folder / f"{name}.parquet")
        truths[str(folder / f"{name}.parquet")] = truth
    return truths


def judged(truth: Truth, rows: list[dict[str, Any]]) -> bool:
    """Return whether the rows of a stream give its error within a minute."""

    def near(offset: float | None, of: float) -> bool:
        return offset is not None and abs(offset - of) <= 60

    if truth.kind == "agrees":
        return all(row["kind"] == "agrees" for row in rows)
    if truth.kind == "backdated":
        return any(
            row["kind"] == "backdated" and near(row["offset"], truth.offset)
            for row in rows
        ) and all(row["kind"] in ("agrees", "backdated") for row in rows)
    rows = [row for row in rows if row["kind"] not in ("backdated",)]
    if truth.kind == "drift":
        if len(rows) != 1 or rows[0]["kind"] != "drift":
            return False
        days = (rows[0]["end"] - rows[0]["start"]).total_seconds() / DAY
        end = rows[0]["offset"] + rows[0]["drift"] * days
        return near(rows[0]["offset"], 0) and near(end, truth.drift * days)
    if not near(rows[0]["offset"], truth.offset):
        return False
    if truth.other is not None:
        return any(near(row["offset"], truth.other) for row in rows[1:])
    return len(rows) == 1
