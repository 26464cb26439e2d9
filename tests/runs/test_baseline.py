"""Test which findings are new since an earlier run, by content and not by position."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import provscan
from provscan.cli import main
from provscan.errors import GateError, InputError, UsageError
from provscan.runs.questions.compare import compare_runs

PLAIN = {"spike_ins": 0}


@pytest.fixture
def tweets(latin):
    return latin.reader.raw_texts(np.arange(20)).array().to_pylist()


def new_records(run):
    rows = run.findings.filter(run.findings["new"])
    return sorted(set(rows["record"].to_pylist()))


def records(*texts):
    return [{"text": text} for text in texts]


def test_moved_findings_are_not_new(latin, tweets, write, tmp_path):
    """Findings remain old after lines were inserted, reordered or moved to another
    file.
    """
    before = [f"{text} said somebody" for text in tweets[:10]]
    first = provscan.match(
        write("a.jsonl", records(*before)), latin, tmp_path / "a.run", **PLAIN
    )
    assert first.summary["baseline"] is None
    assert first.findings["new"].null_count == len(first.findings)
    after = ["a line above", *reversed(before), "a line below"]
    second = provscan.match(
        write("renamed.jsonl", records(*after)),
        latin,
        tmp_path / "b.run",
        baseline=first,
        fail_above=0,
        **PLAIN,
    )
    found = second.summary["baseline"]
    assert found["new"] == {"findings": 0, "records": 0, "share_of_records": 0.0}
    assert (found["findings"], found["gone"], found["differs"]) == (10, 0, [])
    assert new_records(second) == []
    assert found["checksum"] == first.info["checksum"]
    assert second.info["parameters"]["baseline"] == str(first.path)
    provscan.verify(second.path)


def test_an_added_copy_is_the_new_one(latin, tweets, write, tmp_path):
    one, other = tweets[0], tweets[1]
    old = records(f"{one} as before", other, other)
    first = provscan.match(write("a.jsonl", old), latin, tmp_path / "a.run", **PLAIN)
    # The added copy precedes the old one, and has another context.
    added = [*records(f"{one} elsewhere"), *old, *records(other)]
    data = write("b.jsonl", added)
    with pytest.raises(
        GateError, match=r"^40% of the records have findings"
    ) as crossed:
        provscan.match(
            data, latin, tmp_path / "b.run", baseline=first, fail_above=0.39, **PLAIN
        )
    run = crossed.value.run
    # Among equal copies, the last one is the new one.
    assert new_records(run) == [0, 4]
    assert run.summary["baseline"]["new"]["findings"] == 2
    assert any(
        "2 findings are new since" in s for s in run.summary["answer"]["details"]
    )
    # A share equal to the limit passes the gate.
    provscan.match(
        data, latin, tmp_path / "c.run", baseline=first, fail_above=0.4, **PLAIN
    )


def test_an_edited_passage_is_new_and_a_removed_one_is_gone(
    latin, tweets, write, tmp_path
):
    first = provscan.match(
        write("a.jsonl", records(*tweets[:3])), latin, tmp_path / "a.run", **PLAIN
    )
    data = write("b.jsonl", records(tweets[0], tweets[1].upper()))
    run = provscan.match(data, latin, tmp_path / "b.run", baseline=first.path, **PLAIN)
    assert new_records(run) == [1]
    assert run.summary["baseline"]["gone"] == 2


def test_runs_without_texts_are_compared_by_digests(latin, tweets, write, tmp_path):
    data = write("a.jsonl", records(*tweets))
    whole = provscan.match(data, latin, tmp_path / "a.run", **PLAIN)
    bare = provscan.match(
        data, latin, tmp_path / "b.run", baseline=whole, digests=True, **PLAIN
    )
    again = provscan.match(data, latin, tmp_path / "c.run", baseline=bare, **PLAIN)
    for run in (bare, again):
        assert run.summary["baseline"]["new"]["findings"] == 0
        assert run.summary["baseline"]["gone"] == 0
        assert run.summary["baseline"]["differs"] == []


def test_other_differences_between_the_runs_are_listed(latin, tweets, write, tmp_path):
    data = write("a.jsonl", records(*tweets))
    other = provscan.build_index(
        [{"id": str(n), "text": text} for n, text in enumerate(tweets[:5])],
        tmp_path / "other.index",
    )
    first = provscan.match(data, other, tmp_path / "a.run", fix_encoding=True, **PLAIN)
    run = provscan.match(data, latin, tmp_path / "b.run", baseline=first, **PLAIN)
    assert run.summary["baseline"]["differs"] == ["index", "fix_encoding"]
    assert any(
        "differ in index, fix_encoding, which alone can make a finding new" in sentence
        for sentence in run.summary["answer"]["details"]
    )


@pytest.mark.parametrize("name", ["control", "other_sources"])
def test_changed_contents_of_a_named_file_are_a_difference(
    latin, tweets, write, tmp_path, name
):
    data = write("a.jsonl", records(*tweets))
    absent = "a text about something else that no tweet of the index contains"
    options = {name: write("named.jsonl", records(absent)), **PLAIN}
    first = provscan.match(data, latin, tmp_path / "a.run", **options)
    same = provscan.match(data, latin, tmp_path / "b.run", baseline=first, **options)
    assert same.summary["baseline"]["differs"] == []
    write("named.jsonl", records(absent, tweets[0]))
    run = provscan.match(data, latin, tmp_path / "c.run", baseline=first, **options)
    assert run.summary["baseline"]["gone"] > 0
    assert run.summary["baseline"]["differs"] == [name]


def test_an_invalid_baseline_is_refused_before_the_scan(latin, tweets, write, tmp_path):
    data, out = write("a.jsonl", records(*tweets)), tmp_path / "b.run"
    with pytest.raises(InputError, match=r"is not a finished run of match"):
        provscan.match(data, latin, out, baseline=tmp_path / "none.run")
    for options in (
        {"fail_above_claimed": 0.1, "cutoff": "2021-01-01"},
        {"sample": 0.5},
    ):
        with pytest.raises(UsageError, match="baseline"):
            provscan.match(data, latin, out, baseline="a.run", **options)
    sampled = provscan.match(
        data, latin, tmp_path / "s.run", sample=0.9, sample_by="records", **PLAIN
    )
    with pytest.raises(InputError, match="run of a sample"):
        provscan.match(data, latin, out, baseline=sampled)
    changed = provscan.match(data, latin, tmp_path / "a.run", **PLAIN).path
    matches = (changed / "matches.parquet").read_bytes()
    (changed / "matches.parquet").write_bytes(matches + b"x")
    with pytest.raises(InputError, match="was changed"):
        provscan.match(data, latin, out, baseline=changed)
    assert not out.exists()


def test_a_run_may_replace_its_own_baseline(latin, tweets, write, tmp_path):
    """A job may keep only its latest run, and compare with it."""
    out = tmp_path / "a.run"
    provscan.match(write("a.jsonl", records(*tweets[:4])), latin, out, **PLAIN)
    data = write("a.jsonl", records(*tweets[:6]))
    run = provscan.match(data, latin, out, baseline=out, overwrite=True, **PLAIN)
    assert new_records(run) == [4, 5]
    assert json.loads((out / "summary.json").read_bytes()) == run.summary


def test_comparison_counts_as_the_baseline_does(latin, tweets, write, tmp_path):
    first = provscan.match(
        write("a.jsonl", records(*tweets[:5])), latin, tmp_path / "a.run", **PLAIN
    )
    data = write("b.jsonl", records("a line above", *tweets[2:9]))
    second = provscan.match(
        data, latin, tmp_path / "b.run", baseline=first, digests=True, **PLAIN
    )
    done = CliRunner().invoke(
        main, ["compare", str(first.path), str(second.path), "--json"]
    )
    assert done.exit_code == 0, done.output
    found, entry = json.loads(done.stdout), second.summary["baseline"]
    assert len(found["only_second"]) == entry["new"]["findings"] == 4
    assert len(found["only_first"]) == entry["gone"] == 2
    assert found["in_both"] == 3
    assert [row["record"] for row in found["only_first"]] == [0, 1]
    assert [row["record"] for row in found["only_second"]] == [4, 5, 6, 7]
    assert found["differs"] == entry["differs"] == []
    assert [found[name]["findings"] for name in ("first", "second")] == [5, 7]
    shown = CliRunner().invoke(main, ["compare", str(first.path), str(second.path)])
    assert "In both: 3 findings" in shown.stdout


def test_runs_that_differ_otherwise_say_so_and_samples_are_refused(
    latin, tweets, write, tmp_path
):
    data = write("a.jsonl", records(*tweets))
    rows = [{"id": str(n), "text": text} for n, text in enumerate(tweets[:5])]
    other = provscan.build_index(rows, tmp_path / "other.index")
    paths = [
        provscan.match(data, index, tmp_path / name, **PLAIN, **options).path
        for name, index, options in (
            ("a.run", other, {}),
            ("b.run", latin, {}),
            ("c.run", latin, {"sample": 0.9, "sample_by": "records"}),
        )
    ]
    assert compare_runs(*paths[:2])["differs"] == ["index"]
    assert compare_runs(paths[1], paths[1])["only_first"] == []
    for pair in (paths[1:], paths[:0:-1]):
        with pytest.raises(InputError, match="run of a sample"):
            compare_runs(*pair)
