"""Measure access: read logs into parts, count calls and tweets, and write tables.

:func:`measure` is the entry point. ``intake`` makes the parts. ``counts`` and ``peaks``
compute intermediate results, from which ``access.sql`` makes most tables; ``clock`` and
``pauses`` make those with the same names, and ``limits`` those on limits and caps.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from provscan.engine.progress import Progress
from provscan.ledger import clock, pauses, peaks
from provscan.ledger.counts import Counts
from provscan.ledger.database import connect, run_script
from provscan.ledger.intake import Part, take_in
from provscan.ledger.limits import excesses
from provscan.ledger.policy import add_applications, add_rules
from provscan.ledger.tables import BAD_LINES, FILES, TABLES, USAGE
from provscan.writing import hidden, replacing_file

# The tables that ``access.sql`` makes.
MADE = (
    *("files", "calls", "totals", "organisations", "peaks", "fanout", "coverage"),
    "daily_tweets",
)


def measure(
    logs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    mapping: str | os.PathLike[str] | None = None,
    key: str | None = None,
    windows: Sequence[int] = (900, 86_400),
    packs: Sequence[Mapping[str, Any]] = (),
    applications: Sequence[Mapping[str, Any]] = (),
    progress: Progress | None = None,
) -> Path:
    """Read access logs and write the tables of ``tables.TABLES`` to ``out/tables``.

    ``out/parts`` contains one normalised file per log. Therefore, an interrupted
    measurement, or one of further logs, reads only logs that were not read before.

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
        Lengths of the windows of ``peaks``, in seconds, at most 86,400. The windows of
        the rate limits of ``packs`` are added.
    packs
        Policy packs (see ``inputs``) whose rate limits and monthly caps are compared.
    applications
        The applications of a case, with their projects and tiers.
    progress
        Receives the progress.

    Returns
    -------
    pathlib.Path
        The folder of the tables.

    Raises
    ------
    InputError
        A named file does not exist, no file can be read, or a log has no times.
    ParameterError
        A window or an entry of the mapping is wrong.
    """
    progress = progress or Progress()
    limits = [each for pack in packs for each in pack["rules"]]
    limits = [each for each in limits if each["kind"] == "rate_limit"]
    measured = sorted({*windows, *(60 * each["window_minutes"] for each in limits)})
    peaks.require_windows(measured)
    folder = Path(out).resolve()
    tables = folder / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    with hidden(folder) as work:
        work.mkdir()
        secret = _secret(folder) if key is None else key
        parts = take_in(logs, folder / "parts", work, secret, mapping, progress)
        usage = [row for part in parts for row in part.usage]
        bad = [row for part in parts for row in part.bad]
        found = {
            "files": pa.Table.from_pylist([part.about for part in parts], FILES),
            "bad_lines": pa.Table.from_pylist(bad, BAD_LINES),
            "usage": pa.Table.from_pylist(usage) if usage else USAGE.empty_table(),
        }
        if any(part.path for part in parts):
            with connect(work, [folder]) as database:
                add_applications(database, applications)
                add_rules(database, packs)
                counts = Counts(database, parts, work)
                found |= _counted(counts, parts, measured, progress)
        for name, schema in TABLES.items():
            table = found.get(name, schema.empty_table()).select(schema.names)
            with replacing_file(tables / f"{name}.parquet", work) as target:
                pq.write_table(table.cast(schema), target)
    return tables


def _secret(folder: Path) -> str:
    """Return the key that is stored in the folder. Draw a new key if there is none."""
    path = folder / "key.txt"
    if not path.exists():
        with replacing_file(path) as target:
            target.chmod(0o600)
            target.write_text(secrets.token_hex(32))
    return path.read_text().strip()


def _counted(
    counts: Counts, parts: Sequence[Part], windows: Sequence[int], progress: Progress
) -> dict[str, pa.Table]:
    """Return the tables that are computed from calls."""
    counts.add_up()
    pauses.separate(counts, parts)
    peaks.count_windows(counts, windows, progress)
    peaks.count_retries(counts)
    progress.start("Counting", 3, "steps")
    counts.count_ids()
    progress.advance(1)
    measured = clock.clock(counts)
    progress.advance(1)
    paused = pauses.pauses(counts, parts)
    judged = excesses(counts, measured)
    counts.database.register("pauses", paused)
    run_script(counts.database, "access.sql")
    tables = {name: counts.sql(f"FROM table_{name}").to_arrow_table() for name in MADE}
    progress.advance(1)
    return tables | {"excesses": judged, "clock": measured, "pauses": paused}
