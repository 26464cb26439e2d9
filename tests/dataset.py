"""Make tweets, and records that contain some of them."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from tweets import SCRIPTS, sentence

TWEETS = [
    {
        "id": str(n),
        "text": sentence(
            random.Random(n), SCRIPTS[n % len(SCRIPTS)], 40 + n % 90
        ).strip(),
    }
    for n in range(150)
]


def some_records(seed: int, count: int) -> list[dict[str, Any]]:
    """Return random records in many scripts, most of which contain tweets."""
    return [
        {"id": f"r{number}", "text": text}
        for number, text in enumerate(_texts(seed, count))
    ]


@cache
def _texts(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    texts = []
    for _ in range(count):
        parts = [
            sentence(rng, rng.choice(SCRIPTS), rng.randrange(300))
            for _ in range(rng.randrange(3))
        ]
        parts += [rng.choice(TWEETS)["text"] for _ in range(rng.randrange(3))]
        rng.shuffle(parts)
        texts.append(" ... ".join(parts))
    return texts
