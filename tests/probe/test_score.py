"""Test the score: it shows only what a model has learned, and claims nothing from arms
that differ.
"""

import json
import random

import pyarrow.parquet as pq
import pytest
import tweets
from chromium import require_sound
from click.testing import CliRunner
from models import Lookup, chances
from sentences import write

import provscan
from provscan.cli import main
from provscan.errors import InputError
from provscan.probe import Settings, make_plan, open_plan, run, score
from provscan.probe.answers import Answer
from provscan.probe.files import read_score
from provscan.probe.report import tables as probe_tables
from provscan.probe.report.page import write_probe_report
from provscan.probe.report.wording import final_answer
from provscan.probe.summary import status_of
from provscan.probe.verification import recitations
from provscan.statuses import STATUSES


def scored(plan, index, licensed, control=0.0):
    run(plan.path, Lookup(chances(plan, licensed, control)))
    return score(plan.path)


def test_tweets_that_a_model_has_learned_are_shown(plan, index):
    summary = scored(plan, index, lambda copies: {1: 0.0, 4: 0.1, 64: 1.0}[copies])
    answer = summary["answer"]
    assert answer["status"] == "copies_found"
    tweets = answer["tweets"]
    least, best = tweets["at_least"], tweets["estimate"]
    assert answer["headline"].startswith(
        f"COPIES FOUND: beyond chance, the model recites at least {least} of 150 "
    )
    assert (
        45
        <= least
        <= best["low"]
        < best["value"]
        == tweets["findings"]
        <= tweets["at_most"]
        <= 81
    )
    assert answer["details"][0] == (
        f"It recites {tweets['findings']} in all, and none of 150 controls: similar "
        "tweets it cannot have seen."
    )
    assert summary["claimed"]
    many = summary["dose"]["classes"][-1]
    assert (many["copies"], many["tweets"], many["recited"]) == (64, 50, 50)
    assert [item["up_to"] for item in summary["dose"]["classes"]] == [1, 15, None]
    assert [item["recited"] for item in summary["dose"]["classes"]] == sorted(
        item["recited"] for item in summary["dose"]["classes"]
    )
    assert summary["dose"]["trend"]["p_value"] < 1e-6
    assert summary["recited"]["control"] == 0
    tweets = pq.read_table(plan.path / "tweets.parquet").to_pylist()
    listed = {
        t["tweet_id"]
        for t in tweets
        if t["q_value"] is not None and t["q_value"] <= 0.05 and t["recited"]
    }
    assert len(listed) == summary["listed"]["tweets"] >= 50
    assert {t["tweet_id"] for t in tweets if t["copies"] == 64} <= listed
    total = summary["total"]
    assert 50 < total["low"] < total["value"]
    assert total["low"] <= 60 + 0.2 * 60
    assert summary["power"]["detectable_share"] < 0.1


def test_nothing_is_claimed_if_nothing_was_learned(plan, index):
    summary = scored(plan, index, lambda copies: 0.02, control=0.02)
    answer = summary["answer"]
    assert (answer["status"], answer["tweets"]["at_least"]) == ("no_copies_shown", 0)
    assert (
        answer["headline"]
        == "NO COPIES SHOWN in the answers about 150 licensed tweets."
    )
    assert answer["details"][1].startswith(
        f"It recites at most {answer['tweets']['at_most']} beyond chance."
    )
    assert answer["withheld"] == {
        "tweets.estimate": "The interval of the estimate spans more than a factor of "
        "ten."
    }
    assert "with more --pairs; this plan can show" in answer["next"]
    assert summary["total"]["value"] is None
    assert (
        summary["total"]["invalid"]
        == "nothing is claimed from the pairs that were asked"
    )
    assert summary["listed"]["tweets"] == 0


def test_arms_that_differ_make_no_finding(plan, index):
    file = plan.path / "plan.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["claims"] = []
    content["baseline"]["prefix"] |= {
        "value": 0.8,
        "low": 0.75,
        "high": 0.85,
        "holds": False,
    }
    content["baseline"]["masked"]["holds"] = False
    file.write_text(json.dumps(content), encoding="utf-8")
    summary = scored(open_plan(plan.path), index, lambda copies: 1.0)
    answer = summary["answer"]
    assert (
        answer["headline"]
        == "CHANCE NOT MEASURED: the model recites 150 of 150 licensed tweets (100%)."
    )
    assert answer["status"] == "not_measured"
    assert answer["details"][0].endswith(
        "told apart: the 150 controls (0 recited) may be of another kind."
    )
    assert set(answer["withheld"]) == {
        "tweets.at_least",
        "tweets.estimate",
        "tweets.at_most",
    }
    assert not summary["claimed"]
    assert answer["notes"][0]["code"] == "not_alike"
    assert "prefix: area under the ROC curve 0.80" in answer["notes"][0]["message"]
    assert summary["tests"]["difference"]["value"] is None
    assert summary["listed"]["tweets"] == 0
    lines = dict(probe_tables.answer_lines(summary))
    why = "withheld: licensed tweets and controls were not shown to be alike"
    assert lines["Difference of shares"].startswith(why)
    assert lines["Listed as recited"] == lines["What could be shown"] == why
    assert summary["recited"]["licensed"] == summary["recited"]["pairs"]


