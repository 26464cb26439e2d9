"""A blind run for people: what was found, and what the method costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def blind_lines(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values."""
    lines = [
        ("Records scanned", summary["records"]),
        ("Records with a match", summary["records_matched"]),
        ("Matches", summary["matches"]),
        ("Tweets matched", summary["texts_found"]),
        *((f"Level {level}", count) for level, count in summary["levels"].items() if count),
    ]
    if revealed := summary["blind"].get("revealed"):
        lines += [
            ("Confirmed by the full index", revealed["confirmed"]),
            ("Refuted by the full index", revealed["refuted"]),
            ("Ids not in the full index", revealed["unknown"]),
        ]
    return [(name, f"{count:,}") for name, count in lines]


def blind_summary(run: Path) -> dict[str, Any] | None:
    """``summary.json`` of a blind run; None of any other."""
    try:
        summary = json.loads((run / "summary.json").read_bytes())
        return summary if "blind" in summary else None
    except (OSError, ValueError, TypeError):
        return None
