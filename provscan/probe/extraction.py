"""The number of samples until a model recites a tweet, computed from log-probabilities
without sampling.

The method is (n, p)-discoverable extraction (Hayes et al. 2024, arXiv 2410.19482). An
endpoint that echoes a text with log-probabilities provides the probability of a target
at temperature 1. The chat protocol does not provide it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from provscan.probe.answers import Answer
from provscan.probe.settings import Settings

SAMPLES = (1, 10, 100, 1_000, 10_000, 100_000)


def samples_needed(logprob: float, probability: float) -> float:
    """Return the number of samples after which a target is recited with the given
    probability, from the log-probability of one sample.

    It is the least n with ``1 - (1 - exp(logprob))^n >= probability``.
    """
    if logprob >= -1e-12:
        return 1.0
    share = math.exp(logprob)
    return (
        math.inf
        if share == 0.0
        else float(
            max(1, math.ceil(math.log1p(-probability) / math.log1p(-share) - 1e-9))
        )
    )


def best_logprobs(
    answers: Mapping[str, Answer], keys: Mapping[int, Sequence[str]]
) -> dict[int, float]:
    """Return the log-probability of each tweet with its best prompt; tweets without any
    log-probability are left out.
    """
    found = {}
    for tweet, asked in keys.items():
        known = [answers[key].logprob for key in asked if key in answers]
        if best := [logprob for logprob in known if logprob is not None]:
            found[tweet] = max(best)
    return found


def extraction(
    logprobs: Mapping[str, Mapping[int, float]], settings: Settings
) -> dict[str, Any]:
    """Return the number of tweets of each arm that are recited within n samples with a
    probability of at least 0.5, and of at least 0.9.

    In the result, ``invalid`` is the reason why there is no such number, or None;
    ``temperature`` is the temperature of the samples; ``samples`` are the values of n;
    ``tweets`` is the number of tweets with a log-probability; and ``within`` has, by
    probability and arm, the number of recited tweets for each n.
    """
    why = None
    if not any(logprobs.values()):
        why = (
            "the chat protocol gives no log-probabilities of words that the model did "
            "not say"
            if settings.style == "chat"
            else "the endpoint did not repeat a text with its log-probabilities (echo "
            "and logprobs of completions)"
        )
    within = {
        f"{probability:g}": {
            arm: [
                sum(samples_needed(each, probability) <= n for each in known.values())
                for n in SAMPLES
            ]
            for arm, known in logprobs.items()
        }
        for probability in (0.5, 0.9)
    }
    return {
        "invalid": why,
        "temperature": 1.0,
        "samples": list(SAMPLES),
        "tweets": {arm: len(known) for arm, known in logprobs.items()},
        "within": None if why else within,
    }
