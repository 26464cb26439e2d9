"""Put bugs back, one at a time, and search for them.

python -m tests.truth.bugs --cases 2000 --seed 3 [NAME...]
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tomllib
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KINDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
BUGS = {name: bug for kind in KINDS.values() for name, bug in kind.items()}


def changed(bug: list[str]) -> str:
    """Return the source of a module with a bug."""
    module, old, new = bug
    source = (ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8")
    if source.count(old) != 1:
        raise ValueError(f"{module} has not one {old!r}")
    return source.replace(old, new)


def put_back(bug: list[str]) -> None:
    """Let a module be imported with a bug."""
    get_code = SourceFileLoader.get_code

    def with_bug(loader: SourceFileLoader, module: str) -> Any:
        if module != bug[0]:
            return get_code(loader, module)
        return compile(changed(bug), str(loader.path), "exec")

    SourceFileLoader.get_code = with_bug  # type: ignore[method-assign]


def searched(name: str, seed: int, cases: int) -> None:
    """Search for a bug in this process, which has not yet imported provscan."""
    put_back(BUGS[name])
    sys.path.insert(0, str(ROOT / "tests"))
    from truth import core, machines

    book = core.Book()
    for numbers in machines.blocks(0, cases):
        book.add(machines.search("match", seed, numbers, one=True))
        if found := book.violations + book.unlikely():
            print(f"{name}: {found[0][:300]}", flush=True)
            sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.truth.bugs")
    parser.add_argument("names", nargs="*", choices=[*BUGS, []])
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--cases", type=int, default=2000)
    chosen = parser.parse_args()
    names, missed = chosen.names or list(BUGS), []
    for name in names:
        arguments = name, chosen.seed, chosen.cases
        fork = multiprocessing.get_context("fork")
        process = fork.Process(target=searched, args=arguments)
        process.start()
        process.join()
        missed += [name] if process.exitcode == 0 else []
    print(f"{len(names) - len(missed)} of {len(names)} found, not {missed}")


if __name__ == "__main__":
    main()
