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

from provscan.calibration.controls import Controls, no_control, with_cutoff
from provscan.errors import InputError
from provscan.index import IndexReader
from provscan.matching import Index, open_index
from provscan.options import parse_utc
from provscan.probe.answers import read_answers, spent_tokens
from provscan.probe.evidence import Evidence, complete_pairs
from provscan.probe.files import ANSWERS_FILE, RECITATIONS_FILE, TWEETS_FILE
from provscan.probe.plan import Plan, QuestionKey, open_plan
from provscan.probe.prompts import FREE
from provscan.probe.report import write_probe_report
from provscan.probe.report.wording import final_answer
from provscan.probe.result_tables import recitation_table
from provscan.probe.summary import SUMMARY_VERSION, free_summary, status_of, summarise
from provscan.probe.verification import free_matches, recitations
from provscan.runs.folder import write_summary


def score(
    path: str | os.PathLike[str],
    index: Index | str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Compare the answers with the tweets, compute the numbers, and write
    ``summary.json``, the tables and the report to the folder of the probe.

    Parameters
    ----------
    path
        Folder of the probe.
    index
        The index with which the plan was made, or its folder; by default the folder
        that the plan names. It is read only if there are answers to the prompt that
        names no tweet (``Settings.free``).

    Returns
    -------
    dict
        ``summary.json``.

    Raises
    ------
    InputError
        The folder has no plan, a line of its answers can't be read, no pair was asked
        completely, or the index is gone or was changed.
    UsageError
        The plan was changed after the first question.
    """
    plan = open_plan(path)
    known = read_answers(plan.path, plan.digest)
    # In the order of the plan, so that the results don't depend on when answers came.
    answers = {q.key: known[q.key] for q in plan.questions() if q.key in known}
    free = [
        answer for key, answer in answers.items() if QuestionKey.parse(key).kind == FREE
    ]
    complete = complete_pairs(plan, answers)
    if not complete:
        raise InputError(
            f"{plan.path}: no pair was asked completely: run provscan probe run first"
        )
    opened = _index_of_plan(plan, index) if free else None
    found = Evidence(plan, answers, recitations(plan, answers.values()), complete)
    matches = free_matches(free, opened.reader) if opened is not None else []
    summary, tweets = summarise(found)
    spent = spent_tokens(plan.path, plan.digest)
    summary["asked"]["tokens"] = spent._asdict()
    controls = None if opened is None else controls_of_plan(plan, opened.reader)
    summary["free"] = (
        None if controls is None else free_summary(free, matches, controls)
    )
    summary["answer"] = final_answer(summary, status_of(summary))
    pq.write_table(tweets, plan.path / TWEETS_FILE, compression="zstd")
    pq.write_table(
        recitation_table(found, matches, controls),
        plan.path / RECITATIONS_FILE,
        compression="zstd",
    )
    tables = (TWEETS_FILE, RECITATIONS_FILE)
    write_summary(plan.path, summary, _info(plan), tables)
    write_probe_report(plan.path)
    return summary


def _index_of_plan(plan: Plan, given: Index | str | os.PathLike[str] | None) -> Index:
    """Return the given index or, by default, the index that the plan names; check that
    it is the index of the plan.
    """
    planned = plan.content["index"]
    if isinstance(given, Index):
        opened = given
    else:
        path = given or planned.get("path", "licensed.index")
        if not os.path.isdir(path):
            raise InputError(
                f"{path}, the index with which {plan.path} was planned, does not "
                "exist, and answers to the prompt that names no tweet are compared "
                "with it: name its folder with --index"
            )
        opened = open_index(path)
    if opened.fingerprint != planned["fingerprint"]:
        raise InputError(
            f"{opened.path} has fingerprint {opened.fingerprint[:12]}, and {plan.path} "
            f"was planned with {planned['fingerprint'][:12]}: it is another index, or "
            "tweets were added or forgotten since. Name a copy of the former one with "
            "--index, or make a new plan"
        )
    return opened


def controls_of_plan(plan: Plan, reader: IndexReader) -> Controls:
    """Return the texts of the index, and which of them the model cannot have seen."""
    controls, after = no_control(reader), plan.content["control"]["after"]
    return controls if after is None else with_cutoff(controls, parse_utc(after))


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
