"""Test the edits of spike-ins, and where spike-ins are planted."""

import random
import unicodedata
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import provscan
from provscan.calibration.controls import no_control
from provscan.calibration.edits import EDITS, HEAVY, SEVERE, edited, words_of
from provscan.calibration.spike_ins import FEWEST, MOST, plant, spike_in_count
from provscan.estimate.background import BackgroundModel
from provscan.matching.record_samples import CarrierRecord
from provscan.params import MatchParams
from provscan.scoring.background import background
from provscan.scoring.lengths import SCRIPTS, length_classes, lengths_and_scripts

TWEET = (
    "Look @someone: the ferry & the bus are late again, bring a book https://t.co/abc "
    "#fun"
)


@pytest.mark.parametrize("name", EDITS)
@given(
    text=st.text(max_size=60),
    seed=st.integers(0, 99),
    words=st.lists(st.text(max_size=5), max_size=3),
)
def test_edits_take_any_text(name, text, seed, words):
    planted = edited(name, text, Random(seed), words)
    assert planted == edited(name, text, Random(seed), words)
    assert all(isinstance(part, str) for part in planted)


def test_edits_do_what_they_say():
    def planted(name):
        return "".join(edited(name, TWEET, Random(3), ()))

    assert planted("exact") == TWEET
    assert "@someone" not in planted("anonymised")
    assert "https" not in planted("anonymised")
    assert (
        planted("stripped") == "look the ferry the bus are late again bring a book fun"
    )
    assert "&amp;" in planted("escaped")
    assert planted("retweeted").startswith("RT @user")
    assert TWEET in planted("commented")
    assert edited("commented", TWEET, Random(3), ()).copy == TWEET
    cut = edited("truncated", TWEET, Random(3), ())
    assert TWEET.startswith(cut.copy)
    assert cut.after == "…"
    short = edited("cut_to_two_thirds", TWEET, Random(3), ())
    assert TWEET.startswith(short.copy)
    assert 0.5 < len(short.copy) / len(TWEET) < 0.77
    half = edited("cut_to_half", TWEET, Random(3), ()).copy
    assert half in TWEET
    assert 0.4 < len(half) / len(TWEET) < 0.6
    assert sorted(planted("reordered").split()) == sorted(TWEET.split())
    assert planted("reordered") != TWEET
    assert len(planted("every_fifth_dropped").split()) in (12, 13)
    parts = planted("in_parts").split()
    assert sorted(parts) == sorted(TWEET.split()) != parts
    assert parts != TWEET.split()
    beginning = edited("middle_dropped", TWEET, Random(3), ()).copy
    assert 0.55 < len(beginning) / len(TWEET) < 0.82
    assert (beginning[:15], beginning[-15:]) == (TWEET[:15], TWEET[-15:])
    other = [
        i
        for i, (a, b) in enumerate(zip(planted("letters_replaced"), TWEET, strict=True))
        if a != b
    ]
    assert 5 <= len(other) <= 13
    assert len({(b - a) % min(np.diff(other)) for a, b in pairwise(other)}) == 1
    for name, count in (("one_word", 1), ("two_words", 2), ("three_words", 3)):
        changed = [
            a != b for a, b in zip(planted(name).split(), TWEET.split(), strict=True)
        ]
        assert sum(changed) == count
    assert planted("typos") != TWEET
    assert provscan.canonical([planted("respaced")]) == provscan.canonical([TWEET])


SCRIPTED = {
    "zh": ("@someone 今天的天氣很好 ok 我們去公園裡看書吧", "這個那個誰都知道"),
    "ja": ("今日はとてもいい天気なのでとしょかんへ行きました", "ねこがいぬを"),
    "ko": ("오늘은 날씨가 좋아서 도서관에 갔습니다 그리고 책을", "고양이 강아지 나무"),
    "ar": ("هذا الكتاب جميل جدا وقرأته في المكتبة أمس", "بيت سيارة قلم"),
    "th": ("วันนี้อากาศดีมากเราไปห้องสมุดกันเถอะ", "แมวหมานกปลา"),
    "es": ("el autobús llegó tarde y la niña perdió su libro", "casa perro árbol"),
}


@pytest.mark.parametrize("language", SCRIPTED)
def test_edits_are_those_of_the_script(language):
    text, others = SCRIPTED[language]
    words = words_of([others])
    letters = {c for c in text + others if not c.isascii()}
    for seed in range(20):
        for name in ("one_word", "two_words", "three_words"):
            copy = edited(name, text, Random(seed), words).copy
            assert copy != text
            assert {c for c in copy if not c.isascii()} <= letters
            assert copy.startswith("@someone") == text.startswith("@someone")
        assert edited("in_variants", text, Random(seed), words).copy != text
        spaced = edited("respaced", text, Random(seed), words).copy
        same = unicodedata.normalize("NFKC", "".join(spaced.split()))
        assert same.replace("\u200b", "") == unicodedata.normalize(
            "NFKC", "".join(text.split())
        )
    made = {edited("elongated", text, Random(seed), words).copy for seed in range(20)}
    assert made != {text}


