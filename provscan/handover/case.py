"""Compare several runs in a case: the results of each run, the licensed texts that they
share, and totals that count each text and each tweet once.

:func:`write_case` writes the folder of a case. :func:`_opened` reads the runs and
refuses those that can't be compared. :class:`_Counts` counts the findings in DuckDB,
with bounded memory. The other functions write the counts to ``case.json``, the tables,
a page and a workbook.

A licensed text is identified by the id and the wording of its earliest tweet.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

from provscan.errors import InputError, OutputError, UsageError, interruptible
from provscan.params import require_folder
from provscan.report import wording
from provscan.report.document import page
from provscan.report.files import RunFiles
from provscan.report.workbook import Sheet, write_workbook
from provscan.runs.folder import EVIDENCE_FILE, MATCHES_FILE, write_json
from provscan.runs.wording import several
from provscan.writing import new_folder

CASE_FILE, PAGE_FILE, WORKBOOK_FILE = "case.json", "case.html", "case.xlsx"
FORMAT = {"format": "provscan-case", "version": 1}
# A set of runs is stored as the bits of an unsigned 64-bit integer.
MOST_RUNS = 62
MEMORY = "400MB"
# Maximum numbers of rows: in a breakdown on the page, and in a sheet of the workbook.
SHOWN, MOST_ROWS = 20, 100_000
NOT_SUMMED = (
    "There is no lower bound, estimate or upper limit for all runs together. Those of "
    "single runs must not be added up: runs can contain copies of the same tweets, and "
    "intervals don't add."
)


@dataclass(frozen=True)
class Run:
    """A run that belongs to a case."""

    name: str
    files: RunFiles

    def entry(self) -> dict[str, Any]:
        """Return the entry of the run in ``case.json``, with the run's own numbers."""
        summary, answer = self.files.summary, self.files.summary["answer"]
        names = ("status", "headline", "records", "texts", "withheld", "warnings")
        return {
            "name": self.name,
            "run": self.files.identity,
            "checksum": self.files.info["checksum"],
            "finished": self.files.info["finished"],
            "versions": self.files.info["versions"],
            "records": summary["records"],
            "findings": summary["counted"]["matches"],
            "sample": summary.get("sample"),
            "left_out": wording.left_out(summary),
            "answer": {name: answer[name] for name in names},
        }


