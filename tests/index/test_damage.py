"""Test that an index with damaged bytes gives correct answers or an error that names
the file, and never ends the process.
"""

import contextlib
import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import xxhash
from files_of_indexes import change_manifest
from nightly import NIGHTLY

import provscan
from provscan.errors import IndexFormatError
from provscan.index import opening

FLIPS = 2000 if NIGHTLY else 40
# The number of changes of each kind.
FORGED = FLIPS // 2


@pytest.fixture
def folder(build, tweets):
    """Return the folder of an index of two segments with forgotten tweets."""
    index = build(tweets[:150])
    provscan.build_index(tweets[150:], index.path, append=True)
    provscan.forget(index.path, [tweet["id"] for tweet in tweets[::7]])
    return Path(index.path)


def reseal(folder):
    """Write the sizes and checksums of all files into the manifest, like a forger."""
    segments = json.loads((folder / "manifest.json").read_text())["segments"]
    for segment in segments:
        named = {
            folder / "segments" / segment["name"] / name: info
            for name, info in segment["files"].items()
        }
        if stones := segment["tombstones"]:
            named[folder / "tombstones" / stones["name"]] = stones
        for file, info in named.items():
            content = file.read_bytes()
            info["bytes"], info["xxh3"] = (
                len(content),
                xxhash.xxh3_128_hexdigest(content),
            )
    change_manifest(folder, segments=segments)


def test_texts_compressed_by_another_zstandard_version_are_accepted(folder):
    manifest = (folder / "manifest.json").read_text()
    for path in folder.rglob("raw_texts.zstd*"):
        path.rename(path.with_name("raw_texts.zstd999"))
        manifest = manifest.replace(path.name, "raw_texts.zstd999")
    (folder / "manifest.json").write_text(manifest)
    reseal(folder)
    provscan.verify(folder)


def targets(folder):
    return sorted(
        p
        for p in folder.rglob("*")
        if p.is_file() and p.stat().st_size and p.name != "lock"
    )


@pytest.mark.untraced
def test_every_flipped_byte_is_detected(folder):
    rng = random.Random(5)
    for _ in range(FLIPS):
        path = rng.choice(targets(folder))
        content = path.read_bytes()
        damaged = bytearray(content)
        if rng.random() < 0.2:
            del damaged[rng.randrange(len(content)) :]
        else:
            damaged[rng.randrange(len(content) - (path.suffix == ".json"))] ^= (
                1 << rng.randrange(8)
            )
        path.write_bytes(damaged)
        for check in (provscan.open_index, provscan.verify):
            with pytest.raises(IndexFormatError, match=str(path)):
                check(folder)
        path.write_bytes(content)
    provscan.verify(folder)


