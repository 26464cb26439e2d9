"""Plant edited tweets in other texts, and compare matches with their positions.

Tweets and texts are real (``--corpus``, ``--background``) or synthetic
(``synthetic.py``). :func:`licensed` returns the tweets to index and the controls;
:func:`short_texts` and :func:`long_texts` return texts without licensed tweets.
:func:`in_records`, :func:`in_documents` and :func:`wrapped` plant tweets in them, and
:func:`score` compares the matches of a run with the positions.
"""

from __future__ import annotations

import argparse
import io
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import synthetic
import zstandard
from edits import EDITS

import provscan

# A match of a near-duplicate counts as a match of the planted tweet if the two tweets
# have at least this similarity.
SAME = 0.6
# Texts with fewer characters are records of a tweet's length; others are long texts.
SHORT = 400
# Characters before and after a quotation.
AROUND = (("\n", "\n"), (" ", " "), (' "', '" '), ("\n> ", "\n\n"), (" <p>", "</p> "))


class Tweet(NamedTuple):
    id: str
    text: str


class Planted(NamedTuple):
    """The record and the span of an edited tweet, the tweet, and the name of the
    edit.
    """

    record: int
    start: int
    end: int
    tweet: Tweet
    edit: str


def add_data_options(
    parser: argparse.ArgumentParser, *, required: bool = False, background: bool = True
) -> None:
    """Add ``--corpus`` and, unless it is not wanted, ``--background``."""
    instead = "" if required else " (by default, synthetic texts)"
    kinds = {"corpus": "tweets"} | ({"background": "other texts"} if background else {})
    for name, content in kinds.items():
        parser.add_argument(
            f"--{name}",
            type=Path,
            required=required,
            metavar="FOLDER",
            help=f"folder of JSON lines of {content}, .jsonl or .jsonl.zst{instead}",
        )


def files(folder: Path) -> list[Path]:
    """Return the files of JSON lines in a folder."""
    return sorted(folder.rglob("*.jsonl*"))


def json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read the rows of a file of JSON lines that have a text."""
    with path.open("rb") as file:
        stream = (
            zstandard.ZstdDecompressor().stream_reader(file)
            if path.suffix == ".zst"
            else file
        )
        for line in io.BufferedReader(stream):  # type: ignore[arg-type, unused-ignore]
            row = orjson.loads(line)
            if isinstance(row.get("text"), str):
                yield row


def rows_of(path: Path) -> Iterator[Tweet]:
    """Read the ids and texts of a file of JSON lines."""
    return (Tweet(str(row.get("id", "")), row["text"]) for row in json_rows(path))


def rows(folder: Path) -> Iterator[Tweet]:
    """Read the ids and texts of all files in a folder."""
    return itertools.chain.from_iterable(map(rows_of, files(folder)))


def synthetic_tweets(count: int, seed: int = 1) -> Iterator[Tweet]:
    """Yield synthetic tweets."""
    for batch in synthetic.tweets(count, seed):
        yield from map(
            Tweet, batch.column("id").to_pylist(), batch.column("text").to_pylist()
        )


def licensed(
    corpus: Path | None, count: int, controls: int = 0
) -> tuple[list[Tweet], list[Tweet]]:
    """Return tweets to index, and controls, which are tweets of the same sources that
    are neither indexed nor planted.

    No two tweets have the same canonical text. If the corpus has too few tweets, the
    controls are complete and fewer tweets are indexed.
    """
    tweets = (
        list(rows(corpus))
        if corpus
        else list(synthetic_tweets(round(1.2 * (count + controls)) + 100))
    )
    distinct = {
        text: tweet
        for text, tweet in zip(
            provscan.canonical(t.text for t in tweets), tweets, strict=True
        )
        if text
    }
    tweets = list(distinct.values())
    Random(1).shuffle(tweets)
    return tweets[controls : controls + count], tweets[:controls]


def short_texts(background: Path | None, count: int) -> list[str]:
    """Return texts of a tweet's length that are not licensed tweets."""
    if background is None:
        return [tweet.text for tweet in synthetic_tweets(count, seed=2)]
    texts = [row.text for row in rows(background) if len(row.text) < SHORT]
    Random(2).shuffle(texts)
    return list(itertools.islice(itertools.cycle(texts), count))


