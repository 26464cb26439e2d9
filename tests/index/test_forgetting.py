"""Test forgetting: no later scan finds the tweets, and a purge removes their texts."""

import bz2
import gzip
import json
import lzma
import os
import random
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import zstandard
from click.testing import CliRunner
from files_of_indexes import documents, files, segments
from tweets import sentence

import provscan
from provscan.cli import main, show
from provscan.errors import InputError, OutputError, UsageError
from provscan.readers.bytes.compression import COMPRESSED


@pytest.mark.parametrize("parts", [1, 3])
def test_forgotten_tweets_are_not_found(build, tweets, parts):
    step = 240 // parts
    index = build(tweets[:step])
    for low in range(step, 240, step):
        index = provscan.build_index(tweets[low : low + step], index.path, append=True)
    gone = [tweet["id"] for tweet in tweets[::3]]
    kept = [tweet for tweet in tweets if tweet["id"] not in gone]
    expected = build(kept)
    before = files(index.path)
    report = {"tweets": 80, "unknown": 1, "texts": len(index) - len(expected)}
    assert (
        provscan.forget(index.path, [*gone, "77"], dry_run=True).items()
        >= report.items()
    )
    assert files(index.path) == before
    assert provscan.forget(index.path, [*gone, "77"]).items() >= report.items()
    index = provscan.open_index(index.path)
    info = index.info()
    assert (len(index), info["tweets"], info["forgotten"]) == (len(expected), 160, 80)
    assert index.fingerprint == expected.fingerprint
    rows = index.match(documents(tweets))
    assert rows.equals(expected.match(documents(tweets)))
    assert not set(rows["tweet_id"].to_pylist()) & set(gone)
    numbers = np.arange(index.reader.size)
    living = numbers[index.reader.tweet_counts(numbers) > 0]
    assert sorted(set(index.reader.same_text(living).tolist())) == sorted(
        set(index.reader.same_text(numbers)) - {-1}
    )
    assert index.reader.count_tweets(living) == 160
    assert set(index.reader.tweet_ids(living).array().to_pylist()) <= {
        tweet["id"] for tweet in kept
    }
    if parts == 1:
        since = 1_578_500_000_000
        young, other = (
            i.reader.canonical_texts(np.flatnonzero(i.reader.posted_since(since)))
            for i in (index, expected)
        )
        assert sorted(young.array().to_pylist()) == sorted(other.array().to_pylist())
    # Adding the tweets again does not restore forgotten ones.
    again = provscan.build_index(tweets, index.path, append=True)
    assert (again.info()["appended"]["forgotten"], again.fingerprint) == (
        80,
        expected.fingerprint,
    )
    assert provscan.forget(index.path, gone)["tweets"] == 0


def test_a_purge_removes_tweets_from_the_files(build, tweets):
    index = build(tweets[:120])
    provscan.build_index(tweets[120:], index.path, append=True)
    secret = {
        "id": "424242",
        "text": "Zebracorn quuxification was never meant to be read",
        "author": "ghostwriter",
    }
    provscan.build_index([secret], index.path, append=True)
    marks = [b"zebracorn", b"Zebracorn", b"ghostwriter", b"quuxi"]
    assert any(
        mark in content for mark in marks for content in files(index.path).values()
    )
    before = segments(provscan.open_index(index.path))
    begin = datetime.now(UTC).isoformat(timespec="milliseconds")
    provscan.forget(index.path, "424242", purge=True)
    after = provscan.open_index(index.path)
    assert not any(
        mark in content for mark in marks for content in files(index.path).values()
    )
    assert len(after.info()["segments"]) == 1
    (record,) = Path(index.path, "purges").iterdir()
    (part,) = json.loads(record.read_text())
    assert [tweet["id"] for tweet in part["tweets"]] == ["424242"]
    assert (
        begin
        <= part["tweets"][0]["asked"]
        <= part["purged"]
        <= datetime.now(UTC).isoformat()
    )
    replaced = {f"segments/{name}/texts.utf8" for name in part["replaced"]}
    assert replaced < before.keys()
    assert after.info()["purged"] == 1
    again = provscan.build_index([secret], index.path, append=True)
    assert again.info()["appended"]["forgotten"] == 1
    # Tweets that were forgotten earlier can be purged without forgetting more.
    provscan.forget(index.path, [tweet["id"] for tweet in tweets[:7]])
    with pytest.raises(UsageError, match="no ids to forget"):
        provscan.forget(index.path)
    assert provscan.open_index(index.path).info()["forgotten"] == 7
    assert provscan.forget(index.path, purge=True)["tweets"] == 0
    info = provscan.open_index(index.path).info()
    assert (info["forgotten"], info["purged"]) == (0, 8)


