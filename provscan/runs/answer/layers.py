"""Compute the layers of every number, for the whole dataset or a part of it
(:func:`layers_of`).

This module collects what the layers of each unit are computed from; the formulas are in
:mod:`provscan.estimate.layers`. "From counts to layers" in ``docs/statistics.md``
explains them, with an example by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from provscan.estimate.layers import Found, Layers, Size, Strength, layered
from provscan.estimate.limits import ONE, Chance, Factor, SampleDesign, exactly
from provscan.runs.counting.counts import Amount
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.chance import UNITS, Subset
from provscan.runs.measures.recall import CopyRecall


class _Basis(NamedTuple):
    """The values that, with the findings, determine the layers of one unit."""

    most: Factor  # The number of all units.
    recall: CopyRecall
    design: SampleDesign


def layers_of(
    measured: Measured, subset: Subset, units: Sequence[str] = UNITS
) -> dict[str, Layers]:
    """Compute the layers of each unit, for the whole dataset or for one source, author,
    year or language; ``subset`` contains the matches of this part.
    """
    chance, recall = measured.chance, measured.recall
    otherwise = chance.expected_otherwise
    sharing, bases = _sharing(measured, subset), _bases(measured, subset)
    result = {}
    for unit in units:
        nearly, alike = (
            None
            if each is None or unit not in ("records", "texts")
            else _size(measured, unit, each).total
            for each in (subset.nearly, subset.alike)
        )
        # "At least" is the highest of the bounds at these strengths.
        strengths = [
            Strength(
                _size(measured, unit, claim.found),
                _share_of(claim.chance.limits[unit], subset.chance_share),
                claim.beyond_chance,
            )
            for claim in subset.claims
            if chance.measures
        ]
        most, recall_of_unit, design = bases[unit]
        number = layered(
            Found(
                findings=_size(measured, unit, subset.findings).total,
                every=_size(measured, unit, subset.licensed),
                counted=_size(measured, unit, subset.claims[0].found),
                nearly=nearly,
                alike=alike,
                most=most,
                mean_size=recall.planted.mean_size(unit, measured.controls),
                sharing=sharing.get(unit, ONE),
            ),
            strengths,
            _share_of(chance.expected[unit], subset.chance_share)
            if chance.measures
            else None,
            recall_of_unit,
            recall.alike_recall,
            design,
            _share_of(otherwise[unit], subset.chance_share) if otherwise else None,
        )
        if number.at_least and (share := measured.examination.suspected):
            # The suspected findings may all be in this subset.
            every = _size(measured, unit, chance.whole.findings).total
            least = min(number.at_least, max(0.0, number.findings - share * every))
            number = replace(number, at_least=least)
        result[unit] = number
    if "tweets" in result:
        # There are at least as many tweets as texts.
        result["tweets"] = result["tweets"].no_less(result["texts"])
    return result


def _bases(measured: Measured, subset: Subset) -> dict[str, _Basis]:
    """Return the basis of each unit."""
    scanned, controls, recall = measured.scanned, measured.controls, measured.recall
    claimable, of_index = subset.claims[0].found, measured.index_fraction
    # Numbers of records and characters refer to the whole dataset and to all licensed
    # tweets. A sample of files draws records in groups. So does an index with only a
    # part of the tweets: it finds all records with a text, or none of them.
    of_files = scanned.design_effect(claimable.records)
    of_dataset = SampleDesign(
        scanned.fraction * of_index, double_effect(of_files, claimable, of_index)
    )
    # Numbers of texts and tweets refer to all licensed texts and tweets.
    of_texts = CopyRecall(
        recall.of_distinct(recall.of_texts.findings, claimable.copies),
        recall.of_distinct(
            recall.of_texts.matches, subset.licensed.copies, together=True
        ),
    )
    texts, tweets = (
        exactly(count / of_index)
        for count in (controls.licensed_texts, controls.licensed_tweets)
    )
    return {
        "records": _Basis(subset.records, recall.of_records, of_dataset),
        "texts": _Basis(texts, of_texts, SampleDesign(of_index)),
        "tweets": _Basis(tweets, of_texts, SampleDesign(of_index)),
        "characters": _Basis(scanned.all_characters, recall.of_characters, of_dataset),
    }


def _sharing(measured: Measured, subset: Subset) -> dict[str, Factor]:
    """Return the corrections for an index with a random share of all tweets, by
    unit.
    """
    of_index = measured.index_fraction
    if of_index == 1.0:
        return {}
    if subset is measured.chance.whole:
        return measured.sharing_factors
    # A subset, such as one author, may differ from the whole dataset. Its lower limit
    # therefore counts only what was found.
    return {
        unit: replace(known, low=of_index)
        for unit, known in measured.sharing_factors.items()
    }


def _size(measured: Measured, unit: str, amount: Amount) -> Size:
    if unit == "characters":
        return amount.characters
    if unit == "tweets":
        tweets = measured.matches.tweets[amount.copies > 0]
        return Size(float(tweets.sum()), float(tweets @ tweets))
    count = float(amount.records.sum() if unit == "records" else amount.texts)
    return Size(count, count)


def _share_of(chance: Chance, share: float) -> Chance:
    """Return the chance matches among a subset of the findings; the limits allow for
    any share.
    """
    return chance if share >= 1.0 else Chance(chance.expected * share, 0.0, chance.high)


def double_effect(of_files: float, amount: Amount, of_index: float) -> float:
    """Return the design effect of a sample of files, whose own effect is ``of_files``,
    that is scanned with an index of a random share ``of_index`` of all tweets.

    The excess variances of both add up. Copies of one text in one file are in both, so
    the sum is an upper bound (clustering in two ways: Cameron, Gelbach & Miller 2011,
    doi:10.1198/jbes.2010.07136).
    """
    return of_files + (_records_together(amount) - 1.0 if of_index < 1.0 else 0.0)


def _records_together(amount: Amount) -> float:
    """Return the mean number of records that are found or missed together because they
    contain the same text: the design effect of an index with a random share of all
    texts.

    For texts in 3, 1 and 1 records it is (9 + 1 + 1 + 9) / 5 = 4: the text in the most
    records counts twice, as a margin.
    """
    copies = amount.copies.astype(np.float64)
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
