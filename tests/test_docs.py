"""Test documentation that can become outdated: docstrings, examples, the reference of
the commands, and the metadata.
"""

import doctest
import importlib
import inspect
import re
import runpy
import tomllib
from pathlib import Path

import pytest
from house import FILES, ROOT, check, module_of
from numpydoc.docscrape import ClassDoc, FunctionDoc

import provscan
from provscan import errors, estimate, handover, probe
from provscan.probe import statistics

EXAMPLES = [path for path in FILES if ">>> " in path.read_text(encoding="utf-8")]


def public():
    """Yield the name and value of every public function, class and method."""
    seen = set()
    for module in (provscan, estimate, handover, probe, statistics):
        for name in module.__all__:
            value = getattr(module, name)
            if (
                not (inspect.isfunction(value) or inspect.isclass(value))
                or value in seen
            ):
                continue  # The value is a constant, or exported twice.
            if not value.__module__.startswith("provscan"):
                continue
            seen.add(value)
            yield value.__qualname__, value
            if inspect.isclass(value):
                for key, method in vars(value).items():
                    method = getattr(method, "__func__", method)
                    if inspect.isfunction(method) and not key.startswith("_"):
                        yield method.__qualname__, method


def missing(value):
    """Return the parts that the docstring of a function, method or class lacks."""
    if not inspect.getdoc(value):
        return ["a docstring"]
    if inspect.isclass(value):
        if issubclass(value, Exception):
            return []
        documented = {
            parameter.name
            for part in ("Parameters", "Attributes")
            for parameter in ClassDoc(value)[part]
        }
        own = [
            name
            for name in getattr(value, "__annotations__", {})
            if not name.startswith("_")
        ]
        return [
            f"attribute {name}"
            for name in own
            if not any(name in names.split(", ") for names in documented)
        ]
    doc = FunctionDoc(value)
    documented = {
        name.strip("* ")
        for parameter in doc["Parameters"]
        for name in parameter.name.split(",")
    }
    signature = inspect.signature(value)
    lacks = [
        f"parameter {name}"
        for name in signature.parameters
        if name not in {*documented, "self", "cls"}
    ]
    lacks += [
        f"no parameter {name}" for name in documented - signature.parameters.keys()
    ]
    if signature.return_annotation not in ("None", None, "NoReturn") and not (
        doc["Returns"] or doc["Yields"]
    ):
        lacks.append("Returns")
    if (
        re.search(r"^\s+raise \w", inspect.getsource(value), re.MULTILINE)
        and not doc["Raises"]
    ):
        lacks.append("Raises")
    return lacks


def test_public_docstrings_have_their_sections():
    """The sections are those of numpydoc: Parameters, Returns or Yields, Raises, and
    Attributes.
    """
    offenders = [
        (
            Path(inspect.getsourcefile(inspect.unwrap(value)) or ""),
            f": {name} lacks {', '.join(lacks)}",
        )
        for name, value in public()
        if (lacks := missing(value))
    ]
    check("docstrings", offenders)


def test_public_names_have_examples():
    check("examples", [
        (Path(inspect.getsourcefile(value) or ""), f": {name} has no example")
        for name in provscan.__all__
        if ">>> " not in (inspect.getdoc(value := getattr(provscan, name)) or "")
    ])  # fmt: skip


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_in_docstrings(path, tmp_path, monkeypatch):
    (tmp_path / "corpora").symlink_to(ROOT / "corpora")
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(module_of(path))
    result = doctest.testmod(
        module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    assert result.attempted
    assert not result.failed


def test_the_reference_of_the_commands_is_current():
    made = runpy.run_path(str(ROOT / "tests" / "cli" / "reference.py"))["reference"]()
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert made == written, "run python tests/cli/reference.py"


def drawn(error, indent=""):
    """Yield the lines of the tree of the errors that derive from ``error``."""
    children = [
        child
        for child in vars(errors).values()
        if isinstance(child, type) and child.__base__ is error
    ]
    for child in children:
        last = child is children[-1]
        yield f"{indent}{'└── ' if last else '├── '}{child.__name__}"
        yield from drawn(child, indent + ("    " if last else "│   "))


def test_the_tree_of_errors_is_drawn():
    tree = "".join(
        f"    {line}\n" for line in ["ProvscanError", *drawn(errors.ProvscanError)]
    )
    assert tree in (errors.__doc__ or ""), (
        f"draw in the docstring of errors.py:\n{tree}"
    )


def test_metadata_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    assert project["version"] == provscan.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {provscan.__version__}\n" in citation
    assert f"\nlicense: {project['license']}\n" in citation
    pythons = {
        re.sub(".*:: ", "", line)
        for line in project["classifiers"]
        if "Python :: 3." in line
    }
    assert pythons == {"3.11", "3.12", "3.13", "3.14"}
