"""Test that commands never remove or change files that provscan did not write, in any
folder.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from invariants import assert_kept, contents
from nightly import NIGHTLY

import provscan
from provscan.engine import Progress
from provscan.errors import OutputError, ProvscanError
from provscan.index.lock import HEAD
from provscan.report.document import write_report
from provscan.report.export import export
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
NAMES = [
    "notes.txt",
    "segments/0123456789abcdef/texts.utf8",
    "segments/0123456789abcdef/mine",
    "segments/.new-1/a.jpg",
    "segments/.new-0123456789abcdef/a.jpg",
    "segments/.new-0123456789abcdef.arrow",
    "segments/readme",
    "tombstones/0123456789abcdef-000002",
    "tombstones/a",
    "purges/000003.json",
    "purges/b",
    "manifest.json.new",
    "lock",
    ".provscan-0123456789abcdef",
    "-",
    "parts/00000000.json",
    "parts/00000001.arrow",
    "parts/thesis.doc",
    "null/00000000.json",
    "control/manifest.json",
    "control/segments/0123456789abcdef/ids.utf8",
    "control/lock",
    "unfinished.json",
    "empty/",
    "segments/",
    "tombstones/",
    "parts/",
    "deep/er/",
    "ünïcode",
]


def add(
    folder: Path, rng: random.Random, names: list[str] = NAMES
) -> dict[str, bytes | None]:
    """Add foreign files to a folder, and return their contents."""
    added: dict[str, bytes | None] = {}
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


def tried(action: Callable[[], Any]) -> None:
    """Run a command, whether it refuses or not."""
    with contextlib.suppress(ProvscanError):
        action()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    index = provscan.build_index(TWEETS[:20], place / "a.index")
    provscan.build_index(TWEETS[20:25], index.path, append=True)
    provscan.forget(index.path, ["3"])
    provscan.match(DATA, index.path, place / "a.run", spike_ins=0)
    return place


ON_INDEX: list[Callable[[Path], Any]] = [
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
def test_foreign_files_in_an_index(made: Path, tmp_path: Path, seed: int) -> None:
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
def test_foreign_files_in_a_run(made: Path, tmp_path: Path, seed: int) -> None:
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


@pytest.mark.parametrize("changed", [False, True])
def test_foreign_files_in_an_interrupted_run(
    made: Path, tmp_path: Path, changed: bool
) -> None:
    """The run is resumed, or discarded since the options differ; the foreign files
    stay.
    """
    for number in range(3):
        (tmp_path / f"data/{number}.jsonl").parent.mkdir(exist_ok=True)
        (tmp_path / f"data/{number}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in DATA)
        )

    class Interrupted(Progress):
        read = 0

        def advance(self, n: int) -> None:
            self.read += n
            if self.read > 1.5 * (tmp_path / "data/0.jsonl").stat().st_size:
                raise KeyboardInterrupt

    options: dict[str, Any] = {"spike_ins": 0, "workers": 1}
    with pytest.raises(KeyboardInterrupt):
        provscan.match(
            tmp_path / "data",
            made / "a.index",
            tmp_path / "x.run",
            progress=Interrupted(),
            **options,
        )
    unfinished = tmp_path / "x.run.unfinished"
    parts = {path.name for path in (unfinished / "parts").iterdir()}
    assert "00000000.json" in parts
    saved = {
        "notes.txt": b"1",
        "parts/thesis.doc": b"2",
        "null/readme": b"3",
        "control/manifest.json": b"4",
    }
    for name, content in saved.items():
        (unfinished / name).parent.mkdir(exist_ok=True)
        (unfinished / name).write_bytes(content)
    provscan.match(
        tmp_path / "data",
        made / "a.index",
        tmp_path / "x.run",
        overwrite=changed,
        **(options | {"seed": 2} if changed else options),
    )
    found = {
        name: content
        for name, content in contents(unfinished).items()
        if content is not None
    }
    assert found == saved
    assert contents(tmp_path / "x.run").keys() == contents(made / "a.run").keys()


def test_files_saved_in_a_run_while_it_is_replaced_move_to_the_new_run(
    made: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.run"
    shutil.copytree(made / "a.run", path)
    saved = {"x.run/notes.txt", "x.run/parts/thesis.doc", "x.run.unfinished/mine"}

    class Saving(Progress):
        def start(self, *_: Any) -> None:
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


def test_a_failed_build_removes_only_its_own_files(tmp_path: Path) -> None:
    path = tmp_path / "x.index"

    def tweets() -> Any:
        yield TWEETS[0]
        (path / "notes.txt").write_text("saved meanwhile")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        provscan.build_index(tweets(), path)
    assert contents(tmp_path) == {
        "x.index": None,
        "x.index/notes.txt": b"saved meanwhile",
    }


def test_only_the_listed_files_of_a_killed_writer_are_removed(
    made: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.index"
    shutil.copytree(made / "a.index", path)
    named = contents(path)
    new = "segments/.new-0123456789abcdef"
    (path / "segments/fedcba9876543210").mkdir()
    (path / new).mkdir()
    for name in (
        f"{new}/texts.utf8",
        f"{new}.arrow",
        "segments/fedcba9876543210/ids.utf8",
    ):
        (path / name).write_text("unfinished")
    noted = "segments/fedcba9876543210"
    (path / "lock").write_text(
        f"{HEAD}process 1\n{new}\n{noted}\n{noted}/ids.utf8\n../../x\n"
    )
    (path / noted / "mine").write_text("of somebody else")
    provscan.forget(path, ["nobody"])
    assert contents(path) == {
        **named,
        noted: None,
        f"{noted}/mine": b"of somebody else",
    }


def test_a_damaged_segment_is_rebuilt(made: Path, tmp_path: Path) -> None:
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


def test_a_mount_point_is_refused_before_the_scan(made: Path, tmp_path: Path) -> None:
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

    def data() -> Any:
        raise AssertionError
        yield

    with pytest.raises(
        OutputError,
        match=rf"{place} is a mount point, .*: name a folder in it, such as {place}/",
    ):
        provscan.match(data(), made / "a.index", place, overwrite=True)


def test_free_space_is_checked_before_the_scan(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = os.pwrite

    def full(descriptor: int, content: bytes, place: int) -> int:
        if len(content) >= ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(descriptor, content, place)

    def data() -> Any:
        raise AssertionError
        yield

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(
        OutputError, match=r"writing .*x\.run failed: No space left on device"
    ):
        provscan.match(data(), made / "a.index", tmp_path / "x.run")
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_replaced_without_overwrite(made: Path, tmp_path: Path) -> None:
    """``-o`` names the manifest of an index."""
    shutil.copytree(made / "a.index", tmp_path / "a.index")
    for name in (
        "manifest.json",
        "list.csv",
        "list.xlsx",
        "list.jsonl",
        "list.parquet",
    ):
        path = tmp_path / "a.index" / name
        if path.suffix != ".json":
            path.write_text("of somebody else")
        before = path.read_bytes()
        write = write_report if path.suffix == ".json" else export
        with pytest.raises(
            OutputError,
            match=f"{name} exists already: name another file, or replace it with "
            "overwrite=True",
        ):
            write(made / "a.run", path)
        assert path.read_bytes() == before
        write(made / "a.run", path, overwrite=True)
        assert path.read_bytes() != before


def test_a_report_is_written_again_unless_somebody_changed_it(
    made: Path, tmp_path: Path
) -> None:
    path = write_report(made / "a.run", tmp_path / "a.html")
    before = path.read_bytes()
    assert write_report(made / "a.run", path).read_bytes() == before
    path.write_bytes(before.replace(b"<title>", b"<title>My "))
    with pytest.raises(OutputError, match="exists already"):
        write_report(made / "a.run", path)
    assert write_report(made / "a.run", path, overwrite=True).read_bytes() == before


def test_a_log_is_only_appended_to(made: Path, tmp_path: Path) -> None:
    log, other = tmp_path / "log", tmp_path / "other"
    other.write_text('{"text": "a dataset"}\n')
    for place in ("a.run", "b.run"):
        provscan.match(DATA, made / "a.index", tmp_path / place, log=log, spike_ins=0)
    assert len(log.read_text().splitlines()) > 4
    with pytest.raises(
        OutputError, match="other is not a log of provscan, so nothing is added to it"
    ):
        provscan.match(
            DATA, made / "a.index", tmp_path / "c.run", log=other, spike_ins=0
        )
    assert other.read_text() == '{"text": "a dataset"}\n'
