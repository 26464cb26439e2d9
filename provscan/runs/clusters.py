"""Clusters of findings: findings of texts with similar wording are one event.

:func:`families_of_findings` finds which texts have similar wording, and
:func:`clusters_by_strength` groups the findings of a scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from provscan.arrays import Floats, Numbers, distinct
from provscan.index import IndexReader
from provscan.runs.count import STRENGTHS, Grouping, TextFindings, count_groups
from provscan.runs.matches import ScoredMatches
from provscan.scoring.families import families


class TextClusters(NamedTuple):
    """Clusters of findings; each column has one entry per cluster."""

    family: Numbers  # Number of the family of the cluster's texts.
    first: Numbers  # Place of the text of the cluster's first finding.
    # Size of the cluster in records, texts, tweets and characters.
    sizes: dict[str, Floats]


def families_of_findings(
    reader: IndexReader, scans: Sequence[tuple[ScoredMatches, TextFindings]]
) -> list[Numbers]:
    """Return the family of each text of each scan; -1 for texts without findings. The
    numbers of families are the same in all scans.
    """
    pairs = [(matches.text, each.count > 0) for matches, each in scans]
    known = distinct(np.concatenate([text[which] for text, which in pairs]))
    numbers = families(reader, known)
    result = []
    for text, which in pairs:
        family = np.full(len(text), -1)
        family[which] = numbers[np.searchsorted(known, text[which])]
        result.append(family)
    return result


def clusters_by_strength(
    matches: ScoredMatches,
    findings: Sequence[TextFindings],
    families: Sequence[Numbers],
) -> list[list[TextClusters]]:
    """Group the findings at each of ``STRENGTHS`` into clusters, in one pass over the
    matches. ``findings`` has one entry for each strength.

    ``families`` has one array for each set of texts, such as the licensed texts and the
    control: [texts], the family of each text, -1 for texts outside the set. The result
    has one list for each set, with the clusters at each strength.
    """
    groups = [
        Grouping(family, int(family.max(initial=-1)) + 1, least)
        for family in families
        for least in STRENGTHS
    ]
    records = iter(count_groups(matches, groups))
    return [
        [
            text_clusters(family, next(records), matches.tweets, each)
            for each in findings
        ]
        for family in families
    ]


def text_clusters(
    family: Numbers, records: Numbers, tweets: Floats, findings: TextFindings
) -> TextClusters:
    """Group findings into clusters.

    ``family``, [texts], is negative for texts that are left out; ``records``,
    [families], has the number of distinct records of each family.
    """
    place = np.flatnonzero((family >= 0) & (findings.count > 0))
    names, number = np.unique(family[place], return_inverse=True)
    first = np.zeros(len(names), np.int64)
    # The last write wins, so the first finding of a cluster is written last.
    order = np.argsort(findings.first[place])[::-1]
    first[number[order]] = place[order]

    def summed(of_texts: Floats | None) -> Floats:
        return np.bincount(number, of_texts, len(names)).astype(np.float64)

    sizes = {
        "records": records[names].astype(np.float64),
        "texts": summed(None),
        "tweets": summed(tweets[place]),
        "characters": summed(findings.characters[place]),
    }
    return TextClusters(names, first, sizes)
