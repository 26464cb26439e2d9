"""The outcomes of the answers of a probe, and the recitations of each pair.

:class:`Evidence` has the plan, the answers and the recitations in them;
:func:`count_recitations` counts them for each tweet as :class:`Counts`. A pair is
counted only if all of its questions are answered, in all arms (:func:`complete_pairs`).
A tweet is recited if any of its answers recites it by the rule in the plan. The arms
are compared question by question: a question counts only if the model gave an answer in
all three arms, so that all had the same number of chances.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from provscan.probe.answers import Answer
from provscan.probe.outcomes import NEITHER, OUTCOMES, RECITED, Asked, outcomes_of
from provscan.probe.plan import ARMS, ASKED, Plan, QuestionKey
from provscan.probe.verification import Recitation


@dataclass(frozen=True)
class Evidence:
    """The plan, the answers, and the recitations in them."""

    plan: Plan
    answers: dict[str, Answer]  # The answers by the key of their question.
    found: list[Recitation]
    complete: list[int]  # Pairs whose questions are all answered, in all arms.

    @cached_property
    def asked(self) -> dict[str, Answer]:
        """The answers to questions of the plan, in the order of the plan."""
        keys = (question.key for question in self.plan.questions())
        return {key: self.answers[key] for key in keys if key in self.answers}

    @cached_property
    def outcomes(self) -> dict[QuestionKey, str]:
        """The outcome of each answer to a question of the plan."""
        recited = {str(each.asked) for each in self.found}
        asked = [
            Asked(question, self.answers[question.key], question.key in recited)
            for question in self.plan.questions()
            if question.key in self.answers
        ]
        return outcomes_of(asked, self.plan.settings.style)

    @cached_property
    def compared(self) -> set[tuple[int, str, int]]:
        """Pair, kind of prompt and sample of the questions with an answer in all
        arms.
        """
        given = {arm: set[tuple[int, str, int]]() for arm in ASKED}
        for key, outcome in self.outcomes.items():
            if outcome in (RECITED, NEITHER):
                given[key.arm].add((key.pair, key.kind, key.sample))
        return set.intersection(*given.values())

    @property
    def counted(self) -> list[Recitation]:
        """The recitations that count. A licensed tweet that is also recited after the
        beginning of another tweet need not have been learned.
        """
        return [
            each
            for each in self.found
            if each.asked.arm != ARMS[0] or not each.elsewhere
        ]

    def recited(self, kinds: list[str]) -> dict[str, np.ndarray]:
        """Return the share of answers that recite, float64[complete pairs] for each
        arm; nan if no prompt of these kinds was sent.
        """
        place = {pair: at for at, pair in enumerate(self.complete)}
        hits = {arm: np.zeros(len(place)) for arm in ASKED}
        for each in self.counted:
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

    def by_outcome(self, kind: str) -> dict[str, dict[str, int]]:
        """Return the number of answers of each outcome, by arm."""
        found = Counter(
            (key.arm, outcome)
            for key, outcome in self.outcomes.items()
            if key.kind == kind
        )
        return {arm: {name: found[arm, name] for name in OUTCOMES} for arm in ASKED}


@dataclass(frozen=True)
class Counts:
    """The counts for all pairs that were asked for with some kinds of prompt."""

    kinds: list[str]
    pairs: list[int]
    # For each arm, float64[pairs]: share of the answers that recite, and bits of the
    # strongest recitation, or 0.
    shares: dict[str, np.ndarray]
    bits: dict[str, np.ndarray]
    # Shares and bits of the compared questions only.
    compared_shares: dict[str, np.ndarray]
    compared_bits: dict[str, np.ndarray]
    able: np.ndarray  # bool[pairs]: whether any question is compared.
    # Number of licensed tweets that are recited, but do not count since they are also
    # recited after the beginning of another tweet.
    elsewhere: int

    @cached_property
    def recited(self) -> dict[str, np.ndarray]:
        """Whether any answer recites each tweet, bool[pairs] for each arm."""
        return {arm: shares > 0 for arm, shares in self.shares.items()}

    @cached_property
    def compared(self) -> dict[str, np.ndarray]:
        """Whether an answer to a compared question recites each tweet, bool[pairs] for
        each arm.
        """
        return {arm: shares > 0 for arm, shares in self.compared_shares.items()}

    def alone(self, arm: str) -> tuple[int, int]:
        """Return the number of pairs in which the licensed tweet is recited and the
        other arm is not, and the number in which it is the reverse, in compared
        questions.
        """
        licensed, other = self.compared[ARMS[0]], self.compared[arm]
        return int((licensed & ~other).sum()), int((other & ~licensed).sum())


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
    questions = np.zeros(len(pairs))
    for pair, kind, _ in found.compared:
        if pair in place and kind in kinds:
            questions[place[pair]] += 1
    bits, compared_bits, hits = (
        {arm: np.zeros(len(pairs)) for arm in ASKED} for _ in range(3)
    )
    for each in found.counted:
        pair, arm, kind, sample = each.asked
        if pair not in place or kind not in kinds:
            continue
        at = place[pair]
        bits[arm][at] = max(bits[arm][at], each.bits)
        if (pair, kind, sample) in found.compared:
            hits[arm][at] += 1
            compared_bits[arm][at] = max(compared_bits[arm][at], each.bits)
    return Counts(
        kinds,
        pairs,
        {arm: values[use] for arm, values in shares.items()},
        bits,
        {arm: values / np.maximum(questions, 1) for arm, values in hits.items()},
        compared_bits,
        questions > 0,
        len(
            {
                each.asked.pair
                for each in found.found
                if each.asked.arm == ARMS[0]
                and each.elsewhere
                and each.asked.pair in place
                and each.asked.kind in kinds
            }
        ),
    )
