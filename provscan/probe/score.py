"""Score a probe: read its answers, compute its numbers, and write ``summary.json``,
``tweets.parquet``, ``recitations.parquet``, ``run.json`` and the report.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shlex
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq

from provscan.errors import InputError
from provscan.probe.answers import read_answers, spent_tokens
from provscan.probe.evidence import Evidence, complete_pairs
from provscan.probe.files import ANSWERS_FILE, RECITATIONS_FILE, TWEETS_FILE
from provscan.probe.plan import Plan, open_plan
from provscan.probe.report import write_probe_report
from provscan.probe.report.wording import final_answer
from provscan.probe.result_tables import recitation_table
from provscan.probe.summary import SUMMARY_VERSION, status_of, summarise
from provscan.probe.verification import recitations
from provscan.runs.folder import write_summary


def score(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Compare the answers with the tweets, compute the numbers, and write
    ``summary.json``, the tables and the report to the folder of the probe.

    Parameters
    ----------
    path
        Folder of the probe.

    Returns
    -------
    dict
        ``summary.json``.

    Raises
    ------
    InputError
        The folder has no plan, a line of its answers can't be read, or no pair was
        asked completely.
    UsageError
        The plan was changed after the first question.
    """
    plan = open_plan(path)
    known = read_answers(plan.path, plan.digest)
    # In the order of the plan, so that the results don't depend on when answers came.
    answers = {q.key: known[q.key] for q in plan.questions() if q.key in known}
    complete = complete_pairs(plan, answers)
    if not complete:
        raise InputError(
            f"{plan.path}: no pair was asked completely: run provscan probe run first"
        )
    found = Evidence(plan, answers, recitations(plan, answers.values()), complete)
    summary, tweets = summarise(found)
    spent = spent_tokens(plan.path, plan.digest)
    summary["asked"]["tokens"] = spent._asdict()
    summary["answer"] = final_answer(summary, status_of(summary))
    pq.write_table(tweets, plan.path / TWEETS_FILE, compression="zstd")
    pq.write_table(
        recitation_table(found),
        plan.path / RECITATIONS_FILE,
        compression="zstd",
    )
    tables = (TWEETS_FILE, RECITATIONS_FILE)
    write_summary(plan.path, summary, _info(plan), tables)
    write_probe_report(plan.path)
    return summary


def _info(plan: Plan) -> dict[str, Any]:
    with (plan.path / ANSWERS_FILE).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    packages = ("provscan", "numpy", "pyarrow", "scipy")
    return {
        "version": SUMMARY_VERSION,
        "plan": plan.digest,
        "answers": digest,
        "finished": datetime.now(UTC).isoformat(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        # The command that the page shows, to be run next to the folder of the probe.
        "repeat": shlex.join(["provscan", "probe", "score", plan.path.resolve().name]),
    }
