"""The statuses of an answer, in one table: what each is called and what follows from
it.
"""

from __future__ import annotations

from typing import NamedTuple

COPIES_FOUND = "copies_found"
NO_COPIES_SHOWN = "no_copies_shown"
INCOMPLETE = "incomplete"
CANNOT_JUDGE = "cannot_judge"
NOT_MEASURED = "not_measured"


class Status(NamedTuple):
    """One status of an answer."""

    code: str  # In ``summary.json``.
    words: str  # The first words of the headline.
    colour: str  # The background of these words in the report.
    terminal: str | None  # Their colour on a terminal; None if they have none.
    # Whether the findings were judged (chance explains them, or it does not), or there
    # are none.
    judged: bool = True
    # Whether a gate that is not crossed lets a pipeline continue; else the exit status
    # is 3.
    passes: bool = True


STATUSES = {
    status.code: status
    for status in (
        Status(COPIES_FOUND, "COPIES FOUND", "#8f5400", "yellow"),
        Status(NO_COPIES_SHOWN, "NO COPIES SHOWN", "#0b57a4", "cyan"),
        Status(INCOMPLETE, "INCOMPLETE", "#a1260d", "red", passes=False),
        Status(CANNOT_JUDGE, "CANNOT JUDGE", "#6639ba", "magenta", judged=False),
        Status(NOT_MEASURED, "CHANCE NOT MEASURED", "#59636e", None, judged=False),
    )
}
"""All statuses, by code."""


def style() -> str:
    """Return the colours of the statuses as CSS."""
    return "".join(
        f".{status.code} {{ background: {status.colour}; }}\n"
        for status in STATUSES.values()
    )
