"""Compute the layers of every number (:func:`layers_of`).

This module collects what the layers of each unit are computed from; the formulas are in
:mod:`provscan.estimate.layers`. "From counts to layers" in ``docs/statistics.md``
explains them, with an example by hand.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from provscan.estimate.layers import Found, Layers, Size, Strength, layered
from provscan.estimate.limits import ONE, Factor, SampleDesign, exactly
from provscan.runs.counting.counts import Amount
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.chance import UNITS
from provscan.runs.measures.recall import CopyRecall


class _Basis(NamedTuple):
    """The values that, with the findings, determine the layers of one unit."""

    most: Factor  # The number of all units.
    recall: CopyRecall
    design: SampleDesign


def layers_of(measured: Measured) -> dict[str, Layers]:
    """Compute the layers of each unit."""
    chance, counts, recall = measured.chance, measured.counts, measured.recall
    otherwise, bases = chance.expected_otherwise, _bases(measured)
    of_index = measured.index_fraction
    sharing = {} if of_index == 1.0 else measured.sharing_factors
    result = {}
    for unit in UNITS:
        nearly = alike = None
        if unit in ("records", "texts"):
            nearly = _size(measured, unit, counts.nearly).total
            alike = _size(measured, unit, counts.alike).total
        # "At least" is the highest of the bounds at these strengths.
        strengths = [
            Strength(
                _size(measured, unit, claim.found),
                claim.limits[unit],
                claim.beyond_chance,
            )
            for claim in chance.claims
            if chance.measures
        ]
        most, recall_of_unit, design = bases[unit]
        number = layered(
            Found(
                findings=_size(measured, unit, counts.findings).total,
                every=_size(measured, unit, counts.licensed),
                counted=_size(measured, unit, counts.claimable),
                nearly=nearly,
                alike=alike,
                most=most,
                mean_size=recall.planted.mean_size(unit, measured.controls),
                suspected=measured.examination.suspected,
                sharing=sharing.get(unit, ONE),
            ),
            strengths,
            chance.expected.get(unit),
            recall_of_unit,
            recall.alike_recall,
            design,
            otherwise.get(unit),
        )
        result[unit] = number
    # There are at least as many tweets as texts.
    result["tweets"] = result["tweets"].no_less(result["texts"])
    return result


def _bases(measured: Measured) -> dict[str, _Basis]:
    """Return the basis of each unit."""
    scanned, controls, recall = measured.scanned, measured.controls, measured.recall
    claimable, of_index = measured.counts.claimable, measured.index_fraction
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
            recall.of_texts.matches, measured.counts.licensed.copies, together=True
        ),
    )
    texts, tweets = (
        exactly(count / of_index)
        for count in (controls.licensed_texts, controls.licensed_tweets)
    )
    return {
        "records": _Basis(scanned.all_records, recall.of_records, of_dataset),
        "texts": _Basis(texts, of_texts, SampleDesign(of_index)),
        "tweets": _Basis(tweets, of_texts, SampleDesign(of_index)),
        "characters": _Basis(scanned.all_characters, recall.of_characters, of_dataset),
    }


def _size(measured: Measured, unit: str, amount: Amount) -> Size:
    if unit == "characters":
        return amount.characters
    if unit == "tweets":
        tweets = measured.matches.tweets[amount.copies > 0]
        return Size(float(tweets.sum()), float(tweets @ tweets))
    count = float(amount.records.sum() if unit == "records" else amount.texts)
    return Size(count, count)


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
