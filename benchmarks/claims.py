"""What does a run claim about data without copies, and about data with few? Claims,
findings and the upper limit, in tables.

    python benchmarks/claims.py --corpus DIR --background DIR [--scans 100]
        [--only clean claims planted few limit]

The tweets of the corpus are divided at random into licensed tweets and a control; each
file of the background is a collection of another kind without tweets. Everything is
scanned once, and simulated scans are drawn from the result:

clean
    For each collection, the records with findings, without and with all other
    collections as known data, and the upper limit on records with a nearly verbatim
    copy.
claims
    Scans of data without copies, by measure of chance: a control of the same kind, a
    cutoff, and null datasets of another kind, of the same kind, and of the same
    collection divided by its first letters. Every claim is false.
planted
    One record in a hundred is a verbatim tweet; the null dataset is of the same kind.
few
    75 verbatim tweets among 7,400 records of each collection, with a control of the
    same kind.
limit
    Edited copies are planted, also with only short tweets among them. The table shows
    how often the limit on nearly verbatim copies of texts that can be told is valid,
    and its ratio to the truth (median).

Collections of fewer than 1,000 records are cut into passages of some 2,000 characters
as datasets, and used uncut as null datasets.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
from edits import EDITS, HEAVY, OTHERS
from measure import machine, table
from rich.console import Console
from simulated import (
    OPTIONS,
    Controlled,
    Corpus,
    Pool,
    control,
    placed,
    read_rows,
    written,
)

import provscan
from provscan.calibration.controls import no_control, with_cutoff
from provscan.calibration.spike_ins import Recovered, SpikeIns
from provscan.estimate.damage import nearly_verbatim
from provscan.matching import compared, in_pieces
from provscan.matching.part_files import PartResult
from provscan.options import parse_utc
from provscan.readers import ReadStats
from provscan.runs.analysis import Scores, analyse
from provscan.runs.matches import score_matches
from provscan.runs.null import NullScan
from provscan.scoring.rule import KnownElsewhere, MatchTraits, Scorer
from provscan.text_buffers import buffers

RECORDS, FEW_RECORDS = 8_000, 1_000
PASSAGE = 2_000
SHORT = 40
SECTIONS = ("clean", "claims", "planted", "few", "limit")


def passages(text: str) -> list[str]:
    """Cut a long text into passages at spaces."""
    result, at = [], 0
    while at < len(text):
        end = text.find(" ", at + PASSAGE)
        end = len(text) if end < 0 else end
        result.append(text[at:end])
        at = end
    return result


@dataclass
class World:
    """The corpus with one measure of chance, and the collections scanned for it."""

    held: Controlled
    collections: dict[str, list[str]]
    long: dict[
        str, list[str]
    ]  # The collections as they are, where they are cut for datasets.

    @cached_property
    def scans(self) -> dict[str, Pool]:
        return {
            name: Pool(texts, self.held.controls)
            for name, texts in self.collections.items()
        }

    @cached_property
    def long_scans(self) -> dict[str, Pool]:
        return {
            name: Pool(texts, self.held.controls) for name, texts in self.long.items()
        }

    @cached_property
    def spiked(self) -> dict[str, list[tuple[SpikeIns, Recovered]]]:
        return {
            name: self.held._spiked(texts, 2)
            for name, texts in self.collections.items()
        }


def answer(
    world: World,
    name: str,
    columns: dict[str, np.ndarray],
    size: tuple[int, int],
    seed: int,
    null: tuple[dict[str, np.ndarray], tuple[int, int], np.ndarray, np.ndarray]
    | None = None,
    scorer: Scorer | None = None,
) -> dict[str, Any]:
    """Return the answer of a simulated scan, given the matches of a dataset and those
    of a null dataset with its size and lengths.
    """
    held, scorer = world.held, scorer or world.held.scorer
    with tempfile.TemporaryDirectory() as folder:
        part = PartResult(
            0, "data", records=size[0], characters=size[1], stats=ReadStats()
        )
        scanned = written(columns, part, Path(folder))
        other = None
        if null is not None:
            found, (records, characters), lengths, others = null
            theirs = PartResult(1, "null", records=records, characters=characters)
            other = NullScan(
                written(found, theirs, Path(folder)),
                ["null"],
                lengths=(lengths, others),
            )
        matches = score_matches(scanned, scorer, held.controls)
        spike_ins = world.spiked[name][seed % 2]
        scores = Scores(scorer, matches, held.samples, *spike_ins)
        analysis = analyse(scores, scanned, held.controls, OPTIONS, other)
        result: dict[str, Any] = analysis.summary["answer"]
        null_counts = analysis.measured.null
        result["kind"] = None if null_counts is None else null_counts.kind
        return result


def drawn(
    scan: Pool, rows: np.ndarray
) -> tuple[dict[str, np.ndarray], tuple[int, int], np.ndarray]:
    return (
        scan.drawn(rows),
        (len(rows), int(scan.lengths[rows].sum())),
        scan.lengths[rows],
    )


def clean(world: World, known: dict[str, KnownElsewhere]) -> None:
    found = table(
        "Data without copies",
        "collection",
        "records",
        "findings",
        "share",
        "with known data",
        "at most",
        "share",
    )
    for name, scan in world.scans.items():
        rows = np.arange(len(scan.lengths))
        columns, size, _ = drawn(scan, rows)
        plain = answer(world, name, columns, size, 0)["records"]
        held = world.held
        scorer = Scorer(
            held.controls.reader,
            held.scorer.background,
            held.controls.repeated,
            elsewhere=known[name],
        )
        less = answer(world, name, columns, size, 0, scorer=scorer)["records"][
            "findings"
        ]
        most = plain["at_most"]
        found.add_row(
            name,
            f"{len(rows):,}",
            f"{plain['findings']:,.0f}",
            f"{plain['findings'] / len(rows):.3%}",
            f"{less:,.0f}",
            "-" if most is None else f"{most:,.0f}",
            "-" if most is None else f"{most / len(rows):.3%}",
        )
    Console().print(found)


def known_of(world: World) -> dict[str, KnownElsewhere]:
    """Return, for each collection, the licensed and control texts that all other
    collections contain.
    """
    best = {}
    for name, scan in (world.scans | world.long_scans).items():
        best[name] = np.zeros(len(world.held.controls.control), np.float32)
        np.maximum.at(best[name], scan.columns["text"], scan.columns["containment"])
    return {
        name: KnownElsewhere(
            np.maximum.reduce([of for other, of in best.items() if other != name])
        )
        for name in best
    }


def halves(
    world: World, name: str, rng: Random, wanted: int, *, parted: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Draw two disjoint random samples of a collection; with `parted`, one from the
    first half of its rows and one from the second.
    """
    count = len(world.scans[name].lengths)
    order = list(range(count))
    if not parted:
        rng.shuffle(order)
    first, second = order[: count // 2], order[count // 2 :]
    if parted and rng.random() < 0.5:
        first, second = second, first
    size = min(wanted, count // 2)
    return np.array(rng.sample(first, size), np.int64), np.array(
        rng.sample(second, size), np.int64
    )


def without_copies(worlds: dict[str, World], scans: int) -> None:
    found = table(
        "Claims on data without copies",
        "chance measured by",
        "scans",
        "claimed",
        "not measured",
        "no copies shown",
    )
    kinds: dict[str, Callable[[int, Random], dict[str, Any]]] = {}
    names = list(worlds["control"].collections)

    def controlled(measure: str) -> Callable[[int, Random], dict[str, Any]]:
        def scan(number: int, rng: Random) -> dict[str, Any]:
            world, name = worlds[measure], names[number % len(names)]
            rows, _ = halves(world, name, rng, RECORDS, parted=False)
            columns, size, _ = drawn(world.scans[name], rows)
            return answer(world, name, columns, size, number)

        return scan

    def of_null(kind: str) -> Callable[[int, Random], dict[str, Any]]:
        def scan(number: int, rng: Random) -> dict[str, Any]:
            world, name = worlds["none"], names[number % len(names)]
            own, other = halves(world, name, rng, RECORDS, parted=kind == "parted")
            columns, size, lengths = drawn(world.scans[name], own)
            source = world.scans[name]
            if kind == "other":
                pairs = [n for n in (*names, *world.long) if n.split(" ")[0] != name]
                theirs = pairs[(number // len(names)) % len(pairs)]
                source = (
                    world.long_scans[theirs]
                    if theirs in world.long
                    else world.scans[theirs]
                )
                size_of = len(source.lengths)
                other = np.array(
                    rng.sample(range(size_of), min(RECORDS, size_of)), np.int64
                )
            null, null_size, null_lengths = drawn(source, other)
            return answer(
                world,
                name,
                columns,
                size,
                number,
                (null, null_size, lengths, null_lengths),
            )

        return scan

    kinds["a control of the same kind"] = controlled("control")
    if "cutoff" in worlds:
        kinds["a cutoff"] = controlled("cutoff")
    kinds |= {
        "a null dataset of another kind": of_null("other"),
        "a null dataset of the same kind": of_null("same"),
        "a null dataset of the same kind, parted": of_null("parted"),
    }
    for kind, scan in kinds.items():
        statuses = Counter(
            scan(n, Random(f"{kind} {n}"))["status"] for n in range(scans)
        )
        found.add_row(
            kind,
            str(scans),
            *(
                str(statuses[s])
                for s in ("copies_found", "not_measured", "no_copies_shown")
            ),
        )
    Console().print(found)


def verbatim(world: World, rng: Random, count: int) -> np.ndarray:
    """Return the numbers of the verbatim copies among the scanned copies."""
    return np.array(rng.sample(range(len(world.held.corpus.copied)), count), np.int64)


def with_copies(
    world: World, name: str, rows: np.ndarray, copies: np.ndarray, scan: Pool
) -> tuple[Any, Any]:
    """Return the matches and the size of a dataset of records and copies."""
    old, size, _ = drawn(world.scans[name], rows)
    new = scan.drawn(copies)
    new["record"] += len(rows)
    columns = {key: np.concatenate([old[key], new[key]]) for key in new}
    return columns, (len(rows) + len(copies), size[1] + int(scan.lengths[copies].sum()))


def planted(world: World, scans: int) -> None:
    found = table(
        "One in a hundred records is a verbatim tweet",
        "collection",
        "scans",
        "claimed",
        "null not of the kind",
    )
    names = list(world.collections)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(scans):
        rng, name = Random(f"planted {number}"), names[number % len(names)]
        own, other = halves(world, name, rng, RECORDS, parted=False)
        copies = verbatim(world, rng, max(1, round(len(own) / 99)))
        columns, size = with_copies(world, name, own, copies, world.held.copies)
        lengths = np.concatenate(
            [world.scans[name].lengths[own], world.held.copies.lengths[copies]]
        )
        null, null_size, null_lengths = drawn(world.scans[name], other)
        results[name].append(
            answer(
                world,
                name,
                columns,
                size,
                number,
                (null, null_size, lengths, null_lengths),
            )
        )
    for name, answers in results.items():
        claimed = sum(a["status"] == "copies_found" for a in answers)
        found.add_row(
            name,
            str(len(answers)),
            str(claimed),
            str(sum(not a["kind"].same for a in answers)),
        )
    Console().print(found)


def few(world: World) -> None:
    found = table(
        "75 verbatim tweets among 7,400 records, five draws", "collection", *"12345"
    )
    for name, scan in world.scans.items():
        bounds = []
        for number in range(5):
            rng = Random(f"few {number}")
            rows = np.array(
                rng.sample(range(len(scan.lengths)), min(7_400, len(scan.lengths))),
                np.int64,
            )
            columns, size = with_copies(
                world, name, rows, verbatim(world, rng, 75), world.held.copies
            )
            least = answer(world, name, columns, size, number)["records"]["at_least"]
            bounds.append("-" if least is None else f"{least:.0f}")
        found.add_row(name, *bounds)
    Console().print(found)


@dataclass
class Copies:
    """Scanned copies of tweets with every edit, and which of them are nearly verbatim
    and can be told.
    """

    texts: list[str]
    scan: Pool
    nearly: np.ndarray


def edited(
    world: World, edits: dict[str, Any], *, short: bool, inside: bool, seed: int
) -> Copies:
    corpus, reader = world.held.corpus, world.held.controls.reader
    tweets = [
        t
        for t in corpus.licensed
        if len(corpus.distinct[t["id"]]) >= 20
        and (not short or len(corpus.distinct[t["id"]]) < SHORT)
    ]
    rng = Random(f"{seed} {short} {inside} {sorted(edits)}")
    chosen = rng.sample(tweets, min(2_000, len(tweets)))
    documents = world.collections[
        max(
            world.collections,
            key=lambda n: np.median([len(t) for t in world.collections[n]]),
        )
    ]
    names = list(edits)
    which = [rng.choice(names) for _ in chosen]
    copies = [
        edits[name](tweet["text"], rng)
        for name, tweet in zip(which, chosen, strict=True)
    ]
    rows, numbers = reader.texts_of_ids(pa.array([tweet["id"] for tweet in chosen]))
    # A tweet that was edited has several texts.
    numbers = numbers[np.unique(rows, return_index=True)[1]]
    whole = np.full(len(copies), not inside)
    _, similarity, containment = compared(
        *buffers(pa.array(copies, pa.large_string())), numbers, reader
    )
    ones = np.ones(len(copies))
    told = world.held.scorer.scores(
        MatchTraits(
            numbers,
            ones,
            ones,
            whole,
            np.array([len(tweet["text"]) for tweet in chosen]),
        )
    ).counted
    texts = (
        [placed(copy, rng.choice(documents), rng) for copy in copies]
        if inside
        else copies
    )
    pieces = in_pieces(*buffers(pa.array(copies, pa.large_string())), numbers, reader)
    # Somebody's words before and after a copy are not the copy's.
    nearly = nearly_verbatim(similarity, containment) | (np.array(which) == "commented")
    nearly &= ~pieces & told
    return Copies(texts, Pool(texts, world.held.controls), nearly)


def limit(world: World, scans: int) -> None:
    found = table(
        "At most so many nearly verbatim copies",
        "planted",
        "scans",
        "holds",
        "withheld",
        "over the truth, median",
        "worst",
    )
    sets = {
        "light edits": {**EDITS},
        "heavy edits": {**EDITS, **HEAVY},
        "other edits": {**OTHERS},
        "verbatim": {"exact": EDITS["exact"]},
    }
    names = list(world.collections)
    every: list[tuple[float, float | None]] = []
    for kind, edits in sets.items():
        for short in (False, True):
            for inside in (False, True):
                copies = edited(world, edits, short=short, inside=inside, seed=7)
                each, results = (
                    max(1, scans // (4 * len(sets))),
                    list[tuple[float, float | None]](),
                )
                for number in range(each):
                    rng, name = (
                        Random(f"limit {kind} {short} {inside} {number}"),
                        names[number % len(names)],
                    )
                    count = rng.choice((100, 300, 1_000))
                    rows = np.array(
                        rng.sample(
                            range(len(world.scans[name].lengths)),
                            min(4_000, len(world.scans[name].lengths)),
                        )
                    )
                    which = np.array(
                        rng.sample(
                            range(len(copies.texts)), min(count, len(copies.texts))
                        ),
                        np.int64,
                    )
                    columns, size = with_copies(world, name, rows, which, copies.scan)
                    said = answer(world, name, columns, size, number)["records"][
                        "at_most"
                    ]
                    results.append((float(copies.nearly[which].sum()), said))
                every += results
                what = f"{kind}{', short tweets only' if short else ''}{', in documents' if inside else ''}"  # noqa: E501
                found.add_row(what, *_judged(results))
    found.add_row("all", *_judged(every))
    Console().print(found)


def _judged(results: list[tuple[float, float | None]]) -> list[str]:
    given = [(truth, said) for truth, said in results if said is not None]
    over = [said / truth for truth, said in given if truth]
    holds = sum(truth <= said + 1e-9 for truth, said in given)
    ratios = [f"{np.median(over):.2f}", f"{min(over):.2f}"] if over else ["-", "-"]
    return [
        str(len(results)),
        f"{holds}/{len(given)}",
        str(len(results) - len(given)),
        *ratios,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--corpus",
        type=Path,
        required=True,
        help="folder of JSON lines (plain or .zst) of tweets",
    )
    parser.add_argument(
        "--background",
        type=Path,
        required=True,
        help="folder of JSON lines of other texts, a kind each",
    )
    parser.add_argument(
        "--scans", type=int, default=100, help="simulated scans of a kind"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    args = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        worlds = made(args.corpus, args.background, Path(folder), args.seed)
        if "clean" in args.only:
            clean(worlds["none"], known_of(worlds["none"]))
        if "claims" in args.only:
            without_copies(worlds, args.scans)
        if "planted" in args.only:
            planted(worlds["none"], args.scans)
        if "few" in args.only:
            few(worlds["control"])
        if "limit" in args.only:
            limit(worlds["none"], args.scans)


def made(corpus: Path, background: Path, folder: Path, seed: int) -> dict[str, World]:
    """Make the worlds of each measure of chance."""
    rng = Random(seed)
    rows = [row for path in sorted(corpus.glob("*.jsonl*")) for row in read_rows(path)]
    canonical = provscan.canonical([row["text"] for row in rows])
    first = {text: row for row, text in zip(rows, canonical, strict=True) if text}
    every = [row for row in first.values() if not row["text"].startswith("RT @")]
    rng.shuffle(every)
    apart = {row["id"] for row in every[: len(every) // 3]}
    licensed = [row for row in every if row["id"] not in apart]
    index = provscan.build_index(licensed, folder / "licensed.index")
    collections, long = {}, {}
    for path in sorted(background.glob("*.jsonl*")):
        name, texts = path.name.split(".")[0], [row["text"] for row in read_rows(path)]
        if len(texts) < FEW_RECORDS:
            long[f"{name} as it is"] = texts
            texts = [passage for text in texts for passage in passages(text)]
        collections[name] = texts
    known = {row["id"]: text for text, row in first.items()}
    base = Corpus(licensed, index, [], [], [], known, seed)
    controls = {"none": no_control(index.reader)}
    kept = [row for row in every if row["id"] in apart]
    controls["control"] = control(index, kept, folder / "control")
    years = sorted(row["created_at"] for row in licensed if row.get("created_at"))
    if years:
        controls["cutoff"] = with_cutoff(
            controls["none"], parse_utc(years[len(years) * 7 // 10][:10])
        )
    return {
        name: World(Controlled(each, base), collections, long)
        for name, each in controls.items()
    }


if __name__ == "__main__":
    main()
