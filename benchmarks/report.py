"""How much time and memory does a report with many matches take, to write and to use?

    pip install 'provscan[test]'
    make demo
    python benchmarks/report.py dataset.run [--matches 100000]

The report of a run folder is written, and opened in a headless Chromium, which has to
be installed. With ``--matches``, a copy of the run with this number of synthetic
matches is used instead. The command prints the elapsed seconds, processor seconds and
memory of writing, and the size of the file; then the milliseconds until the first paint
and until the page can be used, those of a search, a filter and a sort, the longest
task, and the size of the heap. Takes about half a minute.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import synthetic
from measure import command_line, machine
from playwright.sync_api import Page, sync_playwright

from provscan.runs.folder import RUN_FILE, SUMMARY_FILE, read_json, write_summary

# Measures the time of an action until the page has drawn its result.
TIMED = """([id, value]) => new Promise(done => {
  const node = document.getElementById(id) || document.querySelector(id), start = performance.now();
  const before = document.getElementById('status').textContent;
  const first = () => document.querySelector('#cards article')?.id;
  const shown = first();
  const seen = new MutationObserver(() => requestAnimationFrame(() => {
    seen.disconnect(); done(performance.now() - start); }));
  seen.observe(document.getElementById('cards'), { childList: true });
  if (node.type === 'checkbox') node.click();
  else { node.value = value; node.dispatchEvent(new Event(node.tagName === 'SELECT' ? 'change' : 'input')); }
})"""  # noqa: E501
# Files of the synthetic dataset, in which every seventh record has a match.
PARTS = 20
LONG_TASKS = """window.longTasks = [];
new PerformanceObserver(list => list.getEntries().forEach(entry => window.longTasks.push(entry.duration)))
  .observe({ type: 'longtask', buffered: true });"""  # noqa: E501


def measured(page: Page, report: Path) -> dict[str, float]:
    """Return the milliseconds and megabytes of a page, by name."""
    page.add_init_script(LONG_TASKS)
    start = time.perf_counter()
    page.goto(report.resolve().as_uri(), wait_until="commit")
    page.locator("html[data-ready]").wait_for(state="attached", timeout=60_000)
    ready = (time.perf_counter() - start) * 1000
    paint = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    )
    loading = page.evaluate("Math.max(0, ...window.longTasks)")
    page.evaluate("window.longTasks.length = 0")
    times = {
        "search": page.evaluate(TIMED, ["query", "again"]) - 150,
        "search, not ASCII": page.evaluate(TIMED, ["query", "é"]) - 150,
        "search cleared": page.evaluate(TIMED, ["query", ""]) - 150,
        "filter": page.evaluate(TIMED, ["#facets input", ""]),
        "sort": page.evaluate(TIMED, ["order", "newest"]),
    }
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    return {
        "first paint": paint or float("nan"),
        "interactive": ready,
        **times,
        "longest task, loading": loading,
        "longest task, used": page.evaluate("Math.max(0, ...window.longTasks)"),
        "heap, MB": heap,
    }


def enlarge(run: Path, count: int, target: Path) -> Path:
    """Copy a run with synthetic matches in place of its own; two thirds of the passages
    equal their tweets word for word.
    """
    matches, evidence = (
        pq.read_schema(run / f"{name}.parquet") for name in ("matches", "evidence")
    )
    tweets = pa.Table.from_batches(synthetic.tweets(count))
    texts, rng = tweets["text"].to_pylist(), np.random.default_rng(1)
    passages = [
        text if i % 3 else " ".join(reversed(text.split(" ", 3)))
        for i, text in enumerate(texts)
    ]
    lengths = np.array([len(text) for text in passages])
    days = rng.integers(15_000, 19_000, count)
    part = -(-count // PARTS)
    columns = {
        "source": [f"part-{i // part}.jsonl" for i in range(count)],
        "record": np.arange(count) % part * 7,
        "record_id": [f"d{i * 7:08}" for i in range(count)],
        "field": ["text"] * count,
        "start": np.full(count, 120),
        "end": 120 + lengths,
        "tweet_id": tweets["id"],
        "tweets": np.ones(count, int),
        "level": np.array(["exact", "near_exact", "strong", "weak"])[
            rng.integers(0, 4, count)
        ],
        "similarity": rng.uniform(0.4, 1, count),
        "containment": rng.uniform(0.6, 1, count),
        "bits": rng.uniform(40, 400, count),
        "q_value": rng.uniform(0, 0.01, count),
        "control": np.zeros(count, bool),
        "common": np.zeros(count, bool),
        "known": np.zeros(count, bool),
        "counted": np.ones(count, bool),
        "before": [texts[i - 1][-80:] for i in range(count)],
        "passage": passages,
        "after": [texts[i - 2][:80] for i in range(count)],
        "tweet": texts,
        "author": [f"author_{k}" for k in rng.zipf(1.5, count) % 20_000],
        "time": days * 86_400_000,
        "permalink": [f"https://x.com/i/status/{i}" for i in tweets["id"].to_pylist()],
    }
    shutil.copytree(run, target)
    for name, schema in (("matches", matches), ("evidence", evidence)):
        known = [
            columns.get(field.name, pa.nulls(count, field.type)) for field in schema
        ]
        arrays = [
            (
                value
                if isinstance(value, pa.ChunkedArray)
                else pa.chunked_array([value])
            ).cast(field.type)
            for value, field in zip(known, schema, strict=True)
        ]
        pq.write_table(
            pa.table(arrays, schema=schema),
            target / f"{name}.parquet",
            compression="zstd",
        )
    summary, info = (read_json(target / name) for name in (SUMMARY_FILE, RUN_FILE))
    summary["sources"] = [
        {**summary["sources"][0], "source": f"part-{i}.jsonl", "read": 7 * part}
        for i in range(PARTS)
    ]
    write_summary(
        target, summary, info, [name for name in info["files"] if name != SUMMARY_FILE]
    )
    return target


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument(
        "--matches", type=int, help="number of synthetic matches in place of the run's"
    )
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        run, count = arguments.run, arguments.matches
        show(run if count is None else enlarge(run, count, Path(folder) / "large.run"))


def show(run: Path) -> None:
    """Write a report in a process of its own, open it, and print the costs of both."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "provscan", "report", run],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        written, used = (
            time.perf_counter() - start,
            resource.getrusage(resource.RUSAGE_CHILDREN),
        )
        report = run / "report.html"
        print(
            f"{pq.read_metadata(run / 'matches.parquet').num_rows:,} matches: written "
            f"in {written:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of CPU, "
            f"{used.ru_maxrss / 1024:.0f} MB of memory), "
            f"{report.stat().st_size / 1e6:.1f} MB"
        )
        for name, value in measured(browser.new_page(), report).items():
            print(f"  {name:24} {value:8.0f}{'' if name.endswith('MB') else ' ms'}")
        browser.close()


if __name__ == "__main__":
    main()
