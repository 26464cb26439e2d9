"""Draw the tweets to ask for: licensed tweets by strata, each matched with a control.

Licensed texts are divided into classes by their number of copies, and the same number
of texts is drawn from every class that has enough. The share of recited tweets can then
be compared between classes, and the probability of drawing a text is known. Within a
class, texts are drawn evenly over script, length and the author's reach, and otherwise
at random. Since an index contains no numbers of followers or retweets, reach is the
number of the author's texts in the pool.

The stages of :func:`draw` are: pools of text numbers by class, candidates with their
prompts, one candidate for each wording, the draw, and the matching with controls.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xxhash

from provscan.arrays import Floats, Numbers
from provscan.calibration.controls import Controls
from provscan.index import IndexReader
from provscan.probe.baseline import Arms
from provscan.probe.prompts import Prompt, make_prompt
from provscan.probe.settings import RULE, Settings
from provscan.scoring.background import Background, background
from provscan.scoring.clusters import similar_texts
from provscan.scoring.lengths import LENGTHS, SCRIPTS, lengths_and_scripts
from provscan.scoring.rule import COMMON_AUTHORS
from provscan.text import canonical

COPIES = (1, 2, 4, 16, 64)
"""Minimum number of copies of each class."""
ENDS = {low: high - 1 for low, high in pairwise(COPIES)}
"""Maximum number of copies of each class except the last, by minimum number."""
# Maximum number of texts in the pool of a class, and in the pool of the control.
POOL = 5_000
# Controls that are considered for pairs, per licensed tweet that was drawn.
CHOICE = 12
# Members of a pair have the same script and language, and lengths within this factor.
FACTOR = 1.35
REACH = (
    "the count of the author's texts in the pool from which tweets were drawn; an "
    "index contains no counts of followers or retweets"
)
"""The definition of reach in plans and reports."""
# Links, mentions, hashtags and digits. The two tweets of a pair have similar numbers of
# each.
MARKS = (r"https?://\S+", r"@\w+", r"#\w+", r"\d")


@dataclass(frozen=True, slots=True)
class Target:
    """A prompt for a tweet, and measures of its target, the wording that the model
    would have to recite.
    """

    prompt: Prompt
    bits: float  # The rarity of the target under the background model.
    # The length of the target in words and in canonical code points.
    words: int
    chars: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tweet that can be asked for, with its prompts."""

    tweet_id: str
    text: str
    author: str | None
    day: str | None
    lang: str | None
    script: str
    length: int
    copies: int
    reach: int
    number: int  # The id of the text in the index.
    key: int  # A pseudo-random sort key, derived from the id.
    targets: dict[str, Target]  # By kind of prompt, in the order of the settings.
    reference: float | None = None  # Bits of the tweet under the reference model.

    def stratum(self) -> tuple[Any, ...]:
        """Return the key by which texts are sorted before they are drawn at even
        distances.
        """
        length_class = int(np.searchsorted(LENGTHS, self.length, "right"))
        return (self.script, length_class, min(self.reach, 2), self.key)

    def measures(self, target: Target) -> list[float]:
        """Return the predictability, in bits per character, of a target and, if there
        is a reference model, of the whole tweet.
        """
        target_bits = target.bits / max(target.chars, 1)
        if self.reference is None:
            return [target_bits]
        return [target_bits, self.reference / max(len(self.text), 1)]


@dataclass(frozen=True, slots=True)
class Stratum:
    """A class of licensed texts, with at least ``copies`` copies and fewer than the
    next class.
    """

    copies: int  # Minimum number of copies.
    population: float  # Licensed texts of this class that could be asked for.
    drawn: int  # Drawn texts, including those for which no control was found.


@dataclass(frozen=True)
class Draw:
    pairs: list[tuple[Candidate, Candidate]]  # Licensed tweets with their controls.
    strata: list[Stratum]  # The classes of the licensed tweets.
    # Tweets of both pools that are in no pair, on which the blind baseline is trained.
    others: tuple[list[Candidate], list[Candidate]]
    left_out: dict[str, int]  # Number of texts that are left out, by reason.


