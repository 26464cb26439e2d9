"""The error rate of a list of matches: a score learned from spike-ins against controls, and q-values.

:func:`score_matches` learns what tells a planted match from a chance one (the idea of Percolator, Käll et al. 2007,
doi:10.1038/nmeth1113). :func:`q_values` counts, at every score, the control matches that reach it: as many and one
more, scaled by the sizes of the two corpora, are expected to be false among the matches (target-decoy competition;
Levitsky et al. 2017, doi:10.1021/acs.jproteome.6b00144). :func:`q_from_e_values` is for scans without a control, and
weaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from provscan.errors import ParameterError, ProvscanError

Floats = npt.NDArray[np.float64]

FEATURES = ("similarity", "containment", "bits", "length", "repetition")
LEAST_EXAMPLES = 10
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of three tables of matches, higher for truer ones.

    Attributes
    ----------
    matches, control, spikes
        float64, one a row of the table. Log-odds of being planted against being chance where the score was learned.
    method
        ``"logistic"``, or ``"evidence"`` where there were too few examples of either kind to learn from.
    reason
        Why nothing was learned, else ``None``.
    """

    matches: Floats
    control: Floats
    spikes: Floats
    method: str
    reason: str | None


def features(table: pa.Table) -> Floats:
    """Features of each match, shape (rows, 5), in the order of ``FEATURES``; unknown bits are nan.

    Parameters
    ----------
    table
        Columns ``start``, ``end``, ``tweet_id``, ``similarity``, ``containment``, and ``bits`` where known. Length and
        repetition (rows of the same tweet in this table) enter as logarithms.

    Raises
    ------
    ParameterError
        A column is missing.
    """
    missing = [c for c in ("start", "end", "tweet_id", "similarity", "containment") if c not in table.column_names]
    if missing:
        raise ParameterError(f"a match table needs the columns {missing}; it has {table.column_names}")
    columns = [_floats(table, name) for name in ("similarity", "containment")]
    columns.append(_floats(table, "bits") if "bits" in table.column_names else np.full(len(table), np.nan))
    columns.append(np.log1p(_floats(table, "end") - _floats(table, "start")))
    codes = table["tweet_id"].combine_chunks().dictionary_encode()
    indices = codes.indices.to_numpy(zero_copy_only=False)
    columns.append(np.log1p(np.bincount(indices, minlength=1)[indices].astype(np.float64)))
    return np.column_stack(columns)


def _floats(table: pa.Table, name: str) -> Floats:
    values: Floats = table[name].to_numpy().astype(np.float64)
    return values


def folds(tweet_ids: pa.Array | pa.ChunkedArray, count: int = FOLDS) -> npt.NDArray[np.int64]:
    """Fold of each match, a hash of its licensed text's id: all matches of a text are in one fold, in every table."""
    if isinstance(tweet_ids, pa.ChunkedArray):
        tweet_ids = tweet_ids.combine_chunks()
    known = tweet_ids.dictionary_encode()
    fold = np.array([xxhash.xxh3_64_intdigest(i.encode()) % count for i in known.dictionary.to_pylist()], np.int64)
    numbers = known.indices.to_numpy(zero_copy_only=False)
    return fold[numbers] if len(fold) else np.zeros(0, np.int64)


def score_matches(
    matches: pa.Table,
    control: pa.Table,
    spikes: pa.Table,
    *,
    use: Sequence[str] = ("similarity", "containment", "bits", "length"),
) -> Scores:
    """Score every match by a model that saw neither it nor any match of the same licensed text.

    Logistic regression on standardised features and their squares, classes weighed alike, fitted on four fifths of
    the spike-ins and of the control and applied to the rest of them and to the matches of the same fold. Log-odds of a
    logistic model are calibrated up to the true odds of the two kinds, which nobody knows: they move all
    scores alike, and q-values depend on the order only.

    Parameters
    ----------
    matches, control, spikes
        Match tables of the scan, of the control and of the spike-ins that came back; columns as in :func:`features`.
    use
        Features to learn from. ``"repetition"`` is not among them unless asked for: spike-ins are planted once, so that
        it would hold real copying against itself.

    Returns
    -------
    Scores
        With fewer than 10 spike-ins or control matches, nothing can be learned: the score is then the evidence at hand,
        bits times containment where bits are known, else similarity.

    Raises
    ------
    ParameterError
        A column is missing, or a feature unknown.
    ProvscanError
        scikit-learn is not installed.
    """
    unknown = [name for name in use if name not in FEATURES]
    if unknown:
        raise ParameterError(f"features must be among {list(FEATURES)}, found {unknown}")
    tables = (matches, control, spikes)
    known = [features(table) for table in tables]
    if len(control) < LEAST_EXAMPLES or len(spikes) < LEAST_EXAMPLES:
        reason = f"{len(spikes)} spike-ins and {len(control)} control matches: at least {LEAST_EXAMPLES} of each"
        return _unlearned(known, reason)
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ProvscanError(
            "scoring matches needs scikit-learn, which is not installed: pip install 'scikit-learn>=1.4'"
        ) from None
    fold = [folds(table["tweet_id"]) for table in tables]
    shaped = _shaped(known, [FEATURES.index(name) for name in use])
    scores = [np.zeros(len(table)) for table in tables]
    for held in range(FOLDS):
        chance, planted = shaped[1][fold[1] != held], shaped[2][fold[2] != held]
        kind = np.repeat([0, 1], [len(chance), len(planted)])
        if len(chance) == 0 or len(planted) == 0:
            reason = f"all control matches or spike-ins are of a few licensed texts (fold {held} leaves none)"
            return _unlearned(known, reason)
        model: Any = LogisticRegression(class_weight="balanced", solver="newton-cholesky")
        model.fit(np.vstack([chance, planted]), kind)
        for score, x, number in zip(scores, shaped, fold, strict=True):
            mine = number == held
            if mine.any():
                score[mine] = model.decision_function(x[mine])
    return Scores(scores[0], scores[1], scores[2], "logistic", None)


