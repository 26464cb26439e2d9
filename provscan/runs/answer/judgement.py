"""The reasons why the findings of a run can't be judged.

If copies are not claimed, either chance explains the findings, or one of these reasons
says why the measure of chance does not decide. A claim may also be withdrawn
(:mod:`~provscan.runs.answer.examined`). The findings are then reported without a claim,
and the status is ``cannot_judge``. No number is higher because of a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provscan.estimate.layers import Layers
from provscan.messages import message
from provscan.runs.answer.examined import objections
from provscan.runs.answer.facts import (
    FEW_TEXTS,
    copies_not_counted,
    few_texts,
    no_chance,
    unlike_control,
)
from provscan.runs.measures.analysis import Measured

# This many nearly verbatim findings can't be coincidences, whatever the clean data
# contains.
MANY_VERBATIM = 100


def reasons_against(measured: Measured, records: Layers) -> list[dict[str, str]]:
    """Return the reasons why the findings can't be judged, each with ``code`` and
    ``message``; ``records`` are the numbers of records.

    The list is empty if there are no findings, if chance explains them or does not, or
    if it was not measured at all.
    """
    if not measured.finding_records and not copies_not_counted(measured):
        return []
    if measured.chance.claimed:
        return objections(measured.examination, claimed=bool(records.at_least))
    return [message("reason", code, **values) for code, values in _reasons(measured)]


def _reasons(measured: Measured) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the codes of the reasons with the values of their sentences."""
    chance, claim = measured.chance, measured.chance.claims[0]
    yield from copies_not_counted(measured).items()
    if (code := no_chance(measured)) is not None:
        if code == "control_in_dataset":
            yield code, {}
        return
    if not measured.finding_records:
        return
    if (strata := unlike_control(measured)) is not None:
        yield "unlike_control", strata

    clusters_explained = chance.explains("clusters")
    if clusters_explained and chance.explains("records"):
        verbatim = int(measured.counts.nearly.records.sum())
        if measured.null is not None and verbatim >= MANY_VERBATIM:
            yield "verbatim_in_clean_data", {"verbatim": verbatim}
        return
    if chance.too_small:
        yield "control_too_small", {}
        return
    if chance.in_dataset:
        yield "control_partly_in_dataset", {}
        return
    few = claim.clusters_found <= claim.limits["clusters"].high
    if not clusters_explained and few:
        expected = chance.expected["clusters"].expected
        yield "few_findings", {"clusters": claim.clusters_found, "expected": expected}
    repeated = few_texts(measured)
    if repeated is not None and repeated["places"] > FEW_TEXTS:
        yield "few_texts", repeated
    elif clusters_explained or not few:
        count = measured.claimable_records
        if count < claim.clusters_found:
            yield "same_records", {"records": count}
        else:
            expected = chance.expected["records"].expected
            yield "repeated_texts", {"records": count, "expected": expected}