def test_the_id_zero_is_a_number(tmp_path):
    rng = random.Random(1)
    tweets = [
        {"id": name, "text": sentence(rng, "latin", 60)} for name in ("0", "b", "a")
    ]
    index = provscan.build_index(tweets, tmp_path / "a.index")
    provscan.forget(index.path, ["a"])
    left = provscan.open_index(index.path).match([tweet["text"] for tweet in tweets])
    assert left["tweet_id"].to_pylist() == ["0", "b"]


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(24, "Too many open files")]
)
def test_an_error_after_a_commit_says_that_the_index_was_changed(
    build, tweets, monkeypatch, error
):
    index = build(tweets)

    def failing(path):
        if path == Path(index.path).parent:  # Only a commit syncs this folder.
            raise error

    monkeypatch.setattr("provscan.index.folder.sync", failing)
    result = CliRunner().invoke(main, ["forget", str(index.path), tweets[0]["id"]])
    assert result.exit_code == (130 if isinstance(error, KeyboardInterrupt) else 3)
    assert "The index was already changed." in result.stderr
    assert "no results" not in result.stderr
    assert "Nothing" not in result.stderr
    assert provscan.open_index(index.path).info()["forgotten"] == 1


def test_a_purge_on_a_full_disk_says_what_was_forgotten(build, tweets, monkeypatch):
    index = build(tweets)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("provscan.index.merges.write_segment", full)
    with pytest.raises(OutputError, match="No space left") as caught:
        provscan.forget(index.path, [tweets[0]["id"]], purge=True)
    assert "Forgotten before this error: 1 tweet" in caught.value.__notes__[0]
    assert provscan.open_index(index.path).info()["forgotten"] == 1
    with pytest.raises(OutputError, match="No space left") as caught:
        provscan.forget(index.path, purge=True)
    assert not hasattr(caught.value, "__notes__")


def test_ids_come_from_no_device_and_a_pipe_is_waited_for(build, tweets, tmp_path):
    index = build(tweets)
    with pytest.raises(InputError, match="is a device"):
        provscan.forget(index.path, [Path("/dev/zero")])
    pipe = tmp_path / "ids"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("123\n",))
    writer.start()
    with pytest.warns(RuntimeWarning, match="waiting until a program writes"):
        provscan.forget(index.path, [pipe], dry_run=True)
    writer.join()


def test_all_tweets_can_be_forgotten(build, tweets):
    index = build(tweets)
    provscan.forget(index.path, [tweet["id"] for tweet in tweets], purge=True)
    index = provscan.open_index(index.path)
    assert (
        len(index),
        index.info()["tweets"],
        index.match([tweets[0]["text"]]).num_rows,
    ) == (0, 0, 0)
    provscan.verify(index.path)
    with pytest.raises(InputError, match="is empty: add tweets"):
        provscan.match(
            [{"text": tweets[0]["text"]}], index, Path(index.path).with_name("a.run")
        )


STREAM = """
{"delete":{"status":{"id":1001,"id_str":"1001","user_id":3,"user_id_str":"3"},"timestamp_ms":"1427224109"}}
{"data":{"delete":{"event_at":"2026-01-01T00:00:00Z","tweet":{"id":"1002","author_id":"3"}}}}
{"status_withheld":{"id":1003,"user_id":3,"withheld_in_countries":["DE"]}}
{"user_delete":{"id":77,"id_str":"77","timestamp_ms":"1427224109"}}
{"data":{"user_suspend":{"event_at":"2026-01-01T00:00:00Z","user":{"id":"78"}}}}
{"scrub_geo":{"user_id":14090452,"up_to_status_id":23260136625}}
{"user_undelete":{"id":5}}
{"id":"1004","action":"delete","redacted_at":"2026-01-01"}
1005
"""


