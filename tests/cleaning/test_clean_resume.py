"""Test that an interrupted ``provscan clean`` leaves no OUT and continues to the same
result.
"""

import contextlib
import errno
import gzip
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import provscan
from provscan.cleaning import result
from provscan.errors import InputError, OutputError, UsageError

TWEET = (
    "A heron on one leg at the bus stop, patient as the timetable of the village is "
    "not and never was, while umbrellas argue with the wind"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a folder with a dataset of several files, and a run on it."""
    folder = tmp_path_factory.mktemp("made")
    index = provscan.build_index([{"id": "1", "text": TWEET}], folder / "a.index")
    data = folder / "set"
    data.mkdir()
    for part in range(3):
        texts = [f"Record {n} of part {part} about the ferry." for n in range(40)]
        texts[7 + part] += f" {TWEET}"
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
        (data / f"a{part}.jsonl").write_bytes(lines)
        (data / f"b{part}.jsonl.gz").write_bytes(gzip.compress(lines))
        pq.write_table(pa.table({"text": texts}), data / f"c{part}.parquet")
        with tarfile.open(data / f"d{part}.tar", "w") as tar:
            for name in ("x", "y"):
                info = tarfile.TarInfo(f"{name}.jsonl")
                info.size = len(lines)
                tar.addfile(info, io.BytesIO(lines))
    provscan.match(data, index, folder / "a.run", spike_ins=0)
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """Copy the folder, and change to the copy."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_an_interrupted_result(monkeypatch):
    scans = []
    match = result.run_match

    def interrupted(*given, **more):
        scans.append(given)
        if len(scans) == 1:
            raise KeyboardInterrupt
        return match(*given, **more)

    monkeypatch.setattr("provscan.cleaning.result.run_match", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        provscan.clean("set", "a.run", "out")
    assert "12 complete files kept in out.unfinished" in raised.value.__notes__[0]
    assert not Path("out").exists()
    with pytest.raises(UsageError, match=r"other options \(mask was None and is 'x', "):
        provscan.clean("set", "a.run", "out", mask="x")
    written = {path: path.stat().st_mtime_ns for path in files("out.unfinished/files")}
    part = Path("out.unfinished/files/set/a0.jsonl")
    part.write_bytes(part.read_bytes()[:-10])
    times = {}

    def scanned(*given, **more):
        times.update((p, p.stat().st_mtime_ns) for p in files("out.unfinished/files"))
        return match(*given, **more)

    monkeypatch.setattr("provscan.cleaning.result.run_match", scanned)
    cleaned = provscan.clean("set", "a.run", "out")
    assert {path for path in times if times[path] != written[path]} == {part}
    assert (cleaned.left, cleaned.manifest["records_removed"]) == (0, 15)
    assert len(Path("out/set/a0.jsonl").read_bytes().splitlines()) == 39
    assert not Path("out.unfinished").exists()
    with pytest.raises(OutputError, match="exists already"):
        provscan.clean("set", "a.run", "out")


def files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


@pytest.mark.usefixtures("folder")
def test_a_full_disk_ends_the_command(monkeypatch):
    """The command ends, and complete files are kept."""

    def full(out, compression):
        if compression == "gzip":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return contextlib.nullcontext(out)

    with monkeypatch.context() as patched:
        patched.setattr("provscan.cleaning.rewriting.compressing", full)
        with pytest.raises(OutputError, match="No space left") as raised:
            provscan.clean(
                "set", "a.run", "out", skip_unwritable=True, all=True, workers=1
            )
    assert "kept in out.unfinished" in raised.value.__notes__[0]
    cleaned = provscan.clean("set", "a.run", "out", all=True)
    assert (cleaned.left, cleaned.manifest["unwritable"]) == (0, {})


@pytest.mark.parametrize("name", ["run.json", "summary.json", "*.parquet"])
@pytest.mark.usefixtures("folder")
def test_a_damaged_run_is_refused(name):
    paths = sorted(Path("a.run").glob(name))
    assert paths
    for path in paths:
        whole = path.read_bytes()
        for damage in (
            whole[: len(whole) // 2],
            whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
            b"",
        ):
            path.write_bytes(damage)
            with pytest.raises(InputError):
                provscan.clean("set", "a.run", "out")
        path.write_bytes(whole)
    assert not Path("out").exists()
    assert not Path("out.unfinished").exists()
