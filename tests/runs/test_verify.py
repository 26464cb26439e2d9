"""Test that a run whose files contradict each other is rejected."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from tweets import sentence

import provscan
from provscan.errors import InputError

Build = Callable[..., provscan.Index]
Tweet = dict[str, Any]


@pytest.mark.parametrize(
    ("level", "counted", "problem"),
    [
        (
            "weak",
            True,
            "summary.json has .* matches by level, but matches.parquet has",
        ),
        (
            "exact",
            False,
            "summary.json has 2 counted matches, but matches.parquet has 0",
        ),
    ],
)
def test_a_run_with_contradictory_counts_is_rejected(
    tmp_path: Path, level: str, counted: bool, problem: str
) -> None:
    run = matched(tmp_path)
    table = pq.read_table(run / "matches.parquet")
    for column, value in (("level", level), ("counted", counted)):
        field = table.schema.field(column)
        values = pa.array([value] * len(table), field.type)
        table = table.set_column(table.schema.get_field_index(column), field, values)
    pq.write_table(table, run / "matches.parquet")
    seal(run)
    with pytest.raises(InputError, match=problem):
        provscan.verify(run)


def test_a_run_with_too_little_evidence(tmp_path: Path) -> None:
    run = matched(tmp_path)
    found = {"run": str(run), "matches": 2, "rows": 3, "evidence": 2}
    assert provscan.verify(run) == found
    pq.write_table(
        pq.read_table(run / "evidence.parquet").slice(1), run / "evidence.parquet"
    )
    seal(run)
    with pytest.raises(
        InputError, match=r"evidence\.parquet contains 1 row for 2 counted matches"
    ):
        provscan.verify(run)


def matched(tmp_path: Path) -> Path:
    """Return a run with three copies: of a tweet, an appended tweet and a control."""
    rng = random.Random(9)
    texts = [sentence(rng, "latin", 90) for _ in range(3)]
    index = provscan.build_index([{"id": "1", "text": texts[0]}], tmp_path / "a.index")
    index = provscan.build_index(
        [{"id": "2", "text": texts[1]}], index.path, append=True
    )
    control = tmp_path / "control.jsonl"
    control.write_text(json.dumps({"id": "3", "text": texts[2]}) + "\n")
    (tmp_path / "data.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in texts)
    )
    return Path(
        provscan.match(
            tmp_path / "data.jsonl", index, tmp_path / "a.run", control=control
        ).path
    )


def seal(run: Path) -> None:
    """Write the current checksums of the files into ``run.json``."""
    info = json.loads((run / "run.json").read_text())
    for name, entry in info["files"].items():
        entry["xxh3"] = xxhash.xxh3_128_hexdigest((run / name).read_bytes())
    body = {key: value for key, value in info.items() if key != "checksum"}
    info["checksum"] = xxhash.xxh3_128_hexdigest(
        json.dumps(body, sort_keys=True).encode()
    )
    (run / "run.json").write_text(json.dumps(info))
