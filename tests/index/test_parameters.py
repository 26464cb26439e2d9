"""Test the parameters of an existing index: contradictions, and the length of its
seeds.
"""

from pathlib import Path

import pytest

import provscan
from provscan.errors import IndexFormatError, ParameterError, UsageError


def segments(index):
    """Return the content of every file in the segments of an index, by its path."""
    root = Path(index.path)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.glob("segments/*/*")
    }


def test_contradictory_parameters(build, tweets):
    index = build(tweets, bands=16, rows=8, seed_length=14, fraction=0.5)
    given = {
        "bands": (32, 16),
        "rows": (4, 8),
        "seed_length": (12, 14),
        "fraction": (0.25, 0.5),
    }
    for name, (value, stored) in given.items():
        with pytest.raises(
            ParameterError, match=f"{name} is {value}, but .* was built with {stored}"
        ):
            provscan.build_index(tweets, index.path, append=True, **{name: value})  # type: ignore[arg-type]
    more = provscan.build_index(
        [{"id": "9", "text": "one more text of it all"}],
        index.path,
        append=True,
        bands=16,
    )
    assert (more.params.bands, more.reader.fraction) == (16, 0.5)
    appended = more.info()["appended"]
    assert (appended["added"], appended["known"], appended["forgotten"]) == (1, 0, 0)
    plain = build(tweets)
    with pytest.raises(ParameterError, match=r"seed_length is 10, but .* was built"):
        provscan.build_index(tweets, plain.path, append=True, seed_length=10)
    with pytest.raises(UsageError, match="either append"):
        provscan.build_index(tweets, index.path, append=True, overwrite=True)
    with pytest.raises(IndexFormatError, match="there is no index"):
        provscan.build_index(
            tweets, Path(index.path).with_name("none.index"), append=True
        )


def test_seeds_become_longer_as_the_index_grows(build, tweets, monkeypatch):
    distinct = list(
        {provscan.canonical([tweet["text"]])[0]: tweet for tweet in tweets}.values()
    )
    monkeypatch.setattr("provscan.params.MANY_TEXTS", 100)
    index = build(distinct[:100])
    assert index.params.seed_length == 10
    first = segments(index)
    more = provscan.build_index(distinct[100:103], index.path, append=True)
    expected = build(distinct[:103])
    assert more.params.seed_length == expected.params.seed_length == 11
    assert segments(more) == segments(expected)
    assert more.fingerprint == expected.fingerprint
    assert provscan.verify(index.path)["texts"] == 103
    # After tweets are forgotten, only a purge makes the seeds shorter again.
    assert (
        provscan.forget(index.path, [tweet["id"] for tweet in distinct[100:103]])[
            "texts"
        ]
        == 3
    )
    assert provscan.open_index(index.path).params.seed_length == 11
    provscan.forget(index.path, [], purge=True)
    assert provscan.open_index(index.path).params.seed_length == 10
    assert segments(provscan.open_index(index.path)) == first
    fixed = build(distinct[:100], seed_length=12)
    assert (
        provscan.build_index(
            distinct[100:103], fixed.path, append=True
        ).params.seed_length
        == 12
    )
