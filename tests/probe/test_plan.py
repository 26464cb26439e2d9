"""Test the plan: matched arms, a blind baseline that detects arms that differ, and
prompts without the target.
"""

import json
import math

import pytest
from sentences import sentence, write

import provscan
from provscan.errors import InputError, OutputError, ParameterError, UsageError
from provscan.probe import Settings, make_plan, open_plan
from provscan.probe.baseline import Arms, blind_baseline
from provscan.probe.plan import ARMS, MISPLACED, QuestionKey
from provscan.probe.prompts import make_prompt


def test_pairs_are_similar_and_each_tweet_is_in_one_pair(planned):
    assert len(planned.pairs) == 150
    ids = [
        pair[arm]["tweet_id"]
        for pair in planned.pairs
        for arm in ("licensed", "control")
    ]
    assert len(set(ids)) == 300
    for pair in planned.pairs:
        licensed, control = pair["licensed"], pair["control"]
        assert licensed["script"] == control["script"] == "latin"
        assert max(licensed["length"], control["length"]) <= 1.35 * min(
            licensed["length"], control["length"]
        )
        assert control["tweet_id"].startswith("c")
        assert licensed["prompts"].keys() == control["prompts"].keys()


def test_the_same_number_of_texts_is_drawn_from_every_class_of_copies(planned):
    strata = {
        s["copies"]: (s["population"], s["drawn"]) for s in planned.content["strata"]
    }
    assert strata == {1: (280.0, 50), 4: (60.0, 50), 64: (60.0, 50)}
    assert {pair["licensed"]["copies"] for pair in planned.pairs} == {1, 4, 64}
    assert all(pair["stratum"] == pair["licensed"]["copies"] for pair in planned.pairs)


def test_similar_arms_pass_the_baseline_and_the_plan_has_its_power(planned):
    assert planned.content["claims"] == ["prefix", "masked"]
    areas = planned.content["baseline"]
    assert all(area["low"] <= 0.5 <= area["high"] <= 0.6 for area in areas.values())
    shares = planned.content["power"]["detectable_share_by_control_share"]
    assert 0 < shares["0"] < shares["0.01"] < shares["0.05"] < 0.3


@pytest.mark.parametrize(
    "text",
    [
        lambda n: f"{sentence(20_000 + n, 14)} in the year 2024 again",
        lambda n: sentence(30_000 + n, 14).upper(),
    ],
    ids=["other years", "other writing"],
)
def test_arms_that_differ_are_refused(text, index, tmp_path):
    rows = [{"id": f"y{n}", "text": text(n)} for n in range(500)]
    settings = Settings(pairs=150, prompts=("prefix",), samples=1)
    plan = make_plan(
        index,
        tmp_path / "p",
        settings,
        control=[str(write(tmp_path / "c.jsonl", rows))],
    )
    area = plan.content["baseline"]["prefix"]
    assert area["holds"] is False
    assert area["high"] > 0.6
    assert plan.content["claims"] == []
    assert plan.pairs, "it is asked all the same"


def test_controls_of_other_lengths_are_in_no_pair(index, tmp_path):
    rows = [{"id": f"s{n}", "text": sentence(40_000 + n, 60)} for n in range(200)]
    with pytest.raises(InputError, match=r"control like it.*no control like it: 150"):
        make_plan(
            index,
            tmp_path / "p",
            Settings(pairs=150),
            control=[str(write(tmp_path / "c.jsonl", rows))],
        )
    assert not (tmp_path / "p").exists()


def test_an_index_without_tweets_has_no_plan(control, tmp_path):
    rows = [{"id": str(n), "text": sentence(n)} for n in range(5)]
    index = provscan.build_index(rows, tmp_path / "licensed.index")
    provscan.forget(index.path, [row["id"] for row in rows])
    forgotten = provscan.open_index(index.path)
    with pytest.raises(InputError, match="nothing can be asked"):
        make_plan(forgotten, tmp_path / "p", control=[str(control)])


def test_younger_tweets_of_the_index_are_controls(tmp_path):
    rows = [
        {
            "id": str(n),
            "text": sentence(n),
            "author": f"a{n % 150}",
            "created_at": f"{2020 + n % 2 * 4}-05-01",
        }
        for n in range(600)
    ]
    index = provscan.build_index(rows, tmp_path / "licensed.index")
    settings = Settings(pairs=200, samples=1)
    plan = make_plan(index, tmp_path / "p", settings, control_after="2022-01-01")
    assert all(
        int(p["control"]["tweet_id"]) % 2 and not int(p["licensed"]["tweet_id"]) % 2
        for p in plan.pairs
    )
    # The day in a prompt reveals the arm, so prompts with the day are not used.
    assert plan.content["baseline"]["opening"]["holds"] is False
    assert plan.content["claims"] == ["prefix", "masked"]
    assert {kind for pair in plan.pairs for kind in pair["licensed"]["prompts"]} == {
        "prefix",
        "masked",
    }


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("spring", "^control_after must be a date"),
        ("2031-01-01", "younger than control_after, 2031-01-01T"),
        (
            "2001-01-01",
            "every licensed text is younger than control_after, 2001-01-01T",
        ),
    ],
)
def test_errors_name_the_parameter_of_the_user(after, expected, index, tmp_path):
    with pytest.raises(ParameterError, match=expected) as caught:
        make_plan(index, tmp_path / "p", Settings(pairs=5), control_after=after)
    assert "cutoff" not in str(caught.value)