def write_case(
    runs: Sequence[Path], out: Path, *, periods: Sequence[date] = ()
) -> dict[str, Any]:
    """Compare runs, and write the comparison to a new folder.

    Parameters
    ----------
    runs
        Two run folders or more.
    out
        The new folder: ``case.json``, ``case.html``, ``case.xlsx``, and the tables
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
        A run was changed, is blind, or can't be compared with the others.
    OutputError
        `out` exists, or can't be written.
    UsageError
        There are too few or too many runs, or a run is named twice.
    """
    opened = _opened(runs)
    days = sorted(set(periods))
    with new_folder(out) as folder, _counts(opened, folder) as counts:
        compared = _compared(opened)
        case = {
            **FORMAT,
            "runs": [run.entry() for run in opened],
            "compared": compared,
            "totals": counts.rows(_TOTALS)[0],
            **_overlap(counts.rows(_COMBINATIONS), len(opened)),
            "not_summed": NOT_SUMMED,
            "notes": [*_notes(opened, compared), *counts.checked()],
        }
        most = "name IS NULL, texts DESC, name"
        tables = {
            "authors": counts.breakdown("author", most),
            "months": counts.breakdown(_MONTH),
            "periods": counts.breakdown(
                _period(days), "name NOT LIKE 'until%', name NULLS LAST"
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
        write_json(folder / CASE_FILE, case)
        shown = {
            "author": counts.rows(f"{tables['authors']} LIMIT {SHOWN}"),
            "licence period": case["periods"] if days else [],
            "month": counts.rows(tables["months"]),
        }
        (folder / PAGE_FILE).write_text(_page(case, shown), encoding="utf-8")
        listed = {
            name: counts.rows(f"{query} LIMIT {MOST_ROWS}")
            for name, query in tables.items()
        }
        write_workbook(folder / WORKBOOK_FILE, _sheets(case, listed))
    return case


def _opened(paths: Sequence[Path]) -> list[Run]:
    """Open runs, and check that their findings can be compared."""
    if not 2 <= len(paths) <= MOST_RUNS:
        raise UsageError(
            f"a case has 2 to {MOST_RUNS} runs, but {len(paths)} are named: name "
            "the folders of finished runs"
        )
    short = [path.resolve().name.removesuffix(".run") for path in paths]
    names = [
        name if short.count(name) == 1 else str(path)
        for name, path in zip(short, paths, strict=True)
    ]
    runs: list[Run] = []
    for name, path in zip(names, paths, strict=True):
        require_folder("run", path)
        run = Run(name, RunFiles.open(path))
        if "records" not in run.files.summary["answer"]:
            raise InputError(
                f"{path} is a blind run, which has no findings to compare: name runs "
                "with an index of texts"
            )
        for other in runs:
            if other.files.info["checksum"] == run.files.info["checksum"]:
                raise UsageError(
                    f"{other.files.path} and {path} are the same run: name each run "
                    "once"
                )
        runs.append(run)
    return runs


def _notes(runs: Sequence[Run], compared: Mapping[str, Any]) -> list[str]:
    """Return the limits of the comparison of runs, one sentence for each."""
    notes = []
    if not compared["control"]["same"]:
        notes.append(
            "The runs used different controls. A text that is a control in a run has "
            "no finding in that run, so the overlaps may be too low."
        )
    if not compared["rule"]["same"]:
        notes.append(
            "The runs used different rules, so the same match can be a finding in one "
            "run and not in another."
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
                "so their findings in that file are identical."
            )
    return notes


def _compared(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the conditions of the runs, and whether they are the same in all runs."""

    def control(run: Run) -> str:
        chance = run.files.summary["control"]
        null = [item["source"] for item in (chance["null"] or {}).get("sources", ())]
        kinds = {
            "tweets from": run.files.info["parameters"]["cutoff"],
            "files": run.files.info.get("control", {}).get("fingerprint"),
            "null dataset": ", ".join(null) or None,
        }
        return "; ".join(f"{kind} {value}" for kind, value in kinds.items() if value)

    def rule(run: Run) -> str:
        names = ("threshold", "min_containment", "min_chars", "partial_chars")
        used = {name: run.files.info["parameters"][name] for name in names}
        found = {**used, **run.files.summary["rule"]}
        return wording.value({k: v for k, v in found.items() if k != "changed"})

    conditions = {
        "index": [run.files.info["index"]["fingerprint"] for run in runs],
        "control": [control(run) or "none" for run in runs],
        "rule": [rule(run) for run in runs],
        "program": [run.files.info["versions"]["provscan"] for run in runs],
    }
    compared = {}
    for name, values in conditions.items():
        numbers: dict[str, list[int]] = {}
        for number, value in enumerate(values, 1):
            numbers.setdefault(value, []).append(number)
        compared[name] = {"same": len(numbers) == 1, "runs": numbers}
    return compared


# A finding is a row of both files. A tweet id can have several texts, so the digest of
# the text also identifies it.
_FOUND = """
INSERT INTO found
SELECT ? AS run, tweet_id, digest, tweets, findings, author, ms
FROM (
    SELECT tweet_id, max(tweets) AS tweets
    FROM read_parquet(?) WHERE counted AND NOT control GROUP BY tweet_id)
JOIN (
    SELECT tweet_id, {digest} AS digest, count(*) AS findings, min(author) AS author,
        min(epoch_ms(time)) AS ms
    FROM read_parquet(?) GROUP BY ALL) USING (tweet_id)"""
_DIGEST = (
    "('0x' || left(CASE WHEN has_text THEN sha256(tweet) ELSE tweet END, 16))::UBIGINT"
)
_TEXTS = """
CREATE TABLE texts AS
SELECT tweet_id, digest, min(author) AS author, min(ms) AS ms,
    max(tweets)::BIGINT AS tweets, sum(findings)::BIGINT AS findings,
    bit_or(1::UBIGINT << run)::UBIGINT AS found_in
FROM found GROUP BY tweet_id, digest"""
_SHARED = """
SELECT count(*) AS ids, min(tweet_id) AS example FROM (
    SELECT tweet_id FROM texts GROUP BY tweet_id HAVING count(*) > 1)"""
_SUMS = ", ".join(
    ["count(*) AS texts"]
    + [f"coalesce(sum({n}), 0)::BIGINT AS {n}" for n in ("tweets", "findings")]
)
_TOTALS = f"SELECT {_SUMS} FROM texts"
_COMBINATIONS = f"SELECT found_in, {_SUMS} FROM texts GROUP BY found_in"
_MONTH, _DAY = (
    f"strftime(make_timestamp(ms * 1000), '{form}')" for form in ("%Y-%m", "%Y-%m-%d")
)


@contextmanager
def _counts(runs: Sequence[Run], folder: Path) -> Iterator[_Counts]:
    """Provide the counts of runs. Data that exceeds the memory goes to ``folder``."""
    import duckdb

    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        duckdb.connect(f"{place}/case.duckdb") as connection,
    ):
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = {_quoted(place)}")
        connection.execute("SET threads = 2")
        try:
            with interruptible():
                yield _Counts(connection, runs)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise OutputError(
                f"counting the findings in {folder.parent} failed "
                f"({str(error).splitlines()[0]}): free some space, or write to another "
                "disk with -o"
            ) from error


def _quoted(path: str | Path) -> str:
    """Return a path as an SQL string literal."""
    return "'" + str(path).replace("'", "''") + "'"


class _Counts:
    """The findings of runs, counted by licensed text in a database."""

    def __init__(self, connection: Any, runs: Sequence[Run]) -> None:
        self._connection, self._runs = connection, runs
        self._in_run = {
            f"run_{number + 1}": f"(found_in >> {number} & 1) = 1"
            for number in range(len(runs))
        }
        connection.execute(
            "CREATE TABLE found (run INTEGER, tweet_id VARCHAR, digest UBIGINT, "
            "tweets BIGINT, findings BIGINT, author VARCHAR, ms BIGINT)"
        )
        self._indexes = {run.files.info["index"]["fingerprint"] for run in runs}
        for number, run in enumerate(runs):
            tables = [
                str(run.files.path / name) for name in (MATCHES_FILE, EVIDENCE_FILE)
            ]
            connection.execute(_FOUND.format(digest=_DIGEST), [number, *tables])
        connection.execute(_TEXTS)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        found = self._connection.execute(query)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def checked(self) -> list[str]:
        """Check that the ids of tweets identify the licensed texts in all runs; return
        the exceptions, one sentence for each.
        """
        notes = []
        found = self.rows(
            "SELECT run, sum(findings)::BIGINT AS findings FROM found GROUP BY run"
        )
        by_run = {row["run"]: row for row in found}
        for number, run in enumerate(self._runs):
            row = by_run.get(number, {"findings": 0})
            counted = run.files.summary["counted"]
            if row["findings"] != counted["matches"]:
                raise InputError(
                    f"{run.files.path}: matches.parquet has {row['findings']:,} "
                    f"findings but summary.json has {counted['matches']:,}, so the "
                    "files belong to different runs: run match again"
                )
        if (shared := self.rows(_SHARED)[0]["ids"]) and len(self._indexes) == 1:
            notes.append(
                f"{several(shared, 'tweet id has', 'tweet ids have')} several texts. "
                "Each of these texts is counted, with the largest number of tweets of "
                "any text of its id, so the totals of tweets may be too high."
            )
        if len(self._indexes) > 1:
            self._require_platform_ids()
            notes.append(
                f"The runs used {len(self._indexes)} different indexes. If the "
                "earliest tweet of a text differs between them, the text is counted "
                "twice: the totals may be too high, and the overlaps too low. The "
                "number of tweets of a text is the highest in any of the indexes."
            )
        return notes

    def _require_platform_ids(self) -> None:
        """Refuse different indexes unless each id denotes the same tweet in all."""
        row = self.rows(
            "SELECT count(*) FILTER (NOT regexp_full_match(tweet_id, '[0-9]+')) AS odd "
            "FROM texts"
        )[0]
        differs = self.rows(_SHARED)[0]["example"]
        why = None
        if row["odd"]:
            why = f"{row['odd']:,} texts have tweets without a numeric id"
        elif differs is not None:
            why = f"tweet {differs} has a different text in each"
        if why is not None:
            raise InputError(
                f"the runs used {len(self._indexes)} different indexes, and {why}, so "
                "texts can't be matched across the runs: run match again with one "
                "index"
            )

    def breakdown(self, key: str, order: str = "name NULLS LAST") -> str:
        """Return a query that counts texts, tweets and findings by the SQL expression
        ``key``, and also counts texts by run.
        """
        of_run = ", ".join(
            f"count(*) FILTER ({found}) AS {name}"
            for name, found in self._in_run.items()
        )
        return (
            f"SELECT * FROM (SELECT {key} AS name, {_SUMS}, {of_run} FROM texts "
            f"GROUP BY 1) ORDER BY {order}"
        )

    @property
    def texts(self) -> str:
        """A query of all texts; the texts that are in the most runs come first."""
        in_run = ", ".join(f"{found} AS {name}" for name, found in self._in_run.items())
        return (
            f"SELECT tweet_id, author, {_DAY} AS day, tweets, findings, "
            f"bit_count(found_in)::INTEGER AS runs, {in_run} FROM texts "
            "ORDER BY runs DESC, findings DESC, tweet_id, digest"
        )

    def write(self, query: str, path: Path) -> None:
        """Write the rows of a query as a Parquet file."""
        self._connection.execute(
            f"COPY ({query}) TO {_quoted(path)} (FORMAT parquet, COMPRESSION zstd)"
        )


def _period(days: Sequence[date]) -> str:
    """Return an SQL expression for the licence period of a text, given the first day of
    each period.
    """
    ends = [day - timedelta(1) for day in days]
    names = [f"{day} to {end}" for day, end in zip(days, ends[1:], strict=False)]
    names = [f"until {ends[0]}", *names, f"from {days[-1]}"] if days else ["any time"]
    cases = "".join(
        f" WHEN ms < epoch_ms(TIMESTAMP '{day}') THEN '{name}'"
        for day, name in zip(days, names, strict=False)
    )
    return f"CASE WHEN ms IS NULL THEN NULL{cases} ELSE '{names[-1]}' END"


def _overlap(found: Sequence[dict[str, Any]], runs: int) -> dict[str, Any]:
    """Return the numbers of texts and tweets that each pair of runs shares, and that
    are in exactly one run, two runs and so on, given the counts for each set of runs.
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
        counted = sums(row for row in found if row["found_in"].bit_count() == k)
        in_exactly.append({"runs": k, **counted})
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


def _sheets(
    case: dict[str, Any], tables: Mapping[str, Sequence[dict[str, Any]]]
) -> Iterator[Sheet]:
    """Yield the sheets of the workbook."""
    rows = []
    for number, run in enumerate(case["runs"], 1):
        for measure in ("records", "texts"):
            value = run["answer"][measure]
            estimate = value["estimate"] or {}
            withheld = [
                f"{name.partition('.')[2]}: {reason}"
                for name, reason in run["answer"]["withheld"].items()
                if name.startswith(f"{measure}.")
            ]
            layers = [value[name] for name in ("findings", "at_least")]
            ends = [estimate.get(name) for name in ("value", "low", "high")]
            numbers = [*layers, *ends, value["at_most"]]
            rows.append([number, run["name"], measure, *numbers, " ".join(withheld)])
    names = ("findings", "at least", "estimate", "low", "high", "at most")
    heads = {"run": 6, "name": 24, "measure": 10, **dict.fromkeys(names, 12)}
    yield Sheet("Runs", heads | {"withheld": 80}, rows)
    overlaps = [
        (f"in both run {pair['runs'][0]} and run {pair['runs'][1]}", pair)
        for pair in case["pairs"]
    ]
    overlaps += [
        (f"in exactly {several(item['runs'], 'run', 'runs')}", item)
        for item in case["in_exactly"]
    ]
    overlaps.append(("in any run", case["totals"]))
    counted = [[where, item["texts"], item["tweets"]] for where, item in overlaps]
    yield Sheet("Overlap", {"found": 30, "texts": 12, "tweets": 12}, counted)
    notes = [case["not_summed"], *case["notes"]]
    for name, listed in tables.items():
        if listed:
            heads = dict.fromkeys(listed[0], 12) | {next(iter(listed[0])): 30}
            yield Sheet(name.capitalize(), heads, [[*row.values()] for row in listed])
        if (total := case["tables"][name]) > len(listed):
            notes.append(
                f"The sheet of {name} has the first {len(listed):,} of {total:,}; all "
                f"are in {name}.parquet."
            )
    yield Sheet("Notes", {"note": 120}, [[note] for note in notes])
