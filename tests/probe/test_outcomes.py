"""Test the outcomes of answers: what was declined or cut off is no miss."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow.parquet as pq
import pytest
from models import Lookup, chances
from sentences import sentence

from provscan.probe import run, score
from provscan.probe.answers import Answer
from provscan.probe.outcomes import Asked, outcomes_of
from provscan.probe.plan import Question, QuestionKey
from provscan.probe.prompts import STYLES

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
        ("declined", PROMPT, {}),
        ("neither", f"{PROMPT} Something else.", {}),
        ("cut_off", "", {"finish": "length"}),
        ("cut_off", "Sure! Here is the second half:", {"finish": "length"}),
        ("cut_off", f"{PROMPT} {PROMPT * 9}"[:50], {"finish": "length"}),
        ("cut_off", PROMPT + "x" * 100, {"finish": "length"}),
        ("cut_off", "<think>\nSo, " + "a post " * 30, {"finish": "length"}),
        ("cut_off", "[THINK]a[/THINK] The second", {"finish": "length"}),
        ("declined", "<think>" + "a post " * 30 + "</think>", {}),
        ("neither", "a post " * 30 + "</think>\nsomething else", {}),
    ],
)
def test_outcome_of_an_answer(expected, text, about):
    for recites in (False, True):
        asked = [answered("0/licensed/prefix/0", text, recites, **about)]
        outcome = "recited" if recites else expected
        for style in STYLES:
            assert list(outcomes_of(asked, style).values()) == [outcome]


def answered(key, text, recites=False, prompt=PROMPT, **about):
    question = Question(key, prompt, TARGET, 99, 0.0, 1)
    return Asked(question, Answer(key, text, "", **about), recites)


def outcomes(texts, others=60, style="chat", prompts=()):
    """Return the outcomes of answers, by their pair and sample, among answers about
    other pairs.
    """
    asked = [
        answered(f"{pair}/licensed/prefix/{sample}", text, prompt=prompt)
        for ((pair, sample), text), prompt in zip(
            texts.items(), prompts or [PROMPT] * len(texts), strict=True
        )
    ]
    rest = [answered(f"{n + 99}/control/prefix/0", sentence(n)) for n in range(others)]
    found = outcomes_of([*asked, *rest], style)
    assert {found[QuestionKey.parse(row.question.key)] for row in rest} == {"neither"}
    return {found[QuestionKey.parse(row.question.key)] for row in asked}


REFUSALS = [
    "Tôi xin lỗi, tôi không thể tiếp tục bài viết này.",
    "죄송하지만 이 게시물을 이어 쓸 수 없습니다.",
    "これは続けられません。",
    "क्षमा करें, मैं इस पोस्ट को जारी नहीं रख सकता।",
    "That would not be appropriate.",
]


@pytest.mark.parametrize(
    ("pairs", "others", "style", "expected"),
    [
        (range(5), 60, "chat", "declined"),
        (range(5), 245, "chat", "declined"),
        # Fewer than 2% of the answers, or than five pairs.
        (range(5), 246, "chat", "neither"),
        (range(4), 60, "chat", "neither"),
        # An answer that is drawn again for the same tweet is no refusal.
        ([0] * 9, 60, "chat", "neither"),
        (range(9), 60, "completion", "neither"),
    ],
)
@pytest.mark.parametrize("refusal", REFUSALS)
def test_wording_that_recurs_about_several_tweets_is_a_refusal(
    refusal, pairs, others, style, expected
):
    texts = {(pair, sample): refusal for sample, pair in enumerate(pairs)}
    assert outcomes(texts, others, style) == {expected}


INTRODUCTION = (
    "Of course! I would be happy to help you with that. Here is how the post goes on, "
    "word for word, as it was published:"
)


@pytest.mark.parametrize("words", [0, 1, 8])
def test_an_introduction_is_no_refusal_if_a_continuation_follows(words):
    texts = {
        (n, 0): f"{INTRODUCTION} {' '.join(sentence(n + 999).split()[:words])}"
        for n in range(20)
    }
    assert outcomes(texts) == {"neither" if words == 8 else "declined"}


def test_a_refusal_may_quote_its_prompt():
    """Only the own prompt is quoted: the words of another one are an answer."""
    prompts = [f"Continue this post. {sentence(n + 999)}" for n in range(20)]
    for shift, expected in ((0, "declined"), (1, "neither")):
        texts = {
            (n, 0): f'That is a post: "{sentence((n + shift) % 20 + 999)}". It is not '
            "for me to continue it."
            for n in range(20)
        }
        assert outcomes(texts, prompts=prompts) == {expected}


@pytest.mark.parametrize("share", [0, 1, 2])
def test_refusals_in_many_words_are_no_misses(plan, share):
    """The model knows nothing, and refuses all, half or none of the questions."""
    model = Declining({})
    model.declines = lambda key: share and (key.pair + key.sample) % share == 0
    model.refusal = lambda key: (
        f"{REFUSALS[key.pair % 5]} {sentence(key.pair + 99_999).split()[0]}"
    )
    run(plan.path, model)
    summary = score(plan.path)
    declined = sum(summary["asked"]["declined"].values())
    assert declined == (summary["asked"]["answered"] / share if share else 0)
    assert summary["answer"]["status"] == (
        "cannot_judge" if share == 1 else "no_copies_shown"
    )


class Declining(Lookup):
    """Declines some questions."""

    declines: Callable[[QuestionKey], bool]

    def refusal(self, key):
        return "I'm sorry, I can't."

    def text(self, question):
        key = QuestionKey.parse(question.key)
        return self.refusal(key) if self.declines(key) else super().text(question)


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
    assert (tweets["at_least"], summary["answer"]["status"]) == (0, "cannot_judge")
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
