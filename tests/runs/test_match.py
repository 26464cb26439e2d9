"""Test the folder and the counts of a run, for all kinds of datasets and numbers of
workers.
"""

import errno
import gzip
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import naive_passages as naive
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from dataset import TWEETS, some_records
from nightly import NIGHTLY
from tweets import sentence

import provscan
from provscan.errors import (
    IndexFormatError,
    InputError,
    OutputError,
    ParameterError,
    UsageError,
)
from provscan.matching import MATCHES
from provscan.readers import Limits
from provscan.report.document import write_report
from provscan.report.export import export


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def found(run):
    """Return the matches, without the name of the dataset."""
    return run.matches.select([name for name in MATCHES.names if name != "source"])


def check(run):
    """Check that the summary agrees with the matches."""
    rows, summary = run.matches.to_pylist(), run.summary
    assert summary == json.loads((run.path / "summary.json").read_text())
    assert run.info == json.loads((run.path / "run.json").read_text())
    # Columns may be added, but not renamed or dropped.
    assert run.matches.select(MATCHES.names).schema.equals(MATCHES)
    places = [(row["source"], row["record"]) for row in rows]
    assert summary["matches"] == len(rows)
    assert summary["records_matched"] == len(set(places))
    assert {level: n for level, n in summary["levels"].items() if n} == Counter(
        row["level"] for row in rows
    )
    assert summary["texts_found"] == len({row["tweet_id"] for row in rows})
    assert summary["tweets_found"] == sum(
        {row["tweet_id"]: row["tweets"] for row in rows}.values()
    )
    spans = [
        (place, row["start"], row["end"])
        for place, row in zip(places, rows, strict=True)
    ]
    assert summary["characters_matched"] == naive.covered(spans)
    for name, share, whole in (
        ("records_matched", "share_of_records", "records"),
        ("characters_matched", "share_of_characters", "characters"),
    ):
        assert summary[share] == (
            summary[name] / summary[whole] if summary[whole] else 0
        )
    for entry in summary["sources"]:
        own = [row for row in rows if row["source"] == entry["source"]]
        assert entry["matches"] == len(own)
        assert entry["records_matched"] == len({row["record"] for row in own})
    assert sum(entry["records"] for entry in summary["sources"]) == summary["records"]
    assert [entry["source"] for entry in run.info["inputs"]] == [
        entry["source"] for entry in summary["sources"]
    ]


def test_the_folder_of_a_run(index, write, tmp_path):
    records = some_records(1, 300)
    data = write("data.jsonl", records)
    run = provscan.match(data, index, tmp_path / "a.run")
    assert {"matches.parquet", "summary.json", "run.json"} <= set(listing(run.path))
    assert "parts" not in listing(run.path)
    check(run)
    assert run.summary["records"] == 300
    assert run.summary["characters"] == sum(len(record["text"]) for record in records)
    left_out = {"source", "record_id", "field"}
    expected = index.match([record["text"] for record in records]).select(
        [name for name in MATCHES.names if name not in left_out]
    )
    assert expected.num_rows > 200
    assert found(run).drop_columns(["record_id", "field"]).equals(expected)
    assert set(run.matches.column("field").to_pylist()) == {"text"}
    assert {
        row["record_id"] == f"r{row['record']}" for row in run.matches.to_pylist()
    } == {True}
    raw = data.read_bytes()
    assert run.info["inputs"] == [
        {"source": str(data), "bytes": len(raw), "xxh3": xxhash.xxh3_128_hexdigest(raw)}
    ]
    assert run.info["index"]["fingerprint"] == index.fingerprint
    assert run.info["parameters"]["threshold"] == provscan.MatchParams().threshold
    assert run.info["versions"]["provscan"] == provscan.__version__
    assert run.info["started"] <= run.info["finished"]


