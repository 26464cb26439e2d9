"""Make an index of tweets with few and many copies, similar controls, and plans."""

import shutil

import pytest
from sentences import sentence, write

import provscan
from provscan.probe import Settings, make_plan, open_plan


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("probe")


@pytest.fixture(scope="session")
def index(folder):
    rows = [
        {
            "id": f"{n}-{copy}",
            "text": sentence(n),
            "author": f"a{n}",
            "created_at": "2020-01-02",
        }
        for n in range(400)
        for copy in range(64 if n < 60 else 4 if n < 120 else 1)
    ]
    return provscan.build_index(rows, folder / "licensed.index")


@pytest.fixture(scope="session")
def control(folder):
    return write(
        folder / "control.jsonl",
        [
            {
                "id": f"c{n}",
                "text": sentence(10_000 + n),
                "author": f"c{n}",
                "created_at": "2020-01-02",
            }
            for n in range(600)
        ],
    )


def planned_pairs(pairs, folder, index, control):
    # With few pairs, the area is uncertain. A higher limit keeps it from deciding which
    # prompts are used.
    settings = Settings(
        pairs=pairs,
        samples=2,
        prompts=("prefix", "masked"),
        max_auc=0.6 if pairs > 100 else 0.75,
    )
    return make_plan(
        index, folder / f"planned-{pairs}", settings, control=[str(control)]
    )


@pytest.fixture(scope="session")
def planned(folder, index, control):
    return planned_pairs(150, folder, index, control)


@pytest.fixture(scope="session")
def few_planned(folder, index, control):
    return planned_pairs(40, folder, index, control)


@pytest.fixture
def plan(planned, tmp_path):
    """Return a copy of the plan for one test."""
    return open_plan(shutil.copytree(planned.path, tmp_path / "probe"))


@pytest.fixture
def few(few_planned, tmp_path):
    """Return a copy of a plan with fewer questions for one test."""
    return open_plan(shutil.copytree(few_planned.path, tmp_path / "probe"))
