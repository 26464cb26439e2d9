"""Draw cases from a seed: licensed tweets, a dataset with known copies, its layout and
the options of the scan.

Forty cases share a corpus (:class:`World`), since building an index takes as long as a
scan.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from file_formats import COMPRESSIONS, PACKERS
from tweets import LETTERS, SCRIPTS, edited, sentence

from truth import TABLES, adapter, layouts
from truth.layouts import ABSENT, Layout

EMOJI = "😀😂🥰🙂🤔"
WITHOUT_NULLS = ("csv", "text", "html", "warc")
CUTOFF = "2019-01-01"
CASES_OF_A_WORLD = 40
# Authors who share a text that is common.
COMMON = 3
# The values of each option. A case draws one of each, so some case has each pair.
FACTORS: dict[str, tuple[Any, ...]] = {
    "cutoff": (None, CUTOFF),
    "control": (False, True),
    "null": (False, True),
    "known": (False, True),
    "sample": (None, None, "records", "files"),
    "fraction": (None, 0.5),
    "outputs": (False, True),
    "workers": (1, 2, 3),
    "parts": (None, 4000),
    "resume": (False, True),
    "baseline": (False, True),
    "planted": (0, 40, 300),
}
# Names of files: words of a summary, characters with a meaning in patterns, shells and
# pages, and letters of several scripts.
NAMES = TABLES["names"]
# What a field has before its first text: nothing, or values that are no text.
BEFORE = (ABSENT, None, "", "en", "2015-10-20 00:10:41", "https://example.org/a", "c1")
# The slots of prompts.
PROMPTS = {"prompted": (0,), "chat": (0, 2), "late_chat": (1, 3)}
MOST_RECORDS, MOST_ELEMENTS = 100_000, 10_000


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
        core = core.replace(" ", " &amp; ", 1) if rng.random() < 0.1 else core
    # The last character must be a letter.
    last = rng.choice([each for each in LETTERS[script] if each[-1].isalnum()])
    core = core.strip(f"{EMOJI} ") + last
    before = rng.choice(["", "", "", "@some_name ", "😀 ", '"'])
    after = rng.choice(["", "", "!", " 😀", " https://t.co/aB3xY", "..."])
    posted = f"{rng.randrange(2015, 2022)}-{rng.randrange(1, 13):02}-15"
    author, first = f"author{rng.randrange(60)}", len(before)
    text, end = before + core + after, first + len(core)
    return Tweet(key, text, author, posted, first, end, key)


def rows_of(texts: Iterable[str], prefix: str = "t") -> list[dict[str, Any]]:
    return [{"id": f"{prefix}{n}", "text": text} for n, text in enumerate(texts)]


def words(rng: random.Random) -> str:
    script = rng.choice(["latin", *SCRIPTS])
    return sentence(rng, script, rng.randrange(30, 200)).strip()


class World:
    """The licensed tweets of some cases, and the data that measures chance.

    ``quoted`` are texts of licensed or control tweets that anybody may quote, so that
    they occur in data by chance.
    """

    def __init__(self, rng: random.Random, folder: Path) -> None:
        self.folder, lengths = folder, [12, *[0] * 9]
        self.tweets, self.control = (
            [
                _tweet(rng, f"{key}{n}", rng.choice(short) or rng.randrange(40, 140))
                for n in range(1000, 1120)
            ]
            for key, short in (("", lengths), ("c", [0]))
        )
        share = rng.choice((0.0, 0.03, 0.1))
        self.quoted = [
            each
            for each in (*self.tweets, *self.control)
            if rng.random() < share and each.last - each.first >= 40
        ]
        # Tweets with the text of an earlier one, by several authors, and texts of the
        # control that are licensed, too.
        firsts = [each for each in self.quoted if each in self.tweets][:9]
        firsts += rng.sample([each for each in self.tweets if each not in firsts], 9)
        for number, first in enumerate(firsts):
            other = first._replace(posted="2022-01-01")
            for n in range(1 + number % 3):
                key = f"{first.key}{n}"
                self.tweets.append(other._replace(key=key, author=f"other{n}"))
            if number % 2 == 0:
                key = f"k{first.key}"
                self.control.append(other._replace(key=key, author=key))
        self.known = {each.key for each in rng.sample(self.originals(), 12)}

    def originals(self) -> list[Tweet]:
        return [each for each in self.tweets if each.key == each.original]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of the control, the clean data or the known data."""
        if name == "control":
            return [each.as_dict() for each in self.control]
        if name == "null":
            rng = random.Random(name)
            texts = [fill(rng, self, 1)[0][0] for _ in range(150)]
        else:
            known = (each for each in self.tweets if each.key in self.known)
            texts = [f"Once: {each.text}" for each in known]
        return rows_of(texts, name)

    def file(self, name: str) -> Path:
        path = self.folder / f"{name}.jsonl"
        return path if path.exists() else write_rows(self.rows(name), path)

    def part(self, fraction: float | None) -> list[Tweet]:
        """Return the tweets in the index, which are a random part of all texts."""
        rng = random.Random(5)
        texts = {x.key for x in self.originals() if rng.random() < (fraction or 1)}
        return [each for each in self.tweets if each.original in texts]

    def index(self, fraction: float | None) -> Path:
        path = self.folder / f"licensed{fraction or ''}.index"
        if not path.exists():
            tweets = [each.as_dict() for each in self.part(fraction)]
            options = {"fraction": fraction} if fraction else {}
            adapter.build_index(tweets, path, **options)
        return path

    def earlier(self, fraction: float | None) -> Path:
        """Return a run on other data."""
        path = self.folder / f"earlier{fraction or ''}.run"
        if not path.exists():
            adapter.scan([self.file("null")], self.index(fraction), path, planted=0)
        return path


