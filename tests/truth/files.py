"""Kill commands, let their writes fail, and give them special and foreign files.

:func:`make_world` makes the inputs of all commands in a folder. Each generator draws
cases from a seed and yields a sentence for each violation:

- :func:`struck`: a command that is killed before any change of a file can be resumed or
  repeated, with the same result; a write that fails ends with status 3 and one
  sentence; neither leaves anything behind;
- :func:`foreign`: nothing is lost that provscan did not write or that is an input;
- :func:`special`: no command waits or reads for ever.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dataset import some_records
from forks import Fork
from invariants import contents

import provscan
from provscan.cli import main as provscan_main

from .adapter import UNUSABLE

SECONDS = 40
# Events before which a command is killed. ``open`` counts only if the file is written.
CHANGES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link"}
CHANGES |= {"os.truncate", "shutil.rmtree"}


class Job(NamedTuple):
    """A command line, and the output that it makes, if any."""

    words: str
    out: str | None = None


JOBS = {
    "index": Job("index corpus.jsonl -o out.index", "out.index"),
    "append": Job("index more.jsonl -o a.index --append"),
    "forget": Job("forget a.index 7 --purge"),
    "match": Job(
        "match data -i a.index -o out.run --control control.jsonl --workers 2 "
        "--spike-ins 40",
        "out.run",
    ),
    "clean": Job("clean data a.run -o out.clean --all", "out.clean"),
    "report": Job("export a.run -o out.html", "out.html"),
    "csv": Job("export a.run -o out.csv", "out.csv"),
    "xlsx": Job("export a.run -o out.xlsx", "out.xlsx"),
    "parquet": Job("export a.run -o out.parquet", "out.parquet"),
    "bundle": Job("bundle a.run -o out.zip --sign key.pem --digests", "out.zip"),
    "exhibit": Job("bundle a.zip --exhibit 1 -o out.page", "out.page"),
    "case": Job("case a.run b.run -o out.case", "out.case"),
    "review": Job("review a.run -o out.review --pairs 20", "out.review"),
    "ledger": Job("ledger logs -o out.ledger", "out.ledger"),
    "probe": Job(
        "probe plan -i a.index -o out.probe --control control.jsonl --pairs 20",
        "out.probe",
    ),
}
# What a world has before any job.
SETUP = (
    "index corpus.jsonl -o a.index",
    "match data -i a.index -o a.run --spike-ins 10",
    "match data/0.jsonl -i a.index -o b.run --spike-ins 10",
    "bundle a.run -o a.zip",
)


def make_world(folder: Path) -> Path:
    """Make the inputs of all jobs in a new folder ``world``, and return it."""
    world = folder / "world"
    for name in ("data", "logs", "tmp"):
        (world / name).mkdir(parents=True)
    rows = [row for n in range(4) for row in some_records(n, 60)]
    tweets = [
        {
            "id": str(n),
            "text": row["text"][:200],
            "author": f"a{n % 9}",
            "created_at": f"202{n % 3}-02-03T04:05:06Z",
        }
        for n, row in enumerate(rows)
    ]
    control = [
        {**tweet, "id": f"c{n}", "text": f"control {n} {tweet['text'][::-1]}"}
        for n, tweet in enumerate(tweets)
    ]
    files = {"corpus": tweets, "control": control, "more": control[:9]}
    files |= {f"data/{n}": rows[n::4] for n in range(4)}
    for name, content in files.items():
        lines = "".join(f"{json.dumps(row)}\n" for row in content)
        (world / f"{name}.jsonl").write_text(lines)
    for number in range(3):
        lines = "".join(
            f"2022-01-0{1 + number}T00:{n:02}:00Z,reader,/2/tweets,200,{n}\n"
            for n in range(60)
        )
        head = "time,app,endpoint,status,tweets\n"
        (world / "logs" / f"{number}.csv").write_text(head + lines)
    key = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", world / "key.pem"]
    subprocess.run(key, check=True, capture_output=True)
    for words in SETUP:
        made = run_in(world, words)
        assert made.returncode == 0, made.stderr
    return world


def run_in(world: Path, words: str) -> subprocess.CompletedProcess[str]:
    """Run a command line as a program."""
    return subprocess.run(
        [sys.executable, "-m", "provscan", *words.split()],
        cwd=world,
        env={**os.environ, "TMPDIR": str(world / "tmp")},
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * SECONDS,
    )


def call(
    world: str,
    words: str,
    on_change: str,
    at: int,
    variables: Mapping[str, str] = {},
) -> None:
    """Run a command line in this process. Before change number ``at``, kill the process
    (``kill``), or let all further changes fail (``full``).
    """
    count, lock = 0, threading.Lock()
    os.chdir(world)
    os.environ |= variables
    tempfile.tempdir = variables.get("TMPDIR", f"{world}/tmp")
    for stream, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(f"{world}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, stream)

    def before(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event not in CHANGES or not arguments:
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        path = arguments[1] if event == "os.rename" else arguments[0]
        if not isinstance(path, str | bytes | os.PathLike):
            return
        if not os.path.abspath(os.fsdecode(path)).startswith(f"{world}/"):
            return
        with lock:
            count += 1
            reached = count
        if reached == at and on_change == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        # What removes files works on a full disk.
        removes = event in ("os.remove", "os.rmdir", "shutil.rmtree")
        if reached >= at and on_change == "full" and not removes:
            raise OSError(errno.ENOSPC, "No space left on device")

    sys.addaudithook(before)
    try:
        provscan_main(words.split(), prog_name="provscan")
    except SystemExit as ended:
        code = ended.code
    Path(f"{world}.count").write_text(str(count))
    os._exit(code if isinstance(code, int) else 1)


def litter(world: Path) -> list[str]:
    """Return the temporary files and folders in a world."""
    found = [*world.rglob(".provscan-*"), *world.rglob("*.unfinished")]
    found += [*world.rglob(".new-*"), *(world / "tmp").iterdir()]
    return sorted({str(path.relative_to(world)) for path in found})


def _run(
    world: Path,
    fork: Fork,
    words: str,
    how: str = "none",
    at: int = 0,
    variables: Mapping[str, str] = {},
) -> tuple[int | None, str]:
    """Run a command line in a fork, and return its exit status and its errors; None if
    it does not end.
    """
    process = fork(call, str(world), words, how, at, variables)
    process.join(SECONDS)
    if "waiting" not in Path(f"{world}.stderr").read_text():
        process.join(9 * SECONDS)  # The computer may be busy.
    status = process.exitcode
    if status is None:
        process.kill()
        process.join()
    return status, Path(f"{world}.stderr").read_text()


@contextmanager
def _copy(world: Path) -> Iterator[Path]:
    """Provide a copy of a world, always in the same folder."""
    copy = world.with_name("copies") / "copy"
    shutil.rmtree(copy.parent, ignore_errors=True)
    shutil.copytree(world, copy, symlinks=True)
    yield copy


def struck(
    world: Path, fork: Fork, seed: int, cases: int, name: str, how: str
) -> Iterator[str]:
    """Kill a job, or let the disk be full, before changes of files that are drawn. A
    killed job is repeated.
    """
    job = JOBS[name]
    made: list[dict[str, Any]] = []
    for _ in range(2):
        with _copy(world) as copy:
            before = _result(copy, job)
            status, errors = _run(copy, fork, job.words)
            assert status == 0, errors
            count = int(Path(f"{copy}.count").read_text())
            made.append(_result(copy, job))
    # What two runs write alike does not depend on the time.
    alike = {key: value for key, value in made[0].items() if made[1][key] == value}
    assert alike
    rng = random.Random(f"{seed} {name}")
    for at in rng.sample(range(1, count + 1), min(cases, count)):
        case = f"{name}, {how} at change {at} of {count}"
        with _copy(world) as copy:
            status, errors = _run(copy, fork, job.words, how, at)
            if job.out is None and _result(copy, job) not in (before, *made):
                yield f"{case}: neither the old nor the new index"
            if how == "kill" and status != 0:
                published = job.out and os.path.lexists(copy / job.out)
                status, errors = _run(copy, fork, job.words)
                right = status == 0 or (status == UNUSABLE and published)
                resumes = False
                found = _result(copy, job)
                other = alike.items() - found.items()
                wrong = {name for name, _ in other} | found.keys() ^ made[0].keys()
                if wrong:
                    yield f"{case}: repeated, {sorted(map(str, wrong))} differ"
            else:
                right = status in (0, UNUSABLE) and "Traceback" not in errors
                resumes = status != 0 and "resume" in errors
            if not right:
                yield f"{case}: status {status}: {errors[-300:]}"
            elif (left := litter(copy)) and not resumes:
                yield f"{case}: left {', '.join(left)}"


def _result(world: Path, job: Job) -> dict[str, Any]:
    """Return the fingerprint of the index that a job changes, or the content of each
    file that it makes.
    """
    if job.out is None:
        return {"a.index": provscan.open_index(world / "a.index").fingerprint}
    out = world / job.out
    if not out.is_dir():
        return {job.out: out.exists()}
    # An archive tells the time in steps of two seconds, which two runs may share. A
    # lock that nobody holds may still name the process that was killed.
    made = {name: name[-4:] == ".zip" or c for name, c in contents(out).items()}
    return {name: content for name, content in made.items() if name != "lock"}


# Options and arguments that name a file, each in a command that reads it.
READS = (
    "verify a.zip --public-key {}",
    "bundle a.run -o x.zip --sign {}",
    "export a.run -o x.csv --reviewed {}",
    "export a.run -o x.html --reviewed {}",
    "ledger logs -o x.ledger --secret {}",
    "ledger logs -o x.ledger --facts {}",
    "ledger logs -o x.ledger --mapping {}",
    "ledger {} -o x.ledger",
    "match {} -i a.index -o x.run",
    "match data -i a.index -o x.run --control {}",
    "match data -i a.index -o x.run --clean-data {}",
    "match data -i a.index -o x.run --log {}",
    "index {} -o x.index",
    "index folder -o x.index",
    "match folder -i a.index -o x.run",
    "inspect {}",
    "forget a.index {}",
    "review a.run {}",
    "probe plan -i a.index -o x.probe --control {}",
    "info {}",
    "verify {}",
)


def special(world: Path, fork: Fork, seed: int, cases: int) -> Iterator[str]:
    """Give each command a device, a named pipe without a writer or a socket."""
    rng = random.Random(seed)
    for number in range(cases):
        words = rng.choice(READS) if cases < len(READS) else READS[number % len(READS)]
        kind = rng.choice(["zero", "pipe", "urandom", "link"])
        with _copy(world) as copy:
            (copy / "folder").mkdir()
            for name in ("special", "special.tsr", "folder/special.jsonl"):
                if kind == "pipe":
                    os.mkfifo(copy / name)
                else:
                    (copy / name).symlink_to(f"/dev/{kind.replace('link', 'zero')}")
            status, errors = _run(copy, fork, words.format("special"))
        waits = kind == "pipe" and words.split()[0] in ("match", "index", "inspect")
        case = f"{words} with {kind}"
        if status is None and not (waits and "waiting" in errors):
            yield f"{case}: does not end"
        elif status not in (None, 1, 2, UNUSABLE) and "--log" not in words:
            yield f"{case}: status {status}: {errors[-300:]}"


def foreign(world: Path, fork: Fork, seed: int, cases: int) -> Iterator[str]:
    """Let outputs replace files and folders of somebody else, inputs and links, with
    ``--overwrite`` and with variables that name a folder.
    """
    for number in range(cases):
        with _copy(world) as copy:
            yield from _replaced(copy, fork, random.Random(f"{seed} {number}"))


def _replaced(copy: Path, fork: Fork, rng: random.Random) -> Iterator[str]:
    name = rng.choice(sorted(JOBS))
    words = JOBS[name].words.split()
    named = [*words, "key.pem", "data/0.jsonl"]
    inputs = [each for each in named if (copy / each).exists()]
    mine = copy / "mine"
    for folder in ("kernels-mine", ".provscan-0123456789abcdef", "provscan"):
        (mine / folder).mkdir(parents=True)
        (mine / folder / "notes.txt").write_text(folder)
    (mine / ".provscan-fedcba9876543210.lock").write_text("mine")
    target = copy / (JOBS[name].out or "out")
    layout = rng.choice(["input", "link", "folder", "beside", "inside"])
    if layout == "input" and "-o" in words:
        words[words.index("-o") + 1] = rng.choice(inputs)
    elif layout == "link":
        target.symlink_to(rng.choice([mine, copy / inputs[-1], copy / "nothing"]))
    elif layout == "folder":
        shutil.copytree(mine, target)
    elif layout == "beside":
        shutil.copytree(mine, target.with_name(f"{target.name}.unfinished"))
    else:
        shutil.copytree(copy / "a.run", target)
        (target / rng.choice(["notes.txt", "report.html"])).write_text("mine")
    if name in ("index", "match", "report", "csv", "xlsx", "parquet", "bundle"):
        words.append("--overwrite")
    before = contents(copy)
    variables = rng.sample(["NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "TMPDIR"], 2)
    _run(copy, fork, " ".join(words), variables=dict.fromkeys(variables, str(mine)))
    after = contents(copy)
    changed = {"a.index"} if name in ("append", "forget") else set()
    changed |= {target.name} if layout == "link" else set()
    lost = [
        path
        for path, content in before.items()
        if after.get(path) != content and path.split("/")[0] not in changed
    ]
    if lost:
        yield f"{' '.join(words)}, {layout}: lost {', '.join(lost[:5])}"
