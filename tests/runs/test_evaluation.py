"""Test the comparison of a run with a ground truth."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import provscan
from provscan.errors import InputError, UsageError
from provscan.runs.questions.evaluation import Evaluation, evaluate

SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("record", pa.int64()),
        ("record_id", pa.string()),
        ("tweet_id", pa.string()),
        ("bits", pa.float32()),
        ("similarity", pa.float32()),
        ("containment", pa.float32()),
        ("control", pa.bool_()),
        ("counted", pa.bool_()),
    ]
)
RECORDS = 60


def match(record: int, bits: float | None, source: str = "a.jsonl") -> dict[str, Any]:
    return {
        "source": source,
        "record": record,
        "record_id": f"{source}:{record}",
        "tweet_id": f"t{record}",
        "bits": bits,
        "similarity": 0.5,
        "containment": 0.5,
        "control": False,
        "counted": (bits or 0) >= 50,
    }


def summary(*sources: str, records: int = RECORDS) -> dict[str, Any]:
    read = [{"source": source, "read": records} for source in sources or ("a.jsonl",)]
    return {"records": records * len(read), "sources": read}


def made(rows: list[dict[str, Any]], truth: Any, *sources: str) -> Evaluation:
    table = pa.Table.from_pylist(rows, SCHEMA)
    return evaluate(table, summary(*sources), truth)


def test_precision_and_recall_are_those_of_records_with_findings() -> None:
    rng = random.Random(1)
    rows = [match(rng.randrange(40), rng.randrange(100)) for _ in range(70)]
    # Matches of control texts do not count.
    rows += [{**match(55, 400), "control": True}]
    true = set(rng.sample(range(RECORDS), 25))
    found = made(rows, [{"record": r, "tweet_id": f"t{r}"} for r in true])
    matched = {row["record"] for row in rows[:-1]}
    findings = {row["record"] for row in rows[:-1] if row["counted"]}
    assert found.findings == {
        "true": len(findings & true),
        "false": len(findings - true),
        "precision": pytest.approx(len(findings & true) / len(findings)),
        "recall": pytest.approx(len(findings & true) / len(true)),
    }
    assert found.counts["found"] == len(matched & true)


@pytest.mark.parametrize("name", ["record", "record_id"])
def test_a_row_without_a_record_is_an_error(name: str) -> None:
    truth = [{name: 3, "tweet_id": "t3"}, {name: None, "tweet_id": "t4"}]
    with pytest.raises(InputError, match=f"row 1 of the truth has no {name}: add it,"):
        made([match(3, 60)], truth)


def test_a_truth_may_list_numbers_ids_or_files(tmp_path: Path) -> None:
    rows = [match(1, 60), match(1, 70, "x/b.jsonl.gz"), match(2, 10, "x/b.jsonl.gz")]
    by_number = [
        {"source": "x/b.jsonl.gz", "record": 1, "tweet_id": "t1"},
        {"source": "x/b.jsonl.gz", "record": 5, "tweet_id": "t5"},
        {"source": "documents", "record": 1, "tweet_id": "t1"},
    ]
    sources = ("a.jsonl", "x/b.jsonl.gz")
    found = made(rows, by_number, *sources)
    assert found.counts == {
        "records": 120, "positive": 2, "found": 1, "tweets": 2, "named": 1,
        "elsewhere": 1,
    }  # fmt: skip
    assert (found.findings["true"], found.findings["false"]) == (1, 1)
    by_id = [{"record_id": "x/b.jsonl.gz:1", "tweet_id": "t1"}, {"record_id": "none"}]
    assert made(rows, by_id, *sources).counts["found"] == 1
    # The results are the same for a file and for a data frame.
    table = pa.Table.from_pylist(by_number)
    pq.write_table(table, tmp_path / "t.parquet")
    pyarrow.csv.write_csv(table, tmp_path / "t.csv")
    lines = "".join(json.dumps(row) + "\n" for row in by_number)
    (tmp_path / "t.jsonl").write_text(lines)
    with pa.output_stream(str(tmp_path / "t.jsonl.zst"), compression="zstd") as out:
        out.write(lines.encode())
    names = ("t.parquet", "t.csv", "t.jsonl", "t.jsonl.zst")
    for truth in (*(tmp_path / name for name in names), table, table.to_pandas()):
        assert made(rows, truth, *sources) == found


def test_records_with_the_same_id_count_separately() -> None:
    # Records 1 to 3 share an id that is in the truth; the finding in record 4 is false.
    rows = [{**match(n, 60), "record_id": "a"} for n in (1, 2, 3)] + [match(4, 60)]
    found = made(rows, [{"record_id": "a"}, {"record_id": "b"}])
    assert found.findings == {"true": 3, "false": 1, "precision": 0.75, "recall": 0.5}


@pytest.mark.parametrize(
    ("truth", "sources", "error", "said"),
    [
        ([{"line": 1}], 1, InputError, "has the columns line: expected record"),
        ([{"record": 1}], 2, InputError, "2 sources, and the truth does not say"),
        ([{"record": 1, "source": "c"}], 1, UsageError, "lists no record of this run"),
        (
            [{"record": n} for n in range(61)],
            1,
            InputError,
            "give the truth of this dataset",
        ),
        (7, 1, UsageError, "must be a file or a table, not int"),
        ("none.jsonl", 1, InputError, r"none\.jsonl can't be read"),
    ],
)
def test_an_invalid_truth_is_refused(
    truth: Any, sources: int, error: type[Exception], said: str
) -> None:
    names = ("a.jsonl", "b.jsonl")[:sources]
    with pytest.raises(error, match=said):
        made([match(1, 60)], truth, *names)


def test_a_sample_cannot_be_evaluated() -> None:
    table = pa.Table.from_pylist([match(1, 60)], SCHEMA)
    with pytest.raises(UsageError, match="scanned only a sample"):
        evaluate(table, {**summary(), "sample": {"by": "records"}}, [{"record": 1}])


def test_a_run_without_matches(tmp_path: Path) -> None:
    index = provscan.build_index(
        [{"id": "1", "text": "Never trust a goat near the harbour"}],
        tmp_path / "a.index",
    )
    records = [{"text": f"a line of nothing {n}"} for n in range(9)]
    run = provscan.match(records, index, tmp_path / "a.run", spike_ins=0)
    found = run.evaluate([{"record": 3}])
    assert found.findings == {"true": 0, "false": 0, "precision": 0.0, "recall": 0.0}
