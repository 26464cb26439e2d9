"""What the figures of the page show: counts of rows that stand in the run folder, and
places on an axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers

BINS, PARTS, LISTED = 30, 100, 12
SPIKE_BITS = 10


def interval(
    layers: Mapping[str, Any], *, sampled: bool = False
) -> dict[str, float | None] | None:
    """Places of findings, lower bound and estimate on an axis, in percent of its
    length; ``None`` without a claim.

    Upper limits bound something else, nearly verbatim copies, and have no place on it;
    nor have findings of a sample, since the other numbers are for the whole dataset.
    """
    estimate = layers["estimate"] or {"low": None, "value": None, "high": None}
    values = {
        "findings": None if sampled else layers["findings"],
        "at_least": layers["at_least"],
        **estimate,
    }
    if not layers["at_least"]:
        return None
    known = [float(value) for value in values.values() if value is not None]
    low, high = min(known), max(known)
    start = (
        0.0
        if low < high / 2 or layers["estimate"] is None
        else max(0.0, low - 0.35 * (high - low) - 1)
    )
    end = high + 0.08 * (high - start)
    places = {
        name: None if value is None else 100 * (value - start) / (end - start)
        for name, value in values.items()
    }
    return {**places, "from": start, "to": end}


def histogram(
    read: Callable[[Sequence[str]], Iterator[pa.Table]], spike_ins: Sequence[int] | None
) -> Any:
    """Matches of licensed texts and of controls by bits, and spike-ins that were found,
    each to its own scale.

    `read` gives columns of all matches (:meth:`provscan.report.files.RunFiles.read`);
    `spike_ins` are those found, in steps of :data:`SPIKE_BITS`.
    """

    def bits() -> Iterator[npt.NDArray[np.float32]]:
        return (batch["bits"].drop_null().to_numpy() for batch in read(["bits"]))

    top = quantile(bits, 0.995)
    if top is None:
        return None
    width = next(
        w
        for w in (5, 10, 20, 50, 100, 200, 500, 1000, 10**9)
        if max(top, SPIKE_BITS) / w <= BINS
    )
    bins = int(max(top, SPIKE_BITS) // width) + 1
    # Not counted, counted, of a control.
    counts = np.zeros((3, bins), np.int64)
    for batch in read(["bits", "control", "counted"]):
        known = batch.filter(pc.is_valid(batch["bits"]))
        kind = np.where(
            known["control"].to_numpy(zero_copy_only=False),
            2,
            known["counted"].cast(pa.int8()).to_numpy(),
        )
        place = np.minimum(
            known["bits"].to_numpy().astype(np.float64) // width, bins - 1
        ).astype(int)
        np.add.at(counts, (kind, place), 1)
    planted = [0] * bins
    for place, number in enumerate(spike_ins or ()):
        planted[min(place * SPIKE_BITS // width, bins - 1)] += number
    return {
        "width": width,
        "bins": bins,
        "counted": counts[1].tolist(),
        "other": counts[0].tolist(),
        "control": counts[2].tolist(),
        "spike_ins": planted if sum(planted) else None,
    }


def quantile(
    values: Callable[[], Iterator[npt.NDArray[np.float32]]], share: float
) -> float | None:
    """A quantile of numbers of at least 0 that come a batch at a time; as
    ``numpy.quantile``, None without any.

    Such numbers are ordered as their bits are: a first pass counts the upper 16 bits,
    another one the lower ones of those that have the wanted upper ones.
    """

    def counted(
        chosen: Callable[[npt.NDArray[np.uint32]], npt.NDArray[Any]],
    ) -> Numbers:
        counts = np.zeros(1 << 16, np.int64)
        for batch in values():
            counts += np.bincount(
                chosen(np.abs(batch).view(np.uint32)), minlength=1 << 16
            )
        return np.cumsum(counts)

    upper = counted(lambda number: number >> 16)
    if upper[-1] == 0:
        return None
    at = share * (int(upper[-1]) - 1)
    found = []
    for rank in (int(at), min(int(at) + 1, int(upper[-1]) - 1)):
        first = int(np.searchsorted(upper, rank, "right"))
        lower = counted(
            lambda number, first=first: number[number >> 16 == first] & 0xFFFF  # type: ignore[misc]
        )
        before = int(upper[first - 1]) if first else 0
        last = int(np.searchsorted(lower, rank - before, "right"))
        found.append(float(np.uint32(first << 16 | last).view(np.float32)))
    return float(np.quantile(found, at - int(at)))


# By what findings are shown.
BREAKDOWNS = ("year", "author", "lang", "source", "field")


class Breakdown:
    """Findings by value of a column, a batch at a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._values, self._counts = pa.array([], pa.string()), np.zeros(0, np.int64)

    def add(self, batch: pa.Table) -> None:
        counted = batch.filter(batch["counted"])
        values = (
            pc.year(counted["time"]) if self._name == "year" else counted[self._name]
        )
        found = pc.value_counts(values.cast(pa.string()))
        # Not pa.Table.group_by, whose import takes longer than the figures of a small
        # run.
        both = pa.concat_arrays([self._values, found.field(0)]).dictionary_encode(
            "encode"
        )
        sizes = np.concatenate([self._counts, found.field(1).to_numpy()])
        self._values, self._counts = (
            both.dictionary,
            np.zeros(len(both.dictionary), np.int64),
        )
        np.add.at(self._counts, both.indices.to_numpy(), sizes)

    @property
    def shown(self) -> list[tuple[str, int]]:
        """Values with their numbers, most first; the last entry ``""`` holds all
        others.
        """
        pairs = [
            (value, n)
            for value, n in zip(
                self._values.to_pylist(), self._counts.tolist(), strict=True
            )
            if value
        ]
        pairs.sort(
            key=lambda pair: pair[0] if self._name == "year" else (-pair[1], pair[0])
        )
        shown = pairs if self._name == "year" else pairs[:LISTED]
        rest = int(self._counts.sum()) - sum(n for _, n in shown)
        return [*shown, ("", rest)] if rest and shown else shown


class Figures:
    """What the page shows of all exhibits, which come a batch at a time in the order of
    the dataset.
    """

    def __init__(self, sources: Sequence[Mapping[str, Any]]) -> None:
        self.exhibits = self.findings = 0
        self.breakdowns = {name: Breakdown(name) for name in BREAKDOWNS}
        # Records are numbered with those that were skipped, or are not in a sample.
        names, sizes = (
            [item["source"] for item in sources],
            [item["read"] for item in sources],
        )
        self._before = dict(zip(names, np.cumsum([0, *sizes]).tolist(), strict=False))
        self._total, self._strip = sum(sizes), np.zeros(PARTS, np.int64)

    def add(self, batch: pa.Table) -> None:
        self.exhibits += len(batch)
        for breakdown in self.breakdowns.values():
            breakdown.add(batch)
        counted = batch.filter(batch["counted"])
        self.findings += len(counted)
        if len(counted) == 0:
            return
        coded, own = (
            counted["source"].combine_chunks().dictionary_encode(),
            counted["record"].to_numpy(),
        )
        names, source = coded.dictionary.to_pylist(), coded.indices.to_numpy()
        offsets = np.array([self._before.get(name, 0) for name in names])
        place = np.clip(
            (offsets[source] + own) * PARTS // max(1, self._total), 0, PARTS - 1
        )
        self._strip += np.bincount(place, minlength=PARTS)

    @property
    def strip(self) -> list[int]:
        """Findings in each of :data:`PARTS` parts of the dataset, in the order in which
        it was scanned.
        """
        return self._strip.tolist() if self._total and self._strip.any() else []
