"""Kill commands, let their writes fail, and give them special and foreign files.

A command that is killed before any change of a file can be resumed or repeated, with
the same result; a write that fails ends with status 3 and one sentence; neither leaves
anything behind. Nothing is lost that provscan did not write or that is an input. No
command waits or reads for ever.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from forks import forking
from invariants import assert_kept, contents

import provscan
from provscan.cli import main as provscan_main
from truth import TABLES
from truth.adapter import UNUSABLE
from truth.core import Book, same
from truth.draw import World, fill, rows_of, write_rows

SECONDS = 40
# Events before which a command is killed. ``open`` counts only if the file is written.
CHANGES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link"}
CHANGES |= {"os.truncate", "shutil.rmtree"}
REMOVALS = {"os.remove", "os.rmdir", "shutil.rmtree"}
# Command lines, and the outputs that they make, if any.
JOBS: dict[str, dict[str, str]] = TABLES["jobs"]
# Command lines of commands that read the file in the place of {}.
READS: list[str] = TABLES["reads"]
KINDS = ("kill", "full", "foreign", "special")
# Starts processes, from the first call on.
started = cache(forking)


def make_world(world: Path) -> None:
    """Make the inputs of all jobs in a new folder."""
    for name in ("data", "logs", "tmp"):
        (world / name).mkdir(parents=True)
    rng = random.Random(1)
    drawn = World(rng, world)
    texts = [fill(rng, drawn, 1, [each])[0][0] for each in drawn.originals()]
    rows = rows_of(texts, "r")
    control = drawn.rows("control")
    files = {"control": control, "more": control[:9]}
    files |= {"corpus": [each.as_dict() for each in drawn.tweets]}
    files |= {f"data/{n}": rows[n::4] for n in range(4)}
    for name, content in files.items():
        write_rows(content, world / f"{name}.jsonl")
    for day in range(1, 4):
        lines = ["time,app,endpoint,status,tweets\n"]
        for n in range(60):
            lines.append(f"2022-01-0{day}T00:{n:02}:00Z,reader,/2/tweets,200,{n}\n")
        (world / "logs" / f"{day}.csv").write_text("".join(lines))
    python = f"{sys.executable} -m provscan"
    for words in TABLES["setup"]:
        line = words.replace("provscan", python, 1).split()
        subprocess.run(line, cwd=world, check=True, capture_output=True)


def call(world: str, words: str, how: str, at: int, variables: Any) -> None:
    """Run a command line in this process. Before change number ``at``, kill the process
    (``kill``), or let all further changes fail (``full``).
    """
    numbers, writing = itertools.count(1), os.O_WRONLY | os.O_RDWR
    os.chdir(world)
    os.environ |= variables
    tempfile.tempdir = variables.get("TMPDIR", f"{world}/tmp")
    for stream, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(f"{world}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, stream)

    def before(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in CHANGES or not arguments:
            return
        if event == "open" and not (arguments[2] or 0) & writing:
            return
        path = arguments[1] if event == "os.rename" else arguments[0]
        if not isinstance(path, str | bytes | os.PathLike):
            return
        if not os.path.abspath(os.fsdecode(path)).startswith(f"{world}/"):
            return
        reached = next(numbers)
        if reached == at and how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        # What removes files works on a full disk.
        if reached >= at and how == "full" and event not in REMOVALS:
            raise OSError(errno.ENOSPC, "No space left on device")

    sys.addaudithook(before)
    try:
        provscan_main(words.split(), prog_name="provscan")
    except SystemExit as ended:
        code = ended.code
    Path(f"{world}.count").write_text(str(next(numbers) - 1))
    os._exit(code if isinstance(code, int) else 1)


def litter(world: Path) -> list[str]:
    """Return the temporary files and folders in a world."""
    found = [*world.rglob(".provscan-*"), *world.rglob("*.unfinished")]
    found += [*world.rglob(".new-*"), *(world / "tmp").iterdir()]
    return sorted({str(path.relative_to(world)) for path in found})


def result(world: Path, out: str | None) -> dict[str, Any]:
    """Return the content of each file that a job makes, or the fingerprint of the index
    that it changes.
    """
    if out is None:
        return {"a.index": provscan.open_index(world / "a.index").fingerprint}
    if not (world / out).is_dir():
        return {out: (world / out).exists()}
    # An archive tells the time in steps of two seconds, which two runs may share. A
    # lock that nobody holds may still name the process that was killed.
    made = contents(world / out)
    return {k: k[-4:] == ".zip" or v for k, v in made.items() if k != "lock"}


def check(seed: int, number: int, folder: Path, world: Path, book: Book) -> None:
    """Give jobs, or commands that read a file, what :data:`KINDS` says."""
    if not world.exists():
        make_world(world.resolve())
    rng, job = random.Random(f"{seed} {number}"), [*JOBS][number // 4 % len(JOBS)]
    copy, kind = folder.resolve() / "copy", KINDS[number % 4]
    struck = kind in ("kill", "full")
    with book.law(f"files {kind}", job if struck else kind):
        copied(world, copy)
        if struck:
            strike(world, rng, copy, job, kind)
        else:
            {"special": give_special, "foreign": replace_foreign}[kind](rng, copy)


def copied(world: Path, copy: Path) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(world, copy, symlinks=True)


def ended(
    world: Path,
    words: str,
    how: str = "none",
    at: int = 0,
    variables: Mapping[str, str] = {},
) -> tuple[int | None, str]:
    """Run a command line in a fork, and return its exit status and its errors; None if
    it does not end.
    """
    process = started()(call, str(world), words, how, at, variables)
    process.join(SECONDS)
    if "waiting" not in Path(f"{world}.stderr").read_text():
        process.join(9 * SECONDS)  # The computer may be busy.
    status = process.exitcode
    if status is None:
        process.kill()
        process.join()
    return status, Path(f"{world}.stderr").read_text()


@cache
def usual(world: Path, copy: Path, name: str) -> tuple[int, list[Any], dict[str, Any]]:
    """Run a job twice without interruptions. Return the number of its changes of files,
    the results before it and of both runs, and what these have alike, which does not
    depend on the time.
    """
    words, out = JOBS[name]["words"], JOBS[name].get("out")
    results = [result(copy, out)]
    for _ in range(2):
        status, errors = ended(copy, words)
        assert status == 0, errors
        results.append(result(copy, out))
        copied(world, copy)
    count = int(Path(f"{copy}.count").read_text())
    alike = {k: v for k, v in results[1].items() if results[2][k] == v}
    assert alike
    return count, results, alike


def strike(world: Path, rng: random.Random, copy: Path, name: str, how: str) -> None:
    """Kill a job, or let the disk be full, before some change of a file. A killed
    job is repeated.
    """
    words, out = JOBS[name]["words"], JOBS[name].get("out")
    count, results, alike = usual(world, copy, name)
    at = rng.randrange(1, count + 1)
    status, errors = ended(copy, words, how, at)
    if out is None:
        assert result(copy, out) in results, "neither the old nor the new index"
    allowed = {0, UNUSABLE}
    if how == "kill" and status != 0:
        if not (out and os.path.lexists(copy / out)):
            allowed = {0}
        status, errors = ended(copy, words)
        found = result(copy, out)
        same(found.keys(), results[1].keys(), "what the repeated job makes")
        same({key: found[key] for key in alike}, alike, "the repeated job")
    about = f"{how} at change {at} of {count}: status {status}: {errors[-300:]}"
    assert status in allowed, about
    assert "Traceback" not in errors, about
    if how == "kill" or status == 0 or "resume" not in errors:
        same(litter(copy), [], f"{about}: litter")


def give_special(rng: random.Random, copy: Path) -> None:
    """Give a command a device, a link to one or a named pipe without a writer."""
    words, kind = rng.choice(READS), rng.choice(["zero", "pipe", "urandom"])
    (copy / "folder").mkdir()
    for name in ("special", "special.tsr", "folder/special.jsonl"):
        if kind == "pipe":
            os.mkfifo(copy / name)
        else:
            (copy / name).symlink_to(f"/dev/{kind}")
    status, errors = ended(copy, words.format("special"))
    about = f"{words} with {kind}: status {status}: {errors[-300:]}"
    # A command may wait for what another program writes to a pipe, if it says so.
    waits = kind == "pipe" and "waiting" in errors
    assert status is not None or waits, about
    assert status in (None, 1, 2, UNUSABLE) or "--log" in words, about


def replace_foreign(rng: random.Random, copy: Path) -> None:
    """Let outputs replace files and folders of somebody else, inputs and links,
    with ``--overwrite`` and with variables that name a folder.
    """
    name = rng.choice(sorted(JOBS))
    words = JOBS[name]["words"].split()
    named = [*words, "key.pem", "data/0.jsonl"]
    inputs = [each for each in named if (copy / each).exists()]
    mine = copy / "mine"
    for folder in ("kernels-mine", ".provscan-0123456789abcdef", "provscan"):
        (mine / folder).mkdir(parents=True)
        (mine / folder / "notes.txt").write_text(folder)
    (mine / ".provscan-fedcba9876543210.lock").write_text("mine")
    target = copy / JOBS[name].get("out", "out")
    match layout := rng.choice(["input", "link", "folder", "beside", "inside"]):
        case "input" if "-o" in words:
            words[words.index("-o") + 1] = rng.choice(inputs)
        case "link":
            linked = [mine, copy / inputs[-1], copy / "nothing"]
            target.symlink_to(rng.choice(linked))
        case "folder":
            shutil.copytree(mine, target)
        case "beside":
            shutil.copytree(mine, target.with_name(f"{target.name}.unfinished"))
        case _:
            shutil.copytree(copy / "a.run", target)
            (target / rng.choice(["notes.txt", "report.html"])).write_text("mine")
    words += ["--overwrite"] if "overwrite" in JOBS[name] else []
    before = contents(copy)
    chosen = rng.sample(["NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "TMPDIR"], 2)
    variables = dict.fromkeys(chosen, str(mine))
    ended(copy, " ".join(words), variables=variables)
    changed = {"a.index"} if name in ("append", "forget") else set()
    changed |= {target.name} if layout == "link" else set()
    replaced = [path for path in before if path.split("/")[0] in changed]
    assert_kept(before, copy, replaced)
