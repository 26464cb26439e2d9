"""Test that commands never remove or change files that provscan did not write, in any
folder.
"""

import contextlib
import errno
import json
import os
import random
import shutil
from pathlib import Path

import pytest
from invariants import assert_kept, contents
from nightly import NIGHTLY

import provscan
from provscan.engine import Progress
from provscan.errors import OutputError, ProvscanError
from provscan.report.document import write_report
from provscan.unfinished import ROOM
from provscan.writing import is_mount_point

LAYOUTS = 140 if NIGHTLY else 28
TWEETS = [
    {"id": str(n), "text": f"tweet number {n} says what no other of them says {n * n}"}
    for n in range(30)
]
DATA = [{"text": tweet["text"]} for tweet in TWEETS[:9]]
# Files that programs, including this one, leave behind, and files that people save. A
# run or an index has none with these names.
NAMES = json.loads(Path(__file__).with_name("foreign_names.json").read_text("utf-8"))


def add(folder, rng, names=NAMES):
    """Add foreign files to a folder, and return their contents."""
    added = {}
    for name in rng.sample(names, rng.randint(1, 6)):
        path = folder / name
        if any(parent.is_file() for parent in path.parents) or os.path.lexists(path):
            continue
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                rng.choice([b"", b"{}", b"of somebody else"])
                if name != "lock"
                else b"of somebody else"
            )
        added[str(path.relative_to(folder))] = (
            None if name.endswith("/") else path.read_bytes()
        )
    return added


def tried(action):
    """Run a command, whether it refuses or not."""
    with contextlib.suppress(ProvscanError):
        action()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("made")
    index = provscan.build_index(TWEETS[:20], place / "a.index")
    provscan.build_index(TWEETS[20:25], index.path, append=True)
    provscan.forget(index.path, ["3"])
    provscan.match(DATA, index.path, place / "a.run", spike_ins=0)
    return place


ON_INDEX = [
    lambda path: provscan.build_index(TWEETS, path),
    lambda path: provscan.build_index(TWEETS, path, overwrite=True),
    lambda path: provscan.build_index(TWEETS, path, append=True),
    lambda path: provscan.forget(path, ["4"], purge=True),
    lambda path: provscan.forget(path, [], purge=True),
    lambda path: provscan.match(DATA, path, path, overwrite=True, spike_ins=0),
    lambda path: provscan.match(
        DATA, path, path.parent / "b.run", log=path / "notes.txt", spike_ins=0
    ),
]


@pytest.mark.untraced
@pytest.mark.parametrize("seed", range(LAYOUTS))
def test_foreign_files_in_an_index(made, tmp_path, seed):
    rng = random.Random(seed)
    path = tmp_path / "x"
    if seed % 2:
        shutil.copytree(made / "a.index", path)
    path.mkdir(exist_ok=True)
    added = add(path, rng)
    tried(lambda: ON_INDEX[seed // 2 % len(ON_INDEX)](path))
    assert_kept(added, path)
    tried(lambda: rng.choice(ON_INDEX)(path))
    assert_kept(added, path)


@pytest.mark.untraced
@pytest.mark.parametrize("seed", range(LAYOUTS))
def test_foreign_files_in_a_run(made, tmp_path, seed):
    """The files may be in the run, in the unfinished folder next to it, or in both."""
    rng = random.Random(1000 + seed)
    path, unfinished = tmp_path / "x.run", tmp_path / "x.run.unfinished"
    if seed % 3:
        shutil.copytree(made / "a.run", path)
    for place in [[path], [unfinished], [path, unfinished]][seed // 3 % 3]:
        add(place, rng)
    before = contents(tmp_path)
    own = {f"x.run/{name}" for name in contents(made / "a.run")}
    for overwrite in (True, False):
        tried(
            lambda overwrite=overwrite: provscan.match(
                DATA, made / "a.index", path, overwrite=overwrite, spike_ins=0
            )
        )
        assert_kept(before, tmp_path, own)


def test_files_saved_in_a_run_while_it_is_replaced_move_to_the_new_run(made, tmp_path):
    path = tmp_path / "x.run"
    shutil.copytree(made / "a.run", path)
    saved = {"x.run/notes.txt", "x.run/parts/thesis.doc", "x.run.unfinished/mine"}

    class Saving(Progress):
        def start(self, *_):
            for name in saved:
                (tmp_path / name).parent.mkdir(exist_ok=True)
                (tmp_path / name).write_text(name)

    run = provscan.match(
        DATA[:5], made / "a.index", path, overwrite=True, progress=Saving(), spike_ins=0
    )
    assert run.summary["records"] == 5
    assert {
        str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()
    } == {*contents(made / "a.run"), "notes.txt", "parts/thesis.doc"}
    assert contents(tmp_path / "x.run.unfinished").keys() == {"mine"}


def test_a_damaged_segment_is_rebuilt(made, tmp_path):
    """The name of a segment depends on its contents, so the new segment could be
    mistaken for the damaged one.
    """
    path = tmp_path / "x.index"
    index = provscan.build_index(TWEETS, path)
    (file,) = path.glob("segments/*/texts.utf8")
    whole = file.read_bytes()
    file.write_bytes(bytes(len(whole)))
    provscan.build_index(TWEETS, path, overwrite=True)
    assert file.read_bytes() == whole
    assert provscan.open_index(path).fingerprint == index.fingerprint


def test_a_mount_point_is_refused_before_the_scan(made, tmp_path):
    """A folder can't replace a mount point, which must not be noticed only after the
    scan.
    """
    place = next(
        (
            p
            for p in map(Path, ("/dev/shm", "/proc", "/dev"))
            if is_mount_point(p) and p.is_dir()
        ),
        None,
    )
    if place is None:
        pytest.skip("nothing is mounted here")
    assert not is_mount_point(tmp_path)

    def data():
        raise AssertionError
        yield

    with pytest.raises(
        OutputError,
        match=rf"{place} is a mount point, .*: name a folder in it, such as {place}/",
    ):
        provscan.match(data(), made / "a.index", place, overwrite=True)


def test_free_space_is_checked_before_the_scan(made, tmp_path, monkeypatch):
    written = os.pwrite

    def full(descriptor, content, place):
        if len(content) >= ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(descriptor, content, place)

    def data():
        raise AssertionError
        yield

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OutputError, match=r"writing .*x\.run failed: No space left"):
        provscan.match(data(), made / "a.index", tmp_path / "x.run")
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_written_again_unless_somebody_changed_it(made, tmp_path):
    path = write_report(made / "a.run", tmp_path / "a.html")
    before = path.read_bytes()
    assert write_report(made / "a.run", path).read_bytes() == before
    path.write_bytes(before.replace(b"<title>", b"<title>My "))
    with pytest.raises(OutputError, match="exists already"):
        write_report(made / "a.run", path)
    assert write_report(made / "a.run", path, overwrite=True).read_bytes() == before


def test_a_log_is_only_appended_to(made, tmp_path):
    log, other = tmp_path / "log", tmp_path / "other"
    other.write_text('{"text": "a dataset"}\n')
    for place in ("a.run", "b.run"):
        provscan.match(DATA, made / "a.index", tmp_path / place, log=log, spike_ins=0)
    assert len(log.read_text().splitlines()) > 4
    with pytest.raises(OutputError, match="log of provscan, so nothing is added"):
        provscan.match(
            DATA, made / "a.index", tmp_path / "c.run", log=other, spike_ins=0
        )
    assert other.read_text() == '{"text": "a dataset"}\n'
