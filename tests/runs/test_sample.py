"""Test samples of files: which files are drawn, that others are not read, and what a
run reports about its sample.
"""

import gzip
import json
import math
import random
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset import some_records
from tweets import sentence

import provscan
from provscan.errors import ParameterError
from provscan.options import MatchOptions
from provscan.readers import Fields
from provscan.runs.inputs.sample import draw_files


@pytest.fixture
def folder(latin, write, tmp_path):
    """120 files of different sizes; a quarter of them is full of tweets."""
    rng = random.Random(3)
    tweets = latin.reader.raw_texts(np.arange(len(latin))).array().to_pylist()
    for number in range(120):
        full = number % 4 == 0
        records = [
            {"text": rng.choice(tweets) if full else sentence(rng, "latin", 90)}
            for _ in range(rng.randrange(3, 12))
        ]
        write(f"data/{number:03}.jsonl", records)
    return tmp_path / "data"


def parts_of(path, share=0.5, seed=1):
    """Return the names of the drawn files."""
    sample = draw_files(
        [str(path)], MatchOptions(sample=share, sample_by="files", seed=seed), Fields()
    )
    assert sample is not None
    return [Path(split.source).name for split in sample.splits]


@pytest.mark.pages
def test_a_run_of_a_sample_of_files(latin, folder, tmp_path):
    run = provscan.match(folder, latin, tmp_path / "a.run", sample=0.5)
    sample, info = run.summary["sample"], run.info
    sizes = {str(path): path.stat().st_size for path in folder.iterdir()}
    # The sample has at least 50 files, so files are drawn by default.
    assert (sample["by"], sample["asked"], sample["parts"], sample["parts_in_all"]) == (
        "files",
        0.5,
        60,
        120,
    )
    parts = info["parts_sampled"]
    assert (len(parts), info["parts_in_all"]) == (60, 120)
    assert all(sizes[source] == end and start == 0 for source, start, end in parts)
    assert sample["share"] == sum(end for _, _, end in parts) / sum(sizes.values())
    assert {entry["source"] for entry in run.summary["sources"]} == {
        source for source, _, _ in parts
    }
    assert set(run.matches["source"].to_pylist()) <= {source for source, _, _ in parts}
    assert {entry["source"] for entry in info["inputs"]} == set(sizes)
    for entry in info["inputs"]:
        scanned = entry["source"] in {source for source, _, _ in parts}
        assert entry["bytes"] == sizes[entry["source"]]
        assert entry["scanned"] == (entry["bytes"] if scanned else 0)
        assert (entry["xxh3"] is not None) == scanned
    assert info["parameters"]["sample_by"] is None
    assert set(run.summary["by"]["source"]) <= {source for source, _, _ in parts}
    assert json.loads((run.path / "run.json").read_text()) == info
    page = " ".join((run.path / "report.html").read_text(encoding="utf-8").split())
    assert "60 of 120 files or parts of files (" in page
    assert sample["design_effect"] > 1
    # The sample misses 5 files with probability C(115, 60) / C(120, 60) = 0.029, and 6
    # with half of it.
    assert any(
        item["message"].startswith("If copies are in 5 files or fewer,")
        and item["code"] == "files_sampled"
        for item in run.summary["answer"]["warnings"]
    )
    assert f"counts as 1/{sample['design_effect']:.1f} of a record" in page
    # The records of files that were not opened are unknown, and so is the distribution
    # of matches over them.
    assert (
        f"of {run.summary['records']:,} records of the sample"
        in run.summary["answer"]["headline"]
    )
    assert "Along the dataset" not in page


def test_limits_from_files_are_wider_than_from_records(latin, folder, tmp_path):
    options = {"sample": 0.5, "spike_ins": 200}
    runs = [
        provscan.match(folder, latin, tmp_path / f"{by}.run", sample_by=by, **options)
        for by in ("files", "records")
    ]
    files, records = (run.summary["answer"]["records"] for run in runs)
    assert (
        files["at_most"] - 2 * files["findings"]
        > 1.5 * (records["at_most"] - 2 * records["findings"])
        > 0
    )
    assert runs[1].summary["sample"]["by"] == "records"
    assert runs[1].summary["sample"]["parts"] is None
    assert "parts_sampled" not in runs[1].info