def draw(
    controls: Controls,
    settings: Settings,
    reference: Mapping[str, float] | None = None,
) -> Draw:
    """Draw licensed tweets and match each with a control. With the bits of tweets under
    a reference model, by id, the two are also similar under this model.
    """
    rng = np.random.default_rng(settings.seed)
    model = background(controls.licensed)
    left_out: Counter[str] = Counter()
    classes, sizes = _classes(controls, settings.seed)
    pools = [
        _candidates(numbers, controls, model, settings, reference, left_out)
        for numbers in classes
    ]
    *licensed, control = _one_each(pools, controls.reader, left_out)
    wanted = _shares([len(pool) for pool in licensed], settings.pairs)
    chosen: list[Candidate] = []
    strata = []
    for least, pool, numbers, size, count in zip(
        COPIES, licensed, classes, sizes, wanted, strict=False
    ):
        if pool:
            ordered = sorted(pool, key=Candidate.stratum)
            places = (np.arange(count) + rng.random()) * len(ordered) / max(count, 1)
            chosen += [ordered[int(place)] for place in places]
            strata.append(Stratum(least, size * len(pool) / len(numbers), count))
    taken = {tweet.tweet_id for tweet in chosen}
    spare = [
        tweet for pool in licensed for tweet in pool if tweet.tweet_id not in taken
    ]
    pairs = _matched(chosen, control[: CHOICE * len(chosen)])
    left_out["no control like it"] += len(chosen) - len(pairs)
    used = {tweet.tweet_id for pair in pairs for tweet in pair}
    others, other_controls = (
        [tweet for tweet in tweets if tweet.tweet_id not in used]
        for tweets in ([*chosen, *spare], control)
    )
    order = rng.permutation(len(pairs))
    return Draw(
        [pairs[at] for at in order],
        strata,
        (others, other_controls),
        {reason: n for reason, n in left_out.items() if n},
    )


def arms(first: Sequence[Candidate], second: Sequence[Candidate], kind: str) -> Arms:
    """Return both arms, with the given part and the target of each tweet that has a
    prompt of the kind.
    """
    texts: list[list[str]] = []
    measures: list[list[float]] = []
    for tweets in (first, second):
        able = [tweet for tweet in tweets if kind in tweet.targets]
        prompts = [tweet.targets[kind].prompt for tweet in able]
        texts.append([f"{prompt.given} {prompt.target}" for prompt in prompts])
        measures += [tweet.measures(tweet.targets[kind]) for tweet in able]
    return Arms(texts[0], texts[1], measures)


def _classes(controls: Controls, seed: int) -> tuple[list[Numbers], list[int]]:
    """Return, for each class of copies and for the control, the texts to draw from (by
    their numbers in the index) and the number of all texts.
    """
    reader = controls.reader
    pools: list[list[Numbers]] = [
        [np.zeros(0, np.int64)] for _ in range(len(COPIES) + 1)
    ]
    sizes = [0] * len(pools)
    for texts in reader.shuffled(seed):
        classes = np.searchsorted(COPIES, reader.tweet_counts(texts), "right") - 1
        classes[controls.control[texts]] = len(COPIES)
        for number, pool in enumerate(pools):
            found = texts[classes == number]
            pool.append(found[: max(0, POOL - sizes[number])])
            sizes[number] += len(found)
    return [np.concatenate(pool) for pool in pools], sizes


def _candidates(
    numbers: Numbers,
    controls: Controls,
    model: Background,
    settings: Settings,
    reference: Mapping[str, float] | None,
    left_out: Counter[str],
) -> list[Candidate]:
    """Return the texts that can be asked for, with their prompts."""
    reader = controls.reader
    if len(numbers) == 0:
        return []
    common = (reader.author_counts(numbers) >= COMMON_AUTHORS) | np.isin(
        numbers, controls.repeated
    )
    left_out["commonplace wording"] += int(common.sum())
    numbers = numbers[~common]
    rows = reader.earliest_tweets(numbers).to_pylist()
    targets = _targets(numbers, rows, model, settings)
    length, script = lengths_and_scripts(reader, numbers)
    copies = reader.tweet_counts(numbers)
    reach = Counter(row["author"] for row in rows if row["author"])
    found = []
    for at, row in enumerate(rows):
        if not targets[at]:
            left_out["too short or too predictable"] += 1
            continue
        if reference is not None and row["tweet_id"] not in reference:
            left_out["not in the reference"] += 1
            continue
        key = xxhash.xxh64_intdigest(
            row["tweet_id"].encode("utf-8", "replace"), seed=settings.seed
        )
        found.append(
            Candidate(
                tweet_id=row["tweet_id"],
                text=row["tweet"],
                author=row["author"],
                day=_day(row["time"]),
                lang=row["lang"],
                script=SCRIPTS[script[at]],
                length=int(length[at]),
                copies=int(copies[at]),
                reach=reach.get(row["author"], 1),
                number=int(numbers[at]),
                key=key,
                targets=targets[at],
                reference=None if reference is None else reference[row["tweet_id"]],
            )
        )
    return found


def _targets(
    numbers: Numbers, rows: list[dict[str, Any]], model: Background, settings: Settings
) -> list[dict[str, Target]]:
    """Return the prompts of each tweet whose targets are long and rare enough, by
    kind.
    """
    found: list[dict[str, Target]] = [{} for _ in rows]
    # Without texts to count, as if all were forgotten, nothing is known to be rare.
    if model.model.chars == 0:
        return found
    copies = np.isin(numbers, model.counted).astype(np.int64)
    for kind in settings.prompts:
        made = [
            make_prompt(kind, settings.style, r["tweet"], r["author"], _day(r["time"]))
            for r in rows
        ]
        places = [at for at, prompt in enumerate(made) if prompt is not None]
        prompts = [prompt for prompt in made if prompt is not None]
        texts = canonical([prompt.target for prompt in prompts])
        given = canonical([prompt.given for prompt in prompts])
        bits = model.model.bits(texts, copies=copies[places]).tolist()
        for at, prompt, text, before, worth in zip(
            places, prompts, texts, given, bits, strict=True
        ):
            target = Target(prompt, worth, len(text.split()), len(text))
            enough = target.chars >= RULE.min_chars or (
                target.words >= RULE.min_words and target.chars >= 20
            )
            # Leave out targets that the prompt already contains.
            if enough and worth >= RULE.min_bits and not _repeats(text, before):
                found[at][kind] = target
    return found


