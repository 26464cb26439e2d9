"""Test the commands with the real library on the tiny corpus and dataset, and on bad
input.
"""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from provscan.cli import main

TINY = Path(__file__).parents[2] / "corpora" / "tiny"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "licensed.index"
    result = CliRunner().invoke(main, ["index", str(TINY / "corpus"), "-o", str(path)])
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module")
def tiny_run(index, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "dataset.run"
    result = CliRunner().invoke(
        main, ["match", str(TINY / "dataset.jsonl"), "-i", str(index), "-o", str(path)]
    )
    assert result.exit_code == 0, result.output
    return path


def rows(run):
    return pq.read_table(run / "matches.parquet").to_pylist()


def summary(run):
    return json.loads((run / "summary.json").read_text())


def test_only_planted_tweets_are_found(tiny_run):
    truth = [
        json.loads(line)
        for line in (TINY / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    found = {(row["record"], row["tweet_id"]): row for row in rows(tiny_run)}
    hits = defaultdict(list)
    overlaps = []
    for mark in truth:
        row = found.get((mark["record"], mark["tweet_id"]))
        hits[mark["kind"], mark["channel"]].append(row is not None)
        if row is not None:
            both = min(row["end"], mark["end"]) - max(row["start"], mark["start"])
            either = max(row["end"], mark["end"]) - min(row["start"], mark["start"])
            overlaps.append(both / either >= 0.8)
    for (kind, channel), found_here in hits.items():
        least = {"two_words": 0.9, "typos": 0.9}.get(channel, 1.0)
        assert sum(found_here) / len(found_here) >= least, (kind, channel)
    assert sum(overlaps) / len(overlaps) >= 0.95
    assert found.keys() <= {(mark["record"], mark["tweet_id"]) for mark in truth}


WRONG = {
    "fields.jsonl": (b'{"id": 1, "size": 2}\n', 3, "size"),
    "cut.jsonl.gz": (
        gzip.compress(b'{"text": "one record"}\n' * 5000)[:-20],
        3,
        "cut.jsonl.gz",
    ),
    "garbage.parquet": (b"PAR1 and then nothing", 3, "garbage.parquet"),
    "empty.jsonl": (
        b"",
        3,
        "no records of the dataset were scanned: the inputs are empty",
    ),
    "bom.jsonl": (b'\xef\xbb\xbf{"text": "a byte-order mark"}\n', 0, ""),
    "latin.jsonl": (
        b'{"text": "caf\xe9 and more words"}\n',
        0,
        "1 record was scanned after a repair",
    ),
    "nul.jsonl": (b'{"text": "a\\u0000b"}\n', 0, ""),
    "mixed.jsonl": (
        b'{"text": 7}\n{"text": null}\n{"text": {"a": 1}}\nnot json\n{"text": '
        b'"fine"}\n',
        3,
        "3 of 5 records can't",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input(index, tmp_path, run, name):
    content, status, word = WRONG[name]
    (tmp_path / name).write_bytes(content)
    result = run("match", tmp_path / name, "-i", index, "-o", tmp_path / "a.run")
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    assert word in result.output


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("index", signal.SIGINT),
        ("match", signal.SIGINT),
        ("match", signal.SIGTERM),
        ("match", signal.SIGHUP),
    ],
)
def test_a_signal_ends_a_command(index, tmp_path, command, number):
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    place = (
        ("-o", "out.index")
        if command == "index"
        else ("-i", str(index), "-o", "out.run")
    )
    started = subprocess.Popen(
        [sys.executable, "-m", "provscan", command, str(pipe), *place],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Commands in the background of a shell script ignore Ctrl-C, and with nohup
        # also SIGHUP, and so do the processes that they start.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    with pipe.open("w") as writer:  # waits until the command opens the other end
        writer.write('{"id": "1", "text": "the first of a great many lines"}\n')
        writer.flush()
        os.killpg(started.pid, number)
    out, err = started.communicate(timeout=60)
    assert started.returncode == 130, err
    assert out == ""
    waiting, interrupted = err.splitlines()
    assert str(pipe) in waiting
    assert interrupted == "provscan: Interrupted; no results were saved."
    assert [path.name for path in tmp_path.iterdir()] == ["pipe.jsonl"]
