"""The cache of compiled kernels: stale never, damaged or unwritable at most slow."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numba
import numpy as np
import pytest
from house import PACKAGE, ROOT

from provscan.kernels.jit import _type_of
from provscan.kernels.records import BloomFilter, CodeBuffer, read_only

Run = Callable[..., tuple[str, str]]

CALLER = """
from provscan.kernels.callee import step
from provscan.kernels.jit import kernel


@kernel
def run(x):
    return step(x)
"""
CALLEE = """
from provscan.kernels.jit import kernel


@kernel
def step(x):
    return x + {}
"""
# Numba runs a process that finds its cache out of date through much the same steps as
# one without a cache.
PROGRAM = (
    "from provscan.kernels.caller import run; print(run(1), "
    "sum(run.dispatcher.stats.cache_hits.values()))"
)
# Runs programs in processes that have loaded numba, which takes most of the time, and
# nothing of provscan.
SERVER = """
import json, os, sys, traceback
import numba
numba.njit(lambda x: x)(1)
for line in sys.stdin:
    program, folder, path, environment = json.loads(line)
    child = os.fork()
    if child == 0:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.chdir(folder)
        os.environ.update(environment)
        numba.core.config.reload_config()
        sys.path.insert(0, path)
        sys.dont_write_bytecode = True
        code = 1
        try:
            exec(program)
            code = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitpid(child, 0)[1], flush=True)
"""  # noqa: E501


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "XDG_"))
    }
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


@pytest.fixture
def run(server: subprocess.Popen[str]) -> Callable[..., tuple[str, str]]:
    def run(
        package: Path, program: str = PROGRAM, **environment: str
    ) -> tuple[str, str]:
        """What a process of its own prints and warns of."""
        home = package.parents[1] / "home"
        home.mkdir(exist_ok=True)
        assert server.stdin
        assert server.stdout
        job = (
            program,
            str(home),
            str(package.parents[1]),
            {"HOME": str(home), **environment},
        )
        print(json.dumps(job), file=server.stdin, flush=True)
        status = int(server.stdout.readline())
        output, warning = ((home / name).read_text() for name in ("out", "err"))
        assert status == 0, warning
        return output.strip(), warning

    return run


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of two kernels in two files, compiled as those of provscan are."""
    folder = tmp_path / "provscan" / "kernels"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    shutil.copy(PACKAGE / "caches.py", folder.parent)
    (folder / "__init__.py").touch()
    for name in ("jit.py", "compiler.py"):
        shutil.copy(PACKAGE / "kernels" / name, folder)
    (folder / "caller.py").write_text(CALLER)
    (folder / "callee.py").write_text(CALLEE.format(1))
    return folder


def test_an_edited_callee_changes_the_answer_of_the_next_process(
    run: Run, package: Path
) -> None:
    assert run(package) == ("2 0", "")
    assert run(package) == ("2 1", "")
    cache = package / "__pycache__"
    for number in range(3):
        (cache / f"kernels-{number:016x}").mkdir()
        os.utime(cache / f"kernels-{number:016x}", (number, number))
    (package / "callee.py").write_text(CALLEE.format(5))
    assert run(package) == ("6 0", "")
    # The folders used last are kept.
    assert len(kept := {path.name for path in cache.glob("kernels-*")}) == 3
    assert kept & {f"kernels-{number:016x}" for number in range(3)} == {
        f"kernels-{2:016x}"
    }


def test_another_version_of_numba_compiles_as_it_does(run: Run, package: Path) -> None:
    source = package / "jit.py"
    text = source.read_text()
    source.write_text(
        re.sub(
            r"^_FIRST, _BELOW = .*",
            "_FIRST, _BELOW = (9, 0), (9, 1)",
            text,
            flags=re.MULTILINE,
        )
    )
    assert source.read_text() != text
    (package / "compiler.py").write_text("raise ImportError")
    assert run(package) == ("2 0", "")
    assert run(package) == ("2 1", "")


def test_a_damaged_cache_is_made_again(run: Run, package: Path) -> None:
    run(package)
    for suffix in ("nbi", "nbc"):
        for path in package.glob(f"__pycache__/kernels-*/*.{suffix}"):
            path.write_bytes(path.read_bytes()[:20])
        output, warning = run(package)
        assert output == "2 0"
        assert "damaged" in warning
    assert run(package) == ("2 1", "")


def test_a_package_that_cannot_be_written_is_cached_elsewhere(
    run: Run, package: Path
) -> None:
    # A file in its place: a root user may write to any folder.
    (package / "__pycache__").touch()
    assert run(package) == ("2 0", "")
    assert run(package) == ("2 1", "")
    (elsewhere,) = package.parents[1].glob("home/.cache/provscan/kernels-*")
    assert list(elsewhere.glob("*.nbc"))


