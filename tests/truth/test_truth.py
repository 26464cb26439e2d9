"""Run the truth machine on a few cases; ``PROVSCAN_TRUTH_CASES`` is their number, and
``PROVSCAN_TRUTH_SEED`` draws others.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import pytest
from nightly import SEED, cases

from truth import bugs, draw, files, layouts
from truth.machines import FACTS, blocks, search

pytestmark = pytest.mark.untraced

CASES = cases(200, 2000)
CLEANS = "cleaning_keeps_everything_else"
STRUCK = cases(len(files.KINDS) * 4, len(files.KINDS) * len(files.JOBS) * 50)
# The machines, their options and cases, the longest search first, so that none is left
# when the others have ended. In the suite, a case is held against few laws on two
# results.
SEARCHES: list[tuple[str, dict[str, Any], range]] = [
    ("files", {}, range(STRUCK)),
    *(("match", {"changes": 0.2}, numbers) for numbers in blocks(0, CASES)),
    *(("match", {"only": CLEANS}, range(n, n + 5)) for n in range(500, 515, 5)),
    *(("ledger", {}, range(n, n + 2)) for n in range(0, max(1, CASES // 25), 2)),
    ("probe", {}, range(CASES // 25)),
]


def test_the_machine_writes_and_reads_every_registered_format() -> None:
    assert not layouts.missing()


def test_bugs_can_be_put_back() -> None:
    assert all(map(bugs.changed, bugs.BUGS.values()))


def test_every_pair_of_options_is_drawn() -> None:
    rows = [draw.options_of(1, number) for number in range(200)]
    for (name, values), (other, others) in combinations(draw.FACTORS.items(), 2):
        for pair in product(values, others):
            excluded = {name, other} == {"sample", "baseline"} and all(pair)
            drawn = any((row[name], row[other]) == pair for row in rows)
            assert drawn != excluded, (name, other, pair)


@pytest.mark.parametrize(
    ("name", "options", "numbers"),
    [
        pytest.param(*each, marks=pytest.mark.xdist_group(f"truth{n}"))
        for n, each in enumerate(SEARCHES)
    ],
)
def test_cases_obey_the_laws(
    name: str, options: dict[str, Any], numbers: range
) -> None:
    """There are no violations. Nightly runs also compare bounds with the truth, which
    needs many cases.
    """
    if name == "probe":
        pytest.importorskip("openai", reason="needs pip install 'provscan[probe]'")
    book = search(name, SEED, numbers, **options)
    assert not book.violations + book.unlikely()
    if name == "match":
        assert {law for _, law in book.covered} > {law.__name__ for law in FACTS}
