"""The options of a match as options of the command and as keyword arguments of a
function.

:func:`help_of` returns the text of ``--help`` for an option, :func:`with_options` gives
a function the documentation and signature of all options, and :func:`given_options`
makes options from the keyword arguments of a call.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar, cast

from provscan.options import MatchOptions, option_name

P = ParamSpec("P")
R = TypeVar("R")


@cache
def documentation() -> dict[str, str]:
    """Return the documentation of each option of :class:`MatchOptions` as one line."""
    text = inspect.cleandoc(MatchOptions.__doc__ or "").partition("----------\n")[2]
    entries = re.findall(r"^(\w+)\n((?:    .*\n?)+)", text, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in entries}


def help_of(name: str) -> str:
    """Return the text of ``--help`` for an option."""

    def name_in_help(found: re.Match[str]) -> str:
        return option_name(found[1]) if found[1] in documentation() else found[1]

    words = documentation().get(name, "(PYTHONOPTIMIZE=2 removes this text)")
    return re.sub(r"``(\w+)``", name_in_help, words)


def with_options(
    arguments: Callable[P, MatchOptions],
) -> Callable[[Callable[..., R]], Callable[P, R]]:
    """Return a decorator for a function with ``**options``. The function gets the
    documentation of :class:`MatchOptions` and the signature of ``arguments``. This is a
    subclass of :class:`MatchOptions` that also has the function's other arguments.
    """

    def decorated(function: Callable[..., R]) -> Callable[P, R]:
        words = "".join(
            f"{name}\n    {text}\n" for name, text in documentation().items()
        )
        function.__signature__ = inspect.signature(arguments).replace(  # type: ignore[attr-defined]
            return_annotation=inspect.signature(function).return_annotation
        )
        # Since Python 3.13, the compiler removes the indentation of docstrings.
        doc = inspect.cleandoc(function.__doc__ or "")
        head, _, rest = doc.partition("**options\n")
        function.__doc__ = head + words + rest.partition("\n")[2]
        return cast("Callable[P, R]", function)

    return decorated


def given_options(options: dict[str, Any]) -> MatchOptions:
    """Return the options for keyword arguments. The error for an unknown name suggests
    a similar one.
    """
    import difflib

    former = {"null": "clean_data", "known": "other_sources", "no_text": "digests"}
    for name in options.keys() - MatchOptions.__dataclass_fields__.keys():
        if name in former:
            raise TypeError(f"match() has no option {name}: it is {former[name]} now")
        close = difflib.get_close_matches(name, MatchOptions.__dataclass_fields__, 1)
        hint = f": did you mean {close[0]}?" if close else ""
        raise TypeError(f"match() has no option {name}{hint}")
    return MatchOptions(**options)