def test_questions_are_reproducible_and_alternate_between_arms(planned):
    questions = list(planned.questions())
    assert questions == list(open_plan(planned.path).questions())
    assert (
        len({q.key for q in questions})
        == len(questions)
        == sum(3 * 2 * len(pair["licensed"]["prompts"]) for pair in planned.pairs)
    )
    keys = [QuestionKey.parse(question.key) for question in questions]
    for licensed, control, misplaced in zip(*[iter(keys)] * 3, strict=True):
        if licensed.pair % 2:
            licensed, control = control, licensed
        assert (licensed.arm, control.arm) == ARMS
        assert misplaced == control._replace(arm=MISPLACED)
    assert all(
        q.temperature == (0.0 if q.sample == 0 else 1.0) for q in questions if q.target
    )
    assert not any(q.target.strip() in q.prompt for q in questions if q.target)


def test_a_plan_that_is_changed_has_another_digest(plan, planned):
    assert plan.digest == planned.digest
    file = plan.path / "plan.json"
    file.write_text(
        file.read_text(encoding="utf-8").replace('"max_auc": 0.6', '"max_auc": 0.7'),
        encoding="utf-8",
    )
    assert open_plan(plan.path).digest != planned.digest
    content = json.loads(file.read_bytes())
    content["rule"]["min_bits"] = 10.0
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match="is no longer a plan"):
        open_plan(plan.path)
    file.write_text(json.dumps({"version": 9}))
    with pytest.raises(InputError, match="has version 9, and this provscan knows 2"):
        open_plan(plan.path)
    file.write_text("[]")
    with pytest.raises(InputError, match="is not a plan that provscan wrote"):
        open_plan(plan.path)


def test_no_plan_is_made_if_controls_are_unreadable(index, tmp_path, control):
    (broken := tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"can't be read: .*No plan was made"):
        make_plan(
            index,
            tmp_path / "p",
            Settings(pairs=5),
            control=[str(control), str(broken)],
        )
    assert not (tmp_path / "p").exists()
    assert make_plan(
        index, tmp_path / "p", Settings(pairs=5), control=str(control)
    ).content["control"]["files"] == [str(control)]


def test_wrong_arguments_are_refused(index, tmp_path, planned):
    with pytest.raises(UsageError, match="can't have seen: give either control_after"):
        make_plan(index, tmp_path / "p")
    with pytest.raises(OutputError, match="exists already"):
        make_plan(index, planned.path, control=["c"])
    for prompts in (("masked",), ("prefix", "masked")):
        with pytest.raises(ParameterError, match="prompts must be without masked"):
            Settings(style="completion", prompts=prompts)
    assert Settings(style="completion") == Settings(
        style="completion", prompts=("prefix", "opening", "masked")
    )
    for name, value in (("max_auc", 3.0), ("max_auc", math.nan), ("pairs", math.inf)):
        with pytest.raises(ParameterError, match=f"{name} must be"):
            Settings(**{name: value})  # type: ignore[arg-type]
    for wrong in (
        {"pairs": 0},
        {"style": "song"},
        {"prompts": ()},
        {"temperature": 3.0},
    ):
        with pytest.raises(ParameterError, match=f"^{next(iter(wrong))} must be"):
            Settings(**wrong)


def test_prompts_do_not_contain_the_target():
    tweet = "Never trust a goat near the harbour at night, friends"
    prefix = make_prompt("prefix", "completion", tweet, None, None)
    assert prefix.text + prefix.gap + prefix.target == tweet
    masked = make_prompt("masked", "chat", tweet, None, None)
    assert masked.given == "Never trust [...] night, friends"
    assert masked.target == "a goat near the harbour at"
    opening = make_prompt("opening", "completion", tweet, "ann", "2020-01-02")
    assert (opening.text, opening.target) == (
        "ann (2020-01-02): Never trust a goat",
        "near the harbour at night, friends",
    )
    assert make_prompt("opening", "chat", tweet, None, "2020-01-02") is None
    assert make_prompt("prefix", "chat", "word", None, None).target == "rd"
    japanese = make_prompt(
        "prefix", "completion", "今日はとても良い天気ですね", None, None
    )
    assert (
        japanese.text + japanese.gap + japanese.target == "今日はとても良い天気ですね"
    )


def test_the_baseline_learns_words_from_few_pairs_and_from_others():
    def arm(low, word):
        return [f"{sentence(low + n, 8)} {word if n % 2 else ''}" for n in range(80)]

    pairs = Arms(arm(0, "brexit"), arm(1000, "covid"))
    assert blind_baseline(pairs, Arms([], [])).low > 0.6
    assert (
        blind_baseline(pairs, Arms(arm(2000, "brexit"), arm(3000, "covid"))).low > 0.6
    )
    alike = Arms(arm(0, ""), arm(1000, ""))
    assert blind_baseline(alike, Arms([], [])).low < 0.5


def test_the_baseline_detects_arms_that_differ_only_in_predictability():
    texts = Arms(
        [sentence(n, 8) for n in range(80)], [sentence(1000 + n, 8) for n in range(80)]
    )
    spread = [[2.0 + n % 7 / 10] for n in range(80)]
    apart = texts._replace(measures=[*spread, *([value + 0.5] for (value,) in spread)])
    assert blind_baseline(apart, Arms([], [])).low > 0.6
    assert (
        blind_baseline(texts._replace(measures=[*spread, *spread]), Arms([], [])).low
        < 0.5
    )
