"""Do the numbers of a run hold? Scans of datasets with a known truth, and what the runs claim about them.

    python benchmarks/estimates.py --corpus tweets/ --background texts/ --scans 240

Tweets of the corpus are split by chance: licensed ones are indexed, control ones are handed over as ``control``. A
dataset is records of the background, into which licensed tweets are planted that went through a random mixture of
edits; how much is planted, the mixture and everything else differ from scan to scan. Without data, made-up tweets and
texts are taken. Samples of 10 % follow, of records and of whole files: many files of unequal sizes, whose records are
short in one and long in another, and of which some hold most of what was planted.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from edits import EDITS
from measure import machine
from synthetic import documents, tweets

import provscan
from provscan.runs.analysis import Q_MAX

USAGE = (0.0, 0.001, 0.01, 0.2)
NUMBERS = ("records", "texts", "characters_share")
LEAST_LETTERS = 20


def rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".zst":
        with subprocess.Popen(["zstd", "-dcq", str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield from map(json.loads, process.stdout)
    else:
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


@dataclass
class Material:
    """Licensed and control tweets, background records, and who must not be planted twice."""

    licensed: list[dict[str, Any]]
    control: list[dict[str, Any]]
    background: list[str]


def material(corpus: Path | None, background: Path | None, longest: int, control: float, seed: int) -> Material:
    dice = random.Random(seed)
    if corpus is None or background is None:
        found = [row for batch in tweets(60_000, seed) for row in batch.select(["id", "text"]).to_pylist()]
        texts = documents(12_000_000, seed + 1, mean=200)
    else:
        found = [row for path in sorted(corpus.glob("*.jsonl*")) for row in rows(path)]
        texts = [row["text"] for path in sorted(background.glob("*.jsonl*")) for row in rows(path)]
    texts = [text for text in texts if len(text) <= longest]
    canonical = provscan.canonical([row["text"] for row in found])
    seen: set[str] = set()
    distinct = []
    for row, text in zip(found, canonical, strict=True):
        if text not in seen:
            seen.add(text)
            distinct.append(row)
    dice.shuffle(distinct)
    dice.shuffle(texts)
    held = int(len(distinct) * control)
    return Material(distinct[held:], distinct[:held], texts)


@dataclass
class Truth:
    """What was planted."""

    records: set[int] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    characters: int = 0
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)


def dataset(
    stuff: Material,
    usable: list[dict[str, Any]],
    size: int,
    usage: float,
    dice: random.Random,
    files: list[int] | None = None,
) -> tuple[list[dict[str, Any]], Truth]:
    """Background records with licensed tweets among them: records of their own, inside others, some twice.

    With `files`, the number of records of each, files differ in how long their records are and how many hold a tweet.
    """
    names = dice.sample(list(EDITS), dice.randrange(2, len(EDITS) + 1))
    weights = [dice.random() ** 2 + 0.02 for _ in names]
    texts = dice.sample(stuff.background, size)
    if files:
        texts.sort(key=lambda text: len(text) * dice.lognormvariate(0, 1))
    truth = Truth()
    planted = round(usage * size)
    copies: list[dict[str, Any]] = []
    while len(copies) < planted:
        tweet = dice.choice(usable)
        copies += [tweet] * min(planted - len(copies), dice.choice((1, 1, 1, 1, 2, 3)))
    places = unequal(files, planted, dice) if files else dice.sample(range(size), planted)
    for record, tweet in zip(places, copies, strict=True):
        name = dice.choices(names, weights)[0]
        copy = EDITS[name](tweet["text"], dice)
        before = after = ""
        if dice.random() < 0.5:
            host = texts[record]
            blanks = [0, *(i for i, c in enumerate(host) if c.isspace()), len(host)]
            at = dice.choice(blanks)
            before, after = host[:at] + "\n", "\n" + host[at:]
        texts[record] = before + copy + after
        truth.records.add(record)
        truth.texts.add(tweet["id"])
        # What others wrote before and after it is not licensed.
        truth.characters += len(tweet["text"] if name == "commented" else copy)
        truth.spans[record] = (len(before), len(before) + len(copy))
    return [{"id": str(i), "text": text} for i, text in enumerate(texts)], truth


def file_sizes(records: int, dice: random.Random) -> list[int]:
    """Records of each of some hundreds of files, log-normal."""
    weights = [dice.lognormvariate(0, 0.7) for _ in range(dice.choice((500, 1000, 2000)))]
    sizes = [max(1, round(weight / sum(weights) * records)) for weight in weights]
    sizes[sizes.index(max(sizes))] += records - sum(sizes)
    return sizes


def unequal(files: list[int], count: int, dice: random.Random) -> list[int]:
    """`count` records of all, more of some files than of others (Efraimidis & Spirakis 2006)."""
    likely = [weight for size in files for weight in [dice.gammavariate(0.5, 1) + 0.02] * size]
    keys = [math.log(1.0 - dice.random()) / weight for weight in likely]
    return sorted(range(len(keys)), key=lambda record: -keys[record])[:count]


@dataclass
class Scan:
    """A scan's claims beside the truth."""

    usage: float
    truth: dict[str, float]
    estimate: dict[str, Any]
    listed: int
    false: int
    seconds: dict[str, float]


