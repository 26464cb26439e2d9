"""Test ``provscan review``: blinded lists, and the numbers that are computed from
verdicts.
"""

import itertools
import json
import random
import re
from collections import Counter

import numpy as np
import openpyxl
import pytest
from chromium import Watched
from click.testing import CliRunner
from nightly import NIGHTLY
from tweets import edited, sentence

import provscan
from provscan.cli import main
from provscan.errors import InputError, OutputError, ParameterError, UsageError
from provscan.handover.review import (
    COMMON_OR_KNOWN,
    COPY,
    FINDING,
    FOR_REVIEWERS,
    KEY_FILE,
    OTHER,
    VERDICTS,
    allocated,
    write_review,
)
from provscan.handover.verdicts import Reviewer, score, score_review
from provscan.matching.compare import comparison
from provscan.params import MatchParams
from provscan.report.files import RunFiles

TRUTH = {
    FINDING: "copy",
    COPY: "copy",
    OTHER: "not a copy",
    COMMON_OR_KNOWN: "not a copy",
}
SAMPLE = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a run with findings of several levels and matches of common wording, and a
    review of it.
    """
    folder, rng = tmp_path_factory.mktemp("review"), random.Random(8)
    rows = [
        {"id": str(n), "text": sentence(rng, "latin", 60 + n % 90), "author": f"a{n}"}
        for n in range(140)
    ]
    common = {"text": sentence(rng, "latin", 70)}
    rows += [{"id": f"c{n}", "author": f"b{n}", **common} for n in range(4)]
    rows[0]["text"] += " <script>owned</script>"
    texts = [edited(rng, row["text"], 0.02 * (n % 6)) for n, row in enumerate(rows)]
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    provscan.build_index(rows, folder / "a.index")
    provscan.match(data, folder / "a.index", folder / "a.run", spike_ins=0)
    write_review(folder / "a.run", folder / "review", count=SAMPLE)
    return folder


def key_of(folder):
    return json.loads((folder / "review" / KEY_FILE).read_bytes())


def shown(folder):
    """Return the pairs that the workbook shows."""
    book = openpyxl.load_workbook(folder / "review" / FOR_REVIEWERS / "list.xlsx")
    heads, *rows = book["Pairs"].iter_rows(values_only=True)
    return [dict(zip(heads, row, strict=True)) for row in rows]


def verdict_file(path, key, verdicts=None):
    """Write a file of verdicts, as the page does; by default, all are right."""
    right = {pair["pair"]: TRUTH[pair["what"]] for pair in key["pairs"]}
    rows = [
        {"pair": pair, "verdict": verdict, "note": ""}
        for pair, verdict in (right | (verdicts or {})).items()
    ]
    saved = {"list": key["list"], "reviewer": path.stem, "verdicts": rows}
    path.write_text(json.dumps(saved))
    return path


def test_a_list_mixes_findings_with_planted_pairs(folder):
    key, pairs = key_of(folder), shown(folder)
    what = Counter(pair["what"] for pair in key["pairs"])
    assert what[FINDING] >= 0.6 * SAMPLE
    assert what[COPY] == what[OTHER] == 9
    assert what[COMMON_OR_KNOWN] > 0
    assert [pair["pair"] for pair in key["pairs"]] == [pair["pair"] for pair in pairs]
    order = [pair["what"] for pair in key["pairs"]]
    assert len(list(itertools.groupby(order))) > 20
    exhibits = RunFiles.open(folder / "a.run")
    texts = exhibits.with_texts(exhibits.exhibits).to_pylist()
    for about, pair in zip(key["pairs"], pairs, strict=True):
        if about["what"] == FINDING:
            exhibit = texts[about["exhibit"] - 1]
            assert exhibit["counted"]
            assert (pair["passage"], pair["tweet"]) == (
                exhibit["passage"],
                exhibit["tweet"],
            )
        if about["what"] in (COPY, OTHER):
            found = comparison(pair["passage"], pair["tweet"], MatchParams())
            assert (found.way is None) == (about["what"] == OTHER)
    strata = key["strata"]
    assert sum(item["findings"] for item in strata) == key["findings"]
    assert all(item["listed"] >= min(3, item["findings"]) for item in strata)


def test_reviewers_see_nothing_of_the_key(folder):
    """Pairs of all kinds differ only in their two texts."""
    place = folder / "review" / FOR_REVIEWERS
    assert sorted(path.name for path in place.iterdir()) == ["list.html", "list.xlsx"]
    page = (place / "list.html").read_text(encoding="utf-8")
    cards = page.split("<article")[1:]
    bare = set()
    for number, (card, pair) in enumerate(zip(cards, shown(folder), strict=True), 1):
        card = card.replace('tabindex="-1"', "")
        for text in (pair["passage"], pair["tweet"]):
            escaped = text.replace("<", "&lt;").replace(">", "&gt;")
            assert escaped in card
            card = card.replace(escaped, "TEXT", 1)
        bare.add(re.sub(rf"\b{number}\b", "N", card.split("</article>")[0]))
    assert len(bare) == 1
    sheet = openpyxl.load_workbook(place / "list.xlsx")["Pairs"]
    assert {cell.value for row in sheet["B2:C61"] for cell in row} == {None}


def test_runs_that_cannot_be_reviewed(folder, tmp_path):
    with pytest.raises(ParameterError, match="at least 20 pairs"):
        write_review(folder / "a.run", tmp_path / "r", count=19)
    with pytest.raises(OutputError, match="exists already: name another folder"):
        write_review(folder / "a.run", folder / "review")
    index = folder / "a.index"
    run = provscan.match(
        folder / "data.jsonl", index, tmp_path / "d.run", spike_ins=0, digests=True
    )
    with pytest.raises(InputError, match="contains digests instead of texts"):
        write_review(run.path, tmp_path / "r")
    (tmp_path / "none.txt").write_text("nothing\n")
    run = provscan.match(tmp_path / "none.txt", index, tmp_path / "n.run", spike_ins=0)
    with pytest.raises(InputError, match="no findings to review"):
        write_review(run.path, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_right_verdicts_of_two_reviewers(folder, tmp_path):
    key = key_of(folder)
    files = [verdict_file(tmp_path / name, key) for name in ("Ann.json", "Bo.json")]
    (folder / "a.run" / "review.json").unlink(missing_ok=True)
    scored = score_review(folder / "review", files)
    together = scored["together"]
    assert together["precision"]["value"] == together["precision"]["high"] == 1
    assert 0.8 < together["precision"]["low"] < 1
    assert scored["agreement"][0]["kappa"]["value"] == 1
    assert scored["errors"] == scored["disputed_exhibits"] == []
    assert together["common_or_known"]["accepted"] == 0
    assert json.loads((folder / "a.run" / "review.json").read_bytes()) == scored

    # The report of the run has a sentence on the review.
    page = str(folder / "a.run" / "report.html")
    done = CliRunner().invoke(main, ["export", str(folder / "a.run"), "-o", page])
    assert done.exit_code == 0, done.output
    assert (
        scored["headline"]
        in CliRunner().invoke(main, ["info", str(folder / "a.run")]).output
    )
    page = (folder / "a.run" / "report.html").read_text(encoding="utf-8")
    assert "2 reviewers judged a blinded sample" in page
    with pytest.raises(OutputError, match="exists already"):
        score_review(folder / "review", files)
    with pytest.raises(OutputError, match="verdicts of reviewers"):
        provscan.match(
            folder / "data.jsonl", folder / "a.index", folder / "a.run", overwrite=True
        )
    score_review(folder / "review", files[:1], overwrite=True)
    changed = (folder / "a.run" / "review.json").read_text().replace("100%", "99%")
    (folder / "a.run" / "review.json").write_text(changed)
    with pytest.raises(InputError, match=r"review\.json was changed"):
        _ = RunFiles.open(folder / "a.run").blinded_review
    (folder / "a.run" / "review.json").unlink()


def test_errors_and_disagreements_are_named(folder, tmp_path):
    key = key_of(folder)
    by_kind = {
        kind: [pair["pair"] for pair in key["pairs"] if pair["what"] == kind]
        for kind in TRUTH
    }
    wrong = {
        by_kind[COPY][0]: "unsure",
        by_kind[OTHER][0]: "copy",
        by_kind[FINDING][0]: "not a copy",
        by_kind[FINDING][1]: "",
    }
    reviewers = [
        Reviewer("Ann", {n: v for n, v in _right(key, wrong).items() if v}),
        Reviewer("Bo", _right(key, {})),
    ]
    scored = score(key, reviewers)
    assert [item["pair"] for item in scored["errors"]] == sorted(
        [by_kind[COPY][0], by_kind[OTHER][0]]
    )
    first = next(p for p in key["pairs"] if p["pair"] == by_kind[FINDING][0])
    assert scored["disputed_exhibits"] == [first["exhibit"]]
    assert scored["judged"] == scored["listed"] - 1
    assert scored["each"]["Ann"]["planted_copies"]["accepted"] == 8
    assert scored["together"]["planted_others"]["accepted"] == 0
    assert scored["each"]["Ann"]["planted_others"]["accepted"] == 1
    assert scored["agreement"][0]["pairs"] == scored["judged"]
    assert scored["each"]["Bo"]["accepted"]["value"] == 1
    assert scored["each"]["Ann"]["accepted"]["value"] < 1


def _right(key, changes):
    return {pair["pair"]: TRUTH[pair["what"]] for pair in key["pairs"]} | changes


def test_a_reviewer_who_accepts_all_gets_no_precision(folder):
    key = key_of(folder)
    lazy = Reviewer("Lazy", {pair["pair"]: "copy" for pair in key["pairs"]})
    scored = score(key, [lazy])
    assert scored["together"]["precision"] is None
    assert "Precision is withheld" in scored["headline"]
    assert "differ by less than 50%" in scored["headline"]


def test_a_review_without_judged_planted_pairs_gets_no_precision(folder):
    key = key_of(folder)
    planted = {pair["pair"] for pair in key["pairs"] if pair["what"] == COPY}
    verdicts = {n: v for n, v in _right(key, {}).items() if n not in planted}
    scored = score(key, [Reviewer("Ann", verdicts)])
    assert scored["headline"].endswith("that all reviewers judged are missing.")


def test_the_workbook_is_read(folder, tmp_path):
    key = key_of(folder)
    book = openpyxl.load_workbook(folder / "review" / FOR_REVIEWERS / "list.xlsx")
    for row, pair in enumerate(key["pairs"], 2):
        book["Pairs"].cell(row, 2, TRUTH[pair["what"]])
    book["About"]["B3"] = "Cleo"
    book.save(tmp_path / "list.xlsx")
    scored = score_review(folder / "review", [tmp_path / "list.xlsx"])
    (folder / "a.run" / "review.json").unlink()
    assert scored["reviewers"] == ["Cleo"]
    assert scored["together"]["precision"]["value"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda saved: saved | {"list": "0" * 16}, "has verdicts on list 0000"),
        (lambda saved: saved | {"verdicts": [{"pair": 1, "verdict": "yes"}]}, "'yes'"),
        (lambda saved: saved | {"verdicts": [{"pair": 99, "verdict": ""}]}, "pair 99"),
        (
            lambda saved: saved | {"verdicts": [{"pair": None, "verdict": "copy"}]},
            "None",
        ),
        (lambda saved: saved | {"verdicts": saved["verdicts"] * 2}, "two verdicts"),
        (lambda saved: saved | {"verdicts": 7}, "can't be read as verdicts"),
        (lambda saved: [saved], "can't be read as verdicts"),
    ],
)
def test_a_bad_file_of_verdicts_is_refused(change, said, folder, tmp_path):
    path = verdict_file(tmp_path / "Ann.json", key_of(folder))
    path.write_text(json.dumps(change(json.loads(path.read_bytes()))))
    with pytest.raises(InputError, match=said):
        score_review(folder / "review", [path])
    assert not (folder / "a.run" / "review.json").exists()


def test_a_bad_key_or_run_is_refused(folder, tmp_path):
    key = key_of(folder)
    path = verdict_file(tmp_path / "Ann.json", key)
    with pytest.raises(UsageError, match="one file per reviewer"):
        score_review(folder / "review", [path, path])
    (tmp_path / "review").mkdir()
    forged = {**key, "pairs": key["pairs"][::-1]}
    (tmp_path / "review" / KEY_FILE).write_text(json.dumps(forged))
    with pytest.raises(InputError, match="was changed, or is not the key"):
        score_review(tmp_path / "review", [path])
    run = provscan.match(
        [{"text": "other"}], folder / "a.index", tmp_path / "other.run", spike_ins=0
    )
    with pytest.raises(InputError, match="move both folders together"):
        score_review(folder / "review", [path], run=run.path)


CELLS = [
    # The true precision; the shares of copies and of other pairs that reviewers accept;
    # the numbers of reviewers and of pairs.
    (0.97, 0.95, 0.05, 2, 200),
    (0.8, 0.9, 0.1, 1, 200),
]
if NIGHTLY:
    skills = itertools.product((0.88, 0.99), (0.01, 0.15), (1, 2, 3))
    CELLS += [
        (precision, *skill, listed)
        for skill in skills
        for precision in (0.4, 0.7, 0.93, 1.0)
        for listed in (80, 400)
    ]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_interval_of_precision_covers_the_truth(cell):
    """Reviewers with known error rates judge 500 lists from a planted population."""
    precision, hits, falsely, people, listed = cell
    simulations = 500 if NIGHTLY else 150
    rng = np.random.default_rng(CELLS.index(cell))
    sizes = np.array([4000, 1500, 900, 120, 40, 7])
    chances = np.clip(precision + np.array([0.02, 0, -0.03, -0.1, 0.1, 0]), 0, 1)
    copies = rng.binomial(sizes, chances)
    truth = copies.sum() / sizes.sum()
    planted = round(0.15 * listed)
    drawn = allocated(sizes, listed - 2 * planted)
    strata = [
        {"kind": f"k{n % 2}", "strength": f"s{n}", "findings": int(size)}
        for n, size in enumerate(sizes)
    ]
    about = [
        {
            "what": FINDING,
            "exhibit": 1,
            "kind": item["kind"],
            "strength": item["strength"],
        }
        for item, count in zip(strata, drawn, strict=True)
        for _ in range(count)
    ]
    about += [{"what": COPY}] * planted + [{"what": OTHER}] * planted
    pairs = [{"pair": n, **pair} for n, pair in enumerate(about, 1)]
    key = {
        "list": "x",
        "pairs": pairs,
        "strata": strata,
        "findings": 1,
        "with_texts": 1,
    }
    known = np.array([pair["what"] == COPY for pair in about])
    covered = given = 0
    for _ in range(simulations):
        found = rng.hypergeometric(copies, sizes - copies, drawn)
        known[: drawn.sum()] = np.concatenate(
            [np.arange(n) < k for n, k in zip(drawn, found, strict=True)]
        )
        reviewers = []
        for person in range(people):
            accepts = rng.random(len(known)) < np.where(known, hits, falsely)
            verdicts = [VERDICTS[0] if yes else VERDICTS[1] for yes in accepts]
            reviewers.append(Reviewer(str(person), dict(enumerate(verdicts, 1))))
        interval = score(key, reviewers)["together"]["precision"]
        if interval is not None:
            given += 1
            covered += (
                interval["low"] <= truth + 1e-9 and truth <= interval["high"] + 1e-9
            )
    assert given > simulations / 2
    assert covered >= 0.95 * given, (cell, covered, given)


def test_the_page_keeps_and_saves_verdicts(folder, tmp_path, browser):
    watched = Watched(browser, {"accept_downloads": True})
    watched.address = ((folder / "review" / FOR_REVIEWERS).resolve()).as_uri()
    page = watched.page
    place = f"{watched.address}/list.html"
    page.goto(place)
    page.keyboard.press("j")
    for key in ("1", "2", "3"):
        page.keyboard.press(key)
    page.locator("#save").click()
    assert "Enter your name" in page.locator("#progress").text_content()
    page.locator("#reviewer").fill("Ann 1 2 3")
    page.locator("[name=note-2]").fill("why 1?")
    # The browser passes what a page stores to its other processes in the background.
    page.wait_for_timeout(500)
    page.goto("about:blank")
    page.goto(place)
    assert (
        page.locator("#progress").text_content() == f"3 of {len(shown(folder))} judged"
    )
    with page.expect_download() as saved:
        page.locator("#save").click()
    assert saved.value.suggested_filename == "verdicts-Ann-1-2-3.json"
    saved.value.save_as(tmp_path / "saved.json")
    body = json.loads((tmp_path / "saved.json").read_bytes())
    assert body["list"] == key_of(folder)["list"]
    assert [row["verdict"] for row in body["verdicts"][:4]] == [*VERDICTS, ""]
    assert body["verdicts"][1]["note"] == "why 1?"
    assert not [line for line in watched.wrong if not line.startswith("blob:")]
    watched.leave()


def test_the_commands(folder, tmp_path):
    run, out = str(folder / "a.run"), str(tmp_path / "review")
    done = CliRunner().invoke(main, ["review", run, "-o", out, "--pairs", "40"])
    assert done.exit_code == 0, done.output
    assert f"Give each reviewer: {out}/for-reviewers" in done.output
    key = json.loads((tmp_path / "review" / KEY_FILE).read_bytes())
    path = verdict_file(tmp_path / "Ann.json", key, {1: ""})
    done = CliRunner().invoke(main, ["review", out, str(path)])
    (folder / "a.run" / "review.json").unlink()
    assert done.exit_code == 0, done.output
    assert "1 pair lacks the verdict" in done.output
    assert "precision, word for word" in done.output
