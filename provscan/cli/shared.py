"""Options that several commands share, and the functions that declare options.

:func:`option` declares an option in a group of the help text, :class:`GroupedCommand`
shows the groups, and :func:`given` passes on the options that the user gave. The
options themselves follow; a command uses them as decorators.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import click

from provscan.errors import UsageError
from provscan.urls import source_of


class DefaultGroup(click.Group):
    """A group whose first command need not be named: any first argument that is no
    command belongs to it.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


class GroupedCommand(click.Command):
    """A command whose help shows its options in groups."""

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "Options"), []).append(
                    record
                )
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records)


class _GroupedOption(click.Option):
    def __init__(self, *names: Any, group: str = "Options", **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.group = group

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the name and the help text, without the parentheses that Click puts
        around the text of a default.
        """
        if (record := super().get_help_record(ctx)) is None:
            return None
        return record[0], record[1].replace(
            f"[default: ({self.show_default})", f"[default: {self.show_default}"
        )


def option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    """Declare an option; ``group`` names the section of the help text."""
    return click.option(*names, cls=_GroupedOption, **attributes)


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given; the library has the defaults of the rest."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value is not None and value is not False and value != ()
    }


def require_known(
    function: Callable[..., Any], options: dict[str, Any], reason: str
) -> None:
    """Raise :class:`~provscan.errors.UsageError` if a function does not take one of the
    options that were given.
    """
    known = signature(function).parameters
    if unknown := [name for name in options if name not in known]:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in unknown)
        raise UsageError(f"{reason}: leave out {names}")


def parse_share(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    """Parse a share, ``0.1%`` or ``0.001``; the callback of an option."""
    if value is None:
        return None
    try:
        part = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        part = -1.0
    if not 0 <= part <= 1:
        raise click.BadParameter(
            f"expected a share from 0% to 100%, such as 0.1% or 0.001, found {value!r}."
        )
    return part


def parse_size(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> int | None:
    """Parse a size, ``4 GB``, ``500MB`` or bytes; the callback of an option."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([kMGT]?)B?", value.strip())
    if found is None:
        raise click.BadParameter(
            f"expected a size such as 4GB or 500MB, found {value!r}."
        )
    return int(float(found[1]) * 1000 ** " kMGT".index(found[2] or " "))


class LocalPath(click.Path):
    """A path on this machine."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        if "://" in os.fspath(value):
            raise click.BadParameter(
                f"expected a path on this machine, found a URL: {source_of(value)}",
                ctx,
                param,
            )
        return super().convert(value, param, ctx)


def index_option(*names: str, help: str) -> Callable[[Any], Any]:
    """Declare an option for the folder of an index, the same for every command."""
    return option(
        *names,
        default="licensed.index",
        envvar="PROVSCAN_INDEX",
        show_default=True,
        show_envvar=True,
        type=LocalPath(),
        help=help,
    )


def _names(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> str | tuple[str, ...] | None:
    """Return None, a single name, or all names; the callback of an option."""
    return value if len(value) > 1 else next(iter(value), None)


running_option = partial(option, group="Running")
output_option = partial(option, group="Output")
encoding = option(
    "--encoding",
    metavar="NAME",
    help="Encoding of text files, e.g. latin-1.  [default: detected for each file]",
)
text_field = option(
    "--text-field",
    metavar="NAME",
    multiple=True,
    callback=_names,
    help="Name of a field that contains text; a.b is a field inside an object, a[].b a "
    "field of the objects in a list. Can be repeated.  [default: every field that "
    "contains text]",
)
id_field = option(
    "--id-field",
    metavar="NAME",
    help="Name of the field that contains the id.  [default: a field with a usual "
    "name]",
)
records = option(
    "--records",
    type=click.Choice(["lines", "paragraphs", "files"]),
    help="What counts as a record in plain text.  [default: detected for each file]",
)
no_text = option(
    "--no-text", is_flag=True, help="Show ids and SHA-256 digests in place of texts."
)
texts = option(
    "--texts",
    type=click.IntRange(min=0),
    metavar="N",
    help="Show only the texts of the N strongest exhibits, and digests of the others.  "
    "[default: all]",
)
reviewed = option(
    "--reviewed",
    type=LocalPath(path_type=Path),
    metavar="FILE",
    help="Add the marks and notes that reviewers saved from the report of this run.",
)
overwrite = option("--overwrite", is_flag=True, help="Replace an existing file.")
overwrite_run = running_option(
    "--overwrite",
    is_flag=True,
    help="Replace an existing run: its matches.parquet, evidence.parquet, "
    "passages.parquet, summary.json, "
    "run.json, report.html and report.pdf. Nothing else is removed.",
)
workers = running_option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of workers; the results do not depend on it.  [default: one per "
    "processor]",
)
executor = running_option(
    "--executor",
    type=click.Choice(["threads", "processes", "ray"]),
    help="Executor of the tasks: threads; processes; or a Ray cluster, whose nodes "
    "must see all files under the same "
    "paths. The results are the same.  [default: threads]",
)
address = running_option(
    "--address",
    metavar="HOST:PORT",
    help='Address of a Ray cluster, or "auto" for the cluster to which this machine '
    "belongs.  [default: a cluster is started on this machine]",
)
log = running_option(
    "--log",
    metavar="FILE",
    type=LocalPath(),
    help="Append JSON lines to FILE: progress and time left, where each task ran and "
    "for how long, and attempts that failed on a cluster.",
)
key = option(
    "--key",
    metavar="FILE",
    type=LocalPath(),
    help="File with the key of a blind index: 32 random bytes, or 64 hexadecimal "
    "digits.",
)
without_segment = option(
    "--without-segment",
    group="Strictness",
    multiple=True,
    metavar="NAME",
    help="Name of a damaged segment of the index to leave out, as in the error; the "
    "results say how many tweets are missing. Can be repeated.",
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