def test_compliance_streams(build, tmp_path):
    tweets = [
        {
            "id": str(1000 + n),
            "text": f"text number {n * 7919} of all of them",
            "author": "9",
        }
        for n in range(10)
    ]
    tweets[8]["author"], tweets[9]["author"] = "77", "78"
    index = build(tweets)
    (tmp_path / "stream.jsonl").write_text(STREAM)
    report = provscan.forget(index.path, tmp_path / "stream.jsonl")
    assert report["tweets"] == 7
    assert report["events"] == {
        "delete": 3,
        "status_withheld": 1,
        "user_delete": 1,
        "user_suspend": 1,
        "scrub_geo": 1,
        "user_undelete": 1,
        "id": 1,
    }
    left = provscan.open_index(index.path)
    assert {
        left.match([t["text"]]).num_rows for t in (tweets[0], tweets[6], tweets[7])
    } == {1}
    assert {
        left.match([tweets[n]["text"]], min_chars=25).num_rows
        for n in (1, 2, 3, 4, 5, 8, 9)
    } == {0}
    assert report["unknown_accounts"] == 0
    report = provscan.forget(index.path, ["9", "9", "78", "nobody"], users=True)
    assert (report["tweets"], report["unknown"], report["unknown_accounts"]) == (
        3,
        0,
        2,
    )
    assert "2 accounts not found in the index" in "\n".join(show.forgotten(report))
    (tmp_path / "wrong.jsonl").write_text('1000\n{"unknown": 1}\n')
    with pytest.raises(InputError, match=r"wrong\.jsonl, line 2: expected an id"):
        provscan.forget(index.path, tmp_path / "wrong.jsonl")
    with pytest.raises(InputError, match="is neither an existing file nor an id"):
        provscan.forget(index.path, ["a/list/of/ids.txt"])
    with pytest.raises(InputError, match="is a folder: name the files in it"):
        provscan.forget(index.path, [str(tmp_path)])
    with pytest.raises(InputError, match=r"'\\udcff' is not an id: it is not"):
        provscan.forget(index.path, ["\udcff"])


@pytest.mark.parametrize("extension", sorted(COMPRESSED))
def test_lists_of_ids_may_be_compressed(build, tmp_path, extension):
    compress = {
        "gzip": gzip.compress,
        "bzip2": bz2.compress,
        "xz": lzma.compress,
        "zstd": zstandard.compress,
    }[COMPRESSED[extension]]
    index = build([{"id": str(n), "text": f"text number {n} of all"} for n in range(9)])
    data = compress(b"\xef\xbb\xbf1\n2\nnobody\n")
    (path := tmp_path / f"ids.txt{extension}").write_bytes(data[:-9])
    with pytest.raises(InputError, match=r"can't be read: .*Nothing was forgotten$"):
        provscan.forget(index.path, path)
    path.write_bytes(data)
    report = provscan.forget(index.path, str(path))
    assert (report["tweets"], report["unknown"]) == (2, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"1\n\xff\n", "invalid start byte"), (None, "No such file or directory")],
)
def test_a_binary_list_of_ids_forgets_nothing(build, tmp_path, content, message):
    index = build([{"id": str(n), "text": f"text number {n} of all"} for n in range(9)])
    path = tmp_path / "ids.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        InputError, match=f"ids.txt .*{message}.* Nothing was forgotten"
    ):
        provscan.forget(index.path, path)
    assert provscan.open_index(index.path).info()["tweets"] == 9


def test_an_event_with_an_edit_history_forgets_all_versions(build, tmp_path):
    versions = {"edit_history_tweet_ids": ["11", "12", "13"]}
    texts = [
        "a ferry that is late",
        "a ferry that is very late",
        "a lighthouse that is painted",
    ]
    # The last tweet has no history.
    edited = [
        {"id": "12", "text": texts[0], **versions},
        {"id": "13", "text": texts[1], **versions},
    ]
    index = build([*edited, {"id": "22", "text": texts[2]}])
    report = provscan.forget(index.path, ["13"])
    assert (report["tweets"], report["unknown"]) == (0, 1)
    assert "1 id not found in the index" in "\n".join(show.forgotten(report))
    report = provscan.forget(index.path, Path(__file__).with_name("edit_events.jsonl"))
    assert (report["tweets"], report["texts"], report["events"]["tweet_edit"]) == (
        2,
        3,
        4,
    )
