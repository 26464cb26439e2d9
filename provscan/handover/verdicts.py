"""Evaluate the verdicts of reviewers on a list from :mod:`provscan.handover.review`.

:func:`score_review` reads the key and one file per reviewer, and writes ``review.json``
to the run folder. :func:`score` computes its numbers: the agreement of the reviewers,
their errors on planted pairs, and the precision of the findings, corrected for these
errors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from provscan.errors import InputError, UsageError
from provscan.estimate.limits import Factor, clopper_pearson
from provscan.handover.agreement import (
    LEAST_DIFFERENCE,
    cohen_kappa,
    corrected_share,
    stratified_share,
)
from provscan.handover.review import (
    COMMON_OR_KNOWN,
    COPY,
    FINDING,
    KEY_FILE,
    KEY_FORMAT,
    OTHER,
    VERDICTS,
)
from provscan.names import counted
from provscan.opening import read_small
from provscan.params import require_folder
from provscan.report.files import RunFiles, replaced
from provscan.report.wording import percent
from provscan.runs.folder import REVIEW_FILE, info_checksum, read_json, write_json

FORMAT = {"format": "provscan-review", "version": 1}


@dataclass(frozen=True)
class Reviewer:
    """A reviewer's name, and a verdict per pair."""

    name: str
    verdicts: Mapping[int, str]


