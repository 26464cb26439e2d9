"""The command line: commands parse their options, call the library, print the result
and choose the exit status.

Each command has its own file, which is imported when the command is named; slow imports
(Arrow, numba, rich) happen when it runs. The library raises exceptions, and only this
package turns them into messages on stderr and an exit status:

- 0: done
- 1: a gate that the user set (``--fail-above``, ``--fail-above-claimed``) was crossed
- 2: wrong usage
- 3: an input, the index or the output is unusable, or something that the user named was
  not scanned
- 70: an internal error, shown with its traceback (``EX_SOFTWARE`` of sysexits.h)
- 130: interrupted with Ctrl-C, or ended by SIGTERM
- 141: the program that read the output closed the pipe
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import click

from provscan.errors import ProvscanError, UsageError
from provscan.urls import source_of, without_secrets

DONE, GATE_CROSSED, WRONG_USAGE, UNUSABLE, FAULT, INTERRUPTED, PIPE_CLOSED = (
    0,
    1,
    2,
    3,
    70,
    130,
    141,
)

COMMANDS = (
    "index",
    "inspect",
    "match",
    "clean",
    "lookup",
    "serve",
    "probe",
    "recipes",
    "info",
    "report",
    "export",
    "explain",
    "forget",
    "merge",
    "verify",
    "reveal",
    "ledger",
)


# Control characters that a terminal would act on, as JSON and Python write them.
_ESCAPES = {
    code: f"\\u{code:04x}"
    for code in (*range(32), *range(127, 160))
    if chr(code) not in "\n\t"
}


def echo(text: str, err: bool = False) -> None:
    """Print, with control characters escaped: names of files and fields may
    contain any.
    """
    click.echo(text.translate(_ESCAPES), err=err)


def _failed(
    error: BaseException, status: int, message: str | None = None
) -> click.exceptions.Exit:
    """Print an error and its notes as one line, and return the exit to raise."""
    sentences = [
        str(error) if message is None else message,
        *getattr(error, "__notes__", []),
    ]
    text = " ".join(sentence.strip().rstrip(".") + "." for sentence in sentences)
    echo(without_secrets(f"provscan: {' '.join(text.split())}"), err=True)
    return click.exceptions.Exit(status)


def _warned(message: Warning | str, *where: Any, **more: Any) -> None:
    """Print a warning of a library as one line."""
    echo(without_secrets(f"provscan: {' '.join(str(message).split())}"), err=True)


def _os_error(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    where = (
        f": {click.format_filename(error.filename)}"
        if error.filename is not None
        else ""
    )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{reason}{where}. Free some space, or write to another disk with -o"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{reason}{where}. Read access to the inputs and write access to the "
            "output folder are needed"
        )
    return f"{reason}{where}"


class Commands(click.Group):
    """A group that imports a command when it is named, and turns the library's
    exceptions into messages.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"provscan.cli.{cmd_name}").command

    def invoke(self, ctx: click.Context) -> Any:
        # A file name may be invalid Unicode, and a terminal may lack characters.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            with ctx.obj or contextlib.nullcontext(), warnings.catch_warnings():
                warnings.showwarning = _warned
                return super().invoke(ctx)
        except click.ClickException as error:
            setattr(error, "message", without_secrets(error.message))  # noqa: B010 - final for type checkers alone
            raise
        except click.exceptions.Exit:
            raise
        except UsageError as error:
            raise _failed(error, WRONG_USAGE) from error
        except ProvscanError as error:
            raise _failed(error, UNUSABLE) from error
        except BrokenPipeError as error:
            # The interpreter must not write to that pipe again when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(PIPE_CLOSED) from error
        except OSError as error:
            raise _failed(error, UNUSABLE, _os_error(error)) from error
        except (KeyboardInterrupt, click.Abort) as error:
            kept = getattr(error, "__notes__", None)
            message = "Interrupted" if kept else "Interrupted; no results were saved"
            raise _failed(error, INTERRUPTED, message) from error
        except Exception as error:
            if isinstance(error, MemoryError) or "can't start new thread" in str(error):
                message = "Out of memory. Reduce --workers"
                raise _failed(error, UNUSABLE, message) from error
            import traceback

            echo(without_secrets(traceback.format_exc()), err=True)
            message = (
                f"internal error, {type(error).__name__}: please report the lines above"
            )
            raise _failed(error, FAULT, message) from error


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
        """Return the name and the help, without the parentheses that Click puts around
        the text of a default.
        """
        if (record := super().get_help_record(ctx)) is None:
            return None
        return record[0], record[1].replace(
            f"[default: ({self.show_default})", f"[default: {self.show_default}"
        )


