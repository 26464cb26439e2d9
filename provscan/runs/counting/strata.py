"""Compare the control with the licensed texts: draw random samples of both, divide them
into strata, and determine how many licensed texts a control text represents and which
of the found texts can be claimed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Flags, Floats, Numbers
from provscan.calibration.controls import Controls
from provscan.calibration.spike_ins import DRAW, draw_texts
from provscan.estimate.strata import Strata, divide, thirds
from provscan.ordered_map import ordered_map
from provscan.runs.counting.matches import ScoredMatches
from provscan.scoring.authorship import authorship
from provscan.scoring.background import Background
from provscan.scoring.lengths import (
    LENGTHS,
    SCRIPTS,
    length_classes,
    lengths_and_scripts,
)
from provscan.scoring.lengths import (
    too_short as tweets_too_short,
)

# Number of texts in a sample. Script and length are determined for all of them. Author,
# time and language, which are read from their tweets, are determined for the first
# TWEET_SAMPLE, and the rarity of their wording for the first BITS_SAMPLE.
SAMPLE, TWEET_SAMPLE, BITS_SAMPLE = 4_000, 2_000, 600
# Languages divide the strata if at least the share MIN_KNOWN_LANGUAGE of the texts in
# each of the two samples has a known language, and if two languages or more are
# frequent: at least the share MIN_LANGUAGE_SHARE of the licensed texts is in each. All
# other languages together are one more class.
MIN_KNOWN_LANGUAGE, MIN_LANGUAGE_SHARE = 0.8, 0.05
# The authors are divided at random PERMUTATIONS times. The control's difference counts
# only if at most the share UNUSUAL of the divisions differ as much.
PERMUTATIONS, UNUSUAL = 199, 0.05
UNSPACED = np.array([name in ("chinese", "japanese", "thai") for name in SCRIPTS])


@dataclass(frozen=True)
class TextSample:
    """A random sample of the licensed or the control texts that are long enough to be
    searched for; some properties are known only for the first texts.
    """

    total: int  # Number of all texts from which the sample was drawn.
    # Script and length class of each text: indices of ``SCRIPTS`` and ``LENGTHS`` in
    # ``provscan.scoring.lengths``.
    script: Numbers
    length_class: Numbers
    year: Numbers  # Years of the texts whose year is known.
    # Author and language; null if unknown.
    author: pa.ChunkedArray
    lang: pa.ChunkedArray
    # Bits per code point; nan if unknown. Empty if there is no control.
    rarity: Floats
    # Time, null if unknown, and kind (``scoring.authorship.KINDS``).
    time: pa.ChunkedArray
    kind: Numbers
    # Share of all texts that are too short to be searched for, and that of tweets, see
    # ``provscan.scoring.lengths.too_short``.
    too_short: float = 0.0
    short_tweets: dict[str, Any] = field(default_factory=dict)


class TextSamples(NamedTuple):
    licensed: TextSample
    control: TextSample


def sample_texts(
    controls: Controls, background: Background, min_chars: int, threads: int
) -> TextSamples:
    """Draw samples of the licensed and of the control texts."""

    def drawn(control: bool) -> TextSample:
        total = controls.texts if control else controls.licensed_texts
        texts = draw_texts(controls, SAMPLE, DRAW, control=control)
        length, script = lengths_and_scripts(controls.reader, texts)
        long = length >= min_chars
        short_tweets = (
            {} if control else tweets_too_short(controls.reader, texts, min_chars)
        )
        too_short = 1.0 - float(long.mean()) if len(long) else 0.0
        texts, length, script = texts[long], length[long], script[long]
        known = authorship(controls.reader, texts[:TWEET_SAMPLE])
        # Wording is compared only if there is a control.
        worded = texts[: BITS_SAMPLE if controls.texts else 0]
        bits = background.bits(controls.reader, worded)
        return TextSample(
            total=round(total * (1.0 - too_short)),
            script=script,
            length_class=length_classes(length),
            year=known.year.drop_null().to_numpy().astype(np.int64),
            author=_without_empty(known.author),
            lang=_without_empty(known.lang),
            rarity=bits / np.maximum(length[: len(worded)], 1),
            too_short=too_short,
            time=known.time,
            kind=known.kind,
            short_tweets=short_tweets,
        )

    return TextSamples(*ordered_map(drawn, (False, True), threads))


def _without_empty(names: pa.ChunkedArray) -> pa.ChunkedArray:
    names = names.cast(pa.string())
    return pc.if_else(pc.not_equal(names, ""), names, pa.scalar(None, pa.string()))


def recall_group(script: Numbers, length_class: Numbers) -> Numbers:
    """Return the class of script and length within which recall is measured."""
    return UNSPACED[script] * len(LENGTHS) + length_class


@dataclass(frozen=True, slots=True)
class TextStrata(Strata):
    """Strata of texts by script, length and, if known, language; the weights of control
    texts also depend on the rarity of their wording.
    """

    # Languages that are strata by themselves; empty if languages are unknown.
    languages: list[str]
    # Bounds between the thirds of the licensed texts by rarity of wording, and the
    # factors of the weights in each third.
    thirds: Floats
    factors: Floats
    # Overlap of the length distributions of both samples, with control texts weighted
    # by stratum.
    length_overlap: float

    def weights_of(self, stratum: Numbers, rarity: Floats) -> Floats:
        """Return the number of licensed texts that a control text of each stratum and
        rarity represents.
        """
        third = np.minimum(np.searchsorted(self.thirds, rarity), 2)
        factor = np.where(np.isnan(rarity), 1.0, self.factors[third])
        return self.weights[stratum] * factor

    @property
    def heaviest(self) -> float:
        """The largest possible weight of a text."""
        return float(self.weights.max(initial=0.0) * self.factors.max())

    def stratum_of(
        self, script: Numbers, length_class: Numbers, lang: pa.ChunkedArray
    ) -> Numbers:
        """Return the stratum of each text by script, length class and language."""
        return self.of_class[_classes(script, lang, self.languages), length_class]


def stratify(licensed: TextSample, control: TextSample) -> TextStrata:
    """Divide texts into strata, given samples of the licensed and the control texts."""
    samples = licensed, control
    counts = Counter(licensed.lang.drop_null().to_pylist())
    least = MIN_LANGUAGE_SHARE * len(licensed.lang)
    languages = sorted(name for name in counts if counts[name] >= least)
    known = [
        (len(each.lang) - each.lang.null_count) / max(1, len(each.lang))
        for each in samples
    ]
    if min(known) < MIN_KNOWN_LANGUAGE or len(languages) < 2:
        languages = []
    others = [f", {name}" for name in (*languages, "other languages")]
    kinds = [
        script + language
        for script in SCRIPTS
        for language in (others if languages else [""])
    ]
    tables, cells = [], []
    for each in samples:
        table = np.zeros((len(kinds), len(LENGTHS)))
        used = len(each.lang) if languages else len(each.script)
        cells.append(
            (
                _classes(each.script[:used], each.lang, languages),
                each.length_class[:used],
            )
        )
        np.add.at(table, cells[-1], each.total / max(1, used))
        tables.append(table)
    strata = divide(kinds, LENGTHS, *tables)

    # Compare the wording and the lengths of the samples among the texts in measured
    # strata, with control texts weighted by stratum. The strata never correct for
    # wording, and correct for length only if the control is large enough (``divide``).
    rarities, weights, lengths = [], [], []
    for each, cell in zip(samples, cells, strict=True):
        weight = strata.weights[strata.of_class[cell]]
        counted = (weight > 0.0).astype(np.float64) if each is licensed else weight
        shares = np.bincount(cell[1], counted, len(LENGTHS))
        lengths.append(shares / max(1e-9, float(counted.sum())))
        weight = weight[: len(each.rarity)]
        rarity = each.rarity[: len(weight)]
        usable = (weight > 0.0) & ~np.isnan(rarity)
        rarities.append(rarity[usable])
        weights.append(weight[usable])
    common = float(np.minimum(*lengths).sum()) if lengths[1].any() else 1.0
    edges, factors = thirds(rarities[0], rarities[1], weights[1])
    return TextStrata(
        names=strata.names,
        of_class=strata.of_class,
        licensed=strata.licensed,
        control=strata.control,
        languages=languages,
        thirds=edges,
        factors=factors,
        length_overlap=common,
    )


@dataclass(frozen=True)
class Eligibility:
    """Which texts can be claimed, and how many licensed texts a control text
    represents; one entry for each text.
    """

    control: Flags  # The text is a control.
    stratum: Numbers
    measured: Flags  # Chance is measured in the text's stratum.
    # The text is licensed, and chance is measured in its stratum. Without a control and
    # usable clean data, all licensed texts are claimable.
    claimable: Flags
    weights: Floats  # Number of licensed texts that a control text represents.
    heaviest: float  # The largest possible weight.


def eligibility_of(
    matches: ScoredMatches, strata: TextStrata, scripts: Flags | None, *, control: bool
) -> Eligibility:
    """Return which of the found texts can be claimed.

    ``scripts`` marks the scripts in which clean data measures chance; None without
    usable clean data. ``control`` says whether there are control texts. Beside
    them, clean data makes no more texts claimable: the control must measure chance
    for all texts that are claimed together.
    """
    scores = matches.scores
    stratum = strata.stratum_of(
        scores.script, scores.length_class, matches.authorship.lang
    )
    measured: Flags = strata.measured[stratum]
    if scripts is not None and not control:
        measured = measured | scripts[scores.script]
    unmeasured = scripts is None and not control
    rarity = scores.bits / np.maximum(scores.length, 1)
    return Eligibility(
        control=matches.control,
        stratum=stratum,
        measured=measured,
        claimable=~matches.control & (measured | unmeasured),
        weights=strata.weights_of(stratum, rarity),
        heaviest=strata.heaviest,
    )


def _classes(script: Numbers, lang: pa.ChunkedArray, languages: list[str]) -> Numbers:
    """Return the class of script and language of each text; all other and unknown
    languages are one class.
    """
    if not languages:
        return script
    index = pc.index_in(lang.cast(pa.string()), pa.array(languages, pa.string()))
    return script * (len(languages) + 1) + index.fill_null(len(languages)).to_numpy()


def agreement(licensed: TextSample, control: TextSample) -> dict[str, float]:
    """Return the agreement of two samples in each trait that is known for both; 1 if
    they do not differ.

    For script, length, language, year and wording, the agreement is the overlap of both
    distributions. For authors, it is the share of control texts by authors of the first
    half of the licensed sample, divided by the same share of its second half.
    """
    spoken = [each.lang.drop_null() for each in (licensed, control)]
    names = sorted({*spoken[0].to_pylist(), *spoken[1].to_pylist()})
    first, second = (
        pc.index_in(each, pa.array(names, pa.string())).to_numpy() for each in spoken
    )
    pairs: dict[str, tuple[Numbers, Numbers]] = {
        "script": (licensed.script, control.script),
        "length": (licensed.length_class, control.length_class),
        "year": (licensed.year, control.year),
        "language": (first, second),
    }
    rare, rest = (each.rarity[~np.isnan(each.rarity)] for each in (licensed, control))
    if len(rare):
        pairs["wording"] = _fifths(rare, rest)
    result = {
        name: overlap(*pair)
        for name, pair in pairs.items()
        if len(pair[0]) and len(pair[1])
    }
    half = len(licensed.author) // 2
    known_authors = licensed.author[:half].combine_chunks()
    again, shared = (
        pc.is_in(authors.drop_null(), known_authors).to_numpy()
        for authors in (licensed.author[half:], control.author)
    )
    if again.any() and len(shared):
        result["author"] = min(1.0, float(shared.mean()) / float(again.mean()))
    return result


def _fifths(rare: Floats, rest: Floats) -> tuple[Numbers, Numbers]:
    """Divide two sets of numbers at the bounds between the fifths of the first."""
    edges = np.quantile(rare, [0.2, 0.4, 0.6, 0.8])
    return np.searchsorted(edges, rare), np.searchsorted(edges, rest)


def by_a_coin(licensed: TextSample, control: TextSample) -> bool:
    """Return whether the wording of a control differs no more than it often would if a
    coin had assigned the authors: a permutation test of authors (Fisher 1935, "The
    design of experiments"). A text of unknown author counts as one by an author of its
    own.
    """
    rarity, author = [], []
    for side, each in enumerate((licensed, control)):
        known = ~np.isnan(each.rarity)
        names = each.author[: len(known)].to_pylist()
        author += [
            f"{side} {name or f'text {n}'}" for n, name in enumerate(names) if known[n]
        ]
        rarity.append(each.rarity[known])
    _, code = np.unique(author, return_inverse=True)
    every, rng = np.concatenate(rarity), np.random.default_rng(DRAW)
    observed, lower = overlap(*_fifths(*rarity)), 0
    for _ in range(PERMUTATIONS):
        heads = rng.integers(0, 2, int(code.max()) + 1)[code] == 1
        mixed = heads.any() and not heads.all()
        lower += mixed and overlap(*_fifths(every[heads], every[~heads])) <= observed
    return bool((lower + 1) / (PERMUTATIONS + 1) > UNUSUAL)


def overlap(first: Numbers, second: Numbers) -> float:
    """Return the overlap of the distributions of two sets of small numbers."""
    size = int(max(first.max(), second.max())) + 1
    shares = [np.bincount(each, minlength=size) / len(each) for each in (first, second)]
    return float(np.minimum(*shares).sum())


def year_range(years: Numbers) -> str:
    """Return the range of the middle nine tenths of the years, in words."""
    low, high = (int(np.quantile(years, q, method="nearest")) for q in (0.05, 0.95))
    return f"{low}-{high}" if low < high else str(low)


def by_year(years: Numbers) -> dict[str, int]:
    """Count the texts of each year."""
    names, counts = np.unique(years, return_counts=True)
    return dict(zip(map(str, names.tolist()), counts.tolist(), strict=True))


class ControlYears(NamedTuple):
    """The years of a control, and its clusters of findings and its texts by year."""

    year: Numbers
    clusters: Numbers
    texts: Numbers


def years_of_control(years: Numbers, matched: Numbers, texts: int) -> ControlYears:
    """Count the texts and clusters of a control by year.

    ``years`` are the years of a sample of its texts, ``matched`` those of its clusters.
    """
    every = np.unique(np.concatenate([years, matched]))
    clusters, sizes = (
        np.count_nonzero(each == every[:, None], axis=1) for each in (matched, years)
    )
    scaled = np.round(sizes * texts / max(1, len(years)))
    return ControlYears(every, clusters, np.maximum(1, scaled).astype(np.int64))
