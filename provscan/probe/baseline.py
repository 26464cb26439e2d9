"""The blind baseline: can the two arms be told apart by their words and lengths alone,
without asking the model?

Where they can, a model that tells them apart has shown nothing: most published tests
for what a model has seen fail on that (Das, Zhang & Tramèr 2024, arXiv 2406.16201). The
classifier is a logistic regression over words, pairs of words, counts of letters,
digits, links and the like, and how predictable the texts are to other models. It learns
from tweets of the two pools that are in no pair or, where there are fewer of them than
pairs, from other pairs than the one that it scores.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import xxhash

from provscan.arrays import Floats
from provscan.probe.statistics import Inference, paired_auc

FOLDS = 5
BUCKETS = 1 << 13
RIDGE = 1.0
COUNTS = (
    r"https?://\S+",
    r"@\w+",
    r"#\w+",
    r"\d",
    r"[A-Z]",
    r"[^\w\s]",
    r"\s",
    r"\b(?:19|20)\d\d\b",
    r"^RT ",
    r"\n",
)


class Arms(NamedTuple):
    # The texts.
    licensed: Sequence[str]
    control: Sequence[str]
    measures: Sequence[
        Sequence[float]
    ] = ()  # Numbers of each text, those of the control last; as many for each text.


def blind_baseline(pairs: Arms, others: Arms) -> Inference:
    """How well a classifier of words and lengths tells the members of the pairs apart:
    row by row, those of the two arms.

    It learns from `others` as well, tweets that are in no pair. The result is the area
    under the ROC curve: 0.5 where the arms are alike.
    """
    count = len(pairs.licensed)
    texts = [*pairs.licensed, *pairs.control, *others.licensed, *others.control]
    measures = np.array([*pairs.measures, *others.measures], np.float64).reshape(
        len(texts), -1
    )
    matrix = _features(texts, measures)
    sides = np.repeat(
        [1.0, 0.0, 1.0, 0.0], [count, count, len(others.licensed), len(others.control)]
    )
    if min(len(others.licensed), len(others.control)) >= count:
        scores = matrix[: 2 * count] @ _fit(matrix[2 * count :], sides[2 * count :])
    else:
        scores = np.zeros(2 * count)
        fold = np.tile(np.arange(count) % FOLDS, 2)
        for number in range(FOLDS):
            train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            if len(train) and len(test):
                scores[test] = matrix[test] @ _fit(matrix[train], sides[train])
    return paired_auc(scores[:count], scores[count:])


def _features(texts: Sequence[str], measures: Floats) -> Any:
    """Words and pairs of words, hashed, and standardised numbers: a sparse matrix with
    a row for each text.
    """
    from scipy.sparse import csr_matrix, hstack

    rows: list[int] = []
    columns: list[int] = []
    for row, text in enumerate(texts):
        words = re.findall(r"\w+|[^\w\s]", text.lower())
        grams = {*words, *(f"{a} {b}" for a, b in pairwise(words))}
        columns += [
            xxhash.xxh32_intdigest(gram.encode("utf-8", "replace")) % BUCKETS
            for gram in grams
        ]
        rows += [row] * len(grams)
    words_in = csr_matrix(
        (np.ones(len(rows)), (rows, columns)), shape=(len(texts), BUCKETS)
    )
    words_in.data[:] = 1.0
    counts = np.array(
        [
            [len(text), *(len(re.findall(each, text)) for each in COUNTS)]
            for text in texts
        ],
        np.float64,
    )
    counts = np.hstack([np.log1p(counts).reshape(len(texts), -1), measures])
    spread = counts.std(axis=0)
    counts = (counts - counts.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return hstack(
        [words_in, csr_matrix(np.hstack([counts, np.ones((len(texts), 1))]))]
    ).tocsr()


def _fit(matrix: Any, side: Floats) -> Floats:
    from scipy.optimize import minimize

    sign = 2.0 * side - 1.0

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (matrix @ weights)
        slope = -sign / (1.0 + np.exp(np.clip(margin, -500.0, 500.0)))
        value = float(
            np.logaddexp(0.0, -margin).sum() + 0.5 * RIDGE * weights @ weights
        )
        return value, matrix.T @ slope + RIDGE * weights

    fitted = minimize(
        loss,
        np.zeros(matrix.shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 100},
    )
    return fitted.x
