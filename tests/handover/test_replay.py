"""Test that ``replay`` finds the same rows and figures, or reports the differences."""

import json
import shutil

import pytest
from click.testing import CliRunner

import provscan
from provscan import handover
from provscan.cli import main
from provscan.errors import InputError, UsageError
from provscan.runs.folder import read_json, write_summary


def replayed(handed, datasets, **options):
    options = {"index": handed.index, "bundle": handed.bundle} | options
    return handover.replay(
        options.pop("bundle"), datasets, options.pop("index"), **options
    )


def test_without_texts(handed, tmp_path):
    bundle = tmp_path / "no-text.zip"
    handover.bundle(handed.run, bundle, digests=True)
    assert replayed(handed, handed.datasets, bundle=bundle)["problems"] == []


def test_a_dataset_that_differs_in_one_record_is_named(handed, tmp_path):
    changed = tmp_path / "b.jsonl"
    lines = handed.datasets[1].read_text().splitlines(keepends=True)
    row = next(
        row
        for row in provscan.open_run(handed.run).findings.to_pylist()
        if row["source"].endswith("b.jsonl")
    )
    a, _, c = handed.datasets

    # Change a record with a finding.
    lines[row["record"]] = json.dumps({"text": "nothing of interest here"}) + "\n"
    changed.write_text("".join(lines))
    found = replayed(handed, [a, changed, c])["problems"]
    assert any(f"{changed} is not an input of the run" in each for each in found)
    assert any("b.jsonl of the run" in each for each in found)
    (rows,) = [each for each in found if each.startswith("missing rows: ")]
    assert f"record {row['record']}, text {row['start']}-{row['end']}" in rows
    assert f"tweet {row['tweet_id']}" in rows
    assert any(each.startswith("findings of summary") for each in found)

    # Change a record without a finding: only the checksum of its file shows it.
    lines = handed.datasets[1].read_text().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if "\\u00fe" not in line)
    lines[at] = lines[at].replace(lines[at][20], "#", 1)
    changed.write_text("".join(lines))
    found = replayed(handed, [a, changed, c])["problems"]
    assert any(f"{changed} is not an input of the run" in each for each in found)
    assert not [each for each in found if "rows: " in each]

    # One file is missing, and another one is new.
    found = replayed(handed, [a, c])["problems"]
    assert any("is not among the inputs" in each for each in found)
    found = replayed(handed, [*handed.datasets, changed])["problems"]
    assert any(f"{changed} is not an input of the run" in each for each in found)


def test_an_index_that_differs_in_one_tweet_is_named(handed, tmp_path):
    index = tmp_path / "other.index"
    shutil.copytree(handed.index, index)
    provscan.build_index(
        [{"id": "7", "text": "one more tweet that nobody has ever quoted anywhere"}],
        index,
        append=True,
    )
    found = replayed(handed, handed.datasets, index=index)["problems"]
    assert any(each.startswith("the index differs: ") for each in found)
    shutil.rmtree(index)
    shutil.copytree(handed.index, index)
    provscan.forget(index, ["1001"])
    found = replayed(handed, handed.datasets, index=index)["problems"]
    assert any(each.startswith("the index differs: ") for each in found)


def test_controls_that_were_moved(handed, tmp_path):
    control, moved = tmp_path / "control.jsonl", tmp_path / "moved.jsonl"
    rows = [
        {"id": f"c{n}", "text": f"a control text, number {n} of {n * n}"}
        for n in range(60)
    ]
    control.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    run, bundle = tmp_path / "a.run", tmp_path / "a.zip"
    provscan.match(handed.datasets[0], handed.index, run, control=control, spike_ins=30)
    handover.bundle(run, bundle)
    control.rename(moved)
    again = {"bundle": bundle, "control": str(moved)}
    assert replayed(handed, handed.datasets[:1], **again)["problems"] == []
    with pytest.raises(InputError, match=r"control\.jsonl"):
        replayed(handed, handed.datasets[:1], bundle=bundle)
    moved.write_text("".join(f"{json.dumps(row)}\n" for row in rows[1:]))
    found = replayed(handed, handed.datasets[:1], **again)["problems"]
    assert any(each.startswith("the control differs") for each in found)


def test_inputs_without_a_checksum_are_named(handed, tmp_path):
    run, bundle = tmp_path / "memory.run", tmp_path / "a.zip"
    data = [{"text": path.read_text()} for path in handed.datasets]
    provscan.match(data, str(handed.index), run, spike_ins=0)
    handover.bundle(run, bundle)
    found = replayed(handed, handed.datasets[:1], bundle=bundle)
    said = "the content of <memory>, whose checksum is not recorded"
    assert said in found["may_differ"]
    assert any("<memory> of the run" in each for each in found["problems"])


def test_limits_and_parameters_must_be_those_of_the_run(handed, tmp_path):
    """The bundle comes from a version with other limits, or with unknown options."""
    run, bundle = tmp_path / "found.run", tmp_path / "a.zip"
    shutil.copytree(handed.run, run)
    info = read_json(run / "run.json")
    info["limits"]["nesting"] = 7
    info["parameters"] |= {"fuzziness": 0.5, "threshold": 0.5}
    write_summary(run, read_json(run / "summary.json"), info, ["matches.parquet"])
    (run / "report.html").unlink()
    handover.bundle(run, bundle)
    found = replayed(handed, handed.datasets, bundle=bundle)["problems"]
    assert "the limit nesting is 100, but was 7" in found
    assert "the parameter fuzziness is None, but was 0.5" in found
    assert "the parameter threshold is 0.25, but was 0.5" in found


def test_what_is_refused(handed, tmp_path):
    with pytest.raises(UsageError, match="seed is taken from the run"):
        replayed(handed, handed.datasets, seed=7)
    with pytest.raises(InputError, match="has no run 2"):
        replayed(handed, handed.datasets, run=2)
    broken = tmp_path / "broken.zip"
    data = bytearray(handed.bundle.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    with pytest.raises(InputError, match="is not intact, so nothing was repeated"):
        replayed(handed, handed.datasets, bundle=broken)


def test_the_command(handed, tmp_path):
    def said(*words, status):
        given = ["verify", handed.bundle, "--repeat", "-i", handed.index, *words]
        done = CliRunner().invoke(main, [str(word) for word in given])
        assert done.exit_code == status, done.output
        return done.output

    files = [word for path in handed.datasets for word in ("--dataset", path)]
    assert said(*files, status=0).startswith("THE SAME: ")
    different = said(*files[:4], status=1)
    assert different.startswith("DIFFERENT: ")
    assert "c.jsonl of the run" in different
