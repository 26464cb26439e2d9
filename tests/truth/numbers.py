"""Draw runs with chance matches, add evidence of chance, and compare the numbers: more
evidence of chance must never raise "at least", nor the lower end of the estimate.

Evidence of chance is a text in the dataset that a control file or a null dataset also
has, or that was posted after the cutoff. A text of three or more authors is no such
evidence: it is common, on either side.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tweets import sentence

from truth import adapter

CUTOFF = "2019-01-01"
OLD, YOUNG = "2018-05-01T12:00:00Z", "2019-05-01T12:00:00Z"
Rows = list[dict[str, Any]]


@dataclass
class Drawn:
    """A drawn corpus, a dataset, and evidence of chance."""

    seed: int
    folder: Path
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = rng = random.Random(self.seed)
        self.old = self._tweets("o", OLD, rng.randrange(150, 400))
        self.young = self._tweets("y", YOUNG, rng.randrange(60, 300))
        self.others = self._tweets("c", OLD, rng.randrange(60, 300))
        copied = rng.sample(self.old, rng.randrange(60))
        self.chance = {
            name: rng.sample(tweets, rng.randrange(1, 25))
            for name, tweets in (
                ("young", self.young),
                ("others", self.others),
                ("null", self.old),
            )
        }
        texts = [tweet["text"] for tweet in copied]
        texts += [tweet["text"] for found in self.chance.values() for tweet in found]
        texts += self._unlike(300)
        rng.shuffle(texts)
        self.data = self.write("data", self.records(texts))
        # Only a part of the chance matches is known at first.
        few = {name: found[: len(found) // 2] for name, found in self.chance.items()}
        rest = [each for each in self.others if each not in self.chance["others"]]
        self.control = self.write("control", rest + few["others"])
        self.null = self.write(
            "null",
            self.records([tweet["text"] for tweet in few["null"]] + self._unlike(300)),
        )

    def _tweets(self, name: str, at: str, count: int) -> Rows:
        return [
            {"id": f"{name}{n}", "text": text, "author": f"{name}{n}", "created_at": at}
            for n, text in enumerate(self._unlike(count))
        ]

    def _unlike(self, count: int) -> list[str]:
        rng = self.rng
        return [sentence(rng, "latin", rng.randrange(60, 120)) for _ in range(count)]

    def records(self, texts: list[str]) -> Rows:
        return [{"id": f"r{n}", "text": text} for n, text in enumerate(texts)]

    def write(self, name: str, rows: Rows) -> Path:
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def more(self, name: str, rows: Rows, path: Path) -> Path:
        """Write a file with the rows of another one and some more."""
        before = path.read_text()
        added = "".join(json.dumps(row) + "\n" for row in rows)
        path = self.folder / f"{name}.jsonl"
        path.write_text(before + added)
        return path

    @cached_property
    def index(self) -> Path:
        return adapter.build_index(self.old + self.young, self.folder / "a.index")

    def scan(self, **options: Any) -> adapter.Result:
        out = self.folder / f"{len([*self.folder.glob('*.run')])}.run"
        settings = {"seed": self.seed, "text": "text", "planted": 200} | options
        return adapter.scan([self.data], self.index, out, **settings)


Change = Callable[[Drawn], tuple[dict[str, Any], dict[str, Any]]]
CHANGES: dict[str, Change] = {}


def change(function: Change) -> Change:
    """Register a function that returns the options of a scan and those of a scan with
    more evidence of chance.
    """
    CHANGES[function.__name__] = function
    return function


def again(rows: Rows) -> Rows:
    """Return the tweets with other ids and authors."""
    return [row | {"id": f"x{row['id']}", "author": f"x{row['id']}"} for row in rows]


@change
def a_control_with_texts_after_the_cutoff(drawn: Drawn) -> Any:
    file = drawn.write("young", again(drawn.young))
    return {"cutoff": CUTOFF}, {"cutoff": CUTOFF, "control": file}


@change
def a_control_with_the_chance_texts_after_the_cutoff(drawn: Drawn) -> Any:
    file = drawn.write("young", again(drawn.chance["young"]))
    return {"cutoff": CUTOFF}, {"cutoff": CUTOFF, "control": file}


@change
def a_control_that_is_named_twice(drawn: Drawn) -> Any:
    copy = drawn.more("copy", [], drawn.control)
    return {"control": drawn.control}, {"control": [drawn.control, copy]}


@change
def a_control_with_more_chance_matches(drawn: Drawn) -> Any:
    more = drawn.more("more", again(drawn.chance["others"]), drawn.control)
    return {"control": drawn.control}, {"control": more}


@change
def a_control_with_licensed_texts(drawn: Drawn) -> Any:
    more = drawn.more("more", again(drawn.old[:60]), drawn.control)
    return {"control": drawn.control}, {"control": more}


@change
def a_control_with_the_whole_dataset(drawn: Drawn) -> Any:
    rows = [json.loads(line) for line in drawn.data.read_text().splitlines()]
    more = drawn.more("more", again(rows), drawn.control)
    return {"control": drawn.control}, {"control": more}


@change
def a_null_dataset_beside_the_control(drawn: Drawn) -> Any:
    control = {"control": drawn.control}
    return control, control | {"null": drawn.null}


@change
def a_null_dataset_beside_the_cutoff(drawn: Drawn) -> Any:
    return {"cutoff": CUTOFF}, {"cutoff": CUTOFF, "null": drawn.null}


@change
def a_null_dataset_with_more_licensed_texts(drawn: Drawn) -> Any:
    rows = drawn.records([tweet["text"] for tweet in drawn.chance["null"]])
    return {"null": drawn.null}, {"null": drawn.more("more", rows, drawn.null)}


@change
def a_control_beside_a_null_dataset_with_the_same_texts(drawn: Drawn) -> Any:
    rows = again(drawn.chance["null"])
    more = drawn.more("more", rows, drawn.control)
    null = {"null": drawn.null}
    return null | {"control": drawn.control}, null | {"control": more}


@change
def known_data_with_licensed_texts(drawn: Drawn) -> Any:
    texts = [tweet["text"] for tweet in drawn.chance["null"]]
    known = drawn.write("known", drawn.records(texts))
    control = {"control": drawn.control}
    return control, control | {"known": known}


@change
def known_data_made_from_the_control(drawn: Drawn) -> Any:
    texts = [tweet["text"] for tweet in drawn.others]
    known = drawn.write("known", drawn.records(texts))
    control = {"control": drawn.control}
    return control, control | {"known": known}


def violations(seed: int, folder: Path, names: list[str]) -> Iterator[str]:
    """Yield the numbers that more evidence of chance raised."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = Drawn(seed, folder)
    for name in names:
        fewer, more = CHANGES[name](drawn)
        before, after = drawn.scan(**fewer), drawn.scan(**more)
        for unit in ("records", "texts", "tweets", "characters"):
            was, now = before.bounds(unit), after.bounds(unit)
            for figure in ("at_least", "low"):
                first, then = getattr(was, figure), getattr(now, figure)
                # A withheld number claims nothing.
                if then is not None and then > (first or 0) * 1.000001 + 1e-9:
                    yield (
                        f"seed {seed}, {name}: {figure} of {unit} was {first} and is "
                        f"{then}"
                    )
