"""Test ``provscan room``: kits for inspection rooms, and the files that leave."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from house import ROOT
from nightly import NIGHTLY
from tweets import sentence

import provscan
from provscan.cli import main
from provscan.errors import InputError, OutputError, UsageError
from provscan.handover import room

RNG = random.Random(5)
ROWS = [
    {
        "id": str(n),
        "text": sentence(RNG, "latin", 90),
        "author": f"author{n}",
        "created_at": f"{2014 + n % 4}-05-06",
    }
    for n in range(60)
]
DATASET = "secret name.jsonl"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with an index and a dataset. Kits made in it have no wheels."""

    def no_wheels(folder: Path, wheel: str | None) -> None:
        (folder / room.WHEELS).mkdir()
        (folder / room.WHEELS / "provscan-0-py3-none-any.whl").write_text("none")
        (folder / room.REQUIREMENTS).write_text("provscan==0\n")

    monkeypatch.setattr(room, "_collect_wheels", no_wheels)
    provscan.build_index(ROWS, tmp_path / "a.index")
    rows = [{"body": row["text"]} for row in ROWS[:30]]
    rows += [{"body": sentence(RNG, "latin", 90)} for _ in range(20)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / DATASET).write_text(lines)
    return tmp_path


def build(place: Path, **options: Any) -> tuple[Path, dict[str, Any]]:
    fixed = {"cutoff": "2017-01-01", "spike_ins": 50, "texts": None}
    fixed = {name: value for name, value in fixed.items() if value is not None}
    kit = room.build_room(
        place / "a.index", place / "kit", options=fixed, digests_only=True, **options
    )
    return place / "kit", kit


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_kit_gives_the_answer_of_match(place: Path) -> None:
    kit, _ = build(place)
    done = room.run_room(kit, [str(place / DATASET)])
    usual = provscan.match(
        place / DATASET,
        place / "a.index",
        place / "usual.run",
        cutoff="2017-01-01",
        spike_ins=50,
    )
    assert done["summary"]["answer"] == usual.summary["answer"]
    assert done["summary"]["answer"]["records"]["findings"] > 15
    counts = json.loads((kit / "leaving/secret name.run/counts.json").read_bytes())
    answer = usual.summary["answer"]
    assert counts["answer"] == {name: answer[name] for name in room.NUMBERS}


def test_only_counts_and_digests_leave(place: Path) -> None:
    kit, _ = build(place)
    room.run_room(kit, [str(place / DATASET)])
    left = contents(kit / "leaving")
    assert [*left] == ["secret name.run/counts.json", "secret name.run/digests.csv"]
    everything = b"\n".join(left.values()).decode()
    hidden = ["secret", "body", str(place), "author"]
    hidden += [row["text"][:25] for row in ROWS]
    hidden += [f'"{row["id"]}"' for row in ROWS]
    assert not [word for word in hidden if word in everything]
    lines = left["secret name.run/digests.csv"].decode().splitlines()
    rows = list(csv.DictReader(lines))
    known = {hashlib.sha256(row["text"].encode()).hexdigest() for row in ROWS}
    assert rows
    assert {row["tweet_sha256"] for row in rows} <= known
    assert {row["passage_sha256"] for row in rows} <= known
    assert [int(row["exhibit"]) for row in rows] == list(range(1, len(rows) + 1))


