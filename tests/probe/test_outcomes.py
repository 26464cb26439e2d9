"""Test the outcomes of answers: what was declined or cut off is no miss."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow.parquet as pq
import pytest
from models import Lookup, chances

from provscan.probe import run, score
from provscan.probe.answers import Answer
from provscan.probe.outcomes import outcome_of
from provscan.probe.plan import QuestionKey

TARGET = "the second half of the tweet that the model has to recite"
PROMPT = "Continue the first half."


@pytest.mark.parametrize(
    ("expected", "text", "about"),
    [
        ("neither", "something else", {}),
        ("neither", "something else", {"finish": "stop"}),
        ("neither", "no end " * 30, {"finish": "length"}),
        ("neither", "Das Wetter war mild, und niemand sprach davon.", {}),
        ("declined", None, {"refused": "no"}),
        ("declined", "", {"finish": "stop"}),
        ("declined", " \n", {}),
        ("declined", "", {"declined": "I must not"}),
        ("declined", "the second", {"finish": "content_filter"}),
        ("declined", "I'm sorry, but I can’t reproduce posts.", {}),
        ("declined", "Sorry, I do not have access to that post.", {}),
        ("declined", "申し訳ありませんが、お答えできません。", {}),
        ("declined", f"{PROMPT} I cannot do that", {}),
        ("cut_off", "", {"finish": "length"}),
        ("cut_off", "Sure! Here is the second half:", {"finish": "length"}),
        ("cut_off", f"{PROMPT} {PROMPT * 9}"[:50], {"finish": "length"}),
        ("cut_off", PROMPT + "x" * 100, {"finish": "length"}),
        ("cut_off", "<think>\nSo, " + "a post " * 30, {"finish": "length"}),
        ("cut_off", "[THINK]a[/THINK] The second", {"finish": "length"}),
        ("declined", "<think>" + "a post " * 30 + "</think> I can't.", {}),
        ("neither", "a post " * 30 + "</think>\nsomething else", {}),
    ],
)
def test_outcome_of_an_answer(expected, text, about):
    answer = Answer("0/licensed/prefix/0", text, "", **about)
    assert outcome_of(answer, False, PROMPT, TARGET, "chat") == expected
    assert outcome_of(answer, True, PROMPT, TARGET, "chat") == "recited"


def test_a_base_model_declines_nothing_in_words():
    answer = Answer("0/licensed/prefix/0", "I can't wait for the summer", "")
    assert outcome_of(answer, False, PROMPT, TARGET, "completion") == "neither"


class Declining(Lookup):
    """Declines some questions."""

    declines: Callable[[QuestionKey], bool]

    def text(self, question):
        key = QuestionKey.parse(question.key)
        return "I'm sorry, I can't." if self.declines(key) else super().text(question)


def known(plan, declines):
    """Probe a model that knows half of the tweets of both arms, unless it declines."""
    model = Declining(chances(plan, lambda copies: 0.5, 0.5))
    model.declines = declines
    run(plan.path, model)
    return score(plan.path)


def test_controls_that_are_declined_are_no_evidence(plan, index):
    """A model that knows both arms alike, and declines controls more often, would
    otherwise recite licensed tweets "beyond chance".
    """
    summary = known(
        plan, lambda key: key.arm == "control" and key.sample + key.pair % 4
    )
    tweets = summary["answer"]["tweets"]
    assert summary["recited"]["licensed"] > 1.5 * summary["recited"]["control"] > 0
    assert (tweets["at_least"], summary["answer"]["status"]) == (0, "no_copies_shown")
    assert summary["recited"]["compared"] == sum(n % 4 == 0 for n in range(150))
    assert summary["total"]["value"] is None
    assert summary["listed"]["tweets"] == 0
    # What was not compared may have been recited.
    assert tweets["at_most"] >= 150 - summary["recited"]["compared"]
    (warning,) = summary["answer"]["warnings"]
    assert warning["code"] == "declined"


def test_answers_are_counted_by_prompt_and_arm(plan, index):
    summary = known(plan, lambda key: key.kind == "masked" and key.pair < 20)
    for kind, item in summary["by_prompt"].items():
        for arm, answers in item["answers"].items():
            assert sum(answers.values()) == 300, (kind, arm)
            assert answers["declined"] == (40 if kind == "masked" else 0)
            assert answers["recited"] > 80 or arm == "misplaced"
            assert answers["cut_off"] == 0
    arms = dict.fromkeys(("licensed", "control", "misplaced"), 40)
    assert summary["asked"]["declined"] == arms
    # The pairs are compared by their other prompt.
    assert summary["recited"]["compared"] == 150
    page = (plan.path / "report.html").read_text(encoding="utf-8")
    for number in summary["by_prompt"]["masked"]["answers"]["control"].values():
        assert f'<td class="number">{number}</td>' in page


def test_nothing_is_claimed_if_everything_is_declined(plan):
    summary = known(plan, lambda key: True)
    assert summary["recited"]["compared"] == 0
    assert summary["answer"]["status"] == "cannot_judge"
    assert [each["code"] for each in summary["answer"]["reasons"]] == ["too_few"]
    assert summary["answer"]["tweets"]["at_most"] is None


def test_a_saying_that_is_recited_after_any_beginning_does_not_count(plan, index):
    """The model recites the licensed tweets of the first 30 pairs after their own
    beginnings, and also after those of other tweets.
    """
    sayings = {
        q.target: q.key
        for q in plan.questions()
        if "licensed" in q.key and 0 <= _pair(q.key) < 30
    }

    class Sayings(Lookup):
        def text(self, question):
            noise, pair = super().text(question), _pair(question.key)
            own = question.key if "licensed" in question.key and pair < 30 else ""
            other = f"{pair - 100}/licensed/prefix/0" if 100 <= pair < 130 else own
            said = [target for target, key in sayings.items() if key[:-1] == other[:-1]]
            return f"{noise} {' '.join(said)}"

    run(plan.path, Sayings({}))
    summary = score(plan.path)
    assert summary["recited"]["elsewhere"] == 30
    assert summary["recited"]["licensed"] == 0
    assert summary["answer"]["status"] == "no_copies_shown"
    assert "elsewhere" in [note["code"] for note in summary["answer"]["notes"]]
    rows = pq.read_table(plan.path / "recitations.parquet").to_pylist()
    assert {row["elsewhere"] for row in rows} == {True}


@pytest.mark.parametrize("anyway", [True, False])
def test_quotations_that_a_model_knows_anyway_are_not_claimed(plan, anyway):
    """The model recites 40 of 150 licensed tweets, as quotations also after the
    beginning of another tweet, though not all of them.
    """
    model = {f"{pair}/licensed": 1.0 for pair in range(40)}
    model |= {f"{pair}/misplaced": float(anyway) for pair in range(25)}
    run(plan.path, Lookup(model))
    summary = score(plan.path)
    answer, recited = summary["answer"], summary["recited"]
    assert recited["misplaced"] == recited["elsewhere_licensed"] == 25 * anyway
    assert recited["licensed"] == 40 - 25 * anyway
    assert answer["tweets"]["at_most"] >= 40
    if anyway:
        assert answer["tweets"]["at_least"] == 0
        assert summary["listed"]["tweets"] == 0
    assert answer["status"] == ("no_copies_shown" if anyway else "copies_found")
    page = (plan.path / "report.html").read_text(encoding="utf-8")
    assert "prefix, licensed tweets after another tweet" in page


def _pair(key):
    return QuestionKey.parse(key).pair
