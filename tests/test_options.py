"""Test that the keyword arguments of ``match`` for type checkers are its options."""

from __future__ import annotations

from dataclasses import fields

from provscan.options import MatchKeywords, MatchOptions


def test_keyword_arguments_are_the_fields_of_the_options() -> None:
    options = {item.name: item.type for item in fields(MatchOptions)}
    keywords = {
        name: known.__forward_arg__
        for name, known in MatchKeywords.__annotations__.items()
    }
    assert keywords == options
    assert list(keywords) == list(options)
