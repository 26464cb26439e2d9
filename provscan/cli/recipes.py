"""``provscan recipes``: list public tweet sets that can be indexed by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import click

from provscan.cli import shared
from provscan.errors import ParameterError


@shared.command("recipes")
@click.argument("name", required=False)
@shared.as_json
def command(name: str | None, as_json: bool) -> None:
    """List public tweet sets, or describe one set.

    The description gives the terms, the location and the files of a set. provscan
    contains none of these sets. `provscan index recipe:NAME=PATH` indexes your copy of
    a set.
    """
    from provscan.cli import show
    from provscan.readers.corpus.recipes import known_recipes

    known = known_recipes()
    if name is not None and name not in known:
        raise ParameterError(
            f"no recipe is called {name!r}; the recipes are {', '.join(sorted(known))}"
        )
    chosen = {
        key: dataclasses.asdict(recipe)
        for key, recipe in known.items()
        if name in (None, key)
    }
    show.result(chosen, as_json, _list if name is None else _details)


def _list(recipes: dict[str, Any]) -> Iterator[str]:
    for key, entry in recipes.items():
        yield f"{key:25} {entry['title']}\n{'':25} {entry['licence']}"


def _details(recipes: dict[str, Any]) -> Iterator[str]:
    for name, entry in recipes.items():
        for field, value in entry.items():
            if isinstance(value, dict):
                value = ", ".join(
                    f"{role}: {column}" for role, column in value.items() if column
                )
            if value not in (None, "", ()):
                yield (
                    f"{field:12} "
                    f"{', '.join(value) if isinstance(value, tuple) else value}"
                )
        yield f"{'use':12} provscan index recipe:{name}=PATH"
