"""Do the numbers of a run hold? Simulated scans with a known truth, cell by cell, in one table.

    python benchmarks/coverage.py [--corpus DIR --background DIR] [--scans 30] [--main 200] [--only WORD,...]

A cell is a kind of dataset and a kind of control. A scan is a random sample of records without any tweet, into which
licensed tweets are planted that went through edits (benchmarks/edits.py, written apart from those of the spike-ins). It
is scanned and analysed as `provscan match` does it; matches of records without tweets are looked up once for all scans.
Printed of each cell, for records and for texts: how often "at least" and "at most" hold, how often there is an estimate
and its interval holds, its bias and its width over the truth (medians), how often copies are claimed; how often the
list at q <= 0.01 is not empty, how often only records or only texts are claimed, and the seconds of an analysis. Where
nothing is planted, every claim is false. Without data, made-up tweets and texts are taken.
"""

from __future__ import annotations

if __name__ == "coverage":
    raise ImportError("a benchmark, and not the package coverage, which numba looks for")

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard
from edits import EDITS, HEAVY, halved
from measure import machine
from synthetic import documents, tweets

import provscan
from provscan.calibration.controls import Controls, no_control, with_files
from provscan.calibration.null import NullScan
from provscan.matching import scan_texts
from provscan.matching.carriers import CarrierRecord
from provscan.matching.parts import PartResult
from provscan.matching.task import Sampling
from provscan.params import MatchParams
from provscan.readers import Fields, ReadStats
from provscan.runs.analysis import Settings, analyse
from provscan.text.arrow import buffers

RECORDS = 10_000
CARRIERS = 400
PARAMS = MatchParams()


