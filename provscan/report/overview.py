"""Write a folder to hand on: a start page over one or more runs and, for each run, its
report and lists of its exhibits, tweets, authors and exclusions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from provscan.errors import OutputError
from provscan.params import require_folder
from provscan.report.document import page, write_report
from provscan.report.export import export, write_csv
from provscan.report.files import RunFiles, replaced, write_page
from provscan.report.packing import without_texts
from provscan.report.places import Places
from provscan.report.works import authors, exclusions, works

START_PAGE = "index.html"
# The files of each run, with what the start page calls them.
LISTS = {
    "report.html": "report",
    "exhibits.csv": "exhibits",
    "works.csv": "tweets",
    "authors.csv": "authors",
    "exclusions.csv": "exclusions",
}


def write_overview(
    runs: Sequence[Path],
    out: Path,
    *,
    digests: bool = False,
    marks: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the start page of runs, the oldest run first, and a folder for each of
    them; ``digests`` and ``marks`` are passed to
    :func:`~provscan.report.document.render`.
    """
    for run in runs:
        require_folder("run", run)
    opened = [RunFiles.open(run) for run in runs]
    opened.sort(key=lambda files: files.info["finished"])
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file, but several files go there: name a folder")
    names = list(_names(opened))
    for report in out.glob("*/works.csv"):
        if report.parent.name not in names:
            raise OutputError(
                f"{report.parent} is of another run and would be handed on with these: "
                "remove it, or name another folder"
            )
    out.mkdir(parents=True, exist_ok=True)
    entries = []
    for files, name in zip(opened, names, strict=True):
        folder = out / name
        folder.mkdir(exist_ok=True)
        write_report(
            files.path,
            folder / "report.html",
            digests=digests,
            marks=marks,
            overwrite=overwrite,
        )
        export(
            files.path,
            folder / "exhibits.csv",
            digests=digests,
            marks=marks,
            everything=True,
            overwrite=overwrite,
        )
        exhibits = files.with_texts(files.exhibits)
        exhibits = without_texts(exhibits) if digests else exhibits
        tweets = works(exhibits)
        taken = exclusions(tweets, files.summary)
        steps, numbers = zip(*taken, strict=True)
        by_author = authors(tweets)
        if digests:
            # Without names, all authors are one row.
            named = pa.array(["(all authors: names are left out)"] * len(by_author))
            by_author = by_author.set_column(0, "author", named)
        tables = {
            "works": tweets,
            "authors": by_author,
            "exclusions": pa.table({"step": steps, "texts": numbers}),
        }
        for title, table in tables.items():
            target = folder / f"{title}.csv"
            with replaced(target, overwrite=overwrite, inputs=files.inputs()) as file:
                write_csv(file, table)
        entries.append({"name": name, **_entry(files)})
    made = page("overview.html", ("page.css", "print.css"), runs=entries, lists=LISTS)
    return write_page(out / START_PAGE, made, overwrite=overwrite)


def _names(runs: Sequence[RunFiles]) -> Iterator[str]:
    """Yield a different name for the folder of each run."""
    used = set[str]()
    for files in runs:
        stem = files.path.resolve().name.removesuffix(".run") or "run"
        name, number = stem, 2
        while name.casefold() in used:
            name, number = f"{stem}-{number}", number + 1
        used.add(name.casefold())
        yield name


def _entry(files: RunFiles) -> Mapping[str, Any]:
    """Return what the start page shows of a run."""
    summary, info = files.summary, files.info
    shown = Places(summary, info).shown(summary)
    parameters, baseline = info["parameters"], summary.get("baseline")
    records = shown["answer"]["records"]
    share = (
        baseline["new"]["share_of_records"]
        if baseline
        else records["share"]["findings"]
    )
    allowed = parameters.get("fail_above")
    return {
        "answer": shown["answer"],
        "sources": [item["source"] for item in shown["sources"]],
        "finished": info["finished"],
        "share": records["share"]["findings"] or 0.0,
        "allowed": allowed,
        "passed": allowed is not None and share <= allowed,
    }