def carriers():
    rng = random.Random(2)
    texts = [
        " ".join(rng.choice(["one", "two", "three"]) for _ in range(40))
        for _ in range(20)
    ]
    return [CarrierRecord(n, len(text), text, 1) for n, text in enumerate(texts)]


@pytest.mark.parametrize("name", [edit.__name__ for edit in (*HEAVY, *SEVERE)])
def test_heavy_edits_work_without_spaces(name):
    text = "今日は雨が降っているので図書館で本を読みながらコーヒーを飲みました"
    planted = "".join(edited(name, text, Random(5), ()))
    assert planted != text
    assert len(set(planted) & set(text)) > 10


def test_copies_are_at_their_spans(index):
    controls = no_control(index.reader)
    spikes = plant(controls, MatchParams(min_chars=20), carriers(), 100, 7)
    again = plant(controls, MatchParams(min_chars=20), carriers(), 100, 7)
    assert spikes.planted == again.planted
    assert len(set(spikes.text.tolist())) == len(spikes.text) == 100
    assert 30 < spikes.inside.sum() < 70
    each = 100 // len(EDITS)
    counts = {np.count_nonzero(spikes.edit == name) for name in EDITS}
    assert counts <= {each, each + 1}
    originals = controls.licensed.raw_texts(spikes.text).array().to_pylist()
    for number, (low, high) in enumerate(spikes.span.tolist()):
        copy = spikes.planted[number][low:high]
        if spikes.edit[number] in ("exact", "commented"):
            assert copy == originals[number]
        around = spikes.planted[number][:low] + spikes.planted[number][high:]
        assert spikes.inside[number] == (len(around) > 60)


def test_texts_that_are_too_short_are_not_planted(index):
    controls = no_control(index.reader)
    spikes = plant(controls, MatchParams(min_chars=90), carriers(), 1000, 7)
    weight, _ = lengths_and_scripts(index.reader, spikes.text)
    assert weight.min() >= 90
    everything = np.arange(len(index))
    assert np.count_nonzero(
        lengths_and_scripts(index.reader, everything)[0] >= 90
    ) == len(set(spikes.text.tolist()))


def test_few_texts_are_planted_several_times_with_different_edits(tmp_path):
    text = (
        "The ferry was late again this morning, so bring a book, a blanket and some "
        "patience"
    )
    controls = no_control(
        provscan.build_index(
            [{"text": text}, {"text": "too short"}], tmp_path / "a.index"
        ).reader
    )
    spikes = plant(controls, MatchParams(), carriers(), 200, 7)
    assert set(spikes.edit.tolist()) == set(EDITS)
    assert {np.count_nonzero(spikes.edit == name) for name in EDITS} <= {
        200 // len(EDITS),
        200 // len(EDITS) + 1,
    }
    slips = {
        spikes.planted[n][low:high]
        for n, (low, high) in enumerate(spikes.span)
        if spikes.edit[n] == "many_typos"
    }
    assert len(slips) > 5


def test_lengths_and_scripts(index):
    everything = np.arange(len(index))
    weight, script = lengths_and_scripts(index.reader, everything)
    for number, text in enumerate(index.reader.segments[0].texts.array().to_pylist()):
        wide = sum(
            "\u3040" <= c <= "\u30ff"
            or "\u3400" <= c <= "\u9fff"
            or "\uac00" <= c <= "\ud7a3"
            for c in text
        )
        unspaced = wide + sum("\u0e00" <= c <= "\u0e7f" for c in text)
        assert weight[number] == len(text) + wide + unspaced // 6
    assert {"latin", "cyrillic", "thai", "korean", "chinese", "arabic"} <= {
        SCRIPTS[number] for number in script
    }
    assert length_classes(np.array([5, 30, 59, 500])).tolist() == [0, 1, 2, 5]


def test_the_number_of_spike_ins(monkeypatch):
    monkeypatch.setattr("provscan.calibration.spike_ins.FEWEST", FEWEST)
    assert spike_in_count(10, None) == FEWEST == 2000
    assert spike_in_count(10**9, None) == MOST
    assert spike_in_count(10**9, 7) == 7


def test_a_text_is_subtracted_from_the_model_that_scores_it(index):
    """The bits of a counted text are those under a model of all other texts."""
    texts = index.reader.segments[0].texts.array().to_pylist()
    known = background(index.reader)
    assert known.counted.tolist() == list(range(len(texts)))
    bits = known.bits(index.reader, np.array([0, 10]))
    for number, found in zip((0, 10), bits, strict=True):
        others = BackgroundModel()
        others.add(texts[:number] + texts[number + 1 :])
        assert found == pytest.approx(others.bits([texts[number]])[0], nan_ok=True)
