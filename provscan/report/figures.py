"""What the figures of the page show: counts of rows that stand in the run folder, and places on an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BINS, PARTS, LISTED = 30, 100, 12
SPIKE_BITS = 10
# Stricter values of the gates that the page counts matches for.
STRICTER = {
    "similarity": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    "containment": (0.6, 0.7, 0.8, 0.9, 1.0),
    "bits": (50.0, 75.0, 100.0, 150.0, 200.0),
}


def interval(layers: Mapping[str, Any]) -> dict[str, float | None] | None:
    """Places of the four layers on an axis, in percent of its length; ``None`` where only findings are known."""
    estimate = layers["estimate"] or {"low": None, "value": None, "high": None}
    values = {
        "findings": layers["findings"],
        "at_least": layers["at_least"],
        "at_most": layers["at_most"],
        **{name: estimate[name] for name in ("low", "value", "high")},
    }
    known = [float(value) for value in values.values() if value is not None]
    if len(known) < 2 or max(known) <= 0:
        return None
    low, high = min(known), max(known)
    start = 0.0 if low < high / 2 or layers["estimate"] is None else max(0.0, low - 0.35 * (high - low) - 1)
    end = high + 0.08 * (high - start)
    places = {name: None if value is None else 100 * (value - start) / (end - start) for name, value in values.items()}
    return {**places, "from": start, "to": end}


def histogram(matches: pa.Table, spike_ins: Sequence[int] | None) -> dict[str, Any] | None:
    """Matches of licensed texts and of controls by bits, and spike-ins that were found, each to its own scale."""
    known = matches.filter(pc.is_valid(matches["bits"]))
    if len(known) == 0:
        return None
    bits = known["bits"].to_numpy().astype(np.float64)
    control = known["control"].to_numpy(zero_copy_only=False)
    counted = known["counted"].to_numpy(zero_copy_only=False) & ~control
    top = max(float(np.quantile(bits, 0.995)), SPIKE_BITS)
    width = next(w for w in (5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if top / w <= BINS)
    bins = int(top // width) + 1

    def counts(chosen: npt.NDArray[np.bool_]) -> list[int]:
        return np.bincount(np.minimum(bits[chosen] // width, bins - 1).astype(int), minlength=bins).tolist()

    planted = [0] * bins
    for place, number in enumerate(spike_ins or ()):
        planted[min(place * SPIKE_BITS // width, bins - 1)] += number
    return {
        "width": width, "bins": bins, "counted": counts(counted), "other": counts(~counted & ~control),
        "control": counts(control), "spike_ins": planted if sum(planted) else None,
    }  # fmt: skip


def breakdown(exhibits: pa.Table, name: str) -> list[tuple[str, int]]:
    """Counted matches by value of a column, most first; the last entry ``""`` holds all others."""
    counted = exhibits.filter(exhibits["counted"])
    values = pc.year(counted["time"]) if name == "year" else counted[name]
    table = pa.table({"value": values.cast(pa.string())}).group_by("value").aggregate([([], "count_all")])
    pairs = [(value, n) for value, n in zip(*table.to_pydict().values(), strict=True) if value]
    pairs.sort(key=lambda pair: pair[0] if name == "year" else (-pair[1], pair[0]))
    shown = pairs if name == "year" else pairs[:LISTED]
    rest = len(counted) - sum(n for _, n in shown)
    return [*shown, ("", rest)] if rest and shown else shown


def strip(exhibits: pa.Table, sources: Sequence[Mapping[str, Any]]) -> list[int]:
    """Counted matches in each of :data:`PARTS` parts of the dataset, in the order in which it was scanned."""
    counted = exhibits.filter(exhibits["counted"])
    before = dict(
        zip((item["source"] for item in sources), np.cumsum([0, *(i["records"] for i in sources)]), strict=False)
    )
    total = sum(item["records"] for item in sources)
    if total == 0 or len(counted) == 0:
        return []
    coded = counted["source"].combine_chunks().dictionary_encode()
    offsets = np.array([before.get(name, 0) for name in coded.dictionary.to_pylist()])
    place = (offsets[coded.indices.to_numpy()] + counted["record"].to_numpy()) * PARTS // total
    return np.bincount(np.clip(place, 0, PARTS - 1), minlength=PARTS).tolist()


def stricter(exhibits: pa.Table) -> dict[str, list[tuple[float, int, int]]]:
    """Of each gate some stricter values, with the counted matches and their records that pass them."""
    counted = exhibits.filter(exhibits["counted"])
    coded = counted["source"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    places = coded * (int(pc.max(counted["record"]).as_py() or 0) + 1) + counted["record"].to_numpy()
    result = {}
    for name, limits in STRICTER.items():
        values = np.nan_to_num(counted[name].to_numpy(zero_copy_only=False).astype(np.float64), nan=np.inf)
        passing = [(limit, places[values >= limit - 1e-6]) for limit in limits]
        result[name] = [(limit, len(kept), len(np.unique(kept))) for limit, kept in passing]
    return result
