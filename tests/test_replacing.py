"""Test that files appear completely or not at all, and that only named files are
removed.
"""

import os
from pathlib import Path

import pytest
from invariants import contents

from provscan import writing
from provscan.writing import remove_named, replacing_file


def test_a_file_is_replaced_completely_or_not_at_all(tmp_path):
    target = tmp_path / "a"
    with pytest.raises(ZeroDivisionError), replacing_file(target) as path:
        path.write_text(str(1 / path.write_text("")))
    assert list(tmp_path.iterdir()) == []
    with replacing_file(target) as path:
        path.write_text("whole")
        assert not target.exists()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [
        ("a", "whole")
    ]


def test_two_writers_use_different_temporary_files(tmp_path):
    """The names of two files may begin with the same characters, or be the same."""
    first, second = tmp_path / f"{'x' * 200}1", tmp_path / f"{'x' * 200}2"
    with replacing_file(first) as one_file, replacing_file(second) as other_file:
        one_file.write_text("1")
        other_file.write_text("2")
    assert (first.read_text(), second.read_text()) == ("1", "2")
    with replacing_file(first) as one_file, replacing_file(first) as other_file:
        assert one_file != other_file


def test_a_link_with_the_name_of_the_temporary_file_is_not_followed(
    tmp_path, monkeypatch
):
    """Somebody who guesses the name could place such a link."""
    (tmp_path / "victim").write_text("of somebody else")
    (tmp_path / ".provscan-0").symlink_to(tmp_path / "victim")
    monkeypatch.setattr(writing, "temporary_name", lambda: ".provscan-0")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError), replacing_file(tmp_path / "a"):
        pass
    assert contents(tmp_path) == before


def test_the_umask_applies_to_new_files(tmp_path):
    mask = os.umask(0o027)
    try:
        with replacing_file(tmp_path / "a"):
            pass
    finally:
        os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_only_named_files_are_removed(tmp_path):
    for name in ("a/b/c", "a/b/d", "e/f", "g"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to(tmp_path / "e")
    remove_named(
        tmp_path, ["a", "a/b", "a/b/c", "a/b/d", "e", "link", "missing", "missing/x"]
    )
    assert contents(tmp_path) == {"e": None, "e/f": b"e/f", "g": b"g"}


@pytest.mark.parametrize("name", ["/mnt/a b", "/mnt/a\\b", "/mnt/ä"])
def test_mount_points_with_odd_names(name, monkeypatch):
    escaped = os.fsencode(name).replace(b"\\", b"\\134").replace(b" ", b"\\040")
    line = (
        b"36 35 98:0 /part " + escaped + b" rw,noatime master:1 - ext4 /dev/root rw\n"
    )
    monkeypatch.setattr(Path, "read_bytes", lambda path: line)
    assert writing.is_mount_point(Path(name))
    assert not writing.is_mount_point(Path("/mnt"))