def score_review(
    review: Path,
    verdicts: Sequence[Path],
    *,
    run: Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Compute agreement, precision and errors from the verdicts of reviewers, and write
    ``review.json`` to the run folder.

    Parameters
    ----------
    review
        The folder that ``write_review`` wrote.
    verdicts
        One file per reviewer: the JSON file that the page saved, or the workbook.
    run
        The run folder, if it was moved.
    overwrite
        Replace the ``review.json`` of an earlier review.

    Returns
    -------
    dict
        ``review.json``.

    Raises
    ------
    InputError
        A file has verdicts on another list, or the run is not the reviewed one.
    OutputError
        The run folder has a ``review.json`` already, or can't be written.
    """
    key = read_json(review / KEY_FILE)
    if (
        key.get("format") != KEY_FORMAT["format"]
        or info_checksum(key) != key["checksum"]
    ):
        raise InputError(
            f"{review / KEY_FILE} was changed, or is not the key of a review: name the "
            "folder that provscan review wrote"
        )
    folder = run or Path(os.path.normpath(review.resolve() / key["run_path"]))
    require_folder("run", folder)
    if (found := RunFiles.open(folder).identity) != key["run"]:
        raise InputError(
            f"{folder} is run {found}, but the list was made from run {key['run']}: "
            "move both folders together, or name that run"
        )
    reviewers = [_read_verdicts(path, key) for path in verdicts]
    if len({reviewer.name for reviewer in reviewers}) < len(reviewers) or not reviewers:
        raise UsageError("give one file per reviewer, each with a different name")
    scored = {**FORMAT, "run": key["run"], **score(key, reviewers)}
    scored["checksum"] = info_checksum(scored)
    target, inputs = folder / REVIEW_FILE, [review, *verdicts]
    with replaced(target, overwrite=overwrite, inputs=inputs) as temporary:
        write_json(temporary, scored)
    return scored


def _read_verdicts(path: Path, key: Mapping[str, Any]) -> Reviewer:
    """Read the verdicts file of a reviewer."""
    try:
        if path.suffix.lower() == ".xlsx":
            listed, name, rows = _read_workbook(path)
        else:
            saved = json.loads(read_small(path))
            listed, name = saved["list"], saved["reviewer"]
            rows = [(row["pair"], row["verdict"]) for row in saved["verdicts"]]
        verdicts = {pair: verdict for pair, verdict in rows if verdict}
        pairs = [pair for pair, verdict in rows if verdict]
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise InputError(
            f"{path} can't be read as verdicts ({type(error).__name__}: {error}): name "
            "the JSON file that the page saved, or the workbook"
        ) from None
    if listed != key["list"]:
        raise InputError(
            f"{path} has verdicts on list {listed}, not on {key['list']}: name the "
            "folder of that list"
        )
    for pair, verdict in rows:
        known = isinstance(pair, int) and 1 <= pair <= len(key["pairs"])
        if not known or (verdict and verdict not in VERDICTS):
            raise InputError(
                f"{path}: pair {pair!r} has verdict {verdict!r}; expected a pair from "
                f"1 to {len(key['pairs'])} and {', '.join(VERDICTS)} or nothing"
            )
    if len(set(pairs)) < len(pairs):
        raise InputError(f"{path} has two verdicts on the same pair: delete one")
    return Reviewer(str(name or path.stem), verdicts)


def _read_workbook(path: Path) -> tuple[Any, Any, list[tuple[Any, Any]]]:
    """Return the list id, the reviewer, and the pairs with verdicts of a workbook."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    about = dict(row[:2] for row in book["About"].iter_rows(values_only=True))
    heads, *rows = book["Pairs"].iter_rows(values_only=True)
    pair, verdict = (heads.index(name) for name in ("pair", "verdict"))
    found = [(row[pair], row[verdict]) for row in rows if row[pair] is not None]
    book.close()
    return about["list"], about["reviewer"], found


def score(key: Mapping[str, Any], reviewers: Sequence[Reviewer]) -> dict[str, Any]:
    """Compute the numbers of ``review.json`` from a key and verdicts on its list."""
    pairs = {pair["pair"]: pair for pair in key["pairs"]}
    judged = [n for n in pairs if all(n in each.verdicts for each in reviewers)]
    together = _precision(key, judged, reviewers)
    agreement = [_agreement(a, b) for a, b in combinations(reviewers, 2)]
    errors = [
        {
            **{name: pairs[n].get(name) for name in ("pair", "what", "kind", "edit")},
            "verdicts": {each.name: each.verdicts[n] for each in reviewers},
        }
        for n in judged
        if (right := {COPY: "copy", OTHER: "not a copy"}.get(pairs[n]["what"]))
        and any(each.verdicts[n] != right for each in reviewers)
    ]
    disputed = [
        pairs[n]["exhibit"]
        for n in judged
        if pairs[n]["what"] == FINDING
        and len({each.verdicts[n] for each in reviewers}) > 1
    ]
    scored = {
        "list": key["list"],
        "reviewers": [each.name for each in reviewers],
        "listed": len(pairs),
        "judged": len(judged),
        "findings": key["findings"],
        "with_texts": key["with_texts"],
        "together": together,
        "each": {each.name: _precision(key, judged, [each]) for each in reviewers},
        "agreement": agreement,
        "errors": errors,
        "disputed_exhibits": sorted(disputed),
    }
    return {**scored, "headline": _headline(scored)}


def _agreement(a: Reviewer, b: Reviewer) -> dict[str, Any]:
    table = np.zeros((len(VERDICTS), len(VERDICTS)), np.int64)
    for pair in a.verdicts.keys() & b.verdicts.keys():
        table[VERDICTS.index(a.verdicts[pair]), VERDICTS.index(b.verdicts[pair])] += 1
    kappa = cohen_kappa(table)
    return {
        "reviewers": [a.name, b.name],
        "pairs": int(table.sum()),
        "agreed": int(np.trace(table)),
        "kappa": kappa and kappa.as_dict(),
    }


def _precision(
    key: Mapping[str, Any], judged: Sequence[int], reviewers: Sequence[Reviewer]
) -> dict[str, Any]:
    """Return the precision of the findings and the errors of a group of reviewers,
    which accepts a pair as a copy only if every reviewer does.
    """
    pairs = {pair["pair"]: pair for pair in key["pairs"]}
    accepted = {
        n for n in judged if all(each.verdicts[n] == "copy" for each in reviewers)
    }

    def counts(what: str, **wanted: str) -> tuple[int, int]:
        chosen = [
            n
            for n in judged
            if pairs[n]["what"] == what
            and all(pairs[n][name] == value for name, value in wanted.items())
        ]
        return len(accepted.intersection(chosen)), len(chosen)

    copies, others, common = (counts(what) for what in (COPY, OTHER, COMMON_OR_KNOWN))

    def share(strata: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        found = [
            counts(FINDING, kind=item["kind"], strength=item["strength"])
            for item in strata
        ]
        sizes = np.array([item["findings"] for item in strata])
        taken, reviewed = np.array(found).T
        entry: dict[str, Any] = {"accepted": None, "precision": None}
        entry |= {"findings": int(sizes.sum()), "reviewed": int(reviewed.sum())}
        if not reviewed.all():
            return entry | {
                "withheld": "in a stratum, no pair was judged by all reviewers"
            }
        overall = stratified_share(taken, reviewed, sizes)
        entry["accepted"] = overall.as_dict()
        if (corrected := corrected_share(overall, copies, others)) is None:
            why = (
                "the reviewers accept planted copies and other planted pairs in shares "
                f"that differ by less than {LEAST_DIFFERENCE:.0%}"
                if copies[1] and others[1]
                else "planted copies or other planted pairs that all reviewers judged "
                "are missing"
            )
            return entry | {"withheld": why}
        return entry | {"precision": corrected.as_dict()}

    strata = key["strata"]
    return {
        **share(strata),
        "by": {
            name: {
                value: share([item for item in strata if item[name] == value])
                for value in dict.fromkeys(item[name] for item in strata)
            }
            for name in ("kind", "strength")
        },
        "planted_copies": _counted(copies),
        "planted_others": _counted(others),
        "common_or_known": _counted(common),
    }


def _counted(counts: tuple[int, int]) -> dict[str, Any]:
    """Return how many pairs were accepted and judged, and the accepted share."""
    accepted, judged = counts
    share = None
    if judged:
        ends = clopper_pearson(accepted, judged)
        share = Factor(accepted / judged, *ends).as_dict()
    return {"accepted": accepted, "judged": judged, "share": share}


def _headline(scored: Mapping[str, Any]) -> str:
    """Return the sentences that summarise a review."""
    together, names = scored["together"], scored["reviewers"]
    people = counted(len(names), "reviewer")
    text = (
        f"{people} judged a blinded sample of {together['reviewed']:,} of "
        f"{counted(scored['findings'], 'finding')}"
    )
    if scored["with_texts"] < scored["findings"]:
        text += (
            f" (drawn from the {scored['with_texts']:,} strongest, which have texts)"
        )
    if (precision := together["precision"]) is None:
        return f"{text}. Precision is withheld: {together['withheld']}."
    ends = [percent(round(precision[name], 3)) for name in ("value", "low", "high")]
    text += (
        f": {ends[0]} repeat the wording of their tweet (95% interval {ends[1]} to "
        f"{ends[2]}, corrected for the reviewers' errors on planted pairs)."
    )
    for item in scored["agreement"]:
        if item["kappa"]:
            kappa = [item["kappa"][name] for name in ("value", "low", "high")]
            text += " Cohen's kappa of {} and {}: {:.2f} ({:.2f} to {:.2f}).".format(
                *item["reviewers"], *kappa
            )
    return text
