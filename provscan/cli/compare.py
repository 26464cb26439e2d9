"""``provscan compare``: show which findings two runs have in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provscan.cli import shared

# Maximum number of findings that are listed for each run.
SHOWN = 10
TITLES = {"at_most": "at most, nearly verbatim"}  # Other titles than the names.


@shared.command("compare")
@shared.path_argument("first", "RUN")
@shared.path_argument("second", "RUN")
@shared.as_json
def command(first: Path, second: Path, as_json: bool) -> None:
    """Show which findings two runs have in common.

    The output shows the counts of both runs side by side, and the findings that only
    one of them has. Findings are compared by their content, as `provscan match
    --baseline` does, so moved or renamed records make no difference. Runs of a sample
    can't be compared.
    """
    from provscan.cli import show
    from provscan.runs.questions.compare import compare_runs

    show.result(compare_runs(first, second), as_json, _lines)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    from provscan.names import counted

    runs = found["first"], found["second"]
    for name in runs[0]:
        if name != "checksum":
            first, second = (_cell(run[name]) for run in runs)
            title = TITLES.get(name, name.replace("_", " "))
            yield f"{title:26} {first:>24} {second:>24}"
    if found["differs"]:
        yield (
            f"! The runs also differ in {', '.join(found['differs'])}, which alone can "
            "make findings differ."
        )
    yield f"In both: {counted(found['in_both'], 'finding')}"
    for name in ("first", "second"):
        rows = found[f"only_{name}"]
        yield f"Only in {found[name]['run']}: {counted(len(rows), 'finding')}"
        for row in rows[:SHOWN]:
            yield f"  {row['source']}, record {row['record']}: tweet {row['tweet_id']}"
        if (more := len(rows) - SHOWN) > 0:
            yield f"  and {more:,} more, which --json lists"


def _cell(value: Any) -> str:
    if value is None:
        return "not estimated"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)
