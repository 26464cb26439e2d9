"""Test handing over with drawn cases: ``PROVSCAN_TRUTH_CASES`` of each kind, from the
seed ``PROVSCAN_TRUTH_SEED``.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from truth.handover import SEED, Runs, cases, damaged, renamed


def none(violations: Iterable[str]) -> None:
    found = list(violations)
    assert not found, "\n".join(found[:20])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs.made(tmp_path_factory.mktemp("runs"))


def test_no_command_shows_anything_else_of_a_damaged_run(runs: Runs) -> None:
    none(damaged(runs, SEED, cases(5, 500)))


def test_names_of_files_change_no_repeated_run(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.folder)
    none(renamed(runs, SEED, cases(6, 300)))
