"""Test how commands parse, call, print and exit, with a stand-in for the library."""

import errno
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

import provscan
from provscan.cli import COMMANDS, main
from provscan.errors import (
    FieldNotFoundError,
    GateError,
    IndexFormatError,
    OutputError,
    ParameterError,
)
from provscan.kernels import warmup
from provscan.options import MatchOptions
from provscan.runs.folder import write_summary

API = {"index": "build_index", "match": "match"}
ONLY_PRINTING = {"as_json", "help_all"}
"""Options that choose what is printed, which the library does not do."""
ONLY_PYTHON = {
    *("sources", "progress", "index", "out", "canonical"),
    *("bands", "rows", "seed_length", "delimiter", "log"),
}
"""Parameters that are arguments or functions, or that have no use on a command line."""


def options(command):
    found = main.get_command(click.Context(main), command)
    assert found is not None
    return [
        parameter
        for parameter in found.get_params(click.Context(found))
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_help_text(command):
    found = main.get_command(click.Context(main), command)
    assert found is not None
    assert found.help
    for option in options(command):
        assert option.help, f"{command} {option.opts[0]} has no help"


@pytest.mark.parametrize("command", API)
def test_every_option_is_a_keyword_of_the_library(command):
    signature = inspect.signature(getattr(provscan, API[command]))
    for option in options(command):
        assert option.name in signature.parameters.keys() | ONLY_PRINTING, (
            f"{API[command]} lacks {option.name}"
        )
    missing = (
        signature.parameters.keys()
        - {option.name for option in options(command)}
        - ONLY_PYTHON
    )
    assert not missing, f"{command} lacks {missing}"


def test_defaults_in_the_help_are_those_of_the_library():
    shown = {option.name: option.show_default for option in options("match")}
    assert shown["max_bad"] == f"{MatchOptions.max_bad:g}"
    assert shown["seed"] == f"{MatchOptions.seed}"
    signature = inspect.signature(provscan.match)
    assert signature.parameters["max_bad"].default == MatchOptions.max_bad


def test_help_imports_nothing_slow():
    code = (
        "import sys; from provscan.cli import main; main(['--help'], "
        "standalone_mode=False); print(*sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert "Find licensed tweets" in out
    slow = {"numpy", "numba", "pyarrow", "duckdb", "rich", "jinja2", "xxhash", "orjson"}
    assert not slow & set(out.split())


def test_index_passes_on_only_the_given_options(library, run):
    result = run(
        "index", "a.jsonl", "b", "--id-field", "key", "--workers", "2", "--overwrite"
    )
    assert result.exit_code == 0, result.output
    given = {"id_field": "key", "workers": 2, "overwrite": True}
    assert library.calls == [
        ("build_index", (["a.jsonl", "b"], Path("licensed.index")), given)
    ]
    assert "307,000" in result.stdout


def test_match_passes_on_only_the_given_options(library, run):
    result = run("match", "a.jsonl", "--max-bad", "0.7", "-o", "out.run")
    assert result.exit_code == 0, result.output
    assert library.calls == [
        (
            "match",
            (["a.jsonl"], Path("licensed.index"), Path("out.run")),
            {"max_bad": 0.7},
        )
    ]
    words = ("--control", "b", "--control", "-c", "--max-bad", "1%", "--ray", "auto")
    assert run("match", "--", "-a.jsonl").exit_code == 0
    assert library.calls[-1] == (
        "match",
        (["-a.jsonl"], Path("licensed.index"), None),
        {},
    )
    assert run("match", "a", *words).exit_code == 0
    given = {"control": ["b", "-c"], "max_bad": 0.01, "ray": "auto"}
    assert library.calls[-1][2] == given
    assert library.summary["answer"]["headline"] in " ".join(result.stdout.split())
    assert "a.run/report.html" in result.stdout


@pytest.mark.parametrize("allowed", ["0.1%", "0.001"])
def test_a_crossed_gate_is_status_1_with_results(library, run, allowed):
    finished = SimpleNamespace(path=Path("a.run"), summary=library.summary, info={})
    library.fails_with = GateError(
        "at least 0.1500% of the records contain licensed text", finished, "crossed"
    )
    result = run("match", "a.jsonl", "--json", "--fail-above", allowed)
    assert library.calls[-1][2] == {"fail_above": 0.001}
    assert result.exit_code == 1
    assert json.loads(result.stdout)["records"] == library.summary["records"]
    assert "at least 0.1500% of the records contain licensed text." in result.stderr
    library.summary["damaged"] = [
        {"source": "a.gz", "records": 17, "problem": "the gzip stream ends early"}
    ]
    assert run("match", "a.jsonl", "--fail-above", allowed).exit_code == 3


@pytest.mark.parametrize("allowed", ["5", "-1%", "101%", "much", "", "nan", "%"])
def test_a_gate_must_be_a_share(library, run, allowed):
    result = run("match", "a.jsonl", "--fail-above", allowed)
    assert result.exit_code == 2
    assert (
        f"expected a share from 0% to 100%, such as 0.1% or 0.001, found {allowed!r}"
        in " ".join(result.stderr.split())
    )
    assert not library.calls


def test_unscanned_files_are_status_3_unless_allowed(library, run):
    library.summary["unread"] = [
        {"path": "a/notes\x1b[2J.md", "reason": ".md is an unsupported file type"}
    ]
    result = run("match", "a")
    assert result.exit_code == 3
    assert r"a/notes\u001b[2J.md was not scanned: .md is" in result.stderr
    assert "Use --allow-unread to accept this." in result.stderr
    assert "COPIES FOUND" in result.stdout
    assert run("match", "a", "--allow-unread").exit_code == 0
    assert "was not scanned" in run("match", "a", "--allow-unread").stderr


# An error of the clean-up after Ctrl-C.
FAILED_CLEAN_UP = OSError(errno.EBADF, os.strerror(errno.EBADF))
FAILED_CLEAN_UP.__context__ = KeyboardInterrupt()


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (RuntimeError("can't start new thread"), 3, "Out of memory"),
        (
            ParameterError("threshold must be between 0.1 and 1, not 7.0"),
            2,
            "threshold must be between",
        ),
        (
            FieldNotFoundError("a.jsonl: no field 'x'; there are: id, body"),
            3,
            "there are: id, body",
        ),
        (IndexFormatError("a.index: not an index"), 3, "not an index"),
        (OutputError("a.run exists; --overwrite replaces it"), 3, "--overwrite"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.run/part"),
            3,
            "No space left on device: a.run/part. Free",
        ),
        (
            PermissionError(errno.EACCES, os.strerror(errno.EACCES), "a.jsonl"),
            3,
            "Permission denied: a.jsonl. Read",
        ),
        (
            FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "b"),
            3,
            "No such file or directory: b",
        ),
        (MemoryError(), 3, "Out of memory. Reduce --workers"),
        (KeyboardInterrupt(), 130, "Interrupted"),
    ],
)
@pytest.mark.parametrize("command", ["index", "match"])
def test_errors_are_one_line_and_a_status(
    library, run, command, error, status, message
):
    library.fails_with = error
    result = run(command, "a.jsonl")
    assert result.exit_code == status
    assert result.stdout == ""
    assert result.stderr.startswith("provscan: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_internal_error_is_status_70_with_a_traceback(library, run):
    library.fails_with = ZeroDivisionError("oh")
    result = run("match", "a.jsonl")
    assert result.exit_code == 70
    assert "Traceback" in result.stderr
    assert "internal error, ZeroDivisionError" in result.stderr


@pytest.fixture
def finished(tmp_path):
    """Return the folder of a run whose table is an empty file."""
    (tmp_path / "matches.parquet").touch()
    summary = (Path(__file__).parents[1] / "report" / "summary.json").read_text(
        encoding="utf-8"
    )
    write_summary(tmp_path, json.loads(summary), {}, ["matches.parquet"])
    return tmp_path


def test_a_closed_pipe_prints_no_error(finished):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "provscan", "info", finished]
    with os.fdopen(writer, "w") as stdout:
        done = subprocess.run(
            command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 141
    assert done.stderr == ""


@pytest.mark.parametrize(
    "words", [(), ("nonsense",), ("match",), ("index",), ("match", "a", "--nonsense")]
)
def test_wrong_usage(library, run, words):
    assert run(*words).exit_code == 2
    assert not library.calls


def test_the_first_run_says_that_it_compiles(library, run, monkeypatch):
    monkeypatch.setattr(
        warmup,
        "compile_all",
        lambda report: [report(seconds) for seconds in (0.0, 0.1, 1.5)],
    )
    (notice,) = run("match", "a.jsonl").stderr.splitlines()
    assert notice.startswith("provscan: compiling for this processor (only once")


def test_a_failed_stage_prints_no_progress(library, run):
    library.fails_with = FieldNotFoundError("no field")
    assert run("match", "a.jsonl").stderr == "provscan: no field.\n"


def test_info_of_a_run(run, finished):
    result = run("info", finished)
    assert result.exit_code == 0
    assert "4,997" in result.stdout
    printed = json.loads(run("info", finished, "--json").stdout)
    assert printed["records"] == 4997
    (finished / "summary.json").write_text(json.dumps({**printed, "records": 9}))
    changed = run("info", finished)
    assert (changed.exit_code, "summary.json was changed" in changed.stderr) == (
        3,
        True,
    )


def test_info_of_an_index(library, run):
    assert "301,222" in run("info").stdout
    assert library.calls == [
        ("open_index", (Path("licensed.index"),), {"verify": False})
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not a finished run: run match again"),
        ("{", "can't be read as JSON"),
        ("[1]", "contains list where an object is expected"),
        ('{"version": 2}', "expected a summary of version 1, found 2"),
    ],
)
def test_info_of_a_broken_run(run, tmp_path, content, message):
    (tmp_path / "run.json").write_text("{}")
    if content is not None:
        (tmp_path / "summary.json").write_text(content)
    result = run("info", tmp_path)
    assert result.exit_code == 3
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["clean", "a", "a.run", "--mask", "-o"], "--mask needs a value, and -o is an"),
        (["match", "a.jsonl", "-o", "--json"], "the value, write -o--json"),
        (["probe", "plan", "a", "--pairs", "--style"], "write --pairs=--style"),
    ],
)
def test_an_option_does_not_take_the_next_one_as_its_value(library, run, words, said):
    result = run(*words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not library.calls


def test_a_value_may_be_the_name_of_an_option(library, run):
    assert run("match", "a.jsonl", "--out=-i").exit_code == 0
    assert library.calls[-1][1][2] == Path("-i")