def long_texts(background: Path | None, characters: int) -> list[str]:
    """Return long texts without licensed tweets, with at least this number of
    characters in total.
    """
    if background is None:
        return synthetic.documents(characters, seed=2)
    texts = [row.text for row in rows(background) if len(row.text) >= SHORT]
    Random(3).shuffle(texts)
    chosen = []
    for text in itertools.cycle(texts):
        if characters <= 0:
            break
        chosen.append(text)
        characters -= len(text)
    return chosen


def enough(texts: list[str], size: int) -> list[str]:
    """Repeat the texts until they have the requested number of bytes."""
    chosen: list[str] = []
    while size > 0:
        for text in texts:
            chosen.append(text)
            size -= len(text.encode())
            if size <= 0:
                break
    return chosen


def plantable(tweets: Sequence[Tweet], count: int) -> list[Tweet]:
    """Return tweets that are too long to be found by chance."""
    lengths = (
        (tweet, text)
        for tweet, text in zip(
            tweets, provscan.canonical(t.text for t in tweets), strict=True
        )
    )
    fit = (
        tweet
        for tweet, text in lengths
        if len(text) >= 40 or (len(text) >= 20 and not text.isascii())
    )
    return list(itertools.islice(fit, count))


def _edited(tweets: Sequence[Tweet], rng: Random) -> Iterator[tuple[Tweet, str, str]]:
    for tweet, (name, edit) in zip(tweets, itertools.cycle(EDITS.items())):
        yield tweet, name, edit(tweet.text, rng)


def in_records(
    tweets: Sequence[Tweet], texts: Sequence[str]
) -> tuple[list[str], list[Planted]]:
    """Return records, each of which is one of the texts or an edited tweet, and the
    positions of the tweets.
    """
    rng = Random(4)
    positions = rng.sample(range(len(tweets) + len(texts)), len(tweets))
    edited = dict(zip(positions, _edited(tweets, rng), strict=True))
    others = iter(texts)
    records = [
        edited[i][2] if i in edited else next(others)
        for i in range(len(tweets) + len(texts))
    ]
    return records, [
        Planted(i, 0, len(copy), tweet, name)
        for i, (tweet, name, copy) in edited.items()
    ]


def in_documents(
    tweets: Sequence[Tweet], texts: Sequence[str]
) -> tuple[list[str], list[Planted]]:
    """Return the texts with edited tweets inserted between words, and the positions of
    the tweets.
    """
    rng = Random(5)
    weights = list(itertools.accumulate(map(len, texts)))
    by_document: dict[int, list[tuple[Tweet, str, str]]] = defaultdict(list)
    for edited in _edited(tweets, rng):
        number = rng.choices(range(len(texts)), cum_weights=weights)[0]
        by_document[number].append(edited)
    documents, planted = list(texts), []
    for number, copies in by_document.items():
        text = texts[number]
        positions = sorted(
            max(0, text.find(" ", rng.randrange(len(text)))) for _ in copies
        )
        parts, length, low = [], 0, 0
        for position, (tweet, name, copy) in zip(positions, copies, strict=True):
            before, after = rng.choice(AROUND)
            start = length + position - low + len(before)
            planted.append(Planted(number, start, start + len(copy), tweet, name))
            parts += [text[low:position], before, copy, after]
            length, low = start + len(copy) + len(after), position
        documents[number] = "".join([*parts, text[low:]])
    return documents, planted


