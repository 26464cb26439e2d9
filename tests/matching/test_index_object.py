"""Test an index as a collection of tweets, and results of data in memory."""

import pickle

import numpy as np
import pytest

import provscan
from provscan.errors import (
    IndexFormatError,
    InputError,
    ParameterError,
    named_as_options,
)

TWEETS = [
    {"id": "1", "text": "Never trust a goat near the harbour", "author": "a"},
    {"id": "2", "text": "never trust a goat near the harbour!", "lang": "en"},
    {"id": "3", "text": "The ferry leaves at nine, with or without the kettle"},
]


def test_tweets_are_looked_up_by_id_and_iterated_by_text(tmp_path):
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


def test_signatures_become_datasketch_objects_and_back():
    datasketch = pytest.importorskip("datasketch")
    signatures = provscan.minhash(["It is raining again", "", "a ferry"])
    sketches = provscan.to_datasketch(signatures)
    np.testing.assert_array_equal(provscan.from_datasketch(sketches), signatures)
    assert provscan.from_datasketch([]).shape == (0, 128)
    for other in (datasketch.MinHash(seed=2), datasketch.MinHash(num_perm=64), "a"):
        with pytest.raises(ParameterError, match="128 permutations"):
            provscan.from_datasketch([other])


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
def test_errors_name_keyword_arguments_in_python(message, shown):
    error = InputError(message)
    assert str(error) == shown
    with named_as_options():
        assert str(error) == message
    assert str(error) == shown


def test_errors_advise_functions_in_python(tmp_path):
    for folder, advice in (
        ("nothing.index", "provscan.build_index(corpus, "),
        ("", "provscan.build_index wrote"),
    ):
        with pytest.raises(IndexFormatError) as raised:
            provscan.open_index(tmp_path / folder)
        assert advice in str(raised.value)
        assert "`" not in str(raised.value)
        assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)
    with pytest.raises(InputError) as strings:
        provscan.match(
            ["a goat"],
            provscan.build_index(TWEETS, tmp_path / "a.index"),
            tmp_path / "r",
        )
    assert '[{"text": "..."}]' in str(strings.value)
