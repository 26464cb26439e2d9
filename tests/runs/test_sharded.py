"""Test that a run has the same rows and numbers with and without shards."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tweets import sentence

import provscan
from provscan.calibration.controls import no_control, with_cutoff
from provscan.calibration.edits import SETS
from provscan.engine import Progress, Ran
from provscan.errors import InputError, ParameterError
from provscan.options import parse_utc
from provscan.probe.draw import draw
from provscan.probe.settings import Settings


def some_texts(seed: int, count: int) -> list[str]:
    """Return texts, of which every third is a variant of one of twelve texts.

    Each has few variants, because limits on look-ups and candidates apply to each
    segment, and would otherwise make the results depend on segments.
    """
    rng, kinds = (
        random.Random(seed),
        [sentence(random.Random(n), "latin", 90).split() for n in range(12)],
    )
    texts = []
    for number in range(count):
        words = (
            list(rng.choice(kinds))
            if number % 3 == 0
            else sentence(rng, "latin", 60 + number % 60).split()
        )
        words[rng.randrange(len(words))] = sentence(rng, "latin", 7).strip()
        texts.append(" ".join(words))
    return texts


def content(run: provscan.Run) -> list[bytes]:
    return [
        (run.path / name).read_bytes()
        for name in ("matches.parquet", "evidence.parquet", "summary.json")
    ]


def test_results_do_not_depend_on_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows: list[dict[str, Any]] = [
        {
            "id": str(n),
            "text": text,
            "author": f"a{n // 2}",
            "created_at": f"{2018 + n % 3}-02-03",
        }
        for n, text in enumerate(some_texts(1, 400))
    ]
    other = some_texts(2, 400)
    rng = random.Random(3)
    for name, records in (
        ("tweets", rows[:360]),
        ("later", rows[340:]),
        ("control", [{"id": f"c{n}", "text": text} for n, text in enumerate(other[:200])]),  # noqa: E501
        ("dataset", [{"text": f"{other[n]} {rng.choice(rows)['text']} "
                              f"{sentence(rng, 'latin', 300)}"}
                     for n in range(200, 400)]),
    ):  # fmt: skip
        Path(f"{name}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in records)
        )
    found = []
    for shards in (1, 4, 16):
        provscan.build_index("tweets.jsonl", f"{shards}.index", shards=shards)
        provscan.build_index("later.jsonl", f"{shards}.index", append=True)
        provscan.forget(f"{shards}.index", [str(n) for n in range(0, 400, 9)])
        run = provscan.match(
            "dataset.jsonl",
            f"{shards}.index",
            f"{shards}.run",
            control="control.jsonl",
            spike_ins=60,
        )
        found.append(content(run))
        assert run.summary["answer"]["records"]["findings"] > 50
    assert found[0] == found[1] == found[2]


def test_numbers_do_not_depend_on_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samples depend on contents, even if there are more texts than in a sample."""
    for name, size in (("scoring.background.SAMPLE_BYTES", 9_000), ("runs.counting.strata.SAMPLE", 100), ("probe.draw.POOL", 60),  # noqa: E501
                       ("index.texts.CHUNK", 40)):  # fmt: skip
        monkeypatch.setattr(f"provscan.{name}", size)
    # Each segment determines which seeds of its texts are rare, so use only edits that
    # all seeds of a text survive.
    monkeypatch.setitem(SETS, "light", ["exact", "respaced", "retweeted", "marked_up"])
    tweets = [
        {
            "id": str(n),
            "text": text,
            "author": f"a{n // 2}",
            "created_at": f"{2018 + n % 3}-02-03",
        }
        for n, text in enumerate(some_texts(1, 400))
    ]
    provscan.build_index(tweets, tmp_path / "1.index")
    provscan.build_index(tweets[250:], tmp_path / "2.index")
    provscan.build_index(tweets[:250], tmp_path / "2.index", append=True)
    provscan.build_index(tweets, tmp_path / "3.index", shards=3)
    dataset = pa.table(
        {
            "text": [f"{tweet['text']} again" for tweet in tweets[::5]]
            + some_texts(2, 100)
        }
    )
    found = []
    for name in "123":
        index = provscan.open_index(tmp_path / f"{name}.index")
        run = provscan.match(
            dataset,
            index,
            tmp_path / f"{name}.run",
            cutoff="2020-01-01",
            spike_ins=40,
            edits="light",
        )
        pairs = draw(
            with_cutoff(no_control(index.reader), parse_utc("2020-01-01")),
            Settings(pairs=20),
        ).pairs
        # The number of truncated look-ups depends on which seeds are rare in each
        # segment.
        found.append(
            (
                {**run.summary, "index": None, "truncated": None},
                run.matches,
                [(a.tweet_id, b.tweet_id) for a, b in pairs],
            )
        )
        assert len(index.reader.segments) == int(name)
    assert found[0] == found[1] == found[2]
    assert len(found[0][2]) == 20
    assert found[0][0]["recall"]["planted"] == 40


