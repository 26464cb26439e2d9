"""``provscan recipes``: public tweet sets that can be indexed by name."""

from __future__ import annotations

import dataclasses
import json

import click

from provscan.cli import as_json, echo
from provscan.errors import ParameterError


@click.command("recipes")
@click.argument("name", required=False)
@as_json
def command(name: str | None, as_json: bool) -> None:
    """List public tweet sets, or show one: its terms, where it is, which files hold tweets.

    None of them comes with provscan. `provscan index recipe:NAME=PATH` indexes a copy of yours.
    """
    from provscan.readers import known_recipes

    known = known_recipes()
    if name is not None and name not in known:
        raise ParameterError(f"no recipe is called {name!r}; there are {', '.join(sorted(known))}")
    chosen = {key: dataclasses.asdict(recipe) for key, recipe in known.items() if name in (None, key)}
    if as_json:
        echo(json.dumps(chosen, indent=2, ensure_ascii=False))
        return
    for key, entry in chosen.items():
        if name is None:
            echo(f"{key:25} {entry['title']}\n{'':25} {entry['licence']}")
            continue
        for field, value in entry.items():
            if isinstance(value, dict):
                value = ", ".join(f"{role}: {column}" for role, column in value.items() if column is not None)
            if value not in (None, "", ()):
                echo(f"{field:12} {', '.join(value) if isinstance(value, tuple) else value}")
    if name is not None:
        echo(f"{'use':12} provscan index recipe:{name}=PATH")
