"""Compute the numbers of each source, author, year, language and script
(:func:`breakdowns`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan.arrays import Numbers
from provscan.estimate.layers import Layers
from provscan.estimate.limits import exactly
from provscan.runs.answer.layers import layers_of, without_withheld
from provscan.runs.counting.counts import Grouping, count_groups, count_matches
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.chance import Claim, Subset, cluster_count, subset_of
from provscan.scoring.lengths import SCRIPTS

# Minimum number of findings for numbers by source, author, year, language or script.
FEW_FINDINGS = 20
BREAKDOWNS = ("author", "year", "lang", "script")
# Maximum number of values in a breakdown: those with the most findings.
BREAKDOWN_VALUES = 30


def breakdowns(measured: Measured, withheld: dict[str, str]) -> dict[str, Any]:
    """Compute the layers of the records and texts of each source, author, year,
    language and script.

    The recall is that of the whole dataset. The chance matches are assumed to be
    distributed like the texts with findings or, among sources, like the records; the
    limits allow for any distribution.
    """
    if measured.finding_records < FEW_FINDINGS:
        return {}
    sources = list(_sources(measured))
    result: dict[str, dict[str, Any]] = {
        column: {} for column in (*(["source"] if sources else []), *BREAKDOWNS)
    }
    for value in (*sources, *_authors_to_scripts(measured)):
        layers = layers_of(measured, value.found, ("records", "texts"))
        if layers["records"].findings < FEW_FINDINGS:
            layers = {unit: Layers(number.findings) for unit, number in layers.items()}
        result[value.breakdown][value.name] = {
            unit: without_withheld(unit, number, withheld).as_dict()
            for unit, number in layers.items()
        }
    return result


class Value(NamedTuple):
    """A source, author, year, language or script, and its matches."""

    breakdown: str  # "source" or one of BREAKDOWNS.
    name: str
    found: Subset


def _sources(measured: Measured) -> Iterator[Value]:
    scanned, chance = measured.scanned, measured.chance
    sizes, read, findings = Counter[str](), Counter[str](), Counter[str]()
    for part, count in zip(
        scanned.parts, measured.counts.findings.matches.tolist(), strict=True
    ):
        sizes[part.source] += part.records
        read[part.source] += part.stats.records if scanned.sampled else part.records
        findings[part.source] += count
    if scanned.drawn is not None or len(sizes) > BREAKDOWN_VALUES:
        return
    for name in sorted(+findings, key=lambda name: (-findings[name], name)):
        counts = measured.counts
        if len(sizes) > 1:
            # The findings of one source are only known from its part files.
            of_source = measured.matches.of_source(name)
            counts = count_matches(of_source, measured.eligible)
        found = subset_of(
            counts,
            chance.claimable_cluster,
            [claim.chance for claim in chance.whole.claims],
            exactly(read[name]),
            sizes[name] / max(1, scanned.records),
        )
        yield Value("source", name, found)


class _Values(NamedTuple):
    """The values of a breakdown that are shown."""

    breakdown: str
    names: list[str]
    codes: Numbers  # [texts], index of each text's value in the names, or -1.


def _shown(measured: Measured, breakdown: str) -> _Values:
    """Return the authors, years, languages or scripts with the most findings."""
    matches = measured.matches
    findings = np.where(matches.control, 0, measured.counts.by_text.count)
    values = (
        pa.chunked_array([pa.array(SCRIPTS, pa.string()).take(matches.scores.script)])
        if breakdown == "script"
        else getattr(matches.authorship, breakdown)
    )
    coded = values.combine_chunks().dictionary_encode()
    known = [*map(str, coded.dictionary.to_pylist()), ""]
    code = coded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)
    frequency = np.bincount(code, findings, len(known))[:-1]
    shown = sorted(
        np.flatnonzero(frequency).tolist(),
        key=lambda value: (-frequency[value], known[value]),
    )[:BREAKDOWN_VALUES]
    numbers = np.full(len(known), -1)
    numbers[shown] = np.arange(len(shown))
    return _Values(breakdown, [known[value] for value in shown], numbers[code])


def _authors_to_scripts(measured: Measured) -> Iterator[Value]:
    counts, eligible = measured.counts, measured.eligible
    chance, whole = measured.chance, measured.chance.whole
    # Of the strengths, use only the first, which has all findings, and the one with the
    # most findings beyond chance.
    strengths = sorted({0, chance.best_strength})
    by_text = [counts.strengths[strength].by_text for strength in strengths]
    claims = [whole.claims[strength] for strength in strengths]
    shown = [_shown(measured, breakdown) for breakdown in BREAKDOWNS]
    groups = list[Grouping]()
    for _, names, codes in shown:
        licensed = np.where(measured.matches.control, -1, codes)
        claimed = np.where(eligible.claimable, codes, -1)
        groups += [Grouping(licensed, len(names), None), Grouping(licensed, len(names))]
        groups += [
            Grouping(claimed, len(names), strength.least) for strength in by_text
        ]
    records = iter(count_groups(measured.matches, groups, by_split=True))
    texts = max(1, claims[0].found.texts)
    amounts = [whole.licensed, whole.findings, *(claim.found for claim in claims)]
    for breakdown, names, codes in shown:
        in_splits = [next(records) for _ in amounts]
        for number, name in enumerate(names):
            here = codes == number
            every, findings, *claimable = (
                amount.restricted_to(here, by_split[number])
                for amount, by_split in zip(amounts, in_splits, strict=True)
            )
            here_claims = [
                Claim(
                    found,
                    cluster_count(chance.claimable_cluster[here & strength.found]),
                    claim.chance,
                )
                for found, strength, claim in zip(
                    claimable, by_text, claims, strict=True
                )
            ]
            share = claimable[0].texts / texts
            subset = Subset(every, findings, here_claims, whole.records, share)
            yield Value(breakdown, name, subset)