def test_without_any_place_to_write_kernels_are_compiled_each_time(
    run: Run, package: Path
) -> None:
    (package / "__pycache__").touch()
    (package.parents[1] / "file").touch()
    output, warning = run(package, XDG_CACHE_HOME=str(package.parents[1] / "file"))
    assert output == "2 0"
    assert "NUMBA_CACHE_DIR" in warning
    assert run(package, NUMBA_CACHE_DIR=str(package.parents[1] / "chosen")) == (
        "2 0",
        "",
    )


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_cache_that_others_can_write_to_is_not_used(
    run: Run, package: Path, mode: int
) -> None:
    shared = package.parents[1] / "shared"
    run(package, NUMBA_CACHE_DIR=str(shared))
    assert run(package, NUMBA_CACHE_DIR=str(shared)) == ("2 1", "")
    (kept,) = shared.iterdir()
    kept.chmod(mode)
    for _ in range(2):
        output, warning = run(package, NUMBA_CACHE_DIR=str(shared))
        assert output == "2 0"
        assert f"{kept} are not used, because every user can write to {kept}" in warning
    (package / "__pycache__").touch()
    output, warning = run(package, XDG_CACHE_HOME=str(shared.parent / "none"))
    assert (output, warning) == ("2 0", "")
    (shared.parent / "none").chmod(0o777)
    output, warning = run(package, XDG_CACHE_HOME=str(shared.parent / "none"))
    assert output == "2 0"
    assert f"every user can write to {shared.parent / 'none'}" in warning


@pytest.mark.skipif(
    os.geteuid() != 0, reason="root makes the installation of another user"
)
def test_kernels_beside_a_package_that_cannot_be_written_are_read(
    run: Run, package: Path
) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        installed = (
            Path(shutil.copytree(package.parent, Path(name) / "provscan")) / "kernels"
        )
        assert run(installed) == ("2 0", "")
        drop = "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        # There is no other place to write.
        assert run(installed, drop + PROGRAM) == ("2 1", "")
        # What is not there is compiled, and kept where that can be done.
        float_too = drop + PROGRAM.replace("run(1)", "run(1), run(1.0)", 1)
        (Path(name) / "cache").mkdir()
        os.chown(Path(name) / "cache", 65534, 65534)
        assert run(installed, float_too, XDG_CACHE_HOME=f"{name}/cache") == (
            "2 2.0 1",
            "",
        )
        assert run(installed, float_too, XDG_CACHE_HOME=f"{name}/cache") == (
            "2 2.0 2",
            "",
        )
        output, warning = run(installed, float_too)
        assert output == "2 2.0 1"
        assert "can't be kept" in warning


def test_a_process_that_only_compiles_translates_a_kernel_once(
    run: Run, package: Path
) -> None:
    (package / "caller.py").write_text(
        CALLER.replace("step(x)", "min(step(1), step(2)) + step(x)")
    )
    before = "from provscan.kernels import compiler; compiler.leave_out();"
    # Of three calls, two of which are with constants, the callee is translated for one
    # type.
    program = (
        f"{before} from provscan.kernels.caller import run, step; print(run(1), "
        "len(step._callee.signatures))"
    )
    assert run(package, program) == ("4 1", "")
    assert run(package) == ("4 1", "")


FIRST_RUN = """
import gc
import sys
import tempfile
import numba
import provscan
from provscan.kernels import jit, warmup
tiny, out = sys.argv[1:]
provscan.build_index(f"{tiny}/corpus", f"{out}/a.index")
provscan.match(f"{tiny}/dataset.jsonl", f"{out}/a.index", f"{out}/a.run", spike_ins=200)
known = {}
for part in range(warmup.PARTS):
    for function, arguments in warmup._calls(part):
        known[function] = {tuple(map(numba.typeof, arguments))}
for function in gc.get_objects():
    if isinstance(function, jit.Kernel) and "dispatcher" in vars(function):
        if further := set(function.dispatcher.signatures) - known.get(function, set()):
            print(function.__name__, further)
"""


def test_a_type_that_is_known_is_that_which_numba_finds() -> None:
    row, table = np.zeros(4), np.zeros((4, 2), np.uint64)
    arrays = [
        row,
        read_only(row),
        row[::2],
        row.astype(np.int32),
        table,
        table.T,
        table[:, 0],
        read_only(table),
    ]
    tuples = [
        (row, 1),
        (row, 1.0),
        CodeBuffer(row, row),
        CodeBuffer(row, read_only(row)),
        (row, row),
    ]
    others = [
        1,
        1.0,
        True,
        np.uint64(1),
        np.int32(1),
        BloomFilter(table, np.uint32(1)),
        object(),
        None,
    ]
    for _ in range(2):
        for argument in (*arrays, *tuples, *others):
            assert _type_of(_found, argument) == _found(argument)


def _found(argument: object) -> object:
    try:
        return numba.typeof(argument)
    except ValueError:
        return numba.types.pyobject


def test_runs_use_the_types_that_are_compiled_before_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            FIRST_RUN,
            str(ROOT / "corpora" / "tiny"),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
