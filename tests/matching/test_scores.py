"""Test that ``Index.match`` gives a match the same scores as a run."""

import json
import multiprocessing
import pickle

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from house import ROOT

import provscan
from provscan.errors import ParameterError
from provscan.matching.user_index import SCORED
from provscan.params import SearchLimits

TINY = ROOT / "corpora" / "tiny"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return provscan.build_index(
        TINY / "corpus", tmp_path_factory.mktemp("tiny") / "licensed.index"
    )


@pytest.fixture(scope="module")
def records():
    lines = (TINY / "dataset.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_rows_equal_those_of_a_run(tiny, records, tmp_path):
    run = provscan.match(records, tiny, tmp_path / "a.run", spike_ins=0)
    names = [name for name in SCORED.names if name not in ("source", "field")]
    found = tiny.match(
        [record["text"] for record in records], ids=[record["id"] for record in records]
    )
    assert found.select(names).equals(run.matches.select(names))
    assert 0 < pc.sum(found["counted"]).as_py() < len(found)


def test_evidence_equals_that_of_a_run(tiny, records, tmp_path):
    run = provscan.match(records, tiny, tmp_path / "a.run", spike_ins=0)
    found = tiny.match([record["text"] for record in records], evidence=True)
    findings = found.filter(found["counted"])
    names = [name for name in run.findings.schema.names if name in found.schema.names]
    names = [name for name in names if name not in ("source", "field", "record_id")]
    assert {"passage", "tweet", "author", "time", "permalink", "lang"} <= {*names}
    assert findings.select(names).equals(run.findings.select(names))


def test_ids_of_another_platform_have_no_permalink(tmp_path):
    """An id with another time than the tweet's is not one of the platform."""
    text = "the heron at the lock counted its fish twice and wrote nothing about {}"
    tweets = [
        # The time in this id is 2015-04-21.
        ("590580440475574273", "2015-04-20T11:00:00+00:00"),
        ("4700000000000001", "2022-03-08T10:00:00+00:00"),
        ("4700000000000002", None),
        ("1234", "2022-03-08T10:00:00+00:00"),
        ("99999999999999999999", "2022-03-08T10:00:00+00:00"),
    ]
    words = ("otters", "lanterns", "marzipan", "umbrellas", "Thursday")
    texts = [text.format(f"{word} {word[::-1]}") for word in words]
    rows = [
        {"id": number, "text": each, "created_at": time}
        for (number, time), each in zip(tweets, texts, strict=True)
    ]
    index = provscan.build_index(rows, tmp_path / "a.index")
    found = index.match(texts, evidence=True).to_pylist()
    linked = {row["tweet_id"]: row["permalink"] is not None for row in found}
    assert [linked[number] for number, _ in tweets] == [True, False, True, True, True]


def test_authors_are_counted(tmp_path):
    text = "a saying that three people posted one after the other in the same week"
    tweets = [
        {"id": str(n), "text": text, "author": author}
        for n, author in enumerate(["a", "b", "b", "c", None])
    ]
    index = provscan.build_index(tweets, tmp_path / "a.index")
    (row,) = index.match([text], evidence=True).to_pylist()
    assert (row["tweets"], row["authors"], row["common"]) == (5, 3, True)
    (span,) = index.match_document(text)
    assert (span.common, span.known, span.counted) == (True, False, False)


def test_ids_stay_with_their_rows(latin):
    texts = [tweet_text(latin, n) for n in range(3)]
    for ids, named in (
        (["a", None, "c"], ["a", None, "c"]),
        (pa.array([5, 6, 7]), ["5", "6", "7"]),
    ):
        assert latin.match(texts, ids=ids)["record_id"].to_pylist() == named
    with pytest.raises(ParameterError, match="one id per text, 3 in all, found 2 ids"):
        latin.match(texts, ids=["a", "b"])


def tweet_text(index, number):
    _, texts = index.reader.texts_of_ids(pa.array([str(number)]))
    return str(index.reader.raw_texts(texts).array()[0].as_py())


def test_params_are_one_value_or_several(latin):
    text = tweet_text(latin, 1)[:45]
    params = provscan.MatchParams(min_chars=60)
    assert latin.match([text])
    assert not latin.match([text], params=params)
    assert latin.match([text], params=params, min_chars=20)
    assert not latin.match_document(text, params=params)
    with pytest.raises(ParameterError, match=r"^params must be MatchParams"):
        latin.match([text], params=SearchLimits())  # type: ignore[arg-type]


def test_a_single_string_is_accepted_only_if_unambiguous(latin):
    assert latin.match_document(tweet_text(latin, 1))
    with pytest.raises(ParameterError, match="into a list, or call match_document"):
        latin.match("one text")
    with pytest.raises(ParameterError, match=r"text must be one str \(match takes"):
        latin.match_document(["one text"])  # type: ignore[arg-type]


def found_by(index, text):
    return [str(name) for name in index.match([text])["tweet_id"].to_pylist()]


@pytest.mark.usefixtures("fork")
def test_an_index_is_pickled_as_its_path(latin, monkeypatch, tmp_path):
    text = tweet_text(latin, 1)
    sent = pickle.dumps(latin)
    assert len(sent) < 500
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(sent).match([text]).equals(latin.match([text]))
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        assert pool.apply(found_by, (latin, text)) == found_by(latin, text)
