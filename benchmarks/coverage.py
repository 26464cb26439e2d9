"""How often are the bounds, intervals and claims of a run right, over many kinds of
datasets, edits and controls?

    python benchmarks/coverage.py [--corpus FOLDER --background FOLDER] [--scans 20]
        [--main 60] [--only EXPRESSION]
    python benchmarks/coverage.py --save FILE ...     # append each scan to FILE, so
                                                      # that cells can be run separately
    python benchmarks/coverage.py --table FILE        # print the table of a saved file

A cell is a kind of dataset with a kind of control. Each of its scans has an index, a
control and records of its own, drawn with a seed of its own, so the scans of a cell are
independent trials. (Those of two cells are not: the first scans of all cells, for
example, share an index and records without tweets.) Edited licensed tweets are planted
in the records, and the scan is analysed as by ``provscan match`` (``simulated.py``).
Many edits of ``edits.py`` resemble those of the spike-ins; those of ``other_edits.py``,
in the cells with "others" or the name of one of them, were written without reading
them. With real tweets and texts, a seed divides them anew, so all scans share them.

The table shows for each cell, for records and for texts: how often "at least" and the
bound on all copies (``at_most_any``) are right; the ratio of that bound to the truth
(median); how often the interval is right in scans that have one, and its bias and its
width relative to the truth (medians); and in how many scans copies are claimed. If
nothing was planted, every claim is false. Further columns show in how many scans the
list at q <= 0.01 is not empty ("listed"), only records or only texts are claimed
("split"), or there is no warning of drift, and the median processor time of an analysis
without its spike-ins in milliseconds. Takes about eight minutes on two processors for
all cells, and half a minute with ``--only nothing --scans 5 --main 5``.
"""

from __future__ import annotations

if __name__ == "coverage":
    raise ImportError(
        "a benchmark, and not the package coverage, which numba looks for"
    )

import json
import re
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from edits import EDITS, HEAVY, halved
from measure import command_line, console, machine, table
from other_edits import OTHERS
from planted import add_data_options, files, json_rows
from simulated import (
    Controlled,
    Corpus,
    Pool,
    answered,
    control,
    covered,
    placed,
)
from synthetic import documents, tweets

import provscan
from provscan.calibration.controls import no_control
from provscan.runs.answer.summary import recall_summary
from provscan.runs.counting.matches import score_matches
from provscan.runs.measures.analysis import ScoredScan
from provscan.runs.scan.totals import ScanTotals

RECORDS, DOCUMENTS = 10_000, 4_000
ALL_EDITS = {**EDITS, **HEAVY, halved.__name__: halved, **OTHERS}
LATE = ("control_from_other_years", "chance_drifts", "control_unlike")


@dataclass(frozen=True)
class Cell:
    """The planted copies of a kind of dataset, and its control.

    Attributes
    ----------
    name
        Name in the table and for ``--only``.
    corpus
        Name of a corpus of :func:`corpora`.
    control
        Name of a control of that corpus, "null" for a null dataset, or "none".
    edits
        "light", "mixed", "heavy", "others", "mixed others", or the name of an edit.
        "halves": light edits, and a quarter of the copies cut to half. "headlines": 30
        texts from the first years that both the tweets and the dataset contain.
    usage
        Share of the records that contain a copy.
    inside
        Whether copies are inside documents.
    main
        Whether the number of scans is ``--main``.
    """

    name: str
    corpus: str
    control: str
    edits: str = "light"
    usage: float = 0.01
    inside: bool = False
    main: bool = False


CELLS = [
    *(
        Cell(f"nothing, {c} control", "latin", c, usage=0.0, main=c == "same")
        for c in ("same", "other", "later", "none")
    ),
    Cell("nothing, null dataset", "latin", "null", usage=0.0, main=True),
    Cell("nothing, Japanese, same control", "japanese", "same", usage=0.0),
    Cell("nothing, Japanese, Latin control", "japanese", "latin", usage=0.0),
    Cell("nothing, documents, same control", "latin", "same", usage=0.0, inside=True),
    Cell("30 old headlines, later control", "latin", "later", "headlines", 0.003),
    *(
        Cell(f"light, {u:.1%}", "latin", "same", usage=u, main=u == 0.01)
        for u in (0.001, 0.01, 0.1)
    ),
    *(
        Cell(f"mixed, {u:.1%}", "latin", "same", "mixed", u, main=u == 0.01)
        for u in (0.001, 0.01, 0.1)
    ),
    *(Cell(f"heavy, {u:.1%}", "latin", "same", "heavy", u) for u in (0.01, 0.1)),
    *(
        Cell(f"halves, {u:.1%}", "latin", "same", "halves", u, main=u == 0.1)
        for u in (0.01, 0.1)
    ),
    *(
        Cell(f"{e}, in documents, 10.0%", "latin", "same", e, 0.1, True)
        for e in ("light", "mixed", "halves")
    ),
    *(
        Cell(f"light, {c} control", "latin", c, usage=0.1)
        for c in ("other", "later", "null", "none")
    ),
    *(
        Cell(f"{e}, no control", "latin", "none", e, 0.1)
        for e in ("mixed", "heavy", "halves")
    ),
    *(
        Cell(f"{e.replace('_', ' ')}, {c}, 10.0%", c.lower(), "same", e, 0.1)
        for c in ("Japanese", "Chinese")
        for e in ("light", "halves", "halved", "three_words", "heavy")
    ),
    *(
        Cell(f"{e}, {u:.1%}", "latin", "same", e, u)
        for e in ("mixed others", "others")
        for u in (0.01, 0.1)
    ),
    *(Cell(f"{e.replace('_', ' ')}, 10.0%", "latin", "same", e, 0.1) for e in OTHERS),
    *(
        Cell(f"{e.replace('_', ' ')}, {c}, 10.0%", c.lower(), "same", e, 0.1)
        for c in ("Japanese", "Chinese")
        for e in ("mixed others", "others", "quoted_in_a_reply", "autocorrected")
    ),
]


