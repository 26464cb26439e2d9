"""Fixtures that all tests share, settings of hypothesis, and the order of the tests.

Three fixtures change provscan for every test of this process, whether or not the test
names them. Processes that tests start inherit only the last one.

``files_are_not_synced``
    Nothing waits until files are on disk, since a run of all tests writes 60,000 files.
    A test of the order in which files are synced patches ``sync`` itself.
``runs_plant_300_spike_ins``
    If ``spike_ins`` is not given, 300 are planted instead of 2,000. A test whose
    numbers need more passes their number.
``cache_folder_of_the_tests``
    ``XDG_CACHE_HOME`` is a temporary folder, so that marks of checked indexes are
    neither read from nor written to the user's cache.

Three settings affect the process of the tests, not provscan: temporary folders are in
memory if there is room (:func:`pytest_configure`); garbage is not collected while tests
are imported (:func:`pytest_collection`); and without numba's compiler, numpy's warnings
of an overflow are ignored (:func:`pytest_configure`).

Rooms that patch more for all of their tests say so at the top of their conftest.py.
"""

import gc
import os
import shutil
from collections import Counter
from typing import Any

import pytest
from chromium import browser
from hypothesis import settings
from nightly import NIGHTLY
from ray_cluster import cluster, object_store
from run_fixtures import index, latin, other, write

from provscan.kernels import warmup

__all__ = ["browser", "cluster", "index", "latin", "object_store", "other", "write"]

# The first call of a kernel compiles it: no deadline for one example. CI draws the same
# few examples each time; make nightly and developers look for new ones.
settings.register_profile(
    "provscan", deadline=None, max_examples=40, derandomize=bool(os.environ.get("CI"))
)
settings.register_profile("nightly", deadline=None, max_examples=2000)
settings.load_profile("nightly" if NIGHTLY else "provscan")

# Groups of tests that take longest, the longest first.
LONGEST = [
    "cluster",
    "test_browser.py",
    "test_resume.py",
    "test_clean_resume.py",
    "test_match.py",
    "test_format.py",
    "test_damage.py",
    "test_crash.py",
    "test_analysis.py",
    "test_sample.py",
    "test_reader.py",
    "test_score.py",
    "test_shards.py",
    "test_run.py",
    "test_maintenance.py",
    "test_resolution.py",
    "test_end_to_end.py",
    "test_life.py",
    "test_program.py",
    "test_read_damage.py",
    "test_blocks.py",
    "test_matrix.py",
    "test_answers.py",
    "test_oracle.py",
    "test_benchmarks.py",
]


# A run of all tests writes 60,000 files, a gigabyte: in memory, where that has room.
MEMORY, ENOUGH = "/dev/shm", 8 << 30


def pytest_configure(config):
    if os.path.isdir(MEMORY) and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        # Without the JIT, kernels run on numpy scalars, which warn where a hash
        # overflows on purpose.
        config.addinivalue_line(
            "filterwarnings", "ignore:overflow encountered:RuntimeWarning"
        )


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is imported now is never garbage: looking through it again and again takes a
    tenth of the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def group_of(item: pytest.Item) -> str:
    executor = getattr(getattr(item, "callspec", None), "params", {}).get("executor")
    return (
        "cluster"
        if executor == "ray" or "cluster" in getattr(item, "fixturenames", ())
        else item.path.name
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]):
    """Tests of one file run one after the other, since they share what is slow to set
    up; so do all of the cluster.

    What takes longest begins first: processes would wait for it at the end.
    """
    groups = {item: group_of(item) for item in items}
    items.sort(
        key=lambda item: (
            LONGEST.index(groups[item]) if groups[item] in LONGEST else len(LONGEST)
        )
    )
    if config.pluginmanager.hasplugin("xdist"):
        for item, group in groups.items():
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish(session: pytest.Session):
    """Coverage is that of examples: following each line of what is repeated takes up to
    five times as long.

    Of a parametrised test it is that of two cases. tests/mutation.py asks which tests
    reach a line, and gets all.
    """
    covered = session.config.pluginmanager.hasplugin("pytest_cov")
    if covered and session.config.getoption("cov_context", None) is None:
        cases = Counter[str]()
        for item in session.items:
            name = item.nodeid.partition("[")[0]
            cases[name] += 1
            if cases[name] > 2 or any(
                map(item.get_closest_marker, ("hypothesis", "kernels", "untraced"))
            ):
                item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three for two processors: a third of the time, tests wait for processes that they
    have begun.
    """
    processors = os.cpu_count() or 1
    return processors + processors // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]):
    """Compile the kernels once, side by side: workers that begin with an empty cache
    would each compile all of them.
    """
    if len(specs) > 1:
        warmup.compile_all(lambda seconds: None)


@pytest.fixture(autouse=True, scope="session")
def files_are_not_synced():
    """Waiting for the disk takes long with many small indexes and runs."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("index.folder", "runs.unfinished"):
            patch.setattr(f"provscan.{module}.sync", lambda path: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def runs_plant_300_spike_ins():
    """Most runs are about something else than recall."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("provscan.calibration.spike_ins.FEWEST", 300)
        yield


@pytest.fixture(autouse=True, scope="session")
def cache_folder_of_the_tests(tmp_path_factory):
    """Which indexes were checked is noted in the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
