"""Write a demonstration of ``provscan ledger`` from a seed: a year of access logs of
eight invented applications, with planted facts.

    python corpora/generate_ledger.py FOLDER [--seed 1]

The command writes

    case.toml, limits.toml   the case file, and a policy pack with invented rules
    logs/                    the access logs, a file for each application and quarter
    stores/, requests/       datasets that one application stored, with runs of match
                             on them, a deletion request, and the record of deletions
    licensed.index           an index of corpora/tiny/corpus
    truth.json               the planted facts, and the counts of each application

All applications, persons and organisations are invented. The ids of tweets encode the
time at which they were posted, with which the clock of a log can be compared. The
command uses provscan only to build the index and to scan the stores.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

Call = dict[str, Any]

TINY = Path(__file__).parent / "tiny"
START, END = (datetime(year, 1, 1, tzinfo=UTC) for year in (2022, 2023))
# The time in an id is counted from here, in Unix milliseconds.
EPOCH = 1_288_834_974_657
SEARCH, TIMELINE = "/1.1/search/tweets.json", "/1.1/statuses/user_timeline.json"

# For each application: its project, its tier, its endpoint, the minutes between calls,
# and whether its log contains the ids of tweets.
APPLICATIONS = {
    "reader": ("news", "basic", "/2/users/tweets", 60, True),
    "search": ("assistant", "enterprise", SEARCH, 90, False),
    "sync": ("assistant", "enterprise", SEARCH, 120, False),
    "archive": ("vault", "pro", TIMELINE, 60, True),
    "alerts": ("watch", "pro", SEARCH, 60, True),
    "atlas": ("maps", "pro", TIMELINE, 120, False),
    "tally": ("maps", "pro", TIMELINE, 120, False),
    "civic": ("desk", "enterprise", "/2/tweets/search/recent", 120, False),
}

CASE = """\
[case]
name = "The letter of May 2023, invented"
from = 2022-01-01
to = 2022-12-31
logs = ["logs"]
policies = ["x-developer", "limits.toml"]

{applications}
[[holding]]
application = "archive"
name = "store"
date = 2022-06-30
stored = "files on one server, invented"
run = "stores/june.run"

[[holding]]
application = "archive"
name = "store"
date = 2022-12-31
run = "stores/december.run"

[[deletion]]
application = "archive"
name = "July"
requested = 2022-07-01T09:00:00Z
ids = "requests/july.txt"

[[purge]]
application = "archive"
date = 2022-07-02T08:00:00Z
ids = "requests/purged.txt"

[[use]]
application = "archive"
name = "training set of a model"
kind = "training"
date = 2022-10-01
run = "stores/june.run"

[[end_user]]
application = "civic"
name = "Harbour Police"
government = true
notice = 2022-05-01

[[end_user]]
application = "civic"
name = "City Library"
government = true
notice = 2022-06-01

[[end_user]]
application = "civic"
name = "Goat Weekly"
government = false

[[claim]]
source = "the letter"
what = "calls"
total = {calls}

[[claim]]
source = "the letter"
what = "tweets"
application = "reader"
total = {daily}
"""

LIMITS = """\
[pack]
name = "limits"
title = "Invented limits"

[[rule]]
id = "timeline-day"
kind = "rate_limit"
title = "Timelines, a day"
scope = "application"
endpoints = ["/2/users/tweets"]
window_minutes = 1440
versions = [
  { date = 2022-01-01, dated = "effect", value = 40, clause = "2", source = "invented", text_sha256 = "none", says = "40 calls a day." },
  { date = 2022-07-01, dated = "effect", value = 20, clause = "2", source = "invented", text_sha256 = "none", says = "20 calls a day." },
]

