"""The names of the files in a probe's folder."""

from __future__ import annotations

import os
from pathlib import Path

from provscan.runs.folder import RUN_FILE, SUMMARY_FILE

# The plan, which is written before the first question; the answers, one per line; the
# description of the model.
PLAN_FILE, ANSWERS_FILE, MODEL_FILE = "plan.json", "answers.jsonl", "model.json"
# The files that ``score`` writes in addition to ``summary.json`` and ``run.json``.
TWEETS_FILE, RECITATIONS_FILE = "tweets.parquet", "recitations.parquet"
SCORED = (SUMMARY_FILE, RUN_FILE, TWEETS_FILE, RECITATIONS_FILE)
FILES = {PLAN_FILE, ANSWERS_FILE, MODEL_FILE, *SCORED}


def is_probe(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder is the folder of a probe.

    Parameters
    ----------
    path
        Any folder.

    Returns
    -------
    bool
    """
    return (Path(path) / PLAN_FILE).is_file()
