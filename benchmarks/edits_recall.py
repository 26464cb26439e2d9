"""How strongly can a copy be edited before it is missed, and how does this depend on
the seeds and bands of the index?

    python benchmarks/edits_recall.py [--corpus FOLDER] [--background FOLDER]
        [--tweets 50000] [--copies 200] [--indexed 3000000]
    python benchmarks/edits_recall.py --params 12,6,20 12,8,20 --megabytes 20 ...

Tweets are edited more heavily than by ``edits.py``, and matched alone (records) and
inside a longer text (documents). The table shows, by edit, the share of the copies that
is found under the id of the tweet or of a near-duplicate. ``--params`` compares
indexes. ``--indexed`` adds synthetic tweets to the index that are not copied, to show
how recall depends on the size of an index; the length 0 in
``--params`` is the default for that size. ``--megabytes`` adds a table of costs: the
size of each index, the processor time of a match, measured in turns, and the rows in
texts without licensed tweets. Takes about a minute.
"""

from __future__ import annotations

import re
import tempfile
import time
import unicodedata
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

import pyarrow as pa
import synthetic
from edits import Edit
from measure import Way, command_line, console, machine, table, take_turns
from planted import (
    SAME,
    Tweet,
    add_data_options,
    licensed,
    long_texts,
    short_texts,
    similar,
    write_jsonl,
)
from rich.table import Table

import provscan
from provscan import readers
from provscan.engine.progress import Progress
from provscan.index import write_index
from provscan.indexing.corpus import Corpus
from provscan.matching import Index
from provscan.params import SEED_LENGTH, IndexParams

EMOJI = "😀😂❤🔥👍🎉😭🙏"
WORDS = ("thing", "really", "people", "today", "never", "about", "maybe", "great")
# Tweets with fewer letters than LETTERS are not edited, and halves with fewer than
# HALF_LETTERS are not used. A document has DOCUMENT characters before and after a copy.
LETTERS, HALF_LETTERS, DOCUMENT = 60, 50, 2_000
# Number of characters kept from the middle of a tweet with at least twice as many.
MIDDLE = 55
DEFAULT = f"{SEED_LENGTH},{IndexParams.seed_window},{IndexParams.bands}"


def _japanese(text: str) -> bool:
    return 2 * sum(
        "\u3040" <= c < "\u3100" or "\u3400" <= c < "\ua000" for c in text
    ) > len(text)


def bare_japanese(text: str, rng: Random) -> str:
    """Remove punctuation and white space."""
    return "".join(c for c in text if unicodedata.category(c)[0] not in "PZC")


def emoji(text: str, rng: Random) -> str:
    """Remove the emoji of the tweet, and insert one after every third word."""
    words = "".join(c for c in text if not 0x1F000 <= ord(c) < 0x20000).split()
    return " ".join(
        word + (f" {rng.choice(EMOJI)}" if i % 3 == 2 else "")
        for i, word in enumerate(words)
    )


def glued_emoji(text: str, rng: Random) -> str:
    """Append an emoji to every second word, without a space."""
    return " ".join(
        word + (rng.choice(EMOJI) if i % 2 else "")
        for i, word in enumerate(text.split())
    )


def tags(text: str, rng: Random) -> str:
    """Put some words in bold, link some, and add line breaks."""
    kinds = (
        "<b>{}</b>",
        '<a href="https://example.org/{}">{}</a>',
        "{}<br>",
        "<i>{}</i>",
        "{}<br />",
    )
    return " ".join(
        rng.choice(kinds).format(word, word) if rng.random() < 0.25 else word
        for word in text.split()
    )


def _replaced(text: str, rng: Random, count: int) -> str:
    words = text.split()
    inner = [i for i, word in enumerate(words) if len(word) > 2]
    for i in rng.sample(inner, min(count, len(inner))):
        words[i] = rng.choice(WORDS)
    return " ".join(words)


def every_fifth(text: str, rng: Random) -> str:
    return " ".join(word for i, word in enumerate(text.split()) if i % 5 != 4)


