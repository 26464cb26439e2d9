"""Functions that declare commands and options, and the options that several commands
share.

:func:`command` declares a command, :class:`Group` is a command with commands of its
own, and :func:`option` declares an option; ``--help`` shows options in groups.
:func:`match_option` declares an option of :class:`~provscan.options.MatchOptions`.
:func:`given` selects the options that the user gave. The shared options are at the end;
a command uses them as decorators.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from provscan.cli.names import similar
from provscan.errors import InputError, ProvscanError, UsageError
from provscan.keywords import help_of
from provscan.options import CHOICES, MINIMA, MatchOptions, option_name
from provscan.urls import Url, source_of

Decorator = Callable[[Any], Any]
# The key in a context that says that its help shows all options.
ALL_OPTIONS = "provscan.all_options"


class _Help(click.Option):
    """The option --help-all, which shows all options of a command."""

    def __init__(self) -> None:
        def show(ctx: click.Context, param: click.Parameter, value: bool) -> None:
            if value and not ctx.resilient_parsing:
                ctx.meta[ALL_OPTIONS] = True
                click.echo(ctx.get_help(), color=ctx.color)
                ctx.exit()

        super().__init__(
            ["--help-all"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=show,
            help="Show all options, and all about them.",
        )


class GroupedCommand(click.Command):
    """A command whose help shows its options in groups. If some of them are declared
    with ``rare``, the help shows only the first sentences of the others, and --help-all
    everything.
    """

    @property
    def long(self) -> bool:
        """Whether the command has options that its help does not show."""
        return any(getattr(each, "rare", False) for each in self.params)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        found = super().get_params(ctx)
        return [*found, _Help()] if self.long else found

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        brief = self.long and ALL_OPTIONS not in ctx.meta
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                group = getattr(parameter, "group", "Options")
                if brief:
                    if getattr(parameter, "rare", False):
                        continue
                    group, record = "Options", (record[0], _first_sentence(record[1]))
                groups.setdefault(group, []).append(record)
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ProvscanError as error:
            from provscan.cli.hints import hint

            if found := hint(ctx.command.name or "", ctx.params, error):
                # The hint takes the place of a command that the message advises.
                error.args = (re.sub(r": [^`:]*`.*", "", str(error)),)
                error.add_note(found)
            raise


def _first_sentence(text: str) -> str:
    """Return the first clause of a help text, without examples and defaults."""
    return re.split(r", e\.g\.|[.;:](?= )|  \[", text, maxsplit=1)[0].rstrip(".") + "."


class Group(click.Group):
    """A command with commands of its own."""

    command_class = GroupedCommand

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-"):
            name = ctx.info_name
            known = similar(args[0], self.commands) or next(iter(self.commands))
            raise UsageError(
                f"there is no command {name} {args[0]}: did you mean "
                f"`provscan {name} {known}`?"
            )
        return super().resolve_command(ctx, args)


class _GroupedOption(click.Option):
    """An option with the name of the group in which the help text shows it. A
    ``rare`` option is shown only by --help-all.
    """

    def __init__(
        self,
        *names: Any,
        group: str = "Options",
        rare: bool = False,
        **attributes: Any,
    ) -> None:
        super().__init__(*names, **attributes)
        self.group, self.rare = group, rare

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
        if value == "-" and param is not None and param.name == "out":
            message = "name a file or folder: no result is written to standard output"
            raise click.BadParameter(message, ctx, param)
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


def require_existing(name: str, kinds: str) -> None:
    """Raise :class:`InputError` if the user names a path that does not exist; ``name``
    is the parameter, and ``kinds`` are what the command takes.
    """
    context = click.get_current_context()
    path = context.params[name]
    given = context.get_parameter_source(name) == ParameterSource.COMMANDLINE
    if given and not path.exists():
        raise InputError(f"{path} does not exist: name {kinds}")


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
digests = option(
    "--digests",
    is_flag=True,
    help="Show ids and SHA-256 digests instead of texts. Pages and lists, but not "
    "bundles, also leave out the names of authors.",
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
_OVERWRITE = (
    "Replace an existing result; files that provscan did not write are never removed. "
    "To resume an interrupted command, repeat it."
)
overwrite_folder = running_option("--overwrite", is_flag=True, help=_OVERWRITE)
overwrite_run = running_option(
    "--overwrite",
    is_flag=True,
    help=f"{_OVERWRITE} Only files that have changed since the replaced run are "
    "scanned.",
)
as_json = output_option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON."
)