[[rule]]
id = "cap"
kind = "monthly_cap"
title = "Tweets read in a month"
scope = "project"
tiers = ["basic"]
versions = [
  { date = 2022-01-01, dated = "effect", value = 3000, clause = "3", source = "invented", text_sha256 = "none", says = "3,000 tweets are read a month." },
]
"""  # noqa: E501


class Log:
    """The calls of one application. ``time`` is the true time of a call, and ``stated``
    the time in the log if it is wrong.
    """

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.calls = name, list[Call]()
        self.project, self.tier, self.endpoint, self.minutes, self.ids = APPLICATIONS[
            name
        ]
        self.rng = Random(f"{seed} {name}")

    def add(self, time: datetime, **other: Any) -> Call:
        """Add a call that returns three to five tweets of the minute before it."""
        seconds = sorted(self.rng.uniform(1, 60) for _ in range(self.rng.randint(3, 5)))
        call = {
            "time": time,
            "application": self.name,
            "project": self.project,
            "token": f"token-of-{self.name}",
            "user": f"user-of-{self.name}",
            "endpoint": self.endpoint,
            "parameters": f"cursor={len(self.calls)}",
            "status": 200,
            "ids": [snowflake(time - timedelta(seconds=s), self.rng) for s in seconds],
            **other,
        }
        self.calls.append(call)
        return call

    def usual(self) -> None:
        """Add the regular calls of the year. One in ten returns two tweets of the
        previous call again.
        """
        time, before = START, list[int]()
        while (time := time + timedelta(minutes=self.minutes)) < END:
            jitter = self.rng.uniform(-0.4, 0.4) * self.minutes
            call = self.add(time + timedelta(minutes=jitter))
            if len(self.calls) % 10 == 0:
                call["ids"] = [*call["ids"][:2], *before[:2]]
            before = call["ids"]

    def burst(self, start: datetime, minutes: float, calls: int, **other: Any) -> None:
        """Add calls at equal intervals, which use ``tokens`` in turn."""
        tokens = other.pop("tokens", [f"token-of-{self.name}"])
        for number in range(calls):
            time = start + timedelta(minutes=minutes * number / calls)
            self.add(time, token=tokens[number % len(tokens)], **other)


def snowflake(time: datetime, rng: Random) -> int:
    """Return the id of a tweet that was posted at some time."""
    milliseconds = int(time.timestamp() * 1000) - EPOCH
    return (milliseconds << 22) | rng.getrandbits(22)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def planted(log: Log) -> Iterator[str]:
    """Plant the facts of an application in its log, and yield their descriptions."""
    match log.name:
        case "reader":
            log.burst(at("2022-11-15 10:00"), 24 * 60, 400)
            yield "cap: 3,000 tweets a month, exceeded in November"
            yield "limit: 40 calls a day until June, 20 from July on"
            gap = at("2022-08-10 00:00"), at("2022-08-13 00:00")
            log.calls = [c for c in log.calls if not gap[0] <= c["time"] < gap[1]]
            yield "gap: 10 to 12 August"
        case "search":
            log.burst(at("2022-05-14 13:00"), 14.5, 1000)
            yield "peak: 1,000 calls from 13:00 to 13:15 on 14 May, by one token"
            tokens = [f"search-{n}" for n in range(4)]
            log.burst(at("2022-06-14 13:00"), 14.5, 520, tokens=tokens)
            yield "no peak: 520 calls by four tokens, each within the limit for a user"
            for number in range(60):
                time = at("2022-03-01 00:20") + timedelta(days=number)
                refused = log.add(time, status=429, ids=[])
                again = log.add(time + timedelta(seconds=15))
                again["parameters"] = refused["parameters"]
            yield "retries: 60"
        case "sync":
            log.burst(at("2022-09-20 23:53"), 14, 200)
            yield "no peak: 200 calls in 14 minutes, in two windows, on 20 September"
        case "archive":
            for call in log.rng.sample(log.calls[-1500:], 60):
                days = log.rng.uniform(30, 200)
                call["stated"] = call["time"] - timedelta(days=days)
            yield "backdated: 60 rows of the last two months, by 30 to 200 days"
        case "alerts":
            for call in log.calls:
                call["stated"] = call["time"] - timedelta(hours=6)
            yield "clock: six hours behind"
        case "atlas" | "tally":
            for call in log.calls:
                call["user"] = "user-of-maps"
            log.burst(at("2022-07-07 15:00"), 14, 150, user="user-of-maps")
            yield "fan-out: one user with two applications"
        case "civic":
            for number, call in enumerate(log.calls):
                organisation = "Goat Weekly"
                if number % 5 == 1 and call["time"] >= at("2022-04-03 00:00"):
                    organisation = "Harbour Police"
                if number % 5 == 2 and call["time"] >= at("2022-06-10 00:00"):
                    organisation = "City Library"
                if number % 50 == 3:
                    organisation = "Night Desk"
                call["organisation"] = organisation
            yield "government: Harbour Police before its notice on 1 May"


def counts(log: Log) -> dict[str, int]:
    """Return the counts of an application, computed in a simple way."""
    answered = [call for call in log.calls if call["status"] == 200]
    days: dict[Any, set[int]] = defaultdict(set)
    for call in answered:
        days[call.get("stated", call["time"]).date()].update(call["ids"])
    return {
        "calls": len(log.calls),
        "refused": len(log.calls) - len(answered),
        "delivered": sum(len(call["ids"]) for call in answered),
        "daily": sum(map(len, days.values())),
        "distinct": len(set().union(*days.values())),
    }


def line(call: Call, with_ids: bool) -> str:
    """Return the line of a call in its log."""
    stated = call.get("stated", call["time"])
    logged = {**call, "time": stated.isoformat(timespec="milliseconds")[:23]}
    logged.pop("stated", None)
    if with_ids:
        logged["ids"] = [str(each) for each in logged["ids"]]
    else:
        logged["tweets"] = len(logged.pop("ids"))
    return json.dumps(logged)


def write_lines(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{each}\n" for each in lines).encode()
    # mtime=0 leaves the time out, so that the same lines give the same bytes.
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def write_logs(folder: Path, log: Log) -> None:
    """Write a file for each quarter, in the order of true times.

    ``reader`` also has copies of the second quarter and of the first 72 calls of the
    third quarter, and ``tally`` has broken lines.
    """
    quarters: dict[int, list[str]] = defaultdict(list)
    for call in sorted(log.calls, key=lambda call: call["time"]):
        quarters[(call["time"].month + 2) // 3].append(line(call, log.ids))
    if log.name == "tally":
        quarters[2][10:10] = ['{"time": "2022-04-01T'] * 25
    for quarter, lines in quarters.items():
        write_lines(folder / log.name / f"2022-{quarter}.jsonl.gz", lines)
    if log.name == "reader":
        write_lines(folder / "reader-again" / "2022-2.jsonl.gz", quarters[2])
        write_lines(folder / "reader-again" / "2022-3.jsonl.gz", quarters[3][:72])


def plain(text: str) -> str:
    """Return the letters and digits of a text, without links and names."""
    return re.sub(r"@\w+|https?\S+|\W", "", text.casefold())


def write_stores(folder: Path) -> dict[str, Any]:
    """Write the datasets that ``archive`` stored in June and December, a request to
    delete twenty of their tweets, and the record of twelve deletions.
    """
    tweets = [
        json.loads(each)
        for each in (TINY / "corpus/tweets.jsonl").read_text("utf-8").splitlines()
    ]
    texts = [plain(tweet.get("text") or "") for tweet in tweets]
    retweeted = {tweet.get("rt_of") for tweet in tweets}
    chosen = [
        tweet
        for tweet, text in zip(tweets, texts, strict=True)
        if len(text) > 100
        and texts.count(text) == 1
        and tweet["lang"] == "en"
        and not tweet.get("rt_of")
        and tweet["id"] not in retweeted
        and tweet["created_at"] < "2017"
    ]
    june, december = chosen[:100], chosen[10:15] + chosen[20:100]
    others = (TINY / "dataset.jsonl").read_text("utf-8").splitlines()
    for name, stored in (("june", june), ("december", december)):
        records = [json.dumps({"text": tweet["text"]}) for tweet in stored]
        write_lines(folder / "stores" / f"{name}.jsonl", records + others[4900:])
    for name, listed in (("july", june[:20]), ("purged", june[:12])):
        ids = [str(tweet["id"]) for tweet in listed]
        write_lines(folder / "requests" / f"{name}.txt", ids)
    return {"requested": 20, "recorded": 12, "held": 5, "despite_record": 2}


def provscan(*words: str | Path) -> None:
    """Run a command of provscan."""
    command = [sys.executable, "-m", "provscan", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="folder to write to")
    parser.add_argument("--seed", type=int, default=1, help="seed of all choices")
    given = parser.parse_args()
    folder, logs = given.folder, []
    facts = {}
    for name in APPLICATIONS:
        log = Log(name, given.seed)
        log.usual()
        facts[name] = list(planted(log))
        write_logs(folder / "logs", log)
        logs.append(log)
    counted = {log.name: counts(log) for log in logs}
    applications = "".join(
        f'[[application]]\nname = "{log.name}"\nproject = "{log.project}"\n'
        f'tier = "{log.tier}"\n\n'
        for log in logs
    )
    case = CASE.format(
        applications=applications,
        calls=sum(item["calls"] for item in counted.values()),
        daily=counted["reader"]["daily"],
    )
    (folder / "case.toml").write_text(case, encoding="utf-8")
    (folder / "limits.toml").write_text(LIMITS, encoding="utf-8")
    truth = {"facts": facts, "counts": counted, "deletions": write_stores(folder)}
    (folder / "truth.json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
    index, stores = folder / "licensed.index", folder / "stores"
    provscan("index", TINY / "corpus", "-o", index)
    for name in ("june", "december"):
        store, run = stores / f"{name}.jsonl", stores / f"{name}.run"
        provscan("match", store, "-i", index, "-o", run, "--cutoff", "2017-01-01")
    calls = sum(item["calls"] for item in counted.values())
    print(f"{folder}: {calls:,} calls of {len(logs)} applications")


if __name__ == "__main__":
    main()
