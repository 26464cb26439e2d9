"""From the matches of a scan to its answer: scores, chance, recall, and the layers of
every number.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.arrays import Flags, distinct
from provscan.calibration.controls import Controls
from provscan.calibration.edits import SETS, WEIGHTS
from provscan.calibration.spike_ins import (
    DRAW,
    Recovered,
    SpikeIns,
    how_many,
    plant,
    recovered,
)
from provscan.errors import RecallError
from provscan.estimate.answer import (
    NOT_MEASURED,
    Comparison,
    Scanned,
    details,
    headline,
    status_of,
)
from provscan.estimate.comparison import COLLECTIONS
from provscan.estimate.layers import METHOD, Layers
from provscan.estimate.limits import Factor, clopper_pearson, exactly
from provscan.estimate.recall import FINDABLE
from provscan.estimate.strata import length_class
from provscan.matching import MATCHES
from provscan.matching.carriers import CarrierRecord
from provscan.matching.parts import PartResult
from provscan.matching.task import Sampling
from provscan.params import FINDING, FindingParams, MatchParams
from provscan.runs.chance import chance_measures_summary
from provscan.runs.matched import STRENGTHS, Batch, Matched, NullScan, PartRows
from provscan.runs.measured import WORD_FOR_WORD_BITS, Measured, Part
from provscan.runs.sample import Extent, FileSample
from provscan.runs.sides import agreement, by_year, sides_of
from provscan.runs.tokens import TEXTS, Tokens, characters_a_token
from provscan.runs.warnings import FEW_FINDINGS, next_step, notes, reasons, warnings
from provscan.scoring.background import background
from provscan.scoring.lengths import BANDS, SCRIPTS
from provscan.scoring.rule import LETTERS_WITHOUT_BITS, KnownElsewhere, Scorer

BREAKDOWNS = ("source", "author", "year", "lang")
# Values of a breakdown that are shown, those with the most findings.
BREAKDOWN_VALUES = 30
# Recall of fewer spike-ins is no reason to call a run a failure.
FAILING_SPIKE_INS = 20

ADDED = pa.schema(
    [
        pa.field("bits", pa.float32()),
        pa.field("q_value", pa.float64()),
        pa.field("control", pa.bool_(), nullable=False),
        pa.field("common", pa.bool_(), nullable=False),
        pa.field("known", pa.bool_(), nullable=False),
        pa.field("counted", pa.bool_(), nullable=False),
    ]
)
SCORED = pa.schema([*MATCHES, *ADDED])


@dataclass(frozen=True)
class Analysis:
    """What a run concludes from its matches."""

    measured: Measured
    summary: dict[
        str, Any
        # Entries of ``summary.json``: ``answer``, ``by``, ``recall``, ``control``,
        # ``rule``.
    ]

    def added(self, batch: Batch) -> pa.RecordBatch:
        """Columns to be added to ``matches.parquet``; ``counted`` marks the
        findings.
        """
        matches = self.measured.matches
        q, control = self.measured.q_values(batch), matches.control[batch.place]
        columns = [
            pa.array(batch.bits.astype(np.float32), mask=np.isnan(batch.bits)),
            pa.array(q, mask=np.isnan(q)),
            pa.array(control),
            pa.array(matches.scores.common[batch.place]),
            pa.array(batch.known),
            pa.array(batch.counted & ~control),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=ADDED)


@dataclass(frozen=True)
class AnalysisSettings:
    sampling: Sampling  # As the scan was made.
    # The parts of the dataset that were scanned, one a result, where they are a sample.
    drawn: FileSample | None = None
    spike_ins: int | None = (
        None  # Spike-ins to plant; by the number of records unless given.
    )
    edits: str = "mixed"  # Which edits they go through: "light", "mixed" or "heavy".
    index_fraction: float = (
        1.0  # Share of the licensed corpus that the index holds, drawn at random.
    )
    threads: int = (
        1  # How many do what can be shared; the result does not depend on it.
    )
    tokens: Tokens | None = None  # How many tokens texts have.
    finding: FindingParams = FINDING  # What makes a match a finding.
    # Which spike-ins are drawn: the same in every run, so that nobody can choose.
    draw: int = DRAW


def analyse(
    rows: PartRows,
    results: list[PartResult],
    carriers: list[CarrierRecord],
    controls: Controls,
    params: MatchParams,
    settings: AnalysisSettings,
    null: NullScan | None = None,
    elsewhere: KnownElsewhere | None = None,
) -> Analysis:
    """Score the matches of a scan, measure chance and recall, and put the layers of its
    numbers together.

    The `rows` are all matches, those of control texts among them, as in part files; the
    `results` and `carriers` are what the scan of the splits left behind; `null` is the
    scan of a null dataset, `elsewhere` what that of known data found.
    """
    scorer = Scorer(
        controls.reader,
        background(controls.licensed),
        controls.repeated,
        settings.finding,
        elsewhere,
        settings.threads,
    )
    count = how_many(sum(result.records for result in results), settings.spike_ins)
    with ThreadPoolExecutor(1, thread_name_prefix="provscan") as beside:
        spiked = beside.submit(
            spike, controls, params, carriers, count, settings, scorer
        )
        matches = Matched.of(rows, scorer, controls)
        sides = sides_of(
            controls, scorer.background, params.min_chars, settings.threads
        )
        planted, back = spiked.result()
    measured = Measured(
        matches,
        Extent(results, settings.sampling, settings.drawn),
        controls,
        sides,
        scorer,
        planted,
        back,
        null,
        settings.index_fraction,
    )
    return analysis_of(
        measured, [carrier.text for carrier in carriers], settings.tokens
    )


def spike(
    controls: Controls,
    params: MatchParams,
    carriers: list[CarrierRecord],
    count: int,
    settings: AnalysisSettings,
    scorer: Scorer,
) -> tuple[SpikeIns, Recovered]:
    planted = plant(
        controls, params, carriers, count, settings.draw, SETS[settings.edits]
    )
    with ThreadPoolExecutor(1, thread_name_prefix="provscan") as beside:
        ready = beside.submit(scorer.having_scored, distinct(planted.text))
        found = planted.scan(controls, params)
    back = recovered(planted, found, ready.result(), controls.absent)
    if len(planted) >= FAILING_SPIKE_INS and not back.found.any():
        raise RecallError(
            f"none of {len(planted):,} copies of licensed texts that were planted in "
            "this dataset was found: with "
            f"{', '.join(f'{name}={value}' for name, value in params.as_dict().items())} "  # noqa: E501
            "the scan finds nothing here, so a negative result would be meaningless. "
            "No run was written"
        )
    return planted, back


def analysis_of(
    measured: Measured, carriers: Sequence[str], tokens: Tokens | None = None
) -> Analysis:
    """What follows from what was measured; `carriers` are texts of the dataset,
    `tokens` counts those of texts.
    """
    summary = {
        "answer": _answer(measured, carriers, tokens),
        "by": _breakdowns(measured),
        "recall": _recall(measured),
        "control": _control(measured),
        "rule": _rule(measured.scorer.params),
    }
    return Analysis(measured, summary)


def _rule(params: FindingParams) -> dict[str, Any]:
    changed = [
        f"--{name.replace('_', '-')} {value:g}"
        for name, value in params.changed().items()
    ]
    return {
        **params.as_dict(),
        "letters_without_bits": LETTERS_WITHOUT_BITS,
        "changed": changed,
    }


def _answer(
    measured: Measured, carriers: Sequence[str], tokens: Tokens | None
) -> dict[str, Any]:
    whole = measured.scanned.all_records
    withheld = reasons(measured)
    raw = measured.layers(measured.whole, whole)
    layers = {name: _given(name, number, withheld) for name, number in raw.items()}
    # Up, as upper limits are rounded; but a sample of records knows how many there are.
    every = math.ceil(round(whole.value, 6)) if measured.scanned.sampled else None
    scanned = Scanned(
        measured.scanned.records, every, measured.scanned.drawn is not None
    )
    records, not_measured = (
        layers["records"],
        measured.without_control[1] if measured.chance_measures else 0,
    )
    status = status_of(records, usable=measured.usable)
    compared = Comparison(
        measured.counts.word_for_word, [each.word_for_word for each in COLLECTIONS]
    )
    said = details(
        status, records, scanned, measured.can_be_told, compared, not_measured
    )
    rule = _rule(measured.scorer.params)
    if rule["changed"]:
        said.insert(
            0, f"The rule of a finding was changed: {', '.join(rule['changed'])}."
        )
    result: dict[str, Any] = {
        "status": status,
        "headline": headline(status, records, scanned),
        "details": said,
        "next": next_step(measured, carriers) if status == NOT_MEASURED else None,
        "can_be_told": measured.can_be_told,
        "word_for_word": {
            "records": compared.here,
            "bits_from": WORD_FOR_WORD_BITS,
            "collections": [each.as_dict() for each in COLLECTIONS],
        },
        "strengths": _strengths(measured),
    }
    # What the findings are of, and how much of the whole that is.
    extents = {
        "records": (measured.scanned.records, measured.scanned.fraction),
        "texts": (measured.controls.licensed_texts, measured.index_fraction),
        "characters": (measured.scanned.characters, measured.scanned.fraction),
    }
    for name, number in layers.items():
        result[name] = {
            **_numbers(name, number),
            "method": METHOD,
            "counts": number.counts,
        }
        if name in extents:
            of, fraction = extents[name]
            result[name]["share"] = _numbers(name, _shares(number, of, fraction))
    each = characters_a_token(tokens, _counted_texts(measured, TEXTS) if tokens else [])
    result["tokens"] = {
        **_numbers("tokens", layers["characters"].scaled(1.0 / each)),
        "characters_a_token": each,
    }
    told = warnings(measured), notes(measured)
    return {**result, "withheld": withheld, "warnings": told[0], "notes": told[1]}


def _numbers(name: str, number: Layers) -> dict[str, Any]:
    """The numbers in one unit: all of records and texts, those that there are of the
    others.
    """
    if name in ("records", "texts"):
        return {**number.as_dict(), "chance": number.counts.get("chance_expected")}
    return {
        layer: value
        for layer, value in number.as_dict().items()
        if layer in ("findings", "at_least", "estimate")
    }


def _shares(number: Layers, of: int, fraction: float) -> Layers:
    """The numbers as shares of the whole; facts are of what was scanned."""
    facts = number.scaled(1.0 / max(1.0, of))
    names = ("findings", "nearly_verbatim", "common_or_known")
    return replace(
        number.scaled(1.0 / max(1.0, of / fraction), most=1.0),
        **{name: getattr(facts, name) for name in names},
    )


def _strengths(measured: Measured) -> list[dict[str, Any]]:
    """The records with findings of each strength beside what chance explains of them at
    most.
    """
    result = []
    for place, (least, chance) in enumerate(
        zip(STRENGTHS, measured.chance_of, strict=True)
    ):
        findings = int(measured.whole.claimable[place].records.sum())
        high = min(float(findings), chance["records"].high) if chance else None
        result.append(
            {
                "bits_from": least if least > 0 else None,
                "findings": findings,
                "chance_at_most": high,
            }
        )
    return result


def _counted_texts(measured: Measured, most: int) -> list[str]:
    """Tweets of the first matches that count, as they came."""
    places = np.zeros(0, np.int64)
    for batch in measured.matches.batches():
        places = np.append(
            places, batch.place[measured.claimable[batch.place] & batch.counted]
        )
        if len(places) >= most:
            break
    return (
        measured.controls.reader.raw_texts(measured.matches.text[places[:most]])
        .array()
        .to_pylist()
    )


def _given(name: str, number: Layers, withheld: dict[str, str]) -> Layers:
    """The layers of a number that are not withheld."""
    for layer in ("at_least", "estimate", "at_most"):
        if f"{name}.{layer}" in withheld:
            number = replace(number, **{layer: None})  # type: ignore[arg-type]
    return number


def _breakdowns(measured: Measured) -> dict[str, Any]:
    """Layers of the records and texts of each source, author, year, language.

    Recall is that of all; of chance each has the share that it has of the texts, of a
    source the share of the records, and by its limits anything from nothing to all.
    """
    withheld = reasons(measured)
    result: dict[str, Any] = {}
    if measured.finding_records < FEW_FINDINGS:
        return result
    for column in BREAKDOWNS:
        result[column] = {}
        for value, found, total, part in _values(measured, column):
            layers = measured.layers(found, total, part, ("records", "texts"))
            if layers["records"].findings < FEW_FINDINGS:
                layers = {
                    name: Layers(number.findings) for name, number in layers.items()
                }
            result[column][value] = {
                name: _given(name, number, withheld).as_dict()
                for name, number in layers.items()
            }
        if column == "source" and not result[column]:
            del result[column]
    return result


def _values(
    measured: Measured, column: str
) -> Iterator[tuple[str, Part, Factor, float]]:
    """The most frequent values of a column: what was found of each, records that there
    are, and its share of chance.
    """
    matches, sums = measured.matches, measured.sums
    if column == "source":
        sizes: Counter[str] = Counter()
        read: Counter[str] = Counter()
        frequent: Counter[str] = Counter()
        for entry, count in zip(
            measured.scanned.results, sums.findings.matches.tolist(), strict=True
        ):
            sizes[entry.source] += entry.records
            read[entry.source] += (
                entry.stats.records if measured.scanned.sampled else entry.records
            )
            frequent[entry.source] += count
        if measured.scanned.drawn is None and len(sizes) <= BREAKDOWN_VALUES:
            for name in sorted(+frequent, key=lambda name: (-frequent[name], name)):
                share = sizes[name] / max(1, measured.scanned.records)
                yield name, measured.of_source(name), exactly(read[name]), share
        return
    coded = getattr(matches.authorship, column).combine_chunks().dictionary_encode()
    names = [*map(str, coded.dictionary.to_pylist()), ""]
    code = coded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)
    licensed = np.where(matches.control, 0, sums.of_texts[0].count)
    counts = np.bincount(code, licensed, len(names))[:-1]
    order = sorted(
        np.flatnonzero(counts).tolist(),
        key=lambda value: (-counts[value], names[value]),
    )
    shown = order[:BREAKDOWN_VALUES]
    place = np.full(len(names), -1)
    place[shown] = np.arange(len(shown))
    every = max(1, measured.whole.claimable[0].texts)
    for value, found in zip(shown, measured.of_values(place[code]), strict=True):
        yield (
            names[value],
            found,
            measured.scanned.all_records,
            found.claimable[0].texts / every,
        )


def _recall(measured: Measured) -> dict[str, Any]:
    """Recall of all spike-ins and of every class, with Clopper-Pearson limits, and of
    copies like the matches.
    """
    back, planted, (recall, _) = (
        measured.back,
        measured.planted,
        measured.recalls.of_records,
    )
    result: dict[str, Any] = {
        "planted": len(planted),
        "found": int(back.found.sum()),
        "counted": int(back.counted.sum()),
        "same_text": int(back.same_text.sum()),
        "all": _share(back.counted),
        # Of copies that are word for word or nearly, of texts that can be told, by
        # edit.
        "nearly_verbatim": measured.recalls.nearly,
        # Found spike-ins in steps of ten bits.
        "bits": np.bincount(
            (back.bits[~np.isnan(back.bits)] // 10).astype(np.int64)
        ).tolist(),
        "of_matches": None,
        "range": {},
        "mixture": {},
        "by": {},
        "hardly_found": [],
    }
    if recall is None:
        return result
    result["of_matches"] = {
        "value": recall.value,
        "low": recall.low,
        "high": recall.high,
    }
    for weight, edits in WEIGHTS.items():
        found = [
            recall.of_edit[edit.__name__]
            for edit in edits
            if edit.__name__ in recall.of_edit
        ]
        if found:
            result["range"][weight] = float(np.mean(found))
    result["mixture"] = recall.mixture
    classes = {
        "edit": planted.edit,
        "length": np.array(
            [length_class(band, BANDS) for band in planted.band.tolist()], np.str_
        ),
        "script": np.array(SCRIPTS, np.str_)[planted.script],
        "position": np.where(planted.inside, "inside a record", "own record"),
    }
    for name, keys in classes.items():
        result["by"][name] = {
            str(key): _share(back.counted[keys == key]) for key in np.unique(keys)
        }
        result["hardly_found"] += [
            {"class": name, "name": key, "recall": share["value"]}
            for key, share in result["by"][name].items()
            if share["value"] < FINDABLE
        ]
    return result


def _control(measured: Measured) -> dict[str, Any]:
    matches, controls, null = measured.matches, measured.controls, measured.null
    licensed, control = measured.sides
    every, clusters, _ = measured.chance_by_year
    result = {
        "texts": controls.texts,
        "licensed_texts": controls.licensed_texts,
        "too_short": {"licensed": licensed.too_short, "control": control.too_short},
        "also_licensed": len(controls.repeated),
        "matches": measured.sums.control,
        "counted": int(measured.sums.of_texts[0].count[matches.control].sum()),
        "kind": None if measured.kind is None else measured.kind.as_dict(),
        "chance_measures": chance_measures_summary(measured.chance_measures),
        "licensed_clusters": len(measured.clusters),
        "strata": measured.strata.as_list() if controls.texts else [],
        "without_control": measured.without_control[0],
        "alike": agreement(licensed, control),
        # What multiplies the weights of control texts of commoner, usual and rarer
        # wording.
        "wording_weights": measured.classes.factors.tolist(),
        "years": {
            "licensed": by_year(licensed.year),
            "control": by_year(control.year),
            "chance_clusters": dict(
                zip(map(str, every.tolist()), clusters.tolist(), strict=True)
            ),
        },
        "placebo": measured.placebo,
        "null": None,
    }
    if null is not None:
        sizes = {
            "records": null.records,
            "characters": null.characters,
            "matches": measured.of_null[2],
        }
        result["null"] = {
            "sources": list(null.sources),
            **sizes,
            "skipped": null.skipped,
            "notes": null.notes,
        }
    return result


def _share(found: Flags) -> dict[str, Any] | None:
    if len(found) == 0:
        return None
    hits = int(found.sum())
    low, high = clopper_pearson(hits, len(found))
    return {
        "value": hits / len(found),
        "low": low,
        "high": high,
        "planted": len(found),
        "counted": hits,
    }
