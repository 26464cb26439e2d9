"""The blind baseline: can the two arms be told apart by their words and lengths alone,
without asking the model?

Where they can, a model that tells them apart has shown nothing: most published tests
for what a model has seen fail on that (Das, Zhang & Tramèr 2024, arXiv 2406.16201). The
classifier is a logistic regression over words, pairs of words, counts of letters,
digits, links and the like, and how predictable the texts are to other models. It learns
from the tweets of both pools that are in no pair or, where there are fewer of them than
pairs, from other pairs than the one that it scores.

Needs scikit-learn, of the extra ``probe``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from provscan.arrays import Floats
from provscan.errors import UsageError
from provscan.probe.statistics import Inference, paired_auc

FOLDS = 5
# Words and single signs.
WORDS = r"\w+|[^\w\s]"
# What is counted in each text, beside its length.
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
    """The texts of both arms."""

    licensed: Sequence[str]
    control: Sequence[str]
    # Numbers of each text, those of the control last; as many for each text.
    measures: Sequence[Sequence[float]] = ()


def blind_baseline(pairs: Arms, others: Arms) -> Inference:
    """How well a classifier of words and lengths tells the members of the pairs apart:
    row by row, those of the two arms.

    It learns from `others`, tweets that are in no pair, if there are enough. The result
    is the area under the ROC curve: 0.5 where the arms are alike.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise UsageError(
            "planning a probe needs scikit-learn: pip install 'provscan[probe]'"
        ) from None
    count = len(pairs.licensed)
    texts = [*pairs.licensed, *pairs.control, *others.licensed, *others.control]
    measures = np.array([*pairs.measures, *others.measures], np.float64)
    matrix = _features(texts, measures.reshape(len(texts), -1))
    licensed = np.repeat(
        [True, False, True, False],
        [count, count, len(others.licensed), len(others.control)],
    )
    fold = np.arange(2 * count) % count % FOLDS
    if min(len(others.licensed), len(others.control)) >= count:
        parts = [(np.arange(2 * count, len(texts)), np.arange(2 * count))]
    else:
        # Both members of a pair are in the same fold.
        parts = [
            (np.flatnonzero(fold != each), np.flatnonzero(fold == each))
            for each in np.unique(fold)
        ]
    scores = np.zeros(2 * count)
    for train, test in parts:
        if len(train):
            model = LogisticRegression(solver="liblinear")
            model.fit(matrix[train], licensed[train])
            scores[test] = model.decision_function(matrix[test])
    return paired_auc(scores[:count], scores[count:])


def _features(texts: Sequence[str], measures: Floats) -> Any:
    """Which words and pairs of words a text has, and standardised numbers: a sparse
    matrix with a row for each text.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.preprocessing import StandardScaler

    vectorizer = CountVectorizer(ngram_range=(1, 2), token_pattern=WORDS, binary=True)
    counts = [
        [len(text), *(len(re.findall(each, text)) for each in COUNTS)] for text in texts
    ]
    numbers = StandardScaler().fit_transform(np.hstack([np.log1p(counts), measures]))
    return hstack([vectorizer.fit_transform(texts), csr_matrix(numbers)]).tocsr()
