"""Write the reference of the commands, ``docs/commands.md``."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from provscan.cli import main

PATH = Path(__file__).parents[2] / "docs" / "commands.md"
BRACKET = r"\["
# An option that at least this number of commands have is described only once.
COMMON = 3
HEAD = """# Commands

`python tests/cli/reference.py` writes this page; a test checks that it is current.
`provscan COMMAND --help` prints all options of a command.
"""


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;")


def options(command: click.Command, context: click.Context) -> dict[str, list[str]]:
    """Return the rows of the options, by group."""
    groups: dict[str, list[str]] = {}
    for parameter in command.params:
        if (
            isinstance(parameter, click.Option)
            and (record := parameter.get_help_record(context)) is not None
        ):
            names, meaning = record
            # An unescaped bracket would begin a link.
            row = f"| `{cell(names)}` | {cell(meaning).replace('[', BRACKET)} |"
            groups.setdefault(getattr(parameter, "group", "Options"), []).append(row)
    return groups


def name_of(row: str) -> str:
    """Return the long name of the option in a row."""
    found = re.search(r"--[a-z-]+", row)
    assert found is not None
    return f"`{found[0]}`"


def table(name: str, rows: list[str]) -> str:
    return "\n".join([f"| {name} | |", "|---|---|", *rows, ""])


def commands(
    group: click.Group, context: click.Context, above: str = ""
) -> Iterator[tuple[str, click.Command, Any]]:
    """Yield all commands with their full names. The commands of a group follow it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield f"{above}{name}", command, inner
        if isinstance(command, click.Group):
            yield from commands(command, inner, f"{above}{name} ")


def reference() -> str:
    context = main.make_context("provscan", [], resilient_parsing=True)
    found = [
        (name, command, inner, options(command, inner))
        for name, command, inner in commands(main, context)
    ]
    uses = Counter(
        row for *_, groups in found for rows in groups.values() for row in rows
    )
    common = [row for row, number in uses.items() if number >= COMMON]
    parts = [HEAD, table("Options of several commands", common)]
    for name, command, inner, groups in found:
        usage = command.get_usage(inner).removeprefix("Usage: ")
        described = inspect.cleandoc(command.help or "").replace("\b\n", "")
        parts += [
            f"## provscan {name}\n",
            f"    {' '.join(usage.split())}\n",
            f"{described}\n",
        ]
        every = [row for rows in groups.values() for row in rows]
        for group, rows in groups.items():
            if own := [row for row in rows if row not in common]:
                parts += [table(group, own)]
        if also := [name_of(row) for row in every if row in common]:
            parts += [f"Options of several commands: {', '.join(also)}.\n"]
    return "\n".join(parts)


if __name__ == "__main__":
    PATH.write_text(reference(), encoding="utf-8")