def test_pairs_that_do_not_measure_chance(few, index):
    """Nothing is claimed from too few pairs, or if controls are recited more often than
    licensed tweets.
    """
    from provscan.probe.run import Budget

    run(few.path, Lookup(chances(few, lambda copies: 1.0)), budget=Budget(tokens=1_500))
    summary = score(few.path)
    pairs = summary["asked"]["complete_pairs"]
    assert 0 < pairs < 6
    assert summary["answer"]["status"] == "cannot_judge"
    assert [each["code"] for each in summary["answer"]["reasons"]] == ["too_few"]
    assert summary["tests"]["difference"]["invalid"] in summary["answer"]["details"][0]
    (few.path / "answers.jsonl").unlink()
    run(few.path, Lookup(chances(few, lambda copies: 0.1, 1.0)))
    answer = score(few.path)["answer"]
    assert answer["status"] == "cannot_judge"
    assert [each["code"] for each in answer["reasons"]] == ["reversed"]
    assert answer["warnings"][0]["code"] == "reversed"
    assert answer["tweets"]["at_most"] is None


def test_shares_of_few_tweets_are_withheld(few, index):
    summary = scored(few, index, lambda copies: 1.0 if copies == 64 else 0.0)
    recited = summary["recited"]["licensed"]
    assert summary["answer"]["status"] == "copies_found"
    assert 6 <= recited < 20
    assert (summary["dose"]["classes"], summary["dose"]["trend"]["value"]) == ([], None)
    why = summary["dose"]["trend"]["invalid"]
    assert str(recited) in why
    assert (
        dict(probe_tables.answer_lines(summary))["Rise with copies"]
        == f"withheld: {why}"
    )
    assert f"<p>Withheld: {why}.</p>" in (few.path / "report.html").read_text(
        encoding="utf-8"
    )
    (few.path / "answers.jsonl").unlink()
    classes = scored(few, index, lambda copies: 1.0)["dose"]["classes"]
    assert {item["tweets"] < 20: item["low"] is None for item in classes} == {
        True: True
    }
    assert "share withheld: fewer than 20 tweets were asked for" in (
        few.path / "report.html"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "status", ["copies_found", "no_copies_shown", "not_measured", "cannot_judge"]
)
def test_a_terminal_shows_at_most_ten_lines(few, index, status):
    """The limit applies to numbers of any length and to many warnings."""
    summary = scored(
        few,
        index,
        lambda copies: 1.0 if status in ("copies_found", "not_measured") else 0.0,
    )
    share = {"findings": 0.9987, "at_least": 0.9876, "at_most": 0.9987}
    estimate = {"value": 1_202.0, "low": 1_100.0, "high": 1_300.0}
    tweets = {
        "findings": 1_398,
        "asked": 1_400,
        "at_least": 1_300,
        "at_most": 1_399,
        "estimate": estimate,
        "share": share,
    }
    if status in ("no_copies_shown", "cannot_judge"):
        tweets |= {"at_least": 0, "estimate": None}
    if status == "not_measured":
        summary["tests"]["objection"] = "not_alike"
        summary["tests"]["difference"]["invalid"] = (
            "licensed tweets and controls were not shown to be alike"
        )
        tweets |= dict.fromkeys(("at_least", "estimate", "at_most"))
    if status == "cannot_judge":
        summary["tests"]["licensed_only"] = 5
    names = ("licensed", "control", "misplaced")
    refused = dict.fromkeys(names, 1_000)
    summary["asked"] |= {
        "pairs": 1_500,
        "complete_pairs": 1_400,
        "declined": refused,
        "cut_off": refused,
    }
    summary["model"]["returned"] *= 12
    summary |= {"answer": {"tweets": summary["answer"]["tweets"] | tweets}}
    summary["recited"]["control"] = 1_234
    for missing in (100, 0):
        summary["asked"]["pairs"] = 1_400 + missing
        answer = final_answer(summary, status_of(summary))
        assert answer["status"] == status
        lines = probe_tables.probe_table({**summary, "answer": answer}).splitlines()
        assert lines[0].startswith(STATUSES[status].words)
        assert len([*lines, "Report: ..."]) <= 10, lines
        assert max(map(len, lines)) <= 100
        assert all(
            len(probe_tables.first_sentence(each["message"])) <= 96
            for each in answer["warnings"]
        )
        whole = probe_tables.probe_table({**summary, "answer": answer}, verbose=True)
        assert all(
            " ".join(each["message"].split()) in " ".join(whole.split())
            for each in answer["warnings"]
        )


