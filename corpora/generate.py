"""Write the tiny corpus and the tiny dataset from a seed. Every version of Python
writes the same bytes.

    python corpora/generate.py [--out corpora/tiny] [--seed 1]

The command needs only the standard library, and writes

corpus/tweets.jsonl
    2,000 invented tweets in 16 languages, with the fields id, text, author, created_at,
    lang and rt_of
dataset.jsonl
    5,000 invented records with the fields id and text; most are unrelated to the tweets
truth.jsonl
    a line for each copy of a tweet in the dataset: record (0-based line), start and end
    (code points of its text), tweet_id, channel, kind (record or passage)

The texts are drawn from the grammars in ``tweets.toml`` and ``background.toml``. Only
retweets and tweets copied word for word are near-duplicates of other tweets. A channel
is the edit of a copy; :data:`CHANNELS` lists them.
"""

from __future__ import annotations

import argparse
import html
import json
import random
import re
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

FOLDER = Path(__file__).parent
T = TypeVar("T")

TWEETS, RECORDS = 2_000, 5_000
PLANTED_RECORDS, PLANTED_PASSAGES = 420, 60
ENGLISH_SHARE = 0.5
TWO_SENTENCES = 0.6
NEAR_DUPLICATE = 0.4
COLLECTED = "2017-01-01"
"""The date at which the dataset was collected. It contains no tweet of this day or
later, so these tweets can serve as a control.
"""

EMOJI = (
    *(
        "😂",
        "🔥",
        "❤️",
        "🙏🏽",
        "👩‍🚀",
        "👨‍👩‍👧‍👦",
        "🏳️‍🌈",
        "🇧🇷",
        "🇯🇵",
        "👍🏿",
        "1️⃣",
        "🤷‍♀️",
    ),
    *("☕", "🎷", "🐐", "🌧️", "🚲", "🥖", "🫖", "✨"),
)
TAGS = (
    "rain",
    "smalltown",
    "commute",
    "mondays",
    "choirlife",
    "goats",
    "baking",
    "NightShift",
    "lostandfound",
    "2019",
)
SYLLABLES = (
    "ba",
    "ko",
    "mi",
    "ru",
    "ten",
    "sal",
    "vo",
    "ni",
    "dra",
    "pel",
    "zu",
    "ha",
    "lor",
    "quin",
    "es",
    "ty",
)
LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
TWEPOCH = 1_288_834_974_657
URL = re.compile(r"https?://\S+")
MENTION = re.compile(r"@\w+")


class Generator:
    """Random choices that use only ``random.random``, whose values are the same in all
    versions of Python.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def chance(self, p: float) -> bool:
        return self._random() < p

    def below(self, n: int) -> int:
        return int(self._random() * n)

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def shuffle(self, items: list[Any]) -> None:
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]


def draw(rng: Generator, grammar: dict[str, list[str]], symbol: str = "text") -> str:
    """Draw a text from a grammar, starting at a rule of it."""
    return re.sub(
        r"\{(\w+)\}", lambda hit: draw(rng, grammar, hit[1]), rng.pick(grammar[symbol])
    )


def bare(text: str) -> str:
    """Return a rough canonical text: the letters and digits in lower case, without
    links and names.
    """
    text = URL.sub(" ", MENTION.sub(" ", html.unescape(text)))
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(
        "".join(
            c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text
        ).split()
    )


def grams(text: str) -> set[str]:
    """Return the 5-grams of a bare text."""
    return {text[i : i + 5] for i in range(max(1, len(text) - 4))}


class Known:
    """The texts so far, with which a new text is compared."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._texts_with: defaultdict[str, list[int]] = defaultdict(list)

    def nearest(self, text: str) -> float:
        """Return the Jaccard similarity to the most similar known text."""
        own = grams(bare(text))
        shared = Counter(
            chain.from_iterable(self._texts_with.get(gram, ()) for gram in own)
        )
        return max(
            (n / (len(own) + self._sizes[i] - n) for i, n in shared.items()),
            default=0.0,
        )

    def add(self, text: str) -> None:
        own = grams(bare(text))
        for gram in own:
            self._texts_with[gram].append(len(self._sizes))
        self._sizes.append(len(own))


@dataclass
class Tweet:
    id: str
    text: str
    author: str
    created_at: str
    lang: str
    rt_of: str | None = None


def handle(rng: Generator) -> str:
    name = "".join(rng.pick(SYLLABLES) for _ in range(2 + rng.below(2)))
    return name + (f"_{rng.below(100)}" if rng.chance(0.4) else "")


def link(rng: Generator) -> str:
    return "https://sho.rt.example/" + "".join(rng.pick(LETTERS) for _ in range(8))


