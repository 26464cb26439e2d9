"""Test that ``match`` takes its own arguments and all options of a match."""

import inspect
from dataclasses import fields

import provscan
from provscan.options import MatchOptions


def test_arguments_are_those_of_the_call_and_the_fields_of_the_options():
    signature = inspect.signature(provscan.match)
    own = ["sources", "index", "out", "overwrite", "progress"]
    options = {item.name: item.default for item in fields(MatchOptions)}
    assert signature.parameters.keys() == {*own, *options}
    code = provscan.match.__code__
    assert [*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]] == own
    assert options == {name: signature.parameters[name].default for name in options}
