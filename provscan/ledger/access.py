"""Measure access: read logs into parts, count calls and tweets, and write tables.

:func:`measure` is the entry point. ``intake`` makes the parts. ``counts`` and ``peaks``
compute intermediate results, from which ``access.sql`` makes most tables; ``clock`` and
``pauses`` make those with the same names, and ``limits`` those on limits and caps.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from provscan.ledger import clock, counts, pauses, peaks
from provscan.ledger.database import connect, run_script
from provscan.ledger.intake import VERSION, Part, take_in
from provscan.ledger.limits import Rule, daily_tweets, excesses
from provscan.ledger.tables import BAD_LINES, FILES, TABLES, USAGE
from provscan.writing import TEMPORARY, replacing_file

# The tables that ``access.sql`` makes.
MADE = ("files", "calls", "totals", "organisations", "peaks", "fanout", "coverage")
Progress = Callable[[str, int, int], None]
"""A callback that receives the stage, the work done in it, and its total work."""


def measure(
    logs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    mapping: str | os.PathLike[str] | None = None,
    key: str | None = None,
    windows: Sequence[int] = (900, 86_400),
    rules: Sequence[Rule] = (),
    memory: str = "4GB",
    on_progress: Progress | None = None,
) -> Path:
    """Read access logs and write the tables of ``tables.TABLES`` to ``out/tables``.

    ``out/parts`` contains one normalised file per log. Therefore, an interrupted
    measurement can be resumed, and a later one reads only new logs.

    Parameters
    ----------
    logs
        Files, folders and archives. Their formats are detected.
    out
        The folder of the result. It is created if necessary. Files in it that this
        function did not write are not changed.
    mapping
        A TOML file that gives the meaning of columns (see ``columns``).
    key
        The secret with which names of tokens and users are hashed. By default, a new
        key is drawn and stored in ``out/key.txt``. Hashes of two results are comparable
        only if their keys are equal.
    windows
        Lengths of the windows of ``peaks``, in seconds, at most 86,400.
    rules
        Rate limits, for ``excesses``, whose windows must be in ``windows``, and
        projects with a monthly cap, for ``daily_tweets``.
    memory
        The memory that DuckDB may use.
    on_progress
        Receives the progress.

    Returns
    -------
    pathlib.Path
        The folder of the tables.

    Raises
    ------
    InputError
        A named file does not exist, no file can be read, or no column has the time.
    ParameterError
        A window or an entry of the mapping is wrong.
    """
    windows = sorted(set(windows)) or [900]
    peaks.require_windows(windows)
    folder = Path(out).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    progress: Progress = on_progress or (lambda *_: None)
    _remove_leftovers(folder)
    secret = _secret(folder) if key is None else key
    parts = take_in(logs, folder, secret, mapping, memory, progress)
    basis = [[str(part.path), part.about["source"]] for part in parts]
    compared = [rule.as_list() for rule in rules]
    settings = json.dumps([VERSION, basis, windows, compared])
    name = hashlib.sha256(settings.encode()).hexdigest()[:16]
    work = folder / "work" / name
    work.mkdir(parents=True, exist_ok=True)
    usage = [row for part in parts for row in part.usage]
    bad = [row for part in parts for row in part.bad]
    tables = {
        "files": pa.Table.from_pylist([part.about for part in parts], FILES),
        "bad_lines": pa.Table.from_pylist(bad, BAD_LINES),
        "usage": pa.Table.from_pylist(usage) if usage else USAGE.empty_table(),
    }
    if any(part.path for part in parts):
        with connect([folder], memory) as database:
            counted = counts.Counts(database, parts, work)
            tables |= _counted(counted, parts, windows, rules, progress)
    (folder / "tables").mkdir(exist_ok=True)
    for each, schema in TABLES.items():
        table = tables.get(each, schema.empty_table()).select(schema.names)
        with replacing_file(folder / "tables" / f"{each}.parquet") as target:
            pq.write_table(table.cast(schema), target)
    return folder / "tables"


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary files of a measurement that was killed."""
    for inside in (folder, folder / "tables", folder / "parts", *folder.glob("work/*")):
        for path in inside.glob(".provscan-*"):
            if TEMPORARY.fullmatch(path.name.removesuffix("-spill")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _secret(folder: Path) -> str:
    """Return the key that is stored in the folder. Draw a new key if there is none."""
    path = folder / "key.txt"
    if not path.exists():
        with replacing_file(path) as target:
            target.write_text(secrets.token_hex(32))
            target.chmod(0o600)
    return path.read_text().strip()


def _counted(
    counted: counts.Counts,
    parts: Sequence[Part],
    windows: Sequence[int],
    rules: Sequence[Rule],
    progress: Progress,
) -> dict[str, pa.Table]:
    """Return the tables that are computed from calls."""
    steps = 4
    progress("counting", 0, steps)
    counted.add_up()
    pauses.separate(counted, parts)
    walked = functools.cache(lambda: peaks.walk(counted, windows, progress))
    counted.store("busiest", lambda: walked()[0])
    counted.store("retries", lambda: walked()[1])
    progress("counting", 1, steps)
    counted.count_ids()
    progress("counting", 2, steps)
    measured = clock.clock(counted)
    progress("counting", 3, steps)
    paused = pauses.pauses(counted, parts, measured)
    judged = {
        "excesses": excesses(counted, rules, measured),
        "daily_tweets": daily_tweets(counted, rules),
    }
    counted.database.register("pauses", paused)
    run_script(counted.database, "access.sql")
    tables = {name: counted.sql(f"FROM table_{name}").to_arrow_table() for name in MADE}
    progress("counting", steps, steps)
    return tables | judged | {"clock": measured, "pauses": paused}
