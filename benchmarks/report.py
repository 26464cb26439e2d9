"""What does a report of many matches cost, to write and to use?

    python benchmarks/report.py RUN [RUN...]

For each run folder: seconds to write its report, size of the file, and in a headless Chromium the time to first paint,
until the browser of exhibits answers, to search, filter and sort, the longest task, and the heap.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from provscan.report import write_report

# Times a task until the page has drawn what it leads to.
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
})"""
LONG_TASKS = """window.longTasks = [];
new PerformanceObserver(list => list.getEntries().forEach(entry => window.longTasks.push(entry.duration)))
  .observe({ type: 'longtask', buffered: true });"""


def measured(page: Page, report: Path) -> dict[str, float]:
    """Milliseconds and megabytes of one page."""
    page.add_init_script(LONG_TASKS)
    start = time.perf_counter()
    page.goto(report.resolve().as_uri(), wait_until="commit")
    page.locator("html[data-ready]").wait_for(state="attached", timeout=60_000)
    ready = (time.perf_counter() - start) * 1000
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
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
        "first paint": paint or float("nan"), "interactive": ready, **times, "longest task, loading": loading,
        "longest task, used": page.evaluate("Math.max(0, ...window.longTasks)"), "heap, MB": heap,
    }  # fmt: skip


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for run in map(Path, sys.argv[1:]):
            start = time.perf_counter()
            report = write_report(run)
            written = time.perf_counter() - start
            print(f"{run}: written in {written:.1f} s, {report.stat().st_size / 1e6:.1f} MB")
            for name, value in measured(browser.new_page(), report).items():
                print(f"  {name:24} {value:8.0f}{'' if name.endswith('MB') else ' ms'}")
        browser.close()


if __name__ == "__main__":
    main()
