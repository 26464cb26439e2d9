"""Draw access logs of honest conduct and of planted excess, and read the rules naively.

A case simulates applications, tokens and a platform. The platform counts calls in
windows that it places as it likes, and refuses those above a limit. The logs show the
calls through clocks, zones, servers, formats, copies and rotations that are drawn. So
an honest case contains no excess, whatever the logs look like. A planted case contains
one more burst that the platform did not refuse. Its calls are an excess if a naive
reading of the logs finds one in each placing of windows and for each kind of token
(:func:`unexplained`).

Only :func:`judged` knows provscan.
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60, 3600, 86_400
SEARCH, READ = "/1.1/search/tweets.json", "/2/tweets"
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata",
         "Australia/Sydney", "America/Santiago")  # fmt: skip
# Days on which some clocks are set back or forward, and usual ones.
STARTS = ("2022-11-05", "2022-10-29", "2022-03-12", "2022-04-02", "2022-02-27",
          "2021-12-30", "2023-06-10", "2022-08-15")  # fmt: skip
EPOCH = 1_288_834_974_657


class Call(NamedTuple):
    time: float  # True time, in seconds since 1970.
    application: str
    token: str | None
    user: str | None
    endpoint: str
    number: int
    status: int = 200
    lasting: float = 0.4
    ids: tuple[int, ...] = ()


@dataclass
class Rules:
    """The values of a drawn policy pack."""

    user: int
    own: int
    day: int
    cap: int

    def pack(self) -> str:
        rules = [
            ("user", "user", 15, self.user, SEARCH),
            ("own", "app-only", 15, self.own, SEARCH),
            ("day", "application", 1440, self.day, READ),
        ]
        text = '[pack]\nname = "drawn"\ntitle = "Drawn"\n'
        for name, scope, minutes, value, endpoint in rules:
            text += (
                f'[[rule]]\nid = "{name}"\nkind = "rate_limit"\ntitle = "{name}"\n'
                f'scope = "{scope}"\nendpoints = ["{endpoint[:-5]}*"]\n'
                f"window_minutes = {minutes}\n{_version(value)}"
            )
        return text + (
            '[[rule]]\nid = "cap"\nkind = "monthly_cap"\ntitle = "Cap"\n'
            f'scope = "project"\ntiers = ["basic"]\n{_version(self.cap)}'
        )


def _version(value: int) -> str:
    return (
        '[[rule.versions]]\ndate = 2020-01-01\ndated = "effect"\nclause = "1"\n'
        f'source = "drawn"\ntext_sha256 = "none"\nsays = "x"\nvalue = {value}\n'
    )


@dataclass
class Case:
    """A drawn case: the true calls, and how the logs show them."""

    seed: int
    planted: str | None
    rules: Rules
    calls: list[Call] = field(default_factory=list)
    projects: dict[str, str | None] = field(default_factory=dict)
    # The rule, the subject, the logged times by token, and the endpoint of an excess.
    burst: tuple[str, str] | None = None
    notes: list[str] = field(default_factory=list)


class Window:
    """A limit of the platform. ``placing`` says when its windows begin."""

    def __init__(self, draw: random.Random, length: float, value: int) -> None:
        self.length, self.value = length, value
        self.placing = draw.choice(["first", "clock", "grid"])
        self.phase = draw.uniform(0, length) if self.placing == "grid" else 0.0
        self.start, self.used = -1e18, 0

    def permits(self, time: float) -> bool:
        if time >= self.start + self.length:
            passed = (time - self.phase) % self.length
            self.start = time if self.placing == "first" else time - passed
            self.used = 0
        self.used += self.used < self.value + 1
        return self.used <= self.value


def draw_case(seed: int, planted: bool) -> Case:
    draw = random.Random(f"ledger {seed} {planted}")
    rules = Rules(
        draw.randint(8, 40), draw.randint(8, 80), draw.randint(40, 150), draw.choice(
            [60, 150, 400]))  # fmt: skip
    kind = draw.choice(["search", "search", "day", "cap"]) if planted else None
    case = Case(seed, kind, rules)
    start = datetime.fromisoformat(draw.choice(STARTS)).replace(tzinfo=UTC).timestamp()
    case.notes.append(f"start {datetime.fromtimestamp(start, UTC):%F}")
    numbers = iter(range(1, 1 << 40))
    for index in range(draw.randint(1, 3)):
        name = f"app{index}"
        case.projects[name] = draw.choice(["shared", f"project{index}", None])
        own = Window(draw, 900, rules.own)
        for token in range(draw.choice([1, 2, 8, 20])):
            app_only = token == 0 and draw.random() < 0.4
            limit = own if app_only else Window(draw, 900, rules.user)
            user = None if app_only else f"user{token}"
            begin = start + draw.choice([0, 0, draw.uniform(0, 2 * DAY)])
            who = (name, f"token-{index}-{token}", user, SEARCH)
            case.calls += _client(draw, begin, who, limit, numbers)
    case.calls += _readers(draw, start, case, numbers)
    if kind:
        _plant(draw, start, case, numbers)
    case.calls.sort()
    return case


def _client(
    draw: random.Random, begin: float, who: Any, limit: Window, numbers: Iterator[int]
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
        number, lasting = next(numbers), draw.uniform(0.1, 1.5)
        if draw.random() < 0.02:
            yield Call(time, *who, number, 503, lasting)
            continue
        if limit.permits(time):
            yield Call(time, *who, number, 200, lasting)
            continue
        yield Call(time, *who, number, 429, lasting)
        if waits:
            time = limit.start + limit.length
        else:
            time += draw.uniform(5, 120)


def _readers(
    draw: random.Random, start: float, case: Case, numbers: Iterator[int]
) -> Iterator[Call]:
    """Yield calls over weeks, below the daily limit and the cap of the project."""
    zone = ZoneInfo(draw.choice(ZONES))
    first = draw.randint(1, 28)
    days: dict[Any, int] = defaultdict(int)
    posts: dict[Any, set[Any]] = defaultdict(set)
    share = draw.choice([0.5, 1.0, 1.0])
    for name, project in case.projects.items():
        if draw.random() < 0.3:
            continue
        time, ids = start - 20 * DAY, list[int]()
        many = draw.choice([20, case.rules.day * 1.3])
        for _ in range(1500):
            time += draw.expovariate(many / DAY)
            if time > start + 50 * DAY:
                break
            local = datetime.fromtimestamp(time, zone)
            month = (local - timedelta(days=first - 1)).strftime("%Y-%m")
            number = next(numbers)
            fresh = draw.choice([0, 0, 1])
            new = _tweets(draw, time, number)[:fresh] + tuple(ids[-1:])
            owner = project or name
            counted = posts[owner, month] | {(local.date(), one) for one in new}
            if len(counted) > share * case.rules.cap:
                new, counted = (), posts[owner, month]
            if days[name, local.date()] >= case.rules.day:
                continue
            days[name, local.date()] += 1
            posts[owner, month] = counted
            ids += new[:fresh]
            who = (name, f"reader-{name}", None, READ)
            lasting = 2 * HOUR if draw.random() < 0.01 else 0.5
            yield Call(time, *who, number, 200, lasting, new)


def _tweets(draw: random.Random, time: float, number: int) -> tuple[int, ...]:
    posted = int((time - draw.expovariate(1 / 4) - 1) * 1000) - EPOCH
    return (posted << 22 | number % (1 << 22),)


def _plant(
    draw: random.Random, start: float, case: Case, numbers: Iterator[int]
) -> None:
    """Add the calls of one token that the platform did not refuse."""
    name, rules = draw.choice(list(case.projects)), case.rules
    strength, windows = draw.uniform(1.3, 4), draw.choice([1, 2, 4, 8])
    begin = start + draw.uniform(5, 9) * DAY
    if case.planted == "search":
        value, length, endpoint = max(rules.user, rules.own), 900, SEARCH
        windows = max(windows, 2) if strength < 2.2 else windows
    elif case.planted == "day":
        value, length, endpoint = rules.day, DAY, READ
        windows = max(windows, 3)
    else:
        # Whole months: the cap can begin on any day.
        value, length, endpoint, windows = rules.cap, 30 * DAY, READ, 3
        begin = start - 20 * DAY
    total = int(strength * value * windows)
    for number in range(total):
        time = begin + length * windows * (number + draw.random()) / total
        who = (name, f"planted-{name}", "planted", endpoint)
        ids = _tweets(draw, time, number) if endpoint == READ else ()
        case.calls.append(Call(time, *who, next(numbers), 200, 0.4, ids))
    case.burst = (case.planted or "", name)
    case.notes.append(f"{case.planted} of {name}, {strength:.2f} times, {windows}")


class View(NamedTuple):
    """What the logs of a case show."""

    columns: tuple[str, ...]
    zone: str
    stated: bool  # Whether times state their zone.
    precision: int


def write(case: Case, folder: Path) -> View:
    """Write the logs of a case, with copies, rotated files and servers."""
    draw = random.Random(f"logs {case.seed} {case.planted}")
    zone = draw.choice(ZONES)
    columns = ["token", "user", "status", "parameters", "ids", "project"]
    # A planted excess needs what the rule is about.
    hidden = [] if case.planted else [c for c in columns if draw.random() < 0.2]
    kept = tuple(c for c in columns if c not in hidden)
    view = View(kept, zone, draw.random() < 0.5, draw.choice([0, 3, 6]))
    servers = draw.choice([1, 1, 2, 3])
    clocks = [draw.choice([0, 0, draw.uniform(-40, 40), draw.choice([-6, 2]) * HOUR])
              for _ in range(servers)]  # fmt: skip
    twice = draw.random() < 0.15 and not case.planted
    sticky = bool(case.planted) or draw.random() < 0.5
    lines: dict[tuple[int, str], list[tuple[float, str]]] = defaultdict(list)
    rotation = draw.choice(["%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H"])
    busy = case.calls[len(case.calls) // 2].time
    gap = case.calls[0].time + draw.uniform(0, 3 * DAY) if draw.random() < 0.3 else 0
    for call in case.calls:
        if gap < call.time < gap + 7 * HOUR and not case.planted:
            continue
        key = (call.token, call.endpoint) if sticky else call.number
        server = random.Random(f"{case.seed} {key}").randrange(servers)
        places = {server, (server + 1) % servers} if twice else {server}
        for place in places:
            time = call.time + clocks[place]
            # Files of a day or an hour, for a few days.
            near = abs(call.time - busy) < (2 * DAY if len(rotation) < 10 else 3 * HOUR)
            at = datetime.fromtimestamp(call.time, UTC)
            period = at.strftime(rotation if near else "%Y-%m")
            lines[place, period].append((time, _line(call, time, view, place)))
    form = draw.choice(["web{}/{}.jsonl", "web{}-{}.jsonl", "{}/access-{}.jsonl.gz"])
    paths = []
    for (server, period), found in sorted(lines.items()):
        if draw.random() < 0.2:
            draw.shuffle(found)
        path = folder / "logs" / form.format(server, period)
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(path, [text for _, text in found])
        paths.append(path)
    for path in draw.sample(paths, min(len(paths), draw.choice([0, 1, 3]))):
        # A copy, as it is or compressed, or a part of it.
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        texts = content.decode().splitlines()
        texts = texts[len(texts) // 2 * draw.choice([0, 1]) :]
        _save(folder / "logs" / "backup" / f"{path.parent.name}-{path.name}", texts)
    tier = "".join(
        f'[[application]]\nname = "{name}"\ntier = "basic"\n'
        + (f'project = "{project}"\n' if project else "")
        for name, project in case.projects.items()
    )
    named = '[case]\nname = "Drawn"\nlogs = ["logs"]\npolicies = ["pack.toml"]\n'
    (folder / "case.toml").write_text(named + tier)
    (folder / "pack.toml").write_text(case.rules.pack())
    case.notes.append(f"{view}, clocks {clocks}, twice {twice}, {rotation}, {form}")
    return view


def _line(call: Call, time: float, view: View, server: int) -> str:
    def stated(seconds: float) -> str:
        # Servers that record the same calls write other forms of the same time.
        scale = 10 ** max(view.precision - server, 0)
        at = datetime.fromtimestamp(int(seconds * scale) / scale, UTC)
        at = at.astimezone(ZoneInfo(view.zone))
        return at.isoformat() if view.stated else at.replace(tzinfo=None).isoformat()

    row: dict[str, Any] = {
        "time": stated(time),
        "responded_at": stated(time + call.lasting),
        "application": call.application,
        "endpoint": call.endpoint,
        "token": call.token,
        "user": call.user,
        "status": call.status,
        "parameters": f"q={call.number}&s={server}",
        "ids": list(call.ids) if call.status == 200 else [],
        "project": None,
    }
    always = ("time", "responded_at", "application", "endpoint")
    return json.dumps({k: v for k, v in row.items() if k in (*always, *view.columns)})


def _save(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def unexplained(case: Case) -> bool:
    """Return whether the planted calls are above the limit in each placing of windows
    and for each kind of token, in a naive reading of the true times.
    """
    assert case.burst is not None
    kind, name = case.burst
    mine = [c for c in case.calls if c.application == name and c.status == 200]
    if kind == "search":
        times = [c.time for c in mine if c.token == f"planted-{name}"]
        return all(above(times, v, 900) for v in (case.rules.user, case.rules.own))
    if kind == "day":
        return above([c.time for c in mine if c.endpoint == READ], case.rules.day, DAY)
    owner = case.projects[name] or name
    shared = {n for n, p in case.projects.items() if (p or n) == owner}
    found = {
        (datetime.fromtimestamp(c.time, UTC).date(), one)
        for c in case.calls
        if c.application in shared and c.status == 200
        for one in c.ids
    }
    for first in range(1, 29):
        months = Counter(f"{day - timedelta(days=first - 1):%Y-%m}" for day, _ in found)
        if max(months.values()) <= case.rules.cap:
            return False
    return True


def above(times: Sequence[float], value: int, length: float) -> bool:
    """Return whether some window has more calls, in each of 60 placings on a grid, and
    if each window begins with a call.
    """
    times = sorted(times)
    for step in range(60):
        counts = Counter((time - step * length / 60) // length for time in times)
        if max(counts.values(), default=0) <= value:
            return False
    start, used, most = -1e18, 0, 0
    for time in times:
        if time >= start + length:
            start, used = time, 0
        used += 1
        most = max(most, used)
    return most > value


def judged(folder: Path) -> set[tuple[str, str | None]]:
    """Make the ledger of a case, and return the rules with a finding that differs, with
    their subjects.
    """
    import pyarrow.parquet as pq

    from provscan.ledger import run

    # The report and the workbook show the same tables, and take half of the time.
    with mock.patch.multiple(
        run, write_tables=mock.DEFAULT, write_ledger_report=mock.DEFAULT
    ):
        case = folder / "case.toml"
        out = run.make_ledger([], folder / "out", case=case, key="k")
    found = pq.read_table(out / "tables" / "findings.parquet").to_pylist()
    differs = [(row["rule"], row["subject"])
               for row in found if row["result"] == "differs"]  # fmt: skip
    assert len(differs) == len(set(differs)), "one excess has several findings"
    return set(differs)


def accusations(case: Case, folder: Path) -> list[str]:
    """Return what a ledger says against honest conduct."""
    write(case, folder)
    said = sorted(judged(folder), key=str)
    return [f"case {case.seed}: {each} differs; {case.notes}" for each in said]


def finds(case: Case, folder: Path) -> bool:
    """Return whether a planted excess is found."""
    write(case, folder)
    kind, name = case.burst or ("", "")
    owner = case.projects[name] or name
    expected = {"search": ("own", name), "day": ("day", name), "cap": ("cap", owner)}
    return expected[kind] in judged(folder)


def drawn(folder: Path, seed: int, cases: int, first: int = 0) -> Iterator[str]:
    """Yield the violations of drawn cases, of honest conduct and of excess. Planted
    calls that can be explained are left out.
    """
    excess, missed = 0, list[str]()
    for number in range(first, first + cases):
        for planted in (False, True):
            case = draw_case(seed * 1_000_000 + number, planted)
            place = folder / f"{number}"
            place.mkdir()
            if not planted:
                yield from accusations(case, place)
            elif unexplained(case):
                excess += 1
                missed += [] if finds(case, place) else [f"{case.seed}: {case.notes}"]
            shutil.rmtree(place)
    if (cases > 9 and not excess) or len(missed) > 0.05 * excess + 1:
        yield f"{len(missed)} of {excess} cases of excess were missed: {missed}"