def test_spans_are_released_one_by_one(place: Path) -> None:
    kit, _ = build(place)
    room.run_room(kit, [str(place / DATASET)])
    command = ["room", "release", str(kit), "2", "--by", "Jane Doe"]
    done = CliRunner().invoke(main, command, input="n\n")
    assert (done.exit_code, "Nothing was released" in done.output) == (0, True)
    released = kit / "leaving/secret name.run/released.jsonl"
    assert not released.exists()
    for exhibit in ("2", "1"):
        command[3] = exhibit
        done = CliRunner().invoke(main, command, input="y\n")
        assert done.exit_code == 0, done.output
    entries = [json.loads(line) for line in released.read_text().splitlines()]
    assert [entry["exhibit"] for entry in entries] == [2, 1]
    assert {entry["by"] for entry in entries} == {"Jane Doe"}
    texts = [row["text"] for row in ROWS]
    assert all(entry["passage"] in texts for entry in entries)
    with pytest.raises(UsageError, match="there is no finding 0"):
        room.finding(kit, 0)
    with pytest.raises(UsageError, match=r"name one of the runs with --run: secret"):
        room.finding(kit, 1, "other.run")
    with pytest.raises(UsageError, match="give their name with --by"):
        room.release(kit, room.finding(kit, 1), " ")


def test_the_list_has_each_file_that_leaves(place: Path) -> None:
    kit, made = build(place)
    done = room.run_room(kit, [str(place / DATASET)])
    room.release(kit, room.finding(kit, 1), "Jane Doe")
    text = Path(done["list"]).read_text(encoding="utf-8")
    left = contents(kit / "leaving")
    assert len(left) == 3
    for name, body in left.items():
        digest = hashlib.sha256(body).hexdigest()
        assert f"{digest}  {len(body):>14,}  leaving/{name}\n" in text
    assert f"3 files, {sum(map(len, left.values())):,} bytes" in text
    assert made["sha256"] in text


def test_the_whole_run_leaves_if_it_may(place: Path) -> None:
    control = place / "control.jsonl"
    control.write_text(json.dumps({"text": sentence(RNG, "latin", 80)}) + "\n")
    options = {"control": [str(control)], "spike_ins": 0}
    kit = place / "kit"
    room.build_room(place / "a.index", kit, options=options)
    control.unlink()
    room.run_room(kit, [str(place / DATASET)])
    names = ("leaving", "results")
    first, second = (contents(kit / name / "secret name.run") for name in names)
    assert first == second
    assert "matches.parquet" in first
    with pytest.raises(UsageError, match="no span needs to be released"):
        room.finding(kit, 1)


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("licensed.index/manifest.json", b"{}", "was changed"),
        ("requirements.txt", None, "is missing"),
        ("wheels/other.whl", b"evil", "does not belong to the kit"),
        ("run.sh", b"#!/bin/sh\nexit 0\n", "was changed"),
    ],
)
def test_a_changed_kit_is_refused(
    name: str, body: bytes | None, said: str, place: Path
) -> None:
    kit, _ = build(place)
    if body is None:
        (kit / name).unlink()
    else:
        (kit / name).write_bytes(body)
    with pytest.raises(InputError, match=f"{name} {said}, so the kit can't be used"):
        room.run_room(kit, [str(place / DATASET)])
    assert not (kit / "results").exists()


def test_datasets_are_scanned_once(place: Path) -> None:
    kit, _ = build(place)
    room.run_room(kit, [str(place / DATASET)])
    before = contents(kit)
    with pytest.raises(OutputError, match="exists: to scan"):
        room.run_room(kit, [str(place / DATASET)])
    assert contents(kit) == before


def test_instructions_have_the_checksum_and_the_options(place: Path) -> None:
    kit, made = build(place)
    page = (kit / "instructions.html").read_text(encoding="utf-8")
    assert made["sha256"] in page
    assert hashlib.sha256((kit / "kit.json").read_bytes()).hexdigest() == made["sha256"]
    assert "2017-01-01" in page
    assert "one at a time" in page


def test_the_command_fixes_options_of_a_search(place: Path) -> None:
    out, index = str(place / "kit"), str(place / "a.index")
    command = ["room", "-i", index, "-o", out, "--", "--cutoff", "2017-01-01"]
    done = CliRunner().invoke(main, [*command, "--edits", "light"])
    assert done.exit_code == 0, done.output
    kit = json.loads((place / "kit" / "kit.json").read_bytes())
    assert kit["options"] == {"cutoff": "2017-01-01", "edits": "light"}
    for more, said in (
        (["--overwrite"], "can't contain --overwrite"),
        (["other.jsonl"], "can't contain a dataset"),
        (["--cutof", "1"], "No such option"),
    ):
        done = CliRunner().invoke(main, [*command, *more])
        assert done.exit_code == 2, done.output
        assert said in done.output
    done = CliRunner().invoke(main, ["room", "run", out, str(place / DATASET)])
    assert done.exit_code == 0, done.output
    assert "Files that leave the room" in done.output


