"""Write the reference of the commands, ``docs/commands.md``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from provscan.cli import main

PATH = Path(__file__).parents[2] / "docs" / "commands.md"
BRACKET = r"\["
HEAD = """# Commands

Generated from the commands by `python tests/cli/reference.py`; a test compares the two.
`provscan COMMAND --help` prints the same.
"""


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;")


def options(command: click.Command, context: click.Context) -> list[str]:
    """A table of the options, group by group."""
    groups: dict[str, list[str]] = {}
    for parameter in command.params:
        if (
            isinstance(parameter, click.Option)
            and (record := parameter.get_help_record(context)) is not None
        ):
            names, meaning = record
            # A bracket would begin a reference.
            row = f"| `{cell(names)}` | {cell(meaning).replace('[', BRACKET)} |"
            groups.setdefault(getattr(parameter, "group", "Options"), []).append(row)
    # A command keeps the names of its help option from its first use, which need not be
    # under this context.
    names = ", ".join(context.help_option_names)
    groups.setdefault("Options", []).append(
        f"| `{names}` | Show this message and exit. |"
    )
    lines = []
    for name, rows in groups.items():
        lines += ["", f"| {name} | |", "|---|---|", *rows]
    return lines[1:]


def commands(
    group: click.Group, context: click.Context, above: str = ""
) -> Iterator[tuple[str, click.Command, Any]]:
    """All commands with their full names, those of groups behind them."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield f"{above}{name}", command, inner
        if isinstance(command, click.Group):
            yield from commands(command, inner, f"{above}{name} ")


def reference() -> str:
    context = main.make_context("provscan", [], resilient_parsing=True)
    parts = [HEAD]
    for name, command, inner in commands(main, context):
        usage = command.get_usage(inner).removeprefix("Usage: ")
        described = inspect.cleandoc(command.help or "").replace("\b\n", "")
        parts += [
            f"## provscan {name}\n",
            f"    {' '.join(usage.split())}\n",
            f"{described}\n",
        ]
        parts += ["\n".join(options(command, inner)) + "\n"]
    return "\n".join(parts)


if __name__ == "__main__":
    PATH.write_text(reference(), encoding="utf-8")
