"""Colours of results on a terminal: :func:`coloured` finds the status and the headline
in what commands print, so that no command prints colours itself.
"""

from __future__ import annotations

import os
import re

import click

from provscan.statuses import STATUSES

# The colour of each status that can begin a result. The others are only bold.
COLOURS = {
    **{status.words: status.terminal for status in STATUSES.values()},
    "CONDUCT DIFFERS": "yellow",
    "NO DIFFERENCE SHOWN": "cyan",
    "NOTHING COMPARED": None,
    "INTACT": "green",
    "NOT INTACT": "red",
    "NOT SIGNED": "yellow",
    "THE SAME": "green",
    "DIFFERENT": "red",
}
# A status at the beginning of a line, or after the name of what has it; and its
# headline, which may continue on two more lines, until one ends with a full stop.
_HEADLINE = re.compile(
    rf"^((?:.{{1,200}}?: )?)({'|'.join(COLOURS)})\b(.*(?:(?<!\.)\n.+){{0,2}})",
    re.MULTILINE,
)
_WARNING = re.compile("^! .*", re.MULTILINE)


def wanted() -> bool:
    """Return whether the terminal has colours, and the user has not set NO_COLOR
    (https://no-color.org).
    """
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain


def coloured(text: str) -> str:
    """Return a text of a result with a bold headline, a coloured status and yellow
    warnings.
    """

    def headline(found: re.Match[str]) -> str:
        name, status, rest = found.groups()
        colour = COLOURS[status]
        shown = click.style(status, fg=colour, bold=True)
        return name + shown + (click.style(rest, bold=True) if rest else "")

    text = _HEADLINE.sub(headline, text)
    return _WARNING.sub(lambda found: click.style(found[0], fg="yellow"), text)
