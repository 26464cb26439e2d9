"""Put bugs back, one at a time, and see whether the machine finds them.

python tests/truth/bugs.py --cases 2000 --seed 3 [NAME...]
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import multiprocessing
import sys
import tempfile
import tomllib
import types
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from truth import check, draw

KINDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
BUGS = {name: bug for kind in KINDS.values() for name, bug in kind.items()}


def changed(bug: list[str]) -> str:
    """Return the source of a module with a bug."""
    module, old, new = bug
    source = inspect.getsource(importlib.import_module(module))
    if source.count(old) != 1:
        raise ValueError(f"{module} has not one {old!r}")
    return source.replace(old, new)


def put_back(bug: list[str]) -> None:
    """Change a module in this process. Functions get the code of the changed source, so
    that other modules, which imported them, use it too.
    """
    module = importlib.import_module(bug[0])
    other: Any = types.ModuleType(module.__name__)
    vars(other).update(__file__=module.__file__, __package__=module.__package__)
    sys.modules[module.__name__] = other  # For dataclasses.
    exec(compile(changed(bug), str(module.__file__), "exec"), vars(other))
    sys.modules[module.__name__] = module
    for name, value in vars(other).items():
        _replace(vars(module).get(name), value)
        if isinstance(value, str | int | float | tuple) and not name.startswith("__"):
            setattr(module, name, value)


def _replace(old: Any, new: Any) -> None:
    old, new = (getattr(each, "__wrapped__", each) for each in (old, new))
    old, new = (getattr(each, "fget", each) for each in (old, new))
    old, new = (getattr(each, "func", each) for each in (old, new))
    if isinstance(old, types.FunctionType) and isinstance(new, types.FunctionType):
        if old.__closure__ is None and new.__closure__ is None:
            old.__code__ = new.__code__
    elif isinstance(old, type) and isinstance(new, type) and old is not new:
        for name, value in vars(new).items():
            _replace(vars(old).get(name), value)


def search(name: str, seed: int, cases: int, tell: Any) -> None:
    """Search for a bug, and tell the number of cases and the violation."""
    put_back(BUGS[name])
    book = check.Book()
    with tempfile.TemporaryDirectory() as folder:
        worlds = draw.Worlds(Path(folder))
        for number in range(cases):
            case = draw.draw(seed, number, worlds)
            found = check.check(case, Path(folder, "case"), book)
            if found or (number % 100 == 99 and (found := book.unlikely())):
                tell((number + 1, found[0]))
                return
        tell((cases, ""))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*BUGS, []])
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--cases", type=int, default=2000)
    chosen = parser.parse_args()
    names = chosen.names or list(BUGS)
    # The process of a bug is a fork of one that has loaded everything.
    with tempfile.TemporaryDirectory() as folder:
        worlds = draw.Worlds(Path(folder))
        check.check(draw.draw(0, 0, worlds), Path(folder, "case"), check.Book())
    context, found = multiprocessing.get_context("fork"), 0
    for name in names:
        receive, send = context.Pipe(duplex=False)
        arguments = name, chosen.seed, chosen.cases, send.send
        process = context.Process(target=search, args=arguments)
        process.start()
        send.close()
        try:
            cases, violation = receive.recv()
        except EOFError:  # The bug ended the process.
            cases, violation = 0, "the process ended"
        process.join()
        found += bool(violation)
        print(f"{name}: {cases} cases: {violation[:200] or 'NOT FOUND'}", flush=True)
    print(f"{found} of {len(names)} found")


if __name__ == "__main__":
    main()
