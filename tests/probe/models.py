"""Cheap models to probe: a look-up with noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from provscan.probe.answers import Answer
from provscan.probe.plan import Plan, Question

NOISE = "the weather was mild and nobody spoke about the second harbour until late in the evening".split()


class Lookup:
    """Recites the target of a question with the probability that its tweet has."""

    def __init__(self, chances: dict[str, float], seed: int = 1) -> None:
        self.chances, self.seed, self.asked = chances, seed, []

    def describe(self) -> dict[str, Any]:
        return {"model": "lookup"}

    def text(self, question: Question) -> str:
        rng = Random(f"{self.seed} {question.key}")
        knows = rng.random() < self.chances.get(question.key.rsplit("/", 2)[0], 0.0)
        noise = " ".join(rng.choices(NOISE, k=12))
        return f"{question.target} {noise}" if knows else noise

    def answers(self, questions: Iterable[Question]) -> Iterator[list[Answer]]:
        for question in questions:
            self.asked.append(question.key)
            yield [Answer(question.key, self.text(question), "2026-01-01T00:00:00Z", "lookup", prompt_tokens=20,
                          answer_tokens=12)]  # fmt: skip


def chances(plan: Plan, licensed: Any, control: float = 0.0) -> dict[str, float]:
    """The probability of each tweet: of a licensed one by its number of copies."""
    return {
        f"{number}/{arm}": licensed(pair["licensed"]["copies"]) if arm == "licensed" else control
        for number, pair in enumerate(plan.pairs)
        for arm in ("licensed", "control")
    }
