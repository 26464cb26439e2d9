"""Generates any number of synthetic tweets and long texts from a seed.

Words are built from syllables and drawn by Zipf's law, in eight scripts. Some draws
give a phrase of several words instead, since people repeat phrases. A tweet may begin
with a mention, end with a link, and contain hashtags, emoji and HTML entities. Lengths
are log-normal: half of the tweets have at most about 100 characters, and none has more
than 280. Five in a hundred tweets belong to families, whose members are copies of a
template, most of them with some words changed.

All seeds share one vocabulary, so texts of two seeds are two samples of one language. A
batch depends only on the seed and on the number of the batch, so the first n tweets are
the same for any requested number.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BATCH = 50_000
LONGEST = 280
FAMILY_SHARE = 0.05
TEMPLATES = 2_000
# Share of the words that are replaced in a changed copy of a template.
CHANGED = 0.1
FIRST_ID = 900_000_000_000_000_000

Ints = NDArray[np.int64]


class Script(NamedTuple):
    """A script: its share of the tweets, and how its words are built.

    Attributes
    ----------
    share
        Share of the tweets.
    words
        Number of words in the vocabulary.
    syllables
        Syllables of the words.
    longest
        Maximum number of syllables of a word.
    gap
        Characters between words.
    """

    share: float
    words: int
    syllables: list[str]
    longest: int
    gap: str


def _letters(first: str, last: str) -> list[str]:
    return [chr(code) for code in range(ord(first), ord(last) + 1)]


_LATIN = [
    a + b
    for a in [
        "b",
        "c",
        "d",
        "f",
        "g",
        "h",
        "l",
        "m",
        "n",
        "p",
        "r",
        "s",
        "t",
        "v",
        "w",
        "st",
        "th",
        "",
    ]
    for b in [
        "a",
        "e",
        "i",
        "o",
        "u",
        "an",
        "en",
        "in",
        "or",
        "er",
        "al",
        "é",
        "ing",
        "ay",
    ]
]
_CYRILLIC = [a + b for a in "бвгдклмнпрст" for b in "аеиоуяы"]
_ARABIC = [a + b for a in _letters("ب", "غ") for b in ["ا", "و", "ي", "ل", ""]]
_DEVANAGARI = [a + b for a in _letters("क", "न") for b in ["", "ा", "ि", "े", "ो"]]
_THAI = [a + b for a in _letters("ก", "น") for b in ["", "า", "ี", "่", "ุ"]]
_KANA = [*_letters("あ", "ん"), *_letters("ア", "ン")]
_HAN = _letters("一", "丿") + _letters("人", "伿")
_HANGUL = [chr(0xAC00 + 28 * step) for step in range(0, 399, 3)]

SCRIPTS = (
    Script(0.82, 60_000, _LATIN, 4, " "),
    Script(0.04, 20_000, _CYRILLIC, 4, " "),
    Script(0.04, 20_000, _ARABIC, 3, " "),
    Script(0.02, 10_000, _DEVANAGARI, 3, " "),
    Script(0.03, 20_000, _KANA + _HAN[:200], 3, ""),
    Script(0.02, 20_000, _HAN, 2, ""),
    Script(0.02, 10_000, _HANGUL, 3, " "),
    Script(0.01, 10_000, _THAI, 3, ""),
)
_EMOJI = ["😂 ", "🔥 ", "❤️ ", "👨‍👩‍👧 ", "🇧🇷 ", "🤔 ", "😭😭 ", "👍🏽 "]
_ENTITIES = ["&amp; ", "&gt; ", "&lt;3 ", "&#39; ", "&amp;amp; "]
_PHRASES = 20_000


class Vocabulary(NamedTuple):
    """All tokens, each with the gap that follows it, and the position of each kind.

    Attributes
    ----------
    tokens
        Words, script by script, then the other kinds. Each word has four tokens: plain,
        capitalised, with a comma, and with a full stop.
    characters
        int64[n]: length of each token in code points.
    first, words
        int64[scripts]: first token and number of words of each script.
    phrases, mentions, links, hashtags, emoji, entities
        First token and number of tokens of each of these kinds.
    """

    tokens: pa.LargeStringArray
    characters: Ints
    first: Ints
    words: Ints
    phrases: tuple[int, int]
    mentions: tuple[int, int]
    links: tuple[int, int]
    hashtags: tuple[int, int]
    emoji: tuple[int, int]
    entities: tuple[int, int]


class Tokens(NamedTuple):
    """Texts as rows of tokens: text i has the tokens ``flat[starts[i]:starts[i +
    1]]``.
    """

    flat: Ints
    starts: Ints


def _words(script: Script, rng: np.random.Generator) -> list[str]:
    """Return distinct words; the frequent ones, which come first, are short."""
    found: dict[str, None] = {}
    for limit, longest in ((40, 1), (1_500, 2), (script.words, script.longest)):
        while len(found) < limit:
            counts = rng.integers(max(1, longest - 1), longest + 1, limit)
            syllables = rng.integers(0, len(script.syllables), counts.sum())
            ends = np.cumsum(counts).tolist()
            for low, high in zip([0, *ends], ends, strict=False):
                found["".join(script.syllables[k] for k in syllables[low:high])] = None
                if len(found) == limit:
                    break
    return list(found)


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary of all synthetic texts."""
    rng = np.random.default_rng(0)
    tokens: list[str] = []
    first, latin = [], list[str]()
    for script in SCRIPTS:
        words = _words(script, rng)
        latin = latin or words
        first.append(len(tokens))
        for word in words:
            stops = (", ", ". ") if script.gap else ("、", "。")
            tokens += (
                word + script.gap,
                word.capitalize() + script.gap,
                word + stops[0],
                word + stops[1],
            )
    names = rng.integers(0, len(latin), 20_000).tolist()
    links = rng.integers(0, 36**9, 20_000).tolist()
    ranks = _zipf(rng.random((_PHRASES, 5)), np.int64(len(latin))).tolist()
    kinds = {
        "phrases": [
            " ".join(latin[k] for k in row[: 2 + i % 4]) + " "
            for i, row in enumerate(ranks)
        ],
        "mentions": [f"@{latin[k]}{k % 97} " for k in names],
        "links": [
            f"https://t.co/{np.base_repr(link, 36).lower():0>9} " for link in links
        ],
        "hashtags": [f"#{latin[k]} " for k in names[:5_000]],
        "emoji": _EMOJI,
        "entities": _ENTITIES,
    }
    places = {}
    for kind, words in kinds.items():
        places[kind] = (len(tokens), len(words))
        tokens += words
    return Vocabulary(
        pa.array(tokens, pa.large_string()),
        np.array([len(token) for token in tokens]),
        np.array(first),
        np.array([script.words for script in SCRIPTS]),
        **places,
    )


