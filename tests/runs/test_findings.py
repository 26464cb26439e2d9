"""Test which matches are findings: common wording, known texts, and a changed rule."""

import random

import numpy as np
import pytest
from tweets import sentence

import provscan
from provscan.errors import UsageError


def others(count):
    """Records without tweets."""
    rng = random.Random(6)
    return [{"text": sentence(rng, "latin", 90)} for _ in range(count)]


def test_common_wording_does_not_count_in_the_headline(latin, other, write, tmp_path):
    text = latin.reader.raw_texts(np.arange(100)).array().to_pylist()
    tweets = [
        {"id": str(n), "text": t, "author": f"a{n}"}
        for n, t in enumerate([*text, text[0], text[0]])
    ]
    index = provscan.build_index(tweets, tmp_path / "a.index")
    data = others(300) + [{"text": text[0]}] * 50
    run = provscan.match(
        data, index, tmp_path / "a.run", control=write("c.jsonl", other)
    )
    answer = run.summary["answer"]
    assert (answer["records"]["findings"], answer["records"]["common_or_known"]) == (
        0,
        50,
    )
    assert answer["headline"] == "NO COPIES SHOWN in 350 records."
    assert "50 more records share only common or known wording." in answer["details"]
    assert run.matches["common"].to_pylist() == [True] * 50
    assert not any(run.matches["counted"].to_pylist())
    assert len(run.findings) == 0


def test_a_text_in_known_data_is_not_a_finding(latin, other, write, tmp_path):
    texts = latin.reader.raw_texts(np.arange(60)).array().to_pylist()
    data = write("d.jsonl", [{"text": text} for text in texts[:40]] + others(300))
    known = write(
        "k.jsonl", [{"text": f"as somebody said: {text}"} for text in texts[:10]]
    )
    # Control texts are looked up in the known data, like licensed texts.
    control = write("c.jsonl", other)
    plain = provscan.match(data, latin, tmp_path / "a.run", control=control)
    run = provscan.match(
        data, latin, tmp_path / "b.run", control=control, other_sources=known
    )
    before, after = (each.summary["answer"]["records"] for each in (plain, run))
    assert (before["findings"], after["findings"], after["common_or_known"]) == (
        40,
        30,
        before["common_or_known"] + 10,
    )
    assert sorted(
        run.matches.filter(run.matches["known"])["record"].to_pylist()
    ) == list(range(10))
    assert (run.summary["known"]["texts"], run.summary["known"]["records"]) == (10, 10)
    assert plain.summary["known"] is None
    # If known data contains half of a text, matches of that half are known, but not
    # matches of the complete text.
    halves = write("h.jsonl", [{"text": text[: len(text) // 2]} for text in texts[:10]])
    half = provscan.match(
        data, latin, tmp_path / "c.run", control=control, other_sources=halves
    )
    assert half.summary["answer"]["records"]["findings"] == 40


def test_known_data_applies_to_the_control(latin, other, write, tmp_path):
    sayings = [row["text"] for row in other[:30]]
    data = write("d.jsonl", [{"text": text} for text in sayings] + others(300))
    # A collection has as large a share of the licensed texts as of the control.
    licensed = latin.reader.raw_texts(np.arange(30)).array().to_pylist()
    control, known, unlike = (
        write("c.jsonl", other),
        write("k.jsonl", [{"text": text} for text in sayings + licensed]),
        write("u.jsonl", [{"text": text} for text in sayings]),
    )
    plain = provscan.match(data, latin, tmp_path / "a.run", control=control).summary[
        "control"
    ]
    acquitted = provscan.match(
        data, latin, tmp_path / "b.run", control=control, other_sources=known
    ).summary["control"]
    assert (plain["counted"] > 20, acquitted["counted"]) == (True, 0)
    # Known data that was made from the control excludes none of its texts.
    made = provscan.match(
        data, latin, tmp_path / "u.run", control=control, other_sources=unlike
    ).summary
    assert made["control"]["counted"] == plain["counted"]
    assert "known_unlike" in {each["code"] for each in made["answer"]["warnings"]}
    # In clean data, matches of known texts are still due to chance.
    null = write("n.jsonl", [{"text": text} for text in licensed] + others(300))
    counted = [
        provscan.match(
            data,
            latin,
            tmp_path / f"{len(also)}.run",
            clean_data=null,
            other_sources=also,
        ).summary["control"]["chance_measures"][0]["clusters"]
        for also in ([], [known])
    ]
    assert counted[0] > 20
    assert counted[0] == counted[1]
    for given in (data, null):
        with pytest.raises(UsageError, match="no match in it would be a finding"):
            provscan.match(
                data,
                latin,
                tmp_path / "c.run",
                clean_data=null,
                other_sources=[known, given],
            )
    with pytest.raises(UsageError, match="part of the control"):
        provscan.match(
            data, latin, tmp_path / "c.run", control=control, other_sources=control
        )


def test_a_repeated_word_is_no_finding(latin, tmp_path):
    """The word has all 5-grams of the text, since containment counts a repeated 5-gram
    only once, and repetition has no bits.
    """
    texts = latin.reader.raw_texts(np.arange(60)).array().to_pylist()
    repeated = " ".join(["#Masterchef"] * 10)
    index = provscan.build_index(
        [{"text": text} for text in [*texts, repeated]], tmp_path / "r.index"
    )
    data = [
        {"text": "In the new Masterchef they make a cake"},
        {"text": "Masterchef"},
        {"text": repeated},
    ]
    run = provscan.match(data, index, tmp_path / "r.run")
    counted = {row["record"]: row["counted"] for row in run.matches.to_pylist()}
    assert not counted.get(0, False)
    assert not counted.get(1, False)
    assert not counted[2]


def test_a_passage_of_a_long_tweet_is_a_finding(tmp_path, write):
    """Other parts of a long tweet have some 5-grams of the passage by chance."""
    rng = random.Random(5)
    words = sentence(rng, "latin", 2000).split()
    long = [" ".join(rng.choices(words, k=400)) for _ in range(60)]
    index = provscan.build_index(
        [{"id": str(n), "text": text} for n, text in enumerate(long)],
        tmp_path / "long.index",
    )
    data = write("data.jsonl", [{"text": text[300:440]} for text in long])
    run = provscan.match(data, index, tmp_path / "a.run", spike_ins=0)
    assert run.summary["answer"]["records"]["findings"] >= 55
