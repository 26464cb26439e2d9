"""How often does the estimate of a sample of files cover what a scan of all files says?

    python benchmarks/sampling.py [--files 6000] [--records 20] [--full 0.1] [--share
    0.01] [--draws 200]
                                  [--checked 3]

Made-up files of very different sizes, of which most hold few tweets and some are full
of them, are scanned once as a whole. Then samples of the files are drawn, and each goes
through the analysis of `match --sample` with the counts that the whole scan left of its
files; test copies are planted and searched once, since all files would have them alike.
Some samples are scanned by `match --sample` itself, whose interval is printed beside
that of the same files. An interval of 95 % should cover the figure of the whole scan in
93 to 99 % of 200 samples.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import planted
from measure import console, machine, table

import provscan
from provscan import readers
from provscan.estimate.limits import clopper_pearson
from provscan.options import MatchOptions
from provscan.runs import analysis
from provscan.runs.matches import score_matches
from provscan.runs.sample import FileSample, draw_files
from provscan.runs.scan_totals import ScanTotals

FIGURES = ("records", "characters")
# Mean share of records with a tweet, in the files that are full of them and in the
# others.
MEANS = 0.5, 0.03


def write_files(
    folder: Path, tweets: list[planted.Tweet], count: int, records: int, full: float
) -> None:
    """Files of lognormal size, each with a share of tweets of its own."""
    rng = np.random.default_rng(1)
    sizes = np.maximum(1, rng.lognormal(np.log(records) - 0.5, 1.0, count).astype(int))
    means = np.where(rng.random(count) < full, *MEANS)
    shares = rng.beta(2 * means, 2 * (1 - means))
    others = iter(planted.short_texts(None, int(sizes.sum())))
    edited = iter(planted.in_records(planted.plantable(tweets, len(tweets)) * 9, [])[0])
    for number, (size, share) in enumerate(zip(sizes, shares, strict=True)):
        texts = [
            next(edited) if found else next(others)
            for found in rng.random(size) < share
        ]
        planted.write_jsonl(folder / f"{number:05}.jsonl", planted.numbered(texts))


class Whole:
    """The scan of all files: its answer, and what its analysis was made of."""

    def __init__(self, folder: Path, out: Path, options: dict[str, Any]) -> None:
        kept: dict[str, Any] = {}
        self._parts = out.with_name("parts")
        score = analysis.score

        def keep(*arguments: Any) -> Any:
            # The part files go when the run is complete.
            shutil.copytree(arguments[0].folder, self._parts)
            kept["arguments"] = arguments
            return kept.setdefault("scores", score(*arguments))

        with mock.patch.object(analysis, "score", keep):
            self.answer = provscan.match(folder, out=out, **options).summary["answer"]
        scanned, *self._others, _ = kept["arguments"]
        self._scores = kept["scores"]
        self._results = {part.source: part for part in scanned.parts}
        self.splits = [
            split
            for split in readers.plan([str(folder)], readers.Fields())
            if split.size
        ]

    def sampled(self, drawn: FileSample) -> dict[str, Any]:
        """The answer of a sample of files."""
        names = [split.source for split in drawn.splits]
        scanned = ScanTotals(self._parts, sizes=drawn.sizes)
        for name in names:
            scanned.add(self._results[name])
        matches = score_matches(scanned, self._scores.scorer, self._others[0])
        scores = dataclasses.replace(self._scores, matches=matches)
        found = analysis.analyse(scores, scanned, *self._others)
        answer: dict[str, Any] = found.summary["answer"]
        return answer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=6000)
    parser.add_argument(
        "--records", type=int, default=20, help="records of a file, in the mean"
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
        help="licensed tweets, and as many controls",
    )
    parser.add_argument(
        "--share", type=float, default=0.01, help="of the files that a sample holds"
    )
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument(
        "--checked", type=int, default=3, help="samples that are scanned, too"
    )
    arguments = parser.parse_args()
    console.print(machine())
    tweets, controls = planted.licensed(None, arguments.tweets, arguments.tweets)
    with tempfile.TemporaryDirectory(prefix="provscan-sampling-") as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir()
        write_files(data, tweets, arguments.files, arguments.records, arguments.full)
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
        for _ in range(arguments.draws):
            order = rng.permutation(len(whole.splits))
            drawn, rest = (
                [whole.splits[n] for n in np.sort(part)]
                for part in (order[:size], order[size:])
            )
            answer = whole.sampled(FileSample(drawn, rest, [], []))
            for figure in FIGURES:
                estimate, value = (
                    answer[figure]["estimate"],
                    whole.answer[figure]["estimate"]["value"],
                )
                # Without an estimate nothing is covered: 1 where it lies below the
                # interval, -1 where above.
                low, high = (
                    (0.0, 0.0)
                    if estimate is None
                    else (estimate["low"], estimate["high"])
                )
                covered[figure].append(int(low > value) - int(high < value))
                widths[figure].append((high - low) / value)
        printed = table(
            f"{arguments.draws} samples of {size} of {len(whole.splits):,} files",
            "figure",
            "whole scan",
            "covered",
            "95 % limits",
            "interval too high",
            "too low",
            "width, median",
        )
        for figure in FIGURES:
            misses = np.array(covered[figure])
            hits = int(np.count_nonzero(misses == 0))
            low, high = clopper_pearson(hits, len(misses))
            printed.add_row(
                figure,
                f"{whole.answer[figure]['estimate']['value']:,.0f}",
                f"{hits / len(misses):.1%}",
                f"{low:.1%}-{high:.1%}",
                f"{np.count_nonzero(misses > 0)}",
                f"{np.count_nonzero(misses < 0)}",
                f"{np.median(widths[figure]):.2f}",
            )
        console.print(printed)
        scanned = table(
            "\nSamples that were scanned: records",
            "seed",
            "match --sample",
            "of the whole scan's counts",
        )
        for seed in range(1, arguments.checked + 1):
            chosen = {"sample": arguments.share, "sample_by": "files", "seed": seed}
            again = draw_files([str(data)], MatchOptions(**chosen), readers.Fields())
            assert again is not None
            made = provscan.match(data, out=folder / "sample.run", **options, **chosen)
            answers = made.summary["answer"], whole.sampled(again)
            ends = (answer["records"]["estimate"] for answer in answers)
            scanned.add_row(
                str(seed),
                *(
                    f"{end['value']:,.0f} ({end['low']:,.0f}-{end['high']:,.0f})"
                    for end in ends
                ),
            )
        console.print(scanned)


if __name__ == "__main__":
    main()