def _zipf(chance: NDArray[np.float64], size: np.int64 | Ints) -> Ints:
    """Return ranks from 0 with probabilities proportional to 1 / (rank + 1).

    ``chance`` contains uniform random numbers, to which the inverse of the continuous
    distribution function is applied.
    """
    return (np.exp(chance * np.log(size + 1.0)) - 1).astype(np.int64)


def _draw(rng: np.random.Generator, script: Ints) -> Ints:
    """Draw a word for each of the scripts; for Latin script sometimes a phrase."""
    known = vocabulary()
    word = _zipf(rng.random(len(script)), known.words[script])
    variant = np.maximum(0, rng.integers(-24, 4, len(script)))
    token = known.first[script] + 4 * word + variant
    phrase = np.flatnonzero((rng.random(len(script)) < 0.02) & (script == 0))
    # Phrases are distributed more evenly than words: the most common phrase is in one
    # of several hundred tweets.
    token[phrase] = known.phrases[0] + (
        rng.random(len(phrase)) ** 2 * known.phrases[1]
    ).astype(np.int64)
    return token


def _scatter(
    rng: np.random.Generator, tokens: Ints, kind: tuple[int, int], share: float
) -> None:
    """Replace a share of the tokens with tokens of a kind."""
    places = np.flatnonzero(rng.random(len(tokens)) < share)
    tokens[places] = kind[0] + _zipf(rng.random(len(places)), np.int64(kind[1]))


def _fresh(rng: np.random.Generator, count: int) -> Tokens:
    """Draw independent tweets."""
    known = vocabulary()
    script = rng.choice(len(SCRIPTS), count, p=[script.share for script in SCRIPTS])
    lengths = np.clip(np.exp(rng.normal(np.log(15), 0.6, count)), 1, 60).astype(
        np.int64
    )
    starts = np.concatenate([[0], np.cumsum(lengths)])
    tokens = _draw(rng, np.repeat(script, lengths))
    _scatter(rng, tokens, known.hashtags, 0.03)
    _scatter(rng, tokens, known.emoji, 0.012)
    _scatter(rng, tokens, known.entities, 0.01)
    long = lengths > 3
    for places, kind, share in (
        (starts[:-1], known.mentions, 0.35),
        (starts[1:] - 1, known.links, 0.4),
    ):
        rows = places[long & (rng.random(count) < share)]
        tokens[rows] = kind[0] + rng.integers(0, kind[1], len(rows))
    return Tokens(tokens, starts)


