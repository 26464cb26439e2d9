"""The tables of a probe: ``tweets.parquet``, one row per tweet that was asked for, and
``recitations.parquet``, one row per answer that recites a tweet.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from provscan.calibration.controls import Controls
from provscan.probe.evidence import Counts, Evidence
from provscan.probe.extraction import samples_needed
from provscan.probe.plan import ARMS, MISPLACED
from provscan.probe.verification import Recitation

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
        ("logprob", pa.float64()),
        ("samples_50", pa.float64()),
        ("samples_90", pa.float64()),
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
    logprobs: dict[str, dict[int, float]],
) -> pa.Table:
    """Return a table with one row for each tweet that was asked for."""
    rows = []
    for at, pair in enumerate(counts.pairs):
        entry = found.plan.pairs[pair]
        for arm in ARMS:
            tweet, logprob = entry[arm], logprobs[arm].get(pair)
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
                "logprob": logprob,
            }
            if logprob is not None:
                row["samples_50"] = samples_needed(logprob, 0.5)
                row["samples_90"] = samples_needed(logprob, 0.9)
            if arm == "licensed" and not np.isnan(q_values[at]):
                row["q_value"] = float(q_values[at])
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=TWEETS)


def recitation_table(
    found: Evidence, matches: list[Recitation], controls: Controls | None
) -> pa.Table:
    """Return a table of all recitations, with the words of the model."""
    known = []
    for each in found.found:
        pair, arm = found.plan.pairs[each.asked.pair], each.asked.arm
        prompt = pair[arm]["prompts"][each.asked.kind]
        tweet = pair[ARMS[0] if arm == MISPLACED else arm]
        known.append((each, tweet["tweet_id"], prompt["prompt"], prompt["target"]))
    if matches and controls is not None:
        tweets = controls.reader.earliest_tweets(
            np.array([match.text for match in matches])
        ).to_pylist()
        for match, tweet in zip(matches, tweets, strict=True):
            given = found.plan.content["free_prompt"]
            if controls.control[match.text]:
                match = dataclasses.replace(
                    match, asked=match.asked._replace(arm="control")
                )
            known.append((match, tweet["tweet_id"], given, tweet["tweet"]))
    rows = [
        {
            **each.asked._asdict(),
            "pair": each.asked.pair if each.text < 0 else None,
            "tweet_id": tweet_id,
            "given": given,
            "target": target,
            "answer": found.answers[str(each.asked)].text,
            **{name: getattr(each, name) for name in RECITATIONS.names[8:]},
        }
        for each, tweet_id, given, target in known
    ]
    return pa.Table.from_pylist(rows, schema=RECITATIONS)
