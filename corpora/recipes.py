"""Read ``recipes.toml``, and list it: ``python corpora/recipes.py [NAME]``."""

from __future__ import annotations

import argparse
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

RECIPES = Path(__file__).with_name("recipes.toml")
CHECKSUM = re.compile(r"git:[0-9a-f]{40}|sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Recipe:
    """How to bring one public tweet set into provscan; ``recipes.toml`` says what the fields mean."""

    title: str
    role: str
    licence: str
    licence_url: str
    url: str
    texts: str
    languages: list[str]
    format: str
    load: str
    cite: str
    checksum: str | None = None

    def __post_init__(self) -> None:
        for field, wrong, expected in (
            ("role", self.role not in ("corpus", "dataset"), "corpus or dataset"),
            ("url", not self.url.startswith(("http://", "https://")), "an address"),
            ("licence_url", not self.licence_url.startswith(("http://", "https://")), "an address"),
            ("load", "provscan " not in self.load, "shell lines with a provscan command"),
            (
                "checksum",
                self.checksum is not None and not CHECKSUM.fullmatch(self.checksum),
                "git:<40 hex digits> or sha256:<64 hex digits>",
            ),
        ):
            if wrong:
                raise ValueError(f"{field}: expected {expected}, found {getattr(self, field)!r}")


def read(path: Path = RECIPES) -> dict[str, Recipe]:
    """All recipes by name; raises ValueError for one that is not of the form."""
    recipes = {}
    for name, fields in tomllib.loads(path.read_text(encoding="utf-8")).items():
        try:
            recipes[name] = Recipe(**fields)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: [{name}]: {error}") from None
    return recipes


def main() -> None:
    parser = argparse.ArgumentParser(description="List the public tweet sets, or show how to load one.")
    parser.add_argument("name", nargs="?", choices=sorted(read()))
    args = parser.parse_args()
    for name, recipe in read().items():
        if args.name is None:
            print(f"{name:18} {recipe.role:8} {recipe.title} ({recipe.licence})")
        elif args.name == name:
            print("\n".join(f"{field}: {value}" for field, value in vars(recipe).items() if value is not None))


if __name__ == "__main__":
    main()
