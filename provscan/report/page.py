"""The page ``report.html``: one file without outside parts, for a browser or for paper."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from provscan.report.wording import (
    CHANCE,
    ESTIMATES,
    LEVELS,
    UNCORRECTED,
    count,
    estimated,
    percent,
    reason,
    recalled,
    sampled,
    size,
)

SOURCES_IN_COMMAND = 20


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("provscan.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=count, percent=percent, reason=reason, size=size, value=_value)
    environment.globals.update(
        estimated=estimated, recalled=recalled, sampled=sampled, estimates=ESTIMATES, chance=CHANCE
    )
    return environment.get_template("report.html")


def _value(value: object) -> str:
    """A value of ``run.json``, whatever its type."""
    match value:
        case None:
            return "not given"
        case bool():
            return "yes" if value else "no"
        case int():
            return count(value)
        case float():
            return f"{value:.6g}"
        case Mapping():
            return ", ".join(f"{reason(str(name))} {_value(item)}" for name, item in value.items())
        case list() | tuple():
            return ", ".join(_value(item) for item in value)
        case _:
            return str(value)


def _replay(run: Mapping[str, Any]) -> str:
    """The command that repeats the run, from where it ran first."""
    sources = [item["source"] for item in run["inputs"]]
    if len(sources) > SOURCES_IN_COMMAND:
        sources = ["DATASET..."]
    words = ["provscan", "match", *sources, "-i", run["index"]["path"]]
    for name, value in run["parameters"].items():
        if value is not None and not isinstance(value, Mapping):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(words)


def html(summary: Mapping[str, Any], run: Mapping[str, Any], examples: Iterable[Mapping[str, Any]]) -> str:
    """The report of a run as one HTML page.

    Everything that comes from data is escaped, and the page forbids itself scripts and anything from
    elsewhere, so that a record can't act in the browser of whoever reads about it.

    Parameters
    ----------
    summary
        The content of the run's ``summary.json``.
    run
        The content of its ``run.json``: ``inputs`` (a list of objects with ``source`` and what identifies the
        file), ``index`` (with ``path``), ``parameters``, and any more blocks of names and values.
    examples
        Matches to show side by side: the keys ``source``, ``record``, ``record_id``, ``start``, ``end``;
        ``before``, ``span``, ``after`` (the record's text around the match); ``level``, ``similarity``,
        ``containment``; ``tweet_id``, ``tweet`` (the licensed text), ``tweets``, ``author``, ``created_at``.

    Returns
    -------
    str
        The page, to be written as UTF-8.
    """
    page = _template().render(
        summary=summary,
        run=run,
        examples=list(examples),
        blocks={name: value for name, value in run.items() if isinstance(value, Mapping)},
        facts={name: value for name, value in run.items() if isinstance(value, str | int | float)},
        replay=_replay(run),
        level_meanings=LEVELS,
        uncorrected=UNCORRECTED,
    )
    # A file name on disk need not be valid Unicode; the page must be.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")