@lru_cache(1)
def world_of(folder: Path, seed: int, block: int) -> World:
    """Return the world of a block of cases, in a folder of its own. One is kept."""
    made = folder / f"world-{seed}-{block}"
    made.mkdir(parents=True, exist_ok=True)
    return World(random.Random(f"{seed} {block} world"), made)


def write_rows(rows: list[dict[str, Any]], path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
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
    options: dict[str, Any]  # A value of each of :data:`FACTORS`.

    def records(self, layout: Layout, chosen: range | None = None) -> list[Any]:
        wanted = range(len(self.texts)) if chosen is None else chosen
        return [layouts.shaped(layout, f"r{n}", self.texts[n]) for n in wanted]

    @cached_property
    def values(self) -> list[Any]:
        return self.records(self.layout)

    def fields(self, record: int) -> dict[str, Any]:
        """Return the values of a record by field."""
        field = layouts.FORMATS[self.layout.format].field
        return dict(layouts.leaves(self.values[record], field))

    def field(self, record: int, slot: int) -> str:
        """Return the field that has the text of a slot."""
        text, fields = self.texts[record][slot], self.fields(record).items()
        return next(name for name, value in fields if value == text)

    def scanned(self, slot: int) -> bool:
        """Return whether the texts of a slot are scanned, since they are no prompts."""
        prompts = PROMPTS.get(self.layout.shape, ())
        return not (self.options["outputs"] and slot in prompts)

    @property
    def kinds(self) -> list[str]:
        """The kinds of the table of laws to which the case belongs."""
        names = ("format", "shape", "compression", "archive", "outer")
        layout = {name: getattr(self.layout, name) for name in names}
        return [f"{name} {value}" for name, value in (layout | self.options).items()]

    @property
    def whole(self) -> bool:
        """Whether all of the dataset is scanned."""
        return self.options["sample"] is None

    @property
    def measured(self) -> bool:
        """Whether there is a measure of chance."""
        return any(self.options[name] for name in ("cutoff", "control", "null"))

    @cached_property
    def index(self) -> Path:
        return self.world.index(self.options["fraction"])

    @cached_property
    def licensed(self) -> dict[str, list[Tweet]]:
        """The licensed tweets of each text in the index, by the first one."""
        found = defaultdict(list)
        for each in self.world.part(self.options["fraction"]):
            found[each.original].append(each)
        return dict(found)

    @cached_property
    def searched(self) -> dict[str, str]:
        """The ids under which texts are found, by their first tweets."""
        control = self.world.control if self.options["control"] else []
        return {each.original: each.key for each in control} | {
            key: key for key in self.licensed
        }

    def is_control(self, tweet: str) -> bool:
        """Return whether a text is no licensed one, or was posted since the cutoff."""
        posted = (each.posted for each in self.licensed.get(tweet, ()))
        cutoff = self.options["cutoff"]
        return tweet not in self.licensed or bool(cutoff and min(posted) >= cutoff)

    @cached_property
    def common(self) -> set[str]:
        """The texts of many authors, and those that the control has, too."""
        authors = {k: {t.author for t in tweets} for k, tweets in self.licensed.items()}
        found = {key for key, names in authors.items() if len(names) >= COMMON}
        both = {each.original for each in self.world.control} & self.licensed.keys()
        repeated = {key for key in both if not self.is_control(key)}
        return found | repeated if self.options["control"] else found

    def settings(self) -> dict[str, Any]:
        """Return the options of the scan."""
        names = ("cutoff", "outputs", "planted", "workers", "parts")
        chosen = {name: self.options[name] for name in names}
        if self.options["sample"]:
            chosen |= {"sample": 0.6, "sample_by": self.options["sample"]}
        if self.layout.format == "text":
            chosen["records"] = "lines"
        return chosen | self.files()

    def files(self) -> dict[str, Path]:
        """Return the options of the scan that name files."""
        names = [name for name in ("control", "null", "known") if self.options[name]]
        files = {name: self.world.file(name) for name in names}
        if self.options["baseline"]:
            files["baseline"] = self.world.earlier(self.options["fraction"])
        return files


def draw_layout(rng: random.Random, name: str, shape: str | None = None) -> Layout:
    """Draw a layout of a format, whose shape may be given."""
    format_ = layouts.FORMATS[name]
    layout = Layout(
        name,
        shape or rng.choice(format_.shapes),
        depth=rng.randrange(1, 6),
        early=int(MOST_ELEMENTS ** rng.random()),
        before=rng.choice(BEFORE),
        files=rng.choice((1, 1, 2, 3, 5)),
        group=rng.randrange(5, 60),
        frames=rng.choice((1, 2, 3)),
        name=rng.choice(NAMES),
        folder=rng.random() < 0.3,
    )
    packed = sorted(adapter.compressions().keys() & COMPRESSIONS.keys())
    archive = rng.choice((None, *PACKERS))
    outer = rng.choice((None, *packed)) if archive == "tar" else None
    compression = rng.choice((None, *packed))
    return replace(layout, compression=compression, archive=archive, outer=outer)


def options_of(seed: int, number: int) -> dict[str, Any]:
    """Draw the options of a case. A sample is not compared with a baseline."""
    rng = random.Random(f"{seed} {number} options")
    row = {name: rng.choice(values) for name, values in FACTORS.items()}
    return row | {"baseline": row["baseline"] and not row["sample"]}


def draw(seed: int, number: int, folder: Path) -> Case:
    """Draw a case, whose world is in a folder. A tenth of the records is a copy of
    another one.
    """
    rng, options = random.Random(f"{seed} {number}"), options_of(seed, number)
    world = world_of(folder, seed, number // CASES_OF_A_WORLD)
    names = sorted(adapter.formats().keys() & layouts.FORMATS.keys())
    layout = draw_layout(rng, names[number % len(names)])
    late, most = layout.shape in layouts.LATE, layouts.SHAPES[layout.shape][0]
    count = rng.randrange(*((2, 12) if late else (40, 140)))
    if layout.format == "html":
        count = rng.randrange(10, 30)
    if options["sample"] == "files":
        count, layout = max(count, 8), replace(layout, files=5)
    # Records before the first one that has the late field.
    first = int(MOST_RECORDS ** rng.random()) - 1 if late else 0
    wanted = rng.choice((0, 3, 20, count // 2)) if rng.random() < 0.85 else 0
    chosen = {*rng.sample(range(count), min(wanted, count))}
    nulls = not late and layout.format not in WITHOUT_NULLS and rng.random() < 0.3
    edit, cutoff = rng.choice((0.0, 0.2)), options["cutoff"]
    clear = [
        each
        for each in world.originals()
        if len(each.text) >= 45
        and each.last - each.first >= 40
        and each not in world.quoted
        and not (cutoff and each.posted >= cutoff)
    ]
    drawn: list[tuple[tuple[str, ...], list[Place]]] = []
    for record in range(count):
        slots = most if most < 3 else rng.randrange(1 + late, most + 1)
        if drawn and rng.random() < 0.1:
            drawn.append(rng.choice(drawn))
        elif record in chosen:
            copied = rng.sample(clear, min(slots, rng.choice((1, 1, 1, 2))))
            drawn.append(fill(rng, world, slots, copied, edit))
        elif nulls and record % 9 == 8:
            drawn.append((("",) * slots, []))
        else:
            drawn.append(fill(rng, world, slots))
    places = (
        place._replace(record=first + record)
        for record, (_, found) in enumerate(drawn)
        for place in found
    )
    notes = [(f"a few words in record {n}",) for n in range(first)]
    texts = (*notes, *(texts for texts, _ in drawn))
    return Case(seed, number, world, texts, tuple(places), layout, options)


def fill(
    rng: random.Random,
    world: World,
    slots: int,
    copied: Sequence[Tweet] = (),
    edit: float = 0.0,
) -> tuple[tuple[str, ...], list[Place]]:
    """Return the texts of a record with copies of tweets, a share of them edited, or
    else some quotations, and their places.
    """
    texts, places = [words(rng) for _ in range(slots)], list[Place]()
    inserted = [(tweet, rng.randrange(slots)) for tweet in copied]
    if world.quoted and not copied:
        quoting = (slot for slot in range(slots) if rng.random() < 0.15)
        inserted = [(rng.choice(world.quoted), slot) for slot in quoting]
    for tweet, slot in inserted:
        text, first, last = tweet.text, tweet.first, tweet.last
        if changed := rng.random() < edit:
            text = " ".join(edited(rng, text, 0.04).split())
            first, last = 0, len(text)
        before, after = f"{texts[slot]} … ", ""
        if copied and rng.random() < 0.5 and all(slot != each.slot for each in places):
            before = ""
        elif copied:
            after = rng.choice(("", f" … {sentence(rng, 'latin', 40)}"))
        at, texts[slot] = len(before), before + text + after
        spot = (at, at + first), (at + last, at + len(text))
        place = Place(0, slot, *spot, tweet.original, not changed, bool(copied))
        places.append(place)
    return tuple(texts), places
