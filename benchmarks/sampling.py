"""How often are the numbers from a sample of files right?

    python benchmarks/sampling.py [--files 6000] [--records 20] [--full 0.1]
        [--share 0.01] [--draws 200] [--checked 3]

Copies of tweets are planted in synthetic files of very different sizes, most with few
copies and some full of them, and all files are scanned once. Samples of the files are
then analysed as by ``match --sample``, with the counts of that scan; its test copies
serve all samples. The first table shows how often a number was given, and how often it
was right: "at least" and the 95% interval of the estimate for the records with a
planted copy, and "at most" for those with a nearly verbatim one. The second table
compares a few samples with ``match --sample`` on the same files. Takes about three
minutes.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import planted
from claims import nearly_verbatim
from measure import command_line, console, machine, table
from simulated import answered

import provscan
from provscan import readers
from provscan.options import MatchOptions
from provscan.readers import ReadStats
from provscan.runs.counting.matches import score_matches
from provscan.runs.inputs.sample import FileSample, draw_files
from provscan.runs.measures import analysis
from provscan.runs.scan.totals import ScanTotals

# Mean share of records with a tweet, in files full of tweets and in other files.
MEANS = 0.5, 0.03


def write_files(
    folder: Path, tweets: list[planted.Tweet], count: int, records: int, full: float
) -> tuple[np.ndarray, np.ndarray]:
    """Write files of log-normal sizes, each with its own share of tweets, and return
    the numbers of copies and of nearly verbatim copies in each.
    """
    rng = np.random.default_rng(1)
    sizes = np.maximum(1, rng.lognormal(np.log(records) - 0.5, 1.0, count).astype(int))
    means = np.where(rng.random(count) < full, *MEANS)
    shares = rng.beta(2 * means, 2 * (1 - means))
    others = iter(planted.short_texts(None, int(sizes.sum())))
    copies, marks = planted.in_records(planted.plantable(tweets, len(tweets)) * 9, [])
    originals = (mark.tweet.text for mark in sorted(marks))
    both = map(provscan.canonical, (copies, originals))
    nearly = [nearly_verbatim(*pair) for pair in zip(*both, strict=True)]
    planted_copies, verbatim = np.zeros((2, count), np.int64)
    first = 0
    for number, (size, share) in enumerate(zip(sizes, shares, strict=True)):
        chosen = rng.random(size) < share
        last = first + int(np.count_nonzero(chosen))
        edited = iter(copies[first:last])
        texts = [next(edited) if found else next(others) for found in chosen]
        planted.write_jsonl(folder / f"{number:05}.jsonl", planted.numbered(texts))
        planted_copies[number], verbatim[number] = last - first, sum(nearly[first:last])
        first = last
    return planted_copies, verbatim


class Whole:
    """The scan of all files: its answer, and the inputs of its analysis."""

    def __init__(self, folder: Path, out: Path, options: dict[str, Any]) -> None:
        kept: dict[str, Any] = {}
        self._parts = out.with_name("parts")
        score = analysis.score

        def keep(*arguments: Any) -> Any:
            # The run removes its part files when it is complete.
            shutil.copytree(arguments[0].folder, self._parts)
            kept["arguments"] = arguments
            return kept.setdefault("scores", score(*arguments))

        with mock.patch.object(analysis, "score", keep):
            self.answer = provscan.match(folder, out=out, **options).summary["answer"]
        scanned, self._controls, self._options, _ = kept["arguments"]
        self._scores = kept["scores"]
        self._results = {part.source: part for part in scanned.parts}
        self.splits = [
            split
            for split in readers.plan([str(folder)], readers.Fields())
            if split.size
        ]

    def sampled(self, drawn: FileSample) -> dict[str, Any]:
        """Return the answer from a sample of files."""
        names = [split.source for split in drawn.splits]
        parts, stats = [self._results[name] for name in names], ReadStats()
        for part in parts:
            stats.merge(part.stats)
        scanned = ScanTotals(self._parts, parts, stats, [], [], sizes=drawn.sizes)
        matches = score_matches(scanned, self._scores.scorer, self._controls)
        scores = dataclasses.replace(self._scores, matches=matches)
        return answered(scores, self._controls, self._options)[1]


def shown(records: dict[str, Any]) -> str:
    """Return the numbers of an answer in a few words."""
    least, estimate = records["at_least"], records["estimate"]
    numbers = "none" if least is None else f"{least:,.0f}"
    if estimate is None:
        return f"{numbers}; withheld"
    low, value, high = (estimate[name] for name in ("low", "value", "high"))
    return f"{numbers}; {value:,.0f} ({low:,.0f}-{high:,.0f})"


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--files", type=int, default=6000, help="number of files")
    parser.add_argument(
        "--records", type=int, default=20, help="mean number of records of a file"
    )
    parser.add_argument(
        "--full",
        type=float,
        default=0.1,
        help="share of the files that are full of tweets",
    )
    parser.add_argument(
        "--tweets",
        type=int,
        default=10_000,
        help="number of licensed tweets, and of controls",
    )
    parser.add_argument(
        "--share", type=float, default=0.01, help="share of the files in a sample"
    )
    parser.add_argument("--draws", type=int, default=200, help="number of samples")
    parser.add_argument(
        "--checked",
        type=int,
        default=3,
        help="number of samples to scan with match --sample",
    )
    arguments = parser.parse_args()
    console.print(machine())
    tweets, controls = planted.licensed(None, arguments.tweets, arguments.tweets)
    with tempfile.TemporaryDirectory(prefix="provscan-sampling-") as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        copies, nearly = write_files(
            data, tweets, arguments.files, arguments.records, arguments.full
        )
        control = planted.write_jsonl(folder / "control.jsonl", controls)
        index = provscan.build_index(
            planted.write_jsonl(folder / "licensed.jsonl", tweets),
            folder / "licensed.index",
        )
        options: dict[str, Any] = {
            "index": index,
            "control": control,
            "spike_ins": 1500,
            "overwrite": True,
        }
        whole = Whole(data, folder / "whole.run", options)
        rng = np.random.default_rng(2)
        size = round(arguments.share * len(whole.splits))
        answers = []
        for _ in range(arguments.draws):
            order = rng.permutation(len(whole.splits))
            drawn, rest = (
                [whole.splits[n] for n in np.sort(part)]
                for part in (order[:size], order[size:])
            )
            answers.append(whole.sampled(FileSample(drawn, rest, [], []))["records"])
        truth, most = int(copies.sum()), int(nearly.sum())
        least = [a["at_least"] for a in answers if a["at_least"] is not None]
        limits = [a["at_most"] for a in answers if a["at_most"] is not None]
        estimates = [a["estimate"] for a in answers if a["estimate"] is not None]
        inside = [e["low"] <= truth <= e["high"] for e in estimates]
        printed = table(
            f"{arguments.draws} samples of {size} of {len(whole.splits):,} files; "
            f"copies in a file: standard deviation {copies.std() / copies.mean():.1f} "
            "means",
            "number of records",
            "planted",
            "given",
            "right",
            "median, over the planted",
        )
        for name, planted_records, values, right in (
            ("at least", truth, least, sum(v <= truth for v in least)),
            ("estimate", truth, [e["value"] for e in estimates], sum(inside)),
            ("at most", most, limits, sum(v >= most for v in limits)),
        ):
            printed.add_row(
                name,
                f"{planted_records:,}",
                f"{len(values)}/{arguments.draws}",
                f"{right}/{len(values)}",
                f"{np.median(values) / planted_records:.2f}" if values else "",
            )
        console.print(printed)
        scanned = table(
            "\nRecords with copies: at least, and the estimate",
            "seed",
            "match --sample",
            "from the counts of the scan of all files",
        )
        for seed in range(1, arguments.checked + 1):
            chosen = {"sample": arguments.share, "sample_by": "files", "seed": seed}
            again = draw_files([str(data)], MatchOptions(**chosen), readers.Fields())
            assert again is not None
            made = provscan.match(data, out=folder / "sample.run", **options, **chosen)
            both = made.summary["answer"], whole.sampled(again)
            scanned.add_row(str(seed), *(shown(answer["records"]) for answer in both))
        console.print(scanned)


if __name__ == "__main__":
    main()
