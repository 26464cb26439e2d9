"""Test that the workflow, the hooks and the Dockerfile name existing files and
commands; nothing is downloaded or run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from house import ROOT

pytestmark = pytest.mark.untraced

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
PYTHONS = [
    line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line
]
CI_RUN = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def parsed(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_workflow_runs_the_local_checks_on_each_python() -> None:
    job = parsed(".github/workflows/ci.yml")["jobs"]["check"]
    assert job["strategy"]["matrix"]["python"] == PYTHONS
    (command,) = (step["run"] for step in job["steps"] if "run" in step)
    assert os.access(ROOT / command, os.X_OK)
    assert command == ".ci/run"


def test_a_release_starts_by_hand_after_the_local_checks() -> None:
    workflow = parsed(".github/workflows/release.yml")
    # YAML 1.1 reads the key "on" as true.
    assert list(workflow[True]) == ["workflow_dispatch"]
    steps = workflow["jobs"]["build"]["steps"]
    (python,) = (
        step["with"]["python-version"]
        for step in steps
        if step.get("uses", "").startswith("actions/setup-python@")
    )
    assert python in PYTHONS
    commands = [step["run"] for step in steps if "run" in step]
    assert commands[0] == ".ci/run"
    checked = "".join(commands)
    assert all(file in checked for file in PROJECT["license-files"])


def test_hooks_are_installed_commands_that_ci_also_runs() -> None:
    (repository,) = parsed(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    entries = [hook["entry"] for hook in repository["hooks"]]
    # The lines of .ci/run look like this: "$VENV/bin/ruff" check
    in_ci = re.findall(r'^"\$VENV/bin/(ruff|mypy)"(.*)$', CI_RUN, re.MULTILINE)
    assert [command + words for command, words in in_ci] == entries
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        assert shutil.which(
            shlex.split(hook["entry"])[0], path=Path(sys.executable).parent
        ), hook["entry"]


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile and their arguments."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
        for line in lines
        if line and line[0] != "#"
    ]


def test_the_image_is_built_from_files_that_exist() -> None:
    copied = [
        words.split()[:-1]
        for name, words in instructions()
        if name == "COPY" and "--from" not in words
    ]
    sources = {source for words in copied for source in words}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == sources
    assert all((ROOT / source).exists() for source in sources)
    # The wheel needs its packages and the files with its metadata.
    assert {
        "pyproject.toml",
        PROJECT["readme"],
        *PROJECT["license-files"],
        "provscan",
    } == sources


def test_the_image_runs_the_command_as_an_unprivileged_user() -> None:
    words = dict(instructions())
    (command,) = yaml.safe_load(words["ENTRYPOINT"])
    assert command in PROJECT["scripts"]
    assert words["USER"] not in ("root", "0")
    made = [text for name, text in instructions() if name == "RUN"]
    assert any(re.search(rf"useradd .*\b{words['USER']}\b", text) for text in made)
    bases = {text.split()[0] for name, text in instructions() if name == "FROM"}
    assert bases <= {f"python:{version}-slim" for version in PYTHONS}
