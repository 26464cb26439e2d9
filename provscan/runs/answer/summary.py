"""Make the entries of ``summary.json`` from the measurements of a run
(:func:`summarise`). :mod:`provscan.runs.answer.entry` makes the entry ``answer``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from provscan.calibration.edits import WEIGHTS
from provscan.estimate.strata import length_class
from provscan.index import IndexReader
from provscan.matching import LEVELS
from provscan.options import MatchOptions
from provscan.readers.fields.names import VERDICTS
from provscan.runs.answer.breakdowns import breakdowns
from provscan.runs.answer.entry import answer_of
from provscan.runs.answer.facts import nothing_to_find
from provscan.runs.answer.layers import layers_of
from provscan.runs.answer.reasons import reasons
from provscan.runs.answer.unscanned import not_scanned
from provscan.runs.counting.strata import agreement, by_year
from provscan.runs.inputs.licensed import SearchedTexts
from provscan.runs.measures.analysis import Measured
from provscan.runs.measures.recall import MeasuredRecall, counted_share
from provscan.runs.scan.totals import ScanTotals
from provscan.scoring.lengths import LENGTHS, SCRIPTS
from provscan.scoring.rule import (
    KNOWN_SHARE,
    LETTERS_WITHOUT_BITS,
    MIN_BITS,
    MIN_BITS_PASSAGE,
)

SUMMARY_VERSION = 1


def summarise(
    measured: Measured,
    licensed: SearchedTexts,
    options: MatchOptions,
    files: dict[str, Any],
    missing: dict[str, int],
) -> dict[str, Any]:
    """Return the contents of ``summary.json``, except for the entry about a baseline.
    ``files`` contains the entries about files, and ``missing`` counts the dataset's
    files that were not scanned.
    """
    numbers = layers_of(measured)
    withheld = reasons(measured, numbers)
    counts = counts_summary(measured)
    unfindable = measured.controls.licensed_texts if nothing_to_find(measured) else 0
    unscanned = not_scanned(counts["skipped"], counts["notes"], missing, unfindable)
    summary = {
        **counts,
        **files,
        "index": {
            **index_summary(measured.controls.licensed),
            "too_short": measured.samples.licensed.short_tweets,
        },
        "answer": answer_of(measured, numbers, withheld, unscanned),
        "by": breakdowns(measured),
        "recall": recall_summary(measured.recall),
        "control": {
            **control_summary(measured, options.files("clean_data")),
            "cutoff": licensed.cutoff,
            "files": licensed.files,
        },
        "rule": {
            "min_bits": MIN_BITS,
            "min_bits_passage": MIN_BITS_PASSAGE,
            "letters_without_bits": LETTERS_WITHOUT_BITS,
        },
        "known": known_summary(measured, options.files("other_sources")),
    }
    if options.sample is not None:
        summary["sample"] = sample_summary(measured, options.sample)
    return summary


def counts_summary(measured: Measured) -> dict[str, Any]:
    """Return the counts, without matches of control texts."""
    totals, counts = measured.scanned, measured.counts
    licensed, findings = counts.licensed, counts.findings
    sources: dict[str, dict[str, Any]] = {}
    for part, records, found in zip(
        totals.parts, licensed.records.tolist(), licensed.matches.tolist(), strict=True
    ):
        none = dict.fromkeys(("records", "read", "records_matched", "matches"), 0)
        entry = sources.setdefault(part.source, {"source": part.source, **none})
        entry["records"] += part.records
        entry["read"] += part.stats.records + sum(part.stats.skipped.values())
        entry["records_matched"] += records
        entry["matches"] += found
    texts = measured.matches.text[licensed.copies > 0]
    matched, characters = int(licensed.records.sum()), int(licensed.characters.total)
    stats = totals.stats.as_dict()
    return {
        "version": SUMMARY_VERSION,
        "records": totals.records,
        "characters": totals.characters,
        "records_matched": matched,
        "share_of_records": matched / max(1, totals.records),
        "matches": counts.levels.total(),
        "levels": {level: counts.levels[level] for level in LEVELS},
        "texts_found": len(texts),
        "tweets_found": measured.controls.reader.count_tweets(texts),
        "characters_matched": characters,
        "share_of_characters": characters / max(1, totals.characters),
        "findings": int(findings.matches.sum()),
        "sources": list(sources.values()),
        **{name: stats[name] for name in ("skipped", "repaired", "notes")},
        "fields": {
            name: {VERDICTS[code]: files for code, files in verdicts.items()}
            for name, verdicts in stats["fields"].items()
        },
        "field_codes": stats["fields"],
        "examples": [
            {
                "source": case.source,
                "where": f"record {case.record}",
                "reason": f"{code}: {case.detail}".rstrip(": "),
                "code": code,
                "detail": case.detail,
            }
            for code, cases in sorted(totals.stats.examples.items())
            for case in cases
        ],
        "truncated": {
            "bands_cut": totals.truncated.bands_cut,
            "seeds_cut": totals.truncated.seeds_cut,
        },
    }


def index_summary(licensed: IndexReader) -> dict[str, Any]:
    return {
        "texts": licensed.texts,
        "tweets": licensed.tweets,
        "fingerprint": licensed.fingerprint,
    }


def sample_summary(measured: Measured, asked: float) -> dict[str, Any]:
    """Describe the sample, given the share of the dataset that the user ``asked``
    for.
    """
    scanned, drawn = measured.scanned, measured.scanned.drawn
    if drawn is None:
        return {
            "by": "records",
            "share": scanned.fraction,
            "asked": asked,
            "parts": None,
            "parts_in_all": None,
        }
    return {
        "by": "files",
        "share": scanned.fraction,
        "asked": asked,
        "parts": len(drawn.bytes),
        "parts_in_all": len(drawn.bytes) + len(drawn.rest),
        "design_effect": scanned.design_effect(measured.counts.claimable.records),
        "records": scanned.all_records.as_dict(),
    }


def recall_summary(measured: MeasuredRecall) -> dict[str, Any]:
    """Return the recall of all spike-ins, of every class, and of copies like the
    matches.
    """
    recovered, planted = measured.recovered, measured.planted
    counted, recall = recovered.counted, measured.of_records.findings
    bits = recovered.bits[~np.isnan(recovered.bits)]
    result: dict[str, Any] = {
        "planted": len(planted),
        "found": int(recovered.found.sum()),
        "counted": int(counted.sum()),
        "same_text": int(recovered.same_text.sum()),
        "all": counted_share(counted)._asdict() if len(planted) else None,
        "nearly_verbatim": {
            weight: share._asdict() for weight, share in measured.nearly.items()
        },
        # Number of spike-ins found, in classes of ten bits.
        "bits": np.bincount((bits // 10).astype(np.int64)).tolist(),
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
        names = [edit.__name__ for edit in edits if edit.__name__ in recall.of_edit]
        if names:
            shares = [recall.of_edit[name] for name in names]
            result["range"][weight] = float(np.mean(shares))
    result["mixture"] = recall.mixture
    lengths = [
        length_class(LENGTHS[number], LENGTHS)
        for number in planted.length_class.tolist()
    ]
    classes = {
        "edit": planted.edit,
        "length": np.array(lengths, np.str_),
        "script": np.array(SCRIPTS, np.str_)[planted.script],
        "position": np.where(planted.inside, "inside a record", "own record"),
    }
    for name, keys in classes.items():
        shares_of = measured.by_class(keys)
        result["by"][name] = {key: each._asdict() for key, each in shares_of.items()}
        result["hardly_found"] += [
            {"class": name, "name": key, "recall": each.value}
            for key, each in shares_of.items()
            if each.hardly
        ]
    return result


def known_summary(measured: Measured, sources: list[str]) -> dict[str, Any] | None:
    """Describe the known data that the user named, if any."""
    if measured.known is None:
        return None
    scanned, containment, _ = measured.known
    controls = measured.controls
    known = (containment >= KNOWN_SHARE) & ~controls.control
    texts = int(np.count_nonzero(known))
    share = texts / max(1, controls.licensed_texts)
    return scan_summary(scanned, sources, texts=texts, share=share)


def scan_summary(
    scanned: ScanTotals, sources: list[str], **found: float
) -> dict[str, Any]:
    """Describe the scan of data other than the dataset, and what was found there."""
    counts = scanned.stats.as_dict()
    return {
        "sources": sources,
        "records": scanned.records,
        "characters": scanned.characters,
        **found,
        "skipped": counts["skipped"],
        "notes": counts["notes"],
    }


def control_summary(measured: Measured, null_sources: list[str]) -> dict[str, Any]:
    """Describe the measures of chance, and how the control differs from the licensed
    texts.
    """
    controls, chance, null = measured.controls, measured.chance, measured.null
    licensed, control = measured.samples
    found = measured.counts.by_text.count[measured.eligible.control]
    return {
        "texts": controls.texts,
        "licensed_texts": controls.licensed_texts,
        "too_short": {"licensed": licensed.too_short, "control": control.too_short},
        "also_licensed": len(controls.repeated),
        "matches": measured.counts.control_matches,
        "counted": int(found.sum()),
        "kind": None if null is None else null.kind.as_dict(),
        "chance_measures": [
            {
                "kind": measure.name,
                "clusters": len(measure.weights),
                **asdict(measure.chance("clusters")),
            }
            for measure in chance.measures
        ],
        "licensed_clusters": chance.claims[0].clusters_found,
        "strata": measured.strata.as_list() if controls.texts else [],
        "without_control": measured.without_control,
        "alike": agreement(licensed, control),
        # Factors of the weights of control texts with more common, usual and rarer
        # wording.
        "wording_weights": measured.strata.factors.tolist(),
        "years": {
            "licensed": by_year(licensed.year),
            "control": by_year(control.year),
            "chance_clusters": dict(
                zip(
                    map(str, chance.years.year.tolist()),
                    chance.years.clusters.tolist(),
                    strict=True,
                )
            ),
        },
        "placebo": chance.placebo,
        "null": null
        and scan_summary(null.scanned, null_sources, matches=null.licensed),
    }
