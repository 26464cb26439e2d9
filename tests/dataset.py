"""Tweets, and records of which some hold tweets."""

from __future__ import annotations

import random
from typing import Any

from tweets import SCRIPTS, sentence

TWEETS = [
    {"id": str(n), "text": sentence(random.Random(n), SCRIPTS[n % len(SCRIPTS)], 40 + n % 90).strip()}
    for n in range(150)
]


def some_records(seed: int, count: int) -> list[dict[str, Any]]:
    """Records of all kinds, some of which hold tweets."""
    rng = random.Random(seed)
    records = []
    for number in range(count):
        parts = [sentence(rng, rng.choice(SCRIPTS), rng.randrange(300)) for _ in range(rng.randrange(3))]
        parts += [rng.choice(TWEETS)["text"] for _ in range(rng.randrange(3))]
        rng.shuffle(parts)
        records.append({"id": f"r{number}", "text": " ... ".join(parts)})
    return records