def typing_errors(text: str, rng: Random) -> str:
    """Make a typing error in every twelve characters: one left out, doubled, or swapped
    with the next.
    """
    for start in range(len(text) // 12 * 12 - 12, -1, -12):
        i = start + rng.randrange(11)
        text = (
            text[:i]
            + rng.choice(
                (text[i + 1], text[i : i + 2][::-1], 2 * text[i] + text[i + 1])
            )
            + text[i + 2 :]
        )
    return text


def swapped(text: str, rng: Random) -> str:
    words = text.split()
    middle = len(words) // 2
    return " ".join(words[middle:] + words[:middle])


LOOKALIKES = str.maketrans("aeopcxy", "аеорсху")
DIGITS = str.maketrans("aeiost", "431057")


def lookalikes(text: str, rng: Random) -> str:
    """Replace half of the letters that have a Cyrillic look-alike with it."""
    return "".join(c.translate(LOOKALIKES) if rng.random() < 0.5 else c for c in text)


def _letters(text: str) -> int:
    """Return the number of letters and digits outside links and names."""
    return sum(c.isalnum() for c in re.sub(r"https?://\S+|@\w+", "", text))


def _kept(share: float, last: bool = False, letters: int = 0) -> Edit:
    """Return an edit that keeps the first or last part of a text, or nothing if that
    part has too few letters.
    """

    def edit(text: str, rng: Random) -> str:
        size = int(len(text) * share)
        part = text[-size:] if last else text[:size]
        return part if _letters(part) >= letters else ""

    return edit


def middle(text: str, rng: Random) -> str:
    start = (len(text) - MIDDLE) // 2
    return text[start : start + MIDDLE] if _letters(text) >= 2 * MIDDLE else ""


EDITS: dict[str, tuple[Edit, bool]] = {
    "Japanese, punctuation and spaces removed": (bare_japanese, True),
    "emoji put between or taken from the words": (emoji, False),
    "emoji glued to every second word": (glued_emoji, False),
    "HTML tags inside": (tags, False),
    "two words replaced": (lambda text, rng: _replaced(text, rng, 2), False),
    "three words replaced": (lambda text, rng: _replaced(text, rng, 3), False),
    "every fifth word dropped": (every_fifth, False),
    "a typing error in every 12 characters": (typing_errors, False),
    "Japanese, a typing error in every 12": (typing_errors, True),
    "three quarters kept": (_kept(0.75), False),
    "60 % kept": (_kept(0.6), False),
    "first half kept": (_kept(0.5, letters=HALF_LETTERS), False),
    "last half kept": (_kept(0.5, last=True, letters=HALF_LETTERS), False),
    "55 characters from the middle kept": (middle, False),
    "halves swapped": (swapped, False),
    "look-alike letters of another script": (lookalikes, False),
    "digits for letters": (lambda text, rng: text.translate(DIGITS), False),
    "letters spaced out": (lambda text, rng: " ".join(text), False),
    "all spaces removed": (lambda text, rng: text.replace(" ", ""), False),
}
"""The function of each edit, and whether it is applied to Japanese tweets."""


def copies_of(tweets: list[Tweet], name: str, count: int) -> list[tuple[Tweet, str]]:
    """Return tweets and their edited copies, up to a maximum number."""
    (edit, japanese), rng = EDITS[name], Random(name)
    least = LETTERS / 2 if japanese else LETTERS
    fit = (
        t
        for t in tweets
        if _japanese(t.text) == japanese and sum(c.isalnum() for c in t.text) >= least
    )
    edited = ((tweet, edit(tweet.text, rng)) for tweet in fit)
    return list(islice(((tweet, copy) for tweet, copy in edited if copy), count))


def build(source: Path, out: Path, values: str) -> provscan.Index:
    """Build an index with other parameters: ``seed_length,seed_window,bands``. The
    length 0 stands for that of the default.
    """
    length, window, bands = map(int, values.split(","))
    params = IndexParams(seed_length=length or None, seed_window=window, bands=bands)
    corpus = Corpus(source, readers.Fields(), None, None, Progress())
    return Index(write_index(corpus.batches(), out, params, corpus.describe))


def found(index: provscan.Index, tweets: list[Tweet], texts: list[str]) -> float:
    """Return the share of the texts in which their tweet is found."""
    matches = index.match(pa.array(texts, pa.large_string()))
    ids = matches["tweet_id"].unique()
    rows, numbers = index.reader.texts_of_ids(ids)
    raw = index.reader.raw_texts(numbers).array().to_pylist()
    by_id = dict(zip(ids.take(pa.array(rows)).to_pylist(), raw, strict=True))
    hits = set()
    for record, tweet_id in zip(
        *(matches[name].to_pylist() for name in ("record", "tweet_id")), strict=True
    ):
        tweet = tweets[record]
        if tweet_id == tweet.id or similar(by_id[tweet_id], tweet.text) >= SAME:
            hits.add(record)
    return len(hits) / len(texts)


def compare(
    indexes: dict[str, provscan.Index],
    texts: dict[str, list[str]],
    repeats: int,
) -> Table:
    """Return a table of the costs of each index: bytes, processor time of a match, and
    rows in texts without licensed tweets.
    """
    result = table(
        "Costs",
        "params",
        "bytes per text",
        *(f"{kind}: {what}" for kind in texts for what in ("s", "rows")),
    )
    columns: dict[str, list[str]] = {values: [] for values in indexes}
    for given in texts.values():
        array = pa.array(given, pa.large_string())
        ways = [
            Way(values, len(given), partial(index.match, array))
            for values, index in indexes.items()
        ]
        take_turns(ways, repeats, time.process_time)
        for (values, index), way in zip(indexes.items(), ways, strict=True):
            columns[values] += [
                f"{way.median:.2f}",
                f"{index.match(array).num_rows:,}",
            ]
    for values, index in indexes.items():
        result.add_row(
            values, f"{index.info()['bytes'] / len(index):.0f}", *columns[values]
        )
    return result


def main() -> None:
    parser = command_line(__doc__)
    add_data_options(parser)
    parser.add_argument(
        "--tweets", type=int, default=50_000, help="maximum number of indexed tweets"
    )
    parser.add_argument(
        "--copies", type=int, default=200, help="maximum number of copies per edit"
    )
    parser.add_argument(
        "--params",
        nargs="+",
        default=[DEFAULT],
        help="seed_length,seed_window,bands of each index to compare",
    )
    parser.add_argument(
        "--indexed", type=int, help="number of synthetic tweets in the indexes"
    )
    parser.add_argument(
        "--only", help="part of the names of the edits; all edits by default"
    )
    parser.add_argument(
        "--megabytes",
        type=float,
        default=0.0,
        help="megabytes of long and of short texts without tweets for the costs; 0 "
        "prints no costs",
    )
    parser.add_argument("--repeats", type=int, default=3, help="turns of each index")
    arguments = parser.parse_args()
    tweets, _ = licensed(arguments.corpus, arguments.tweets)
    fillers = long_texts(arguments.background, DOCUMENT * arguments.copies)
    console.print(machine())
    shares_of = ("records", "documents")
    several = len(arguments.params) > 1
    heads = [
        f"{kind} {values}" if several else kind
        for values in arguments.params
        for kind in shares_of
    ]
    size = arguments.indexed or len(tweets)
    result = table(f"Recall, {size:,} tweets indexed", "edit", "copies", *heads)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus.jsonl")
        if arguments.indexed:
            synthetic.write_jsonl(synthetic.tweets(arguments.indexed), corpus)
        else:
            write_jsonl(corpus, tweets)
        indexes = {
            values: build(corpus, Path(folder, f"{values}.index"), values)
            for values in arguments.params
        }
        for name in (name for name in EDITS if (arguments.only or "") in name):
            pairs = copies_of(tweets, name, arguments.copies)
            chosen, copies = [tweet for tweet, _ in pairs], [copy for _, copy in pairs]
            documents = [
                f"{filler[:DOCUMENT]}\n{copy}\n{filler[DOCUMENT : 2 * DOCUMENT]}"
                for copy, filler in zip(copies, fillers * len(copies), strict=False)
            ]
            shares = (
                found(index, chosen, texts) if texts else float("nan")
                for index in indexes.values()
                for texts in (copies, documents)
            )
            result.add_row(
                name, f"{len(chosen)}", *(f"{share:.3f}" for share in shares)
            )
        console.print(result)
        if arguments.megabytes:
            size = round(arguments.megabytes * 1e6)
            texts = {
                "long texts": long_texts(arguments.background, size),
                "short texts": short_texts(arguments.background, size // 60),
            }
            console.print(compare(indexes, texts, arguments.repeats))


if __name__ == "__main__":
    main()
