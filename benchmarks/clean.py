"""How long does cleaning take, compared with the scan before it?

    python benchmarks/clean.py [--gigabytes 1] [--tweets 100000] [--megabytes 16]
        [--workers 2] [--executor threads] [--mask TOKEN] [--folder FOLDER]
        [--no-rescan]

The dataset of ``large.py``, long texts and tweet-sized records with planted tweets in
mixed formats, is matched and cleaned. The ratios compare the elapsed time and the
processor time until all files are written with those of the match. The result is
scanned after that, unless ``--no-rescan`` ends the cleaning there. Memory is that of
the cleaning process without mapped files, while files are written and while the result
is scanned. The figures do not include other processes of ``--executor processes``.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from large import match, prepared, repeated
from measure import add_folder_option, apart, command_line, console, machine, own_memory

import provscan
from provscan.engine import Progress, Ran


class Stopped(Exception):
    """All files are written, and the result is not scanned."""


class Stages(Progress):
    """Records the time until the files are written, and the peak memory until then."""

    def __init__(self, rescan: bool) -> None:
        self.rescan, self.memory = rescan, 0
        self.begun, self.busy = time.perf_counter(), time.process_time()
        self.written: float | None = None

    def start(self, stage: str, total: int | None, unit: str) -> None:
        if stage != "Cleaning" and self.written is None:
            self.written = time.perf_counter() - self.begun
            self.busy = time.process_time() - self.busy
            if not self.rescan:
                raise Stopped

    def advance(self, n: int) -> None:
        if self.written is None:
            self.memory = max(self.memory, own_memory())

    def ended(self, task: str, ran: Ran) -> None:
        self.advance(0)


def clean(
    dataset: Path, found: Path, out: Path, rescan: bool, options: dict[str, Any]
) -> None:
    stages, said = Stages(rescan), "not scanned again"
    with contextlib.suppress(Stopped):
        cleaned = provscan.clean(dataset, found, out, progress=stages, **options)
        said = (
            f"{cleaned.manifest['records_removed']:,} records dropped, "
            f"{cleaned.manifest['spans']:,} spans, {cleaned.left:,} left"
        )
    figures = {
        "seconds": stages.written,
        "processor": stages.busy,
        "memory": stages.memory,
        "said": said,
    }
    out.with_suffix(".json").write_text(json.dumps(figures))


def main() -> None:
    parser = command_line(
        __doc__,
        gigabytes=(1.0, "gigabytes of the dataset"),
        tweets=(100_000, "number of licensed tweets"),
        megabytes=(16.0, "megabytes of text of one file"),
        workers=(2, "workers of the match and the cleaning"),
    )
    parser.add_argument(
        "--executor", default="threads", help="executor of the cleaning"
    )
    parser.add_argument("--mask", help="mask spans; by default records are dropped")
    parser.add_argument(
        "--no-rescan", action="store_true", help="do not scan the result"
    )
    add_folder_option(parser)
    arguments = parser.parse_args()
    console.print(machine())
    with tempfile.TemporaryDirectory(
        dir=arguments.folder, prefix="provscan-clean-"
    ) as name:
        folder = Path(name)
        index, units, _ = prepared(folder, arguments.tweets, arguments.megabytes)
        dataset = folder / "dataset"
        dataset.mkdir()
        size = count = 0
        while size < arguments.gigabytes * 1e9:
            size += repeated(units, dataset, count)
            count += 1
        found, out = folder / "found.run", folder / "cleaned"
        scan = apart(match, dataset, index, found, arguments.workers)
        console.print(
            f"{size / 1e9:.2f} GB in {count:,} files: scanned in {scan.seconds:,.0f} s "
            f"({scan.processor:,.0f} s of processors), {scan.own / 1e6:,.0f} MB"
        )
        options = {
            "workers": arguments.workers,
            "executor": arguments.executor,
            "mask": arguments.mask,
            # Pages of web archives can't be masked.
            "skip_unwritable": arguments.mask is not None,
        }
        rescan = not arguments.no_rescan
        whole = apart(clean, dataset, found, out, rescan, options)
        figures = json.loads(out.with_suffix(".json").read_text())
    seconds, busy = figures["seconds"], figures["processor"]
    console.print(
        f"written after {seconds:,.0f} s ({busy:,.0f} s of processors), "
        f"{seconds / scan.seconds:.2f} ({busy / scan.processor:.2f}) times the scan; "
        f"all done after {whole.seconds:,.0f} s\n"
        f"memory: {figures['memory'] / 1e6:,.0f} MB while writing, "
        f"{whole.own / 1e6:,.0f} MB in all\n"
        f"{figures['said']}"
    )


if __name__ == "__main__":
    main()