def forged(content, rng):
    """Return content with a random number replaced or a random bit flipped."""
    damaged = bytearray(content)
    width = 8 if len(content) >= 8 else 1
    place = rng.randrange(len(content) // width) * width
    if rng.random() < 0.5:
        damaged[place : place + width] = rng.randbytes(width)
    else:
        damaged[place + rng.randrange(width)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def in_bounds(content, rng):
    """Return content with a random number increased by one, or replaced by its
    neighbour. The new number is often within its bounds.
    """
    numbers = np.frombuffer(
        content, np.uint64 if len(content) % 8 == 0 else np.uint8
    ).copy()
    place = rng.randrange(max(1, len(numbers) - 1))
    numbers[place] = rng.choice(
        [
            (numbers + numbers.dtype.type(1))[place],
            numbers[min(place + 1, len(numbers) - 1)],
        ]
    )
    return numbers.tobytes()


@pytest.mark.untraced
@pytest.mark.parametrize("forge", [forged, in_bounds])
def test_verify_detects_files_forged_with_their_checksums(folder, forge):
    rng = random.Random(7)
    files = [path for path in targets(folder) if path.suffix != ".json"]
    manifest = (folder / "manifest.json").read_bytes()
    for _ in range(FORGED):
        path = rng.choice(files)
        content = path.read_bytes()
        damaged = forge(content, rng)
        if path.parent.name == "tombstones":  # Times of tombstones can't be checked.
            rows = np.frombuffer(damaged, np.int64).reshape(-1, 2).copy()
            rows[:, 1] = np.frombuffer(content, np.int64).reshape(-1, 2)[:, 1]
            damaged = rows.tobytes()
        if damaged == content:
            continue
        path.write_bytes(damaged)
        reseal(folder)
        with pytest.raises(IndexFormatError, match=str(folder)):
            provscan.verify(folder)
        path.write_bytes(content)
        (folder / "manifest.json").write_bytes(manifest)
    provscan.open_index(folder)


@pytest.mark.parametrize("flip", ["texts.utf8", "seeds.entries"])
def test_a_damaged_index_is_not_changed(folder, flip, tweets):
    """Otherwise, the damaged data would get a valid checksum."""
    path = next((folder / "segments").glob(f"*/{flip}"))
    with path.open("r+b") as file:
        file.write(bytes([file.read(1)[0] ^ 1]))
    for change in (
        lambda: provscan.forget(folder, [], purge=True),
        lambda: provscan.forget(folder, [tweets[2]["id"]]),
        lambda: provscan.build_index(
            [{"id": "1", "text": "a later tweet"}], folder, append=True
        ),
    ):
        with pytest.raises(
            IndexFormatError, match=f"{flip} is damaged: expected XXH3-128"
        ):
            change()


def test_an_index_opened_without_check_names_the_damaged_file(folder, tweets):
    """It is an error if a text is not found by its key."""
    for path in (folder / "segments").glob("*/exact.entries"):
        path.write_bytes(bytes(path.stat().st_size))
    reseal(folder)
    with pytest.raises(IndexFormatError, match="damaged: a text is not found"):
        provscan.open_index(folder, verify=False).match(
            [tweet["text"] for tweet in tweets]
        )


def test_changes_while_an_index_is_open(folder, tweets):
    index = provscan.open_index(folder)
    texts = [tweet["text"] for tweet in tweets]
    expected = index.match(texts)
    # Writers of provscan do not change files that are open.
    provscan.forget(folder, [tweet["id"] for tweet in tweets[1::7]])
    provscan.forget(folder, [], purge=True)
    provscan.build_index(
        [{"id": "1", "text": "a text of another index"}], folder, overwrite=True
    )
    assert index.match(texts).equals(expected)
    assert len(provscan.open_index(folder)) == 1
    # Other programs may change them.
    copy = shutil.copytree(folder, folder.with_name("copy.index"))
    index = provscan.open_index(copy)
    path = next(copy.rglob("texts.utf8"))
    with path.open("r+b") as file:
        file.write(b"B")
    with pytest.raises(IndexFormatError, match="changed while the index was in use"):
        index.match(texts)


def rewritten(content, rng):
    """Return content of the same length with one or all numbers replaced at random."""
    place = rng.randrange(len(content))
    kind = rng.choice(
        [bytes(len(content)), b"\xff" * 8, rng.randbytes(8), rng.randbytes(512)]
    )
    return (content[:place] + kind + content[place + len(kind) :])[: len(content)]


@pytest.mark.untraced
def test_no_damage_kills_the_process(folder, tweets):
    """This includes opening without a check, and reading only the manifest and the
    tombstones.
    """
    provscan.forget(folder, [tweet["id"] for tweet in tweets[::9]])
    texts = [tweet["text"] for tweet in tweets]
    rng = random.Random(6)
    for number in range(1000 if NIGHTLY else 15):
        path = rng.choice([path for path in targets(folder) if path.suffix != ".json"])
        # Choose tombstones often: there are few, but they are read at each opening.
        path = next((folder / "tombstones").iterdir()) if number % 5 == 0 else path
        content = path.read_bytes()
        path.write_bytes(rewritten(content, rng))
        child = os.fork()
        if child == 0:
            status = 70
            try:
                with contextlib.suppress(IndexFormatError):
                    provscan.open_index(folder, verify=False).info()
                with contextlib.suppress(IndexFormatError):
                    provscan.open_index(folder, verify=False).match(texts)
                status = 0
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, f"{path}: status {status} after damage {number}"
        path.write_bytes(content)


def test_the_first_match_compares_files_if_opening_did_not(folder, monkeypatch):
    compared = []
    sums = opening.index_format.check_sums
    monkeypatch.setattr(
        opening.index_format,
        "check_sums",
        lambda *given: (compared.append(1), sums(*given)),
    )
    texts = ["whatever is asked"]
    index = provscan.open_index(folder, verify=False)
    assert not compared
    index.match(texts)
    first = len(compared)
    assert first
    index.match(texts)
    assert len(compared) == first
    path = next((folder / "segments").glob("*/texts.utf8"))
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))
    with pytest.raises(IndexFormatError, match=r"texts\.utf8 is damaged: expected"):
        provscan.open_index(folder, verify=False).match(texts)
