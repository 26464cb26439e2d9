"""From the matches of a scan to its answer: judged matches, error rates, recall, the estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.calibration.controls import Controls
from provscan.calibration.spike_ins import how_many, plant
from provscan.errors import RecallError
from provscan.estimate import Clusters, Estimate, Sample, Scan, proportion, summarise
from provscan.estimate.summary import BREAKDOWNS, MATCH_COLUMNS, POOR_RECALL
from provscan.matching.carriers import CarrierSample
from provscan.matching.parts import PartResult
from provscan.matching.task import Sampling
from provscan.params import MatchParams
from provscan.runs.sample import FileSample
from provscan.scoring.background import background
from provscan.scoring.rule import Q_MAX, Judge, Judgement, Scored, listed, scored, spike_table

# Values of a breakdown that are told, those with the most matches.
BREAKDOWN_VALUES = 50
# Recall of fewer spike-ins is no reason to call a run a failure.
FAILING_SPIKES = 20
CHARACTERS_A_TOKEN = 4.0
RECALL_BY = ("kind", "band", "script", "position")


@dataclass(frozen=True)
class Conclusion:
    """What a run concludes from its matches.

    Attributes
    ----------
    added
        Columns to be added to ``matches.parquet``.
    chosen
        bool, one a match: ``evidence``, the estimate counts it; ``listed``, the report may show it.
    summary
        Entries of ``summary.json``: ``estimate``, ``recall``, ``control``, ``error_rate``, ``rule``.
    """

    added: pa.Table
    chosen: dict[str, npt.NDArray[np.bool_]]
    summary: dict[str, Any]


def conclude(
    rows: pa.Table,
    results: list[PartResult],
    carriers: CarrierSample,
    controls: Controls,
    params: MatchParams,
    *,
    sampling: Sampling,
    drawn: FileSample | None = None,
    spikes: int | None = None,
    index_fraction: float = 1.0,
    threads: int = 1,
) -> Conclusion:
    """Judge the matches of a scan and estimate from them.

    Parameters
    ----------
    rows
        All matches, those of control texts among them, as in part files.
    results, carriers
        What the scan of the splits left behind, and the sample of records that was put together from them.
    drawn
        The parts of the dataset that were scanned, one a result, where they are a sample.
    spikes
        Spike-ins to plant; by the number of records unless given.
    threads
        How many do what can be shared; the conclusion does not depend on it.

    Raises
    ------
    RecallError
        Not one spike-in came back.
    """
    characters = sum(result.characters for result in results)
    judge = Judge(controls, background(controls.licensed), characters, threads)
    judgement = judge.judged(rows["text"].to_numpy(), rows["containment"].to_numpy().astype(np.float64))
    count = how_many(sum(result.records for result in results), spikes)
    planted = plant(controls, params, list(carriers.records.values()), count, sampling.seed)
    planted_rows = spike_table(planted, planted.scan(controls, params), judge)
    if len(planted_rows) >= FAILING_SPIKES and not pc.any(planted_rows["found"]).as_py():
        raise RecallError(
            f"none of {len(planted_rows):,} licensed texts that were planted in this dataset came back: with "
            f"{', '.join(f'{name}={value}' for name, value in params.as_dict().items())} the scan finds nothing here, "
            "so that finding nothing means nothing. No run was written"
        )
    answer = scored(rows, judgement, planted_rows, controls)
    planted_rows = answer.spikes
    added = judgement.columns(answer.q_value)
    answers = _estimate(rows, judgement, answer, results, judge, sampling, drawn, index_fraction)
    chosen = {
        "evidence": answer.evidence & ~judgement.control,
        "listed": listed(rows, judgement, answer, judge),
    }
    if chosen["evidence"].any() and not chosen["listed"].any() and not controls.texts:
        no_claim = (
            f"{np.count_nonzero(chosen['evidence']):,} matches would be evidence; without a control that is no claim: "
            f"up to {judge.common_sources:,.0f} in such a scan may come from sources that both sides copied from"
        )
        answers["problems"].insert(0, no_claim)
    recall = _recall(planted_rows)
    if recall["counted"] < POOR_RECALL * recall["planted"] <= recall["found"]:
        # The scan is well; the rule of what counts is what the texts do not meet.
        ordinary = (
            f"of {recall['planted']:,} spike-ins {recall['found']:,} came back, but only {recall['counted']:,} count: "
            "the others are common property, or too ordinary to be evidence in a scan of this size"
        )
        answers["problems"] = [ordinary, *(p for p in answers["problems"] if not p.startswith("poor recall"))]
    summary = {
        "estimate": answers,
        "recall": recall,
        "control": _control(judgement, answer, controls),
        "error_rate": {**answer.how, "listed_up_to": Q_MAX if answer.how["known"] else None},
        "rule": {
            "e_value_up_to": judge.rule.e_max,
            "containment_from": judge.rule.containment,
            "common_sources_up_to": judge.common_sources,
            "spike_ins_given_up": answer.given_up,
        },
    }
    return Conclusion(added, chosen, summary)


def _estimate(
    rows: pa.Table,
    judgement: Judgement,
    answer: Scored,
    results: list[PartResult],
    judge: Judge,
    sampling: Sampling,
    drawn: FileSample | None,
    index_fraction: float,
) -> dict[str, Any]:
    controls, counts, spikes = judge.controls, answer.evidence, answer.spikes
    controlled = controls.texts > 0
    table = (
        pa.table({name: _encoded(rows[name]) for name in (*MATCH_COLUMNS, "cluster")})
        .append_column("e_value", pa.array(judgement.e_value))
        .append_column("band", pa.array(judgement.band))
    )
    about = judgement.about()
    real = np.flatnonzero(counts & ~judgement.control)
    matches = pa.table({**_columns(table), **_columns(about)}).take(pa.array(real))
    for name in BREAKDOWNS:
        column = matches.column_names.index(name)
        if name != "source":
            matches = matches.set_column(column, name, _frequent(matches[name]))
    records: dict[str, int] = {}
    characters: dict[str, int] = {}
    for result in results:
        records[result.source] = records.get(result.source, 0) + result.records
        characters[result.source] = characters.get(result.source, 0) + result.characters
    total = sum(records.values())
    if total == 0:
        return _withheld("no record was scanned")
    size = sum(characters.values())
    sample: Sample | Clusters | None = None
    error, whole = 0.0, None
    if drawn is not None:
        sample = drawn.clusters(results)
    elif sampling.fraction < 1.0:
        # All records were read, so that the share that was scanned is known better than as it was asked for.
        sample = Sample(total / sum(result.stats.records for result in results))
        whole = float(sum(result.stats.characters for result in results))
        squares = sum(result.squares for result in results)
        error = math.sqrt(max(0.0, squares / size**2 - 1.0 / total)) if size else 0.0
    scan = Scan(
        records,
        characters,
        max(1, controls.licensed_texts),
        max(1, controls.licensed_tweets),
        controls.texts,
        index_fraction,
        sample,
        error,
        whole,
    )
    evidence = spikes.set_column(spikes.column_names.index("found"), "found", spikes["evidence"])
    shown = [name for name in BREAKDOWNS if name != "source" or len(records) <= BREAKDOWN_VALUES]
    answers = summarise(
        matches,
        scan,
        control=table.filter(pa.array(counts & judgement.control)) if controlled else None,
        spikes=evidence if len(spikes) else None,
        e_max=None if controlled else judge.rule.e_max,
        unmeasured=0.0 if controlled else judge.common_sources,
        by=shown,
    )
    if not controlled:
        answers["problems"].append(
            "part of the corpus held back as a control would not be safe: copies and variants of its texts, by other "
            "authors or made from the same template, may stand in the dataset and would be counted as chance"
        )
    # What summary.json tells of recall is finer.
    del answers["recall"]
    answers["tokens"] = _scaled(answers["characters"], 1.0 / CHARACTERS_A_TOKEN)
    return answers


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of strings as numbers of the distinct ones: there may be millions of each."""
    return column.dictionary_encode() if pa.types.is_string(column.type) else column


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _withheld(reason: str) -> dict[str, Any]:
    names = (
        *("records", "records_share", "texts", "tweets"),
        *("characters_share", "licensed_share", "characters", "tokens"),
    )
    empty = Estimate.withheld(reason).as_dict()
    return {"problems": [reason], "chance": "none", **dict.fromkeys(names, empty), "by": {}}


