"""Count the rows of ``matches.parquet`` for the figures of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.report.wording import KINDS

# Width of the histogram's bars in bits, and maximum number of bars.
WIDTH, BINS = 20, 30
# Bits per class of ``recall.bits`` in ``summary.json``.
SPIKE_BITS = 10
# Columns by which findings are counted, and maximum number of values of each.
BREAKDOWNS = ("year", "author", "lang", "source", "field")
LISTED = 12
# Classes of similarity.
CLASSES = 20
# Parts of the dataset in which findings are counted.
PARTS = 100


def histogram(
    matches: pa.Table, spike_ins: Sequence[int] | None
) -> dict[str, Any] | None:
    """Count matches by bits; the last bar includes all matches with more bits.

    Parameters
    ----------
    matches
        All matches, with the columns ``bits``, ``control`` and ``counted``.
    spike_ins
        Number of spike-ins found, in classes of :data:`SPIKE_BITS` bits.

    Returns
    -------
    dict or None
        A list of counts for each kind of match, and for the spike-ins if there are any;
        and the number of findings without bits, ``unknown``.
    """
    has_bits = pc.is_valid(matches["bits"])
    known = matches.filter(has_bits)
    if len(known) == 0:
        return None
    place = np.minimum(known["bits"].to_numpy() // WIDTH, BINS - 1).astype(int)
    planted = np.zeros(BINS, int)
    for step, number in enumerate(spike_ins or ()):
        planted[min(step * SPIKE_BITS // WIDTH, BINS - 1)] += number
    bins = max(place.max(), np.flatnonzero(planted).max(initial=0)) + 1
    control = known["control"].to_numpy()
    counted = known["counted"].to_numpy() & ~control
    kinds = {"counted": counted, "control": control, "other": ~counted & ~control}
    findings = pc.and_not(matches["counted"], matches["control"])
    return {
        "unknown": pc.sum(pc.and_not(findings, has_bits)).as_py(),
        "width": WIDTH,
        "bins": int(bins),
        **{
            name: np.bincount(place[chosen], minlength=bins).tolist()
            for name, chosen in kinds.items()
        },
        "spike_ins": planted[:bins].tolist() if planted.any() else None,
    }


def breakdown(findings: pa.Table, name: str) -> list[tuple[str, int]]:
    """Count findings by the values of a column: years in order, other values from the
    most frequent on.

    A last entry ``""`` counts findings with another value or with none.
    """
    values = pc.year(findings["time"]) if name == "year" else findings[name]
    pairs = [
        (pair["values"], pair["counts"])
        for pair in pc.value_counts(values.cast(pa.string())).to_pylist()
        if pair["values"]
    ]
    if name == "year":
        shown = sorted(pairs)
    else:
        shown = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:LISTED]
    rest = len(findings) - sum(count for _, count in shown)
    return [*shown, ("", rest)] if rest and shown else shown


def similarity(exhibits: pa.Table) -> dict[str, list[int]]:
    """Count matches of each kind (:data:`~provscan.report.wording.KINDS`) by similarity
    in :data:`CLASSES` equal classes, the last of which includes 100%; kinds without a
    match are left out. A part of a tweet counts by its containment.
    """
    level = exhibits["level"].to_numpy()
    alike = np.where(
        level == "partial",
        exhibits["containment"].to_numpy(),
        exhibits["similarity"].to_numpy(),
    )
    # Rounded as in the exhibits of a page, whose filter has the same classes.
    place = np.rint(alike * 1000).astype(np.int64) * CLASSES // 1000
    place = np.minimum(place, CLASSES - 1)
    result: dict[str, list[int]] = {}
    for name, kind in KINDS.items():
        counts = np.bincount(place[level == name], minlength=CLASSES)
        if counts.any():
            earlier = result.get(kind, [0] * CLASSES)
            result[kind] = [
                a + b for a, b in zip(earlier, counts.tolist(), strict=True)
            ]
    return result


def strip(findings: pa.Table, sources: Sequence[Mapping[str, Any]]) -> list[int]:
    """Count findings in :data:`PARTS` equal parts of the dataset.

    The records of all ``sources`` are concatenated, including those that were skipped
    or are not in a sample. The result is empty if no finding is in one of the sources.
    """
    first = np.cumsum([0, *(item["read"] for item in sources)])
    names = pa.array([item["source"] for item in sources], pa.string())
    source = pc.index_in(findings["source"].cast(pa.string()), names)
    known = source.is_valid().to_numpy()
    place = first[source.drop_null().to_numpy()] + findings["record"].to_numpy()[known]
    counts, _ = np.histogram(place, PARTS, (0, first[-1]))
    return counts.tolist() if counts.any() else []
