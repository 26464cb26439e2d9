"""Names in the package are the terms of the glossary in CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import FILES, ROOT, check, nodes, room_of

pytestmark = pytest.mark.untraced

ROW = re.compile(r"\| ([^|]+) \| [^|]+ \| ?([^|]*) ?\|")
# Elsewhere a token is a word.
WITH_LANGUAGE_MODELS = {"estimate", "runs", "report", "cli", "api", "probe"}


def glossary() -> dict[str, str]:
    """Each word that is not used, and the term in its place."""
    words = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Words")[2].partition("\n## ")[0]
    rows = [(row[1], row[2].strip()) for row in map(ROW.fullmatch, words.splitlines()) if row and row[1] != "term"]
    assert len(rows) >= 20
    return {word: term for term, words in rows for word in words.split(", ") if word}


def names(path: Path) -> Iterator[tuple[int, str]]:
    """What a file names; attributes of other libraries are not ours to name."""
    for node in nodes(path):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name


def words_of(name: str) -> set[str]:
    """``_TextClusters``, ``text_clusters`` -> text, clusters."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_names_are_terms_of_the_glossary() -> None:
    terms = glossary()
    offenders = []
    for path in FILES:
        tokens = set() if room_of(path) in WITH_LANGUAGE_MODELS else {"token", "tokens"}
        for line, name in names(path):
            for word in words_of(name) & (terms.keys() | tokens):
                offenders.append((path, f":{line}: {name} ({terms.get(word, 'word')}, not {word})"))
    check("names", offenders)
