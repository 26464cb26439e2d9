"""Test that malformed and hostile files are reported, and that files next to them are
read.
"""

import json
import os
import sys
from dataclasses import replace

import pytest
from hostile import HOSTILE, ROW, SCALE, TEXT
from invariants import nothing_changes, run_to_the_end
from nightly import NIGHTLY

import provscan
from provscan.errors import InputError
from provscan.readers import LIMITS, Fields, ReadStats, plan, read
from provscan.readers.formats.delimited import Delimited

LOW = (
    LIMITS
    if NIGHTLY
    else replace(
        LIMITS,
        expansion_bytes=LIMITS.expansion_bytes // SCALE,
        expansion_records=LIMITS.expansion_records // SCALE,
        record_bytes=LIMITS.record_bytes // SCALE,
        fields=500,
    )
)
# Unusual but valid files, which are read completely.
SOUND = (
    "chat.jsonl",
    "fields.json",
    "fields.jsonl",
    "numbers.jsonl",
    "small.jsonl.gz",
    "open.csv",
    "prolog.xml",
    "comments.xml",
    "laughs.xml",
    "line.txt",
    "words.txt",
    "deep.html",
    "length.warc",
    "tables.html",
    "empty.tar",
)

# Runs a command and prints its peak memory.
MEASURED = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, request):
    """Return a folder with a hostile file between two valid files."""
    place = tmp_path_factory.mktemp("data")
    for name, data in (
        ("a.jsonl", ROW),
        (request.param, HOSTILE[request.param]()),
        ("zz.jsonl", ROW),
    ):
        (place / name).write_bytes(data)
    return place


# All tests of a file run one after the other, so that it is made only once.
each_file = pytest.mark.parametrize("folder", HOSTILE, indirect=True, scope="module")


@each_file
def test_a_hostile_file_costs_only_itself(folder, request):
    name = request.node.callspec.params["folder"]
    stats, sources = ReadStats(), []
    with nothing_changes(folder):
        splits = plan(str(folder), Fields(), limits=LOW)
        for split in splits:
            for batch in read(split, Fields(), stats, limits=LOW):
                sources += [split.source] * batch.num_rows
    assert sources[0].endswith("/a.jsonl")
    assert sources[-1].endswith("/zz.jsonl")
    named = splits.unread or stats.damaged or stats.skipped or stats.notes
    assert named or name in SOUND
    assert all(f"/{name}" in path for path, _ in splits.unread)
    assert all(f"/{name}" in damage.source for damage in stats.damaged)


class Unforeseen(Exception):
    """An error of a library that provscan does not know."""


@pytest.mark.parametrize(
    "error",
    [Unforeseen("of a library"), RecursionError(), AssertionError("x"), OSError("odd")],
)
@pytest.mark.parametrize("when", ["planned", "read"])
def test_any_error_of_a_library_costs_only_its_file(tmp_path, monkeypatch, error, when):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a.csv", "b.jsonl"):
        (data / name).write_bytes(
            ROW if name == "b.jsonl" else f"text\n{TEXT}\n".encode()
        )

    reading = Delimited.read

    def failing(self, stream, wanted):
        # The fields are determined from all columns.
        if when == "read" and wanted is None:
            yield from reading(self, stream, wanted)
        raise error

    monkeypatch.setattr(Delimited, "read", failing)
    run = provscan.match(data, index, tmp_path / "a.run", spike_ins=0)
    assert run.summary["records"] == 1
    said = [item["problem"] for item in run.summary["damaged"]] + [
        item["reason"] for item in run.summary["unread"]
    ]
    assert len(said) == 1
    assert (str(error) or type(error).__name__) in said[0]
    with pytest.raises(InputError, match=r"a\.csv"):
        provscan.build_index(data, tmp_path / "b.index")


@pytest.mark.parametrize(
    "error", [MemoryError(), KeyboardInterrupt(), provscan.errors.OutputError("full")]
)
def test_errors_of_the_system_are_raised(tmp_path, monkeypatch, error):
    def failing(*args, **options):
        raise error

    monkeypatch.setattr(Delimited, "read", failing)
    path = tmp_path / "a.csv"
    path.write_text("text\nsome words of a text\n")
    with pytest.raises(type(error)):
        list(read(*plan(str(path)), Fields(), ReadStats()))


@pytest.mark.skipif(not NIGHTLY, reason="takes half an hour")
@each_file
def test_a_hostile_file_stalls_no_command(folder, tmp_path):
    """Run whole processes, to find crashes by signals and measure the memory."""
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    command = [
        sys.executable,
        "-m",
        "provscan",
        "match",
        str(folder),
        "-i",
        str(index.path),
        "--max-bad",
        "1",
    ]
    command += ["--spike-ins", "0", "-o", str(tmp_path / "a.run")]
    done = run_to_the_end([sys.executable, "-c", MEASURED, *command], timeout=120)
    summary = json.loads((tmp_path / "a.run" / "summary.json").read_bytes())
    assert summary["records"] >= 2
    assert done.returncode == (3 if summary["damaged"] or summary["unread"] else 0)
    # In KiB; macOS has bytes.
    assert sys.platform != "linux" or int(done.stdout.splitlines()[-1]) < 1 << 20
    assert os.path.isdir(folder)
