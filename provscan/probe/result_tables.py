"""The tables of a probe: ``tweets.parquet``, one row per tweet that was asked for, and
``recitations.parquet``, one row per answer that recites a tweet.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from provscan.probe.evidence import Counts, Evidence
from provscan.probe.plan import ARMS, MISPLACED

TWEETS = pa.schema(
    [
        ("pair", pa.int64()),
        ("arm", pa.string()),
        ("tweet_id", pa.string()),
        ("author", pa.string()),
        ("day", pa.string()),
        ("lang", pa.string()),
        ("script", pa.string()),
        ("length", pa.int64()),
        ("copies", pa.int64()),
        ("stratum", pa.int64()),
        ("answers", pa.int64()),
        ("recited_answers", pa.int64()),
        ("recited", pa.bool_()),
        ("bits", pa.float64()),
        ("q_value", pa.float64()),
        ("text", pa.string()),
    ]
)
RECITATIONS = pa.schema(
    [
        ("pair", pa.int64()),
        ("arm", pa.string()),
        ("kind", pa.string()),
        ("sample", pa.int64()),
        ("tweet_id", pa.string()),
        ("given", pa.string()),
        ("target", pa.string()),
        ("answer", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("level", pa.string()),
        ("similarity", pa.float64()),
        ("containment", pa.float64()),
        ("bits", pa.float64()),
        ("elsewhere", pa.bool_()),
    ]
)


def tweet_table(
    found: Evidence,
    counts: Counts,
    q_values: np.ndarray,
) -> pa.Table:
    """Return a table with one row for each tweet that was asked for."""
    rows = []
    for at, pair in enumerate(counts.pairs):
        entry = found.plan.pairs[pair]
        for arm in ARMS:
            tweet = entry[arm]
            prompts = sum(
                kind in found.plan.content["baseline"] for kind in tweet["prompts"]
            )
            answers = prompts * found.plan.settings.samples
            share = float(counts.shares[arm][at])
            row = {
                **{name: tweet[name] for name in TWEETS.names if name in tweet},
                "pair": pair,
                "arm": arm,
                "stratum": entry["stratum"],
                "answers": answers,
                "recited_answers": round(share * answers),
                "recited": share > 0,
                "bits": float(counts.bits[arm][at]),
            }
            if arm == "licensed" and not np.isnan(q_values[at]):
                row["q_value"] = float(q_values[at])
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=TWEETS)


def recitation_table(found: Evidence) -> pa.Table:
    """Return a table of all recitations, with the words of the model."""
    rows = []
    for each in found.found:
        pair, arm = found.plan.pairs[each.asked.pair], each.asked.arm
        prompt = pair[arm]["prompts"][each.asked.kind]
        rows.append(
            {
                **dataclasses.asdict(each),
                **each.asked._asdict(),
                "tweet_id": pair[ARMS[0] if arm == MISPLACED else arm]["tweet_id"],
                "given": prompt["prompt"],
                "target": prompt["target"],
                "answer": found.answers[str(each.asked)].text,
            }
        )
    return pa.Table.from_pylist(rows, schema=RECITATIONS)
