"""Run the examples of docs/gates.md: the workflow and the hook."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner
from house import ROOT
from nightly import NIGHTLY

from provscan import open_run
from provscan.cli import main

PAGE = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
WORKFLOW, HOOK = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
TWEET = "Never trust a goat near the harbour after dark, ever, said the goat"


@pytest.fixture
def index(tmp_path):
    (tmp_path / "tweets.jsonl").write_text(json.dumps({"id": "1", "text": TWEET}))
    out = tmp_path / "licensed.index"
    done = CliRunner().invoke(
        main, ["index", f"{tmp_path}/tweets.jsonl", "-o", str(out)]
    )
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def program(tmp_path):
    """Return a folder for the PATH that contains ``provscan``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    words = [sys.executable, "-m", "provscan"]
    (folder / "provscan").write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    (folder / "provscan").chmod(0o755)
    return folder


def environment(program, **more):
    path = f"{program}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **more}


def write(folder, *texts):
    (folder / "data").mkdir(parents=True)
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    (folder / "data" / "a.jsonl").write_text(lines)


def run_steps(job, place, variables):
    """Run the commands of a job as a runner does, and return their statuses. Steps that
    use an action are skipped.
    """
    statuses = []
    for step in job["steps"]:
        if "run" not in step or (any(statuses) and step.get("if") != "always()"):
            continue
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=place / step["working-directory"],
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        statuses.append(done.returncode)
    return statuses


@pytest.mark.parametrize("added", [True, *([False] if NIGHTLY else [])])
def test_the_workflow(index, program, tmp_path, added):
    """The workflow fails if and only if the pull request adds a copy."""
    write(tmp_path / "before", "a first line", f"as they say: {TWEET}")
    moved = ["another line", f"as they say: {TWEET}", "a last line"]
    write(tmp_path / "after", *moved, *([TWEET] if added else []))
    (job,) = yaml.safe_load(WORKFLOW)["jobs"].values()
    assert job["env"].keys() == {"PROVSCAN_INDEX"}
    page = tmp_path / "summary.md"
    variables = {"PROVSCAN_INDEX": str(index), "GITHUB_STEP_SUMMARY": str(page)}
    statuses = run_steps(job, tmp_path, environment(program, **variables))
    assert statuses == [0, int(added), 0]
    place = tmp_path / "after"
    (scanned,) = json.loads((place / "head.sarif").read_bytes())["runs"]
    found = {
        location["physicalLocation"]["artifactLocation"]["uri"]: result["baselineState"]
        for result in scanned["results"]
        for location in result["locations"]
    }
    assert found.keys() == {"data/a.jsonl"}
    sentence = "1 finding is new" if added else "0 findings are new"
    assert sentence in page.read_text(encoding="utf-8")
    assert open_run(place / "head.run").summary["baseline"]["findings"] == 1
    # The workflow uploads the file that it wrote.
    (upload,) = (s for s in job["steps"] if "upload-sarif" in s.get("uses", ""))
    assert (tmp_path / upload["with"]["sarif_file"]).is_file()


def test_the_hook(index, program, tmp_path):
    (repository,) = yaml.safe_load(HOOK)["repos"]
    (hook,) = repository["hooks"]
    assert hook["language"] == "system"
    write(tmp_path, "a text without a tweet")
    (tmp_path / ".git").mkdir()
    (tmp_path / "data" / "b.jsonl").write_text(json.dumps({"text": TWEET}))
    for name, status in (("data/a.jsonl", 0), ("data/b.jsonl", 1)):
        assert re.search(hook["files"], name)
        done = subprocess.run(
            [*shlex.split(hook["entry"]), name],
            cwd=tmp_path,
            env=environment(program),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
