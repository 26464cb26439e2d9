"""Find runs, pages and cases beside an index that still contain forgotten tweets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provscan.opening import LARGE, read_small
from provscan.runs.folder import MATCHES_FILE, RUN_FILE

# A page names its run within this many bytes from its start.
HEAD = 200


def copies_beside(index: Path, ids: pa.Array) -> list[dict[str, Any]]:
    """Return the runs in the folder of an index and in the current folder that match
    one of the tweets, the pages and cases made from these runs, and how many matches
    each run contains.
    """
    folders = sorted({index.resolve().parent, Path.cwd()})
    runs: dict[str, int] = {}
    found = []
    for path in (each for folder in folders for each in sorted(folder.glob("*"))):
        # What can't be read is no run.
        with suppress(OSError, KeyError, pa.ArrowInvalid):
            if not (path / RUN_FILE).is_file():
                continue
            matched = pq.read_table(path / MATCHES_FILE, columns=["tweet_id"])
            known = pc.is_in(matched["tweet_id"].cast(ids.type), value_set=ids)
            if number := pc.sum(known).as_py():
                content = (path / MATCHES_FILE).read_bytes()
                runs[hashlib.sha256(content).hexdigest()[:16]] = number
                found.append({"path": _shown(path), "matches": number})
    for folder in folders:
        # export writes the lists of a run beside its report, to a folder of a folder.
        for path in (
            *folder.glob("*.html"),
            *folder.glob("*/*.html"),
            *folder.glob("*/*/report.html"),
        ):
            if (path.parent / RUN_FILE).is_file():
                continue  # The report of a run is named with the run.
            with suppress(OSError):
                if any(run in runs for run in _runs_of(path)):
                    lists = path.with_name("works.csv").is_file()
                    copy = path.parent if lists else path
                    found.append({"path": _shown(copy), "matches": None})
    return found


def _shown(path: Path) -> str:
    """Return a path from the current folder, if it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _runs_of(page: Path) -> Iterator[str]:
    """Yield the runs that a report or the page of a case was made from."""
    with page.open("rb") as file:
        head = file.read(HEAD).decode("utf-8", "replace")
    yield head.partition('data-run="')[2][:16]
    if (case := page.with_name("case.json")).is_file():
        with suppress(ValueError, KeyError, TypeError):
            for run in json.loads(read_small(case, LARGE))["runs"]:
                yield run["run"]
