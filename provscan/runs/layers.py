"""Compute the layers of every number: for the whole dataset (:func:`layers_of`), and
for its sources, authors, years and languages (:func:`breakdowns`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from provscan.calibration.controls import Controls
from provscan.estimate.layers import (
    Found,
    Layers,
    Size,
    Strength,
    layered,
)
from provscan.estimate.limits import (
    ALONE,
    Chance,
    Factor,
    Scope,
    exactly,
    sharing_factor,
)
from provscan.runs.chance import UNITS, MeasuredChance, Subset, cluster_count, subset_of
from provscan.runs.comparability import Eligibility, TextSamples, TextStrata
from provscan.runs.count import (
    STRENGTHS,
    Amount,
    Counts,
    Grouping,
    by_tweets,
    count_groups,
    count_matches,
    records_by_tweets,
)
from provscan.runs.matches import ScoredMatches
from provscan.runs.null import NullCounts
from provscan.runs.recall import MeasuredRecall
from provscan.runs.scan_totals import ScanTotals

# Minimum number of findings for numbers by source, author, year or language.
FEW_FINDINGS = 20
BREAKDOWNS = ("author", "year", "lang")
# Maximum number of values in a breakdown: those with the most findings.
BREAKDOWN_VALUES = 30


@dataclass(frozen=True)
class Measured:
    """All measurements of a run, from which its numbers and sentences follow."""

    scanned: ScanTotals
    controls: Controls
    samples: TextSamples
    strata: TextStrata
    matches: ScoredMatches
    eligible: Eligibility
    counts: Counts
    chance: MeasuredChance
    recall: MeasuredRecall
    null: NullCounts | None

    @property
    def index_fraction(self) -> float:
        """The share of all licensed tweets in the index, a random sample of them."""
        return self.controls.licensed.fraction

    @property
    def findings(self) -> int:
        """The number of records with findings."""
        return int(self.counts.findings.records.sum())

    @property
    def claimable(self) -> int:
        """The number of records with findings whose chance is measured."""
        return int(self.counts.claimable[0].records.sum())

    @cached_property
    def sharing_factors(self) -> dict[str, Factor]:
        """By unit, the number of records (or texts) that contain licensed tweets,
        divided by the number there would be if each contained one; for an index with a
        random share of all tweets.
        """
        found = self.matches.tweets[self.counts.claimable[0].copies > 0]
        showing = {
            "records": records_by_tweets(self.matches, self.eligible),
            "texts": by_tweets(found),
        }
        return {
            unit: sharing_factor(counts, self.index_fraction)
            for unit, counts in showing.items()
        }

    @property
    def without_control(self) -> list[str]:
        """The strata of licensed texts that have findings but no measured chance."""
        left_out = (self.counts.findings.copies > 0) & ~self.eligible.claimable
        numbers = np.unique(self.eligible.stratum[left_out])
        return [self.strata.strata.names[number] for number in numbers]


def layers_of(
    measured: Measured,
    found: Subset,
    records: Factor,
    chance_share: float = 1.0,
    units: Sequence[str] = UNITS,
) -> dict[str, Layers]:
    """Compute the layers of the whole dataset, or of a source, author, year or
    language, by unit.

    ``records`` is the number of records, and ``chance_share`` the expected share of the
    chance matches. The limits allow for any share, so they are valid for all subsets
    simultaneously.
    """
    scanned, controls, chance = measured.scanned, measured.controls, measured.chance
    recall = measured.recall
    counted = found.claimable[0]
    of_index = measured.index_fraction
    effect, sharing = scanned.design_effect(counted.records), dict[str, Factor]()
    if of_index < 1.0:
        effect *= _records_together(counted)
        sharing = measured.sharing_factors
        if found is not chance.whole:
            # A subset, such as one author, may differ from the whole, so the lower
            # limit counts only what was found.
            sharing = {
                unit: replace(known, low=of_index) for unit, known in sharing.items()
            }
    of_texts = (
        recall.of_distinct(recall.of_texts.findings, counted.copies),
        recall.of_distinct(
            recall.of_texts.matches, found.licensed.copies, together=True
        ),
    )
    of_records = scanned.fraction * of_index
    # For each unit, determine the maximum, the recalls, the scanned share and the
    # design effect.
    texts, tweets = (
        exactly(count / of_index)
        for count in (controls.licensed_texts, controls.licensed_tweets)
    )
    of_unit = {
        "records": (records, recall.of_records, Scope(of_records, effect)),
        "texts": (texts, of_texts, Scope(of_index)),
        "tweets": (tweets, of_texts, Scope(of_index)),
        "characters": (
            scanned.all_characters,
            recall.of_characters,
            Scope(of_records, effect),
        ),
    }

    def size(unit: str, amount: Amount) -> Size:
        if unit == "characters":
            return amount.characters
        if unit == "tweets":
            tweets = measured.matches.tweets[amount.copies > 0]
            return Size(float(tweets.sum()), float(tweets @ tweets))
        count = float(amount.records.sum() if unit == "records" else amount.texts)
        return Size(count, count)

    result = {}
    for unit in units:
        most, recalls, scope = of_unit[unit]
        nearly = found.nearly if unit in ("records", "texts") else None
        strengths = [
            Strength(
                size(unit, amount),
                _share_of(chance.by_strength[place][unit], chance_share),
                chance.beyond(found, place),
            )
            for place, amount in found.claimable.items()
            if chance.measures
        ]
        result[unit] = layered(
            Found(
                size(unit, found.findings).total,
                size(unit, found.licensed),
                size(unit, counted),
                None if nearly is None else size(unit, nearly).total,
                most,
                recall.planted.unit(unit, controls),
                sharing.get(unit, ALONE),
            ),
            strengths,
            _share_of(chance.expected[unit], chance_share) if chance.measures else None,
            recalls,
            recall.least_nearly,
            scope,
        )
    if "tweets" in result:
        # There are at least as many tweets as texts.
        result["tweets"] = result["tweets"].no_less(result["texts"])
    return result


def _share_of(chance: Chance, share: float) -> Chance:
    """Return the chance among a subset of the findings; its limits allow for any
    share.
    """
    return chance if share >= 1.0 else Chance(chance.expected * share, 0.0, chance.high)


def _records_together(found: Amount) -> float:
    """Return the mean number of records that are found or missed together because they
    contain the same text. The text in the most records counts twice.
    """
    copies = found.copies.astype(np.float64)
    if not copies.any():
        return 1.0
    return float((copies @ copies + copies.max() ** 2) / copies.sum())


def without_withheld(unit: str, number: Layers, withheld: dict[str, str]) -> Layers:
    """Return a number without its withheld layers."""
    none = {
        layer: None
        for layer in ("at_least", "estimate", "at_most")
        if f"{unit}.{layer}" in withheld
    }
    return replace(number, **none)  # type: ignore[arg-type]


def breakdowns(measured: Measured, withheld: dict[str, str]) -> dict[str, Any]:
    """Compute the layers of the records and texts of each source, author, year and
    language.

    All values have the overall recall. The expected share of chance matches is the
    share of the texts or, for a source, of the records; the limits allow for any
    share.
    """
    if measured.findings < FEW_FINDINGS:
        return {}
    sources = list(_sources(measured))
    result: dict[str, dict[str, Any]] = {
        column: {} for column in (*(["source"] if sources else []), *BREAKDOWNS)
    }
    units = ("records", "texts")
    for value in (*sources, *_authors_years_languages(measured)):
        layers = layers_of(
            measured, value.found, value.records, value.chance_share, units
        )
        if layers["records"].findings < FEW_FINDINGS:
            layers = {unit: Layers(number.findings) for unit, number in layers.items()}
        result[value.breakdown][value.name] = {
            unit: without_withheld(unit, number, withheld).as_dict()
            for unit, number in layers.items()
        }
    return result


class Value(NamedTuple):
    """A source, author, year or language, and its matches."""

    breakdown: str  # "source", "author", "year" or "lang".
    name: str
    found: Subset
    records: Factor  # Records of the value.
    chance_share: float  # Expected share of the chance matches.


def _sources(measured: Measured) -> Iterator[Value]:
    scanned, chance = measured.scanned, measured.chance
    sizes, read, findings = Counter[str](), Counter[str](), Counter[str]()
    for part, count in zip(
        scanned.parts, measured.counts.finding_matches.tolist(), strict=True
    ):
        sizes[part.source] += part.records
        read[part.source] += part.stats.records if scanned.sampled else part.records
        findings[part.source] += count
    if scanned.drawn is not None or len(sizes) > BREAKDOWN_VALUES:
        return
    for name in sorted(+findings, key=lambda name: (-findings[name], name)):
        found = replace(chance.whole, nearly=None)
        if len(sizes) > 1:
            # The texts of one source are only known from its part files.
            of_source = measured.matches.of_source(name)
            found = subset_of(
                count_matches(of_source, measured.eligible), chance.family
            )
        share = sizes[name] / max(1, scanned.records)
        yield Value("source", name, found, exactly(read[name]), share)


def _authors_years_languages(measured: Measured) -> Iterator[Value]:
    matches, counts, eligible = measured.matches, measured.counts, measured.eligible
    chance, whole = measured.chance, measured.chance.whole
    licensed = np.where(matches.control, 0, counts.text_findings[0].count)
    # Use only all findings, and those of the strength with the most findings beyond
    # chance.
    places = sorted({0, chance.best_strength})
    names, codes, groups = [], [], list[Grouping]()
    for column in BREAKDOWNS:
        coded = getattr(matches.authorship, column).combine_chunks().dictionary_encode()
        known = [*map(str, coded.dictionary.to_pylist()), ""]
        code = coded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)
        frequency = np.bincount(code, licensed, len(known))[:-1]
        shown = sorted(
            np.flatnonzero(frequency).tolist(),
            key=lambda value: (-frequency[value], known[value]),
        )[:BREAKDOWN_VALUES]
        numbers = np.full(len(known), -1)
        numbers[shown] = np.arange(len(shown))
        names.append([known[value] for value in shown])
        codes.append(numbers[code])
        found = np.where(matches.control, -1, codes[-1])
        claimed = np.where(eligible.claimable, codes[-1], -1)
        groups += [Grouping(found, len(shown), None), Grouping(found, len(shown))]
        groups += [Grouping(claimed, len(shown), STRENGTHS[place]) for place in places]
    records = iter(count_groups(matches, groups, by_split=True))
    texts = max(1, whole.claimable[0].texts)
    amounts = [whole.licensed, whole.findings, *(whole.claimable[p] for p in places)]
    for column, values, code in zip(BREAKDOWNS, names, codes, strict=True):
        in_splits = [next(records) for _ in amounts]
        for number, value in enumerate(values):
            here = code == number
            every, findings, *claimable = (
                amount.restricted_to(here, counted[number])
                for amount, counted in zip(amounts, in_splits, strict=True)
            )
            clusters = {
                place: cluster_count(
                    chance.family[here & (counts.text_findings[place].count > 0)]
                )
                for place in places
            }
            subset = Subset(
                every, findings, dict(zip(places, claimable, strict=True)), clusters
            )
            share = subset.claimable[0].texts / texts
            yield Value(column, value, subset, measured.scanned.all_records, share)
