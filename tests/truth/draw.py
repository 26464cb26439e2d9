"""Draw cases from a seed: licensed tweets, a dataset with known copies of them, its
layout and the options of the scan.

Twenty cases share a corpus (:class:`World`), since building an index takes as long as a
scan.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from tweets import LETTERS, SCRIPTS, edited, sentence

from truth import adapter, writers
from truth.writers import Layout

EMOJI = {*"😀😂🥰🙂🤔"}
WITHOUT_NULLS = ("csv", "text", "html", "warc", "webdataset")
CUTOFF = "2019-01-01"
CASES_OF_A_WORLD = 20
# The values of each option, of which every pair occurs in some case.
FACTORS: dict[str, tuple[Any, ...]] = {
    "cutoff": (None, CUTOFF),
    "control": (False, True),
    "null": (False, True),
    "known": (False, True),
    "sample": (None, "records", "files"),
    "fraction": (None, 0.5),
    "outputs": (False, True),
    "edits": ("mixed", "light", "heavy"),
    "executor": ("threads", "processes"),
    "workers": (1, 2, 3),
    "resume": (False, True),
    "baseline": (False, True),
    "planted": (0, 40, 300),
}


def excluded(row: dict[str, Any]) -> bool:
    """Return whether options exclude each other, as the documentation says."""
    return bool(row.get("sample") and row.get("baseline"))


@lru_cache
def in_pairs() -> list[dict[str, Any]]:
    """Return rows of options in which each pair of values occurs (a greedy covering
    array).
    """
    open_pairs = {
        ((a, x), (b, y))
        for a, b in combinations(FACTORS, 2)
        for x in FACTORS[a]
        for y in FACTORS[b]
        if not excluded({a: x, b: y})
    }
    rng, rows = random.Random(1), []
    while open_pairs:
        best: tuple[int, dict[str, Any]] = (-1, {})
        for _ in range(4):
            first = rng.choice(sorted(open_pairs, key=str))
            row = dict(first)
            for name in rng.sample(sorted(FACTORS), len(FACTORS)):
                choices = [
                    value
                    for value in FACTORS[name]
                    if not excluded(row | {name: value})
                ]
                if name not in row:
                    row[name] = max(
                        choices,
                        key=lambda value: (
                            sum(
                                (name, value) in pair
                                and {*pair} <= {*row.items(), (name, value)}
                                for pair in open_pairs
                            )
                            + rng.random()
                        ),
                    )
            gain = sum({*pair} <= {*row.items()} for pair in open_pairs)
            best = max(best, (gain, row), key=lambda each: each[0])
        rows.append(best[1])
        open_pairs -= {pair for pair in open_pairs if {*pair} <= {*best[1].items()}}
    return rows


class Tweet(NamedTuple):
    """A tweet. Its canonical text is that of ``text[first:last]``."""

    key: str
    text: str
    author: str
    posted: str
    first: int
    last: int
    original: str  # The key of the earliest tweet with this text.

    def as_dict(self) -> dict[str, Any]:
        names = {"id": self.key, "text": self.text, "author": self.author}
        return names | {"created_at": f"{self.posted}T12:00:00Z"}


def _tweet(rng: random.Random, key: str, letters: int) -> Tweet:
    script = rng.choice(["latin", "latin", *SCRIPTS])
    core = sentence(rng, script, letters).strip()
    if script in ("latin", "greek", "cyrillic"):
        core = core.capitalize() if rng.random() < 0.5 else core
        if rng.random() < 0.1 and " " in core:
            core = core.replace(" ", " &amp; ", 1)
    # The last character must be a letter.
    core = core.rstrip("😀😂🥰🙂🤔 ").lstrip("😀😂🥰🙂🤔 ") + rng.choice(
        [each for each in LETTERS[script] if each[-1].isalnum()]
    )
    before = rng.choice(["", "", "", "@some_name ", "😀 ", '"'])
    after = rng.choice(["", "", "!", " 😀", " https://t.co/aB3xY", "..."])
    posted = f"{rng.randrange(2015, 2022)}-{rng.randrange(1, 13):02}-15"
    author = f"author{rng.randrange(60)}"
    first, last = len(before), len(before) + len(core)
    return Tweet(key, before + core + after, author, posted, first, last, key)


@dataclass
class World:
    """The licensed tweets of some cases, and the data that measures chance.

    ``quoted`` are texts of licensed or control tweets that anybody may quote, so that
    they occur in data by chance.
    """

    rng: random.Random
    folder: Path
    size: int = 120
    tweets: list[Tweet] = field(default_factory=list)
    control: list[Tweet] = field(default_factory=list)
    quoted: list[Tweet] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        rng = self.rng
        self.tweets = [
            _tweet(rng, str(1000 + n), rng.choice((12, *[rng.randrange(40, 140)] * 9)))
            for n in range(self.size)
        ]
        self.control = [
            _tweet(rng, f"c{n}", rng.randrange(40, 140)) for n in range(self.size)
        ]
        share = rng.choice((0.0, 0.03, 0.1))
        self.quoted = [
            each
            for each in (*self.tweets, *self.control)
            if rng.random() < share and each.last - each.first >= 40
        ]
        # Tweets with the text of an earlier one: by one, or by several authors.
        for number, first in enumerate(rng.sample(self.tweets, 12)):
            for again in range(1 + 2 * (number % 2)):
                key = f"{first.key}{again}"
                later = f"2022-0{again + 1}-01"
                other = first._replace(key=key, author=f"other{again}", posted=later)
                self.tweets.append(other)
        self.known = {
            each.key
            for each in rng.sample(self.tweets, 12)
            if each.key == each.original
        }

    @cached_property
    def authors(self) -> dict[str, set[str]]:
        """The authors of each text, by its first tweet."""
        found = defaultdict(set)
        for each in self.tweets:
            found[each.original].add(each.author)
        return dict(found)

    def originals(self) -> list[Tweet]:
        return [each for each in self.tweets if each.key == each.original]

    def background(self, rng: random.Random, count: int) -> list[str]:
        """Return texts that nobody copied, some of which quote tweets by chance."""
        texts = []
        for _ in range(count):
            script = rng.choice(["latin", *SCRIPTS])
            text = sentence(rng, script, rng.randrange(30, 200)).strip()
            if self.quoted and rng.random() < 0.15:
                text = f"{text} — {rng.choice(self.quoted).text}"
            texts.append(text)
        return texts

    def file(self, name: str) -> Path:
        """Return the path of the control, the null dataset or the known data."""
        path = self.folder / f"{name}.jsonl"
        if not path.exists():
            rng = random.Random(name)
            rows: list[dict[str, Any]] = []
            if name == "control":
                rows = [each.as_dict() for each in self.control]
            elif name == "null":
                texts = self.background(rng, 150)
                rows = [{"id": f"n{n}", "text": text} for n, text in enumerate(texts)]
            else:
                rows = [
                    {"id": f"k{each.key}", "text": f"Once: {each.text}"}
                    for each in self.tweets
                    if each.key in self.known
                ]
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def part(self, fraction: float | None) -> list[Tweet]:
        """Return the tweets in the index, which are a random part of all texts."""
        if fraction is None:
            return self.tweets
        rng = random.Random(5)
        texts = {each.key for each in self.originals() if rng.random() < fraction}
        return [each for each in self.tweets if each.original in texts]

    def index(self, fraction: float | None = None) -> Path:
        path = self.folder / f"licensed{fraction or ''}.index"
        if not path.exists():
            tweets = [each.as_dict() for each in self.part(fraction)]
            adapter.build_index(tweets, path, fraction=fraction)
        return path

    def earlier(self, fraction: float | None) -> Path:
        """Return a run on other data."""
        path = self.folder / f"earlier{fraction or ''}.run"
        if not path.exists():
            index = self.index(fraction)
            adapter.scan([self.file("null")], index, path, planted=0)
        return path


class Place(NamedTuple):
    """A text of a tweet in a record: it begins in ``starts`` and ends in ``ends``,
    which depend on whether a span includes marks and links beside the letters.
    """

    record: int
    slot: int
    starts: tuple[int, int]
    ends: tuple[int, int]
    tweet: str
    exact: bool
    copied: bool  # Whether it was copied from the platform, and is no quotation.


@dataclass(frozen=True)
class Case:
    """A dataset with known copies, and how it is scanned."""

    seed: int
    number: int
    world: World
    texts: tuple[tuple[str, ...], ...]  # The texts of each record.
    places: tuple[Place, ...]
    layout: Layout
    options: dict[str, Any]  # The row of :func:`in_pairs`.
    by_command: bool

    def records(self, chosen: Iterable[int] | None = None) -> list[Any]:
        shape, depth = self.layout.shape, self.layout.depth
        wanted = range(len(self.texts)) if chosen is None else chosen
        return [writers.shaped(shape, depth, f"r{n}", self.texts[n]) for n in wanted]

    def field(self, slot: int) -> str:
        fixed = writers.WRITERS[self.layout.format].field
        return fixed or writers.field_of(self.layout.shape, self.layout.depth, slot)

    def scanned(self, slot: int) -> bool:
        """Return whether the texts of a slot are scanned, since they are no prompts."""
        prompted = self.layout.shape in ("prompted", "chat")
        return not (self.options["outputs"] and prompted and slot % 2 == 0)

    @property
    def index(self) -> Path:
        return self.world.index(self.options["fraction"])

    def settings(self) -> dict[str, Any]:
        """Return the options of the scan."""
        row, world = self.options, self.world
        chosen = {
            name: row[name] for name in ("outputs", "edits", "planted", "workers")
        }
        if row["cutoff"]:
            chosen["cutoff"] = row["cutoff"]
        for name in ("control", "null", "known"):
            if row[name]:
                chosen[name] = world.file(name)
        if row["sample"]:
            chosen |= {"sample": 0.6, "sample_by": row["sample"]}
        if row["baseline"]:
            chosen["baseline"] = world.earlier(row["fraction"])
        if self.layout.format == "text":
            chosen["records"] = "lines"
        return chosen

    def repeats(self) -> str:
        return f"python -m tests.truth --seed {self.seed} --case {self.number}"


def _layout(rng: random.Random, number: int) -> Layout:
    names = writers.formats()
    name = names[number % len(names)]
    writer = writers.WRITERS[name]
    layout = Layout(
        name,
        rng.choice(writer.shapes),
        rng.randrange(1, 6),
        files=rng.choice((1, 1, 2, 3, 5)),
        group=rng.randrange(5, 60),
        frames=rng.choice((1, 2, 3)),
        folder=rng.random() < 0.3,
    )
    if writer.bare:
        return layout
    compressions = sorted(adapter.compressions().keys() & writers.COMPRESSORS.keys())
    given = {
        "compression": rng.choice((None, *compressions)),
        "archive": rng.choice((None, *writers.ARCHIVES)),
    }
    if given["archive"] == "tar" and rng.random() < 0.5:
        given["outer"] = rng.choice(compressions)
    return replace(layout, **given)


def _record(
    rng: random.Random, texts: Sequence[str], copies: list[Tweet], edit: float
) -> tuple[tuple[str, ...], list[tuple[int, int, int, int, int, Tweet, bool]]]:
    """Plant tweets in the texts of a record, and return the texts and the places."""
    result, found = list(texts), []
    for tweet in copies:
        slot = rng.randrange(len(texts))
        changed = rng.random() < edit
        text = (
            " ".join(edited(rng, tweet.text, 0.04).split()) if changed else tweet.text
        )
        alone = rng.random() < 0.5 and not any(place[0] == slot for place in found)
        before = "" if alone else f"{result[slot]} … "
        after = (
            "" if alone or rng.random() < 0.5 else f" … {sentence(rng, 'latin', 40)}"
        )
        at = len(before)
        result[slot] = before + text + after
        end = at + len(text)
        first, last = (0, len(text)) if changed else (tweet.first, tweet.last)
        found.append((slot, at, at + first, at + last, end, tweet, not changed))
    return tuple(result), found


def draw(seed: int, number: int, worlds: Worlds) -> Case:
    """Return a case; the same for the same seed and number."""
    rng = random.Random(f"{seed} {number}")
    world = worlds.get(seed, number // CASES_OF_A_WORLD)
    rows = in_pairs()
    options = dict(rows[number % len(rows)])
    # Processes start slowly, resuming scans twice, and few laws hold for samples.
    if number // len(rows) % 5:
        options["executor"] = "threads"
    if number // len(rows) % 3:
        options["sample"] = None
    if number // len(rows) % 4 != 1:
        options["resume"] = False
    layout = _layout(rng, number)
    if options["sample"] == "files":  # A sample needs several parts.
        layout = replace(layout, files=rng.randrange(6, 12))
    one = writers.WRITERS[layout.format].most == 1
    count = rng.randrange(12, 24) if one else rng.randrange(60, 200)
    clear = [
        each
        for each in world.originals()
        if len(each.text) >= 45
        and each.last - each.first >= 40
        and each not in world.quoted
        # A late text of one word is no text for the reader.
        and (layout.shape != "late" or not EMOJI & {*each.text[each.first : each.last]})
        and not (options["cutoff"] and each.posted >= options["cutoff"])
    ]
    wanted = (
        rng.choice((0, 3, min(20, count), count // 2)) if rng.random() < 0.85 else 0
    )
    chosen = {*rng.sample(range(count), wanted)}
    edit = rng.choice((0.0, 0.2))
    some = layout.format not in WITHOUT_NULLS and layout.shape != "late"
    empty = some and rng.random() < 0.3
    texts, places = [], []
    filler = iter(world.background(rng, 4 * count))
    quotable = {each.text: each for each in world.quoted}
    for record in range(count):
        slots = {"columns": 2, "prompted": 2, "chat": 4, "late": 3, "list": 3}
        slots["objects"] = 3
        width = slots.get(layout.shape, 1)
        width = rng.randrange(1, width + 1) if width > 2 else width
        own = [next(filler) for _ in range(width)]
        if record % 9 == 8 and empty and record not in chosen:
            own = [""] * width
        for slot, text in enumerate(own):
            tweet = quotable.get(text.partition(" — ")[2])
            if tweet is not None:
                at, end = len(text) - len(tweet.text), len(text)
                spot = (at, at + tweet.first), (at + tweet.last, end)
                places.append(Place(record, slot, *spot, tweet.key, True, False))
        if record in chosen:
            bare = [text.partition(" — ")[0] for text in own]
            places = [each for each in places if each.record != record]
            copies = [rng.choice(clear) for _ in range(rng.choice((1, 1, 1, 2)))]
            texts_of, found = _record(rng, bare, copies[: len(bare)], edit)
            own = list(texts_of)
            for slot, low, first, last, end, tweet, exact in found:
                spot = (low, first), (last, end)
                places.append(Place(record, slot, *spot, tweet.original, exact, True))
        texts.append(tuple(own))
    return Case(
        seed,
        number,
        world,
        tuple(texts),
        tuple(places),
        layout,
        options,
        by_command=number % 20 == 3,
    )


class Worlds:
    """The worlds of a run of the machine, in a folder. The last one is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: tuple[tuple[int, int], World] | None = None

    def get(self, seed: int, block: int) -> World:
        if self.kept is None or self.kept[0] != (seed, block):
            folder = self.folder / f"world-{seed}-{block}"
            folder.mkdir(parents=True, exist_ok=True)
            world = World(random.Random(f"{seed} {block} world"), folder)
            self.kept = (seed, block), world
        return self.kept[1]