def dressed(rng: Generator, text: str) -> str:
    """Add names, links, tags, emoji and HTML entities to a text, as people do in
    tweets.
    """
    if rng.chance(0.2):
        text = f"@{handle(rng)} {text}"
    if rng.chance(0.25):
        text += " " + "".join(rng.pick(EMOJI) for _ in range(1 + rng.below(2)))
    if rng.chance(0.15):
        text += f" #{rng.pick(TAGS)}"
    if rng.chance(0.07):
        text += rng.pick((" &lt;3", " me &amp; you", " &gt;_&lt;"))
    if rng.chance(0.25):
        text += f" {link(rng)}"
    return text


def towns(syllables: list[str]) -> dict[str, list[str]]:
    """Return the rules for names of towns, which make the wording of tweets rare."""
    first = [syllable.capitalize() for syllable in syllables]
    return {
        "town": ["{first}{next}", "{first}{next}{next}"],
        "first": first,
        "next": syllables,
    }


def sentence(rng: Generator, grammars: dict[str, Any], lang: str) -> str:
    text = draw(rng, grammars[lang])
    return text[0].upper() + text[1:] if lang == "en" else text


def tweets(rng: Generator) -> list[Tweet]:
    """Return the corpus in the order of time: new tweets and copies of earlier ones."""
    grammars = tomllib.loads((FOLDER / "tweets.toml").read_text(encoding="utf-8"))
    syllables = grammars.pop("syllables")
    for lang, grammar in grammars.items():
        grammar |= towns(syllables.get(lang, syllables["latin"]).split())
    others = [name for name in grammars if name != "en"]
    shared = TWEETS // 12
    known, texts = Known(), []
    while len(texts) < TWEETS - shared:
        lang = "en" if rng.chance(ENGLISH_SHARE) else others[len(texts) % len(others)]
        text = sentence(rng, grammars, lang)
        if rng.chance(TWO_SENTENCES):
            text += " " + sentence(rng, grammars, lang)
        if len(text) <= 240 and known.nearest(text) < NEAR_DUPLICATE:
            known.add(text)
            texts.append((dressed(rng, text), lang))
    texts += [
        ("🌧️🌧️🌧️", "und"),
        (link(rng), "und"),
        (f"@{handle(rng)}", "und"),
        ("ok", "en"),
        ("soup", "en"),
    ]

    authors = [handle(rng) for _ in range(300)]
    minutes = sorted(rng.below(10 * 365 * 24 * 60) for _ in range(TWEETS))
    result: list[Tweet] = []
    rng.shuffle(texts)
    for count, minute in enumerate(minutes):
        ms = int(datetime(2012, 1, 1, tzinfo=UTC).timestamp() * 1000) + minute * 60_000
        tweet = Tweet(
            id=str(((ms - TWEPOCH) << 22) | count),
            text="",
            author=rng.pick(authors),
            created_at=datetime.fromtimestamp(ms / 1000, UTC).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            lang="",
        )
        left = TWEETS - count
        if (len(texts) < left and len(result) > 50 and rng.chance(0.09)) or not texts:
            first = rng.pick([t for t in result[-50:] if t.rt_of is None])
            if rng.chance(0.8):
                tweet.text, tweet.lang, tweet.rt_of = (
                    f"RT @{first.author}: {first.text}",
                    first.lang,
                    first.id,
                )
            else:
                tweet.text, tweet.lang = first.text, first.lang
        else:
            tweet.text, tweet.lang = texts.pop()
        result.append(tweet)
    return result


def _words_replaced(rng: Generator, text: str, count: int) -> str:
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) > 2 and word[0].isalpha()]
    rng.shuffle(places)
    for i in places[:count]:
        words[i] = rng.pick(
            (
                "something",
                "truly",
                "folks",
                "tonight",
                "nobody",
                "around",
                "perhaps",
                "splendid",
            )
        )
    return " ".join(words)