def option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    return click.option(*names, cls=_GroupedOption, **attributes)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="provscan", message="%(prog)s %(version)s")
def main() -> None:
    """Find licensed tweets in training data and in model outputs.

    \b
    provscan index corpus/          licensed tweets -> an index on disk
    provscan match dataset.jsonl    a dataset -> matches, a summary and a report
    """


def given(**options: Any) -> dict[str, Any]:
    """Drop options that were not given, since only the library knows their defaults."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value is not None and value is not False and value != ()
    }


def require_known(
    function: Callable[..., Any], options: dict[str, Any], reason: str
) -> None:
    """Raise :class:`~provscan.errors.UsageError` if a function lacks given options."""
    known = signature(function).parameters
    if unknown := [name for name in options if name not in known]:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in unknown)
        raise UsageError(f"{reason}: leave out {names}")


def share_option(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    """Callback of an option: ``0.1%`` or ``0.001``."""
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


def size(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> int | None:
    """Callback of an option: ``4 GB``, ``500MB`` or bytes."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([kMGT]?)B?", value.strip())
    if found is None:
        raise click.BadParameter(
            f"expected a size such as 4GB or 500MB, found {value!r}."
        )
    return int(float(found[1]) * 1000 ** " kMGT".index(found[2] or " "))


class Local(click.Path):
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
    """An option for the folder of an index, the same for every command."""
    return option(
        *names,
        default="licensed.index",
        envvar="PROVSCAN_INDEX",
        show_default=True,
        show_envvar=True,
        type=Local(),
        help=help,
    )


def _names(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> str | tuple[str, ...] | None:
    """Callback of an option: None, a single name, or all names."""
    return value if len(value) > 1 else next(iter(value), None)


running, output = partial(option, group="Running"), partial(option, group="Output")
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
    help="Field that contains text; a.b leads into objects, a[].b into lists. Can be "
    "repeated.  "
    "[default: every field that contains text]",
)
id_field = option(
    "--id-field",
    metavar="NAME",
    help="Field that contains the id.  [default: one with a usual name]",
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
    help="Show the texts of the N strongest exhibits only, and digests of the others.  "
    "[default: all]",
)
reviewed = option(
    "--reviewed",
    type=Local(path_type=Path),
    metavar="FILE",
    help="Add the marks and notes that reviewers saved from the report of this run.",
)
overwrite = option("--overwrite", is_flag=True, help="Replace an existing file.")
overwrite_run = running(
    "--overwrite",
    is_flag=True,
    help="Replace an existing run: its matches.parquet, evidence.parquet, "
    "passages.parquet, summary.json, "
    "run.json, report.html and report.pdf. Nothing else is removed.",
)
workers = running(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of workers; the results do not depend on it.  [default: one per "
    "processor]",
)
executor = running(
    "--executor",
    type=click.Choice(["threads", "processes", "ray"]),
    help="Executor of the tasks: threads; processes; or a Ray cluster, whose nodes "
    "must see all files under the same "
    "paths. The results are the same.  [default: threads]",
)
address = running(
    "--address",
    metavar="HOST:PORT",
    help='Address of a Ray cluster, or "auto" for the one that this machine belongs '
    "to.  [default: one is started on "
    "this machine]",
)
log = running(
    "--log",
    metavar="FILE",
    type=Local(),
    help="Append JSON lines to FILE: progress and time left; where each task ran and "
    "how long; attempts that failed on a cluster.",
)
key = option(
    "--key",
    metavar="FILE",
    type=Local(),
    help="File with the key of a blind index: 32 random bytes, or 64 hexadecimal "
    "digits.",
)
without_segment = option(
    "--without-segment",
    group="Strictness",
    multiple=True,
    metavar="NAME",
    help="Leave out a damaged segment of the index, named as in the error; the results "
    "say how many tweets are "
    "missing. Can be repeated.",
)
as_json = output("--json", "as_json", is_flag=True, help="Print the result as JSON.")
quiet = output(
    "--quiet",
    "-q",
    is_flag=True,
    help="No progress on stderr; warnings and errors are still printed.",
)
