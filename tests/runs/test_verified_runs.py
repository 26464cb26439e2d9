"""Test that a run whose files contradict each other is rejected."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from tweets import sentence

import provscan
from provscan.errors import InputError


def test_a_run_with_contradictory_counts_is_rejected(tmp_path):
    run = matched(tmp_path)
    found = {"run": str(run), "matches": 2, "findings": 2, "rows": 3}
    assert provscan.verify(run) == found
    table = pq.read_table(run / "matches.parquet")
    field, place = (
        table.schema.field("counted"),
        table.schema.get_field_index("counted"),
    )
    values = pa.array([False] * len(table), field.type)
    pq.write_table(table.set_column(place, field, values), run / "matches.parquet")
    seal(run)
    with pytest.raises(InputError, match=r"has 2 findings, but matches\.parquet has 0"):
        provscan.verify(run)


def matched(tmp_path):
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


def seal(run):
    """Write the current checksums of the files into ``run.json``."""
    info = json.loads((run / "run.json").read_text())
    for name, entry in info["files"].items():
        entry["xxh3"] = xxhash.xxh3_128_hexdigest((run / name).read_bytes())
    body = {key: value for key, value in info.items() if key != "checksum"}
    info["checksum"] = xxhash.xxh3_128_hexdigest(
        json.dumps(body, sort_keys=True).encode()
    )
    (run / "run.json").write_text(json.dumps(info))
