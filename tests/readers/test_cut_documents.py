"""Test that documents that are truncated or lack a byte are reported, in datasets and
corpora.
"""

import random

import pytest
from documents import DOCUMENTS, LINES, TEXTS
from invariants import losses_are_named
from nightly import NIGHTLY

import provscan
from provscan.errors import InputError
from provscan.readers import Fields, ReadStats, plan, plan_tweets, read, read_tweets

# Formats that state their end or length, so that a truncated document is never a
# complete one, and the number of first bytes by which each is recognised.
ENDED = {
    "array.json": 3,
    "indented.json": 3,
    "wide.json": 200,
    "tweets.js": 30,
    "archive.tar": 600,
    "archive.tar.gz": 20,
    "archive.zip": 60,
    "table.parquet": 10,
    "file.arrow": 10,
    "stream.arrow": 10,
    "lines.jsonl.gz": 20,
    "lines.jsonl.bz2": 20,
    "lines.jsonl.xz": 20,
    "lines.jsonl.zst": 20,
}
# Formats in which only records state their end. Cut between two records, such a
# document is a complete one.
BY_RECORD = {
    "lines.jsonl": b"\n",
    "objects.json": b"}\n",
    "marked.jsonl": b"\n\0",
    "table.csv": b"\r\n",
    "crawl.warc": b"\r\n\r\nWARC",
}
PLACES = 50 if NIGHTLY else 6
NO_CORPUS = ("texts.xml", "crawl.warc")


def delivered(texts):
    whole = "\n".join(texts)
    return sum(text in whole for text in TEXTS)


def dataset(path):
    stats, texts = ReadStats(), []
    splits = plan(path, Fields())
    for split in splits:
        for batch in read(split, Fields(), stats):
            texts += batch["text"].to_pylist()
    return delivered(texts), stats, splits.unread


def corpus(path):
    stats, texts = ReadStats(), []
    files = plan_tweets(path, Fields())
    for file in files.files:
        for batch in read_tweets(file, stats):
            texts += batch["text"].to_pylist()
    return delivered(texts), stats, files.unread


def places(name, data, start):
    return sorted(random.Random(name).sample(range(start, len(data) - 1), PLACES))


@pytest.mark.parametrize("way", [dataset, corpus])
@pytest.mark.parametrize("name", [*ENDED, *BY_RECORD])
def test_complete_documents_are_undamaged(write, name, way):
    if way is corpus and name in NO_CORPUS:
        pytest.skip("not read as tweets")
    found, stats, unread = way(write(name, DOCUMENTS[name]))
    assert (found, stats.damaged, unread) == (len(TEXTS), [], [])
    assert stats.skipped == {}


@pytest.mark.parametrize("way", [dataset, corpus])
@pytest.mark.parametrize("name", ENDED)
def test_a_truncated_document_is_damaged(write, name, way):
    if way is corpus and name in NO_CORPUS:
        pytest.skip("not read as tweets")
    for at in places(name, DOCUMENTS[name], ENDED[name]):
        try:
            found, stats, unread = way(write(name, DOCUMENTS[name][:at]))
        except InputError:
            continue
        assert stats.damaged or unread or found == len(TEXTS), (at, found)
        assert all(damage.records <= len(TEXTS) for damage in stats.damaged)


@pytest.mark.parametrize("way", [dataset, corpus])
@pytest.mark.parametrize("name", [*ENDED, *BY_RECORD])
def test_a_lost_byte_loses_no_record_silently(write, name, way):
    if way is corpus and name in NO_CORPUS:
        pytest.skip("not read as tweets")
    data = DOCUMENTS[name]
    for at in places(name, data, ENDED.get(name, 100)):
        try:
            found, stats, unread = way(write(name, data[:at] + data[at + 1 :]))
        except InputError:
            continue
        assert losses_are_named(len(TEXTS) - found, stats, unread), (
            at,
            found,
            data[at - 40 : at + 40],
        )


def test_a_truncated_array_is_matched_but_not_indexed(tmp_path, write):
    index = provscan.build_index(
        write("whole.json", DOCUMENTS["array.json"]), tmp_path / "a.index"
    )
    cut = write(
        "cut.json", DOCUMENTS["array.json"][: len(DOCUMENTS["array.json"]) // 2]
    )
    (damage,) = provscan.match(cut, index, tmp_path / "a.run", spike_ins=0).summary[
        "damaged"
    ]
    assert damage["records"] in (29, 30)
    assert damage["problem"].startswith("it ends within its JSON (")
    with pytest.raises(
        InputError,
        match=r"cut\.json is damaged after .* records \(it ends within its JSON",
    ):
        provscan.build_index(cut, tmp_path / "b.index")


@pytest.mark.parametrize("way", [dataset, corpus])
def test_a_document_truncated_within_its_first_record_is_reported(write, tmp_path, way):
    write("data/a.jsonl", LINES)
    write("data/b.json", '[{"id": "1", "text": "some words of')
    write("data/c.json", "[]")
    found, stats, unread = way(str(tmp_path / "data"))
    assert found == len(TEXTS)
    assert len([*stats.damaged, *unread]) == 1
    assert "b.json" in str([*stats.damaged, *unread])


def test_elements_after_a_lost_bracket(write):
    """Without its opening bracket, an element is lost; without its closing bracket, all
    later elements are lost, too. The file is damaged in both cases.
    """
    data = DOCUMENTS["array.json"]
    opening, closing = data.index(b"{", 2000), data.index(b"}", 2000)
    found, stats, _ = dataset(write("a.json", data[:opening] + data[opening + 1 :]))
    assert found == len(TEXTS) - 1
    assert "without an opening one: 1" in stats.damaged[0].reason
    found, stats, _ = dataset(write("a.json", data[:closing] + data[closing + 1 :]))
    assert 0 < found < len(TEXTS) / 2
    assert "1 bracket not closed" in stats.damaged[0].reason
