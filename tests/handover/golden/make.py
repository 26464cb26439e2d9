"""Make the golden files of this folder, once for each version of their formats:

    python tests/handover/golden/make.py

``test_check.py`` checks the files of all versions, so they are never made again after a
release.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]

from handed_over import write_keys  # noqa: E402
from tweets import sentence  # noqa: E402

import provscan  # noqa: E402
from provscan import handover  # noqa: E402
from provscan.runs.folder import read_json, write_summary  # noqa: E402


def make(version: int) -> None:
    rng = random.Random(7)
    key, _ = write_keys(Path(), "key", 1)
    tweets = [
        {"id": str(100 + n), "text": sentence(rng, "latin", 80), "author": f"a{n}"}
        for n in range(20)
    ]
    texts = [sentence(rng, "latin", 90) for _ in range(18)]
    texts[::3] = [tweet["text"] for tweet in tweets[:6]]
    rows = "".join(f"{json.dumps({'text': text})}\n" for text in texts)
    Path("data.jsonl").write_text(rows)
    provscan.build_index(tweets, "licensed.index")
    run = provscan.match("data.jsonl", "licensed.index", "data.run", spike_ins=20)
    (run.path / "report.html").unlink()
    info = read_json(run.path / "run.json") | {"folder": "/data"}
    write_summary(run.path, run.summary, info, ["matches.parquet"])
    signed = HERE / f"signed-{version}.zip"
    handover.bundle(run.path, signed, sign=key)
    handover.write_exhibit(signed, 2, HERE / f"exhibit-{version}.html")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make(1)