def test_wheels_that_pip_cannot_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = provscan.build_index(ROWS, tmp_path / "a.index")
    with pytest.raises(InputError, match="pip could not get the wheels"):
        room.build_room(index.path, tmp_path / "kit", wheel=tmp_path / "no.whl")
    monkeypatch.setattr(room.importlib.metadata, "distributions", list)
    with pytest.raises(InputError, match="has no pip"):
        room.build_room(index.path, tmp_path / "kit")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.index"]


@pytest.mark.parametrize(
    ("direct", "origin"),
    [
        (None, f"provscan=={provscan.__version__}"),
        ({"url": "file:///a%20b", "dir_info": {}}, "no longer exists: name its wheel"),
        (
            {
                "url": "https://x.example/p.git",
                "vcs_info": {"vcs": "git", "commit_id": "abc"},
            },
            "git+https://x.example/p.git@abc",
        ),
        ({"url": "https://x.example/p.whl"}, "https://x.example/p.whl"),
    ],
)
def test_the_wheel_of_provscan_is_that_of_the_installation(
    direct: Any, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            return direct and json.dumps(direct)

    monkeypatch.setattr(
        room.importlib.metadata, "distribution", lambda name: Installed()
    )
    if "no longer" in origin:
        with pytest.raises(InputError, match=f"/a b, which {origin}"):
            room._origin()
    else:
        assert room._origin() == origin


@pytest.mark.skipif(not NIGHTLY, reason="gets wheels and installs them")
def test_a_kit_works_without_a_network() -> None:
    """Build a kit with real wheels, and run it as a user who can write only there."""
    isolated, owner = ["unshare", "--map-root-user", "--net"], -1
    if os.geteuid() == 0:
        ids = ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
        isolated, owner = ["unshare", "--net", "setpriv", *ids], 65534
    if subprocess.run([*isolated, "true"], check=False).returncode:
        pytest.skip("this system allows no namespace without a network")
    options = {"cutoff": "2017-01-01", "edits": "light"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        # pip writes to the folder of the sources.
        source, kit = folder / "source", folder / "room" / "kit"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "provscan", source / "provscan", ignore=ignored)
        for file in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copyfile(ROOT / file, source / file)
        index = provscan.build_index(ROOT / "corpora/tiny/corpus", folder / "a.index")
        dataset = ROOT / "corpora/tiny/dataset.jsonl"
        # Use another process, since fixtures change the calibration of this one.
        command = [sys.executable, "-m", "provscan", "match", str(dataset), "--quiet"]
        command += ["-i", str(index.path), "-o", str(folder / "made.run")]
        command += ["--cutoff=2017-01-01", "--edits=light"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        kit.parent.mkdir()
        room.build_room(index.path, kit, wheel=source, options=options)
        shutil.copyfile(dataset, kit.parent / "dataset.jsonl")
        for path in (kit, *kit.rglob("*")):
            os.chown(path, owner, -1)
        before = {path for path in folder.rglob("*") if kit not in path.parents}
        done = subprocess.run(
            [*isolated, "sh", "kit/run.sh", "dataset.jsonl"],
            cwd=kit.parent,
            env={"PATH": os.environ["PATH"], "PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        summary = json.loads((kit / "results/dataset.run/summary.json").read_bytes())
        assert (
            summary["answer"]
            == provscan.open_run(folder / "made.run").summary["answer"]
        )
        after = {path for path in folder.rglob("*") if kit not in path.parents}
        assert after == before
