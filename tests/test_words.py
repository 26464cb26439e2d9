"""One thing has one name: words that the project does not use, in names, messages and documents."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from house import FILES, ROOT, check, room_of

pytestmark = pytest.mark.untraced

NAMES = re.findall(
    r"\w+",
    """
    amounts capped careful common_sources conclude conclusion containment_from dice find_run given_up hollow
    holders hosts judge least_share lone look looks lots mine mistaken moment outline owners some tally
    unmeasured winners
    """,
)
"""Not used as names, nor as parts of names between underscores."""
WHOLE_NAMES = {"look", "mine", "some"}
CLASSES = {"Drawn", "Skipped", "Store", "Verified"}
TOKENS_OF_A_MODEL = {"estimate", "runs", "report", "cli", "api", "probe", "tests", "benchmarks"}
WORDS = re.compile(
    r"common property|\b(?:dice|moment|holders|hosts|given up|spikes)\b|\ba look\b(?!-)|\bleast share\b"
    r"|\bstand for\b|\blike length\b|\bcame back\b(?! a\b)|\bsay how sure\b",
    re.IGNORECASE,
)
"""Not used in comments, docstrings, messages and documents."""
SOURCES = [
    path
    for path in [*FILES, *ROOT.glob("benchmarks/*.py"), *ROOT.glob("corpora/*.py"), *ROOT.glob("tests/**/*.py")]
    if path.name not in ("test_words.py",)
]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("*/*.md"),
    *ROOT.glob("provscan/*/*.md"),
    *ROOT.glob("provscan/*/*.html"),
]
TEXT_TOKENS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def tokens(path: Path) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)


@cache
def unwanted(name: str, room: str) -> bool:
    parts = set(name.lower().strip("_").split("_"))
    if name in CLASSES or name.strip("_").lower() in NAMES or parts & (set(NAMES) - WHOLE_NAMES):
        return True
    return room not in TOKENS_OF_A_MODEL and bool(parts & {"token", "tokens"})


def test_names_are_the_terms_of_the_design() -> None:
    offenders = []
    for path in SOURCES:
        # What a file defines counts once; attributes of other libraries are not ours to name.
        seen = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                    pass
                case ast.Name(id=name, ctx=ast.Store()):
                    pass
                case ast.Attribute(attr=name, ctx=ast.Store()):
                    pass
                case _:
                    continue
            if name not in seen and unwanted(name, room_of(path)):
                seen.add(name)
                offenders.append((path, f":{node.lineno}: {name}"))
    check("names", offenders)


def test_texts_use_none_of_the_words() -> None:
    offenders = []
    for path in SOURCES:
        # To tell code from text takes long, and few files have such a word in either.
        if not WORDS.search(re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))):
            continue
        for token in tokens(path):
            if token.type in TEXT_TOKENS and (found := WORDS.search(re.sub(r"\s+", " ", token.string))):
                offenders.append((path, f":{token.start[0]}: {found[0]}"))
    for path in DOCUMENTS:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            offenders += [(path, f":{number}: {found[0]}") for found in WORDS.finditer(line)]
    check("words", offenders)
