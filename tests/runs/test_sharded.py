"""A run for an index in shards: the same rows and figures as for one without, to the byte."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from tweets import sentence

import provscan


def some_texts(seed: int, count: int) -> list[str]:
    """Texts of which every third is a variant of one of a few."""
    rng, kinds = random.Random(seed), [sentence(random.Random(n), "latin", 90).split() for n in range(3)]
    texts = []
    for number in range(count):
        words = list(rng.choice(kinds)) if number % 3 == 0 else sentence(rng, "latin", 60 + number % 60).split()
        words[rng.randrange(len(words))] = sentence(rng, "latin", 7).strip()
        texts.append(" ".join(words))
    return texts


def test_rows_and_figures_do_not_depend_on_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows: list[dict[str, Any]] = [
        {"id": str(n), "text": text, "author": f"a{n // 2}", "created_at": f"{2018 + n % 3}-02-03"}
        for n, text in enumerate(some_texts(1, 400))
    ]
    other = some_texts(2, 400)
    rng = random.Random(3)
    for name, records in (
        ("tweets", rows[:360]),
        ("later", rows[340:]),
        ("control", [{"id": f"c{n}", "text": text} for n, text in enumerate(other[:200])]),
        ("dataset", [{"text": f"{other[n]} {rng.choice(rows)['text']} {sentence(rng, 'latin', 300)}"}
                     for n in range(200, 400)]),
    ):  # fmt: skip
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in records))
    found = []
    for shards in (1, 4, 16):
        provscan.build_index("tweets.jsonl", f"{shards}.index", shards=shards)
        provscan.build_index("later.jsonl", f"{shards}.index", append=True)
        provscan.forget(f"{shards}.index", [str(n) for n in range(0, 400, 9)])
        run = provscan.match("dataset.jsonl", f"{shards}.index", f"{shards}.run", control="control.jsonl", spike_ins=60)
        files = ("matches.parquet", "evidence.parquet", "summary.json")
        found.append([(run.path / name).read_bytes() for name in files])
        assert run.summary["answer"]["records"]["findings"] > 50
    assert found[0] == found[1] == found[2]