def wrapped(
    tweets: Sequence[Tweet], texts: Sequence[str]
) -> tuple[list[str], list[Planted]]:
    """Return records, three to ten times as long as a tweet, that consist of an edited
    tweet inside a stretch of one of the texts, and the positions of the tweets.
    """
    rng = Random(6)
    records, planted = [], []
    for number, (tweet, name, copy) in enumerate(_edited(tweets, rng)):
        rest = round(len(copy) * rng.uniform(2, 9))
        text = rng.choice(texts)
        low = rng.randrange(max(1, len(text) - rest))
        stretch = text[low : low + rest]
        position = max(0, stretch.find(" ", rng.randrange(len(stretch))))
        before, after = rng.choice(AROUND)
        start = position + len(before)
        records.append(stretch[:position] + before + copy + after + stretch[position:])
        planted.append(Planted(number, start, start + len(copy), tweet, name))
    return records, planted


def write_jsonl(path: Path, tweets: Iterable[Tweet]) -> Path:
    """Write tweets as JSON lines."""
    with path.open("wb") as file:
        for tweet in tweets:
            file.write(orjson.dumps(tweet._asdict(), option=orjson.OPT_APPEND_NEWLINE))
    return path


def numbered(texts: Iterable[str]) -> Iterator[Tweet]:
    """Yield texts with their numbers as ids."""
    return (Tweet(str(number), text) for number, text in enumerate(texts))


def grams(canonical: str) -> list[str]:
    """Return the 5-grams of a canonical text."""
    return [canonical[i : i + 5] for i in range(max(1, len(canonical) - 4))]


@cache
def gram_set(text: str) -> frozenset[str]:
    """Return the different 5-grams of the canonical form of a text."""
    return frozenset(grams(provscan.canonical([text])[0]))


def similar(text: str, other: str) -> float:
    """Return the Jaccard index of the canonical 5-grams of two texts."""
    own, theirs = gram_set(text), gram_set(other)
    return len(own & theirs) / len(own | theirs)


@dataclass
class Score:
    """Numbers of planted and found tweets, by edit.

    Attributes
    ----------
    planted, found
        Planted tweets, and those that were found.
    covered
        Found tweets whose matched span is right: its intersection with the planted span
        is at least 0.8 of their union.
    """

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)

    def recall(self, edit: str | None = None) -> float:
        """Return the share of the planted tweets that was found, for one edit or for
        all.
        """
        if edit is None:
            return self.found.total() / max(1, self.planted.total())
        return self.found[edit] / max(1, self.planted[edit])

    def spans(self) -> float:
        """Return the share of the found tweets whose span is right."""
        return self.covered.total() / max(1, self.found.total())

    def cells(self) -> list[str]:
        """Return the recall of every edit, and of all, for a table."""
        return [*(f"{self.recall(edit):.3f}" for edit in EDITS), f"{self.recall():.4f}"]


def score(
    matches: pa.Table, planted: Sequence[Planted], tweets: Mapping[str, str]
) -> Score:
    """Compare a table of matches with the planted tweets.

    ``tweets`` gives the text of each tweet id in the table. A planted tweet is found if
    a match overlaps it and names it or a near-duplicate of it.
    """
    by_record: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    wanted = {mark.record for mark in planted}
    columns = (
        matches.column(name).to_pylist()
        for name in ("record", "start", "end", "tweet_id")
    )
    for record, *span in zip(*columns, strict=True):
        if record in wanted:
            by_record[record].append((span[0], span[1], span[2]))
    result = Score()
    for mark in planted:
        result.planted[mark.edit] += 1
        best = 0.0
        for start, end, tweet_id in by_record[mark.record]:
            overlap = min(end, mark.end) - max(start, mark.start)
            if overlap > 0 and (
                tweet_id == mark.tweet.id
                or similar(tweets[tweet_id], mark.tweet.text) >= SAME
            ):
                best = max(
                    best, overlap / (max(end, mark.end) - min(start, mark.start))
                )
        result.found[mark.edit] += best > 0
        result.covered[mark.edit] += best >= 0.8
    return result
