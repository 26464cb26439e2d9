"""Load the recipes for public tweet sets. A recipe says which files of a set contain
tweets, and how to read them.

``recipes.toml`` contains the recipes and explains their fields. provscan neither
contains nor downloads any set: ``recipe:NAME=PATH`` names the user's copy.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from provscan.errors import InputError, ParameterError
from provscan.readers.bytes.compression import COMPRESSED
from provscan.readers.fields.binding import Fields
from provscan.urls import opened, source_of

PREFIX = "recipe:"
# The first path is a link to the file in a checkout, and the file itself in an
# installed package. The second path is for copies of the sources that lack the link.
PLACES = (
    Path(__file__).with_name("recipes.toml"),
    Path(__file__).parents[3] / "corpora" / "recipes.toml",
)


@dataclass(frozen=True)
class Recipe:
    """One public tweet set; see ``corpora/recipes.toml``."""

    name: str
    title: str
    licence: str
    licence_url: str
    url: str
    texts: str
    languages: tuple[str, ...]
    files: tuple[str, ...]
    cite: str
    fields: Fields = field(default_factory=Fields)
    revision: str | None = None
    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    quoted: bool | None = None
    note: str | None = None

    def covers(self, source: str) -> bool:
        """Return whether a file or a member of an archive contains tweets of the
        set.
        """
        path = PurePosixPath(source)
        names = [path, path.with_suffix("")] if path.suffix in COMPRESSED else [path]
        return any(name.match(pattern) for name in names for pattern in self.files)


@cache
def known_recipes() -> dict[str, Recipe]:
    file = next(path for path in PLACES if path.exists())
    found = {}
    for name, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
        for key in ("languages", "files"):
            entry[key] = tuple(entry[key])
        found[name] = Recipe(
            name=name, **{**entry, "fields": Fields(**entry.get("fields", {}))}
        )
    return found


def path_in_recipe(source: str) -> str:
    """Return the path in a source such as ``recipe:tweeteval=downloads/tweeteval``. Any
    other source is returned unchanged.
    """
    if not source.startswith(PREFIX):
        return source
    return source_of(opened(source).partition("=")[2])


def recipe_of(source: str) -> tuple[Recipe, str]:
    """Return the recipe and the path of a source such as
    ``recipe:tweeteval=downloads/tweeteval``.
    """
    name = source.removeprefix(PREFIX).partition("=")[0]
    path = path_in_recipe(source)
    if name not in known_recipes():
        near = difflib.get_close_matches(name, known_recipes(), 1)
        known = (
            f"the nearest is {near[0]}"
            if near
            else f"the recipes are {', '.join(sorted(known_recipes()))}"
        )
        raise ParameterError(f"no recipe is called {name!r}; {known}")
    recipe = known_recipes()[name]
    if not path:
        raise InputError(
            f"{recipe.title} is not part of provscan and is not downloaded. Get it "
            f"from {recipe.url} and name your copy: {PREFIX}{name}=PATH"
        )
    return recipe, path
