"""The sentences and terms about the results of a run, by code, from ``messages.toml``.

The condition of a message is in the code that yields it; its sentence is in the table,
and :func:`message` puts both together, once. Results contain the code beside the
sentence, so that no program has to parse sentences.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from provscan.names import several


class _Words(Formatter):
    """Also formats ``{count:file was|files were}``: a count with the words that fit,
    and ``{count:~was|were}``: these words alone.
    """

    def format_field(self, value: Any, format_spec: str) -> str:
        one, plural, more = format_spec.partition("|")
        if one.startswith("~"):
            return one[1:] if round(value) == 1 else more
        if plural:
            return several(value, one, more)
        return str(super().format_field(value, format_spec))


@cache
def tables() -> dict[str, Any]:
    """Return the entries of all kinds, by kind and code."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def terms(kind: str) -> dict[str, Any]:
    """Return all entries of a kind, by code, in the order of the table."""
    entries: dict[str, Any] = tables()[kind]
    return entries


def sentence(kind: str, code: str, /, **values: Any) -> str:
    """Return the sentence of a code with its values."""
    return _Words().format(terms(kind)[code], **values)


def message(kind: str, code: str, /, **values: Any) -> dict[str, str]:
    """Return ``code`` and ``message``, the sentence of the code with its values."""
    return {"code": code, "message": sentence(kind, code, **values)}
