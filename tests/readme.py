"""Run the commands of the README and of docs/, and write their output into the pages:
``make reference``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted(ROOT.glob("docs/*.md"))]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def output(command: str, folder: Path, python: str | Path) -> str:
    """Return the output of a command in a folder that contains ``corpora``."""
    program, *words = shlex.split(command)
    if program == "provscan":
        quiet = ["--quiet"] if words[0] in ("index", "match", "clean", "ledger") else []
        words = ["-m", "provscan", *words, *quiet]
    else:
        assert program == "python", command
    environment = {**os.environ, "COLUMNS": "100", "PROVSCAN_INDEX": "licensed.index"}
    done = subprocess.run(
        [python, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 1), f"{command}\n{done.stderr}"
    return "".join(
        f"{line.rstrip()}\n" for line in (done.stdout + done.stderr).splitlines()
    )


def with_output(text: str, folder: Path, python: str | Path = sys.executable) -> str:
    """Return the text of a page with the current output of its commands, run by
    ``python``.
    """
    if not (folder / "corpora").exists():
        (folder / "corpora").symlink_to(ROOT / "corpora")

    def run(block: re.Match[str]) -> str:
        commands = [
            line.removeprefix("$ ")
            for line in block[1].splitlines()
            if line.startswith("$ ")
        ]
        return (
            "```console\n"
            + "".join(f"$ {line}\n{output(line, folder, python)}" for line in commands)
            + "```"
        )

    return CONSOLE.sub(run, text)


if __name__ == "__main__":
    for page in PAGES:
        # Each page is a session of its own.
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(
                with_output(page.read_text(encoding="utf-8"), Path(folder)),
                encoding="utf-8",
            )
