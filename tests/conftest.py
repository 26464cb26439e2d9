"""Fixtures that all tests share, settings of hypothesis, and the order of the tests.

Four fixtures change provscan for every test of this process, whether or not the test
names them. Processes that tests start inherit only ``cache_folder_of_the_tests``.

``files_are_not_synced``
    Nothing waits until files are on disk, since a run of all tests writes 60,000 files.
    A test of the order in which files are synced patches ``sync`` itself.
``runs_plant_300_spike_ins``
    If ``spike_ins`` is not given, 300 are planted instead of 2,000. A test that needs
    more gives their number.
``runs_have_pages_if_tests_read_them``
    In the folders :data:`WITHOUT_PAGES`, runs have no report.html unless the test has
    the mark ``pages``, since the page takes a third of the time of a small run.
``cache_folder_of_the_tests``
    ``XDG_CACHE_HOME`` is a temporary folder, so that tests neither use nor change the
    user's cache, which records the indexes that were checked.

Other settings affect the process of the tests, not provscan. Linear algebra uses one
thread. :func:`pytest_configure` has bytecode written, puts temporary folders in memory
if there is room, and ignores numpy's warnings of overflows if numba's compiler is off.
:func:`pytest_collection` turns garbage collection off during imports.

The conftest.py of a folder names, at its top, what else it changes for all tests of the
folder.
"""

import gc
import os
import shutil
import sys
from collections import Counter

# Set before numpy is imported, as in the program, since threads would only spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from chromium import browser
from forks import fork
from hypothesis import settings
from nightly import NIGHTLY
from ray_cluster import cluster
from run_fixtures import index, latin, other, write

from provscan.kernels import warmup
from provscan.report.document import write_report

__all__ = ["browser", "cluster", "fork", "index", "latin", "other", "write"]

# Examples have no deadline, since the first call of a kernel compiles it. CI always
# draws the same few examples; developers and make nightly draw new ones.
settings.register_profile(
    "provscan", deadline=None, max_examples=40, derandomize=bool(os.environ.get("CI"))
)
settings.register_profile("nightly", deadline=None, max_examples=2000)
settings.load_profile("nightly" if NIGHTLY else "provscan")

# The groups of tests that take the longest, in descending order.
LONGEST = [
    *("cluster", "test_truth.py", "test_ledger.py", "browser"),
    *("test_reuse.py", "test_access.py", "test_match.py", "test_program.py"),
    *("test_recipe_pages.py", "test_readme.py", "test_resume.py", "test_statuses.py"),
    *("test_sample.py", "test_analysis.py", "test_kinds.py", "test_run.py"),
]


# A folder in memory for temporary files, and the free space that it must have. A run of
# all tests writes a gigabyte of such files.
MEMORY, ENOUGH = "/dev/shm", 8 << 30


def pytest_configure(config):
    # Without bytecode, each of the many processes that tests start would compile the
    # sources.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if os.path.isdir(MEMORY) and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        # Without the JIT, kernels run on numpy scalars, which warn about the intended
        # overflows of hashes.
        config.addinivalue_line(
            "filterwarnings", "ignore:overflow encountered:RuntimeWarning"
        )


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Disable garbage collection during imports, where it takes a tenth of the time and
    finds nothing. Later collections are rare, as in the program.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000)
        gc.enable()


def group_of(item):
    """Return the group of a test: its file, or the cluster or browser that it uses."""
    executor = getattr(getattr(item, "callspec", None), "params", {}).get("executor")
    fixtures = getattr(item, "fixturenames", ())
    if executor == "ray" or "cluster" in fixtures:
        return "cluster"
    if "browser" in fixtures and "demo" not in fixtures:
        return "browser"
    return item.path.name


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Run the tests of a group in one process, since they share a slow setup. Start
    with the longest groups, so that no process waits for them at the end. Mark the
    tests that use a cluster.
    """
    groups = {item: group_of(item) for item in items}
    for item in items:
        if groups[item] == "cluster":
            item.add_marker("cluster")
    items.sort(
        key=lambda item: (
            LONGEST.index(groups[item]) if groups[item] in LONGEST else len(LONGEST)
        )
    )
    if config.pluginmanager.hasplugin("xdist"):
        for item, group in groups.items():
            item.add_marker(pytest.mark.xdist_group(group))


WITHOUT_PAGES = {
    *("calibration", "cleaning", "engine", "index", "integrations", "matching"),
    *("readers", "runs", "sketch"),
}
CURRENT = {"pages": True}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Note whether the test reads the page of a run."""
    read = item.get_closest_marker("pages") is not None
    CURRENT["pages"] = read or item.path.parent.name not in WITHOUT_PAGES


def pytest_collection_finish(session):
    """Measure the coverage of only two cases of each parametrised test, since measuring
    makes a test up to five times as slow.

    tests/mutation.py needs the tests that reach each line, so for it all cases are
    measured.
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
def pytest_xdist_auto_num_workers(config):
    """Return three workers for two processors, since tests spend a third of their time
    waiting for other processes.
    """
    processors = os.cpu_count() or 1
    return processors + processors // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs):
    """Compile the kernels once and in parallel; with an empty cache, each worker would
    compile all of them.
    """
    if len(specs) > 1:
        warmup.compile_all(lambda seconds: None)


@pytest.fixture(autouse=True, scope="session")
def files_are_not_synced():
    """Skip syncs, which take a long time for many small indexes and runs."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("index.folder", "unfinished"):
            patch.setattr(f"provscan.{module}.sync", lambda path: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def runs_plant_300_spike_ins():
    """Plant fewer spike-ins, since most tests of runs do not test recall."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("provscan.calibration.spike_ins.FEWEST", 300)
        yield


@pytest.fixture(autouse=True, scope="session")
def runs_have_pages_if_tests_read_them():
    """Skip report.html if the current test does not read it."""

    def written(folder):
        if CURRENT["pages"]:
            write_report(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("provscan.api.write_report", written)
        yield


@pytest.fixture(autouse=True, scope="session")
def cache_folder_of_the_tests(tmp_path_factory):
    """Replace the user's cache folder, which records the indexes that were checked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
