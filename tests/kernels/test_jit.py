"""Test the cache of compiled kernels: it is never outdated, and kernels are compiled
again only if no cache can be written.
"""

import fcntl
import gc
import json
import multiprocessing
import os
import shutil
import subprocess
import sys

import numba
import pytest
from house import PACKAGE, ROOT

import provscan
from provscan.kernels import warmup

CALLER = """
from provscan.kernels.callee import step
from provscan.kernels.jit import kernel


@kernel
def run(x):
    return step(x)
"""
CALLEE = """
from provscan.kernels.jit import helper


@helper
def step(x):
    return x + {}
"""
# A program that prints the result of a kernel, and whether it came from the cache.
PROGRAM = (
    "from provscan.kernels.caller import run; print(run(1), "
    "sum(run.stats.cache_hits.values()))"
)
# A server that runs programs in forks of a process that has imported numba, which takes
# most of the time, but not provscan.
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
def server():
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
def run(server):
    def run(package, program=PROGRAM, **environment):
        """Run a program in a process, and return its stdout and its stderr."""
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
def package(tmp_path):
    """Return a package with two kernels in two files, which are compiled like those of
    provscan.
    """
    folder = tmp_path / "provscan" / "kernels"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    shutil.copy(PACKAGE / "caches.py", folder.parent)
    (folder / "__init__.py").touch()
    shutil.copy(PACKAGE / "kernels" / "jit.py", folder)
    (folder / "caller.py").write_text(CALLER)
    (folder / "callee.py").write_text(CALLEE.format(1))
    return folder


def test_an_edited_callee_changes_the_answer_of_the_next_process(run, package):
    assert run(package) == ("2 0", "")
    assert run(package) == ("2 1", "")
    (package / "callee.py").write_text(CALLEE.format(5))
    assert run(package) == ("6 0", "")


def test_only_marked_folders_of_earlier_sources_are_removed(run, package, tmp_path):
    """A folder stays if provscan did not write it or if a process uses it; so do files
    that somebody else put in a marked folder.
    """
    chosen = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def edited(number):
        """Edit the callee, and return the folder of its cache."""
        before = {*(tmp_path / "cache").glob("*")}
        (package / "callee.py").write_text(CALLEE.format(number))
        assert run(package, **chosen) == (f"{number + 1} 0", "")
        (folder,) = {*(tmp_path / "cache").glob("*")} - before
        os.utime(folder, (number, number))
        return folder

    mine = edited(1)
    (next(mine.rglob("*.nbi")).parent / "notes.nbx").touch()
    used = edited(2)
    unused = edited(3)
    foreign = tmp_path / "cache" / "kernels-of-mine"
    (foreign / "inside").mkdir(parents=True)
    (foreign / "a.nbi").touch()
    (tmp_path / "cache" / "kernels-link").symlink_to(foreign)
    with (used / "provscan.txt").open() as marker:
        fcntl.flock(marker, fcntl.LOCK_SH)
        last = [edited(4), edited(5), edited(6)]
    kept = {path.name for path in (tmp_path / "cache").iterdir()}
    expected = {foreign, tmp_path / "cache" / "kernels-link", mine, used, *last}
    assert kept == {path.name for path in expected}
    assert not unused.exists()
    assert sorted(path.name for path in mine.rglob("*") if path.is_file()) == [
        "notes.nbx",
        "provscan.txt",
    ]
    assert (foreign / "a.nbi").exists()


def test_kernels_of_a_read_only_package_are_cached_elsewhere(run, package):
    # A file replaces the folder, since root can write to any folder.
    (package / "__pycache__").touch()
    assert run(package) == ("2 0", "")
    assert run(package) == ("2 1", "")
    (elsewhere,) = package.parents[1].glob("home/.cache/provscan/kernels-*")
    assert list(elsewhere.rglob("*.nbc"))


def test_without_a_cache_kernels_are_compiled_each_time(run, package):
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
def test_a_cache_that_others_can_write_to_is_not_used(run, package, mode):
    shared = package.parents[1] / "shared"
    run(package, NUMBA_CACHE_DIR=str(shared))
    assert run(package, NUMBA_CACHE_DIR=str(shared)) == ("2 1", "")
    (kept,) = shared.iterdir()
    kept.chmod(mode)
    for _ in range(2):
        output, warning = run(package, NUMBA_CACHE_DIR=str(shared))
        assert output == "2 0"
        assert f"can't be kept in {kept} (every user can write to {kept})" in warning


def test_a_kernel_that_fails_in_the_warm_up_is_named(monkeypatch, tmp_path):
    @numba.njit
    def broken(number):
        return number + "one"  # type: ignore[operator,no-any-return]

    monkeypatch.setattr(warmup, "_calls", lambda: [(broken, (1,))])
    with pytest.raises(numba.TypingError) as failed:
        warmup.compile_each(1)
    (note,) = failed.value.__notes__
    assert note.startswith("test_jit.broken: Failed in nopython mode pipeline")
    assert "unicode" in note
    assert "\n" not in note
    monkeypatch.setattr(warmup, "_marker", lambda: tmp_path / "complete")
    # Of the processes that are started, one prints a reason and one is ended by a
    # signal.
    script = tmp_path / "python"
    script.write_text(
        '#!/bin/sh\n[ "$3" = -1 ] && kill -9 $$\necho first >&2\n'
        "echo some.kernel: a reason >&2\nexit 1\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.warns(UserWarning, match="could not be compiled") as caught:
        warmup.compile_all(lambda seconds: None)
    first, second = (str(warning.message) for warning in caught)
    assert first.endswith("first used (some.kernel: a reason)")
    assert second.endswith("first used (exit code -9)")
    assert not (tmp_path / "complete").exists()


def test_kernels_of_the_same_sources_installed_anew_are_compiled_beforehand(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(warmup, "cache_folder", lambda: tmp_path)
    before = warmup._marker()
    assert before == warmup._marker()
    source = tmp_path / "warmup.py"
    shutil.copyfile(str(warmup.__file__), source)
    monkeypatch.setattr(warmup, "__file__", str(source))
    elsewhere = warmup._marker()
    os.utime(source, ns=(1, 1))
    assert len({before, elsewhere, warmup._marker()}) == 3


def write_further_kernels(out):
    """Build an index and run a match after the warm-up, and write a list of the kernels
    that were compiled for further types.
    """

    def compiled():
        return {
            f"{function.__name__} {types}"
            for function in gc.get_objects()
            if type(function) is kind and function.stats.cache_path
            for types in function.signatures
        }

    kind = type(numba.njit(lambda number: number))
    warmup.compile_each(1)
    before = compiled()
    tiny = ROOT / "corpora" / "tiny"
    index = provscan.build_index(tiny / "corpus", out / "a.index")
    provscan.match(tiny / "dataset.jsonl", index, out / "a.run", spike_ins=200)
    (out / "further").write_text("\n".join(sorted(compiled() - before)))


def test_a_run_compiles_nothing_after_the_warm_up(tmp_path):
    # Use a new process, since this one has called kernels before.
    process = multiprocessing.get_context("spawn").Process(
        target=write_further_kernels, args=(tmp_path,)
    )
    process.start()
    process.join()
    assert process.exitcode == 0
    assert (tmp_path / "further").read_text() == ""