def scan(
    index: provscan.Index, control: Path, records: list[dict[str, Any]], truth: Truth, usage: float, seed: int,
    folder: Path, sample: float | None,
) -> Scan:  # fmt: skip
    run = provscan.match(records, index, folder / "a.run", overwrite=True, control=control, seed=seed, sample=sample)
    table = run.matches
    kept = table.filter(pc.and_(pc.less_equal(table["q_value"], Q_MAX), pc.invert(table["common"]))).to_pylist()
    false = 0
    for row in kept:
        low, high = truth.spans.get(row["record"], (0, 0))
        false += min(high, row["end"]) <= max(low, row["start"])
    size = sum(len(record["text"]) for record in records)
    known = {
        "records": len(truth.records),
        "texts": len(truth.texts),
        "characters_share": truth.characters / size,
    }
    return Scan(usage, known, run.summary["estimate"], len(kept), false, run.info["seconds"])


def scan_files(
    index: provscan.Index, control: Path, records: list[dict[str, Any]], truth: Truth, usage: float, seed: int,
    folder: Path, files: list[int],
) -> Scan:  # fmt: skip
    """The scan of a tenth of the files."""
    data = folder / "files"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    first = 0
    for number, size in enumerate(files):
        lines = (json.dumps(record) + "\n" for record in records[first : first + size])
        (data / f"{number}.jsonl").write_text("".join(lines), encoding="utf-8")
        first += size
    options = {"control": control, "seed": seed, "sample": 0.1, "sample_by": "files"}
    run = provscan.match(data, index, folder / "f.run", overwrite=True, **options)
    size = sum(len(record["text"]) for record in records)
    known = {
        "records": len(truth.records), "records_share": len(truth.records) / len(records),
        "characters": truth.characters, "characters_share": truth.characters / size,
    }  # fmt: skip
    return Scan(usage, known, run.summary["estimate"], 0, 0, run.info["seconds"])


def covered(scan: Scan, name: str) -> bool | None:
    """Whether the interval holds the truth, None if there is none."""
    number = scan.estimate[name]
    if not number["valid"]:
        return None
    low, high = number["low"], number["high"]
    slack = 1e-9
    return (low is None or low - slack <= scan.truth[name]) and (high is None or scan.truth[name] <= high + slack)


def share(values: list[bool]) -> str:
    return f"{np.mean(values):.3f} of {len(values)}" if values else "-"


def line(title: str, values: list[str]) -> None:
    print(f"| {title} | {' | '.join(values)} |")