def _repeats(target: str, given: str) -> bool:
    """Return whether the prompt already contains half of the target's 5-grams."""
    grams = {target[at : at + 5] for at in range(max(1, len(target) - 4))}
    return 2 * sum(gram in given for gram in grams) > len(grams)


def _one_each(
    pools: list[list[Candidate]], reader: IndexReader, left_out: Counter[str]
) -> list[list[Candidate]]:
    """Keep only one of several tweets with similar wording or the same target; licensed
    tweets take precedence over controls.
    """
    numbers = np.array([tweet.number for pool in pools for tweet in pool], np.int64)
    family = dict(
        zip(numbers.tolist(), similar_texts(reader, numbers).tolist(), strict=True)
    )
    seen: set[Any] = set()
    kept: list[list[Candidate]] = [[] for _ in pools]
    for number in [*reversed(range(len(pools) - 1)), len(pools) - 1]:
        for tweet in sorted(pools[number], key=lambda t: t.key):
            targets = canonical(
                [target.prompt.target for target in tweet.targets.values()]
            )
            wording = {family[tweet.number], *targets}
            if wording & seen:
                left_out["wording like that of another tweet"] += 1
            else:
                seen |= wording
                kept[number].append(tweet)
    return kept


def _shares(available: Sequence[int], wanted: int) -> list[int]:
    """Return the number of texts to draw from each class: the same number for all,
    unless a class has fewer; then the other classes share the rest.
    """
    given = [0] * len(available)
    while wanted > 0:
        open_classes = [at for at, n in enumerate(available) if given[at] < n]
        if not open_classes:
            break
        share = max(1, wanted // len(open_classes))
        for at in open_classes:
            more = min(share, available[at] - given[at], wanted)
            given[at] += more
            wanted -= more
    return given


def _matched(
    licensed: list[Candidate], control: list[Candidate]
) -> list[tuple[Candidate, Candidate]]:
    """Return disjoint pairs whose members are as similar as possible in total (an
    assignment problem).
    """
    from scipy.optimize import linear_sum_assignment

    if not licensed or not control:
        return []
    a, b = _features(licensed), _features(control)
    spread = np.concatenate([a, b]).std(axis=0)
    a, b = a / np.where(spread > 0, spread, 1.0), b / np.where(spread > 0, spread, 1.0)
    cost = np.zeros((len(a), len(b)))
    for column in range(a.shape[1]):
        cost += (a[:, column, None] - b[None, :, column]) ** 2
    # Two authors count as equal only if both are known.
    author = _differ(
        [tweet.author or f"licensed {at}" for at, tweet in enumerate(licensed)],
        [tweet.author or f"control {at}" for at, tweet in enumerate(control)],
    )
    script, lang, length = (
        [[getattr(tweet, name) for tweet in tweets] for tweets in (licensed, control)]
        for name in ("script", "lang", "length")
    )
    # An unknown language matches any language.
    known = np.logical_and.outer(*([bool(each) for each in arm] for arm in lang))
    unlike = _differ(*script) | (
        known & _differ(*([each or "" for each in arm] for arm in lang))
    )
    apart = np.abs(np.subtract.outer(*(np.log(arm) for arm in length)))
    cost[author] += 0.5
    cost[unlike | (apart > np.log(FACTOR))] = 1e6
    rows, columns = linear_sum_assignment(cost)
    return [
        (licensed[r], control[c])
        for r, c in zip(rows, columns, strict=True)
        if cost[r, c] < 1e6
    ]


def _differ(licensed: Sequence[str], control: Sequence[str]) -> Any:
    """Return whether each pair of names differs, bool[licensed, control]."""
    return np.not_equal.outer(np.array(licensed), np.array(control))


def _features(tweets: Sequence[Candidate]) -> Floats:
    """Return the features for matching: length, predictability and marks. The target of
    a tweet is that of its first kind of prompt.
    """
    return np.array(
        [
            [
                2.0 * np.log(len(tweet.text)),
                2.0 * np.log(max(target.chars, 1)),
                *tweet.measures(target),
                *(min(len(re.findall(mark, tweet.text)), 3) for mark in MARKS),
                float(tweet.text.startswith("RT @")),
            ]
            for tweet in tweets
            for target in [next(iter(tweet.targets.values()))]
        ]
    )


def _day(time: Any) -> str | None:
    return None if time is None else f"{time:%Y-%m-%d}"
