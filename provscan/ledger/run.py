"""Make the folder of a ledger from logs and a case file.

:func:`make_ledger` measures access, reads holdings and uses, compares them with the
rules, and writes tables, ``ledger.json``, a workbook and the report. It first writes to
``OUT.unfinished`` (:mod:`provscan.unfinished`), so that repeating an interrupted
command resumes it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from provscan import __version__
from provscan.engine.progress import Progress
from provscan.errors import InputError, UsageError, duckdb_errors
from provscan.ledger.access import measure
from provscan.ledger.database import (
    Database,
    add_table,
    open_database,
    run_script,
    write_table,
)
from provscan.ledger.files import (
    FORMAT,
    LEDGER_FILE,
    TABLES_FOLDER,
    VERSION,
    read_ledger,
)
from provscan.ledger.holdings import add_deletions, add_holdings
from provscan.ledger.inputs import Case, Row, no_case, read_case, read_pack
from provscan.ledger.policy import add_applications, add_rules
from provscan.ledger.report import write_ledger_report
from provscan.options import Source
from provscan.report.workbook import write_tables
from provscan.runs.folder import REPORT_FILE, is_page, seal, write_json
from provscan.unfinished import Work, require_new, unfinished_folder
from provscan.writing import remove_named, require_own

# The folder of the ledger in its unfinished folder, and the key of hashed names in it.
# ``ledger.json`` contains no checksum of the key.
LEDGER, KEY = "ledger", "key.txt"
# The workbook, and its first sheets after the contents, in their order.
WORKBOOK = "ledger.xlsx"
FIRST = ("totals", "findings", "claims", "government", "deletions", "missing")
END_USERS = """application VARCHAR, name VARCHAR, government BOOLEAN,
    notice TIMESTAMPTZ, first_access TIMESTAMPTZ"""
STATED = """source VARCHAR, what VARCHAR, total BIGINT, application VARCHAR,
    tolerance DOUBLE"""
# The tables that ``ledger.json`` also contains, and those that this module writes.
MAIN = ("totals", "holdings", "uses", "deletions", "government", "claims")
WRITTEN = (*MAIN[1:], "applications", "rules", "end_users", "findings", "missing")
# The default policy packs of a case.
POLICIES = ("x-developer",)


def make_ledger(
    logs: Sequence[Source],
    out: Source,
    *,
    case: Source | None = None,
    mapping: Source | None = None,
    key: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make the folder of a ledger, with tables, ``ledger.json``, ``ledger.xlsx`` and
    ``report.html``.

    Parameters
    ----------
    logs
        Access logs: files, folders and archives. The logs that the case file lists are
        added.
    out
        The new folder. To resume an interrupted call, repeat it.
    case
        A case file with applications, holdings, uses and claims. Without a case file,
        only access is reported.
    mapping
        A TOML file that gives the meaning of columns of the logs.
    key
        The secret with which names of tokens and users are hashed. By default, a new
        key is drawn.
    overwrite
        Replace an existing ledger.
    progress
        Receives the progress.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        A file can't be read, or has a mistake. The message shows a correct example.
    OutputError
        ``out`` exists, or can't be written.
    UsageError
        No log is named.
    """
    content = read_case(Path(case)) if case is not None else no_case()
    about = content.about
    listed = [os.path.relpath(content.folder / log) for log in about["logs"] or ()]
    all_logs = [*logs, *listed]
    if not all_logs:
        raise UsageError("name an access log, or set logs in [case] of the case file")
    if mapping is None and about["mapping"]:
        mapping = content.folder / about["mapping"]
    policies = POLICIES if about["policies"] is None else about["policies"]
    packs = [read_pack(name, content.folder) for name in policies]
    target = Path(out)
    if overwrite and os.path.lexists(target):
        require_own(target, _own_files(target))
    else:
        require_new(target, WORK)
    with (
        unfinished_folder(target, WORK, overwrite=overwrite) as work,
        duckdb_errors(),
    ):
        work.begin({})
        folder = work.path / LEDGER
        shutil.rmtree(folder, ignore_errors=True)
        measured = measure(
            all_logs,
            work.path,
            mapping=mapping,
            key=key,
            packs=packs,
            applications=content.tables["application"],
            progress=progress,
        )
        folder.mkdir()
        tables = measured.rename(folder / TABLES_FOLDER)
        with open_database(tables) as db:
            _add_case(db, content)
            add_rules(db, packs)
            add_holdings(db, content)
            add_deletions(db, content)
            run_script(db, "comparison.sql")
            for name in WRITTEN:
                write_table(db, name, tables)
        names = sorted(path.stem for path in tables.glob("*.parquet"))
        names.sort(key=lambda name: (*FIRST, name).index(name))
        write_tables(folder / WORKBOOK, [tables / f"{name}.parquet" for name in names])
        _write_manifest(folder, content, packs)
        write_ledger_report(folder)
        if key is None:
            (work.path / KEY).rename(folder / KEY)
        work.publish(folder, replace=overwrite)
    return target


