"""Members of compressed archives that were not read are among what was not scanned."""

import io
import json
import tarfile

import provscan
from provscan.readers import ReadStats
from provscan.runs.inputs import unread_members

TEXT = "never trust a goat near the harbour"


def test_a_member_of_a_compressed_archive(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name, data in (("a.jsonl", json.dumps({"text": TEXT}).encode()), ("b.pdf", b"%PDF-1.4 \0")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path = str(tmp_path / "a.tar.gz")
    run = provscan.match(path, index, tmp_path / "a.run", spike_ins=0)
    assert run.summary["records_matched"] == 1
    assert run.summary["unread"] == [{"path": f"{path}/b.pdf", "reason": "it is PDF"}]


def test_many_of_them_are_counted():
    stats = ReadStats()
    for number in range(8):
        stats.note("unread_member", f"a/{number}", 0, "it is PDF")
    found = unread_members(stats)
    assert found[:2] == [("a/0", "it is PDF"), ("a/1", "it is PDF")]
    assert found[-1] == ("a/4", "and 3 more members of archives, for reasons like these")
    assert unread_members(ReadStats()) == []


def test_what_is_passed_over_in_a_folder_is_listed(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a.jsonl", "_part.jsonl"):
        (data / name).write_text(json.dumps({"text": TEXT}))
    (data / "again.jsonl").symlink_to("a.jsonl")
    run = provscan.match(data, index, tmp_path / "a.run", spike_ins=0)
    assert run.summary["records"] == 1
    assert {item["path"]: item["reason"] for item in run.summary["ignored"]} == {
        f"{data}/_part.jsonl": "hidden: its name starts with _",
        f"{data}/again.jsonl": "the same file as one before",
    }
    assert run.summary["ignored_files"] == 2
