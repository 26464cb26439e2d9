"""What a control can show, before a dataset is scanned (:func:`inspect_control`)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provscan import readers
from provscan.calibration.controls import no_control, with_files
from provscan.estimate.limits import least_shown
from provscan.matching import Index
from provscan.params import MatchParams
from provscan.runs.answer.warnings import differences_of_control
from provscan.runs.counting.strata import agreement, sample_texts, stratify
from provscan.runs.measures.chance import TAIL_OF_EACH
from provscan.scoring.background import background


def inspect_control(
    index: Index, sources: Sequence[str], *, threads: int = 1
) -> dict[str, Any]:
    """Compare a control with the licensed texts, as a run does.

    Parameters
    ----------
    index
        The licensed tweets.
    sources
        Files with the tweets of the control.
    threads
        Number of threads.

    Returns
    -------
    dict
        How many ``texts`` and ``licensed_texts`` there are; the control file's entry of
        ``summary.json`` (``files``); the ``strata`` and the shares in common
        (``alike``); ``least_records``, the smallest number of records with different
        texts that a run could claim, if no control text matches, or None if no text is
        comparable; the share of the licensed texts without control
        (``without_control``); and the ``warnings`` that a run would give.

    Raises
    ------
    InputError
        A source can't be read, or all of its texts are licensed.
    """
    with tempfile.TemporaryDirectory(prefix="provscan-") as folder:
        controls, files = with_files(
            no_control(index.reader),
            sources,
            readers.Fields(),
            Path(folder) / "control",
            threads,
        )
        licensed, control = samples = sample_texts(
            controls, background(controls.licensed), MatchParams.min_chars, threads
        )
        strata = stratify(licensed, control)
    measured = strata.measured
    every = float(strata.licensed.sum())
    return {
        "texts": controls.texts,
        "licensed_texts": controls.licensed_texts,
        "files": files,
        "strata": strata.as_list(),
        "alike": agreement(licensed, control),
        "least_records": least_shown(strata.heaviest, TAIL_OF_EACH)
        if measured.any()
        else None,
        "without_control": float(strata.licensed[~measured].sum()) / max(1.0, every),
        "warnings": list(differences_of_control(samples, strata)),
    }
