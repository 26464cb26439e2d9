"""Run the commands of the README and of docs/, and write their output into the pages
(``make reference``).

:func:`run_process` runs a command as a user does. :func:`run_here` runs it in this
process, which is much faster.
"""

from __future__ import annotations

import atexit
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import chdir
from functools import cache
from pathlib import Path

from click.testing import CliRunner

from provscan.cli import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted(ROOT.glob("docs/*.md"))]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


Run = Callable[[list[str], Path], str]
"""Runs the words of a command in a folder, and returns what it prints."""

# Environment variables of the commands.
ENVIRONMENT = {"COLUMNS": "100", "PROVSCAN_INDEX": "licensed.index"}


def run_process(
    words: list[str], folder: Path, python: str | Path = sys.executable
) -> str:
    """Run a command in a process, with an interpreter that has provscan."""
    assert words[0] in ("provscan", "python")
    module = ["-m", "provscan"] if words[0] == "provscan" else []
    done = subprocess.run(
        [python, *module, *words[1:]],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 1), f"{words}\n{done.stderr}"
    return done.stdout + done.stderr


def run_here(words: list[str], folder: Path) -> str:
    """Run a command of provscan in this process, and others in a process."""
    if words[0] != "provscan":
        return run_process(words, folder)
    with chdir(folder):
        done = CliRunner(env=ENVIRONMENT).invoke(main, words[1:], prog_name="provscan")
    assert done.exit_code in (0, 1), f"{words}\n{done.output}"
    return done.stdout + done.stderr


@cache
def first_example(run: Run) -> Path:
    """Run the first example of the README once, in a folder for copies."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    (folder / "corpora").symlink_to(ROOT / "corpora")
    first = CONSOLE.findall(README.read_text(encoding="utf-8"))[0]
    for command in re.findall(r"^\$ (.*)", first, re.MULTILINE):
        run([*shlex.split(command)], folder)
    return folder


def with_output(text: str, folder: Path, run: Run = run_process) -> str:
    """Return the text of a page with the current output of its commands. They run in a
    folder, to which a link to ``corpora`` is added.
    """
    if not (folder / "corpora").exists():
        (folder / "corpora").symlink_to(ROOT / "corpora")
    if "](../README.md#an-example)" in text:
        # The examples of the page continue the first example of the README.
        shutil.copytree(
            first_example(run),
            folder,
            symlinks=True,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("corpora"),
        )

    def output(command: str) -> str:
        lines = run(shlex.split(command), folder).splitlines()
        # Only the first command on a machine says that it compiles.
        kept = (line for line in lines if "compiling for this processor" not in line)
        return "".join(f"{line.rstrip()}\n" for line in kept)

    def block(found: re.Match[str]) -> str:
        commands = [
            line.removeprefix("$ ")
            for line in found[1].splitlines()
            if line.startswith("$ ")
        ]
        return (
            "```console\n"
            + "".join(f"$ {line}\n{output(line)}" for line in commands)
            + "```"
        )

    return CONSOLE.sub(block, text)


if __name__ == "__main__":
    for page in PAGES:
        # Each page is a separate session.
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(
                with_output(page.read_text(encoding="utf-8"), Path(folder)),
                encoding="utf-8",
            )
