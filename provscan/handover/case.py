"""Compare several runs in a case.

A case has the results of each run, the licensed texts that runs share, and totals that
count each text and each tweet once. A licensed text is identified by the id and the
wording of its earliest tweet or, if the runs used several indexes, by its wording.

:func:`write_case` writes the folder of a case. :func:`_open_runs` opens the runs and
refuses those that can't be compared, and :mod:`provscan.handover.case_counts` counts
their findings. The other functions prepare ``case.json``, the page and the workbook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

from provscan.errors import UsageError
from provscan.handover.case_counts import (
    COMBINATIONS,
    MONTH,
    TOTALS,
    counted_findings,
    period,
)
from provscan.params import require_folder
from provscan.report import omissions, wording
from provscan.report.document import page
from provscan.report.files import RunFiles
from provscan.report.places import Places
from provscan.report.workbook import write_tables
from provscan.runs.folder import seal, write_json
from provscan.writing import new_folder

CASE_FILE, PAGE_FILE, WORKBOOK_FILE = "case.json", "case.html", "case.xlsx"
FORMAT = {"format": "provscan-case", "version": 1}
FILES = (
    *(CASE_FILE, PAGE_FILE, WORKBOOK_FILE),
    *(f"{name}.parquet" for name in ("authors", "months", "periods", "texts")),
)
# A set of runs is stored as the bits of an unsigned 64-bit integer.
MOST_RUNS = 62
SHOWN = 20  # Maximum number of authors on the page.
NOT_SUMMED = (
    "There is no lower bound, estimate or upper limit for all runs together. Do not "
    "add up those of single runs: runs can contain copies of the same tweets, and "
    "intervals can't be added."
)


@dataclass(frozen=True)
class Run:
    """A run that belongs to a case."""

    name: str
    files: RunFiles

    def entry(self) -> dict[str, Any]:
        """Return the entry of the run in ``case.json``, with the run's own numbers."""
        # The folders of this machine are not shown.
        summary = Places(self.files.summary, self.files.info).shown(self.files.summary)
        answer = summary["answer"]
        names = ("status", "headline", "reasons", "records", "texts", "withheld")
        return {
            "name": self.name,
            "run": self.files.identity,
            "checksum": self.files.info["checksum"],
            "finished": self.files.info["finished"],
            "versions": self.files.info["versions"],
            "records": summary["records"],
            "findings": summary["findings"],
            "sample": summary.get("sample"),
            "left_out": omissions.left_out(summary),
            "answer": {name: answer[name] for name in (*names, "warnings")},
        }


def write_case(
    runs: Sequence[Path],
    out: Path,
    *,
    periods: Sequence[date] = (),
    overwrite: bool = False,
) -> dict[str, Any]:
    """Compare runs, and write the comparison to a new folder.

    Parameters
    ----------
    runs
        Two run folders or more.
    out
        The new folder for ``case.json``, ``case.html``, ``case.xlsx``, and the tables
        ``texts.parquet``, ``authors.parquet``, ``months.parquet`` and
        ``periods.parquet``.
    periods
        The first day of each licence period. Texts are also counted by period.

    Returns
    -------
    dict
        ``case.json``.

    Raises
    ------
    InputError
        A run was changed, or can't be compared with the others.
    OutputError
        ``out`` exists, or can't be written.
    UsageError
        There are too few or too many runs, or a run is named twice.
    """
    opened = _open_runs(runs)
    days = sorted(set(periods))
    results = [run.files for run in opened]
    with (
        new_folder(out, FILES, overwrite=overwrite) as folder,
        counted_findings(results, folder) as counts,
    ):
        compared = _compared(opened)
        case = {
            **FORMAT,
            "runs": [run.entry() for run in opened],
            "compared": compared,
            "totals": counts.rows(TOTALS)[0],
            **_overlap(counts.rows(COMBINATIONS), len(opened)),
            "not_summed": NOT_SUMMED,
            "notes": [*_notes(opened, compared), *counts.reservations()],
        }
        most = "name IS NULL, texts DESC, name"
        tables = {
            "authors": counts.breakdown("author", most),
            "months": counts.breakdown(MONTH),
            "periods": counts.breakdown(
                period(days), "name NOT LIKE 'until%', name NULLS LAST"
            ),
            "texts": counts.texts,
        }
        for name, query in tables.items():
            counts.write(query, folder / f"{name}.parquet")
        case["tables"] = {
            name: counts.rows(f"SELECT count(*) AS n FROM ({query})")[0]["n"]
            for name, query in tables.items()
        }
        case["periods"] = counts.rows(tables["periods"])
        shown = {
            "author": counts.rows(f"{tables['authors']} LIMIT {SHOWN}"),
            "licence period": case["periods"] if days else [],
            "month": counts.rows(tables["months"]),
        }
        (folder / PAGE_FILE).write_text(_page(case, shown), encoding="utf-8")
        files = [f"{name}.parquet" for name in tables]
        write_tables(folder / WORKBOOK_FILE, [folder / name for name in files])
        names = [PAGE_FILE, WORKBOOK_FILE, *files]
        seal(folder, case, names)
        write_json(folder / CASE_FILE, case)
    return case