def test_pairs_left_out_because_of_the_budget_are_reported(plan, index):
    from provscan.probe.run import Budget

    model = Lookup(chances(plan, lambda copies: 1.0))
    with pytest.raises(InputError, match="no pair was asked completely"):
        score(plan.path)
    run(plan.path, model, budget=Budget(tokens=9_000))
    summary = score(plan.path)
    assert 0 < summary["asked"]["complete_pairs"] < 150
    assert (
        summary["recited"]["licensed"]
        == summary["recited"]["pairs"]
        == summary["asked"]["complete_pairs"]
    )
    (warning,) = summary["answer"]["warnings"]
    assert warning["message"].endswith(
        "pairs were not asked completely, and are left out of all numbers."
    )
    assert summary["answer"]["next"].startswith(
        "repeat provscan probe run, which asks the missing questions of "
    )


def answer_to(plan, text):
    return recitations(plan, [Answer("0/licensed/prefix/0", text, "2026-01-01")])


def test_only_words_of_the_target_count_as_a_recitation(plan):
    """Words of the prompt, a few words, and words of another tweet do not count."""
    prompt = plan.pairs[0]["licensed"]["prompts"]["prefix"]
    target = prompt["target"]
    (whole,) = answer_to(plan, f"Sure: {target.upper()}!")
    assert (whole.level, whole.containment, whole.start) == ("near_exact", 1.0, 6)
    assert answer_to(plan, target.replace("e", "x", 1))[0].level == "strong"
    for share in (0.65, 0.7, 0.75):
        assert (
            answer_to(
                plan,
                f"{target[: round(share * len(target))]} and something else that "
                "follows it",
            )
            == []
        )
    assert (
        answer_to(
            plan,
            f"{target[: round(0.9 * len(target))]} and something else that follows it",
        )
        != []
    )
    assert answer_to(plan, prompt["prompt"]) == []
    assert answer_to(plan, " ".join(target.split()[:4])) == []
    assert (
        answer_to(plan, plan.pairs[1]["licensed"]["prompts"]["prefix"]["target"]) == []
    )
    assert answer_to(plan, "") == []


def test_two_prompts_with_one_target_both_count(tmp_path):
    """Texts without spaces are cut by characters, in the middle for each kind."""
    rng = random.Random(1)
    rows = [
        {
            "id": str(n),
            "text": tweets.sentence(rng, ["japanese", "thai"][n % 2], 80 + n % 9),
            "author": f"a{n}",
            "created_at": "2020-01-02",
        }
        for n in range(120)
    ]
    index = provscan.build_index(rows[:60], tmp_path / "a.index")
    control = write(tmp_path / "control.jsonl", rows[60:])
    settings = Settings(pairs=8, samples=1, max_auc=1.0)
    plan = make_plan(index, tmp_path / "probe", settings, control=[str(control)])
    answers = [
        Answer(q.key, q.target, "2026-01-01")
        for q in plan.questions()
        if "misplaced" not in q.key
    ]
    found = {str(each.asked) for each in recitations(plan, answers)}
    assert found == {each.key for each in answers}


def test_the_report_is_one_page_that_loads_nothing(plan, index):
    summary = scored(plan, index, lambda copies: 1.0 if copies == 64 else 0.0)
    page = (plan.path / "report.html").read_text(encoding="utf-8")
    assert summary["answer"]["headline"].removeprefix("COPIES FOUND: ") in page
    assert '<span class="status copies_found">COPIES FOUND</span>' in page
    assert (
        page.count('<article class="recitation"')
        == summary["recited"]["licensed"]
        == 50
    )
    assert "<mark>" in page
    assert plan.digest in page
    assert "trained on" not in page
    assert "http://" not in page
    hidden = write_probe_report(
        plan.path, plan.path / "hidden.html", digests=True
    ).read_text(encoding="utf-8")
    assert "<mark>" not in hidden
    assert hidden.count("Texts are not shown") == 50


def test_the_report_is_sound(plan, index, browser):
    scored(plan, index, lambda copies: 0.1 if copies == 64 else 0.0)
    require_sound(browser, plan.path / "report.html")