def planted(
    cell: Cell, corpus: Corpus, count: int, rng: Random
) -> tuple[list[str], int]:
    """Return the copies to be planted, and the number of distinct texts among them."""
    fit = [tweet for tweet in corpus.licensed if covered(corpus.distinct[tweet["id"]])]
    if cell.edits == "headlines":
        fit.sort(key=lambda tweet: tweet.get("created_at") or "9999")
        chosen = rng.sample(fit[: len(fit) // 8], count)
        return [tweet["text"] for tweet in chosen], count
    which: list[dict[str, Any]] = []
    while len(which) < count:
        which += [rng.choice(fit)] * min(
            count - len(which), rng.choice((1, 1, 1, 1, 2, 3))
        )
    copies = []
    for tweet in which:
        edits = [cell.edits] if cell.edits in ALL_EDITS else list(EDITS)
        if cell.edits == "heavy" or (cell.edits == "mixed" and rng.random() < 0.3):
            edits = list(HEAVY)
        elif cell.edits == "others" or (
            cell.edits == "mixed others" and rng.random() < 0.3
        ):
            edits = list(OTHERS)
        elif cell.edits == "halves" and rng.random() < 0.25:
            edits = [halved.__name__]
        copy = ALL_EDITS[rng.choice(edits)](tweet["text"], rng)
        if cell.inside:
            copy = placed(copy, rng.choice(corpus.documents), rng)
        copies.append(copy)
    return copies, len({corpus.distinct[tweet["id"]] for tweet in which})


def scan(cell: Cell, corpus: Corpus, seed: int) -> dict[str, Any]:
    """Return the answer of one simulated scan next to the truth."""
    rng = Random(f"{cell.name} {seed}")
    controlled = corpus.controlled["none" if cell.control == "null" else cell.control]
    texts, size = (
        (controlled.documents, DOCUMENTS)
        if cell.inside
        else (controlled.records, RECORDS)
    )
    size = min(size, len(texts.lengths))
    chosen = np.array(rng.sample(range(len(texts.lengths)), size))
    count = round(cell.usage * size)
    dataset, different = texts.drawn(chosen[count:]), 0
    if count:
        copies, different = planted(cell, corpus, count, rng)
        every = np.arange(count)
        dataset = dataset.with_more(Pool(copies, controlled.controls).drawn(every))
    with tempfile.TemporaryDirectory() as folder:
        scanned = dataset.scan(0, "data", Path(folder))
        null = None
        if cell.control == "null":
            # The null dataset has as many other records without tweets.
            count_null = min(size, len(corpus.null))
            rows = np.array(rng.sample(range(len(corpus.null)), count_null))
            null = controlled.null.drawn(rows).scan(1, "null", Path(folder))
        true = cell.edits != "headlines"
        truth = {"records": count * true, "texts": different * true}
        return outcome(cell, controlled, scanned, null, seed) | {"truth": truth}


def outcome(
    cell: Cell,
    controlled: Controlled,
    scanned: ScanTotals,
    null: ScanTotals | None,
    seed: int,
) -> dict[str, Any]:
    """Return the answer of one simulated scan."""
    spike_ins = controlled.spiked_inside if cell.inside else controlled.spiked
    began = time.process_time()
    matches = score_matches(scanned, controlled.scorer, controlled.controls)
    scores = ScoredScan(controlled.scorer, matches, controlled.samples, *spike_ins)
    measured, answer = answered(scores, controlled.controls, null=null)
    rates = measured.error_rates
    q = rates.q_values(matches.rows, measured.eligible)
    seconds = time.process_time() - began
    return {
        "cell": cell.name,
        "seed": seed,
        **{
            name: {
                key: answer[name][key]
                for key in ("findings", "at_least", "estimate", "at_most_any")
            }
            for name in ("records", "texts")
        },
        "listed": bool(np.any(q <= 0.01)),
        "warnings": [entry["code"] for entry in answer["warnings"]],
        "withheld": answer["withheld"].get("records.estimate"),
        "recall": recall_summary(measured.recall)["of_matches"],
        "seconds": seconds,
    }


def corpora(
    corpus: Path | None,
    background: Path | None,
    folder: Path,
    seed: int,
    size: int | None = None,
) -> dict[str, Callable[[], Corpus]]:
    """Return a function for each corpus that makes it, with at most `size` real tweets
    and texts without tweets, chosen at random.
    """

    def latin() -> Corpus:
        if corpus is None or background is None:
            rows = synthetic_tweets(
                lambda text: text.isascii() or max(text) < "\u0250", 60_000, seed
            )
            texts = documents(4_000_000, seed + 1, mean=100)
        else:
            rows = [row for path in files(corpus) for row in json_rows(path)]
            texts = [r["text"] for path in files(background) for r in json_rows(path)]
            if size is not None:
                rng = Random(seed)
                rows, texts = (
                    rng.sample(rows, min(size, len(rows))),
                    rng.sample(texts, min(size, len(texts))),
                )
        long = documents(20_000_000, seed + 2, mean=1200) if corpus is None else texts
        return made("latin", rows, texts, long, folder, seed)

    def wide(name: str, low: str, high: str) -> Callable[[], Corpus]:
        def make() -> Corpus:
            rows = synthetic_tweets(
                lambda text: sum(low <= c <= high for c in text) > 0.3 * len(text),
                400_000,
                seed,
            )
            texts = [row["text"] for row in rows[: len(rows) // 2]]
            return made(name, rows[len(rows) // 2 :], texts, [], folder, seed)

        return make

    return {
        "latin": latin,
        "japanese": wide("japanese", "\u3041", "\u30ff"),
        "chinese": wide("chinese", "\u4e00", "\u9fff"),
    }


def synthetic_tweets(
    wanted: Callable[[str], bool], count: int, seed: int
) -> list[dict[str, Any]]:
    """Return the synthetic tweets of one kind, with authors and years."""
    rows = [
        row
        for batch in tweets(count, seed)
        for row in batch.select(["id", "text"]).to_pylist()
        if wanted(row["text"])
    ]
    for number, row in enumerate(rows):
        row |= {
            "author": f"a{number % 997}",
            "created_at": f"{2012 + number % 8}-01-01",
        }
    return rows


def made(
    name: str,
    rows: list[dict[str, Any]],
    texts: list[str],
    long: list[str],
    folder: Path,
    seed: int,
) -> Corpus:
    """Make a corpus with its controls: of the same kind, by other authors, of later
    years, and of Latin text.
    """
    rng = Random(seed)
    canonical = provscan.canonical([row["text"] for row in rows])
    first = {text: row for row, text in zip(rows, canonical, strict=True)}
    every = [
        row
        for text, row in first.items()
        if text and not row["text"].startswith("RT @")
    ]
    rng.shuffle(every)
    short = [text for text in texts if len(text) <= 400]
    long = [text for text in long if 400 < len(text) <= 4000]
    rng.shuffle(short)
    rng.shuffle(long)
    years = sorted(row["created_at"] for row in every if row.get("created_at"))
    late = years[len(years) * 7 // 10] if years else "9999"
    authors = sorted({row["author"] for row in every if row.get("author")})
    rng.shuffle(authors)
    apart = set(authors[: len(authors) * 3 // 10])
    kept_out = {
        "same": {row["id"] for row in every[: len(every) * 3 // 10]},
        "other": {row["id"] for row in every if row.get("author") in apart},
        "later": {row["id"] for row in every if (row.get("created_at") or "") > late},
    }
    if name != "latin":
        kept_out = {"same": kept_out["same"]}
    away = set().union(*kept_out.values())
    licensed = [row for row in every if row["id"] not in away]
    index = provscan.build_index(licensed, folder / f"{name}.index")
    half = len(short) // 2
    known = {row["id"]: text for text, row in first.items()}
    result = Corpus(licensed, index, short[:half], long[:20_000], short[half:], known)
    controls = {"none": no_control(index.reader)}
    for kind, ids in kept_out.items():
        if ids:
            controls[kind] = control(
                index,
                [row for row in every if row["id"] in ids],
                folder / f"{name}.{kind}",
            )
    if name != "latin":
        latin = synthetic_tweets(lambda text: text.isascii(), 20_000, seed)
        controls["latin"] = control(index, latin, folder / f"{name}.latin")
    result.controlled = {
        kind: Controlled(each, result) for kind, each in controls.items()
    }
    return result


COLUMNS = (
    "scans",
    *("at least", "at most", "at most, ratio", "interval", "bias", "width", "claims"),
    *("texts: at least", "texts: at most", "texts: interval"),
    *("texts: bias", "texts: width", "texts: claims"),
    *("listed", "split", "no drift warning", "ms"),
)


def summarised(name: str, scans: list[dict[str, Any]]) -> list[str]:
    """Return a row of the table."""
    columns = [name, str(len(scans))]
    for count in ("records", "texts"):
        pairs = [(scan["truth"][count], scan[count]) for scan in scans]
        least = [
            a["at_least"] <= truth + 1e-9
            for truth, a in pairs
            if a["at_least"] is not None
        ]
        most = [
            truth <= a["at_most_any"] + 1e-9
            for truth, a in pairs
            if a["at_most_any"] is not None
        ]
        over = [
            a["at_most_any"] / truth
            for truth, a in pairs
            if truth and a["at_most_any"] is not None
        ]
        given = [(truth, a["estimate"]) for truth, a in pairs if a["estimate"]]
        holds = [e["low"] - 1e-9 <= truth <= e["high"] + 1e-9 for truth, e in given]
        bias = [e["value"] / truth - 1 for truth, e in given if truth]
        width = [(e["high"] - e["low"]) / truth for truth, e in given if truth]
        columns += [fraction(least), fraction(most)]
        columns += [median(over, ".2f")] if count == "records" else []
        columns += [fraction(holds), median(bias, "+.3f"), median(width, ".3f")]
        columns.append(str(sum(bool(a["at_least"]) for _, a in pairs)))
    split = [
        bool(scan["records"]["at_least"]) != bool(scan["texts"]["at_least"])
        for scan in scans
    ]
    silent = [not any(code in scan["warnings"] for code in LATE) for scan in scans]
    columns += [
        str(sum(each)) for each in ([scan["listed"] for scan in scans], split, silent)
    ]
    columns.append(
        f"{1000.0 * float(np.median([scan['seconds'] for scan in scans])):.0f}"
    )
    return columns


def median(values: list[float], form: str) -> str:
    return format(float(np.median(values)), form) if values else "-"


def fraction(values: list[bool]) -> str:
    return f"{sum(values)}/{len(values)}" if values else "-"


def show(scans: list[dict[str, Any]]) -> None:
    """Print the table of scans."""
    shown = table("", "cell", *COLUMNS)
    for cell in CELLS:
        of_cell = [scan for scan in scans if scan["cell"] == cell.name]
        if of_cell:
            shown.add_row(*summarised(cell.name, of_cell))
    console.print(shown)


def numbered_scans(args: Namespace, number: int) -> list[dict[str, Any]]:
    """Return the scan with a number of each cell that has so many."""
    # The texts of a corpus have this seed and the next two.
    seed = 1000 * args.seed + 3 * number
    cells = [
        cell
        for cell in CELLS
        if re.search(args.only, cell.name)
        and number < (args.main if cell.main else args.scans)
    ]
    scans = []
    with tempfile.TemporaryDirectory() as name:
        makers = corpora(args.corpus, args.background, Path(name), seed, args.tweets)
        for kind, make in makers.items():
            of_kind = [cell for cell in cells if cell.corpus == kind]
            corpus = make() if of_kind else None
            for cell in of_kind:
                assert corpus is not None
                if cell.control in (*corpus.controlled, "null"):
                    scans.append(scan(cell, corpus, seed))
    return scans


def main() -> None:
    parser = command_line(__doc__)
    add_data_options(parser)
    parser.add_argument(
        "--tweets",
        type=int,
        help="size of the random samples of the tweets of --corpus and of the texts of "
        "--background; by default all are used",
    )
    parser.add_argument(
        "--scans", type=int, default=20, help="simulated scans of each cell"
    )
    parser.add_argument(
        "--main", type=int, default=60, help="simulated scans of each main cell"
    )
    parser.add_argument(
        "--only",
        default="",
        help="regular expression; only cells whose names contain it are scanned",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of all random choices"
    )
    parser.add_argument(
        "--save", type=Path, help="file of JSON lines to which the scans are appended"
    )
    parser.add_argument(
        "--table", type=Path, help="print the table of a saved file, and scan nothing"
    )
    args = parser.parse_args()
    if args.table:
        show([json.loads(line) for line in args.table.read_text().splitlines()])
        return
    console.print(machine())
    scans = []
    with ProcessPoolExecutor() as processes:
        numbers = range(max(args.scans, args.main))
        for each in processes.map(partial(numbered_scans, args), numbers):
            scans += each
            if args.save:
                with args.save.open("a") as file:
                    file.writelines(f"{json.dumps(scan)}\n" for scan in each)
    show(scans)


if __name__ == "__main__":
    main()
