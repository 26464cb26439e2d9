"""Test that names in the package are terms of the glossary, not synonyms of them."""

import ast
import re

import pytest
from house import FILES, check, nodes, package_of

pytestmark = pytest.mark.untraced

# For each term, synonyms that names must not contain. Ordinary words with other uses
# are not in this list.
NOT_USED = {
    "tweet": "posts",
    "match, span": "snippet snippets",
    "fingerprint": "prints",
    "run": "execution executions",
    "clean data": "negatives",
    "chance measure": "gauge gauges",
    "chance match": "coincidence coincidences",
    "cluster": "bunch bunches bunched",
    "spike-in": "spikes canary canaries injected",
    "carrier record": "hosts",
    "split": "partition partitions",
    "executor": "backend backends scheduler schedulers",
}
TERMS = {word: term for term, words in NOT_USED.items() for word in words.split()}
# Rooms in which "token" means a token of a language model or an access token. In other
# packages, the term is "word".
WITH_LANGUAGE_MODELS = {
    "estimate",
    "runs",
    "report",
    "cli",
    "api",
    "probe",
    "server",
    "ledger",
}


def names(path):
    """Yield the line and name of each definition in a file."""
    for node in nodes(path):
        match node:
            case (
                ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name)
            ):
                yield node.lineno, name
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
            ):
                yield node.lineno, name


def words_of(name):
    """Return the words in a name: ``_TextClusters`` contains text and clusters."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_names_are_terms_of_the_glossary():
    offenders = []
    for path in FILES:
        terms = (
            TERMS
            if package_of(path) in WITH_LANGUAGE_MODELS
            else TERMS | {"token": "word", "tokens": "words"}
        )
        for line, name in names(path):
            offenders += [
                (path, f":{line}: {name} ({terms[w]}, not {w})")
                for w in words_of(name) & terms.keys()
            ]
    check("names", offenders)