class Killing(Progress):
    """Notes which shards each process of a cluster on this machine has mapped, whenever
    a task is done.

    The first time, it kills one of these processes.
    """

    def __init__(self, index: Path) -> None:
        self.names = {path.name for path in (index / "segments").iterdir()}
        self.seen: dict[int, set[str]] = {}
        self.killed = 0

    def ended(self, task: str, ran: Ran) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # Listing the mapped files of other processes takes long.
                if not (process / "cmdline").read_bytes().startswith(b"ray::"):
                    continue
                maps = (process / "maps").read_text()
                if found := {name for name in self.names if f"/{name}/" in maps}:
                    self.seen.setdefault(int(process.name), set()).update(found)
        if not self.killed:
            self.killed = min(self.seen)
            os.kill(self.killed, signal.SIGKILL)


@pytest.mark.skipif(
    sys.platform != "linux", reason="reads which files a process has mapped from /proc"
)
def test_each_shard_is_opened_by_one_process_of_a_cluster(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, many = some_texts(1, 300), tmp_path / "many.index"
    # With the same ids, this test in another process would make segments of the same
    # names.
    tweets = [
        {"id": f"{os.getpid()}{n:03}", "text": text} for n, text in enumerate(texts)
    ]
    provscan.build_index(tweets, tmp_path / "one.index")
    provscan.build_index(tweets, many, shards=4)
    data = tmp_path / "data"
    data.mkdir()
    for number in range(16):
        lines = [
            json.dumps({"text": f"{text} {number}"}) + "\n"
            for text in texts[number::20]
        ]
        (data / f"{number}.jsonl").write_text("".join(lines))
    expected = content(
        provscan.match(data, tmp_path / "one.index", tmp_path / "one.run", spike_ins=60)
    )
    killing = Killing(many)
    run = provscan.match(
        data,
        many,
        tmp_path / "many.run",
        spike_ins=60,
        executor="ray",
        shard_groups=2,
        progress=killing,
        shards_from=shutil.copytree(many, tmp_path / "copy.index"),
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError,
        match=r"can't read the shards of nowhere \(it does not exist\).*--shards-from",
    ):
        provscan.match(
            data, many, "x.run", executor="ray", shard_groups=2, shards_from="nowhere"
        )
    with pytest.raises(
        ParameterError,
        match=r"shard_groups=5 needs .* has only 4: build it with more shards",
    ):
        provscan.match(data, many, "x.run", executor="ray", shard_groups=5)
    assert content(run) == expected
    lost, seen = killing.seen.pop(killing.killed), list(killing.seen.values())
    # Another process has replaced the one that was killed.
    assert (len(seen), [len(names) for names in seen], seen[0] | seen[1]) == (
        2,
        [2, 2],
        killing.names,
    )
    assert lost in seen


def test_shard_groups_need_a_cluster() -> None:
    with pytest.raises(
        ParameterError,
        match=r"shard_groups=2 applies only to a Ray cluster: also give executor='ray'",
    ):
        provscan.match("data", shard_groups=2)
    with pytest.raises(ParameterError, match="also give shard_groups"):
        provscan.match("data", executor="ray", shards_from="copy.index")
