"""Which findings two runs have in common (:func:`compare_runs`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from provscan.arrays import Flags
from provscan.options import Source
from provscan.runs.evidence.baseline import (
    Baseline,
    differences,
    new_findings,
    read_baseline,
)
from provscan.runs.folder import MATCHES_FILE

# Columns that identify a finding. Texts stay in the runs.
PLACE = ("source", "record", "field", "start", "end", "tweet_id")


def compare_runs(first: Source, second: Source) -> dict[str, Any]:
    """Compare the findings of two runs as ``match(baseline=...)`` does: by content.

    Parameters
    ----------
    first, second
        Folders of runs, which must not be runs of a sample.

    Returns
    -------
    dict
        The runs (``first``, ``second``) with their numbers, the rows of the findings
        that are in ``only_first`` or ``only_second`` of them, the number of findings
        ``in_both``, and ``differs``: names of other differences between the runs, which
        alone may make findings differ.

    Raises
    ------
    InputError
        A folder is not a finished run, was changed, or is the run of a sample.
    """
    runs = read_baseline(first), read_baseline(second)
    before, now = (run.findings for run in runs)
    gone, _ = new_findings(before, now)
    new, _ = new_findings(now, before)
    differs = [
        name
        for one, other in (runs, runs[::-1])
        for name in differences(one, other.summary, other.info)
    ]
    if runs[0].info["versions"] != runs[1].info["versions"]:
        differs.append("versions of provscan or its libraries")
    return {
        "first": _numbers(runs[0]),
        "second": _numbers(runs[1]),
        "only_first": _rows(runs[0], gone),
        "only_second": _rows(runs[1], new),
        "in_both": int(np.count_nonzero(~new)),
        "differs": list(dict.fromkeys(differs)),
    }


def _numbers(run: Baseline) -> dict[str, Any]:
    summary, answer = run.summary, run.summary["answer"]
    return {
        "run": str(run.path),
        "checksum": run.info["checksum"],
        "status": answer["status"],
        "records": summary["records"],
        "records_with_findings": answer["records"]["findings"],
        "at_least": answer["records"]["at_least"],
        "at_most": answer["records"]["at_most"],
        "findings": summary["findings"],
        "texts": answer["texts"]["findings"],
        "matches": summary["matches"],
    }


def _rows(run: Baseline, chosen: Flags) -> list[dict[str, Any]]:
    """Return the places of the chosen findings of a run."""
    rows: list[dict[str, Any]] = []
    low = 0
    with pq.ParquetFile(run.path / MATCHES_FILE) as file:
        for batch in file.iter_batches(columns=[*PLACE, "counted"]):
            findings = batch.filter(batch["counted"]).select(PLACE)
            part = chosen[low : low + len(findings)]
            rows += findings.filter(pa.array(part)).to_pylist()
            low += len(findings)
    return rows
