"""Compare the matches of a run with a ground truth: a list of the records that contain
licensed tweets.

The unit is the record, as in the answer of a run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from provscan.errors import InputError, UsageError
from provscan.names import counted
from provscan.opening import open_regular
from provscan.params import require_path

# The source and the number of a record, or None and its id.
Key = tuple[str | None, int | str]


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
    rows = _table(truth)
    column = "record" if "record" in rows.column_names else "record_id"
    tweets, elsewhere = _truth(rows, summary, column)
    licensed = matches.filter(pc.invert(matches["control"]))
    records = licensed.group_by(["source", "record", "record_id"]).aggregate(
        [("counted", "any"), ("tweet_id", "list")]
    )
    named: dict[Key, set[str]] = {}
    true = false = 0
    hits = set()
    for row in records.to_pylist():
        key = (row["source"] if column == "record" else None, row[column])
        named.setdefault(key, set()).update(row["tweet_id_list"])
        if row["counted_any"] and key in tweets:
            # Several records may have the same id. Precision is a share of the records
            # with findings; recall is a share of the records or ids in the truth.
            true += 1
            hits.add(key)
        elif row["counted_any"]:
            false += 1
    pairs = [(key, tweet) for key, ids in tweets.items() for tweet in ids]
    return Evaluation(
        findings={
            "true": true,
            "false": false,
            "precision": true / max(1, true + false),
            "recall": len(hits) / len(tweets),
        },
        counts={
            "records": summary["records"],
            "positive": len(tweets),
            "found": len(tweets.keys() & named.keys()),
            "tweets": len(pairs),
            "named": sum(tweet in named.get(key, ()) for key, tweet in pairs),
            "elsewhere": elsewhere,
        },
    )


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
    rows: pa.Table, summary: Mapping[str, Any], column: str
) -> tuple[dict[Key, set[str]], int]:
    """Return the tweets of each record in the truth, and the number of rows about other
    datasets.
    """
    names = rows.column_names
    if column not in names:
        raise InputError(
            f"the truth has the columns {', '.join(names)}: expected record (a number) "
            "or record_id, and tweet_id"
        )
    read = {item["source"]: item["read"] for item in summary["sources"]}
    # Ids are unique across all sources.
    known: list[str | None] = [None] if column == "record_id" else [*read]
    named = column == "record" and "source" in names
    if not named and len(known) > 1:
        raise InputError(
            f"the run has {len(known):,} sources, and the truth does not say which of "
            "them it is about: add a column source"
        )
    tweets: dict[Key, set[str]] = {}
    elsewhere = 0
    for number, row in enumerate(rows.to_pylist()):
        if row[column] is None:
            raise InputError(
                f"row {number} of the truth has no {column}: add it, or remove the row"
            )
        source = row["source"] if named else known[0]
        if source not in known:
            elsewhere += 1
            continue
        record = row[column] if column == "record" else str(row[column])
        ids = tweets.setdefault((source, record), set())
        if row.get("tweet_id") is not None:
            ids.add(str(row["tweet_id"]))
    if not tweets:
        raise UsageError(
            "the truth lists no record of this run, so nothing can be compared: give "
            "the truth of its dataset"
        )
    if len(tweets) > sum(read.values()):
        raise InputError(
            f"the truth lists {counted(len(tweets), 'record')}, but the run has read "
            f"{sum(read.values()):,}: give the truth of this dataset"
        )
    return tweets, elsewhere