def _typos(rng: Generator, text: str) -> str:
    letters = list(text)
    for _ in range(max(1, len(letters) // 30)):
        i = rng.below(len(letters) - 1)
        if rng.chance(0.5):
            letters[i], letters[i + 1] = letters[i + 1], letters[i]
        else:
            del letters[i]
    return "".join(letters)


CHANNELS: dict[str, Callable[[Generator, str], str]] = {
    "exact": lambda rng, text: text,
    "anonymised": lambda rng, text: URL.sub("http", MENTION.sub("@user", text)),
    "stripped": lambda rng, text: bare(text),
    "escaped": lambda rng, text: html.escape(html.unescape(text)),
    "truncated": lambda rng, text: text[: len(text) * 4 // 5].rstrip() + "…",
    "one_word": lambda rng, text: _words_replaced(rng, text, 1),
    "two_words": lambda rng, text: _words_replaced(rng, text, 2),
    "typos": _typos,
    "retweeted": lambda rng, text: text,
    "commented": lambda rng, text: text,
}
"""The edit of each channel. For the last two, :func:`planted` adds text around the
tweet.
"""


def planted(rng: Generator, tweet: Tweet, channel: str) -> tuple[str, int, int]:
    """Return a record with an edited copy of a tweet, and the start and end of the
    copy.
    """
    text = CHANNELS[channel](rng, tweet.text)
    before, after = "", ""
    if channel == "retweeted":
        before = f"RT @{handle(rng)}: "
    if channel == "commented":
        before, after = (
            rng.pick(("so true ", "this! ", "lol ", "agreed: ")),
            rng.pick((" haha", " #mood", " !!")),
        )
    return before + text + after, len(before), len(before) + len(text)


def fits(tweet: Tweet, channel: str) -> bool:
    """Return whether a tweet is long enough to be recognisable after an edit."""
    words = len(tweet.text.split(" "))
    return words >= {"one_word": 9, "two_words": 16}.get(channel, 0)


def distinctive(tweet: Tweet) -> bool:
    """Return whether a tweet is not a retweet, and long enough to be found."""
    letters = sum(c.isalnum() for c in bare(tweet.text))
    return tweet.rt_of is None and letters >= (40 if tweet.text.isascii() else 28)


def background(rng: Generator, avoid: Known) -> Iterator[str]:
    """Yield distinct texts that are not similar to any tweet, without end."""
    grammars = tomllib.loads((FOLDER / "background.toml").read_text(encoding="utf-8"))
    kinds = ["title"] * 22 + ["review"] * 10 + ["answer"] * 5 + ["post"] * 4
    rare = [name for name in grammars if name not in kinds]
    seen: set[str] = set()
    while True:
        text = draw(
            rng, grammars[rng.pick(rare) if rng.chance(0.06) else rng.pick(kinds)]
        )
        if text not in seen and avoid.nearest(text) < NEAR_DUPLICATE / 2:
            seen.add(text)
            yield text


def dataset(
    rng: Generator, corpus: list[Tweet]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the records, and the positions of the copies in them."""
    avoid = Known()
    for tweet in corpus:
        avoid.add(tweet.text)
    others = background(rng, avoid)
    copies = Counter(bare(tweet.text) for tweet in corpus if tweet.rt_of is None)
    sources = [
        tweet
        for tweet in corpus
        if distinctive(tweet)
        and copies[bare(tweet.text)] == 1
        and tweet.created_at < COLLECTED
    ]
    rng.shuffle(sources)

    rows: list[tuple[str | None, list[dict[str, Any]]]] = []
    channels = list(CHANNELS)
    while len(rows) < PLANTED_RECORDS:
        channel, tweet = channels[len(rows) % len(channels)], sources.pop()
        if not fits(tweet, channel):
            channel = "exact"
        text, start, end = planted(rng, tweet, channel)
        where = {
            "start": start,
            "end": end,
            "tweet_id": tweet.id,
            "channel": channel,
            "kind": "record",
        }
        rows.append((text, [where]))
    for i in range(PLANTED_PASSAGES):
        text, marks = next(others), []
        for _ in range(1 + rng.below(2)):
            for _ in range(1 + rng.below(4)):
                text += rng.pick(("\n\n", " ", "\n")) + next(others)
            channel, tweet = rng.pick(channels[:-2]), sources.pop()
            if not fits(tweet, channel):
                channel = "exact"
            quoted = CHANNELS[channel](rng, tweet.text)
            before, after = rng.pick(
                (
                    ('\n\n"', '"\n\n'),
                    ("\n> ", "\n"),
                    (" Somebody wrote: ", " "),
                    (" ", " "),
                )
            )
            start = len(text) + len(before)
            where = {"start": start, "end": start + len(quoted), "tweet_id": tweet.id}
            marks.append({**where, "channel": channel, "kind": "passage"})
            text += before + quoted + after + next(others)
        rows.append((text, marks))
        if i % 20 == 0:
            rows.append((None, []))
    rows.append(("", []))
    rows += [(next(others), []) for _ in range(RECORDS - len(rows))]
    rng.shuffle(rows)

    records = [
        {"id": f"d{number:05}", "text": text} for number, (text, _) in enumerate(rows)
    ]
    truth = [
        {"record": number, **mark}
        for number, (_, marks) in enumerate(rows)
        for mark in marks
    ]
    return records, truth


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(lines.encode("utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Write the tiny corpus and the tiny dataset."
    )
    parser.add_argument(
        "--out", type=Path, default=FOLDER / "tiny", help="folder to write to"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of all choices")
    args = parser.parse_args()
    rng = Generator(args.seed)
    corpus = tweets(rng)
    records, truth = dataset(rng, corpus)
    write(args.out / "corpus" / "tweets.jsonl", [vars(tweet) for tweet in corpus])
    write(args.out / "dataset.jsonl", records)
    write(args.out / "truth.jsonl", truth)


if __name__ == "__main__":
    main()
