"""The blind baseline, which measures whether the two arms can be told apart by their
words and lengths alone, without asking the model.

If they can, a model that tells them apart proves nothing. Most published tests of
whether a model has seen a text have this flaw (Das, Zhang & Tramèr 2024, arXiv
2406.16201). The classifier is a logistic regression over words, pairs of words, counts
of letters, digits, links and the like, and the predictability of the texts under other
models. It is trained on the tweets of both pools that are in no pair. If there are
fewer such tweets than pairs, the pairs are divided into folds, and each fold is scored
by a classifier that was trained on the other folds.

The module needs scikit-learn, which the extra ``probe`` installs.
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
# Words and single punctuation marks.
WORDS = r"\w+|[^\w\s]"
# Patterns that are counted in each text, in addition to its length.
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
    # Measures of each text, the same number for each: first for the licensed texts,
    # then for the control.
    measures: Sequence[Sequence[float]] = ()


def blind_baseline(pairs: Arms, others: Arms) -> Inference:
    """Measure how well a classifier of words and lengths tells the members of the pairs
    apart; row i of both arms is pair i.

    It is trained on ``others``, tweets that are in no pair, if there are enough. The
    result is the area under the ROC curve: 0.5 if the arms are alike.
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
    """Return a sparse matrix with a row for each text: its words and pairs of words,
    and standardised measures.
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
