"""Test an index as a collection of tweets, and results of data in memory."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pytest

import provscan
from provscan.errors import InputError, OutputError, ParameterError, named_as_options

TWEETS = [
    {"id": "1", "text": "Never trust a goat near the harbour", "author": "a"},
    {"id": "2", "text": "never trust a goat near the harbour!", "lang": "en"},
    {"id": "3", "text": "The ferry leaves at nine, with or without the kettle"},
]


def test_tweets_are_looked_up_by_id_and_iterated_by_text(tmp_path: Path) -> None:
    index = provscan.build_index(TWEETS, tmp_path / "a.index")
    assert (index["1"].text, index["1"].author) == (TWEETS[0]["text"], "a")
    assert (index["2"].id, index["2"].lang) == ("2", "en")
    assert "3" in index
    for unknown in ("4", "", 1, None):
        assert unknown not in index
        with pytest.raises(KeyError):
            index[unknown]  # type: ignore[index]
    assert [tweet.id for tweet in index] == ["1", "3"]
    texts = [tweet.text for tweet in index]
    np.testing.assert_array_equal(index.signatures(), provscan.minhash(texts))
    provscan.forget(index.path, ["1"])
    provscan.build_index(
        [{"id": "4", "text": TWEETS[0]["text"]}], index.path, append=True
    )
    index = provscan.open_index(index.path)
    assert "1" not in index
    assert {tweet.id for tweet in index} == {"2", "3"}
    assert len(index.signatures()) == len(index) == 2
    provscan.forget(index.path, ["2", "3", "4"])
    empty = provscan.open_index(index.path)
    assert (list(empty), empty.signatures().shape) == ([], (0, 128))


def test_signatures_become_datasketch_objects_and_back() -> None:
    datasketch = pytest.importorskip("datasketch")
    signatures = provscan.minhash(["It is raining again", "", "a ferry"])
    sketches = provscan.to_datasketch(signatures)
    np.testing.assert_array_equal(provscan.from_datasketch(sketches), signatures)
    assert provscan.from_datasketch([]).shape == (0, 128)
    for other in (datasketch.MinHash(seed=2), datasketch.MinHash(num_perm=64), "a"):
        with pytest.raises(ParameterError, match="128 permutations"):
            provscan.from_datasketch([other])


def test_a_cell_of_a_notebook_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = [{"text": TWEETS[0]["text"]}]
    for _ in range(2):
        index = provscan.build_index(TWEETS)
        run = provscan.match(texts, index)
        assert run.matches["tweet_id"].to_pylist() == ["1"]
    assert list(tmp_path.iterdir()) == []
    folders = [Path(run.path), Path(index.path)]
    assert all(folder.exists() for folder in folders)
    del run, index
    gc.collect()
    assert not any(folder.parent.exists() for folder in folders)

    Path("data.jsonl").write_text(json.dumps(texts[0]) + "\n", encoding="utf-8")
    for _ in range(2):
        index = provscan.build_index(TWEETS, "a.index")
        run = provscan.match("data.jsonl", index)
        assert run.path == Path("data.run")
    for other in ({"out": "data.run"}, {"spike_ins": 0}):
        with pytest.raises(OutputError, match="overwrite=True"):
            provscan.match("data.jsonl", index, **other)
    with pytest.raises(OutputError, match="overwrite=True"):
        provscan.match(texts, index, "data.run")
    with pytest.raises(OutputError, match="append=True"):
        provscan.build_index(TWEETS[:1], "a.index")
    with pytest.raises(OutputError):
        provscan.match("data.jsonl", index, overwrite=False)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a.index", "data.run", "data.jsonl"}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("replace it with --overwrite", "replace it with overwrite=True"),
        ("more than --max-bad 5%", "more than max_bad 5%"),
        ("with allow_unread (--allow-unread)", "with allow_unread=True"),
        ("the text (--text-field)", "the text (text_field)"),
        ("with purge (--purge)", "with purge"),
        ("start one with `ray start --head`", "start one with `ray start --head`"),
        ("a--b -- c", "a--b -- c"),
    ],
)
def test_errors_name_keyword_arguments_in_python(message: str, shown: str) -> None:
    error = InputError(message)
    assert str(error) == shown
    with named_as_options():
        assert str(error) == message
    assert str(error) == shown