def _open_runs(paths: Sequence[Path]) -> list[Run]:
    """Open runs, and check that their findings can be compared."""
    if not 2 <= len(paths) <= MOST_RUNS:
        raise UsageError(
            f"a case has 2 to {MOST_RUNS} runs, not {len(paths)}: name the folders of "
            "finished runs"
        )
    names = _names([path.resolve() for path in paths])
    runs: list[Run] = []
    for name, path in zip(names, paths, strict=True):
        require_folder("run", path)
        run = Run(name, RunFiles.open(path))
        for other in runs:
            if other.files.info["checksum"] == run.files.info["checksum"]:
                raise UsageError(
                    f"{other.files.path} and {path} are the same run: name each run "
                    "once"
                )
        runs.append(run)
    return runs


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the names of folders of runs, with as few of the folders that contain them
    as are needed to tell them apart.
    """

    def name(path: Path, parts: int) -> str:
        return "/".join(path.parts[1:][-parts:]).removesuffix(".run")

    for parts in range(1, max(len(path.parts) for path in paths)):
        names = [name(path, parts) for path in paths]
        if len({*names}) == len({*paths}):
            break
    return names


def _notes(runs: Sequence[Run], compared: Mapping[str, Any]) -> list[str]:
    """Return the reservations about the comparison of runs, one sentence for each."""
    notes = []
    if not compared["control"]["same"]:
        notes.append(
            "The runs used different controls. A text that is a control in a run has "
            "no finding in that run, so the overlaps may be too low."
        )
    inputs: dict[str, set[int]] = {}
    for number, run in enumerate(runs, 1):
        if run.files.summary.get("sample"):
            notes.append(
                f"Run {number} scanned a sample of its dataset. Texts outside the "
                "sample are missing from all totals and overlaps."
            )
        for item in run.files.info["inputs"]:
            inputs.setdefault(item.get("xxh3") or f"{number}", set()).add(number)
    for numbers in sorted({tuple(sorted(each)) for each in inputs.values()}):
        if len(numbers) > 1:
            notes.append(
                f"Runs {wording.value(numbers)} scanned a file with the same content, "
                "so several of them report the same copies."
            )
    return notes


def _compared(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the conditions of the runs, and whether each is the same in all runs."""

    def control(run: Run) -> str:
        chance = run.files.summary["control"]
        places = Places(run.files.summary, run.files.info)
        null = places.shown((chance["null"] or {}).get("sources", ()))
        kinds = {
            "tweets from": run.files.info["parameters"]["cutoff"],
            "files": run.files.info.get("control", {}).get("fingerprint"),
            "clean data": ", ".join(null) or None,
        }
        return "; ".join(f"{kind} {value}" for kind, value in kinds.items() if value)

    conditions = {
        "index": [run.files.info["index"]["fingerprint"] for run in runs],
        "control": [control(run) or "none" for run in runs],
        "program": [run.files.info["versions"]["provscan"] for run in runs],
    }
    compared = {}
    for name, values in conditions.items():
        numbers: dict[str, list[int]] = {}
        for number, value in enumerate(values, 1):
            numbers.setdefault(value, []).append(number)
        compared[name] = {"same": len(numbers) == 1, "runs": numbers}
    return compared


def _overlap(found: Sequence[dict[str, Any]], runs: int) -> dict[str, Any]:
    """Return how many texts and tweets each pair of runs shares, and of those that are
    in exactly one run, in exactly two runs, and so on. ``found`` has the numbers for
    each set of runs.
    """

    def sums(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
        chosen = list(rows)
        return {name: sum(row[name] for row in chosen) for name in ("texts", "tweets")}

    pairs = []
    for a, b in combinations(range(runs), 2):
        both = 1 << a | 1 << b
        shared = sums(row for row in found if row["found_in"] & both == both)
        pairs.append({"runs": [a + 1, b + 1], **shared})
    in_exactly = []
    for k in range(1, runs + 1):
        sizes = sums(row for row in found if row["found_in"].bit_count() == k)
        in_exactly.append({"runs": k, **sizes})
    return {"pairs": pairs, "in_exactly": in_exactly}


def _page(
    case: dict[str, Any], breakdowns: Mapping[str, Sequence[dict[str, Any]]]
) -> str:
    """Return the case as one self-contained page."""
    shared = {tuple(pair["runs"]): pair["texts"] for pair in case["pairs"]}
    return page(
        "case.html",
        ("page.css", "print.css"),
        folder=Path(__file__).parent / "templates",
        case=case,
        numbers=range(1, len(case["runs"]) + 1),
        shared=lambda a, b: shared[min(a, b), max(a, b)],
        breakdowns=breakdowns,
    )
