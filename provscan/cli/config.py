"""Options from ``provscan.toml`` in the current folder, which has a table for each
command.

The command line takes precedence over the environment, which takes precedence over the
file.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NoReturn

import click

from provscan.cli.names import COMMANDS, option_instead_of
from provscan.errors import UsageError
from provscan.opening import read_small

FILE = "provscan.toml"


def defaults(name: str, command: click.Command) -> dict[str, Any]:
    """Return the options that the file sets for a command, by the names of the
    command's parameters. Without a file, there are none.

    Raises
    ------
    UsageError
        The file is not TOML, a table is not named after a command, an option is
        unknown, or a value has the wrong type.
    """
    if not os.path.lexists(FILE):
        return {}
    import tomllib

    try:
        tables = tomllib.loads(read_small(FILE).decode())
    except (OSError, ValueError) as error:
        raise UsageError(f"{FILE} can't be read as TOML: {error}") from None
    for table, content in tables.items():
        if not isinstance(content, dict):
            raise UsageError(
                f"{FILE}: {table} is not in a table: put it below the name of a "
                "command, such as [match]"
            )
        if table not in COMMANDS:
            _unknown(FILE, "command", table, COMMANDS)
    return _values(command, tables.get(name, {}), f"{FILE}, [{name}]")


def _values(
    command: click.Command, table: dict[str, Any], place: str
) -> dict[str, Any]:
    """Return the values of a table by the names of the command's parameters."""
    if isinstance(command, click.Group):
        for name in table.keys() - command.commands.keys():
            _unknown(place, "command", name, command.commands)
        return {
            name: _values(command.commands[name], inner, f"{place[:-1]}.{name}]")
            for name, inner in table.items()
        }
    options = {
        name.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }
    values: dict[str, Any] = {}
    for key, value in table.items():
        if (option := options.get(key.replace("_", "-"))) is None:
            if instead := option_instead_of(command.name or "", f"--{key}"):
                raise UsageError(f"{place}: there is no option {key}. {instead}")
            _unknown(place, "option", key, options)
        assert option.name is not None
        if option.name in values:
            raise UsageError(f"{place} sets {key} twice: leave out one of them")
        values[option.name] = _value(option, value, f"{place}: {key}")
    return values


def _value(option: click.Option, value: Any, place: str) -> Any:
    """Return a value in the form that it has on the command line."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{place} must be true or false, not {value!r}")
        return value
    if option.multiple:
        several = value if isinstance(value, list) else [value]
        return [_word(item, place) for item in several]
    return _word(value, place)


def _word(value: Any, place: str) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(f"{place} must be a string or a number, not {value!r}")
    return str(value)


def _unknown(place: str, kind: str, name: str, known: Iterable[str]) -> NoReturn:
    close = difflib.get_close_matches(name.replace("_", "-"), known, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise UsageError(f"{place}: there is no {kind} {name}{hint}")
