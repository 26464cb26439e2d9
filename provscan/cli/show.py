"""Results on stdout: a table for people, JSON for machines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from provscan.cli import echo
from provscan.report.blind import blind_lines
from provscan.report.tables import index_table, text_table


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 100)


def index(info: dict[str, Any], as_json: bool) -> None:
    echo(json.dumps(info, indent=2, ensure_ascii=False) if as_json else index_table(info, width=_width()))


def run(path: Path, summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo(json.dumps({"run": str(path), **summary}, indent=2, ensure_ascii=False))
        return
    echo(text_table(summary, width=_width()))
    echo(f"The report: {path / 'report.html'}")
    echo(f"Every match: {path / 'matches.parquet'}")


def blind_run(run: Any, as_json: bool) -> None:
    if as_json:
        echo(json.dumps({"run": str(run.path), **run.summary}, indent=2, ensure_ascii=False))
        return
    echo(f"{run.summary['answer']['headline']}.")
    for name, value in blind_lines(run.summary):
        echo(f"  {name:<28}{value:>10}")
    for cost in run.summary["blind"]["costs"]:
        echo(cost)
    echo(f"The report: {run.path / 'report.html'}")


def blind_index(info: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo(json.dumps(info, indent=2))
        return
    echo(f"Blind index {info['path']}: {info['texts']:,} texts of {info['tweets']:,} tweets, {info['bytes']:,} bytes")
    echo("Whoever has it and its key can test guesses of what it holds. Keep the key apart from it.")


def forgotten(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo(json.dumps(found, indent=2))
        return
    verb = "Would forget" if found["dry_run"] else "Forgot"
    echo(f"{verb} {found['tweets']:,} tweets; {found['texts']:,} texts have no tweet left.")
    if found["unknown"]:
        echo(f"{found['unknown']:,} ids are not in the index.")
    for name, count in sorted(found["events"].items()):
        note = NO_EFFECT.get(name, "")
        echo(f"  {name}: {count:,}{note and f' ({note})'}")
    if found["purged"]:
        echo("Their texts and hashes are no longer in the files.")
    elif found["tweets"] and not found["dry_run"]:
        echo("Their texts stay in the files until `provscan merge` or the next purge.")


# Compliance events that change nothing, with the reason.
NO_EFFECT = {
    "scrub_geo": "an index holds no places",
    **dict.fromkeys(("undrop", "user_undelete", "user_unsuspend", "user_unprotect"), "what is forgotten stays so"),
    **dict.fromkeys(("user_profile_modification", "tweet_edit"), "nothing to forget"),
}


def verified(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo(json.dumps(found, indent=2))
    elif "run" in found:
        echo(f"{found['run']} is sound: {found['matches']:,} matches in {found['rows']:,} rows.")
    else:
        how = "made again from its tweets, byte by byte"
        if found.get("blind"):
            how = "a blind index: checksums and bounds; without the texts its sketches can't be made again"
        elif found["quick"]:
            how = "checksums and bounds"
        echo(
            f"{found['index']} is sound ({how}): generation {found['generation']}, {found['files']:,} files, "
            f"{found['bytes']:,} bytes, fingerprint {found['fingerprint']}."
        )
