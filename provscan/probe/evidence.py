"""The recitations in the answers of a probe, and their counts by pair.

:class:`Evidence` has the plan, the answers and the recitations in them;
:func:`count_recitations` counts them for each tweet as :class:`Counts`. A pair is
counted only if all of its questions are answered, in both arms
(:func:`complete_pairs`). A tweet is recited if any of its answers recites it by the
rule in the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from provscan.probe.answers import Answer
from provscan.probe.plan import ARMS, Plan, QuestionKey
from provscan.probe.verification import Recitation


@dataclass(frozen=True)
class Evidence:
    """The plan, the answers, and the recitations in them."""

    plan: Plan
    answers: dict[str, Answer]  # The answers by the key of their question.
    found: list[Recitation]
    complete: list[int]  # Pairs whose questions are all answered, in both arms.

    @cached_property
    def asked(self) -> dict[str, Answer]:
        """The answers to questions of the plan, in the order of the plan."""
        keys = (question.key for question in self.plan.questions())
        return {key: self.answers[key] for key in keys if key in self.answers}

    def recited(self, kinds: list[str]) -> dict[str, np.ndarray]:
        """Return the share of answers that recite, float64[complete pairs] for each
        arm; nan if no prompt of these kinds was sent.
        """
        place = {pair: at for at, pair in enumerate(self.complete)}
        hits = {arm: np.zeros(len(place)) for arm in ARMS}
        for each in self.found:
            if each.asked.pair in place and each.asked.kind in kinds:
                hits[each.asked.arm][place[each.asked.pair]] += 1
        prompts = [
            sum(k in kinds for k in self.plan.pairs[pair]["licensed"]["prompts"])
            for pair in self.complete
        ]
        asked = np.array(prompts, np.float64) * self.plan.settings.samples
        return {
            arm: np.where(asked > 0, counts / np.maximum(asked, 1), np.nan)
            for arm, counts in hits.items()
        }


@dataclass(frozen=True)
class Counts:
    """The counts for all pairs that were asked for with some kinds of prompt."""

    kinds: list[str]
    pairs: list[int]
    # For each arm, float64[pairs]: share of the answers that recite, and bits of the
    # strongest recitation, or 0.
    shares: dict[str, np.ndarray]
    bits: dict[str, np.ndarray]
    # bool[pairs]: whether the model gave an answer for both tweets. Otherwise it could
    # not have recited them.
    able: np.ndarray

    @cached_property
    def recited(self) -> dict[str, np.ndarray]:
        """Whether any answer recites each tweet, bool[pairs] for each arm."""
        return {arm: shares > 0 for arm, shares in self.shares.items()}

    @property
    def alone(self) -> tuple[int, int]:
        """The number of pairs in which only the licensed tweet is recited, and the
        number in which only the control is.
        """
        licensed, control = (self.recited[arm] for arm in ARMS)
        return int((licensed & ~control).sum()), int((control & ~licensed).sum())


def complete_pairs(plan: Plan, answers: dict[str, Answer]) -> list[int]:
    missing = {
        QuestionKey.parse(question.key).pair
        for question in plan.questions()
        if question.key not in answers
    }
    return [number for number in range(len(plan.pairs)) if number not in missing]


def count_recitations(found: Evidence) -> Counts:
    """Count the recitations in the answers to the prompts on which claims rest or, if
    there are none, to all prompts.
    """
    kinds = found.plan.content["claims"] or list(found.plan.content["baseline"])
    shares = found.recited(kinds)
    use = ~np.isnan(shares["licensed"])
    pairs = np.array(found.complete)[use].tolist()
    place = {pair: at for at, pair in enumerate(pairs)}
    bits = {arm: np.zeros(len(pairs)) for arm in ARMS}
    for each in found.found:
        if each.asked.pair in place and each.asked.kind in kinds:
            best, at = bits[each.asked.arm], place[each.asked.pair]
            best[at] = max(best[at], each.bits)
    asked = [
        QuestionKey.parse(key) for key, answer in found.asked.items() if answer.text
    ]
    answered = {(key.pair, key.arm) for key in asked}
    able = [all((pair, arm) in answered for arm in ARMS) for pair in pairs]
    return Counts(
        kinds,
        pairs,
        {arm: values[use] for arm, values in shares.items()},
        bits,
        np.array(able, np.bool_),
    )
