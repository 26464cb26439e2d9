"""Run the commands of ``figures.toml``, record what they print in ``figures.json``, and
write these tables into the pages.

    python benchmarks/figures.py run [NAME...]
        [--corpus FOLDER --background FOLDER] [--world FOLDER]
    python benchmarks/figures.py check [NAME...] (the same options)
    python benchmarks/figures.py write

``run`` records the tables of some or all commands with the commit, the date and the
machine; it refuses to measure files that are not committed. ``check`` runs the commands
again and reports each held figure that differs from the recorded one by more than its
error. ``write`` copies the recorded tables into the blocks of ``benchmarks/README.md``
and ``docs/``: ``<!-- figures NAME -->`` stands for all tables of a command, and
``<!-- figures NAME | COLUMNS | ROWS -->`` for some of them, separated by ``;``. It also
draws the figures of ``docs/`` whose numbers have changed (``drawings.py``).
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from drawings import draw
from measure import FIGURES, command_line, machine

HERE = Path(__file__).parent
RECORDED = HERE / "figures.json"
DOCS = HERE.parent / "docs"
PAGES = [HERE / "README.md", *sorted(DOCS.glob("*.md"))]
BLOCK = re.compile(r"(<!-- figures ([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)
# Words of a command that stand for options with folders of real tweets and texts.
FOLDERS = {"DATA": ("corpus", "background"), "WORLD": ("world",)}
# A figure has drifted if it differs by more than this number of standard errors.
ERRORS = 2.0


def commands() -> dict[str, dict[str, Any]]:
    """Return the commands, with the columns of figures that are held."""
    return tomllib.loads((HERE / "figures.toml").read_text(encoding="utf-8"))


def recorded() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def printed(command: str, folders: dict[str, str]) -> list[dict[str, Any]]:
    """Run a command, and return the tables that it prints; ``folders`` are those of
    real data, by option.
    """
    words, arguments = shlex.split(command), []
    for word in words[1:]:
        kinds = FOLDERS.get(word, ())
        if missing := [f"--{kind}" for kind in kinds if kind not in folders]:
            raise SystemExit(
                f"{words[0]} needs real data: give {' and '.join(missing)}"
            )
        options = [f"--{kind}={folders[kind]}" for kind in kinds]
        arguments += options or [word]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figures.json")
        subprocess.run(
            [sys.executable, str(HERE / words[0]), *arguments],
            env={**os.environ, FIGURES: str(file)},
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def share(cell: str, trials: str | None) -> tuple[float, float] | None:
    """Return a share and its number of trials; None if a cell is no share."""
    if counts := re.fullmatch(r"([\d,]+)/([\d,]+)", cell):
        right, every = (int(count.replace(",", "")) for count in counts.groups())
        return (right / every, every) if every else None
    try:
        value, number = float(cell), float((trials or "").replace(",", ""))
    except ValueError:
        return None
    return (value, number) if 0 <= value <= 1 and number else None


def differ(then: tuple[float, float], now: tuple[float, float]) -> bool:
    """Return whether two shares, each with its number of trials, differ by more than
    their error. One more success and failure keep the error above 0 (Agresti & Coull
    1998, doi:10.1080/00031305.1998.10480550).
    """
    trials = then[1] + now[1]
    mean = (then[0] * then[1] + now[0] * now[1] + 1) / (trials + 2)
    error = math.sqrt(mean * (1 - mean) * (1 / then[1] + 1 / now[1]))
    return abs(then[0] - now[0]) > ERRORS * error


def drifted(
    old: list[dict[str, Any]], new: list[dict[str, Any]], held: list[str], trials: str
) -> list[str]:
    """Return the held figures that are missing, or differ by more than their error."""
    found = {}
    for table in new:
        for row in table["rows"]:
            found[table["title"], row[0]] = dict(
                zip(table["columns"], row, strict=True)
            )
    problems = []
    compared = 0
    for table in old:
        for row in table["rows"]:
            before = dict(zip(table["columns"], row, strict=True))
            now = found.get((table["title"], row[0]), {})
            for column in held:
                then = share(before.get(column, ""), before.get(trials))
                if then is None:
                    continue
                compared += 1
                today = share(now.get(column, ""), now.get(trials))
                if today is None or differ(then, today):
                    problems.append(
                        f"{row[0]}, {column}: {before[column]} was recorded, and "
                        f"{now.get(column, 'nothing')} was printed"
                    )
    return problems if compared else ["no held figure was recorded"]


def check(name: str, folders: dict[str, str]) -> list[str]:
    """Run a command again, and return the figures that have drifted."""
    entry = commands()[name]
    now = printed(entry["command"], folders)
    return drifted(
        recorded()[name]["tables"], now, entry["held"], entry.get("trials", "")
    )


def commit() -> str:
    """Return the short id of the commit; files that are not committed are an error."""
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", "provscan", "benchmarks/*.py"],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if changed:
        raise SystemExit(f"commit these files first:\n{changed}")
    head = ["git", "rev-parse", "--short=8", "HEAD"]
    return subprocess.run(
        head, cwd=HERE.parent, capture_output=True, text=True, check=True
    ).stdout.strip()


def rendered(block: str) -> str:
    """Return the tables of a block in Markdown."""
    name, *chosen = (part.strip() for part in block.split("|"))
    if (entry := recorded().get(name)) is None:
        return f"Not measured yet: `figures.py run {name}` does."
    lines = []
    if not chosen:
        lines += [f"    python benchmarks/{entry['command']}", ""]
        lines += [f"Commit {entry['commit']}, {entry['date']}, {entry['machine']}:", ""]
    columns, rows = ([*(part.split("; ") for part in chosen), [], []])[:2]
    for table in entry["tables"]:
        shown = [row for row in table["rows"] if not rows or row[0] in rows]
        if not shown or (columns and not set(columns) <= set(table["columns"])):
            continue
        # Columns may have the same name.
        every = range(len(table["columns"]))
        at = [table["columns"].index(column) for column in columns] or every
        if not chosen and table["title"]:
            lines += [f"{table['title']}:", ""]
        heads = [table["columns"][i] for i in at]
        lines += [f"| {' | '.join(heads)} |", "|---" * len(at) + "|"]
        lines += [f"| {' | '.join(row[i].strip() for i in at)} |" for row in shown]
        lines.append("")
    return "\n".join(lines)


def written(page: str) -> str:
    """Return a page with the recorded tables in its blocks."""
    return BLOCK.sub(lambda at: at[1] + "\n" + rendered(at[2]) + "\n" + at[3], page)


def write() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(written(text), encoding="utf-8")
    draw(DOCS)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("action", choices=("run", "check", "write"))
    parser.add_argument("names", nargs="*", metavar="NAME")
    kinds = [kind for every in FOLDERS.values() for kind in every]
    for kind in kinds:
        parser.add_argument(f"--{kind}", help="folder for commands with real data")
    arguments = parser.parse_args()
    given = {kind: getattr(arguments, kind) for kind in kinds}
    folders = {kind: folder for kind, folder in given.items() if folder}
    entries = commands()
    if arguments.action == "run":
        at, before = commit(), recorded()
        for name in arguments.names or entries:
            command = entries[name]["command"]
            before[name] = {
                "command": command,
                "commit": at,
                "date": time.strftime("%Y-%m-%d", time.gmtime()),
                "machine": machine().splitlines()[0],
                "tables": printed(command, folders),
            }
            text = json.dumps(dict(sorted(before.items())), indent=1)
            RECORDED.write_text(f"{text}\n", encoding="utf-8")
    if arguments.action == "check":
        held = [name for name in entries if "held" in entries[name]]
        problems = [
            f"{name}: {problem}"
            for name in arguments.names or held
            for problem in check(name, folders)
        ]
        print("\n".join(problems) or "no held figure has drifted")
        sys.exit(bool(problems))
    write()


if __name__ == "__main__":
    main()