def report(scans: list[Scan]) -> None:
    names = list(NUMBERS)
    print(f"\n| | all | {' | '.join(f'{usage:.1%}' for usage in USAGE)} |")
    print("|---" * (len(USAGE) + 2) + "|")
    cells: list[list[Scan]] = [scans, *([one for one in scans if one.usage == usage] for usage in USAGE)]

    for name in names:
        held = [[c for one in cell if (c := covered(one, name)) is not None] for cell in cells]
        line(f"95 % intervals that hold the truth: {name}", [share(values) for values in held])
    held = [[c for one in cell for name in names if (c := covered(one, name)) is not None] for cell in cells]
    line("all three", [share(values) for values in held])
    line("q <= 0.01: matches listed, mean", [f"{np.mean([one.listed for one in cell]):.0f}" for cell in cells if cell])
    fdp = [[one.false / max(1, one.listed) for one in cell] for cell in cells]
    line("q <= 0.01: realised share of false ones, mean", [f"{np.mean(cell):.4f}" for cell in fdp if cell])
    claims = [share([any((one.estimate[name]["low"] or 0) > 0 for name in names) for one in cell]) for cell in cells]
    line("runs that claim more than zero", claims)
    for name in names:
        errors = [
            [abs(one.estimate[name]["value"] / one.truth[name] - 1)
             for one in cell if one.truth[name] and one.estimate[name]["valid"]]
            for cell in cells
        ]  # fmt: skip
        line(f"relative error, median: {name}", [f"{np.median(e):.4f}" if e else "-" for e in errors])
        bias = [
            [one.estimate[name]["value"] / one.truth[name] - 1
             for one in cell if one.truth[name] and one.estimate[name]["valid"]]
            for cell in cells
        ]  # fmt: skip
        line(f"relative error, mean: {name}", [f"{np.mean(e):+.4f}" if e else "-" for e in bias])


def report_samples(sampled: list[Scan], files: list[Scan]) -> None:
    for title, some, told in (
        ("Samples of 10 % of the records", sampled, ("records", "characters_share")),
        ("Samples of 10 % of the files", files, ("records", "records_share", "characters", "characters_share")),
    ):
        if not some:
            continue
        print(f"\n{title}\n\n| | all | {' | '.join(f'{usage:.1%}' for usage in USAGE)} |")
        print("|---" * (len(USAGE) + 2) + "|")
        groups = [some, *([one for one in some if one.usage == usage] for usage in USAGE)]
        for name in told:
            line(name, [share([c for one in cell if (c := covered(one, name)) is not None]) for cell in groups])
        wide = [
            [(one.estimate["records"]["high"] - one.estimate["records"]["low"]) / one.truth["records"]
             for one in cell if one.truth["records"]]
            for cell in groups
        ]  # fmt: skip
        line("width of the interval of records over the truth, median", [
            f"{np.median(cell):.2f}" if cell else "-" for cell in wide
        ])  # fmt: skip


def natural(stuff: Material, index: provscan.Index, control: Path, folder: Path, background: Path | None) -> None:
    """Whole background files, in which nothing is planted.

    The rate is that of evidence without a control, for each code point and licensed text.
    """
    if background is None:
        return
    print("\nNatural matches\n")
    print(
        "| | raw | listed with a control | marked common | evidence without a control | listed | from common sources |"
    )
    print("|---|---|---|---|---|---|---|")
    for path in sorted(background.glob("*.jsonl*")):
        counts = []
        for options in ({"control": control}, {}):
            run = provscan.match(path, index, folder / "n.run", overwrite=True, **options)
            counts.append((run.summary["matches"], run.summary["listed"]["matches"], run.matches))
        alone = run.summary["evidence"]["matches"]
        rate = alone / run.summary["characters"] / run.summary["index"]["texts"]
        table = counts[0][2]
        common = pc.sum(pc.and_(table["common"], pc.invert(table["control"]))).as_py() or 0
        print(
            f"| {path.name.split('.')[0]} | {counts[0][0]} | {counts[0][1]} | {common} | {alone} | {counts[1][1]} "
            f"| {rate:.1e} |"
        )


