"""Run the truth machine on a few cases; ``PROVSCAN_TRUTH_CASES`` is their number, and
``PROVSCAN_TRUTH_SEED`` draws others.
"""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from forks import Fork
from nightly import SEED, cases

from truth import bugs, clean, core, draw, files, laws, layouts
from truth.machines import MACHINES

pytestmark = pytest.mark.untraced

CASES = cases(200, 2000)
STEP = draw.CASES_OF_A_WORLD
# The machines, their options and cases. In the suite, a case is held against few laws
# on two results.
SEARCHES: list[tuple[str, dict[str, Any], range]] = [
    *(("match", {"changes": 0.2}, range(n, n + STEP)) for n in range(0, CASES, STEP)),
    *(("match", {"only": clean.LAW}, range(n, n + 5)) for n in range(500, 515, 5)),
    *(("ledger", {}, range(n, n + 2)) for n in range(0, max(1, CASES // 25), 2)),
    ("probe", {}, range(CASES // 25)),
]
STRUCK = cases(len(files.KINDS) * 4, len(files.KINDS) * len(files.JOBS) * 50)


def test_the_machine_writes_and_reads_every_registered_format() -> None:
    assert not layouts.missing()


def test_bugs_can_be_put_back() -> None:
    assert all(map(bugs.changed, bugs.BUGS.values()))


def test_every_pair_of_options_is_drawn() -> None:
    rows = [draw.options_of(1, number) for number in range(200)]
    for (name, values), (other, others) in combinations(draw.FACTORS.items(), 2):
        for pair in product(values, others):
            if not draw.excluded(dict(zip((name, other), pair, strict=True))):
                assert any((row[name], row[other]) == pair for row in rows), pair


def searched(machine: core.Machine, numbers: range, folder: Path) -> core.Book:
    """Search for violations, which there must be none of. Nightly runs also compare
    bounds with the truth, which needs many cases.
    """
    book = core.Book()
    found = list(core.search(machine, SEED, numbers, folder.resolve() / "case", book))
    assert not found, "\n".join(found)
    assert not book.unlikely()
    return book


@pytest.mark.parametrize(
    ("name", "options", "numbers"),
    [
        pytest.param(*each, marks=pytest.mark.xdist_group(f"truth{n}"))
        for n, each in enumerate(SEARCHES)
    ],
)
def test_cases_obey_the_laws(
    name: str, options: dict[str, Any], numbers: range, tmp_path: Path
) -> None:
    if name == "probe":
        pytest.importorskip("openai", reason="needs pip install 'provscan[probe]'")
    book = searched(MACHINES[name](tmp_path / "world", **options), numbers, tmp_path)
    if name == "match":
        assert {law for _, law in book.covered} > laws.FACTS.keys()


def test_files_of_killed_and_hindered_commands(tmp_path: Path, fork: Fork) -> None:
    machine = files.Machine(tmp_path.resolve() / "world", fork)
    searched(machine, range(STRUCK), tmp_path)