@dataclass(frozen=True)
class Cell:
    """What is planted in the datasets, and what serves as control.

    Attributes
    ----------
    name
        For the table and for ``--only``.
    corpus
        Which corpus, of those that :func:`corpora` makes.
    control
        Which control of that corpus; "none" for none.
    edits
        "light", "mixed", "heavy", or "halves": light ones, and a quarter of the copies cut to half.
    usage
        Share of the records that hold a copy.
    inside
        Whether copies stand inside of records.
    main
        Scanned more often.
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
    Cell("nothing, null dataset", "latin", "null", usage=0.0),
    Cell("nothing, Japanese, same control", "japanese", "same", usage=0.0),
    Cell("nothing, Japanese, Latin control", "japanese", "latin", usage=0.0),
    *(Cell(f"light, {u:.1%}", "latin", "same", usage=u, main=u == 0.01) for u in (0.001, 0.01, 0.1)),
    *(Cell(f"mixed, {u:.1%}", "latin", "same", "mixed", u, main=u == 0.01) for u in (0.001, 0.01, 0.1)),
    *(Cell(f"heavy, {u:.1%}", "latin", "same", "heavy", u) for u in (0.01, 0.1)),
    *(Cell(f"halves, {u:.1%}", "latin", "same", "halves", u, main=u == 0.1) for u in (0.01, 0.1)),
    *(Cell(f"{e}, inside, 10.0%", "latin", "same", e, 0.1, True) for e in ("light", "mixed", "halves")),
    *(Cell(f"light, {c} control", "latin", c, usage=0.1) for c in ("other", "later", "null", "none")),
    *(Cell(f"{e}, no control", "latin", "none", e, 0.1) for e in ("mixed", "heavy", "halves")),
    *(
        Cell(f"{e}, {c}, 10.0%", c.lower(), "same", e, 0.1)
        for c in ("Japanese", "Chinese")
        for e in ("light", "halves", "heavy")
    ),
]  # fmt: skip


@dataclass
class Corpus:
    """An index, its controls, and the records without tweets, scanned once for each control."""

    licensed: list[dict[str, Any]]
    index: provscan.Index
    background: list[str]
    controls: dict[str, Controls]
    null: list[str] = field(default_factory=list)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    distinct: dict[str, str] = field(default_factory=dict)


def scanned(texts: list[str], controls: Controls) -> dict[str, Any]:
    """Matches in some texts, as columns; ``row`` counts the texts."""
    found = scan_texts(*buffers(pa.array(texts, pa.large_string())), controls.reader, PARAMS)
    return {
        "row": found.row, "start": found.span[:, 0], "end": found.span[:, 1], "text": found.text,
        "similarity": found.similarity.astype(np.float32), "containment": found.containment.astype(np.float32),
    }  # fmt: skip


def planted(cell: Cell, corpus: Corpus, texts: list[str], rng: Random) -> tuple[list[int], int, int]:
    """Plant copies in `texts`; records that hold one, how many different tweets, and how many copies."""
    count = round(cell.usage * len(texts))
    copies: list[dict[str, Any]] = []
    while len(copies) < count:
        tweet = rng.choice(corpus.licensed)
        if len(corpus.distinct[tweet["id"]]) >= 20:
            copies += [tweet] * min(count - len(copies), rng.choice((1, 1, 1, 1, 2, 3)))
    light, heavy = list(EDITS.values()), list(HEAVY.values())
    places = rng.sample(range(len(texts)), count)
    for place, tweet in zip(places, copies, strict=True):
        edits = heavy if cell.edits == "heavy" or (cell.edits == "mixed" and rng.random() < 0.3) else light
        edit = halved if cell.edits == "halves" and rng.random() < 0.25 else rng.choice(edits)
        copy = edit(tweet["text"], rng)
        if cell.inside:
            carrier = texts[place]
            at = rng.choice([0, *(i for i, c in enumerate(carrier) if c.isspace()), len(carrier)])
            copy = f"{carrier[:at]}\n{copy}\n{carrier[at:]}"
        texts[place] = copy
    return places, len({corpus.distinct[tweet["id"]] for tweet in copies}), count


def scan(cell: Cell, corpus: Corpus, seed: int) -> dict[str, Any]:
    """The answer of one simulated scan beside the truth."""
    rng = Random(f"{cell.name} {seed}")
    control = "none" if cell.control == "null" else cell.control
    controls, found = corpus.controls[control], corpus.found[control]
    chosen = np.array(rng.sample(range(len(corpus.background)), min(RECORDS, len(corpus.background))))
    texts = [corpus.background[i] for i in chosen.tolist()]
    places, different, _ = planted(cell, corpus, texts, rng)
    fresh = scanned([texts[place] for place in places], controls)
    fresh["row"] = np.array(places, np.int64)[fresh["row"]]
    place_of = np.full(len(corpus.background), -1)
    place_of[chosen] = np.arange(len(chosen))
    place_of[chosen[places]] = -1
    kept = np.flatnonzero(place_of[found["row"]] >= 0)
    old = {name: values[kept] for name, values in found.items()}
    old["row"] = place_of[old["row"]]
    columns = {name: np.concatenate([old[name], fresh[name]]) for name in fresh}
    order = np.lexsort((columns["start"], columns["row"]))
    columns = {name: values[order] for name, values in columns.items()}
    size = len(order)
    rows = pa.table({
        "source": pa.repeat(pa.scalar("data"), size), "record": columns.pop("row"),
        "field": pa.repeat(pa.scalar("text"), size), **columns,
        "tweets": controls.reader.tweet_counts(columns["text"]).astype(np.int32),
    })  # fmt: skip
    part = PartResult(0, "data", records=len(texts), characters=sum(map(len, texts)), stats=ReadStats())
    carriers = [CarrierRecord(i, len(text), text[:4096], 1) for i, text in enumerate(rng.sample(texts, CARRIERS))]
    null = null_scan(corpus, rng, controls) if cell.control == "null" else None
    began = time.perf_counter()
    analysis = analyse(rows, [part], carriers, controls, PARAMS, Settings(Sampling(1.0, seed)), null)
    seconds = time.perf_counter() - began
    truth = {"records": len(places), "texts": different}
    return {"truth": truth, "seconds": seconds, "q": analysis.added["q_value"], **analysis.summary}


def null_scan(corpus: Corpus, rng: Random, controls: Controls) -> NullScan:
    """As many other records without tweets."""
    texts = rng.sample(corpus.null, min(RECORDS, len(corpus.null)))
    found = scanned(texts, controls)
    size = found["end"] - found["start"]
    containment = found["containment"].astype(np.float64)
    return NullScan(found["row"], found["text"], containment, size, len(texts), sum(map(len, texts)), ("null",))


def corpora(corpus: Path | None, background: Path | None, folder: Path, seed: int) -> dict[str, Callable[[], Corpus]]:
    """How to make each corpus."""

    def latin() -> Corpus:
        if corpus is None or background is None:
            rows = made_up(lambda text: text.isascii() or max(text) < "\u0250", 60_000, seed)
            texts = documents(4_000_000, seed + 1, mean=100)
        else:
            rows = [row for path in sorted(corpus.glob("*.jsonl*")) for row in read_rows(path)]
            texts = [r["text"] for path in sorted(background.glob("*.jsonl*")) for r in read_rows(path)]
        return made("latin", rows, [text for text in texts if len(text) <= 400], folder, seed)

    def wide(name: str, low: str, high: str) -> Callable[[], Corpus]:
        def make() -> Corpus:
            rows = made_up(lambda text: sum(low <= c <= high for c in text) > 0.3 * len(text), 400_000, seed)
            texts = [row["text"] for row in rows[: len(rows) // 2]]
            return made(name, rows[len(rows) // 2 :], texts, folder, seed)

        return make

    return {
        "latin": latin,
        "japanese": wide("japanese", "\u3041", "\u30ff"),
        "chinese": wide("chinese", "\u4e00", "\u9fff"),
    }


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of JSON lines, compressed or not."""
    opened = zstandard.open(path, "rt", encoding="utf-8") if path.suffix == ".zst" else path.open(encoding="utf-8")
    with opened as file:
        yield from map(json.loads, file)


