"""Run the examples of docs/gates.md (the workflow and the hook), and those of
docs/cluster.md without their schedulers.
"""

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


def blocks(page, language):
    """Return the code blocks of a page in a language."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    pattern = rf"^```{language}\n(.*?)^```$"
    return re.findall(pattern, text, re.DOTALL | re.MULTILINE)


WORKFLOW, HOOK = blocks("gates.md", "yaml")
ALLOCATION, ARRAY = blocks("cluster.md", "bash")
(JOB,) = blocks("cluster.md", "yaml")
(DAG,) = blocks("cluster.md", "python")
MATCH = main.get_command(None, "match")
OPTIONS = {name for each in MATCH.params for name in each.opts}
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


@pytest.fixture
def place(index, tmp_path):
    """Return a folder with an index, a control, and two datasets in ``data``."""
    write(tmp_path, "a text without a tweet", TWEET)
    (tmp_path / "data" / "b.jsonl").write_text(json.dumps({"text": "another text"}))
    (tmp_path / "control").mkdir()
    control = json.dumps({"id": "9", "text": "The ferry sulked at the pier all day"})
    (tmp_path / "control" / "c.jsonl").write_text(control)
    return tmp_path


def bash(script, place, variables):
    return subprocess.run(
        ["bash", "-c", script],
        cwd=place,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_array(place, program):
    (place / "datasets.txt").write_text("data/a.jsonl\ndata/b.jsonl\n")
    for task, records in (("1", 2), ("2", 1)):
        slurm = {"SLURM_ARRAY_TASK_ID": task, "SLURM_CPUS_PER_TASK": "1"}
        for _ in range(2):  # Slurm starts a task again.
            done = bash(ARRAY, place, environment(program, **slurm))
            assert done.returncode == 0, done.stderr
        assert open_run(place / "runs" / f"{task}.run").summary["records"] == records


def test_the_allocation_is_a_script(program):
    checked = subprocess.run(["bash", "-n"], input=ALLOCATION, text=True, check=False)
    assert checked.returncode == 0
    provscan = ALLOCATION.split("provscan match")[1].split()
    assert not {*re.findall(r"--[a-z-]+", " ".join(provscan))} - OPTIONS


def test_the_job(place, program):
    (container,) = yaml.safe_load(JOB)["spec"]["template"]["spec"]["containers"]
    mounted = {"/data/dataset": "data", "/data/licensed.index": "licensed.index"}
    words = [
        mounted.get(word, word.removeprefix("/data/").removeprefix("/runs/"))
        for word in container["args"]
    ]
    done = bash(shlex.join(["provscan", *words]), place, environment(program))
    # A single finding can't be judged, so the gate is not decided.
    assert done.returncode == 3, done.stderr
    assert "--fail-above-claimed can't be decided" in done.stderr
    assert open_run(place / "dataset.run").summary["records"] == 3


def test_the_dag(place, program):
    """A run is a failure if and only if it has findings that the first one lacks."""
    (script,) = re.findall(r'SCAN = """(.*?)"""', DAG, re.DOTALL)
    script = script.replace("\\\n", "").replace("{{ ds }}", "2026-01-05")
    (place / "dataset").symlink_to("data")
    first = "provscan match dataset -i licensed.index -o runs/first.run --spike-ins 0"
    assert bash(first, place, environment(program)).returncode == 0
    done = bash(script, place, environment(program))
    assert done.returncode == 0, done.stderr
    (place / "data" / "c.jsonl").write_text(json.dumps({"text": f"new: {TWEET}"}))
    done = bash(script, place, environment(program))
    assert done.returncode == 1, done.stderr
    assert (place / "page" / "index.html").is_file()
