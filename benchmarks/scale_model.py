"""What would it cost to check a claim of 26 billion tweets and 45 TB of text?

    python benchmarks/scale_model.py FILE [--write SCALE.md] [--claimed-tweets 26e9]
        [--distinct 0.85] [--claimed-terabytes 45] [--cores 64] [--gigabytes 256]
        [--disk-terabytes 4] [--price 0.05]

The command fits this model to the measurements of ``scale.py`` in the file::

    build = texts * (a + b if there are shards + c * shards)
            + g * shards * min(texts / shards, 16,384)
    bytes = d * texts + e * shards
    scan  = f * seed keys
            + if there are shards:
              h * entries + shards * (t * seed keys + u * band keys)

The dictionary that compresses the texts of a shard is trained with up to 16,384 of
them. The time of a scan grows with the number of scanned keys that the index contains.
Each shard is asked for every key, and the entries of all shards are sorted into one
small table. Keys and entries are counted: the number of keys is modelled as a power of
the number of texts, and the number of entries of a shard as a function of its own
texts, since each shard returns a limited number for a frequent key.

Four tables are printed in Markdown: the measurements, each with its ratio to the
prediction of a model of all others; the unit costs; the bytes that groups of shards
send; and the plan for the claimed size. ``SCALE.md`` explains them, and ``--write``
replaces them there.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from measure import command_line
from scale import Cost, Scan
from scipy.optimize import nnls

from provscan.index.segment.packed import SAMPLE

Floats = npt.NDArray[np.float64]
Row = tuple[str, ...]
KINDS = ("long", "short")

# Texts of each index in the plan; a segment has at most 16.8 million.
TEXTS_A_SEGMENT = 16e6
# Share of a machine's memory for the mapped index; workers and system use the rest.
MAPPED_SHARE = 0.5
# Share of the files in the sample of the plan.
SHARE = 0.01
# Maximum relative error of a good prediction.
GOOD = 0.2


def cost_of(values: list[Any]) -> Cost:
    """Return a cost from the values of a line of the measurements."""
    return Cost._make([*values[:-3], Scan(*values[-3]), Scan(*values[-2]), values[-1]])


class Model(NamedTuple):
    """The costs of an index by its texts and shards; see the module's docstring.

    Attributes
    ----------
    build
        Seconds per text: always, with shards, for each shard, and for each text with
        which a dictionary is trained (a, b, c, g).
    bytes
        Bytes per text and per shard (d, e).
    seeds, bands, hits
        Polynomials in logarithms for each kind of data: keys per gigabyte by the texts
        of the index, and entries of a shard by the texts of the shard.
    scan
        Seconds for a key of long texts or of records that the index contains (f), for
        an entry (h), and for asking a shard for a key of a passage (t) or of a whole
        record (u).
    """

    build: Floats
    bytes: Floats
    seeds: dict[str, Floats]
    bands: dict[str, Floats]
    hits: dict[str, Floats]
    scan: Floats

    def units(self, kind: str, texts: float, shards: int) -> list[float]:
        """Return the units of each kind of work in a scan of a gigabyte."""
        seeds = power(self.seeds[kind], texts)
        whole = [seeds * (kind == other) for other in KINDS]
        if shards == 1:
            return [*whole, 0.0, 0.0, 0.0]
        hits = shards * power(self.hits[kind], texts / shards)
        return [*whole, hits, shards * seeds, shards * power(self.bands[kind], texts)]

    def costs(self, texts: float, shards: int) -> dict[str, float]:
        """Return the predicted costs by name."""
        return {
            "build": float(self.build @ build_units(texts, shards)),
            "bytes": float(self.bytes @ [texts, shards]),
            **{
                kind: float(self.scan @ self.units(kind, texts, shards))
                for kind in KINDS
            },
        }


def build_units(texts: float, shards: int) -> list[float]:
    """Return the units of each kind of work in building an index."""
    return [
        texts,
        texts * (shards > 1),
        texts * shards,
        shards * min(texts / shards, SAMPLE),
    ]


def power(polynomial: Floats, texts: float) -> float:
    """Evaluate a polynomial in logarithms."""
    return float(np.exp(np.polyval(polynomial, np.log(texts))))


def relative(units: Sequence[Sequence[float]], values: Sequence[float]) -> Floats:
    """Return the non-negative costs of the units that minimise the relative errors of
    the values.
    """
    measured = np.array(values)
    return nnls(np.array(units) / measured[:, None], np.ones(len(measured)))[0]


def model(costs: list[Cost]) -> Model:
    """Fit a model to measurements."""
    parted = [cost for cost in costs if cost.shards > 1]

    def fitted(
        chosen: list[Cost], name: str, degree: int, *, a_shard: bool = False
    ) -> dict[str, Floats]:
        parts = [cost.shards if a_shard else 1 for cost in chosen]
        texts = np.log(
            [cost.texts / part for cost, part in zip(chosen, parts, strict=True)]
        )
        return {
            kind: np.polyfit(
                texts,
                np.log(
                    [
                        getattr(getattr(cost, kind), name) / part
                        for cost, part in zip(chosen, parts, strict=True)
                    ]
                ),
                degree,
            )
            for kind in KINDS
        }

    found = Model(
        relative(
            [build_units(cost.texts, cost.shards) for cost in costs],
            [cost.build for cost in costs],
        ),
        relative(
            [(cost.texts, cost.shards) for cost in costs],
            [cost.bytes for cost in costs],
        ),
        fitted(parted, "seeds", 1),
        fitted(parted, "bands", 0),
        fitted(parted, "hits", 2, a_shard=True),
        np.zeros(5),
    )
    scans = [(cost, kind) for cost in costs for kind in KINDS]
    return found._replace(scan=relative(
        [found.units(kind, cost.texts, cost.shards) for cost, kind in scans],
        [getattr(cost, kind).seconds for cost, kind in scans],
    ))  # fmt: skip


def measured_costs(cost: Cost) -> dict[str, float]:
    """Return the measured costs by the names of :meth:`Model.costs`."""
    return {
        "build": cost.build,
        "bytes": cost.bytes,
        **{kind: getattr(cost, kind).seconds for kind in KINDS},
    }


def markdown(*rows: Sequence[str]) -> str:
    """Return a table in Markdown, whose first row is the header."""
    header, *others = rows
    return "\n".join(
        "| " + " | ".join(row) + " |"
        for row in (header, ["---"] * len(header), *others)
    )


def costs_table(costs: list[Cost]) -> str:
    """Return a table of all measurements, each with its ratio to the prediction from
    all others, and a summary of the ratios.
    """
    rows: list[Row] = [
        (
            "texts",
            "shards",
            "build, core s",
            "ratio",
            "MB on disk",
            "ratio",
            "1 GB of long text, core s",
            "ratio",
            "1 GB of tweet-sized records, core s",
            "ratio",
            "a run, fixed core s",
            "memory of a run, MB",
        )
    ]
    ratios = []
    for cost in sorted(costs):
        predicted = model([other for other in costs if other is not cost]).costs(
            cost.texts, cost.shards
        )
        values = measured_costs(cost)
        found = [value / predicted[label] for label, value in values.items()]
        ratios.append(found)
        shown = (
            f"{values['build']:,.1f}",
            f"{values['bytes'] / 1e6:,.0f}",
            *(f"{values[kind]:,.0f}" for kind in KINDS),
        )
        cells = [
            cell
            for pair in zip(shown, (f"{ratio:.2f}" for ratio in found), strict=True)
            for cell in pair
        ]
        rows.append(
            (
                f"{cost.texts:,.0f}",
                f"{cost.shards}",
                *cells,
                f"{cost.fixed:.2f}",
                f"{cost.memory / 1e6:,.0f}",
            )
        )
    build, size, *scans = np.array(ratios).T
    summary = ", ".join(
        f"{np.count_nonzero(np.abs(each - 1) <= GOOD)} of {each.size} for {name} "
        f"({each.min():.2f} to {each.max():.2f})"
        for name, each in (
            ("builds", build),
            ("disk space", size),
            ("scans", np.concatenate(scans)),
        )
    )
    return f"{markdown(*rows)}\n\nRatios within {GOOD:.0%}: {summary}."


def units_table(costs: list[Cost]) -> str:
    found = model(costs)
    rows = [
        ("a: microseconds to build a text", found.build[0] * 1e6),
        ("b: the same, additionally with shards", found.build[1] * 1e6),
        ("c: the same, additionally for each shard", found.build[2] * 1e6),
        (
            "g: microseconds for a text with which a dictionary is trained",
            found.build[3] * 1e6,
        ),
        ("d: bytes on disk per text", found.bytes[0]),
        ("e: kilobytes per shard", found.bytes[1] / 1e3),
        (
            "f: nanoseconds for a key of long text that the index contains",
            found.scan[0] * 1e9,
        ),
        ("f: the same, tweet-sized records", found.scan[1] * 1e9),
        ("h: nanoseconds for an entry", found.scan[2] * 1e9),
        (
            "t: nanoseconds to request a key of a passage from a shard",
            found.scan[3] * 1e9,
        ),
        (
            "u: the same, a key of a whole record, which a filter checks first",
            found.scan[4] * 1e9,
        ),
    ]
    return markdown(
        ("unit", "value"),
        *((label, f"{float(f'{value:.3g}'):,g}") for label, value in rows),
    )


def groups_table(costs: list[Cost]) -> str:
    rows: list[Row] = [
        (
            "texts",
            "shards",
            "data",
            "keys requested, million",
            "entries found, million",
            "GB to each group",
            "GB from all of them",
        )
    ]
    rows += [
        (
            f"{cost.texts:,.0f}",
            f"{cost.shards}",
            data,
            f"{(scan.seeds + scan.bands) / 1e6:,.0f}",
            f"{scan.hits / 1e6:,.0f}",
            f"{scan.sent / 1e9:.2f}",
            f"{scan.received / 1e9:.1f}",
        )
        for cost in sorted(costs)
        if cost.shards > 1
        for data, scan in (("long text", cost.long), ("records", cost.short))
    ]
    return markdown(*rows)


def plan(costs: list[Cost], arguments: argparse.Namespace) -> str:
    texts, found = arguments.claimed_tweets * arguments.distinct, model(costs)
    units = math.ceil(texts / TEXTS_A_SEGMENT)
    rows = [
        (
            "scan",
            "machines for the index",
            "disk, TB",
            "build, hours",
            "scan, days",
            "core hours",
            "machines for a scan in 30 days",
            "price",
        )
    ]
    disk, memory = (
        arguments.disk_terabytes * 1e12,
        arguments.gigabytes * 1e9 * MAPPED_SHARE,
    )
    text = [
        f"Claim: {arguments.claimed_tweets:,.0f} tweets, "
        f"{arguments.distinct:.0%} of them with distinct texts, and "
        f"{arguments.claimed_terabytes:,.0f} TB of long text. Machines have "
        f"{arguments.cores} cores, {arguments.gigabytes:,.0f} GB of memory, "
        f"{MAPPED_SHARE:.0%} of which is for the index, and "
        f"{arguments.disk_terabytes:,.0f} TB of disk; a core hour costs "
        f"{arguments.price}. All data is scanned against {units:,} indexes of "
        f"{TEXTS_A_SEGMENT:,.0f} texts each."
    ]
    build, size, scan, _ = found.costs(TEXTS_A_SEGMENT, 1).values()
    largest = max(cost.texts for cost in costs if cost.shards == 1)
    text.append(
        f"Scanning a GB of long text against one index takes {scan:,.0f} core seconds, "
        f"extrapolated to {TEXTS_A_SEGMENT / largest:.1f} times the largest number of "
        "texts measured."
    )
    for files, share in (("all files", 1.0), (f"{SHARE:.0%} sample of files", SHARE)):
        for where, room in (("on disk", disk), ("in memory", memory)):
            machines = math.ceil(units * size / room)
            cores = machines * arguments.cores
            building = units * build / 3600
            scanning = arguments.claimed_terabytes * 1e3 * share * units * scan / 3600
            rows.append(
                (
                    f"{files}, index {where}",
                    f"{machines:,}",
                    f"{units * size / 1e12:,.1f}",
                    f"{building / cores:,.2f}",
                    f"{scanning / cores / 24:,.2f}",
                    f"{building + scanning:,.0f}",
                    f"{math.ceil(scanning / arguments.cores / 720):,}",
                    f"{(building + scanning) * arguments.price:,.0f}",
                )
            )
    return f"{' '.join(text)}\n\n{markdown(*rows)}"


def write_into(text: str, sections: dict[str, str]) -> str:
    """Return a text in which the sections between marks are replaced."""
    for name, section in sections.items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->\n")
        if not end:
            raise SystemExit(
                f"The file has no marks for the table {name}. Add the lines "
                f"<!-- {name} --> and <!-- end -->."
            )
        text = f"{before}{mark}\n{section}\n\n{end}{after}"
    return text


def main() -> None:
    parser = command_line(
        __doc__,
        claimed_tweets=(26e9, "claimed tweets"),
        distinct=(0.85, "share with distinct texts"),
        claimed_terabytes=(45.0, "claimed terabytes of text"),
        cores=(64, "cores of a machine"),
        gigabytes=(256.0, "memory of a machine"),
        disk_terabytes=(4.0, "disk of a machine"),
        price=(0.05, "price of a core for an hour"),
    )
    add = parser.add_argument
    add("measurements", type=Path, metavar="FILE", help="measurements of scale.py")
    add("--write", type=Path, metavar="FILE", help="replace the tables in this file")
    arguments = parser.parse_args()
    lines = arguments.measurements.read_text().splitlines()
    costs = [cost_of(json.loads(line)) for line in lines]
    sizes = {
        shards: len({cost.texts for cost in costs if cost.shards == shards})
        for _, shards, *_ in costs
    }
    if sizes.get(1, 0) < 3 or len(sizes) < 3:
        raise SystemExit(
            "Each measurement is predicted from the others. Measure at least three "
            "sizes with 1 shard and two further numbers of shards."
        )
    sections = {
        "costs": costs_table(costs),
        "units": units_table(costs),
        "groups": groups_table(costs),
        "plan": plan(costs, arguments),
    }
    for section in sections.values():
        print(f"\n{section}")
    if arguments.write:
        arguments.write.write_text(write_into(arguments.write.read_text(), sections))


if __name__ == "__main__":
    main()