def cost(stuff: Material, index: provscan.Index, control: Path, folder: Path, copies: int) -> None:
    """Wall-clock of a larger dataset without and with controls and spike-ins."""
    data = folder / "large.jsonl"
    with data.open("w", encoding="utf-8") as file:
        for _ in range(copies):
            file.writelines(json.dumps({"text": text}) + "\n" for text in stuff.background)
    print(f"\nCost, {copies * len(stuff.background):,} records\n\n| | seconds | of that scan |\n|---|---|---|")
    for title, options in (
        ("neither", {"spike_ins": 0}),
        ("spike-ins", {}),
        ("control and spike-ins", {"control": control}),
    ):
        runs = [provscan.match(data, index, folder / "c.run", overwrite=True, **options) for _ in range(3)]
        best = min((run.info["seconds"] for run in runs), key=lambda seconds: sum(seconds.values()))
        print(f"| {title} | {sum(best.values()):.2f} | {best['scan']:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="folder of tweets, .jsonl or .jsonl.zst")
    parser.add_argument("--background", type=Path, help="folder of texts without licensed tweets")
    parser.add_argument("--scans", type=int, default=240, help="full ones; 0 for samples alone")
    parser.add_argument("--sampled", type=int, default=80, help="scans of 10 %% samples")
    parser.add_argument("--sampled-files", type=int, default=80, help="scans of 10 %% of many files")
    parser.add_argument("--records", type=int, default=20_000, help="of a scan; twice as many for a sample")
    parser.add_argument("--longest", type=int, default=1000, help="code points of a background record")
    parser.add_argument("--control", type=float, default=0.3, help="share of the tweets that serve as control")
    parser.add_argument("--copies", type=int, default=4, help="of the background, to measure the cost")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(machine())
    stuff = material(args.corpus, args.background, args.longest, args.control, args.seed)
    print(f"{len(stuff.licensed):,} licensed, {len(stuff.control):,} control, {len(stuff.background):,} background")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = provscan.build_index(stuff.licensed, folder / "licensed.index")
        control = folder / "control.jsonl"
        control.write_text("".join(json.dumps(row) + "\n" for row in stuff.control), encoding="utf-8")
        lengths = map(len, provscan.canonical([row["text"] for row in stuff.licensed]))
        usable = [row for row, n in zip(stuff.licensed, lengths, strict=True) if n >= LEAST_LETTERS]
        scans: dict[bool, list[Scan]] = defaultdict(list)
        began = time.monotonic()
        for number in range(args.scans + args.sampled):
            sampled = number >= args.scans
            dice = random.Random(1000 * args.seed + number)
            usage = USAGE[number % len(USAGE)]
            size = args.records * (2 if sampled else 1)
            records, truth = dataset(stuff, usable, min(size, len(stuff.background)), usage, dice)
            made = scan(index, control, records, truth, usage, number + 1, folder, 0.1 if sampled else None)
            scans[sampled].append(made)
            if number % 20 == 19:
                print(f"{number + 1} scans, {time.monotonic() - began:.0f} s", file=sys.stderr)
        files = []
        for number in range(args.sampled_files):
            dice = random.Random(1000 * args.seed + 500 + number)
            usage = USAGE[number % len(USAGE)]
            size = min(2 * args.records, len(stuff.background))
            sizes = file_sizes(size, dice)
            records, truth = dataset(stuff, usable, size, usage, dice, sizes)
            files.append(scan_files(index, control, records, truth, usage, number + 1, folder, sizes))
        if scans[False]:
            report(scans[False])
        report_samples(scans[True], files)
        if scans[False]:
            natural(stuff, index, control, folder, args.background)
            cost(stuff, index, control, folder, args.copies)


if __name__ == "__main__":
    main()