def test_the_sample_depends_only_on_contents_and_seed(latin, folder, tmp_path):
    there = Path(shutil.copytree(folder, tmp_path / "moved" / "elsewhere"))
    first = parts_of(folder)
    assert len(first) == 60
    # The copies have other names and another order.
    for path in list(there.iterdir()):
        path.rename(there / f"{999 - int(path.stem)}.jsonl")
    assert (
        sorted(f"{999 - int(Path(name).stem):03}.jsonl" for name in parts_of(there))
        == first
    )
    assert parts_of(folder, seed=2) != first
    files = sorted(map(str, folder.iterdir()), reverse=True)
    backwards = draw_files(files, MatchOptions(sample=0.5, sample_by="files"), Fields())
    assert backwards is not None
    assert sorted(Path(split.source).name for split in backwards.splits) == first
    runs = [
        provscan.match(
            folder,
            latin,
            tmp_path / f"{n}.run",
            sample=0.5,
            sample_by="files",
            workers=n,
        )
        for n in (1, 3)
    ]
    assert runs[0].summary == runs[1].summary
    assert runs[0].matches.equals(runs[1].matches)
    assert runs[0].info["parts_sampled"] == runs[1].info["parts_sampled"]


def test_every_part_is_equally_likely(folder):
    counts = dict.fromkeys((path.name for path in folder.iterdir()), 0)
    for seed in range(30):
        for name in parts_of(folder, 0.25, seed):
            counts[name] += 1
    assert sum(counts.values()) == 30 * 30
    # Each of 30 draws includes a part with probability 1/4: 7.5 draws are expected, and
    # 0 or more than 18 are very unlikely.
    assert min(counts.values()) >= 1
    assert max(counts.values()) <= 18


def test_ranges_of_files_are_parts(index, tmp_path, monkeypatch):
    monkeypatch.setattr("provscan.readers.planning.SMALLEST_SPLIT", 2_000)
    records = some_records(5, 900)
    pq.write_table(
        pa.Table.from_pylist(records), tmp_path / "d.parquet", row_group_size=10
    )
    (tmp_path / "d.jsonl").write_text(
        "".join(json.dumps(record) + "\n" for record in records)
    )
    for name in ("d.parquet", "d.jsonl"):
        whole = provscan.match(
            tmp_path / name, index, tmp_path / "w.run", overwrite=True
        )
        run = provscan.match(
            tmp_path / name, index, tmp_path / "a.run", sample=0.6, overwrite=True
        )
        assert run.summary["sample"]["by"] == "files"
        assert (
            50 <= run.summary["sample"]["parts"] < run.summary["sample"]["parts_in_all"]
        )
        assert 0 < run.summary["records"] < 900
        # Records have the same numbers and matches as in a full scan.
        kept = set(run.matches["record"].to_pylist())
        there = [row["record"] in kept for row in whole.matches.to_pylist()]
        columns = ["record", "record_id", "start", "end", "tweet_id"]
        assert run.matches.select(columns).equals(
            whole.matches.filter(pa.array(there)).select(columns)
        )
        (entry,) = run.info["inputs"]
        assert 0 < entry["scanned"] < entry["bytes"]
        assert entry["xxh3"] is None


