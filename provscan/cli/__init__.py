"""The commands: parse, call the library, print, choose the exit status.

One file a command; a command is imported when it is named, and what is slow to import (Arrow, numba, rich)
when it runs. The library raises, and only here do its errors become messages on stderr and an exit status:

====== =============================================================================================
status meaning
====== =============================================================================================
0      done
1      a gate that the user set (``--fail-above``) was crossed
2      wrong usage
3      an input, an index or the output is unusable, or a file was damaged part-way
70     a fault of provscan's own, shown with its traceback (``EX_SOFTWARE`` of sysexits.h)
130    interrupted with Ctrl-C
141    whoever read the output went away (a closed pipe)
====== =============================================================================================
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from provscan.errors import ProvscanError, UsageError

DONE, GATE_CROSSED, WRONG_USAGE, UNUSABLE, FAULT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 3, 70, 130, 141

COMMANDS = ("index", "match", "info", "report", "export")


def _failed(message: str, status: int) -> click.exceptions.Exit:
    click.echo(f"provscan: {message}", err=True)
    return click.exceptions.Exit(status)


def _os_error(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    where = f": {click.format_filename(error.filename)}" if error.filename is not None else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{reason}{where}. Free some space, or write to another disk with -o."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{reason}{where}. Read access to the inputs and write access to the output folder are needed."
    return f"{reason}{where}"


class Commands(click.Group):
    """A group that imports a command when it is named, and turns what the library raises into messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"provscan.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        # A file name need not be valid Unicode, and a terminal need not know every letter.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except UsageError as error:
            raise _failed(str(error), WRONG_USAGE) from error
        except ProvscanError as error:
            raise _failed(str(error), UNUSABLE) from error
        except BrokenPipeError as error:
            # Nothing more can be said on that pipe, and the interpreter must not try to when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(PIPE_CLOSED) from error
        except OSError as error:
            raise _failed(_os_error(error), UNUSABLE) from error
        except MemoryError as error:
            raise _failed("Out of memory. Fewer --workers need less.", UNUSABLE) from error
        except (KeyboardInterrupt, click.Abort) as error:
            raise _failed("Interrupted; what was not finished was not kept.", INTERRUPTED) from error
        except Exception as error:
            import traceback

            traceback.print_exc()
            message = f"a fault of provscan's own, {type(error).__name__}: please report the lines above."
            raise _failed(message, FAULT) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="provscan", message="%(prog)s %(version)s")
def main() -> None:
    """Find licensed tweets in training data and in model outputs.

    \b
    provscan index corpus/          licensed tweets -> an index on disk
    provscan match dataset.jsonl    a dataset -> matches, a summary and a report
    """


def given(**options: Any) -> dict[str, Any]:
    """Those options that were given, so that a default stands in one place only: in the library."""
    return {name: value for name, value in options.items() if value is not None}


def share(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Callback of an option: ``0.1%`` or ``0.001``."""
    if value is None:
        return None
    try:
        part = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        part = -1.0
    if not 0 <= part <= 1:
        raise click.BadParameter(f"expected a share from 0% to 100%, such as 0.1% or 0.001, found {value!r}.")
    return part


def index_option(*names: str, help: str) -> Callable[[Any], Any]:
    """Where the index is, the same for every command that reads or writes one."""
    return click.option(
        *names,
        default="licensed.index",
        envvar="PROVSCAN_INDEX",
        show_default=True,
        show_envvar=True,
        type=click.Path(),
        help=help,
    )


text_field = click.option(
    "--text-field", metavar="NAME", help="Field that holds the text; found by its usual names unless given."
)
id_field = click.option(
    "--id-field", metavar="NAME", help="Field that holds the id; found by its usual names unless given."
)
workers = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many threads; one a core unless given. The result is the same.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for machines.")
quiet = click.option("--quiet", "-q", is_flag=True, help="No progress on stderr; warnings and errors stay.")