def test_the_standard_input(index, write, tmp_path, monkeypatch):
    data = write("data.jsonl", some_records(8, 60))
    expected = provscan.match(data, index, tmp_path / "a.run")
    with data.open(encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        provscan.match("-", index, tmp_path / "b.run", encoding="utf8")
    rows = pq.read_table(tmp_path / "b.run" / "matches.parquet")
    assert rows.select(found(expected).column_names).equals(found(expected))
    assert set(rows.column("source").to_pylist()) == {"-"}
    (entry,) = json.loads((tmp_path / "b.run" / "run.json").read_text())["inputs"]
    assert entry == {"source": "-", "bytes": None, "xxh3": None}
    assert provscan.open_run(tmp_path / "b.run").summary["notes"] == {}
    with pytest.raises(UsageError, match="name the folder for the results with out"):
        provscan.match("-", index)


def test_data_in_memory(index, write, tmp_path):
    import datasets

    records = some_records(9, 70)
    expected = found(
        provscan.match(write("data.jsonl", records), index, tmp_path / "a.run")
    )
    kinds = [
        records,
        iter(records),
        pa.Table.from_pylist(records),
        datasets.Dataset.from_list(records),
    ]
    for number, kind in enumerate(kinds):
        run = provscan.match(kind, index, tmp_path / f"{number}.run")
        check(run)
        assert found(run).equals(expected), type(kind)
        assert set(run.matches.column("source").to_pylist()) == {"<memory>"}
    assert found(provscan.match(records, index)).equals(expected)


def test_overlapping_matches_count_their_characters_once(tmp_path):
    first, second = (
        "one two three four five six seven",
        "six seven eight nine ten eleven twelve",
    )
    index = provscan.build_index(
        [{"id": "1", "text": first}, {"id": "2", "text": second}], tmp_path / "a.index"
    )
    text = "one two three four five six seven eight nine ten eleven twelve"
    run = provscan.match(
        [{"text": text}, {"text": f"{text} and {first}"}], index, tmp_path / "a.run"
    )
    check(run)
    assert run.matches.num_rows == 5
    assert run.summary["characters_matched"] == 2 * len(text) + len(first)


def test_nothing_to_scan(index, write, tmp_path):
    for source, reason in (
        (write("empty.jsonl", []), "the inputs are empty"),
        ([], "the inputs are empty"),
        (write("null.jsonl", [{"text": None}]), r"1 record skipped \(no_text\)"),
    ):
        with pytest.raises(
            InputError,
            match=f"no records of the dataset were scanned.*{reason}.*text_field",
        ):
            provscan.match(source, index, tmp_path / "a.run")
    with pytest.raises(InputError, match="the sample contains none of the records"):
        provscan.match(
            write("few.jsonl", some_records(1, 3)),
            index,
            tmp_path / "a.run",
            sample=1e-9,
        )
    assert not list(tmp_path.glob("a.run*"))
    run = provscan.match(
        write("one.jsonl", [{"text": "no tweet"}]), index, tmp_path / "a.run"
    )
    check(run)
    assert run.matches.num_rows == run.findings.num_rows == run.summary["matches"] == 0


def test_bad_lines_are_counted(index, write, tmp_path):
    data = write(
        "data.jsonl",
        [
            {"id": "a", "text": TWEETS[0]["text"]},
            {"id": "b", "text": None},
            {"id": "c", "text": 7},
        ],
    )
    data.write_bytes(
        data.read_bytes()
        + b"nonsense\n"
        + json.dumps({"text": TWEETS[0]["text"]}).encode()
    )
    with pytest.raises(InputError, match="2 of 5 records can't be read, more"):
        provscan.match(data, index, tmp_path / "a.run")
    (tmp_path / "one.jsonl").write_bytes(b'{"text": "a"}\nnonsense\n')
    with pytest.raises(InputError, match="1 of 2 records can't be read"):
        provscan.match(tmp_path / "one.jsonl", index, tmp_path / "b.run", max_bad=0)
    run = provscan.match(data, index, tmp_path / "a.run", max_bad=0.5, overwrite=True)
    check(run)
    assert run.matches.column("record").to_pylist() == [0, 4]
    assert run.summary["skipped"] == {"bad_json": 1, "no_text": 1, "text_not_string": 1}
    assert {example["where"] for example in run.summary["examples"]} == {
        "record 1",
        "record 2",
        "record 3",
    }


def test_the_order_of_the_files_does_not_decide_whether_a_run_stops(
    index, write, tmp_path
):
    """One tenth of the first file can't be read, but less than 5% of the dataset."""
    bad, good = [{"text": 7}] * 1_000, [{"text": "good"}]
    first = write("1.jsonl", bad + good * 10_000)
    second = write("2.jsonl", good * 10_000)
    for number, order in enumerate(((first, second), (second, first))):
        run = provscan.match(order, index, tmp_path / f"{number}.run", spike_ins=0)
        assert run.summary["records"] == 20_000
        assert run.summary["skipped"] == {"text_not_string": 1_000}
    with pytest.raises(InputError, match="1,000 of 21,000 records can't be read, more"):
        provscan.match(
            [first, second], index, tmp_path / "a.run", spike_ins=0, max_bad=0.04
        )


def test_one_long_record(index, tmp_path, monkeypatch):
    """A line is longer than what is read at a time; every match is reported once."""
    text = " ... ".join(
        record["text"].replace("\n", " ") for record in some_records(11, 300)
    )
    (tmp_path / "data.txt").write_text(f"first\n{text}\nlast")
    expected = index.match(["first", text, "last"]).select(
        [name for name in MATCHES.names if name not in {"source", "field"}]
    )
    assert expected.num_rows > 200
    limits = Limits(chunk=7_000)
    monkeypatch.setattr("provscan.readers.limits.LIMITS", limits)
    run = provscan.match(tmp_path / "data.txt", index, tmp_path / "a.run")
    check(run)
    assert found(run).drop_columns("field").equals(expected)
    assert run.summary["records"] == 3


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, InputError("broken"), ValueError("bug")]
)
def test_an_interrupted_run_leaves_nothing(index, tmp_path, error):
    def records():
        yield from some_records(12, 50)
        raise error

    old = provscan.match([{"text": "old"}], index, tmp_path / "a.run")
    before = listing(tmp_path)
    for target in (tmp_path / "a.run", tmp_path / "b.run"):
        with pytest.raises(error if isinstance(error, type) else type(error)):
            provscan.match(records(), index, target, overwrite=True)
        assert listing(tmp_path) == before
    assert old.matches.num_rows == 0