def made_up(wanted: Callable[[str], bool], count: int, seed: int) -> list[dict[str, Any]]:
    """Made-up tweets of one kind, with authors and years."""
    rows = [
        row for batch in tweets(count, seed) for row in batch.select(["id", "text"]).to_pylist() if wanted(row["text"])
    ]
    for number, row in enumerate(rows):
        row |= {"author": f"a{number % 997}", "created_at": f"{2012 + number % 8}-01-01"}
    return rows


def made(name: str, rows: list[dict[str, Any]], texts: list[str], folder: Path, seed: int) -> Corpus:
    """A corpus with its controls: of the same kind, by other authors, of later years, and Latin text."""
    rng = Random(seed)
    canonical = provscan.canonical([row["text"] for row in rows])
    first = {text: row for row, text in zip(rows, canonical, strict=True)}
    known = {row["id"]: text for text, row in first.items()}
    every = [row for text, row in first.items() if text and not row["text"].startswith("RT @")]
    rng.shuffle(every)
    rng.shuffle(texts)
    years = sorted(row["created_at"] for row in every if row.get("created_at"))
    late = years[len(years) * 7 // 10] if years else "9999"
    authors = sorted({row["author"] for row in every if row.get("author")})
    rng.shuffle(authors)
    apart = set(authors[: len(authors) * 3 // 10])
    held = {
        "same": {row["id"] for row in every[: len(every) * 3 // 10]},
        "other": {row["id"] for row in every if row.get("author") in apart},
        "later": {row["id"] for row in every if (row.get("created_at") or "") > late},
    }
    away = set().union(*held.values()) if name == "latin" else held["same"]
    licensed = [row for row in every if row["id"] not in away]
    index = provscan.build_index(licensed, folder / f"{name}.index")
    result = Corpus(
        licensed, index, texts[: len(texts) // 2], {"none": no_control(index.reader)}, texts[len(texts) // 2 :]
    )
    result.distinct = known
    for kind, ids in held.items():
        if ids and (name == "latin" or kind == "same"):
            result.controls[kind] = control(
                index, [row for row in every if row["id"] in ids], folder / f"{name}.{kind}"
            )
    if name != "latin":
        latin = made_up(lambda text: text.isascii(), 20_000, seed)
        result.controls["latin"] = control(index, latin, folder / f"{name}.latin")
    for kind, controls in result.controls.items():
        result.found[kind] = scanned(result.background, controls)
    return result


def control(index: provscan.Index, rows: list[dict[str, Any]], folder: Path) -> Controls:
    path = folder.with_suffix(".jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return with_files(no_control(index.reader), [str(path)], Fields(), folder, 2)[0]


def summarised(cell: Cell, scans: list[dict[str, Any]]) -> str:
    """A row of the table."""
    columns = [cell.name, str(len(scans))]
    for name in ("records", "texts"):
        pairs = [(scan["truth"][name], scan["answer"][name]) for scan in scans]
        least = [a["at_least"] <= truth + 1e-9 for truth, a in pairs if a["at_least"] is not None]
        most = [truth <= a["at_most"] + 1e-9 for truth, a in pairs if a["at_most"] is not None]
        given = [(truth, a["estimate"]) for truth, a in pairs if a["estimate"]]
        holds = [e["low"] - 1e-9 <= truth <= e["high"] + 1e-9 for truth, e in given]
        claims = [bool(a["at_least"]) for _, a in pairs]
        bias = [e["value"] / truth - 1 for truth, e in given if truth]
        width = [(e["high"] - e["low"]) / truth for truth, e in given if truth]
        columns += [*map(of, (least, most, holds))]
        columns += [f"{np.median(bias):+.3f}" if bias else "-", f"{np.median(width):.3f}" if width else "-", of(claims)]
    listed = [bool(np.any(np.nan_to_num(scan["q"].to_numpy(zero_copy_only=False), nan=1.0) <= 0.01)) for scan in scans]
    split = [bool(scan["answer"]["records"]["at_least"]) != bool(scan["answer"]["texts"]["at_least"]) for scan in scans]
    columns += [of(listed), str(sum(split)), f"{np.median([scan['seconds'] for scan in scans]):.2f}"]
    return "| " + " | ".join(columns) + " |"


def of(values: list[bool]) -> str:
    return f"{sum(values)}/{len(values)}" if values else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="folder of tweets, .jsonl or .jsonl.zst")
    parser.add_argument("--background", type=Path, help="folder of texts without licensed tweets")
    parser.add_argument("--scans", type=int, default=30, help="of each cell")
    parser.add_argument("--main", type=int, default=200, help="of the main cells")
    parser.add_argument("--only", default="", help="cells whose names contain one of these words")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder for the answers, one JSON file a cell")
    args = parser.parse_args()
    print(machine())
    words = [word for word in args.only.split(",") if word]
    cells = [cell for cell in CELLS if not words or any(word in cell.name for word in words)]
    six = "at least holds | at most holds | interval holds | bias | width | claims"
    print(f"\n| cell | scans | records: {six} | texts: {six} | listed | split | s |")
    print("|---" * 17 + "|")
    with tempfile.TemporaryDirectory() as name:
        makers, ready = corpora(args.corpus, args.background, Path(name), args.seed), {}
        for cell in sorted(cells, key=lambda cell: list(makers).index(cell.corpus)):
            if cell.corpus not in ready:
                ready = {cell.corpus: makers[cell.corpus]()}
            if cell.control not in (*ready[cell.corpus].controls, "null"):
                continue
            count = args.main if cell.main else args.scans
            scans = [scan(cell, ready[cell.corpus], 1000 * args.seed + number) for number in range(count)]
            print(summarised(cell, scans), flush=True)
            if args.save:
                args.save.mkdir(exist_ok=True)
                answers = [{key: scan[key] for key in ("truth", "answer", "recall", "control")} for scan in scans]
                (args.save / f"{cell.name.replace(' ', '_')}.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
