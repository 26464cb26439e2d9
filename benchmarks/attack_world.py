"""Tweets and texts from which the cells of ``attacks.py`` are made (:class:`World`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import planted

import provscan

Row = dict[str, Any]
Rows = list[Row]

START, DAYS = datetime(2013, 1, 1, tzinfo=UTC), 1_400


@dataclass
class World:
    """Tweets with authors and times, and short texts that are no tweets."""

    tweets: Rows
    titles: list[str]
    sentences: list[str]
    sizes: tuple[int, int]  # Numbers of licensed tweets and of records.
    ids: Iterator[int] = field(default_factory=lambda: iter(range(10**12, 10**13)))

    def tweet(
        self, text: str, author: str, time: datetime, **more: Any
    ) -> dict[str, Any]:
        """Return a tweet with an id of its own."""
        number = str(next(self.ids))
        written = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "id": number,
            "text": text,
            "author": author,
            "created_at": written,
            **more,
        }

    def split(self, rng: Random) -> tuple[Rows, Rows]:
        """Draw licensed tweets, and a control of the same size."""
        size = min(self.sizes[0], len(self.tweets) // 2)
        drawn = rng.sample(self.tweets, 2 * size)
        return drawn[:size], drawn[size:]

    def records(self, rng: Random) -> list[str]:
        return rng.sample(self.titles, min(self.sizes[1], len(self.titles)))

    def quoted(
        self, texts: list[str], rng: Random, author: str = "", **more: Any
    ) -> Rows:
        """Return a tweet that quotes each text, by users of their own or by one."""
        return [
            self.tweet(
                quotation(text, rng),
                author or f"reader{rng.random()}",
                when(rng),
                **more,
            )
            for text in texts
        ]


def when(rng: Random, start: datetime = START, days: float = DAYS) -> datetime:
    return start + timedelta(days=rng.random() * days)


def quotation(text: str, rng: Random) -> str:
    link = f"https://t.co/{rng.randrange(36**8):x}"
    forms = (text, f'"{text}"', f"{text} {link}", f"“{text}” {link}")
    return rng.choice(forms)


def long_enough(texts: list[str], count: int, rng: Random) -> list[str]:
    """Draw texts whose copies are findings."""
    fit = [text for text in texts if 60 <= len(text) <= 200]
    return rng.sample(fit, min(count, len(fit) // 2))


def records(texts: list[str], rng: Random, **more: Any) -> Rows:
    made = [{"text": text, **more} for text in texts]
    rng.shuffle(made)
    return made


def made(corpus: Path | None, background: Path | None, sizes: tuple[int, int]) -> World:
    """Return tweets and texts; tweets without author or time get random ones."""
    rng = Random(1)
    if corpus is None or background is None:
        rows: Rows = [
            {"id": tweet.id, "text": tweet.text}
            for tweet in planted.synthetic_tweets(3 * sizes[0])
        ]
        texts = planted.short_texts(None, 2 * sizes[1])
        long = planted.long_texts(None, 200 * sizes[1])
    else:
        rows = [
            row for path in planted.files(corpus) for row in planted.json_rows(path)
        ]
        texts = planted.short_texts(background, _titles(background))
        long = planted.long_texts(background, 4_000_000)
    canonical = provscan.canonical([row["text"] for row in rows])
    first = {text: row for row, text in zip(rows, canonical, strict=True) if text}
    world = World([], list(dict.fromkeys(texts)), [], sizes)
    for row in first.values():
        if row["text"].startswith("RT @"):
            continue
        author = row.get("author") or f"user{rng.randrange(40_000)}"
        time = row.get("created_at") or when(rng).strftime("%Y-%m-%dT%H:%M:%SZ")
        world.tweets.append(
            {
                "id": str(next(world.ids)),
                "text": row["text"],
                "author": str(author),
                "created_at": time,
            }
        )
    rng.shuffle(world.tweets)
    world.sentences = [
        sentence.strip()
        for text in long
        for sentence in re.split(r"(?<=[.!?])\s+", text)
        if sentence.strip()
    ]
    return world


def _titles(background: Path) -> int:
    rows = planted.rows(background)
    return sum(len(row.text) < planted.SHORT for row in rows)