def test_a_full_disk(index, tmp_path, monkeypatch):
    class Full(pa.ipc.RecordBatchFileWriter):  # type: ignore[misc]
        def write_batch(self, *_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(
        pa.ipc, "new_file", lambda sink, schema, **_: Full(sink, schema)
    )
    with pytest.raises(OutputError, match=r"writing .*a\.run failed: No space left"):
        provscan.match(some_records(13, 50), index, tmp_path / "a.run")
    assert listing(tmp_path) == []


def test_a_run_is_replaced_when_asked(index, tmp_path, monkeypatch):
    target = tmp_path / "a.run"
    provscan.match([{"text": "nothing"}], index, target)
    with pytest.raises(OutputError, match="exists already"):
        provscan.match(some_records(14, 20), index, target)
    assert (
        provscan.match(
            some_records(14, 20), index, target, overwrite=True
        ).matches.num_rows
        > 5
    )
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    with pytest.raises(OutputError, match=r"run \(it contains a\.jpg\)"):
        provscan.match(some_records(14, 20), index, tmp_path / "photos", overwrite=True)
    monkeypatch.setattr(
        os, "access", lambda path, mode: (Path(path), mode) != (target, os.W_OK)
    )
    with pytest.raises(OutputError, match=r"a\.run is write-protected"):
        provscan.match(some_records(14, 20), index, target, overwrite=True)


def test_all_files_are_synced_before_the_run_is_renamed(index, tmp_path, monkeypatch):
    synced = {}

    def note(path):
        synced[path.name] = (tmp_path / "a.run").exists()

    for module in ("index.folder", "unfinished"):
        monkeypatch.setattr(f"provscan.{module}.sync", note)
    run = provscan.match(some_records(1, 40), index, tmp_path / "a.run")
    assert synced == dict.fromkeys([*listing(run.path), "run"], False) | {
        tmp_path.name: True
    }


def test_default_paths_of_results_and_index(index, write, tmp_path, monkeypatch):
    data = write("in/some.data.jsonl.gz", [])
    data.write_bytes(gzip.compress(b'{"text": "nothing"}\n'))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("PROVSCAN_INDEX", raising=False)
    with pytest.raises(IndexFormatError, match=r"there is no index at licensed\.index"):
        provscan.match(data)
    monkeypatch.setenv("PROVSCAN_INDEX", str(index.path))
    run = provscan.match(data)
    assert run.path == Path("some.data.run")
    assert run.info["index"]["path"] == str(index.path)


PEAK = """
import resource, sys
import provscan
index = provscan.open_index(sys.argv[1])
for _ in range(2):
    provscan.match(sys.argv[3], index, sys.argv[2] + "/warm.run", workers=2, spike_ins=50, overwrite=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
provscan.match(sys.argv[4], index, sys.argv[2] + "/a.run", workers=2, spike_ins=50)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""  # noqa: E501


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="ru_maxrss is in KiB on Linux only"
)
@pytest.mark.parametrize("kind", ["records", *(["one record"] if NIGHTLY else [])])
def test_memory_does_not_grow_with_the_dataset(index, tmp_path, kind):
    """After the first run, more data without further matches takes less memory than the
    data itself, and a longer record takes a few times its size.
    """
    rng = random.Random(15)
    block = " ".join(
        sentence(rng, "latin", 3000) + record["text"]
        for record in some_records(15, 100)
    )
    line = json.dumps({"text": block[:400]}) + "\n"
    unlicensed = " ".join(
        sentence(rng, "latin", 3000) for _ in range(len(block) // 3000)
    )
    # A long record is scanned in blocks; the memory for its matches varies.
    small, more = 16, 64 if kind == "records" else 128
    for name, size in (("small", small << 20), ("large", (small + more) << 20)):
        if kind == "records":
            with (tmp_path / f"{name}.jsonl").open("w") as file:
                for _ in range(size // (1000 * len(line))):
                    file.write(line * 1000)
        else:
            with (tmp_path / f"{name}.jsonl").open("w") as file:
                for number in range(size // len(block.encode())):
                    file.write(block if number < 40 else unlicensed)
            (tmp_path / f"{name}.jsonl").rename(tmp_path / f"{name}.txt")
    suffix = "jsonl" if kind == "records" else "txt"
    command = [sys.executable, "-c", PEAK, str(index.path), str(tmp_path)]
    command += [str(tmp_path / f"small.{suffix}"), str(tmp_path / f"large.{suffix}")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < (0.9 if kind == "records" else 4) * more


def test_file_names_that_are_not_utf8(tmp_path, index, monkeypatch):
    """Files with such names can be read. provscan writes none, since Arrow can't open
    them.
    """
    monkeypatch.chdir(tmp_path)
    (data := Path("a\udcff.jsonl")).write_text('{"text": "a text that is no tweet"}\n')
    run = provscan.match(data, index)
    assert (run.path, run.summary["records"]) == (Path("a\ufffd.run"), 1)
    odd = Path("\udcff.run")
    for refused in (
        lambda: provscan.match(data, index, odd),
        lambda: provscan.build_index([{"id": "1", "text": "a text of a tweet"}], odd),
        lambda: provscan.open_run(odd),
        lambda: provscan.verify(odd),
        lambda: write_report(odd),
        lambda: export(run.path, odd / "a.csv"),
    ):
        with pytest.raises(ParameterError, match="a path that is entirely valid UTF-8"):
            refused()
    assert sorted(tmp_path.iterdir()) == sorted(
        tmp_path / name for name in (data.name, run.path.name)
    )


@pytest.mark.pages
def test_a_copy_of_the_dataset_is_not_a_control(tmp_path, write):
    """Its matches would explain all findings."""
    texts = [sentence(random.Random(n), "latin", 80) for n in range(120)]
    index = provscan.build_index(
        [{"id": str(n), "text": text} for n, text in enumerate(texts[:40])],
        tmp_path / "i",
    )
    dataset = [{"text": text} for text in texts]
    for name, control, share in (
        ("copy", texts, 1.0),
        ("part", texts[40:80] + [t[::-1] for t in texts[:60]], 0.4),
    ):
        path = write(
            f"{name}.jsonl",
            [{"id": f"c{n}", "text": text} for n, text in enumerate(control)],
        )
        run = provscan.match(dataset, index, tmp_path / name, control=path)
        answer, page = run.summary["answer"], (run.path / "report.html").read_text()
        (warned,) = [
            item["message"]
            for item in answer["warnings"]
            if item["code"] == "control_in_dataset"
        ]
        assert "of the control's texts are in the dataset" in warned
        assert (answer["records"]["at_least"] is None) == (share > 0.5)
        # Licensed texts that are also in the control are common wording and not
        # findings.
        assert (answer["records"]["findings"] == 0) == (share > 0.5)
        assert "are in the dataset, more than chance explains" in page
        assert run.matches["q_value"].null_count == (
            len(run.matches) if share > 0.5 else 40
        )
