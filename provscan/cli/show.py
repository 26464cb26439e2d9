"""Print results on stdout (:func:`result`), as JSON for programs or as text for people.
The other functions return the text of results that several commands print.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from provscan.cli import echo
from provscan.names import counted

Result = dict[str, Any]


def result(
    found: Any, as_json: bool, lines: Callable[[Any], str | Iterable[str]]
) -> None:
    """Print a result as JSON, or as the text that ``lines`` returns for it."""
    if as_json:
        output: str | Iterable[str] = json.dumps(
            found, indent=2, ensure_ascii=False, default=datetime.isoformat
        )
    else:
        output = lines(found)
    for line in [output] if isinstance(output, str) else output:
        echo(line)


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 100)


def built(info: Result) -> str:
    """Return what was indexed in a few lines."""
    from provscan.report.tables import index_brief

    return index_brief(info, width=_width())


def index(info: Result) -> str:
    """Return the contents of an index as a table."""
    from provscan.report.tables import index_table

    return index_table(info, width=_width())


def brief(found: Result) -> str:
    """Return the results of a run in a few lines."""
    from provscan.report.tables import brief_text

    return brief_text(found, found["run"], width=_width())


def run(found: Result) -> str:
    """Return all results of a run."""
    from provscan.report.tables import run_text

    return run_text(found, found["run"], width=_width())


def forgotten(found: Result) -> Iterator[str]:
    """Yield sentences about tweets that were forgotten and ids that were not found."""
    verb = "Would forget" if found["dry_run"] else "Forgot"
    yield (
        f"{verb} {counted(found['tweets'], 'tweet')}; no tweet is left for "
        f"{counted(found['texts'], 'text')}."
    )
    if found["unknown"]:
        ids = counted(found["unknown"], "id")
        yield (
            f"{ids} not found in the index, which stores an edited tweet only under "
            "the id of its first version."
        )
    if found["unknown_accounts"]:
        yield (
            f"{counted(found['unknown_accounts'], 'account')} not found in the index, "
            "which identifies accounts as its corpus does, by @name or by id."
        )
    for name, count in sorted(found["events"].items()):
        events = counted(count, "id") if name == "id" else f"{count:,} {name}"
        note = NO_EFFECT.get(name, "")
        yield f"  read: {events}{note and f' ({note})'}"
    if found["copies"]:
        copies = [copy["path"] for copy in found["copies"]]
        yield (
            f"Contained in {', '.join(copies)}: repeat match with --overwrite, or "
            "export again, which leaves out what the index of the run has forgotten."
        )
    if found["purged"]:
        yield "Forgotten texts and hashes are no longer in the files."
    elif found["tweets"] and not found["dry_run"]:
        yield ("Forgotten texts stay in the files until `provscan forget --purge`.")


# Compliance events that do not change an index, with the reason.
NO_EFFECT = {
    "scrub_geo": "an index contains no places",
    **dict.fromkeys(
        ("undrop", "user_undelete", "user_unsuspend", "user_unprotect"),
        "forgotten tweets stay forgotten",
    ),
    **dict.fromkeys(("user_profile_modification", "tweet_edit"), "nothing to forget"),
}


def verified(found: Result) -> str:
    """Return a sentence about a verified index or run."""
    if "run" in found:
        size = (
            f"{counted(found['matches'], 'match')} in {counted(found['rows'], 'row')}"
        )
        page = (
            "report.html is not checked: `provscan export` writes it again from the "
            "other files"
        )
        return f"{found['run']} is sound: {size}. {page}."
    how = (
        "checksums and ranges of values"
        if found["quick"]
        else "rebuilt from its tweets and compared byte by byte"
    )
    return (
        f"{found['index']} is sound ({how}): generation {found['generation']}, "
        f"{counted(found['files'], 'file')}, "
        f"{found['bytes']:,} bytes, fingerprint {found['fingerprint']}."
    )
