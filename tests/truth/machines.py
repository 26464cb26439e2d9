"""The machines by name, and the search for violations with one of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from truth import files, ledger, matching, probe
from truth.core import Book

# A folder in memory, in which a case takes half of the time, or None.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None


class Machine(Protocol):
    """Draws cases of one kind from a seed and a number, and holds them against laws."""

    def check(self, seed: int, number: int, folder: Path, book: Book) -> None: ...


# Functions that return a machine, given a folder for what its cases share.
MACHINES: dict[str, Callable[..., Machine]] = {
    "match": matching.Machine,
    "ledger": ledger.Machine,
    "probe": probe.Machine,
    "files": files.Machine,
}


def search(
    name: str, seed: int, numbers: range, *, one: bool = False, **options: Any
) -> Book:
    """Check cases, each in a new folder, and print the violations; with ``one``, only
    until a case has one.
    """
    book = Book()
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        machine = MACHINES[name](Path(folder, "world"), **options)
        for number in numbers:
            repeat = f"--machine {name} --seed {seed} --case {number}"
            book.case, known = f"python -m tests.truth {repeat}", len(book.violations)
            place = Path(folder, "case")
            place.mkdir()
            with book.law("a case has no error"):
                machine.check(seed, number, place, book)
            for violation in book.violations[known:]:
                print(violation, flush=True)
            if one and book.violations:
                break
            shutil.rmtree(place)
    return book
