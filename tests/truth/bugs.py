"""Put bugs back, one at a time, and search for them.

python -m tests.truth.bugs --cases 2000 --seed 3 [NAME...]
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
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


def searched(name: str, seed: int, cases: int, tell: Any) -> None:
    """Search for a bug in this process, which has not yet imported provscan, and tell
    the number of cases and the violation.
    """
    get_code, bug = SourceFileLoader.get_code, BUGS[name]

    def with_bug(loader: SourceFileLoader, module: str) -> Any:
        if module != bug[0]:
            return get_code(loader, module)
        return compile(changed(bug), str(loader.path), "exec")

    SourceFileLoader.get_code = with_bug  # type: ignore[method-assign]
    sys.path.insert(0, str(ROOT / "tests"))
    from truth import core, matching

    book = core.Book()
    with tempfile.TemporaryDirectory(dir=core.MEMORY) as folder:
        machine = matching.Machine(Path(folder, "world"))
        for number in range(cases):
            numbers = range(number, number + 1)
            found = [*core.search(machine, seed, numbers, Path(folder, "case"), book)]
            if found or (number % 100 == 99 and (found := book.unlikely())):
                tell((number + 1, found[0]))
                return
        tell((cases, ""))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.truth.bugs")
    parser.add_argument("names", nargs="*", choices=[*BUGS, []])
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--cases", type=int, default=2000)
    chosen = parser.parse_args()
    names, found = chosen.names or list(BUGS), 0
    context = multiprocessing.get_context("fork")
    for name in names:
        receive, send = context.Pipe(duplex=False)
        arguments = name, chosen.seed, chosen.cases, send.send
        process = context.Process(target=searched, args=arguments)
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
