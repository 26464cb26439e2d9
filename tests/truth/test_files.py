"""Kill commands, fill the disk, and give them special and foreign files: a few cases
here, and fifty or more of each kind in nightly runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from forks import Fork
from nightly import NIGHTLY, SEED

from truth import files

pytestmark = pytest.mark.untraced

JOBS = ["append", "clean", "ledger", "match"]
STRUCK = [(job, "kill") for job in JOBS] + [("case", "full"), ("match", "full")]
if NIGHTLY:
    STRUCK = [(job, how) for how in ("kill", "full") for job in files.JOBS]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files.make_world(tmp_path_factory.mktemp("files").resolve())


@pytest.mark.parametrize(("job", "how"), STRUCK)
def test_killed_and_failed_commands_leave_nothing(
    job: str, how: str, world: Path, fork: Fork
) -> None:
    cases = 50 if NIGHTLY else 1
    found = list(files.struck(world, fork, SEED, cases, job, how))
    assert not found, "\n".join(found)


def test_no_command_waits_for_a_special_file(world: Path, fork: Fork) -> None:
    cases = 10 * len(files.READS) if NIGHTLY else 4
    found = list(files.special(world, fork, SEED, cases))
    assert not found, "\n".join(found)


def test_nothing_of_somebody_else_is_replaced(world: Path, fork: Fork) -> None:
    found = list(files.foreign(world, fork, SEED, 300 if NIGHTLY else 6))
    assert not found, "\n".join(found)