def _copies(rng: np.random.Generator, templates: Tokens, count: int) -> Tokens:
    """Draw copies of templates, most of them with changed words."""
    chosen = _zipf(rng.random(count), np.int64(TEMPLATES))
    lengths = np.diff(templates.starts)[chosen]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
    tokens = templates.flat[np.repeat(templates.starts[chosen], lengths) + within]
    changing = np.repeat(rng.random(count) < 0.7, lengths)
    changed = np.flatnonzero(changing & (rng.random(len(tokens)) < CHANGED))
    tokens[changed] = _draw(rng, np.zeros(len(changed), np.int64))
    return Tokens(tokens, starts)


def _shortened(texts: Tokens, longest: int) -> Tokens:
    """Drop the tokens that end beyond the first ``longest`` characters of their text;
    the first token of each text is kept.
    """
    ends = np.cumsum(vocabulary().characters[texts.flat])
    lengths = np.diff(texts.starts)
    before = np.repeat(np.concatenate([[0], ends])[texts.starts[:-1]], lengths)
    kept = ends - before <= longest
    kept[texts.starts[:-1]] = True
    counts = np.add.reduceat(kept.astype(np.int64), texts.starts[:-1])
    return Tokens(texts.flat[kept], np.concatenate([[0], np.cumsum(counts)]))


def _strings(texts: Tokens) -> pa.LargeStringArray:
    rows = pa.LargeListArray.from_arrays(
        pa.array(texts.starts), vocabulary().tokens.take(pa.array(texts.flat))
    )
    return pc.utf8_rtrim_whitespace(
        pc.binary_join(rows, pa.scalar("", pa.large_string()))
    )


def tweets(count: int, seed: int = 1) -> Iterator[pa.RecordBatch]:
    """Yield synthetic tweets.

    Yields
    ------
    pyarrow.RecordBatch
        ``id`` (string, distinct for all seeds below 1000) and ``text`` (large_string),
        :data:`BATCH` rows; the last batch has the rest.
    """
    templates = _shortened(
        _fresh(np.random.default_rng([seed, 1 << 32]), TEMPLATES), LONGEST
    )
    for number, low in enumerate(range(0, count, BATCH)):
        rng = np.random.default_rng([seed, number])
        fresh, copies = (
            _fresh(rng, BATCH),
            _copies(rng, templates, round(FAMILY_SHARE * BATCH)),
        )
        texts = (
            _strings(_shortened(fresh, LONGEST)),
            _strings(_shortened(copies, LONGEST)),
        )
        # The positions of the copies in the batch do not depend on the number of
        # requested tweets.
        order = np.arange(BATCH)
        order[rng.choice(BATCH, len(texts[1]), replace=False)] = BATCH + np.arange(
            len(texts[1])
        )
        text = pa.concat_arrays(texts).take(pa.array(order[: count - low]))
        ids = pa.array(FIRST_ID + seed * 10**12 + low + np.arange(len(text))).cast(
            pa.string()
        )
        yield pa.record_batch({"id": ids, "text": text})


def documents(characters: int, seed: int = 1, mean: int = 4_000) -> list[str]:
    """Return long texts in Latin script without tweets, with at least this number of
    code points in total.
    """
    rng = np.random.default_rng([seed, 2 << 32])
    known = vocabulary()
    result = list[str]()
    while characters > 0:
        words = np.clip(
            rng.lognormal(np.log(mean / 7), 0.7, 256), 40, 100 * mean
        ).astype(np.int64)
        tokens = _draw(rng, np.zeros(words.sum(), np.int64))
        sizes = np.add.reduceat(
            known.characters[tokens], np.concatenate([[0], np.cumsum(words)[:-1]])
        )
        wanted = int(np.searchsorted(np.cumsum(sizes), characters)) + 1
        starts = np.concatenate([[0], np.cumsum(words)])
        result += _strings(Tokens(tokens, starts)).to_pylist()[:wanted]
        characters -= int(sizes[:wanted].sum())
    return result


def write_jsonl(batches: Iterator[pa.RecordBatch], path: Path) -> int:
    """Write synthetic tweets, which need no escapes, as JSON lines, and return their
    number.
    """

    def constant(text: str) -> pa.Scalar:
        return pa.scalar(text, pa.large_string())

    count = 0
    with path.open("wb") as file:
        for batch in batches:
            ids = batch.column("id").cast(pa.large_string())
            before, between, after = map(constant, ('{"id": "', '", "text": "', '"}'))
            rows = pc.binary_join_element_wise(
                before, ids, between, batch.column("text"), after, constant("")
            )
            together = pa.LargeListArray.from_arrays(pa.array([0, len(rows)]), rows)
            file.write(pc.binary_join(together, constant("\n"))[0].as_buffer())
            file.write(b"\n")
            count += batch.num_rows
    return count
