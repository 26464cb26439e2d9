"""Test that files written at the same time don't disturb each other, and that a damaged
copy is never put in place.
"""

import io
import json
import os

import pytest
from file_formats import compressed, opened

import provscan
from provscan.cleaning import result
from provscan.errors import OutputError
from provscan.readers.bytes.compression import COMPRESSIONS, compressing


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_two_compressed_files_are_written_by_turns(compression):
    """Neither file gets the content of the other."""
    files = [io.BytesIO(), io.BytesIO()]
    contents = [b"A heron on one leg.\n" * 20_000, b"Wool prices rose.\n" * 20_000]
    with (
        compressing(files[0], compression) as first,
        compressing(files[1], compression) as second,
    ):
        for at in range(0, len(contents[0]), 50_000):
            first.write(contents[0][at : at + 50_000])
            second.write(contents[1][at : at + 50_000])
    assert [opened(file.getvalue(), compression) for file in files] == contents


def test_a_damaged_copy_is_never_put_in_place(tmp_path, monkeypatch):
    """The command fails, and succeeds when it is repeated."""
    heron = "A heron on one leg at the bus stop, patient as the timetable is not"
    index = provscan.build_index([{"id": "1", "text": heron}], tmp_path / "a.index")
    data = tmp_path / "a.jsonl.gz"
    lines = [
        json.dumps({"text": text}) + "\n" for text in (heron, "Wool prices rose again")
    ]
    data.write_bytes(compressed("".join(lines).encode(), "gzip"))
    run = provscan.match(data, index, tmp_path / "a.run", spike_ins=0)
    write = result.write_file

    def cut(current, limits, task, advance):
        about = write(current, limits, task, advance)
        out = current.files / task.target
        os.truncate(out, out.stat().st_size - 4)
        return about

    with monkeypatch.context() as patched:
        patched.setattr(result, "write_file", cut)
        with pytest.raises(OutputError):
            provscan.clean(data, run.path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    cleaned = provscan.clean(data, run.path, tmp_path / "out")
    assert (cleaned.left, cleaned.manifest["records_removed"]) == (0, 1)
