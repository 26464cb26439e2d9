"""Facts about the measurements of a run that judge findings, withhold numbers or cause
warnings: each condition once, with its limit.

:mod:`~provscan.runs.answer.judgement`, :mod:`~provscan.runs.answer.reasons` and
:mod:`~provscan.runs.answer.warnings` decide what follows from a fact. A function
returns the values for the sentences about a fact, or None if it is not one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from provscan.calibration.edits import SPREAD
from provscan.estimate.recall import Recall
from provscan.names import in_words
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.recall import CopyRecall, hidden_heavy

# An estimate is withheld if too many copies may be missed without a trace. Three
# numbers are added up: the share of the copies in unseen cells, the share of the copies
# with heavy edits of low recall (``hidden_heavy``), and AT_WORST times the number of
# copies that are missed per match in the worst case. The limit of the sum is UNSEEN for
# findings, and UNSEEN_AT_MOST for all matches, whose copies may have severe edits.
UNSEEN, UNSEEN_AT_MOST, AT_WORST = 0.28, 0.45, 0.25
# Maximum difference between the matches and the most similar mixture of test copies.
# ``benchmarks/coverage.py`` measures all four limits.
MISFIT = 0.15
# If a larger share of the copies is changed throughout, the copies may be retyped. In
# simulated scans of this kind, 55 of 81 intervals for texts and 70 of 83 for records
# contained the true number; in all others, 123 of 125 and 123 of 128 did.
MOSTLY_SPREAD = 0.5
# Maximum share of the records with copies in pieces. Recall depends on the number of
# pieces of a copy, which is unknown.
IN_PIECES = 0.4
POOR_RECALL = 1 / 3
# Maximum share of findings in strata without control for an estimate.
LEFT_OUT = 0.1
# An estimate says little about other texts if at most this many texts have more than
# half of the findings.
FEW_TEXTS = 5


def no_chance(measured: Measured) -> str | None:
    """Return the code of the reason why chance was not measured, or None."""
    if measured.chance.measures:
        return None
    if measured.chance.control_found:
        return "control_in_dataset"
    return "no_chance" if measured.null is None else "other_kind"


def nothing_to_find(measured: Measured) -> bool:
    """Return whether no licensed text is long and rare enough to be a finding, as the
    test copies show.
    """
    return measured.recall.detectable_share == 0.0 and not measured.finding_records


def copies_not_counted(measured: Measured) -> dict[str, dict[str, Any]]:
    """Return why many copies of licensed texts are no findings: they are in a control,
    in other sources, or from after the cutoff.
    """
    result: dict[str, dict[str, Any]] = {}
    for code, (texts, places) in (
        ("licensed_in_control", measured.found_in_control),
        ("licensed_in_other_sources", measured.found_in_other_sources),
    ):
        if texts:
            result[code] = {"texts": texts, "places": places}
    if later := measured.found_after_cutoff:
        result["cutoff_in_dataset"] = {"texts": later}
    return result


def other_kind(measured: Measured) -> dict[str, Any] | None:
    """Return how clean data of another kind differs from the dataset."""
    null = measured.null
    if null is None or null.kind.same:
        return None
    return {"differs": " and ".join(null.kind.differs)}


def without_control(measured: Measured) -> dict[str, Any] | None:
    """Return the strata with findings in which chance was not measured."""
    if not measured.without_control:
        return None
    strata = ", ".join(name.capitalize() for name in measured.without_control)
    return {"strata": strata}


def unlike_control(measured: Measured) -> dict[str, Any] | None:
    """Return these strata if many of the findings are in them."""
    many = measured.left_out > LEFT_OUT * measured.finding_records
    return without_control(measured) if many else None


def few_texts(measured: Measured) -> dict[str, Any] | None:
    """Return the texts that have more than half of the findings, if they are few."""
    copies = np.sort(measured.counts.findings.copies)[::-1]
    places = np.cumsum(copies[:FEW_TEXTS])
    every = int(copies.sum())
    most = np.flatnonzero(2 * places > every)
    if len(most) == 0:
        return None
    count = int(most[0]) + 1
    words = (
        "One licensed text is"
        if count == 1
        else f"{in_words(count).capitalize()} licensed texts are"
    )
    return {"texts": words, "places": int(places[count - 1]), "all": every}


def no_estimate(measured: Measured, copies: CopyRecall) -> str | None:
    """Return the code of the reason why recall allows no estimate, or None."""
    recall = copies.findings
    if many_hidden(copies):
        # If there are no findings, the reason follows from the test copies alone.
        return "unseen" if measured.claimable_records else "unseen_by_edits"
    if recall is None:
        return None
    if recall.unlike > MISFIT or measured.recall.in_pieces > IN_PIECES:
        return "unlike_edits"
    return "poor_recall" if recall.value < POOR_RECALL else None


def changed_throughout(recall: Recall) -> bool:
    """Return whether most copies are changed throughout."""
    return (
        sum(recall.mixture.get(edit.__name__, 0.0) for edit in SPREAD) > MOSTLY_SPREAD
    )


def many_hidden(copies: CopyRecall) -> bool:
    """Return whether too many copies may be missed without a trace."""
    hidden = 0.0 if copies.findings is None else hidden_heavy(copies.findings)
    limits = zip(copies, (UNSEEN, UNSEEN_AT_MOST), strict=True)
    return any(
        r is not None and r.hidden + AT_WORST * r.at_worst + hidden > limit
        for r, limit in limits
    )
