"""Test the tests with a sample of mutants: change one operator or constant at a time,
and see whether a test fails.

    python tests/mutation.py --packages estimate,matching,index --mutants 200 --seed 1

First, the suite runs once to record which tests run which lines; ``--record FOLDER``
keeps the record for another sample. Then, for each mutant, the tests of the changed
line run in a process forked from one that has compiled the kernels: first the quickest
tests and, if the mutant survives, the others. The output lists the surviving mutants,
and gives the number of killed mutants in each package.
"""

from __future__ import annotations

import argparse
import ast
import bisect
import contextlib
import gc
import importlib.abc
import importlib.util
import itertools
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import coverage
import pytest
from house import PACKAGE, ROOT, module_of, package_of

COMPARISONS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
# The maximum total time of the tests of a line that run first, and of those that run if
# the mutant survives. Times are measured without a mutant on an idle machine.
SECONDS_OF_TESTS = (30.0, 300.0)
# Prefix of the ratio of elapsed time to processor time in the record.
WAITED = "clock for processor: "
# The maximum time of all tests without a mutant.
WITHOUT_A_MUTANT = 3_600.0
# The tests of a mutant are stopped after these multiples of their time: in processor
# time, and in elapsed time, which is longer on a busy machine.
TIMES_TO_WORK, TIMES_TO_WAIT = 4, 32


class Mutant(NamedTuple):
    """A changed source file: its path, the line and description of the change, and the
    changed source.
    """

    path: Path
    line: int
    what: str
    source: str


