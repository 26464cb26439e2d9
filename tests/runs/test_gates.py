"""Test gates: the run is written, and an error is raised if more was found than
allowed.
"""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import provscan
from provscan.cli import main
from provscan.errors import GateError
from provscan.statuses import STATUSES

TWEETS, OTHERS = 20, 30


@pytest.fixture
def dataset(latin, write):
    """20 records with one tweet each, and 30 other records."""
    texts = latin.reader.raw_texts(np.arange(TWEETS)).array().to_pylist()
    texts += [f"record number {n} of nothing" for n in range(OTHERS)]
    return write("data.jsonl", [{"text": text} for text in texts])


def test_findings_are_compared_without_a_control(latin, dataset, tmp_path):
    run = provscan.match(dataset, latin, tmp_path / "a.run", fail_above=0.4)
    assert run.summary["answer"]["records"]["findings"] == TWEETS
    with pytest.raises(
        GateError, match=r"^40% of the records have findings: more"
    ) as e:
        provscan.match(dataset, latin, tmp_path / "b.run", fail_above=0.399)
    assert provscan.open_run(tmp_path / "b.run").summary == e.value.run.summary


CLEAN = [{"text": f"record number {n} of nothing"} for n in range(10)]
DEEP = "some words of a text"
for _ in range(200):
    DEEP = [DEEP]


@pytest.mark.pages
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"text": "cut', "bad_json"),
        ('["a text in a list"]', "not_an_object"),
        (json.dumps({"text": "x", "deep": DEEP}), "too_deep"),
        (
            json.dumps({"text": "x", "votes": {"some words of a text": 3}}),
            "text_in_key",
        ),
        (json.dumps({"text": "x", "votes": {"twelve-letter-names": 3}}), None),
        ('{"text": null}', None),
        ("12", None),
        ("null", None),
        ('{"text": "x", "url": "some words in a url", "id": "a b c d e f"}', None),
    ],
)
def test_an_answer_is_incomplete_if_text_was_not_scanned(latin, tmp_path, line, code):
    path = tmp_path / "data.jsonl"
    lines = [*map(json.dumps, CLEAN), line, json.dumps(CLEAN[0])]
    path.write_text("".join(f"{line}\n" for line in lines))
    options = {"max_bad": 1.0}
    run = provscan.match(path, latin, tmp_path / "a.run", **options)
    answer = run.summary["answer"]
    assert [each["code"] for each in answer["not_scanned"]] == ([code] if code else [])
    assert answer["status"] == ("incomplete" if code else "no_copies_shown")
    assert answer["headline"].startswith(STATUSES[answer["status"]].words)
    assert STATUSES[answer["status"]].words in (run.path / "report.html").read_text()
    if code is None:
        provscan.match(path, latin, tmp_path / "b.run", fail_above=0, **options)
        return
    assert answer["details"][0].startswith("Not compared: 1 ")
    with pytest.raises(GateError) as caught:
        provscan.match(path, latin, tmp_path / "b.run", fail_above=0, **options)
    assert caught.value.kind == "incomplete"
    assert caught.value.run.summary["answer"]["status"] == "incomplete"
    arguments = [path, "-i", latin.path, "-o", tmp_path / "c.run", "--max-bad", "100%"]
    for more, status in (((), 0), (("--fail-above", "50%"), 3)):
        result = CliRunner().invoke(
            main, ["match", *map(str, arguments), "--overwrite", *more]
        )
        assert result.exit_code == status
        assert result.stdout.startswith("INCOMPLETE")


def test_a_gate_counts_what_was_not_scanned_as_findings(latin, dataset, tmp_path):
    with dataset.open("a") as file:
        file.write('{"text": "cut\n')
    least = (TWEETS + 1) / (TWEETS + OTHERS + 1)
    options = {"max_bad": 1.0}
    provscan.match(dataset, latin, tmp_path / "a.run", fail_above=least, **options)
    with pytest.raises(GateError) as caught:
        provscan.match(dataset, latin, tmp_path / "b.run", fail_above=0.4, **options)
    assert caught.value.kind == "incomplete"


def test_the_lower_bound_is_compared_with_a_control(latin, other, dataset, write):
    control = write("control.jsonl", other)
    run = provscan.match(dataset, latin, dataset.parent / "a.run", control=control)
    share = run.summary["answer"]["records"]["share"]["at_least"]
    assert 0 < share < 0.4
    for above, crossed in ((share, False), (share - 1e-6, True)):
        out = dataset.parent / f"{crossed}.run"
        options = {"control": control, "fail_above_claimed": above}
        if not crossed:
            provscan.match(dataset, latin, out, **options)
            continue
        with pytest.raises(GateError, match=r"^at least .* of the records") as caught:
            provscan.match(dataset, latin, out, **options)
        assert caught.value.kind == "crossed"


def test_findings_that_cant_be_judged_decide_nothing(latin, other, dataset, write):
    """One tweet in 20 of 50 records may be a single coincidence."""
    (text,) = latin.reader.raw_texts(np.arange(1)).array().to_pylist()
    data = write("one.jsonl", [{"text": text}] * TWEETS + CLEAN * (OTHERS // 10))
    control, out = write("control.jsonl", other), data.parent / "a.run"
    arguments = [data, "-i", latin.path, "-o", out, "--control", control]
    for more, status in (
        ((), 0),
        (("--fail-above", "40%"), 0),
        (("--fail-above-claimed", "40%"), 0),
        (("--fail-above-claimed", "39%"), 3),
        (("--fail-above", "39%"), 1),
    ):
        result = CliRunner().invoke(
            main, ["match", *map(str, arguments), "--overwrite", *more]
        )
        assert result.exit_code == status, more
        assert result.stdout.startswith(STATUSES["cannot_judge"].words), more
    assert provscan.open_run(out).summary["answer"]["status"] == "cannot_judge"
    with pytest.raises(GateError, match="can't be judged: ") as caught:
        provscan.match(
            data, latin, out, control=control, fail_above_claimed=0, overwrite=True
        )
    assert caught.value.kind == "withheld"


def test_no_finding_is_within_every_limit(latin, other, write):
    """Most of the control is in the data, so the bound is withheld."""
    control = write("control.jsonl", other[:100])
    data = write("data.jsonl", [*CLEAN, *other[:90]])
    out = data.parent / "a.run"
    run = provscan.match(data, latin, out, control=control, fail_above_claimed=0)
    answer = run.summary["answer"]
    assert answer["records"]["at_least"] is None
    assert answer["status"] == "no_copies_shown"
    with data.open("a") as file:
        file.write('{"text": "cut\n')
    with pytest.raises(GateError) as caught:
        provscan.match(
            data,
            latin,
            out,
            control=control,
            fail_above_claimed=0,
            max_bad=1.0,
            overwrite=True,
        )
    assert caught.value.kind == "incomplete"


def test_a_withheld_bound_decides_nothing(latin, other, dataset, write):
    """Clean data of long records does not measure chance in short ones."""
    long = " ".join(row["text"] for row in other[:50])
    null, out = write("null.jsonl", [{"text": long}] * 300), dataset.parent / "a.run"
    with pytest.raises(GateError, match="lower bound is withheld: ") as caught:
        provscan.match(dataset, latin, out, clean_data=null, fail_above_claimed=0.1)
    assert caught.value.kind == "withheld"
    written = provscan.open_run(out).summary
    assert caught.value.run.summary == written
    assert written["answer"]["records"]["at_least"] is None
