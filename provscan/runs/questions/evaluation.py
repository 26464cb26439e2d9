"""Compare the matches of a run with a ground truth: a list of the records that contain
licensed tweets.

The unit is the record, as in the answer of a run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from provscan.arrays import Flags, Floats
from provscan.errors import InputError, UsageError
from provscan.names import counted
from provscan.opening import open_regular
from provscan.params import require, require_path

SCORES = ("bits", "similarity", "containment")
# The score of a record without a match, which is below all other scores.
NO_MATCH = -1.0
Key = tuple[str | None, int] | str


class Evaluation(NamedTuple):
    """The results of comparing the matches of a run with a ground truth.

    Attributes
    ----------
    roc
        The ROC curve by threshold, from a threshold that no record reaches to one that
        all reach: ``threshold``, ``false_positive_rate``, ``recall``. Records without a
        match have the score -1.
    sweep
        ``threshold``, ``precision`` and ``recall`` of the records with a match of at
        least this score, by threshold.
    auc, average_precision
        The areas under the two curves.
    findings
        The numbers of records with findings that do (``true``) and do not (``false``)
        contain a tweet according to the truth, with ``precision`` and ``recall``. If
        the truth lists ids of records, which several records may share, ``recall`` is a
        share of the ids.
    counts
        ``records``: all records of the run. ``positive``: records that contain a tweet
        according to the truth. ``found``: positive records with a match. ``tweets``:
        pairs of a record and a tweet in the truth. ``named``: pairs with a match of
        this tweet id (a match may be credited to an earlier tweet with the same text).
        ``elsewhere``: rows of the truth about other datasets. ``without_score``:
        matched records whose score is unknown and counts as 0.
    """

    roc: pa.Table
    sweep: pa.Table
    auc: float
    average_precision: float
    findings: dict[str, float]
    counts: dict[str, int]


def evaluate(
    matches: pa.Table, summary: Mapping[str, Any], truth: Any, score: str
) -> Evaluation:
    """Compare the matches of a run with a ground truth; see
    :meth:`provscan.Run.evaluate`.
    """
    require(score in SCORES, "score", score, " or ".join(map(repr, SCORES)))
    if summary.get("sample"):
        raise UsageError(
            "the run scanned only a sample, and a truth is about the whole dataset: "
            "run match without --sample"
        )
    metrics = _metrics()

    # Determine the tweets of each record according to the truth, and the best match of
    # each record.
    rows = _table(truth)
    by_id = "record" not in rows.column_names
    tweets, elsewhere = _truth(rows, summary, by_id)
    best = _best_matches(matches, score, by_id)
    true = np.array([key in tweets for key in best.keys], bool)
    # Several records may have the same id. Precision is a share of the records with
    # findings; recall is a share of the record numbers or ids in the truth.
    right = best.has_findings & true
    hits = len({best.keys[row] for row in np.flatnonzero(right)})

    # Matched records are separate observations; all others are one observation,
    # weighted by their number.
    missed = len(tweets) - len(tweets.keys() & set(best.keys))
    rest = max(0, summary["records"] - len(best.keys) - missed)
    label = np.append(true, [True, False])
    weight = np.append(np.ones(len(best.keys)), [missed, rest])
    value = np.append(best.scores.fill_null(0).to_numpy(), [NO_MATCH, NO_MATCH])
    label, value, weight = (a[weight > 0] for a in (label, value, weight))
    if label.all() or not label.any():
        raise UsageError(
            f"the truth has {len(tweets):,} of "
            f"{counted(summary['records'], 'record')}: "
            "curves need records with and without licensed tweets"
        )
    pairs = [(key, tweet) for key, ids in tweets.items() for tweet in ids]
    return Evaluation(
        **_curves(metrics, label, value, weight),
        findings={
            "true": int(np.count_nonzero(right)),
            "false": int(np.count_nonzero(best.has_findings & ~true)),
            "precision": float(right.sum() / max(1, best.has_findings.sum())),
            "recall": hits / len(tweets),
        },
        counts={
            "records": summary["records"],
            "positive": len(tweets),
            "found": len(tweets) - missed,
            "tweets": len(pairs),
            "named": sum(tweet in best.tweets.get(key, ()) for key, tweet in pairs),
            "elsewhere": elsewhere,
            "without_score": best.scores.null_count,
        },
    )


class _Best(NamedTuple):
    """The best match of each record with matches; one entry per record."""

    keys: list[Key]
    scores: pa.ChunkedArray
    has_findings: Flags
    tweets: dict[Key, set[str]]  # The tweets of all matches of a record.


def _best_matches(matches: pa.Table, score: str, by_id: bool) -> _Best:
    licensed = matches.filter(pc.invert(matches["control"]))
    best = licensed.group_by(["source", "record", "record_id"]).aggregate(
        [(score, "max"), ("counted", "any"), ("tweet_id", "list")]
    )
    columns = ["record_id"] if by_id else ["source", "record"]
    values = zip(*(best[name].to_pylist() for name in columns), strict=True)
    keys: list[Key] = [value[0] if by_id else value for value in values]
    tweets = dict[Key, set[str]]()
    for key, ids in zip(keys, best["tweet_id_list"].to_pylist(), strict=True):
        tweets.setdefault(key, set()).update(ids)
    return _Best(keys, best[f"{score}_max"], best["counted_any"].to_numpy(), tweets)


def _table(truth: Any) -> pa.Table:
    """Read the truth from a file, a table, a data frame or dicts."""
    if not isinstance(truth, str | os.PathLike):
        if isinstance(truth, pa.Table) or hasattr(truth, "__arrow_c_stream__"):
            return pa.table(truth)
        if isinstance(truth, Iterable):
            return pa.Table.from_pylist(list(truth))
        raise UsageError(f"truth must be a file or a table, not {type(truth).__name__}")
    require_path("truth", truth)
    kinds = Path(truth).suffixes
    try:
        if ".parquet" in kinds:
            return pq.read_table(truth)
        open_regular(truth).close()
        with pa.input_stream(os.fspath(truth)) as stream:
            read = pyarrow.csv.read_csv if ".csv" in kinds else pyarrow.json.read_json
            return read(stream)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"{truth} can't be read ({error}): expected JSON lines, CSV or Parquet"
        ) from None


def _truth(
    rows: pa.Table, summary: Mapping[str, Any], by_id: bool
) -> tuple[dict[Key, set[str]], int]:
    """Return the tweets of each record in the truth, and the number of rows about other
    datasets.
    """
    names = rows.column_names
    if by_id and "record_id" not in names:
        raise InputError(
            f"the truth has the columns {', '.join(names)}: expected record (a number) "
            "or record_id, and tweet_id"
        )
    columns = [
        rows[name].to_pylist() if name in names else [None] * len(rows)
        for name in ("record_id" if by_id else "record", "tweet_id")
    ]
    # Ids are unique across all sources.
    known = () if by_id else ("source", "dataset")
    of_dataset = next((name for name in known if name in names), None)
    datasets = rows[of_dataset].to_pylist() if of_dataset else [None] * len(rows)
    read = {item["source"]: item["read"] for item in summary["sources"]}
    sources = {
        name: "" if by_id else _source(name, [*read])
        for name in dict.fromkeys(datasets)
    }
    tweets: dict[Key, set[str]] = {}
    elsewhere = 0
    for number, (record, tweet, dataset) in enumerate(
        zip(*columns, datasets, strict=True)
    ):
        if record is None:
            raise InputError(
                f"row {number} of the truth has no "
                f"{'record_id' if by_id else 'record'}: add it, or remove the row"
            )
        source = sources[dataset]
        if source is None:
            elsewhere += 1
            continue
        key: Key = str(record) if by_id else (source, record)
        tweets.setdefault(key, set())
        if tweet is not None:
            tweets[key].add(str(tweet))
    if len(tweets) > sum(read.values()):
        raise InputError(
            f"the truth lists {counted(len(tweets), 'record')}, but the run has read "
            f"{sum(read.values()):,}: give the truth of this dataset"
        )
    return tweets, elsewhere


def _source(dataset: str | None, sources: list[str]) -> str | None:
    """Return the source of a run that is named in the truth, by its path or by the name
    of its file without suffixes; None if it is another dataset.
    """
    if dataset is None:
        if len(sources) != 1:
            raise InputError(
                f"the run has {len(sources):,} sources, and the truth does not say "
                "which of them it is about: add a column source"
            )
        return sources[0]
    if dataset in sources:
        return dataset
    found = [
        source
        for source in sources
        if PurePosixPath(source).name.partition(".")[0] == dataset
    ]
    if len(found) > 1:
        raise InputError(
            f"{dataset} in the truth may be {' or '.join(found)}: give the whole path"
        )
    return found[0] if found else None
