"""How often does the interval from a sample of files contain the estimate from all
files?

    python benchmarks/sampling.py [--files 6000] [--records 20] [--full 0.1]
        [--share 0.01] [--draws 200] [--checked 3]

Synthetic files of very different sizes, most with few tweets and some full of them, are
scanned once. Samples of the files are then analysed as by ``match --sample``, with the
counts of the scan of all files; the spike-ins of that scan serve all samples. The first
table shows how many samples have an estimate, how often its 95% interval contains the
estimate from all files, and how wide it is. The second one shows how often "at most" is
at least the number of nearly verbatim copies that were planted. The third one compares
the intervals of a few samples with those of ``match --sample`` on the same files. Takes
about three minutes.
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
from provscan.estimate.limits import clopper_pearson
from provscan.options import MatchOptions
from provscan.readers import ReadStats
from provscan.runs.counting.matches import score_matches
from provscan.runs.inputs.sample import FileSample, draw_files
from provscan.runs.measures import analysis
from provscan.runs.scan.totals import ScanTotals

FIGURES = ("records", "characters")
# Mean share of records with a tweet, in files full of tweets and in other files.
MEANS = 0.5, 0.03


def write_files(
    folder: Path, tweets: list[planted.Tweet], count: int, records: int, full: float
) -> np.ndarray:
    """Write files of log-normal sizes, each with its own share of tweets, and return
    the number of nearly verbatim copies in each.
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
    counts, first = np.zeros(count, np.int64), 0
    for number, (size, share) in enumerate(zip(sizes, shares, strict=True)):
        chosen = rng.random(size) < share
        last = first + int(np.count_nonzero(chosen))
        edited = iter(copies[first:last])
        texts = [next(edited) if found else next(others) for found in chosen]
        planted.write_jsonl(folder / f"{number:05}.jsonl", planted.numbered(texts))
        counts[number], first = sum(nearly[first:last]), last
    return counts


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
        nearly = write_files(
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
        covered: dict[str, list[int]] = {figure: [] for figure in FIGURES}
        widths: dict[str, list[float]] = {figure: [] for figure in FIGURES}
        most: list[float | None] = []
        for _ in range(arguments.draws):
            order = rng.permutation(len(whole.splits))
            drawn, rest = (
                [whole.splits[n] for n in np.sort(part)]
                for part in (order[:size], order[size:])
            )
            answer = whole.sampled(FileSample(drawn, rest, [], []))
            most.append(answer["records"]["at_most"])
            for figure in FIGURES:
                estimate, value = (
                    answer[figure]["estimate"],
                    whole.answer[figure]["estimate"]["value"],
                )
                # 1 if the interval is too high, -1 if it is too low. A sample without
                # an estimate has no interval.
                if estimate is not None:
                    low, high = estimate["low"], estimate["high"]
                    covered[figure].append(int(low > value) - int(high < value))
                    widths[figure].append((high - low) / value)
        printed = table(
            f"{arguments.draws} samples of {size} of {len(whole.splits):,} files",
            "figure",
            "estimate from all files",
            "estimates given",
            "intervals that contain it",
            "95% limits of the share",
            "too high",
            "too low",
            "median width, relative",
        )
        for figure in FIGURES:
            misses = np.array(covered[figure])
            hits = int(np.count_nonzero(misses == 0))
            low, high = clopper_pearson(hits, max(1, len(misses)))
            printed.add_row(
                figure,
                f"{whole.answer[figure]['estimate']['value']:,.0f}",
                f"{len(misses)} of {arguments.draws}",
                f"{hits}/{len(misses)}",
                f"{low:.1%}-{high:.1%}",
                f"{np.count_nonzero(misses > 0)}",
                f"{np.count_nonzero(misses < 0)}",
                f"{np.median(widths[figure]):.2f}" if len(misses) else "",
            )
        console.print(printed)
        truth = int(nearly.sum())
        given = [bound for bound in most if bound is not None]
        limits = table(
            "\nAt most",
            "nearly verbatim copies",
            "standard deviation of a file's copies, over the mean",
            "bounds given",
            "right",
            "median, over the truth",
        )
        limits.add_row(
            f"{truth:,}",
            f"{nearly.std() / nearly.mean():.2f}",
            f"{len(given)} of {arguments.draws}",
            str(sum(bound >= truth for bound in given)),
            f"{np.median(given) / truth:.2f}" if given else "",
        )
        console.print(limits)
        scanned = table(
            "\nRecords with copies, from scanned samples",
            "seed",
            "match --sample",
            "from the counts of the scan of all files",
        )
        for seed in range(1, arguments.checked + 1):
            chosen = {"sample": arguments.share, "sample_by": "files", "seed": seed}
            again = draw_files([str(data)], MatchOptions(**chosen), readers.Fields())
            assert again is not None
            made = provscan.match(data, out=folder / "sample.run", **options, **chosen)
            answers = made.summary["answer"], whole.sampled(again)
            estimates = (answer["records"]["estimate"] for answer in answers)
            scanned.add_row(
                str(seed),
                *(
                    f"{e['value']:,.0f} ({e['low']:,.0f}-{e['high']:,.0f})"
                    if e
                    else "withheld"
                    for e in estimates
                ),
            )
        console.print(scanned)


if __name__ == "__main__":
    main()
