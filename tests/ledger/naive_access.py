"""Invent the calls of a log, and count them with loops. This module imports nothing
from provscan.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

EPOCH = 1_288_834_974_657
ENDPOINTS = ("/2/tweets/search/recent", "/2/tweets", "/2/users/:id/tweets")


def calls(
    start: datetime, hours: float, number: int, seed: int
) -> list[dict[str, Any]]:
    """Return calls in order of time. Some come in bursts, and some are refused and
    retried.
    """
    draw = random.Random(seed)
    found: list[dict[str, Any]] = []
    while len(found) < number:
        time = start + timedelta(seconds=draw.uniform(0, hours * 3600))
        application = draw.choice("abc")
        call = {
            "application": application,
            "project": "p1" if application in "ab" else "p2",
            "token": f"secret-{application}-{draw.randrange(2)}",
            "user": f"user-{draw.randrange(3)}",
            "endpoint": draw.choice(ENDPOINTS),
            "parameters": f"q={draw.randrange(4)}",
            "organisation": draw.choice([None, None, "City of X", "Newspaper"]),
        }
        for _ in range(draw.choice([1, 1, 1, 20])):
            time += timedelta(
                seconds=round(draw.expovariate(1 / 20), draw.choice([0, 3]))
            )
            time = time.replace(microsecond=time.microsecond // 1000 * 1000)
            status = draw.choices([200, 429, 503, 404], [20, 3, 1, 1])[0]
            ids = sorted(draw.sample(range(1, 60), draw.randrange(6)))
            ids = ids if status == 200 else []
            base = int((start.timestamp() - 86_400) * 1000 - EPOCH) << 22
            found.append(
                call
                | {
                    "time": time,
                    "status": status,
                    "tweets": len(ids),
                    "ids": [base + each for each in ids] or None,
                }
            )
    return sorted(found, key=lambda call: call["time"])


def answered(call: dict[str, Any]) -> bool:
    return call["status"] not in (401, 403, 420, 429) and call["status"] < 500


def retries(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    again = []
    before: dict[Any, dict[str, Any]] = {}
    for call in found:
        key = (call["token"], call["endpoint"], call["parameters"])
        last = before.get(key)
        if last is not None and not answered(last):
            wait = call["time"] - last["time"]
            again += [call] if wait <= timedelta(seconds=60) else []
        before[key] = call
    return again


def summed(found: list[dict[str, Any]]) -> dict[Any, list[int]]:
    """Return the numbers of calls, refused, failed, retries, delivered and distinct by
    application, project, endpoint and UTC day.
    """
    rows: dict[Any, list[int]] = defaultdict(lambda: [0] * 6)
    ids: dict[Any, set[int]] = defaultdict(set)
    again = {id(call) for call in retries(found)}
    for call in found:
        key = (call["application"], call["project"], call["endpoint"])
        key = (*key, call["time"].astimezone(UTC).date())
        row = rows[key]
        row[0] += 1
        row[1] += call["status"] in (401, 403, 420, 429)
        row[2] += call["status"] >= 500
        row[3] += id(call) in again
        if answered(call):
            row[4] += call["tweets"]
            ids[key].update(call["ids"] or [])
    for key, row in rows.items():
        row[5] = len(ids[key])
    return dict(rows)


def three_counts(found: list[dict[str, Any]]) -> tuple[int, int, int]:
    """Return the numbers of tweets delivered, distinct by day and summed, and
    distinct overall.
    """
    kept = [call for call in found if answered(call)]
    days = {
        (call["time"].astimezone(UTC).date(), each)
        for call in kept
        for each in call["ids"] or []
    }
    return sum(c["tweets"] for c in kept), len(days), len({each for _, each in days})


def sliding(found: list[dict[str, Any]], scope: str, window: int) -> Any:
    """Return (calls, start) of the busiest window by name, endpoint and UTC day."""
    best: dict[Any, tuple[int, datetime]] = {}
    groups = defaultdict(list)
    for call in filter(answered, found):
        groups[call[scope], call["endpoint"]].append(call["time"])
    for group, times in groups.items():
        for end in times:
            inside = [t for t in times if end - timedelta(seconds=window) < t <= end]
            key = (*group, end.astimezone(UTC).date())
            number, start = best.get(key, (0, end))
            if len(inside) > number or (len(inside) == number and inside[0] < start):
                best[key] = (len(inside), inside[0])
    return best


def write(found: list[dict[str, Any]], path: Path) -> Path:
    """Write calls in the format that the extension of the path names."""
    if path.suffix == ".jsonl":
        lines = [
            json.dumps(call | {"time": call["time"].isoformat()}) for call in found
        ]
    elif path.suffix == ".csv":
        names = list(found[0])
        lines = [",".join(names)]
        for call in found:
            row = call | {"time": call["time"].isoformat()}
            row["ids"] = " ".join(map(str, call["ids"] or []))
            lines.append(",".join("" if row[n] is None else str(row[n]) for n in names))
    elif path.suffix == ".log":
        lines = []
        for call in found:
            time = call["time"].strftime("%d/%b/%Y:%H:%M:%S %z")
            lines.append(
                f'10.0.0.1 - {call["user"]} [{time}] "GET {call["endpoint"]}?'
                f'{call["parameters"]} HTTP/1.1" {call["status"]} 99 "-" "client" '
                f"application={call['application']} project={call['project']} "
                f"token={call['token']} tweets={call['tweets']} "
                f"ids={','.join(map(str, call['ids'] or [])) or '-'}"
                + (
                    f' organisation="{call["organisation"]}"'
                    if call["organisation"]
                    else ""
                )
            )
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(found), path)
        return path
    path.write_text("\n".join(lines) + "\n")
    return path