def test_empty_and_damaged_files(latin, folder, tmp_path):
    raw = gzip.compress(
        b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    )
    for number in range(60):
        (folder / f"empty{number}.jsonl").touch()
    for number in range(4):
        (folder / f"cut{number}.jsonl.gz").write_bytes(raw[: len(raw) // 2])
        (folder / f"none{number}.jsonl").write_bytes(b'{"text": null}\n' * 20)
    run = provscan.match(
        folder, latin, tmp_path / "a.run", sample=0.9, sample_by="files"
    )
    assert run.summary["sample"]["parts_in_all"] == 128
    assert run.summary["damaged"]
    assert run.summary["skipped"]["no_text"] >= 20
    assert (
        run.summary["answer"]["records"]["at_most"]
        > run.summary["answer"]["records"]["findings"]
    )


def test_a_sample_of_all_files_is_a_full_scan(latin, folder, tmp_path):
    options = {"spike_ins": 200}
    whole = provscan.match(folder, latin, tmp_path / "w.run", **options)
    run = provscan.match(
        folder, latin, tmp_path / "a.run", sample=1.0, sample_by="files", **options
    )
    assert run.matches.equals(whole.matches)
    assert run.summary["sample"]["share"] == 1
    for name in ("texts", "tweets"):
        assert run.summary["answer"][name] == whole.summary["answer"][name]


@pytest.mark.pages
def test_at_most_is_not_capped_by_a_projected_number_of_records(latin, write, tmp_path):
    # All records are tweets. Files of equal size have few records with another long
    # field, or many without it.
    rng = random.Random(4)
    tweets = latin.reader.raw_texts(np.arange(len(latin))).array().to_pylist()
    records = 0
    for number in range(6):
        count, other = (1500, "") if number % 3 else (150, "0" * 1000)
        write(
            f"data/{number}.jsonl",
            [{"text": rng.choice(tweets), "other": other} for _ in range(count)],
        )
        records += count
    for seed in range(1, 4):
        run = provscan.match(
            tmp_path / "data",
            latin,
            tmp_path / f"{seed}.run",
            sample=0.34,
            sample_by="files",
            seed=seed,
        )
        answer, projected = run.summary["answer"], run.summary["sample"]["records"]
        assert answer["records"]["at_most"] >= records
        assert projected["high"] >= max(records, answer["records"]["at_most"])
        assert answer["records"]["share"]["at_most"] == 1
        page = " ".join((run.path / "report.html").read_text(encoding="utf-8").split())
        assert f" {math.ceil(projected['value']):,} records (95% interval" in page


def test_records_are_drawn_from_few_files_by_default(latin, folder, write, tmp_path):
    data = [str(path) for path in sorted(folder.iterdir())]
    run = provscan.match(data[:90], latin, tmp_path / "a.run", sample=0.5)
    assert run.summary["sample"]["by"] == "records"
    asked = provscan.match(
        data[:90], latin, tmp_path / "b.run", sample=0.5, sample_by="files"
    )
    assert asked.summary["sample"]["parts"] == 45
    few = provscan.match(
        data[:10], latin, tmp_path / "c.run", sample=0.2, sample_by="files"
    )
    assert few.summary["sample"]["parts"] == 2
    message = (
        r"sample=0.1 of 10 parts is too few.*at least 2.*give a larger sample, "
        r"or "
        r"leave sample_by out"
    )
    with pytest.raises(ParameterError, match=message):
        provscan.match(
            data[:10], latin, tmp_path / "d.run", sample=0.1, sample_by="files"
        )
    with pytest.raises(ParameterError, match=r"sample=0\.5 of 0 parts"):
        provscan.match(
            write("empty.jsonl", []),
            latin,
            tmp_path / "d.run",
            sample=0.5,
            sample_by="files",
        )
    assert not (tmp_path / "d.run").exists()


def test_impossible_samples_are_refused(latin, folder, tmp_path):
    out = tmp_path / "a.run"
    with pytest.raises(ParameterError, match="files, and can't be done with data"):
        provscan.match(some_records(1, 5), latin, out, sample=0.5, sample_by="files")
    with pytest.raises(ParameterError, match="can't be done with the standard input"):
        provscan.match(["-", folder], latin, out, sample=0.5, sample_by="files")
    with pytest.raises(ParameterError, match="sample_by needs sample"):
        provscan.match(folder, latin, out, sample_by="files")
    with pytest.raises(ParameterError, match="sample_by must be 'records' or 'files'"):
        provscan.match(folder, latin, out, sample=0.5, sample_by="rows")
    # In data in memory, records are drawn by default.
    run = provscan.match(some_records(1, 200), latin, out, sample=0.5)
    assert run.summary["sample"]["by"] == "records"