def _shaped(known: list[Floats], columns: list[int]) -> list[Floats]:
    """Features standardised by those of the control and the spike-ins, and their squares; the unknown at the median."""
    examples = np.vstack(known[1:])
    columns = [i for i in columns if not np.isnan(examples[:, i]).all()]
    middle = np.nanmedian(examples[:, columns], axis=0)
    spread = np.maximum(np.nanstd(examples[:, columns], axis=0), 1e-6)
    shaped = []
    for table in known:
        x = table[:, columns]
        z = np.clip((np.where(np.isnan(x), middle, x) - middle) / spread, -5.0, 5.0)
        shaped.append(np.hstack([z, z**2]))
    return shaped


def _unlearned(known: list[Floats], reason: str) -> Scores:
    matches, control, spikes = map(_evidence, known)
    return Scores(matches, control, spikes, "evidence", reason)


def _evidence(known: Floats) -> Floats:
    """Bits times containment, or similarity for all where any bits are unknown: the two can't be compared."""
    bits = known[:, 2]
    if len(bits) and not np.isnan(bits).any():
        return np.asarray(bits * known[:, 1], dtype=np.float64)
    return np.asarray(known[:, 0], dtype=np.float64)


def q_values(scores: npt.ArrayLike, control_scores: npt.ArrayLike, size_ratio: float) -> Floats:
    """Least error rate of the lists that hold each match, by counting control matches.

    At a threshold with T matches and D control matches, ``size_ratio * (D + 1) / T`` of the list is expected to be
    false. The one more makes the rate hold on average and not only for large counts (Levitsky et al. 2017); it also
    bounds what few data can claim: without a single control match, a list of T matches can't have a rate below
    ``size_ratio / T``, so that q <= 0.01 takes 100 matches, or a control larger than the corpus.

    Parameters
    ----------
    scores, control_scores
        Higher is truer; shapes (matches,) and (control matches,). Equal scores share a threshold.
    size_ratio
        Licensed texts over control texts that were scanned for.

    Returns
    -------
    float64[matches]
        In [0, 1], never rising with the score.

    Raises
    ------
    ParameterError
        `size_ratio` is not above 0, or a score is nan.
    """
    target = np.asarray(scores, dtype=np.float64)
    decoy = np.sort(np.asarray(control_scores, dtype=np.float64))
    if not size_ratio > 0:
        raise ParameterError(f"size_ratio, licensed over control texts, must be above 0, not {size_ratio!r}")
    if np.isnan(target).any() or np.isnan(decoy).any():
        raise ParameterError("scores must be numbers, found nan")
    distinct, inverse, each = np.unique(target, return_inverse=True, return_counts=True)
    reached = np.cumsum(each[::-1])[::-1]
    false = len(decoy) - np.searchsorted(decoy, distinct, side="left")
    rate = np.minimum(1.0, size_ratio * (false + 1.0) / reached)
    result: Floats = np.minimum.accumulate(rate)[inverse.reshape(-1)]
    return result


def q_from_e_values(e_values: npt.ArrayLike) -> Floats:
    """Error rates without a control, from a background model alone: marked as weaker evidence wherever they are shown.

    An E-value is the expected number of chance matches as good: at a threshold E with T matches, E / T of the list
    is expected to be false (the rule of Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x). It knows
    coincidence of letters only, not common sources. Matches of unknown E-value (nan) get 1.

    Returns
    -------
    float64[matches]
        In [0, 1], never falling with the E-value.
    """
    values = np.asarray(e_values, dtype=np.float64)
    known = np.where(np.isnan(values), np.inf, values)
    distinct, inverse, each = np.unique(known, return_inverse=True, return_counts=True)
    rate = np.minimum(1.0, distinct / np.cumsum(each))
    result: Floats = np.minimum.accumulate(rate[::-1])[::-1][inverse.reshape(-1)]
    return result
