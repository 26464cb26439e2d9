"""Test the rule for findings with hashtags, stretches and repetition."""

import json
from random import Random

import numpy as np
import pytest

import provscan
from provscan.runs.questions.explain import explain_text
from provscan.scoring.hashtags import in_hashtags

LETTERS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "thai": "กขคงจชซดตถทนบปผพภมยรลวสหอ",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "korean": "가나다라마바사아자차카타파하고노도로모보소오조초",
    "chinese": "天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏",
}


def words(letters, count, seed):
    rng = Random(seed)
    return ["".join(rng.choices(letters, k=8)) for _ in range(count)]


@pytest.fixture(scope="module", params=LETTERS)
def tagged(request, tmp_path_factory):
    """An index of one script; its last tweets are hashtags, hashtags around a word, and
    hashtags with one of them repeated as a word.
    """
    letters = LETTERS[request.param]
    usual = [" ".join(words(letters, 9, seed)) for seed in range(300)]
    tags = " ".join("#" + word for word in words(letters, 7, 1001))
    word = f"{tags} {words(letters, 7, 1001)[3]} {words(letters, 1, 1004)[0][:3]}"
    both = f"{tags} {words(letters, 1, 1002)[0]} #{words(letters, 1, 1003)[0]}"
    tweets = [*usual, tags, both, word]
    path = tmp_path_factory.mktemp("hashtags") / "a.index"
    rows = [{"id": str(i), "text": text} for i, text in enumerate(tweets)]
    return provscan.build_index(rows, path), [tags, both, word]


def test_hashtags_alone_are_no_finding(tagged):
    index, (tags, both, word) = tagged
    texts = [
        tags,
        f"@someone {tags} https://example.com",
        tags.replace("#", ""),
        f"so: {tags}",
        word,
        both,
    ]
    rows = index.match(texts).to_pylist()
    assert [row["record"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [row["counted"] for row in rows] == [False] * 5 + [True]
    assert {row["bits"] for row in rows[:5]} <= {0.0, None}


def test_code_points_of_hashtags(tmp_path):
    texts = ["one #Two_three, four $ABC $100 ＃five", "#ที่นี่ มา", "no tags", "@张三 #一#"]
    texts.append("#一二#三四五六七八九十一二")
    texts.append("&#35;one two &#233;t&#233; #four、#五六七八九十一二三四五")
    rows = [{"id": str(i), "text": text} for i, text in enumerate(texts)]
    index = provscan.build_index(rows, tmp_path / "a.index")
    numbers = np.arange(len(texts))
    canonical = index.reader.canonical_texts(numbers).array().to_pylist()
    start = np.concatenate([[0], np.cumsum([len(text) for text in canonical])])
    flags = in_hashtags(index.reader, numbers, start)
    marked = [
        "".join(c if flag else "." for c, flag in zip(text, flags[low:], strict=False))
        for text, low in zip(canonical, start, strict=False)
    ]
    assert marked[0] == "... two three .... abc ... five"
    assert marked[1].startswith(provscan.canonical(["#ที่นี่"])[0])
    assert set(marked[2]) == {"."}
    assert marked[3:5] == ["张三一", "一二.........."]
    assert marked[5] == "one ....... four五六七八九十一二三四五"


def test_a_foreign_name_is_worth_its_own_letters(tmp_path):
    """The rare letters around a name earn nothing if only the name was copied."""
    rng = Random(5)
    usual = [" ".join(words(LETTERS["latin"], 12, seed)) for seed in range(200)]
    name = "client side javascript"
    around = ["".join(rng.choices(LETTERS["chinese"], k=12)) for _ in range(200)]
    tweets = [*usual, *(f"{each} {name}" for each in around)]
    rows = [{"id": str(i), "text": text} for i, text in enumerate(tweets)]
    index = provscan.build_index(rows, tmp_path / "a.index")
    found = index.match([f"we also write some {name} here and there now"]).to_pylist()
    assert all(row["bits"] <= 4 * len(name) and not row["counted"] for row in found)


def test_the_same_passage_has_the_same_bits_everywhere(tmp_path, capsys):
    usual = [" ".join(words(LETTERS["latin"], 12, seed)) for seed in range(300)]
    tweets = tmp_path / "tweets.jsonl"
    tweets.write_text(
        "".join(
            json.dumps(
                {
                    "id": str(i),
                    "text": text,
                    "created_at": f"2020-0{1 + i % 9}-01T00:00:00Z",
                }
            )
            + "\n"
            for i, text in enumerate([*usual, "millions and millions and more"])
        )
    )
    index = provscan.build_index(tweets, tmp_path / "a.index")
    record = usual[0][:60]
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"text": f"he said that {record} and left"}) + "\n")
    looked_up = index.match([json.loads(data.read_text())["text"]]).to_pylist()
    for cutoff in (None, "2020-08-01"):
        run = provscan.match(data, index, tmp_path / f"{cutoff}.run", cutoff=cutoff)
        rows = run.matches.to_pylist()
        assert [row["bits"] for row in rows] == [row["bits"] for row in looked_up]
    repeated = index.match(["millions and millions and more"]).to_pylist()
    # The first four letters of the repetition are in new 5-grams.
    assert repeated[0]["bits"] <= 4 * len("millions and mill more")


def test_repetition_is_no_finding_without_bits(tmp_path):
    """In a script that the model hardly knows, repeated letters are counted once."""
    usual = [" ".join(words(LETTERS["latin"], 12, seed)) for seed in range(200)]
    repeated, new = "失敗した" * 20, "".join(words(LETTERS["chinese"], 8, 3))
    tweets = [*usual, repeated, new]
    rows = [{"id": str(i), "text": text} for i, text in enumerate(tweets)]
    index = provscan.build_index(rows, tmp_path / "a.index")
    found = index.match([repeated, new]).to_pylist()
    assert [row["bits"] for row in found] == [None, None]
    assert [row["counted"] for row in found] == [False, True]
    explained = [explain_text(text, index)[0] for text in (repeated, new)]
    assert [all(c["passed"] for c in each["finding"]) for each in explained] == [
        False,
        True,
    ]
