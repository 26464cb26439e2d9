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

from provscan.arrays import Flags
from provscan.errors import InputError, UsageError
from provscan.names import counted
from provscan.opening import open_regular
from provscan.params import require_path

Key = tuple[str | None, int] | str


class Evaluation(NamedTuple):
    """The results of comparing the matches of a run with a ground truth.

    Attributes
    ----------
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
        ``elsewhere``: rows of the truth about other datasets.
    """

    findings: dict[str, float]
    counts: dict[str, int]


def evaluate(matches: pa.Table, summary: Mapping[str, Any], truth: Any) -> Evaluation:
    """Compare the matches of a run with a ground truth; see
    :meth:`provscan.Run.evaluate`.
    """
    if summary.get("sample"):
        raise UsageError(
            "the run scanned only a sample, and a truth is about the whole dataset: "
            "run match without --sample"
        )
    # Determine the tweets of each record according to the truth, and the matches of
    # each record.
    rows = _table(truth)
    by_id = "record" not in rows.column_names
    tweets, elsewhere = _truth(rows, summary, by_id)
    if not tweets:
        raise UsageError(
            "the truth lists no record of this run, so nothing can be compared: give "
            "the truth of its dataset"
        )
    matched = _matched_records(matches, by_id)
    true = np.array([key in tweets for key in matched.keys], bool)
    # Several records may have the same id. Precision is a share of the records with
    # findings; recall is a share of the record numbers or ids in the truth.
    right = matched.has_findings & true
    hits = len({matched.keys[row] for row in np.flatnonzero(right)})
    pairs = [(key, tweet) for key, ids in tweets.items() for tweet in ids]
    return Evaluation(
        findings={
            "true": int(np.count_nonzero(right)),
            "false": int(np.count_nonzero(matched.has_findings & ~true)),
            "precision": float(right.sum() / max(1, matched.has_findings.sum())),
            "recall": hits / len(tweets),
        },
        counts={
            "records": summary["records"],
            "positive": len(tweets),
            "found": len(tweets.keys() & set(matched.keys)),
            "tweets": len(pairs),
            "named": sum(tweet in matched.tweets.get(key, ()) for key, tweet in pairs),
            "elsewhere": elsewhere,
        },
    )


class _Matched(NamedTuple):
    """The records with matches; one entry per record."""

    keys: list[Key]
    has_findings: Flags
    tweets: dict[Key, set[str]]  # The tweets of all matches of a record.


def _matched_records(matches: pa.Table, by_id: bool) -> _Matched:
    licensed = matches.filter(pc.invert(matches["control"]))
    found = licensed.group_by(["source", "record", "record_id"]).aggregate(
        [("counted", "any"), ("tweet_id", "list")]
    )
    columns = ["record_id"] if by_id else ["source", "record"]
    values = zip(*(found[name].to_pylist() for name in columns), strict=True)
    keys: list[Key] = [value[0] if by_id else value for value in values]
    tweets = dict[Key, set[str]]()
    for key, ids in zip(keys, found["tweet_id_list"].to_pylist(), strict=True):
        tweets.setdefault(key, set()).update(ids)
    return _Matched(keys, found["counted_any"].to_numpy(), tweets)


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
