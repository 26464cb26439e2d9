"""Test that a cache folder is used only if nobody else can write to it."""

import os
from pathlib import Path

import pytest

import provscan
from provscan import caches
from provscan.report import document

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root makes folders of others"
)
STRANGER = 54321


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder in the cache of the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "provscan" / "checked"
    caches.make_folder(folder)
    return folder


def test_a_folder_of_the_user_is_used(place):
    assert caches.open_to_others(place) is None
    assert caches.open_to_others(place / "not" / "yet") is None
    assert caches.user_cache() == place.parent
    place.chmod(0o770)
    os.chown(place, -1, os.geteuid())
    assert caches.open_to_others(place) is None


@pytest.mark.parametrize("above", [0, 1, 2])
def test_a_folder_to_which_others_can_write_is_not_used(place, above):
    (place, *_) = [place, *place.parents][above:]
    for mode in (0o777, 0o702):
        place.chmod(mode)
        assert caches.open_to_others(place / "a") == f"every user can write to {place}"
    place.chmod(0o1777)
    assert caches.open_to_others(place) == f"every user can write to {place}"
    assert caches.open_to_others(place / "a") is None


@as_root
def test_a_folder_of_another_user_is_not_used(place, tmp_path):
    os.chown(place, -1, STRANGER)
    place.chmod(0o770)
    assert caches.open_to_others(place) == f"group {STRANGER} can write to {place}"
    os.chown(place, STRANGER, -1)
    place.chmod(0o700)
    assert caches.open_to_others(place / "a") == f"{place} belongs to user {STRANGER}"
    (tmp_path / "link").symlink_to(tmp_path)
    assert caches.open_to_others(tmp_path / "link" / "b") is None
    os.lchown(tmp_path / "link", STRANGER, -1)
    assert (
        caches.open_to_others(tmp_path / "link" / "b")
        == f"{tmp_path / 'link'} belongs to user {STRANGER}"
    )
    (tmp_path / "way").symlink_to(place)
    assert (
        caches.open_to_others(tmp_path / "way") == f"{place} belongs to user {STRANGER}"
    )


def test_without_a_safe_cache_nothing_is_written_to_it(place, tmp_path):
    index = provscan.build_index(
        [{"id": "1", "text": "a text that is checked"}], tmp_path / "a.index"
    )
    place.parent.chmod(0o777)
    caches.warn_once.cache_clear()
    with pytest.warns(RuntimeWarning, match="used, because every user can write"):
        assert caches.user_cache() == Path(os.devnull) / "provscan"
    document._environment.cache_clear()
    before = sorted(place.parent.rglob("*"))
    provscan.match(
        [{"text": "a text that is checked, and another one"}],
        index,
        tmp_path / "a.run",
        spike_ins=0,
    )
    assert sorted(place.parent.rglob("*")) == before
    document._environment.cache_clear()


def test_only_the_user_can_write_to_new_folders(tmp_path):
    before = os.umask(0)
    try:
        caches.make_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert [
        path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a" / "b")
    ] == [0o700] * 2
