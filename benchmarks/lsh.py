"""Which numbers of bands, limits of the search and thresholds should be the defaults?

    python benchmarks/lsh.py [--corpus FOLDER] [--background FOLDER]
        [--tweets 100000] [--records 20000]

Edited tweets are planted among records. Controls are tweets of the same sources that
are neither indexed nor planted, so each of their matches is a chance match or a
near-duplicate. Four tables are printed:

Bands
    The sketch alone, without limits, for several numbers of bands: the candidate pairs
    of a record that is not a tweet and of a control, and the share of the edited tweets
    that have a band in common with their original and at least the similarity of the
    threshold.
Limits
    Recall and speed with each generator of candidates alone and with both, if one limit
    on frequent bands, frequent seeds or candidates is changed.
Thresholds, lengths
    Recall by edit, and the matches in records that are not tweets and in controls, for
    several minimum similarities, containments and lengths.

Takes about five minutes.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import planted
import pyarrow as pa
from edits import EDITS
from measure import command_line, console, machine, table
from rich.table import Table

import provscan
from provscan.kernels.records import Candidates
from provscan.matching import candidates, match_table, scan_texts
from provscan.params import MatchParams, SearchLimits
from provscan.sketch.lsh import band_keys
from provscan.text_buffers import buffers

BANDINGS = ((16, 8), (25, 5), (32, 4), (42, 3))
THRESHOLDS = (0.15, 0.25, 0.4)
CONTAINMENTS = (0.4, 0.5, 0.6)
LENGTHS = (10, 15, 20, 25, 30)
LIMITS: tuple[dict[str, int], ...] = (
    {},
    {"sketch_minima": 22},
    {"sketch_minima": 29},
    {"band_texts": 16},
    {"band_texts": 1024},
    {"whole_candidates": 4},
    {"whole_candidates": 64},
    {"whole_chars": 64},
    {"whole_chars": 2048},
    {"seed_places": 4},
    {"seed_places": 64},
)
# Number of records whose candidates are counted, and number counted at a time.
SAMPLE, CHUNK = 2_000, 256


class World(NamedTuple):
    """Indexed tweets, records with planted ones among them, and the controls."""

    tweets: list[planted.Tweet]
    controls: list[str]
    records: list[str]
    where: list[planted.Planted]

    def texts(self) -> dict[str, str]:
        return {tweet.id: tweet.text for tweet in self.tweets}

    def others(self) -> list[str]:
        """Return the records that are not tweets."""
        taken = {mark.record for mark in self.where}
        return [text for number, text in enumerate(self.records) if number not in taken]


def candidates_a_record(indexed: np.ndarray, records: np.ndarray) -> float:
    """Return the mean number of distinct texts that share a band with a record.

    Both arguments are band keys, ``uint64[n, bands]``.
    """
    orders = np.argsort(indexed, axis=0)
    keys = np.take_along_axis(indexed, orders, axis=0)
    total = 0
    for start in range(0, len(records), CHUNK):
        part = records[start : start + CHUNK]
        pairs = []
        for band in range(indexed.shape[1]):
            low = np.searchsorted(keys[:, band], part[:, band], "left")
            sizes = np.searchsorted(keys[:, band], part[:, band], "right") - low
            within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            texts = orders[np.repeat(low, sizes) + within, band]
            pairs.append(np.repeat(np.arange(len(part)), sizes) << 32 | texts)
        total += len(np.unique(np.concatenate(pairs)))
    return total / len(records)


def bands(world: World) -> Table:
    originals = provscan.minhash(mark.tweet.text for mark in world.where)
    copies = provscan.minhash(world.records[mark.record] for mark in world.where)
    indexed = provscan.minhash(tweet.text for tweet in world.tweets)
    asked = [
        provscan.minhash(texts[:SAMPLE]) for texts in (world.others(), world.controls)
    ]
    similarity = np.array(
        [
            planted.similar(mark.tweet.text, world.records[mark.record])
            for mark in world.where
        ]
    )
    edit = np.array([mark.edit for mark in world.where])
    result = table(
        "Bands, without limits: recall by edit",
        "bands x rows",
        "threshold",
        "pairs",
        "control",
        *EDITS,
        "all",
    )
    for number, height in BANDINGS:
        keys = band_keys(indexed, number, height)
        proposed = [
            f"{candidates_a_record(keys, band_keys(part, number, height)):,.1f}"
            for part in asked
        ]
        met = (
            band_keys(originals, number, height) == band_keys(copies, number, height)
        ).any(axis=1)
        for threshold in THRESHOLDS:
            found = met & (similarity >= threshold)
            recall = [found[edit == name].mean() for name in EDITS]
            cells = [f"{share:.3f}" for share in [*recall, found.mean()]]
            result.add_row(f"{number} x {height}", f"{threshold}", *proposed, *cells)
        result.add_section()
    return result


def no_candidates(*_: Any) -> Candidates:
    """Replace a generator of candidates with one that generates none."""
    return candidates.NONE


def limits(world: World, index: provscan.Index) -> Table:
    texts, array = world.texts(), pa.array(world.records, pa.large_string())
    without: tuple[list[str], ...] = (["passages"], ["whole_records"], [])
    columns = ("whole records alone", "passages alone", "both", "records/s", "rows")
    result = table(
        "\nLimits, one changed at a time: recall of all edits", "changed", *columns
    )
    batch = {
        "record": pa.array(np.arange(len(array))),
        "id": pa.nulls(len(array), pa.string()),
    }
    records = pa.RecordBatch.from_pydict(batch)
    for changed in LIMITS:
        params = MatchParams(limits=SearchLimits(**changed))
        cells = []
        for generators in without:
            with contextlib.ExitStack() as stack:
                for name in generators:
                    stack.enter_context(
                        mock.patch.object(candidates, name, no_candidates)
                    )
                begin = time.perf_counter()
                found = scan_texts(*buffers(array), index.reader, params)
                seconds = time.perf_counter() - begin
            matches = match_table(found, index.reader, "<memory>", records)
            cells.append(f"{planted.score(matches, world.where, texts).recall():.4f}")
        label = [
            f"{name} {getattr(SearchLimits, name)} -> {value}"
            for name, value in changed.items()
        ] or ["nothing"]
        result.add_row(
            *label, *cells, f"{len(world.records) / seconds:,.0f}", f"{len(matches):,}"
        )
    return result


def thresholds(
    world: World,
    index: provscan.Index,
    title: str,
    settings: Sequence[dict[str, float]],
) -> Table:
    """Return a table of recall by edit, and of the matches in a million texts in which
    nothing was planted, for each setting.
    """
    texts, others = world.texts(), world.others()
    edits = ("commented", "truncated", "one_word", "two_words", "typos")
    columns = (
        *edits,
        "all edits",
        "in a million others",
        "in a million controls",
        "of them weak",
    )
    result = table(title, ", ".join(settings[0]), *columns)
    for setting in settings:
        options: dict[str, Any] = {**setting}
        matches, elsewhere, chance = (
            index.match(pa.array(each, pa.large_string()), **options)
            for each in (world.records, others, world.controls)
        )
        score = planted.score(matches, world.where, texts)
        weak = chance.column("level").to_pylist().count("weak")
        found = [
            (len(elsewhere), len(others)),
            (len(chance), len(world.controls)),
            (weak, len(world.controls)),
        ]
        default = all(
            getattr(provscan.MatchParams(), name) == value
            for name, value in setting.items()
        )
        result.add_row(
            ", ".join(str(value) for value in setting.values())
            + (" (default)" if default else ""),
            *(f"{score.recall(name):.3f}" for name in edits),
            f"{score.recall():.4f}",
            *(f"{1e6 * count / max(1, size):,.0f}" for count, size in found),
        )
    return result


def main() -> None:
    parser = command_line(
        __doc__,
        tweets=(100_000, "maximum number of indexed tweets"),
        records=(20_000, "number of records"),
        planted=(5_000, "records that are planted tweets"),
        controls=(20_000, "number of controls"),
    )
    planted.add_data_options(parser)
    arguments = parser.parse_args()

    tweets, controls = planted.licensed(
        arguments.corpus, arguments.tweets, arguments.controls
    )
    short = planted.short_texts(
        arguments.background, max(0, arguments.records - arguments.planted)
    )
    records, where = planted.in_records(
        planted.plantable(tweets, arguments.planted), short
    )
    world = World(tweets, [tweet.text for tweet in controls], records, where)

    console.print(machine())
    console.print(
        f"{len(tweets):,} tweets indexed, {len(records):,} records, {len(where):,} of "
        f"them planted, {len(controls):,} controls\n"
    )
    console.print(bands(world))
    with tempfile.TemporaryDirectory() as folder:
        index = provscan.build_index(
            (tweet._asdict() for tweet in tweets), Path(folder, "licensed.index")
        )
        console.print(limits(world, index))
        pairs = [
            {"threshold": t, "min_containment": c}
            for t in THRESHOLDS
            for c in CONTAINMENTS
        ]
        console.print(
            thresholds(world, index, "\nThreshold and minimum containment", pairs)
        )
        console.print(
            thresholds(
                world,
                index,
                "\nMinimum length",
                [{"min_chars": length} for length in LENGTHS],
            )
        )


if __name__ == "__main__":
    main()
