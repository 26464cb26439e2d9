"""Draw access logs of honest conduct and of planted excess, and read the rules naively.

A case simulates applications, tokens and a platform. The platform counts calls in
windows that it places as it likes, and refuses those above a limit. The logs show the
calls through clocks, zones, servers, formats, copies and rotations that are drawn. So
an honest case contains no excess, whatever the logs look like. A planted case contains
one more burst that the platform did not refuse. Its calls are an excess if a naive
reading of the logs finds one in each placing of windows and for each kind of token
(:func:`unexplained`). Only :func:`judged` knows provscan.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any, NamedTuple
from unittest import mock
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from provscan.ledger import run
from truth import TABLES
from truth.core import Book, same

HOUR, DAY = 3600, 86_400
SEARCH, READ = "/1.1/search/tweets.json", "/2/tweets"
TABLE = TABLES["ledger"]
EPOCH = 1_288_834_974_657


class Call(NamedTuple):
    time: float  # True time, in seconds since 1970.
    application: str
    token: str
    user: str | None
    endpoint: str
    status: int = 200
    lasting: float = 0.4
    ids: tuple[int, ...] = ()


@dataclass
class Case:
    """A drawn case: the true calls, and the limits of the rules by name."""

    draw: random.Random
    planted: str | None  # The kind of an excess.
    start: float
    rules: dict[str, int]
    calls: list[Call] = field(default_factory=list)
    projects: dict[str, str | None] = field(default_factory=dict)
    subject: str = ""  # The application, or for a cap the project, with the excess.

    def owner(self, application: str) -> str:
        """Return the project of an application, or else the application."""
        return self.projects[application] or application


class Window:
    """A limit in windows of a length, which begin on a grid with a phase, or without
    one with the first call after the last window.
    """

    def __init__(self, value: int, length: float, phase: float | None) -> None:
        self.value, self.length, self.phase = value, length, phase
        self.start, self.used = -1e18, 0

    def permits(self, time: float) -> bool:
        if time >= self.start + self.length:
            on_grid = self.phase is not None
            self.start = time - (time - self.phase) % self.length if on_grid else time
            self.used = 0
        self.used += 1
        return self.used <= self.value


def draw_case(seed: str, planted: bool) -> Case:
    draw = random.Random(f"ledger {seed} {planted}")
    limits = {"user": (8, 40), "own": (8, 80), "day": (40, 150)}
    rules = {name: draw.randint(*ends) for name, ends in limits.items()}
    rules["cap"] = draw.choice([60, 150, 400])
    kind = draw.choice(["search", "search", "day", "cap"]) if planted else None
    day = datetime.fromisoformat(draw.choice(TABLE["starts"])).replace(tzinfo=UTC)
    case = Case(draw, kind, day.timestamp(), rules)
    for index in range(draw.randint(1, 3)):
        name = f"app{index}"
        case.projects[name] = draw.choice(["shared", f"project{index}", None])
        own = Window(rules["own"], 900, _phase(draw))
        for token in range(draw.choice([1, 2, 8, 20])):
            app_only = token == 0 and draw.random() < 0.4
            limit = own if app_only else Window(rules["user"], 900, _phase(draw))
            user = None if app_only else f"user{token}"
            begin = case.start + draw.choice([0, 0, draw.uniform(0, 2 * DAY)])
            who = (name, f"token-{index}-{token}", user, SEARCH)
            case.calls += _client(draw, begin, who, limit)
    case.calls += _readers(case)
    case.calls += _excess(case) if kind else ()
    case.calls.sort()
    return case


def _phase(draw: random.Random) -> float | None:
    """Draw when the platform begins its windows of 15 minutes."""
    return draw.choice([None, 0, draw.uniform(0, 900)])


def _client(
    draw: random.Random, begin: float, who: Any, limit: Window
) -> Iterator[Call]:
    """Yield calls of one token, some of them refused and retried."""
    manner = draw.choice(["greedy", "paced", "bursts", "rare"])
    time, end = begin, begin + draw.choice([1, 2, 6]) * HOUR
    pace = {"greedy": 2, "paced": 900 / limit.value, "bursts": 1, "rare": 200}[manner]
    waits = draw.random() < 0.7
    for _ in range(600):
        time += draw.uniform(0.7, 1.3) * pace
        if manner == "bursts" and draw.random() < 0.03:
            time += draw.uniform(0, 1200)
        if time > end:
            return
        failed = draw.random() < 0.02
        status = 503 if failed else 200 if limit.permits(time) else 429
        yield Call(time, *who, status, draw.uniform(0.1, 1.5))
        if status == 429:
            time = limit.start + limit.length if waits else time + draw.uniform(5, 120)


def _readers(case: Case) -> Iterator[Call]:
    """Yield calls over weeks, below the daily limit and the cap of the project."""
    draw, zone = case.draw, ZoneInfo(case.draw.choice(TABLE["zones"]))
    first, share = draw.randint(1, 28), draw.choice([0.5, 1.0, 1.0])
    days: dict[Any, int] = defaultdict(int)
    posts: dict[Any, set[Any]] = defaultdict(set)
    for name in case.projects:
        if draw.random() < 0.3:
            continue
        time, ids = case.start - 20 * DAY, list[int]()
        many = draw.choice([20, case.rules["day"] * 1.3])
        for _ in range(1500):
            time += draw.expovariate(many / DAY)
            if time > case.start + 50 * DAY:
                break
            local = datetime.fromtimestamp(time, zone)
            if days[name, local.date()] >= case.rules["day"]:
                continue
            days[name, local.date()] += 1
            fresh = [_tweet(draw, time)] * draw.choice([0, 0, 1])
            new = (*fresh, *ids[-1:])
            month = (local - timedelta(days=first - 1)).strftime("%Y-%m")
            owner = case.owner(name), month
            counted = posts[owner] | {(local.date(), one) for one in new}
            if len(counted) > share * case.rules["cap"]:
                new, counted = (), posts[owner]
            posts[owner] = counted
            ids += fresh
            lasting = 2 * HOUR if draw.random() < 0.01 else 0.5
            yield Call(time, name, f"reader-{name}", None, READ, 200, lasting, new)


def _tweet(draw: random.Random, time: float) -> int:
    posted = int((time - draw.expovariate(1 / 4) - 1) * 1000) - EPOCH
    return posted << 22 | draw.getrandbits(22)


def _excess(case: Case) -> Iterator[Call]:
    """Yield the calls of one token that the platform did not refuse."""
    draw, rules = case.draw, case.rules
    name = draw.choice(list(case.projects))
    case.subject = case.owner(name) if case.planted == "cap" else name
    strength, windows = draw.uniform(1.3, 4), draw.choice([1, 2, 4, 8])
    begin = case.start + draw.uniform(5, 9) * DAY
    if case.planted == "search":
        value, length, endpoint = max(rules["user"], rules["own"]), 900, SEARCH
        windows = max(windows, 2) if strength < 2.2 else windows
    elif case.planted == "day":
        value, length, endpoint = rules["day"], DAY, READ
        windows = max(windows, 3)
    else:
        # Whole months: the cap can begin on any day.
        value, length, endpoint, windows = rules["cap"], 30 * DAY, READ, 3
        begin = case.start - 20 * DAY
    total = int(strength * value * windows)
    for number in range(total):
        time = begin + length * windows * (number + draw.random()) / total
        ids = (_tweet(draw, time),) if endpoint == READ else ()
        who = (name, f"planted-{name}", "planted", endpoint)
        yield Call(time, *who, 200, 0.4, ids)


class View:
    """What the logs of a case show of a call."""

    def __init__(self, draw: random.Random, planted: bool) -> None:
        self.zone = ZoneInfo(draw.choice(TABLE["zones"]))
        # A planted excess needs what the rule is about.
        names = ("token", "user", "status", "parameters", "ids", "project")
        hidden = (name for name in names if draw.random() < 0.2)
        self.hidden = {"lasting"} if planted else {"lasting", *hidden}
        self.precision, self.states_zone = draw.choice([0, 3, 6]), draw.random() < 0.5

    def stated(self, seconds: float, server: int) -> str:
        # Servers that record the same calls write other forms of the same time.
        scale = 10 ** max(self.precision - server, 0)
        at = datetime.fromtimestamp(int(seconds * scale) / scale, self.zone)
        return (
            at.isoformat() if self.states_zone else at.replace(tzinfo=None).isoformat()
        )

    def line(self, call: Call, number: int, clock: float, server: int) -> str:
        time = call.time + clock
        row = call._asdict() | {
            "time": self.stated(time, server),
            "responded_at": self.stated(time + call.lasting, server),
            "parameters": f"q={number}&s={server}",
            "project": None,
        }
        return json.dumps({k: v for k, v in row.items() if k not in self.hidden})


def write(case: Case, folder: Path) -> None:
    """Write the logs of a case, with copies, rotated files and servers."""
    draw, planted = case.draw, bool(case.planted)
    view, servers = View(draw, planted), draw.choice([1, 1, 2, 3])
    shifts = [0, 0, draw.uniform(-40, 40), draw.choice([-6, 2]) * HOUR]
    clocks = [draw.choice(shifts) for _ in range(servers)]
    twice = draw.random() < 0.15 and not planted
    sticky = planted or draw.random() < 0.5
    lines: dict[tuple[int, str], list[str]] = defaultdict(list)
    rotation = draw.choice(["%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H"])
    busy = case.calls[len(case.calls) // 2].time
    gap = case.calls[0].time + draw.uniform(0, 3 * DAY) if draw.random() < 0.3 else 0
    salt = draw.random()
    for number, call in enumerate(case.calls):
        if gap < call.time < gap + 7 * HOUR and not planted:
            continue
        key = (call.token, call.endpoint) if sticky else number
        server = random.Random(f"{salt} {key}").randrange(servers)
        # Files of a day or an hour, for a few days.
        near = abs(call.time - busy) < (2 * DAY if len(rotation) < 10 else 3 * HOUR)
        at = datetime.fromtimestamp(call.time, UTC)
        period = at.strftime(rotation if near else "%Y-%m")
        for place in {server, (server + 1) % servers} if twice else {server}:
            line = view.line(call, number, clocks[place], place)
            lines[place, period].append(line)
    form = draw.choice(["web{}/{}.jsonl", "web{}-{}.jsonl", "{}/access-{}.jsonl.gz"])
    paths = {}
    for (server, period), found in sorted(lines.items()):
        if draw.random() < 0.2:
            draw.shuffle(found)
        paths[folder / "logs" / form.format(server, period)] = found
    for path in draw.sample([*paths], min(len(paths), draw.choice([0, 1, 3]))):
        # A copy of a file, or of a part of it.
        copied = paths[path][len(paths[path]) // 2 * draw.choice([0, 1]) :]
        backup = folder / "logs" / "backup" / f"{path.parent.name}-{path.name}"
        paths[backup] = copied
    for path, found in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(f"{line}\n" for line in found).encode()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    named = '[case]\nname = "Drawn"\nlogs = ["logs"]\npolicies = ["pack.toml"]\n'
    for name, project in case.projects.items():
        named += f'[[application]]\nname = "{name}"\ntier = "basic"\n'
        named += f'project = "{project}"\n' if project else ""
    (folder / "case.toml").write_text(named)
    (folder / "pack.toml").write_text(Template(TABLE["pack"]).substitute(case.rules))


def unexplained(case: Case) -> bool:
    """Return whether the planted calls are above the limit in each placing of windows
    and for each kind of token, in a naive reading of the true times.
    """
    name, rules = case.subject, case.rules
    answered = [call for call in case.calls if call.status == 200]
    if case.planted == "search":
        times = [c.time for c in answered if c.token == f"planted-{name}"]
        return all(above(times, rules[each], 900) for each in ("user", "own"))
    mine = [c for c in answered if c.application == name and c.endpoint == READ]
    if case.planted == "day":
        return above([c.time for c in mine], rules["day"], DAY)
    found = {
        (datetime.fromtimestamp(call.time, UTC).date(), one)
        for call in answered
        if case.owner(call.application) == name
        for one in call.ids
    }
    return all(
        max(Counter(f"{day - timedelta(first):%Y-%m}" for day, _ in found).values())
        > rules["cap"]
        for first in range(28)
    )


def above(times: Sequence[float], value: int, length: float) -> bool:
    """Return whether some window has more calls, in each of 60 placings on a grid, and
    if each window begins with a call.
    """
    phases = [None, *(step * length / 60 for step in range(60))]
    windows = (Window(value, length, phase) for phase in phases)
    # The calls of a case are in order of time.
    return not any(all(map(window.permits, times)) for window in windows)


def judged(folder: Path) -> set[tuple[str | None, str]]:
    """Make the ledger of a case, and return the rules with a finding that differs, with
    their subjects.
    """
    # The report and the workbook show the same tables, and take half of the time.
    skipped = dict.fromkeys(("write_tables", "write_ledger_report"), mock.DEFAULT)
    with mock.patch.multiple(run, **skipped):
        case = folder / "case.toml"
        out = run.make_ledger([], folder / "out", case=case, key="k")
    found = pq.read_table(out / "tables" / "findings.parquet").to_pylist()
    said = [(x["rule"], x["subject"]) for x in found if x["result"] == "differs"]
    assert len(said) == len(set(said)), "one excess has several findings"
    return set(said)


def check(seed: int, number: int, folder: Path, world: Path, book: Book) -> None:
    """Hold a ledger against honest conduct, and one against an excess. Planted calls
    that can be explained are left out.
    """
    honest, planted = (draw_case(f"{seed} {number}", each) for each in (False, True))
    write(honest, folder / "honest")
    with book.law("honest conduct is no excess", "honest conduct"):
        same(judged(folder / "honest"), set(), "what differs")
    if unexplained(planted):
        write(planted, folder / "planted")
        found = judged(folder / "planted")
        rule = "own" if planted.planted == "search" else planted.planted
        right = (rule, planted.subject) in found
        book.tallies["excess of a ledger"][right] += 1
