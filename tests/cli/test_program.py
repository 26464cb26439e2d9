"""Test the program as a process: interruptions, imports, warnings of libraries and
closed streams.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nightly import NIGHTLY

import provscan
from provscan.kernels import warmup

# A program in which EVENT happens when MODULE is imported: Ctrl-C or a warning.
PROGRAM = """
import importlib.abc, os, signal, sys, warnings

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            sys.meta_path.remove(self)
            EVENT

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.meta_path.insert(0, Finder())
    from provscan.__main__ import main
    main()
"""
INTERRUPT = "os.kill(os.getpid(), signal.SIGINT)"
WARN = r"warnings.warn('a \x1b[2J warning\nof a library')"


def python(*words, cwd=None):
    """Run Python, and return its output as text."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def run(folder, module, event, *words):
    """Run a command in which an event happens when a module is imported."""
    program = folder / "program.py"
    program.write_text(PROGRAM.replace("MODULE", repr(module)).replace("EVENT", event))
    return python(program, *words, cwd=folder)


@pytest.fixture
def corpus(tmp_path):
    tweets = [
        {"id": str(n), "text": f"tweet number {n} of a corpus that is small"}
        for n in range(9)
    ]
    (tmp_path / "corpus.jsonl").write_text(
        "".join(json.dumps(tweet) + "\n" for tweet in tweets)
    )
    return "corpus.jsonl"


# The first module that is imported, one that the command needs, and the last one; at
# night, also others between them.
MODULES = ["provscan.cli", "numpy", "provscan.index.build"]
if NIGHTLY:
    MODULES += ["click", "provscan.cli.index", "pyarrow", "numba"]


@pytest.mark.parametrize("module", MODULES)
def test_ctrl_c_during_an_import(corpus, tmp_path, module):
    done = run(tmp_path, module, INTERRUPT, "index", corpus)
    assert done.returncode == 130, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("provscan: Interrupted")
    assert done.stdout == ""
    assert not list(tmp_path.glob("*.index*"))


def test_little_is_imported_before_ctrl_c_is_handled():
    """During these imports, Ctrl-C ends in a traceback."""
    program = (
        "import os, sys; sys.path.append(sys.argv[1]); before = set(sys.modules); "
        "import provscan.__main__\n"
    )
    program += "print(*sorted(set(sys.modules) - before))"
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        program,
        str(Path(provscan.__file__).parents[1]),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout.split() == [
        "__future__",
        "atexit",
        "gc",
        "provscan",
        "provscan.__main__",
    ], done.stderr


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP", "SIGALRM"])
def test_an_interruption_while_the_interpreter_ends_changes_no_status(number):
    program = (
        "import atexit, os, signal; atexit.register(lambda: os.kill(os.getpid(), "
        f"signal.{number}))\n"
    )
    program += "from provscan.__main__ import main; main()"
    done = python("-c", program, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("provscan")


def test_a_warning_of_a_library_is_one_line(corpus, tmp_path):
    done = run(tmp_path, "provscan.index.build", WARN, "index", corpus)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert "provscan: a \\u001b[2J warning of a library" in lines


def test_pandas_is_imported_only_for_what_needs_it(tmp_path):
    (tmp_path / "datasets.py").write_text("import pandas")
    program = (
        "import provscan.__main__ as m, sys; sys.meta_path.insert(0, m._NoPandas)\n"
        "import pyarrow; pyarrow.array([1, 2])\n"
        "print('pandas' in sys.modules)\n"
        "import datasets; print('pandas' in sys.modules)"
    )
    done = python("-c", program, cwd=tmp_path)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_a_command_imports_nothing_that_it_does_not_use(corpus, tmp_path):
    warmup.compile_all(lambda seconds: None)
    program = tmp_path / "program.py"
    program.write_text(
        "import atexit, sys\n"
        "unused = {'scipy.linalg', 'jinja2'}\n"
        "atexit.register(lambda: print(unused & sys.modules.keys()))\n"
        "from provscan.__main__ import main; main()"
    )
    words = [program, "index", corpus, "--overwrite"]
    done = python(*words, cwd=tmp_path)
    assert done.stdout.endswith("set()\n"), done.stdout


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the streams")
def test_ctrl_c_ends_a_scan_that_waits_for_a_pipe(corpus, tmp_path):
    assert python("-m", "provscan", "index", corpus, cwd=tmp_path).returncode == 0
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "provscan", "match", "pipe", "-o", "a.run"]
    scan = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        while not (tmp_path / "a.run.unfinished" / "parts").exists():
            assert scan.poll() is None
            time.sleep(0.1)
        scan.send_signal(signal.SIGINT)
        assert scan.wait(timeout=120) == 130
    finally:
        scan.kill()
        scan.communicate()
    assert not (tmp_path / "a.run").exists()


def test_without_docstrings_the_help_says_so():
    shown = python("-OO", "-m", "provscan", "match", "--help")
    assert shown.stdout.count("PYTHONOPTIMIZE") > 5


def test_streams_that_are_closed(corpus, tmp_path):
    command = [sys.executable, "-m", "provscan", "index"]
    for closed, source, status in ((">&- 2>&-", corpus, 0), ("<&-", "-", 3)):
        words = [*command, source, "-o", "a.index", "--overwrite"]
        shell = ["sh", "-c", f'"$@" {closed}', "sh", *words]
        done = subprocess.run(
            shell,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
