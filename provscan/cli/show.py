"""Results on stdout: a table for people, JSON for machines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from provscan import report
from provscan.cli import echo


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 100)


def index(info: dict[str, Any], as_json: bool) -> None:
    """What an index holds."""
    echo(json.dumps(info, indent=2, ensure_ascii=False) if as_json else report.index_table(info, width=_width()))


def run(path: Path, summary: dict[str, Any], as_json: bool) -> None:
    """What a run found and where its files are."""
    if as_json:
        echo(json.dumps({"run": str(path), **summary}, indent=2, ensure_ascii=False))
        return
    echo(report.text_table(summary, width=_width()))
    echo(f"The report: {path / 'report.html'}")
    echo(f"Every match: {path / 'matches.parquet'}")
