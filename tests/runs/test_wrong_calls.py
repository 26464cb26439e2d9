"""Test that calls which can not work are refused before anything is scanned."""

import pytest
from dataset import TWEETS

import provscan
from provscan.errors import (
    ParameterError,
)


@pytest.mark.parametrize(
    "options",
    [
        {"sample": 0.0},
        {"sample": 1.5},
        {"spike_ins": -1},
        {"seed": -1},
        {"cutoff": "x"},
        {"sample": "1%"},
        {"max_bad": "0.5"},
        {"spike_ins": 20.5},
        {"workers": "2"},
        {"max_bad": None},
        {"seed": 1.5},
        {"text_field": 5},
        {"text_field": ["text", 5]},
        {"id_field": 5},
        {"cutoff": 2017},
        {"records": "words"},
        {"max_bad": True},
        {"progress": 5},
        {"log": "a\0b"},
    ],
)
def test_parameters_out_of_range(latin, tmp_path, options):
    with pytest.raises(ParameterError, match=f"{next(iter(options))} must be"):
        provscan.match(TWEETS[:2], latin, tmp_path / "a.run", **options)


def test_workers_are_at_least_one(index, tmp_path):
    with pytest.raises(ParameterError, match="workers must be at least 1, not 0"):
        provscan.match([{"text": "a"}], index, tmp_path / "a.run", workers=0)


def test_a_locale_without_utf8_is_refused(index, tmp_path, monkeypatch):
    """In a Latin-1 locale, the sources of a run would have other names than the
    files.
    """
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "iso8859-1")
    for refused in (
        lambda: provscan.match([{"text": "nothing"}], index, tmp_path / "a.run"),
        lambda: provscan.open_index(index.path),
    ):
        with pytest.raises(ParameterError, match="iso8859-1 here, not as UTF-8: start"):
            refused()
