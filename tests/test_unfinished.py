"""Test the folder of an unfinished result: its lock, its checkpoint and the publication
of the result. tests/truth/files.py kills commands.
"""

import shutil

import pytest

from provscan import unfinished
from provscan.errors import InputError, OutputError, UsageError
from provscan.unfinished import Work, unfinished_folder
from provscan.writing import MARK, MARKER


def remove(folder):
    for name in ("parts", "result"):
        shutil.rmtree(folder / name, ignore_errors=True)


WORK = Work(
    name="test",
    parts=("parts/*.json",),
    unit="part",
    remove=remove,
    request={"options": "options", "files": "files"},
)
REQUEST = {"options": {"a": 1}, "files": [["x", 1], ["y", 2]], "workers": 3}


def begin(target, parts=2, *, keep=True):
    """Complete some parts, then fail."""
    with unfinished_folder(target, WORK) as folder:
        folder.begin(REQUEST, keep=keep)
        (folder.path / "parts").mkdir()
        for number in range(parts):
            (folder.path / "parts" / f"{number}.json").touch()
        raise InputError("failed")


def interrupted(target, parts=2, *, keep=True):
    """Return the unfinished folder of a command that failed."""
    place = target.with_name(f"{target.name}.unfinished")
    with pytest.raises(InputError) as raised:
        begin(target, parts, keep=keep)
    kept = f"2 complete parts kept in {place}: {unfinished.ADVICE}"
    note = kept if parts and keep else "No results were saved"
    assert raised.value.__notes__ == [note]
    return place


def test_parts_are_kept_until_the_command_is_resumed_or_starts_again(tmp_path):
    target = tmp_path / "out"
    place = interrupted(target)
    with unfinished_folder(target, WORK) as folder:
        assert folder.earlier == REQUEST
        folder.begin(REQUEST | {"workers": 1})
        assert len(list((place / "parts").iterdir())) == 2
        (place / "result").mkdir()
        folder.publish(place / "result")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_hidden_files_of_a_killed_command_are_removed_with_the_folder(tmp_path):
    """The scan of ``clean`` hides files in the folder that ``clean`` has locked."""
    place, name = interrupted(tmp_path / "out"), ".provscan-0123456789abcdef"
    (place / name).mkdir()
    (place / f"{name}{MARKER}").write_text(f"{MARK}{name}\n")
    with unfinished_folder(tmp_path / "out", WORK) as folder:
        folder.begin(REQUEST)
        (place / "result").mkdir()
        folder.publish(place / "result")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(("options", "left"), [({"a": 1}, 2), ({"a": 2}, 0)])
def test_overwriting_starts_again_only_if_the_request_is_another(
    options, left, tmp_path
):
    place = interrupted(tmp_path / "out")
    with unfinished_folder(tmp_path / "out", WORK, overwrite=True) as folder:
        folder.begin(REQUEST | {"options": options})
        assert (folder.earlier is not None) == bool(left)
        assert len(list((place / "parts").glob("*.json"))) == left


def test_without_a_complete_part_nothing_is_kept(tmp_path):
    assert not interrupted(tmp_path / "a", parts=0).exists()
    assert not interrupted(tmp_path / "b", keep=False).exists()
    assert list(tmp_path.iterdir()) == []


def test_forgotten_parts_are_not_kept(tmp_path):
    interrupted(tmp_path / "out")

    def failing():
        with unfinished_folder(tmp_path / "out", WORK) as folder:
            folder.begin(REQUEST)
            folder.forget()
            raise InputError("of no use")

    with pytest.raises(InputError):
        failing()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"options": {"a": 2}}, r"other options \(a was 1 and is 2\)\. Undo that"),
        ({"files": [["x", 1], ["y", 3]]}, r"other files \(y\)\. Undo that change"),
        ({"files": [["x", 1]]}, r"other files \(y\)\. Undo that change and repeat"),
    ],
)
def test_only_the_same_request_is_resumed(changed, words, tmp_path):
    place = interrupted(tmp_path / "out")
    with (
        pytest.raises(UsageError, match=f"can't resume .* with {words}") as raised,
        unfinished_folder(tmp_path / "out", WORK) as folder,
    ):
        folder.begin(REQUEST | changed)
    assert not hasattr(raised.value, "__notes__")
    assert len(list((place / "parts").iterdir())) == 2


def test_one_process_writes_at_a_time(tmp_path):
    with (
        unfinished_folder(tmp_path / "out", WORK),
        pytest.raises(OutputError, match="is being written by another process"),
        unfinished_folder(tmp_path / "out", WORK, overwrite=True),
    ):
        pass


@pytest.mark.parametrize("content", ["", "{}", '{"format": "another"}', "[1]", "x"])
def test_folders_that_provscan_did_not_write_are_refused(content, tmp_path):
    place = tmp_path / "out.unfinished"
    place.mkdir()
    names = ["mine", "unfinished.json"] if content else ["mine"]
    for name in names:
        (place / name).write_text(content)
    with (
        pytest.raises(OutputError, match="did not write: name another folder"),
        unfinished_folder(tmp_path / "out", WORK, overwrite=True),
    ):
        pass
    assert sorted(path.name for path in place.iterdir()) == names


def test_a_padded_checkpoint_of_a_killed_command_is_read(tmp_path):
    place = interrupted(tmp_path / "out")
    with (place / "unfinished.json").open("ab") as file:
        file.write(bytes(99))
    with unfinished_folder(tmp_path / "out", WORK) as folder:
        assert folder.earlier == REQUEST


@pytest.mark.parametrize("atomic", [True, False])
def test_a_folder_is_replaced_only_if_requested(atomic, tmp_path, monkeypatch):
    if not atomic:
        monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: None)
    target = tmp_path / "out"
    for replace in (False, True):
        with unfinished_folder(target, WORK) as folder:
            result = folder.path / "result"
            result.mkdir()
            (result / "new").touch()
            target.mkdir(exist_ok=True)
            (target / "old").touch()
            if replace:
                folder.publish(result, replace=True)
                assert [path.name for path in result.iterdir()] == ["old"]
            else:
                with pytest.raises(FileExistsError):
                    folder.publish(result)
        assert [path.name for path in target.iterdir()] == ["new" if replace else "old"]
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
