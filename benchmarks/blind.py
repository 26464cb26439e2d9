"""How many copies does a blind index find, compared with the full one, and how large is
it?

    python benchmarks/blind.py --planted FOLDER

FOLDER holds ``corpus/`` with the tweets to index, ``records.jsonl``,
``documents.jsonl`` and ``truth.jsonl`` (one line a planted tweet: ``dataset``,
``record``, ``tweet_id``); without it, made-up tweets are planted in made-up text.
Recall is the share of planted tweets that are found in their record. Rows of the blind
index that the full one does not report are counted by two questions: whether the tweet
was planted, so that the full index missed it, and whether the texts confirm the match
or fall below its thresholds. Seconds are CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import planted
import pyarrow as pa
from measure import console, machine, table

import provscan.blind
from provscan.blind.index import open_blind
from provscan.blind.params import BlindLimits
from provscan.blind.run import compared_with_tweets
from provscan.blind.scan import scan_blind
from provscan.matching.matches import Matches
from provscan.params import MatchParams
from provscan.text_buffers import buffers, to_array

Pairs = set[tuple[int, str]]


def made_up(folder: Path, count: int) -> None:
    """Plant made-up tweets in made-up text."""
    tweets, _ = planted.licensed(None, count)
    (folder / "corpus").mkdir()
    planted.write_jsonl(folder / "corpus" / "tweets.jsonl", tweets)
    chosen = planted.plantable(tweets, count // 10)
    half = len(chosen) // 2
    records, in_records = planted.in_records(
        chosen[:half], planted.short_texts(None, count // 2)
    )
    documents, in_documents = planted.in_documents(
        chosen[half:], planted.long_texts(None, 40 * count)
    )
    truth = []
    for name, texts, marks in (
        ("records", records, in_records),
        ("documents", documents, in_documents),
    ):
        planted.write_jsonl(folder / f"{name}.jsonl", planted.numbered(texts))
        truth += [
            {"dataset": name, "record": mark.record, "tweet_id": mark.tweet.id}
            for mark in marks
        ]
    (folder / "truth.jsonl").write_text(
        "".join(json.dumps(mark) + "\n" for mark in truth)
    )


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result of a call and its CPU seconds."""
    before = time.process_time()
    value = function()
    return value, time.process_time() - before


def below(
    full: provscan.Index, texts: list[str], found: Matches, ids: list[str], pairs: Pairs
) -> int:
    """Count the rows that the texts do not confirm."""
    rows = [
        n
        for n, pair in enumerate(zip(found.row.tolist(), ids, strict=True))
        if pair in pairs
    ]
    passages = [texts[found.row[n]][slice(*found.span[n])] for n in rows]
    named = pa.array([ids[n] for n in rows], pa.string())
    *_, similarity, containment = compared_with_tweets(
        to_array(passages), named, full.reader
    )
    params = MatchParams()
    return int(
        ((similarity < params.threshold) | (containment < params.min_containment)).sum()
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--planted", type=Path)
    parser.add_argument("--tweets", type=int, default=20_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="provscan-") as temporary:
        work = Path(temporary)
        folder = args.planted or work
        if args.planted is None:
            made_up(work, args.tweets)
        (work / "key").write_bytes(os.urandom(32))
        full, plain_build = timed(
            lambda: provscan.build_index(folder / "corpus", work / "full.index")
        )
        _, blind_build = timed(
            lambda: provscan.blind.build_index(
                folder / "corpus", work / "blind.index", key=work / "key"
            )
        )
        blind = open_blind(work / "blind.index", (work / "key").read_bytes())
        info = blind.info()
        console.print(machine())
        console.print(
            f"{blind.size:,} texts: {info['bytes'] / blind.size:.1f} bytes a text; "
            f"built in {blind_build:.1f} s, the full one in {plain_build:.1f} s"
        )
        truth = [
            json.loads(line)
            for line in (folder / "truth.jsonl")
            .read_text(encoding="utf-8")
            .splitlines()
        ]
        shown = table(
            "Blind beside full",
            "dataset",
            "recall, full",
            "recall, blind",
            "rows, full",
            "rows, blind",
            "not in full",
            "of these not planted",
            "below the thresholds",
            "seconds, full",
            "seconds, blind",
        )
        for name in ("records", "documents"):
            lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
            texts = [json.loads(line)["text"] for line in lines]
            marks = {
                (mark["record"], mark["tweet_id"])
                for mark in truth
                if mark["dataset"] == name
            }
            full.match(texts[:10])
            rows, plain_seconds = timed(partial(full.match, texts))
            plain: Pairs = set(
                zip(
                    rows["record"].to_pylist(),
                    rows["tweet_id"].to_pylist(),
                    strict=True,
                )
            )
            find = partial(
                scan_blind, index=blind, params=MatchParams(), limits=BlindLimits()
            )
            find(*buffers(to_array(texts[:10])))
            found, seconds = timed(partial(find, *buffers(to_array(texts))))
            ids = blind.tweet_ids(found.text).array().to_pylist()
            sketched: Pairs = set(zip(found.row.tolist(), ids, strict=True))
            extra = sketched - plain
            refuted = below(full, texts, found, ids, extra)
            shown.add_row(
                name,
                f"{len(marks & plain) / len(marks):.4f}",
                f"{len(marks & sketched) / len(marks):.4f}",
                f"{len(plain):,}",
                f"{len(sketched):,}",
                f"{len(extra):,} ({len(extra) / max(1, len(sketched)):.2%})",
                f"{len(extra - marks):,} "
                f"({len(extra - marks) / max(1, len(sketched)):.2%})",
                f"{refuted:,} ({refuted / max(1, len(sketched)):.2%})",
                f"{plain_seconds:.1f}",
                f"{seconds:.1f}",
            )
        console.print(shown)


if __name__ == "__main__":
    main()