def _own_files(folder: Path) -> set[str]:
    """Return the paths of the files of a ledger, according to ``ledger.json``."""
    try:
        files = read_ledger(folder)["files"]
    except (InputError, KeyError):
        return set()
    report = {REPORT_FILE} if is_page(folder / REPORT_FILE) else set()
    return {LEDGER_FILE, KEY, *report, *files}


def _add_case(db: Database, case: Case) -> None:
    add_applications(db, case.tables["application"])
    add_table(db, "end_users", END_USERS, case.tables["end_user"])
    add_table(db, "stated", STATED, case.tables["claim"])
    add_table(db, "period", '"from" DATE, "to" DATE', [case.about])


def _write_manifest(folder: Path, case: Case, packs: Sequence[Row]) -> None:
    """Write ``ledger.json``: the case, the policy packs, the main tables, and the
    checksums of the workbook and of all tables.
    """
    tables = {
        name: pq.read_table(folder / TABLES_FOLDER / f"{name}.parquet")
        for name in (*MAIN, "findings", "files")
    }
    counted = tables.pop("findings").group_by(["lane", "kind", "result"])
    logs = tables.pop("files").to_pylist()
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "provscan": __version__,
        "case": {
            **{name: case.about[name] for name in ("name", "from", "to")},
            "sha256": case.sha256,
        },
        "policies": [
            {name: pack[name] for name in ("name", "title", "sha256")} for pack in packs
        ],
        **{name: table.to_pylist() for name, table in tables.items()},
        "findings": counted.aggregate([([], "count_all")])
        .sort_by([(name, "ascending") for name in ("lane", "kind", "result")])
        .to_pylist(),
        "left_out": {
            "bad_lines": sum(log["bad"] or 0 for log in logs),
            "repeated_calls": sum(log["repeated"] or 0 for log in logs),
            "copies": [log["source"] for log in logs if log["state"] == "copy"],
            "not_read": {
                log["source"]: f"{log['state']}: {log['detail']}"
                for log in logs
                if log["state"] in ("damaged", "unread")
            },
        },
    }
    # Dates and times become strings.
    content = json.loads(json.dumps(content, default=str))
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    names = [str(path) for path in sorted(files)]
    seal(folder, content, names)
    write_json(folder / LEDGER_FILE, content)


def _remove_work(folder: Path) -> None:
    """Remove everything that :func:`make_ledger` writes to its unfinished folder."""
    temporary = [name for name in os.listdir(folder) if name.startswith(".provscan-")]
    for name in ("parts", TABLES_FOLDER, LEDGER, *temporary):
        shutil.rmtree(folder / name, ignore_errors=True)
    remove_named(folder, [KEY, *temporary])


WORK = Work(
    name="ledger",
    # Each log that was read has one such file.
    parts=("parts/*.names.parquet",),
    unit="log",
    remove=_remove_work,
)