def changes(node: ast.AST) -> Iterator[Callable[[Any], None]]:
    """Yield functions that change a node in place."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            yield lambda n: n.ops.__setitem__(0, COMPARISONS[type(n.ops[0])]())
        case ast.BinOp(op=op) if type(op) in OPERATORS and not isinstance(
            node.left, ast.Constant | ast.JoinedStr
        ):
            yield lambda n: setattr(n, "op", OPERATORS[type(n.op)]())
        case ast.BoolOp(op=ast.And()):
            yield lambda n: setattr(n, "op", ast.Or())
        case ast.BoolOp():
            yield lambda n: setattr(n, "op", ast.And())
        case ast.If() | ast.While() | ast.IfExp():
            yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
        case ast.Constant(value=bool()):
            yield lambda n: setattr(n, "value", not n.value)
        case ast.Constant(value=int() | float()) if abs(node.value) <= 8:
            yield lambda n: setattr(n, "value", n.value + 1)
        case ast.Return(value=value) if value is not None and not isinstance(
            value, ast.Constant
        ):
            yield lambda n: setattr(n, "value", ast.Constant(None))


# Functions that allocate arrays which are filled later, so that a larger size changes
# no result. (`reshape` accepts any negative size as a placeholder.)
ARRAYS = re.compile("empty|scratch_array|([a-z_]*_)?scratch|reshape")


def makes_array(node: ast.AST) -> bool:
    """Return whether the arguments of a call are the sizes of arrays that are filled
    later.
    """
    if not isinstance(node, ast.Call):
        return False
    called = (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else getattr(node.func, "id", "")
    )
    return bool(ARRAYS.fullmatch(called))


def assigned(node: ast.AST) -> list[str]:
    """Return the local names that an assignment sets, if it sets nothing else."""
    if not isinstance(node, ast.Assign) or len(node.targets) > 1:
        return []
    parts = (
        node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else node.targets
    )
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else []


def sizes(tree: ast.Module) -> set[ast.AST]:
    """Return the assignments and private functions whose values are used only as sizes
    of arrays that are filled later.
    """
    private = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("_")
    }
    # Maps each name, with the function in which it is local, to the names that its
    # values flow into; "" stands for any other use.
    flows: dict[tuple[str, str], set[tuple[str, str]]] = {}
    anywhere = {("", "")}

    def follow(node: ast.AST, function: str, into: set[tuple[str, str]]) -> None:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            key = ("", node.id) if node.id in private else (function, node.id)
            flows[key] = flows.get(key, set()) | into
        for name, value in ast.iter_fields(node):
            inside = into
            if name == "args" and makes_array(node):
                inside = set()
            elif isinstance(node, ast.Assign):
                inside = {(function, each) for each in assigned(node)} or anywhere
            elif isinstance(node, ast.Return):
                inside = {("", function)} if function in private else anywhere
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    follow(child, function, inside)

    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        follow(function, function.name, anywhere)
    sized = set(flows)
    while wrong := {name for name in sized if not flows[name] <= sized}:
        sized -= wrong
    found: set[ast.AST] = {node for node in functions if ("", node.name) in sized}
    for function in functions:
        for node in ast.walk(function):
            if (names := assigned(node)) and all(
                (function.name, name) in sized for name in names
            ):
                found.add(node)
    return found


def unseen(node: ast.AST, name: str, sized: set[ast.AST]) -> bool:
    """Return whether no result depends on a field of a node.

    Such fields are annotations, decorators, error messages and formatted texts, the
    argument ``strict`` of zip, which guards against mistakes in the code, and the sizes
    of arrays that are filled later or reshaped.
    """
    if (name == "args" and makes_array(node)) or node in sized:
        return True
    if isinstance(node, ast.keyword):
        return node.arg == "strict"
    return name in ("annotation", "returns", "decorator_list") or isinstance(
        node, ast.Raise | ast.JoinedStr
    )


def places(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes inside functions and classes on which results depend."""
    sized = sizes(tree)
    queue: list[ast.AST] = [
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    while queue:
        node = queue.pop()
        yield node
        for name, value in ast.iter_fields(node):
            if unseen(node, name, sized):
                continue
            queue += [
                child
                for child in (value if isinstance(value, list) else [value])
                if isinstance(child, ast.AST)
            ]


def places_of(path: Path) -> list[tuple[Path, int, int]]:
    """Return the possible mutants of a file: its path, the number of a node, and the
    number of the change.
    """
    nodes = places(ast.parse(path.read_text(encoding="utf-8")))
    return [
        (path, number, way)
        for number, node in enumerate(nodes)
        for way, _ in enumerate(changes(node))
    ]


def made(path: Path, number: int, way: int) -> Mutant:
    """Make a mutant, given an item of :func:`places_of`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    node = list(places(tree))[number]
    before = ast.unparse(node)
    list(changes(node))[way](node)
    what = f"{before.splitlines()[0]}  ->  {ast.unparse(node).splitlines()[0]}"
    return Mutant(path, node.lineno, what, ast.unparse(ast.fix_missing_locations(tree)))


def note(tests: list[str], folder: Path) -> None:
    """Run the tests, and record the time of each test, the lines that it runs, and how
    busy the machine was.
    """
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-k",
        "not memory",
        # With xdist's groups, pytest-cov would not switch contexts in this process.
        "-n0",
        "--dist=no",
        "--durations=0",
        "-vv",
        *tests,
    ]
    command += [
        "--cov=provscan",
        "--cov-context=test",
        "--cov-report=",
        "--cov-fail-under=0",
    ]
    environment = {**os.environ, "COVERAGE_FILE": str(folder / "coverage")}
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    waited = max(1.0, (time.monotonic() - begun) / worked)
    (folder / "output.txt").write_text(
        f"{done.stdout}\n{WAITED}{waited:.2f}\n", encoding="utf-8"
    )


def line_tests(tests: list[str], folder: Path) -> dict[str, dict[int, list[list[str]]]]:
    """Return the tests that run each line of each file, in two groups with the maximum
    times :data:`SECONDS_OF_TESTS`.
    """
    output = (folder / "output.txt").read_text(encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--collect-only", *tests]
    there = set(
        subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.splitlines()
    )
    # A test that fails without a mutant, or no longer exists, would kill every mutant.
    broken = set(re.findall(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE))
    print(
        f"tests that fail without a mutant, left out: {sorted(broken) or 'none'}",
        flush=True,
    )
    waited = re.search(f"^{WAITED}([0-9.]+)$", output, re.MULTILINE)
    busy = float(waited[1]) if waited else 1.0
    seconds = Counter[str]()
    for taken, test in re.findall(
        r"^([0-9.]+)s (?:setup|call|teardown) +(\S.*)$", output, re.MULTILINE
    ):
        seconds[test] += float(taken)

    def quickest(contexts: list[str], package: str) -> list[list[str]]:
        found = (
            {context.split("|")[0] for context in contexts if context} - broken
        ) & there
        # Tests of the package come first, since many other tests run a line without
        # testing it.
        ordered = sorted(
            found,
            key=lambda test: (f"tests/{package}/" not in test, seconds[test], test),
        )
        ends = list(itertools.accumulate(seconds[test] for test in ordered))
        first, last = (
            max(1, bisect.bisect_right(ends, limit * busy))
            for limit in SECONDS_OF_TESTS
        )
        return [ordered[:first], ordered[first:last]]

    data = coverage.CoverageData(str(folder / "coverage"))
    data.read()
    return {
        name: {
            line: quickest(contexts, package_of(Path(name)))
            for line, contexts in data.contexts_by_lineno(name).items()
        }
        for name in data.measured_files()
    }


def tests_for(mutant: Mutant, lines: dict[int, list[list[str]]]) -> list[list[str]]:
    """Return the tests that run a mutant's line, given the tests of all lines of its
    file. For a line that runs during an import, return the tests of the whole file.
    """
    of_line = lines.get(mutant.line, [])
    return (
        of_line
        if any(of_line)
        else [sorted({test for first, _ in lines.values() for test in first}), []]
    )


class Swap(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """An importer that loads one module from the mutant's source."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant, self.name = mutant, module_of(mutant.path)

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != self.name:
            return None
        package = (
            [str(self.mutant.path.parent)]
            if self.mutant.path.stem == "__init__"
            else None
        )
        return importlib.util.spec_from_file_location(
            name, self.mutant.path, loader=self, submodule_search_locations=package
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(
            compile(self.mutant.source, str(self.mutant.path), "exec"), module.__dict__
        )


def survives(mutant: Mutant | None, tests: list[str], seconds: float) -> bool:
    """Run tests with a mutant in a forked process, and return whether all of them pass.

    ``seconds`` is the time of the tests without a mutant. A process that takes much
    longer is killed.
    """
    folder = tempfile.mkdtemp(prefix="mutant")
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.setsid()
            resource.setrlimit(
                resource.RLIMIT_CPU, 2 * (round(TIMES_TO_WORK * seconds),)
            )
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            if mutant is not None:
                sys.meta_path.insert(0, Swap(mutant))
            options = [
                "-x",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:cov",
                f"--basetemp={folder}/tmp",
            ]
            os._exit(int(pytest.main([*options, *tests])))
        os._exit(1)
    limit = time.monotonic() + TIMES_TO_WAIT * seconds
    status = 1
    while time.monotonic() < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.02)
    else:
        os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    return status == 0


def warm() -> None:
    """Compile or load the kernels, and remove all other modules of provscan."""
    import provscan

    with tempfile.TemporaryDirectory() as folder:
        tiny = ROOT / "corpora" / "tiny"
        index = provscan.build_index(tiny / "corpus", Path(folder) / "i.index")
        provscan.match(tiny / "dataset.jsonl", index, out=Path(folder) / "d.run")
    for name in list(sys.modules):
        if name.split(".")[0] == "provscan" and not name.startswith("provscan.kernels"):
            del sys.modules[name]
    gc.collect()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--packages",
        default="estimate,matching,index",
        help="packages or files to mutate, for example kernels,ledger/counts.py",
    )
    parser.add_argument("--mutants", type=int, default=200, help="size of the sample")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample")
    parser.add_argument(
        "--record", type=Path, help="folder for the record of lines and tests"
    )
    parser.add_argument(
        "--tests",
        nargs="*",
        default=["tests/estimate", "tests/matching", "tests/index", "tests/runs"],
        help="tests to run",
    )
    arguments = parser.parse_args()
    packages = arguments.packages.split(",")
    possible = [
        place
        for name in packages
        for path in sorted((PACKAGE / name).glob("*.py")) or [PACKAGE / name]
        for place in places_of(path)
    ]
    chosen = random.Random(arguments.seed).sample(
        possible, min(arguments.mutants, len(possible))
    )
    with tempfile.TemporaryDirectory() as folder:
        record = arguments.record or Path(folder)
        record.mkdir(parents=True, exist_ok=True)
        if not (record / "output.txt").exists():
            note(arguments.tests, record)
        run_by = line_tests(arguments.tests, record)
    os.chdir(ROOT)
    warm()
    mutants = [made(*place) for place in chosen]
    tests_of = [
        tests_for(mutant, run_by.get(str(mutant.path), {})) for mutant in mutants
    ]
    everything = sorted(
        {test for rounds in tests_of for tests in rounds for test in tests}
    )
    if not everything:
        raise SystemExit("The record names no test that runs a line of these files.")
    if not survives(None, everything, WITHOUT_A_MUTANT):
        raise SystemExit(
            "Tests fail in the forked process without a mutant, and would kill every "
            "mutant. Run them alone to find the cause."
        )
    killed, total = Counter[str](), Counter[str]()
    for mutant, rounds in zip(mutants, tests_of, strict=True):
        total[package_of(mutant.path)] += 1
        in_turn = zip(rounds, SECONDS_OF_TESTS, strict=True)
        if any(
            tests and not survives(mutant, tests, seconds) for tests, seconds in in_turn
        ):
            killed[package_of(mutant.path)] += 1
            continue
        kind = "survived" if any(rounds) else "run by no test"
        where = f"{mutant.path.relative_to(ROOT)}:{mutant.line}"
        print(
            f"{total.total()} of {len(chosen)}: {where}: {kind}: {mutant.what}",
            flush=True,
        )
    for name in sorted(total):
        print(f"{name}: {killed[name]} of {total[name]} killed")
    print(
        f"all: {killed.total()} of {total.total()} killed; {len(possible):,} mutants "
        "are possible"
    )


if __name__ == "__main__":
    main()
