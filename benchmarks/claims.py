"""What does a run claim about data without copies, and about data with few copies?

    python benchmarks/claims.py --corpus FOLDER --background FOLDER [--scans 100]
        [--only clean claims few limit]

The tweets of the corpus are divided at random into licensed tweets and a control; each
file of the background is a collection of another kind without tweets. All texts are
scanned once, and simulated scans are drawn from the result (``simulated.py``). A table
is printed for each section:

clean
    For each collection, the records with findings, without and with all other
    collections as known data, and "at most" (the upper limit on records with a nearly
    verbatim copy).
claims
    The outcomes of scans of data without copies, for each measure of chance: a control
    of the same kind, a cutoff, and null datasets of another kind, of the same kind, and
    of the same kind from another part of the collection. Every claim is false.
few
    "At least" for 75 verbatim tweets among 7,400 records of each collection, with a
    control of the same kind.
limit
    Edited copies are planted, and in some scans only copies of short tweets. The table
    shows how often "at most" is right, and its ratio to the truth.

Needs real tweets and at least two files of real texts without them, as JSON lines (see
``README.md``). Collections of fewer than 1,000 records are cut into passages of about
2,000 characters for datasets; null datasets contain them uncut. Takes about three
minutes for 300,000 tweets and 100 MB of texts.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
from edits import EDITS, HEAVY
from measure import command_line, console, machine, table
from other_edits import OTHERS
from planted import add_data_options, files, json_rows
from simulated import (
    Controlled,
    Corpus,
    Pool,
    Sample,
    answered,
    control,
    covered,
    placed,
)

import provscan
from provscan.calibration.controls import no_control, with_cutoff
from provscan.calibration.spike_ins import Recovered, SpikeIns
from provscan.matching import copied_wording
from provscan.options import parse_utc
from provscan.runs.counting.matches import score_matches
from provscan.runs.measures.analysis import ScoredScan
from provscan.scoring.rule import MatchTraits, Scorer
from provscan.text_buffers import buffers

# Records of a simulated scan, and the minimum number of records of a collection that is
# not cut into passages.
RECORDS, FEW_RECORDS = 8_000, 1_000
PASSAGE = 2_000
# Short tweets have fewer characters.
SHORT = 40
SECTIONS = ("clean", "claims", "few", "limit")


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
    """The corpus with one measure of chance, and the collections scanned for it.

    ``long`` has the uncut texts of the collections that are cut into passages.
    """

    controlled: Controlled
    collections: dict[str, list[str]]
    long: dict[str, list[str]]

    @cached_property
    def scans(self) -> dict[str, Pool]:
        return {
            name: Pool(texts, self.controlled.controls)
            for name, texts in self.collections.items()
        }

    @cached_property
    def long_scans(self) -> dict[str, Pool]:
        return {
            name: Pool(texts, self.controlled.controls)
            for name, texts in self.long.items()
        }

    @cached_property
    def spiked(self) -> dict[str, list[tuple[SpikeIns, Recovered]]]:
        return {
            name: self.controlled.spike_ins(texts, 2)
            for name, texts in self.collections.items()
        }


def answer(
    world: World,
    name: str,
    dataset: Sample,
    seed: int,
    null: Sample | None = None,
    scorer: Scorer | None = None,
) -> dict[str, Any]:
    """Return the answer of a simulated scan of a dataset, in which spike-ins were
    planted in records of a collection.
    """
    controlled, scorer = world.controlled, scorer or world.controlled.scorer
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        scanned = dataset.scan(0, "data", folder)
        other = None if null is None else null.scan(1, "null", folder)
        matches = score_matches(scanned, scorer, controlled.controls)
        spike_ins = world.spiked[name][seed % 2]
        scores = ScoredScan(scorer, matches, controlled.samples, *spike_ins)
        return answered(scores, controlled.controls, null=other)[1]


def clean(world: World, known: dict[str, np.ndarray]) -> None:
    """Print the findings in each collection, and "at most"."""
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
        dataset = scan.drawn(np.arange(len(scan.lengths)))
        size = len(dataset.lengths)
        plain = answer(world, name, dataset, 0)["records"]
        controlled = world.controlled
        scorer = Scorer(
            controlled.controls.reader,
            controlled.scorer.background,
            controlled.controls.repeated,
            elsewhere=known[name],
        )
        fewer = answer(world, name, dataset, 0, scorer=scorer)["records"]["findings"]
        most = plain["at_most"]
        found.add_row(
            name,
            f"{size:,}",
            f"{plain['findings']:,.0f}",
            f"{plain['findings'] / size:.3%}",
            f"{fewer:,.0f}",
            "-" if most is None else f"{most:,.0f}",
            "-" if most is None else f"{most / size:.3%}",
        )
    console.print(found)


def known_of(world: World) -> dict[str, np.ndarray]:
    """Return, for each collection, the largest containment of each licensed and control
    text in the other collections.
    """
    best = {}
    for name, scan in (world.scans | world.long_scans).items():
        best[name] = np.zeros(len(world.controlled.controls.control), np.float32)
        np.maximum.at(best[name], scan.columns["text"], scan.columns["containment"])
    return {
        name: np.maximum.reduce([most for other, most in best.items() if other != name])
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
    """Print the outcomes of scans of data without copies."""
    found = table(
        "Claims on data without copies",
        "chance measured by",
        "scans",
        "claimed",
        "not measured",
        "can't be judged",
        "no copies shown",
    )
    names = list(worlds["control"].collections)

    def with_control(measure: str) -> Callable[[int, Random], dict[str, Any]]:
        def scan(number: int, rng: Random) -> dict[str, Any]:
            world, name = worlds[measure], names[number % len(names)]
            rows, _ = halves(world, name, rng, RECORDS, parted=False)
            return answer(world, name, world.scans[name].drawn(rows), number)

        return scan

    def with_null(kind: str) -> Callable[[int, Random], dict[str, Any]]:
        def scan(number: int, rng: Random) -> dict[str, Any]:
            world, name = worlds["none"], names[number % len(names)]
            rows, others = halves(world, name, rng, RECORDS, parted=kind == "parted")
            source = world.scans[name]
            dataset = source.drawn(rows)
            if kind == "other":
                pairs = [n for n in (*names, *world.long) if n.split(" ")[0] != name]
                theirs = pairs[(number // len(names)) % len(pairs)]
                source = (world.scans | world.long_scans)[theirs]
                size = len(source.lengths)
                others = np.array(rng.sample(range(size), min(RECORDS, size)), np.int64)
            return answer(world, name, dataset, number, source.drawn(others))

        return scan

    kinds = {"a control of the same kind": with_control("control")}
    if "cutoff" in worlds:
        kinds["a cutoff"] = with_control("cutoff")
    kinds |= {
        "a null dataset of another kind": with_null("other"),
        "a null dataset of the same kind": with_null("same"),
        "a null dataset of the same kind, parted": with_null("parted"),
    }
    for kind, scan in kinds.items():
        statuses = Counter(
            scan(n, Random(f"{kind} {n}"))["status"] for n in range(scans)
        )
        outcomes = ("copies_found", "not_measured", "cannot_judge", "no_copies_shown")
        found.add_row(kind, str(scans), *(str(statuses[s]) for s in outcomes))
    console.print(found)


def few(world: World) -> None:
    """Print "at least" for few verbatim copies."""
    found = table(
        "75 verbatim tweets among 7,400 records, five draws", "collection", *"12345"
    )
    corpus = world.controlled.corpus
    tweets = [t for t in corpus.licensed if covered(corpus.distinct[t["id"]])]
    verbatim = [tweet["text"] for tweet in tweets]
    for name, scan in world.scans.items():
        bounds = []
        for number in range(5):
            rng = Random(f"few {number}")
            size = len(scan.lengths)
            rows = np.array(rng.sample(range(size), min(7_400, size)), np.int64)
            copies = Pool(rng.sample(verbatim, 75), world.controlled.controls)
            dataset = scan.drawn(rows).with_more(copies.drawn(np.arange(75)))
            least = answer(world, name, dataset, number)["records"]["at_least"]
            bounds.append("-" if least is None else f"{least:.0f}")
        found.add_row(name, *bounds)
    console.print(found)


@dataclass
class Copies:
    """Scanned copies of tweets, and whether each of them is nearly verbatim and its
    tweet would be a finding as a field of its own.
    """

    scan: Pool
    nearly: np.ndarray


def edited(
    world: World, edits: dict[str, Any], *, short: bool, inside: bool, seed: int
) -> Copies:
    """Return a copy of up to 2,000 tweets, each with one of the edits."""
    corpus, reader = world.controlled.corpus, world.controlled.controls.reader
    tweets = [
        t
        for t in corpus.licensed
        if covered(corpus.distinct[t["id"]])
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
    # A tweet that was edited on the platform has several texts; the first one counts.
    numbers = numbers[np.unique(rows, return_index=True)[1]]
    ones = np.ones(len(copies))
    detectable = world.controlled.scorer.scores(
        MatchTraits(
            numbers,
            ones,
            ones > 0,
            np.array([len(tweet["text"]) for tweet in chosen]),
            np.zeros((len(chosen), 3), np.int64),  # The whole texts.
        )
    ).passes_rule
    texts = (
        [placed(copy, rng.choice(documents), rng) for copy in copies]
        if inside
        else copies
    )
    pieces = copied_wording(
        *buffers(pa.array(copies, pa.large_string())), numbers, reader
    ).pieces
    texts_of = [corpus.distinct[tweet["id"]] for tweet in chosen]
    alike = map(nearly_verbatim, provscan.canonical(copies), texts_of)
    nearly = np.array([*alike], np.bool_) & ~pieces & detectable
    return Copies(Pool(texts, world.controlled.controls), nearly)


def nearly_verbatim(copy: str, text: str) -> bool:
    """Return whether a copy is nearly verbatim, as "At most" in ``docs/statistics.md``
    defines it. Both are canonical. Nothing here is the program's own. Words that an
    edit adds before and after a tweet are no part of the copy, which extends from the
    first to the last 5-gram of the text.
    """
    grams, of_text = (
        [each[n : n + 5] for n in range(len(each) - 4)] for each in (copy, text)
    )
    second = set(of_text)
    shared = [n for n, gram in enumerate(grams) if gram in second]
    first = set(grams[shared[0] : shared[-1] + 1]) if shared else set()
    both = len(first & second)
    similar = both >= 0.8 * len(first | second)
    only_cut = both >= 0.8 * len(second) and both >= 0.97 * len(first)
    return both > 0 and (similar or only_cut)


def limit(world: World, scans: int) -> None:
    """Print how often "at most" is right if edited copies were planted."""
    found = table(
        "At most: the limit on nearly verbatim copies",
        "planted",
        "scans",
        "right",
        "withheld",
        "over the truth, median",
        "minimum",
    )
    sets = {
        "light edits": {**EDITS},
        "heavy edits": {**EDITS, **HEAVY},
        "other edits": {**OTHERS},
        "verbatim": {"exact": EDITS["exact"]},
    }
    names = list(world.collections)
    every: list[tuple[float, float | None]] = []
    for kind, short, inside in product(sets, (False, True), (False, True)):
        copies = edited(world, sets[kind], short=short, inside=inside, seed=7)
        results: list[tuple[float, float | None]] = []
        for number in range(max(1, scans // (4 * len(sets)))):
            rng = Random(f"limit {kind} {short} {inside} {number}")
            name = names[number % len(names)]
            scan, available = world.scans[name], len(copies.nearly)
            count, size = rng.choice((100, 300, 1_000)), len(scan.lengths)
            rows = np.array(rng.sample(range(size), min(4_000, size)))
            which = np.array(
                rng.sample(range(available), min(count, available)), np.int64
            )
            dataset = scan.drawn(rows).with_more(copies.scan.drawn(which))
            at_most = answer(world, name, dataset, number)["records"]["at_most"]
            results.append((float(copies.nearly[which].sum()), at_most))
        every += results
        only_short = ", short tweets only" if short else ""
        place = ", in documents" if inside else ""
        found.add_row(f"{kind}{only_short}{place}", *_judged(results))
    found.add_row("all", *_judged(every))
    console.print(found)


def _judged(results: list[tuple[float, float | None]]) -> list[str]:
    """Return the cells of a row, given pairs of the truth and the limit."""
    given = [(truth, most) for truth, most in results if most is not None]
    over = [most / truth for truth, most in given if truth]
    right = sum(truth <= most + 1e-9 for truth, most in given)
    ratios = [f"{np.median(over):.2f}", f"{min(over):.2f}"] if over else ["-", "-"]
    withheld = str(len(results) - len(given))
    return [str(len(results)), f"{right}/{len(given)}", withheld, *ratios]


def main() -> None:
    parser = command_line(__doc__)
    add_data_options(parser, required=True)
    parser.add_argument(
        "--scans",
        type=int,
        default=100,
        help="simulated scans per measure of chance, and in the section limit",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the division of the tweets"
    )
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="sections"
    )
    args = parser.parse_args()
    console.print(machine())
    with tempfile.TemporaryDirectory() as folder:
        worlds = made(args.corpus, args.background, Path(folder), args.seed)
        if "clean" in args.only:
            clean(worlds["none"], known_of(worlds["none"]))
        if "claims" in args.only:
            without_copies(worlds, args.scans)
        if "few" in args.only:
            few(worlds["control"])
        if "limit" in args.only:
            limit(worlds["none"], args.scans)


def made(corpus: Path, background: Path, folder: Path, seed: int) -> dict[str, World]:
    """Return the world of each measure of chance."""
    rng = Random(seed)
    rows = [row for path in files(corpus) for row in json_rows(path)]
    canonical = provscan.canonical([row["text"] for row in rows])
    first = {text: row for row, text in zip(rows, canonical, strict=True) if text}
    every = [row for row in first.values() if not row["text"].startswith("RT @")]
    rng.shuffle(every)
    apart = {row["id"] for row in every[: len(every) // 3]}
    licensed = [row for row in every if row["id"] not in apart]
    index = provscan.build_index(licensed, folder / "licensed.index")
    collections, long = {}, {}
    for path in files(background):
        name, texts = path.name.split(".")[0], [row["text"] for row in json_rows(path)]
        if len(texts) < FEW_RECORDS:
            long[f"{name} as it is"] = texts
            texts = [passage for text in texts for passage in passages(text)]
        collections[name] = texts
    known = {row["id"]: text for text, row in first.items()}
    base = Corpus(licensed, index, [], [], [], known)
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
