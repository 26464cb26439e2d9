"""The cells of ``attacks.py``: licensed tweets, a control and a dataset of each kind of
scan (:data:`ATTACKS`, :data:`COPIES`, :data:`BURSTS`), made from a :class:`World`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, NamedTuple

from attack_world import (
    DAYS,
    START,
    Row,
    Rows,
    World,
    long_enough,
    quotation,
    records,
    when,
)

# Codes of the sentences that name a cause: those about the control, and those about
# the texts that were found.
CONTROL = (
    "control_unlike",
    "control_from_other_years",
    "control_in_dataset",
    "control_partly_in_dataset",
    "chance_drifts",
)
FOUND = ("like_dataset", "concentrated", "same_event", "younger_than_data")
# Letters of another language: words of the control have nothing in common with others.
OTHER_LETTERS = str.maketrans("aeioutnsrhldcm", "oaueinsrtldmhc")


class Case(NamedTuple):
    """The input of a scan, and the number of records with a copy."""

    licensed: Rows
    control: Rows
    records: Rows
    copies: int = 0
    options: dict[str, Any] = {}  # noqa: RUF012


class Cell(NamedTuple):
    """A kind of scan.

    Attributes
    ----------
    name
        Name in the table and for ``--only``.
    make
        Function that makes a case from a world and a source of randomness.
    causes
        Codes of which one must be among the first paragraphs of a false claim or, in
        the section of copies, of a concentrated one.
    """

    name: str
    make: Callable[[World, Random], Case]
    causes: tuple[str, ...] = ()


# Attacks.


def quotations(world: World, rng: Random, author: str = "", count: int = 200) -> Case:
    """Return a case in which licensed tweets quote records, and no control does."""
    licensed, other = world.split(rng)
    texts = world.records(rng)
    chosen = long_enough(texts, count, rng)
    return Case(
        licensed + world.quoted(chosen, rng, author), other, records(texts, rng)
    )


def bot(world: World, rng: Random, share: float = 0.0, per_day: int = 24) -> Case:
    """Return a case in which a bot tweets 400 records by the clock; the control has a
    share of as many of its tweets.
    """
    licensed, other = world.split(rng)
    texts = world.records(rng)
    chosen = long_enough(texts, 400 + round(400 * share), rng)
    count = min(400, len(chosen))
    made = [
        world.tweet(
            f"{text} https://t.co/{rng.randrange(36**8):x}",
            "titlebot",
            START + timedelta(hours=24 * number / per_day),
        )
        for number, text in enumerate(chosen)
    ]
    rng.shuffle(made)
    return Case(licensed + made[:count], other + made[count:], records(texts, rng))


def in_small_language(world: World, rng: Random, kind: str, share: float = 0.5) -> Case:
    """Return a case with another language, which one in a hundred tweets of both sides
    and a share of the records have. Licensed tweets in it were copied, or they quote
    such records.
    """
    licensed, other = world.split(rng)
    texts = world.records(rng)
    rng.shuffle(texts)
    few, some = len(licensed) // 100, round(share * len(texts))
    texts[:some] = map(translated, texts[:some])
    more = rng.sample(detectable(world.tweets), 2 * few)
    more = [
        world.tweet(translated(row["text"]), row["author"], when(rng)) for row in more
    ]
    licensed, other = licensed + more[:few], other + more[few:]
    if kind == "copies":
        return copied(world, rng, more[: few * 3 // 4], licensed, other, texts)
    chosen = long_enough(texts[:some], 200, rng)
    return Case(licensed + world.quoted(chosen, rng), other, records(texts, rng))


def translated(text: str) -> str:
    return text.lower().translate(OTHER_LETTERS)


def reversed_case(world: World, rng: Random, kind: str) -> Case:
    """Return a case in which tweets of 2017 copy records of 2013 and before."""
    licensed, other = world.split(rng)
    texts = world.records(rng)
    chosen = long_enough(texts, 300, rng)
    year = datetime(2017, 1, 5, tzinfo=UTC)
    made = [
        world.tweet(quotation(text, rng), f"reader{rng.random()}", when(rng, year, 300))
        for text in chosen
    ]
    options: dict[str, Any] = {}
    dated = {"created_utc": "2013-05-05T00:00:00Z"} if kind == "dated" else {}
    if kind == "cutoff":
        late = [
            world.tweet(row["text"], row["author"], when(rng, year, 720))
            for row in other
        ]
        licensed, other, options = licensed + late, [], {"cutoff": "2018-01-01"}
    return Case(licensed + made, other, records(texts, rng, **dated), options=options)


def unfit(world: World, rng: Random, change: Callable[[Rows, Random], Rows]) -> Case:
    """Return a case in which 60 tweets of either side quote records, and a change of
    the control removes them there.
    """
    licensed, other = world.split(rng)
    texts = world.records(rng)
    chosen = long_enough(texts, 60, rng)
    return Case(
        licensed + world.quoted(chosen, rng), change(other, rng), records(texts, rng)
    )


def only_replies(rows: Rows, rng: Random) -> Rows:
    return [{**row, "text": f"@user{rng.randrange(999)} {row['text']}"} for row in rows]


def only_links(rows: Rows, rng: Random) -> Rows:
    link = "https://t.co/{:x}".format
    return [
        {**row, "text": f"{row['text']} {link(rng.randrange(36**8))}"} for row in rows
    ]


def one_account(rows: Rows, rng: Random) -> Rows:
    return [{**row, "author": "onlyone"} for row in rows]


def shuffled_words(rows: Rows, rng: Random) -> Rows:
    def shuffled(text: str) -> str:
        words = text.split()
        return " ".join(rng.sample(words, len(words)))

    return [{**row, "text": shuffled(row["text"])} for row in rows]


def other_language(rows: Rows, rng: Random) -> Rows:
    return [{**row, "text": translated(row["text"])} for row in rows]


def bots(rows: Rows, rng: Random) -> Rows:
    forms = (
        "Now hiring: {} and {} in {}. Apply today and join a growing team of {}",
        "I'm at {} with {} others, checked in near {} and {}",
        "Weather for {}: {} with wind from {}, tomorrow {}",
        "I just reached level {} in {}! Can you beat my score of {}? {}",
    )
    words = [word for row in rows[:2_000] for word in row["text"].split()]
    return [
        {
            **row,
            "author": f"bot{rng.randrange(20)}",
            "text": rng.choice(forms).format(*rng.sample(words, 4)),
        }
        for row in rows
    ]


def cut(rows: Rows, rng: Random) -> Rows:
    return [{**row, "text": row["text"][:38].rpartition(" ")[0]} for row in rows]


def few_templates(rows: Rows, rng: Random) -> Rows:
    """Return variants of two hundred tweets, with one other word each."""

    def variant(row: Row) -> str:
        words = row["text"].split()
        words[rng.randrange(len(words))] = f"w{rng.randrange(36**4):x}"
        return " ".join(words)

    chosen = rng.sample(rows, min(200, len(rows)))
    return [{**row, "text": variant(rng.choice(chosen))} for row in rows]


def without_links(world: World, rng: Random) -> Case:
    """Return a case of texts as they are; the control has no links."""
    licensed, other = world.split(rng)
    other = [row for row in other if "http" not in row["text"]]
    return Case(licensed, other, records(world.titles, rng))


def sayings(world: World, rng: Random) -> Case:
    """Return a case in which tweets and records quote the same sentences of novels."""
    licensed, other = world.split(rng)
    texts = world.records(rng)
    chosen = long_enough(world.sentences, 200, rng)
    quoting = [f'"{text}"' for text in chosen]
    return Case(
        licensed + world.quoted(chosen, rng),
        other,
        records(texts + quoting, rng),
    )


def syndicated(world: World, rng: Random) -> Case:
    """Return a case in which twelve accounts of a feed tweet 300 records."""
    licensed, other = world.split(rng)
    texts = world.records(rng)
    made = [
        world.tweet(
            f"{text} via @feed{number % 12} https://t.co/{rng.randrange(36**8):x}",
            f"feed{number % 12}",
            when(rng),
        )
        for number, text in enumerate(long_enough(texts, 300, rng))
    ]
    return Case(licensed + made, other, records(texts, rng))


def one_evening(world: World, rng: Random) -> Case:
    """Return a case in which 150 users quote lines of one text on one evening, which
    the control does not cover.
    """
    licensed, other = world.split(rng)
    texts = world.records(rng)
    at = rng.randrange(max(1, len(world.sentences) - 400))
    lines = long_enough(world.sentences[at : at + 400], 150, rng)
    evening = when(rng)
    made = [
        world.tweet(line, f"viewer{rng.random()}", when(rng, evening, 0.15))
        for line in lines
    ]
    return Case(licensed + made, other, records(texts + lines, rng))


ATTACKS = [
    Cell("200 quotations by 200 users", quotations, (*FOUND, *CONTROL)),
    Cell(
        "200 quotations by one bot",
        partial(quotations, author="quotebot"),
        (*FOUND, *CONTROL),
    ),
    Cell("bot of titles, control lacks it", bot, (*FOUND, *CONTROL)),
    Cell("the same, at any hour", partial(bot, per_day=7), (*FOUND, *CONTROL)),
    Cell("bot, control has a ninth", partial(bot, share=1 / 9), (*FOUND, *CONTROL)),
    *(
        Cell(
            f"data is the source, {kind}",
            partial(reversed_case, kind=kind),
            (*FOUND, *CONTROL, *untested),
        )
        for kind, untested in (
            ("dated", ()),
            # The sentence says that the data may be the source, which is the cause.
            ("undated", ("direction_not_tested",)),
            ("cutoff", ()),
        )
    ),
    *(
        Cell(
            f"control of {name}",
            partial(unfit, change=change),
            ("like_dataset", *CONTROL),
        )
        for name, change in (
            ("replies only", only_replies),
            ("links only", only_links),
            ("one account", one_account),
            ("shuffled words", shuffled_words),
            ("another language", other_language),
            ("bots", bots),
        )
    ),
    Cell("control without links, texts as they are", without_links, (*FOUND, *CONTROL)),
    Cell(
        "200 quotations in a small language",
        partial(in_small_language, kind="quotations"),
        (*FOUND, *CONTROL),
    ),
    # Five other kinds.
    Cell("sayings, by 200 users", sayings, (*FOUND, *CONTROL)),
    Cell("a feed of twelve accounts", syndicated, (*FOUND, *CONTROL)),
    Cell("one text, quoted on one evening", one_evening, (*FOUND, *CONTROL)),
    Cell(
        "control of cut tweets", partial(unfit, change=cut), ("like_dataset", *CONTROL)
    ),
    Cell(
        "control of 200 templates",
        partial(unfit, change=few_templates),
        ("like_dataset", *CONTROL),
    ),
]


# Copies.


def copied(
    world: World,
    rng: Random,
    chosen: Rows,
    licensed: Rows,
    other: Rows,
    texts: list[str] | None = None,
) -> Case:
    """Return a case in which chosen licensed tweets are copied, lightly edited, beside
    other texts.
    """
    copies = [light(row["text"], rng) for row in chosen]
    rows = records((texts or world.records(rng)) + copies, rng)
    return Case(licensed, other, rows, len(copies))


def light(text: str, rng: Random) -> str:
    without = re.sub(r"https?://\S+|@\w+", "", text)
    return rng.choice((text, text, without, f"{text} #repost", without.lower()))


def detectable(rows: Rows) -> Rows:
    return [row for row in rows if len(row["text"]) >= 60]


def many_authors(world: World, rng: Random, kind: str) -> Case:
    """Return a case of 300 copies of many authors."""
    licensed, other = divided(world, rng, kind)
    chosen = rng.sample(detectable(licensed), min(300, len(licensed) // 4))
    return copied(world, rng, chosen, licensed, other)


def divided(world: World, rng: Random, kind: str) -> tuple[Rows, Rows]:
    """Divide tweets into licensed tweets and a fair control."""
    licensed, other = world.split(rng)
    rows = licensed + other
    if kind == "random":
        rng.shuffle(rows)
        return rows[: len(rows) // 2], rows[len(rows) // 2 :]
    if kind == "later":
        rows.sort(key=lambda row: row["created_at"])
        return rows[: len(rows) // 2], rows[len(rows) // 2 :]
    names = {
        row["author"] if kind == "authors" else row["created_at"][:7] for row in rows
    }
    coin = {name: rng.random() < 0.5 for name in sorted(names)}
    sides: tuple[Rows, Rows] = ([], [])
    for row in rows:
        key = row["author"] if kind == "authors" else row["created_at"][:7]
        sides[coin[key]].append(row)
    return sides


def concentrated(world: World, rng: Random, kind: str) -> Case:
    """Return a case of copies of one account, one week or one thread, which are
    licensed in part of the tweets only; the rest of the control is random.
    """
    licensed, other = world.split(rng)
    if kind == "real account":
        return real_account(world, rng, licensed, other)
    size = {"account": 300, "week": 300, "thread": 60}[kind]
    chosen = detectable(licensed)[:size]
    start = when(rng)
    days = {"account": DAYS / 2, "week": 7.0, "thread": 0.1}[kind]
    named = [
        {
            **row,
            "author": row["author"] if kind == "week" else "scraped",
            "created_at": when(rng, start, days).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for row in chosen
    ]
    ids = {row["id"] for row in named}
    rest = [row for row in licensed if row["id"] not in ids]
    return copied(world, rng, named, named + rest, other)


def real_account(world: World, rng: Random, licensed: Rows, other: Rows) -> Case:
    """Return a case of copies of an account that posted many tweets."""
    authors = Counter(row["author"] for row in detectable(world.tweets))
    most = authors.most_common(40)
    name, _ = rng.choice([pair for pair in most if 2 * pair[1] >= most[0][1]] or most)
    own = [row for row in world.tweets if row["author"] == name]
    sides = [
        [row for row in rows if row["author"] != name] for rows in (licensed, other)
    ]
    return copied(world, rng, detectable(own)[:300], own + sides[0], sides[1])


COPIES = [
    *(
        Cell(f"one {kind}", partial(concentrated, kind=kind), ("concentrated",))
        for kind in ("account", "real account", "week", "thread")
    ),
    *(
        Cell(
            f"a small language, {name} of the records have it",
            partial(in_small_language, kind="copies", share=share),
        )
        for name, share in (("none", 0.0), ("half", 0.5), ("all", 1.0))
    ),
    *(
        Cell(f"many authors, control of {name}", partial(many_authors, kind=kind))
        for name, kind in (
            ("random tweets", "random"),
            ("later tweets", "later"),
            ("other months", "months"),
            ("other authors", "authors"),
        )
    ),
]


# Bursts.


def bursts(world: World, rng: Random) -> Case:
    """Return a case of twelve events, each on one side."""
    sides = world.split(rng)
    texts = world.records(rng)
    chosen = long_enough(texts, 360, rng)
    for event in range(12):
        evening, side = when(rng), sides[rng.random() < 0.5]
        side += [
            world.tweet(
                quotation(text, rng), f"u{rng.random()}", when(rng, evening, 0.2)
            )
            for text in chosen[event::12]
        ]
    return Case(*sides, records(texts, rng))


BURSTS = [Cell("twelve events of 30 quotations, by a coin", bursts)]
