"""The page of a blind run: what was found, and what the method costs."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

MOST = 1_000


def blind_lines(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What a blind run found, as names and values."""
    lines = [
        ("Records scanned", f"{summary['records']:,}"),
        ("Records with a match", f"{summary['records_matched']:,}"),
        ("Matches", f"{summary['matches']:,}"),
        ("Tweets matched", f"{summary['texts_found']:,}"),
        *((f"Level {level}", f"{count:,}") for level, count in summary["levels"].items() if count),
    ]
    revealed = summary["blind"].get("revealed")
    if revealed:
        lines += [
            ("Confirmed by the full index", f"{revealed['confirmed']:,}"),
            ("Refuted by the full index", f"{revealed['refuted']:,}"),
            ("Ids not in the full index", f"{revealed['unknown']:,}"),
        ]
    return lines


def blind_page(summary: dict[str, Any], matches: list[dict[str, Any]]) -> str:
    """The page, which loads nothing."""
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in blind_lines(summary))
    costs = "".join(f"<li>{escape(cost)}</li>" for cost in summary["blind"]["costs"])
    columns = ("source", "record", "start", "end", "tweet_id", "level", "similarity", "containment", "counted")
    head = "".join(f"<th>{name}</th>" for name in columns)
    cells = (("".join(f"<td>{escape(_shown(row[name]))}</td>" for name in columns)) for row in matches[:MOST])
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    more = f"<p>The first {MOST:,} of {len(matches):,}; the others are in matches.parquet.</p>"
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>provscan: blind run</title>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        "<style>body{font:16px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
        "th,td{text-align:left;padding:.1em .8em .1em 0}</style>"
        f"<h1>Licensed tweets, found blind</h1><p>{escape(summary['answer']['headline'])}</p><table>{rows}</table>"
        f"<h2>What a blind index costs</h2><ul>{costs}</ul><h2>Matches</h2><table><tr>{head}</tr>{body}</table>"
        f"{more if len(matches) > MOST else ''}</html>\n"
    )


def _shown(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def blind_summary(run: Path) -> dict[str, Any] | None:
    """``summary.json`` of a blind run; None of any other."""
    try:
        summary = json.loads((run / "summary.json").read_bytes())
        return summary if "blind" in summary else None
    except (OSError, ValueError, TypeError):
        return None
