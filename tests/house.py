"""Read the source files for the tests of the house rules."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "provscan"
FILES = sorted(PACKAGE.rglob("*.py"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Return all nodes of the syntax tree of a file."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def module_of(path: Path) -> str:
    """Return the module of a file: ``provscan/index/__init__.py`` is
    ``provscan.index``.
    """
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package(module: str) -> str:
    """Return the package of a module: ``index`` for ``provscan.index.format``, and
    ``__init__`` for ``provscan`` itself.
    """
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def package_of(path: Path) -> str:
    """Return the package of a module's file; for other files, the top-level folder
    or ``documents``.
    """
    relative = path.relative_to(ROOT)
    if relative.parts[0] == "provscan" and path.suffix == ".py":
        return package(module_of(path))
    if relative.parts[0] == "provscan" and len(relative.parts) > 2:
        return relative.parts[1]
    return relative.parts[0] if len(relative.parts) > 1 else "documents"


def check(rule: str, offenders: Iterable[tuple[Path, str]]) -> None:
    """Fail if files break a rule, and list these files and what is wrong in them."""
    message = "\n".join(f"{path.relative_to(ROOT)}{what}" for path, what in offenders)
    assert not message, f"{rule}:\n{message}"