def test_the_commands_plan_run_and_score_a_probe(index, control, tmp_path):
    def call(*words):
        return CliRunner().invoke(main, ["probe", *map(str, words)])

    place = tmp_path / "p"
    planned = call(
        "plan", "-i", index.path, "--control", control, "-o", place, "--pairs", 60
    )
    assert planned.exit_code == 0, planned.output
    assert "60 pairs of a licensed tweet and a similar control are" in planned.stdout
    plan = open_plan(place)
    assert plan.digest in planned.stdout
    assert call("run", place).exit_code == 2
    run(place, Lookup(chances(plan, lambda copies: 1.0)))
    done = call("score", place)
    assert done.exit_code == 0, done.output
    assert f"Report: {place / 'report.html'}" in done.stdout
    assert json.loads(call("score", place, "--json").stdout)["version"] == 1
    report = CliRunner().invoke(
        main, ["export", str(place), "--digests", "-o", str(tmp_path / "r.html")]
    )
    assert report.exit_code == 0, report.output
    assert "Texts are not shown" in (tmp_path / "r.html").read_text(encoding="utf-8")
    before = (place / "summary.json").read_bytes()
    call("score", place)
    assert (place / "summary.json").read_bytes() == before


def test_commands_for_runs_recognise_a_probe(plan, index):
    def call(*words):
        return CliRunner().invoke(main, [*map(str, words)])

    shown = call("info", plan.path)
    assert (shown.exit_code, plan.digest in shown.stdout) == (0, True)
    for place in range(2):
        for words in (
            ("verify", plan.path),
            ("export", plan.path, "-o", plan.path / "list.csv"),
        ):
            done = call(*words)
            assert (
                done.exit_code,
                "not a finished run" in done.stderr or "not an index" in done.stderr,
            ) == (3, True), place
        with pytest.raises(InputError, match="is not a finished run"):
            provscan.open_run(plan.path)
        summary = scored(plan, index, lambda copies: 1.0)
    shown = call("info", plan.path)
    assert shown.exit_code == 0, shown.output
    assert " ".join(summary["answer"]["headline"].split()) in " ".join(
        shown.stdout.split()
    )
    assert (
        json.loads(call("info", plan.path, "--json").stdout)["answer"]
        == summary["answer"]
    )


def test_empty_answers_are_reported_and_give_no_power(few, index):
    """A model that reasons first may give empty answers, which are no evidence that it
    does not recite.
    """

    class Silent(Lookup):
        def answers(self, questions, again):
            for question in questions:
                text = (
                    "" if int(question.key.split("/")[0]) < 30 else self.text(question)
                )
                yield [
                    Answer(
                        question.key,
                        text,
                        "2026-01-01",
                        "lookup",
                        finish="stop" if text else "length",
                    )
                ]

    run(few.path, Silent(chances(few, lambda copies: 0.0, 1.0)))
    summary = score(few.path)
    arms = dict.fromkeys(("licensed", "control", "misplaced"), 120)
    assert summary["asked"]["cut_off"] == arms
    assert summary["asked"]["ended"] == {"length": 360, "stop": 120}
    assert summary["recited"]["compared"] == summary["power"]["pairs"] == 10
    assert summary["power"]["detectable_share"] is None
    (warning,) = [
        item for item in summary["answer"]["warnings"] if item["code"] == "cut_off"
    ]
    assert "ended: length 360, stop 120" in warning["message"]
    # It is unknown whether the model would recite the tweets of the 30 pairs with empty
    # answers.
    assert summary["answer"]["tweets"]["at_most"] is None
    assert warning["message"] in (few.path / "report.html").read_text(encoding="utf-8")


def test_a_lone_surrogate_in_an_answer_is_replaced(few, index):
    class Cut(Lookup):
        def text(self, question):
            return f"\ud83d{super().text(question)}"

    run(few.path, Cut(chances(few, lambda copies: 1.0)))
    assert score(few.path)["recited"]["licensed"] == 40
    rows = pq.read_table(few.path / "recitations.parquet").to_pylist()
    assert {row["answer"][: row["start"]] for row in rows} == {"\ufffd"}


@pytest.mark.parametrize(
    "name", ["summary.json", "run.json", "tweets.parquet", "recitations.parquet"]
)
def test_figures_of_a_changed_probe_are_refused(name, few, index, tmp_path):
    scored(few, index, lambda copies: 0.5)
    data = (few.path / name).read_bytes()
    at = next(n for n in range(len(data) // 3, len(data)) if data[n : n + 1].isdigit())
    other = b"7" if data[at : at + 1] != b"7" else b"4"
    (few.path / name).write_bytes(data[:at] + other + data[at + 1 :])
    with pytest.raises(InputError, match=name):
        write_probe_report(few.path, tmp_path / "a.html")
    if name.endswith(".json"):
        with pytest.raises(InputError, match=name):
            read_score(few.path)
    assert not (tmp_path / "a.html").exists()
