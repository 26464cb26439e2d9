"""Clusters of findings: findings of texts with similar wording are one event.

:func:`clusters_of_texts` finds which texts have similar wording, and
:func:`clusters_by_strength` groups the findings of a scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from provscan.arrays import Floats, Numbers, distinct
from provscan.index import IndexReader
from provscan.runs.counting.counts import Grouping, TextFindings, count_groups
from provscan.runs.counting.matches import ScoredMatches
from provscan.scoring.clusters import similar_texts


class TextClusters(NamedTuple):
    """Clusters of findings; each column has one entry per cluster."""

    number: Numbers  # Id of the cluster, as in the arrays with one id per text.
    first: Numbers  # Index of the text of the cluster's first finding.
    # Size of the cluster in records, texts, tweets and characters.
    sizes: dict[str, Floats]


def clusters_of_texts(
    reader: IndexReader, scans: Sequence[tuple[ScoredMatches, TextFindings]]
) -> list[Numbers]:
    """Return, for each scan, the cluster id of each text (-1 without findings). Similar
    texts get the same id in all scans.
    """
    pairs = [(matches.text, each.count > 0) for matches, each in scans]
    known = distinct(np.concatenate([text[which] for text, which in pairs]))
    numbers = similar_texts(reader, known)
    result = []
    for text, which in pairs:
        cluster = np.full(len(text), -1)
        cluster[which] = numbers[np.searchsorted(known, text[which])]
        result.append(cluster)
    return result


def clusters_by_strength(
    matches: ScoredMatches,
    strengths: Sequence[TextFindings],
    clusters: Sequence[Numbers],
) -> list[list[TextClusters]]:
    """Group the findings of each strength into clusters.

    ``clusters`` has one array for each set of texts, such as the licensed texts and the
    control: [texts], the cluster of each text, -1 for texts outside the set. The result
    has one list for each set, with the clusters of each strength.
    """
    groups = [
        Grouping(cluster, int(cluster.max(initial=-1)) + 1, findings.least)
        for cluster in clusters
        for findings in strengths
    ]
    records = iter(count_groups(matches, groups))
    return [
        [
            _text_clusters(cluster, next(records), matches.tweets, findings)
            for findings in strengths
        ]
        for cluster in clusters
    ]


def _text_clusters(
    cluster: Numbers, records: Numbers, tweets: Floats, findings: TextFindings
) -> TextClusters:
    """Group findings into clusters.

    ``cluster``, [texts], is negative for texts that are left out; ``records``,
    [clusters], counts the distinct records of each cluster.
    """
    texts = np.flatnonzero((cluster >= 0) & (findings.count > 0))
    number, of_text = np.unique(cluster[texts], return_inverse=True)
    first = np.zeros(len(number), np.int64)
    # The last write wins, so the first finding of a cluster is written last.
    order = np.argsort(findings.first[texts])[::-1]
    first[of_text[order]] = texts[order]

    def summed(sizes: Floats | None) -> Floats:
        return np.bincount(of_text, sizes, len(number)).astype(np.float64)

    sizes = {
        "records": records[number].astype(np.float64),
        "texts": summed(None),
        "tweets": summed(tweets[texts]),
        "characters": summed(findings.characters[texts]),
    }
    return TextClusters(number, first, sizes)
