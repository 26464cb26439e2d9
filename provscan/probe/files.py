"""The names of the files in a probe's folder, and :func:`read_score`, which reads the
numbers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provscan.errors import InputError
from provscan.runs.folder import RUN_FILE, SUMMARY_FILE, read_summary

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


def read_score(
    folder: Path, tables: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read ``summary.json`` and ``run.json`` of a probe. Check that it was scored, and
    that both files and the given ``tables`` are unchanged.
    """
    for name in SCORED:
        if not (folder / name).is_file():
            raise InputError(
                f"{folder / name} is missing, so this probe was not scored: run "
                "provscan probe score"
            )
    return read_summary(folder, tables)
