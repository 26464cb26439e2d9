"""Compare the results of the tiny dataset with those that were recorded, so that a
change of commands, options or structure can be seen to leave rows and numbers the same.

    python tests/recorded.py            list what differs
    python tests/recorded.py --write    record the results anew
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa

import provscan

ROOT = Path(__file__).parents[1]
RECORD = Path(__file__).with_suffix(".json")
# Values whose JSON is longer are recorded as digests.
LONGEST = 300
CASES: dict[str, dict[str, Any]] = {
    "findings": {},
    "cutoff": {"cutoff": "2017-01-01"},
    "sample": {"cutoff": "2017-01-01", "sample": 0.5},
    "planted": {"cutoff": "2017-01-01", "spike_ins": 300},
}


def _short(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True)
    return value if len(text) <= LONGEST else _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rows(table: pa.Table) -> dict[str, Any]:
    rows = [json.dumps(row, default=str) for row in table.to_pylist()]
    return {"rows": len(rows), "digest": _digest("\n".join(rows))}


def results() -> dict[str, Any]:
    """Return the recorded values of all cases."""
    found = {}
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        index = provscan.build_index("corpora/tiny/corpus", f"{folder}/index")
        for name, options in CASES.items():
            run = provscan.match(
                "corpora/tiny/dataset.jsonl", index, f"{folder}/{name}", **options
            )
            summary = {**run.summary, "index": run.summary["index"]["fingerprint"]}
            found[name] = {
                "matches": _rows(run.matches),
                **{key: _short(value) for key, value in summary.items()},
            }
    return found


def main() -> int:
    found = results()
    if "--write" in sys.argv[1:]:
        RECORD.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        return 0
    recorded = json.loads(RECORD.read_text())
    differences = [
        f"{case}: {key}: {recorded[case].get(key)} -> {found[case].get(key)}"
        for case in CASES
        for key in sorted(recorded[case].keys() | found[case].keys())
        if recorded[case].get(key) != found[case].get(key)
    ]
    print(*differences or ["nothing differs"], sep="\n")
    return bool(differences)


if __name__ == "__main__":
    sys.exit(main())