def _scaled(number: dict[str, Any], factor: float) -> dict[str, Any]:
    """An estimate times a known number, all of it as it stands in JSON."""
    ends = {name: number[name] if number[name] is None else number[name] * factor for name in ("value", "low", "high")}
    return {**number, **ends}


def _frequent(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The most frequent values, null for the rest."""
    coded = values.combine_chunks().dictionary_encode()
    counts = np.bincount(coded.indices.drop_null().to_numpy(), minlength=len(coded.dictionary))
    names = coded.dictionary.to_pylist()
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda number: (-counts[number], names[number]))
    known = pc.is_in(coded.indices, pa.array(order[:BREAKDOWN_VALUES], coded.indices.type))
    indices = pc.if_else(known, coded.indices, pa.scalar(None, coded.indices.type))
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, coded.dictionary)])


def _recall(spikes: pa.Table) -> dict[str, Any]:
    """Recall of all and of every class, with Clopper-Pearson intervals; counted is what the estimate counts."""
    if len(spikes) == 0:
        return {"planted": 0, "found": 0, "counted": 0, "same_text": 0, "all": None, "by": {}}
    by: dict[str, Any] = {}
    for name in RECALL_BY:
        classes: dict[str, Any] = {}
        keys, found = spikes[name].to_pylist(), spikes["evidence"].to_pylist()
        for key in sorted(set(keys)):
            label = key if name != "band" else f"from {key} characters"
            hits = [hit for hit, mine in zip(found, keys, strict=True) if mine == key]
            classes[label] = proportion(sum(hits), len(hits)).as_dict()
        by[name] = classes
    counted = int(pc.sum(spikes["evidence"]).as_py())
    return {
        "planted": len(spikes),
        "found": int(pc.sum(spikes["found"]).as_py()),
        "counted": counted,
        "same_text": int(pc.sum(spikes["same_text"]).as_py()),
        "all": proportion(counted, len(spikes)).as_dict(),
        "by": by,
    }


def _control(judgement: Judgement, answer: Scored, controls: Controls) -> dict[str, Any]:
    return {
        "texts": controls.texts,
        "licensed_texts": controls.licensed_texts,
        "also_licensed": len(controls.repeated),
        "matches": int(np.count_nonzero(judgement.control)),
        "matches_counted": int(np.count_nonzero(judgement.control & answer.evidence)),
    }
