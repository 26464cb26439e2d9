"""Functions that declare commands and options, and the options that several commands
share.

:func:`command` declares a command, :class:`Group` is a command with commands of its
own, and :func:`option` declares an option; ``--help`` shows options in groups.
:func:`match_option` declares an option of :class:`~provscan.options.MatchOptions`.
:func:`given` selects the options that the user gave. The shared options are at the end;
a command uses them as decorators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click

from provscan.errors import UsageError
from provscan.keywords import help_of
from provscan.options import CHOICES, MINIMA, MatchOptions, option_name
from provscan.urls import Url, source_of

Decorator = Callable[[Any], Any]


class GroupedCommand(click.Command):
    """A command whose help shows its options in groups."""

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                group = getattr(parameter, "group", "Options")
                groups.setdefault(group, []).append(record)
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records)


class Group(click.Group):
    """A command with commands of its own."""

    command_class = GroupedCommand


class DefaultGroup(Group):
    """A group whose first command is the default: it gets the arguments if they do not
    begin with the name of a command.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


class _GroupedOption(click.Option):
    """An option with the name of the group in which the help text shows it."""

    def __init__(self, *names: Any, group: str = "Options", **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.group = group

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the names and the help text of the option, without the parentheses
        that Click puts around a default.
        """
        if (record := super().get_help_record(ctx)) is None:
            return None
        return record[0], record[1].replace(
            f"[default: ({self.show_default})", f"[default: {self.show_default}"
        )


def command(name: str) -> Decorator:
    """Declare a command."""
    return click.command(name, cls=GroupedCommand)


def option(*names: str, **attributes: Any) -> Decorator:
    """Declare an option; ``group`` is the title of its section in the help text."""
    return click.option(*names, cls=_GroupedOption, **attributes)


def given(**options: Any) -> dict[str, Any]:
    """Return the options that the user gave; the library has defaults for the
    others.
    """
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value is not None and value is not False and value != ()
    }


def refuse(options: Iterable[str], reason: str) -> None:
    """Raise :class:`~provscan.errors.UsageError` if there are any ``options``, the
    names of options in Python.
    """
    if names := ", ".join(map(option_name, options)):
        raise UsageError(f"{reason}: leave out {names}")


def parse_share(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    """Parse a share such as ``0.1%`` or ``0.001``; the callback of an option."""
    if value is None:
        return None
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise click.BadParameter(
            f"expected a share from 0% to 100%, such as 0.1% or 0.001, found {value!r}."
        )
    return share


class LocalPath(click.Path):
    """The type of an option whose value is a path on this machine, not a URL."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        if isinstance(url := source_of(value), Url):
            raise click.BadParameter(
                f"expected a path on this machine, found a URL: {url}",
                ctx,
                param,
            )
        return super().convert(value, param, ctx)


def path_argument(name: str, metavar: str, **attributes: Any) -> Decorator:
    """Declare an argument for a path, or for several with ``nargs=-1``."""
    return click.argument(name, metavar=metavar, type=LocalPath(), **attributes)


def sources_argument(metavar: str) -> Decorator:
    """Declare an argument for one or more sources, which may be URLs."""
    return click.argument(
        "sources", nargs=-1, required=True, metavar=metavar, type=click.Path()
    )


def index_argument(name: str, metavar: str) -> Decorator:
    """Declare an optional argument for the folder of an index."""
    return path_argument(
        name, metavar, default="licensed.index", envvar="PROVSCAN_INDEX"
    )


def index_option(*names: str, help: str) -> Decorator:
    """Declare an option for the folder of an index, which has a default."""
    return option(
        *names,
        default="licensed.index",
        envvar="PROVSCAN_INDEX",
        show_default=True,
        show_envvar=True,
        type=LocalPath(),
        help=help,
    )


def match_option(group: str, name: str, **attributes: Any) -> Decorator:
    """Declare an option with the documentation, default and allowed values that it has
    in :class:`~provscan.options.MatchOptions`.
    """
    default = MatchOptions.__dataclass_fields__[name].default
    if isinstance(default, bool):
        attributes["is_flag"] = True
    elif default is not None:
        shown = f"{default:g}" if isinstance(default, float) else f"{default}"
        attributes["show_default"] = shown
    if name in CHOICES:
        attributes["type"] = click.Choice(CHOICES[name])
    elif name in MINIMA and "callback" not in attributes:
        attributes |= {"type": click.IntRange(min=MINIMA[name]), "metavar": "N"}
    repeated = " Can be repeated." if attributes.get("multiple") else ""
    return option(
        option_name(name), group=group, help=help_of(name) + repeated, **attributes
    )


def _one_or_several(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> str | tuple[str, ...] | None:
    """Return several names as a tuple, one name as a string, and None for no name; the
    callback of an option.
    """
    return value if len(value) > 1 else next(iter(value), None)


running_option = partial(option, group="Running")
output_option = partial(option, group="Output")
path_option = partial(option, type=LocalPath())
out_option = partial(path_option, "--out", "-o")
text_field = match_option(
    "Options",
    "text_field",
    metavar="NAME",
    multiple=True,
    callback=_one_or_several,
)
id_field = match_option("Options", "id_field", metavar="NAME")
records = match_option("Options", "records")
encoding = match_option("Options", "encoding", metavar="NAME")
workers = match_option("Running", "workers")
ray = match_option("Running", "ray", metavar="ADDRESS")
log = match_option("Running", "log", metavar="FILE", type=LocalPath())
without_segment = match_option(
    "Strictness", "without_segment", metavar="NAME", multiple=True
)
no_text = option(
    "--no-text", is_flag=True, help="Show ids and SHA-256 digests instead of texts."
)
texts = option(
    "--texts",
    type=click.IntRange(min=0),
    metavar="N",
    help="Show the texts of only the N strongest exhibits, and digests of the other "
    "texts.  [default: all]",
)
reviewed = path_option(
    "--reviewed",
    metavar="FILE",
    help="Add the marks and notes that reviewers saved from the report of this run.",
)
overwrite = option(
    "--overwrite",
    is_flag=True,
    help="Replace an existing file. A link is replaced, not the file that it points "
    "to; an input of the command is never replaced.",
)
resume = running_option(
    "--resume", is_flag=True, help="Resume the same command if it was interrupted."
)
overwrite_run = running_option(
    "--overwrite",
    is_flag=True,
    help="Replace an existing run: its matches.parquet, evidence.parquet, "
    "summary.json, run.json and report.html. Nothing else is removed.",
)
as_json = output_option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON."
)
quiet = output_option(
    "--quiet",
    "-q",
    is_flag=True,
    help="Show no progress on stderr; warnings and errors are still printed.",
)
