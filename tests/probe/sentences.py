"""Make sentences from one list of words, and files of rows."""

from __future__ import annotations

import json
import random
from pathlib import Path

LETTERS = "etaoinshrdlucmfwypvbgk"
DICTIONARY = random.Random(3)
WORDS = [
    "".join(DICTIONARY.choices(LETTERS, k=DICTIONARY.randint(2, 8)))
    for _ in range(3000)
]


def sentence(seed: int, words: int = 18) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choices(WORDS, k=words + rng.randrange(6)))


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
