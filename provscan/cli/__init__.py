"""The command line: commands parse their options, call the library, print the result
and choose the exit status.

Each command has a module, which is imported when the user gives that command. Slow
imports (Arrow, numba, rich) happen when the command runs. The library raises
exceptions, and only this package turns them into messages on stderr and an exit status:

- 0: done
- 1: a gate that the user set (``--fail-above``, ``--fail-above-claimed``) was crossed,
  ``clean`` left matches, ``verify`` found problems in a bundle, or the budget of
  ``probe run`` was spent
- 2: wrong usage
- 3: an input, the index or the output is unusable, or data that the user named was not
  scanned
- 70: an internal error, shown with its traceback (``EX_SOFTWARE`` of sysexits.h)
- 130: interrupted with Ctrl-C, or ended by SIGTERM or SIGHUP
- 141: the program that read the output closed the pipe
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import warnings
from importlib import import_module
from itertools import pairwise
from typing import Any

import click

from provscan.cli.names import (
    COMMANDS,
    GROUPS,
    instead_of,
    option_instead_of,
)
from provscan.errors import ProvscanError, UsageError, named_as_options
from provscan.urls import without_secrets

GATE_CROSSED = 1
WRONG_USAGE = 2
UNUSABLE = 3
FAULT = 70
INTERRUPTED = 130
PIPE_CLOSED = 141

# The key of the words of a command line in the ``meta`` of a context.
WORDS = "provscan.cli.words"

# The control characters that a terminal would act on, with their escapes in JSON.
_ESCAPES = {
    code: f"\\u{code:04x}"
    for code in (*range(32), *range(127, 160))
    if chr(code) not in "\n\t"
}


def echo(text: str, err: bool = False) -> None:
    """Print a text with its control characters escaped, since names of files and fields
    may contain some. On a terminal, results have colours. Messages on stderr are
    printed without the secrets of URLs.
    """
    if err:
        text = without_secrets(text)
    text = text.translate(_ESCAPES)
    if not err and sys.stdout.isatty():
        from provscan.cli import colours

        text = colours.coloured(text) if colours.wanted() else text
    click.echo(text, err=err)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith("?") else f"{text.rstrip('.')}."


def _failed(
    error: BaseException, status: int, message: str | None = None
) -> click.exceptions.Exit:
    """Print an error and its notes as one line, and return the exception that ends the
    command with this status.
    """
    sentences = [
        str(error) if message is None else message,
        *getattr(error, "__notes__", []),
    ]
    text = " ".join(_sentence(each) for each in sentences)
    echo(f"provscan: {' '.join(text.split())}", err=True)
    return click.exceptions.Exit(status)


def _status(error: BaseException | None) -> int:
    """Return the exit status of an error: a failed clean-up after an interruption is
    still an interruption.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return INTERRUPTED
        error = error.__cause__ or error.__context__
    return UNUSABLE


def _warned(message: Warning | str, *where: Any, **more: Any) -> None:
    """Print a library's warning as one line; this replaces
    :func:`warnings.showwarning`.
    """
    echo(f"provscan: {' '.join(str(message).split())}", err=True)


def _os_error(error: OSError) -> str:
    """Return the message for an error of the system, with its remedy if it is known."""
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


def _no_command(name: str, instead: str | None, above: str = "") -> UsageError:
    """Return the error for a command that does not exist."""
    hint = (
        f"did you mean `provscan {above}{instead}`?"
        if instead
        else "`provscan help` lists all commands"
    )
    return UsageError(f"there is no command {above}{name}: {hint}")


def _new_option(error: click.ClickException) -> str:
    """Return a note on what is given in place of an option that a command does not
    have, if that is known.
    """
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        return ""
    options = _named_options(error.ctx.command)
    instead = option_instead_of(error.ctx.info_name or "", error.option_name, options)
    setattr(error, "possibilities", None)  # noqa: B010 - as for messages below
    return "" if instead is None else f" {instead}"


def _meant(error: click.ClickException) -> str:
    """Return a note on the command that was probably meant, if that is known."""
    from provscan.cli.hints import misplaced

    ctx: click.Context | None = getattr(error, "ctx", None)
    found = misplaced(error, ctx.meta.get(WORDS, [])) if ctx is not None else None
    return f" {found}" if found else ""


def _named_options(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by all of their names, such as ``-o`` and
    ``--out``.
    """
    options = (each for each in command.params if isinstance(each, click.Option))
    return {name: option for option in options for name in option.opts}


def _require_values(command: click.Command, words: list[str]) -> None:
    """Raise :class:`UsageError` if an option would take the next option as its
    value.
    """
    options = _named_options(command)
    for name, value in pairwise(words):
        if name == "--":
            return
        if name in options and not options[name].is_flag and value in options:
            equals = "=" if name.startswith("--") else ""
            raise UsageError(
                f"{name} needs a value, and {value} is an option: if it is the value, "
                f"write {name}{equals}{value}"
            )


class Commands(click.Group):
    """A group that imports a command when the user gives it, and turns the library's
    exceptions into messages.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take ``help`` and ``version`` for the options."""
        if args[:1] == ["version"]:
            args = ["--version"]
        elif args[:1] == ["help"]:
            args = [*args[1:], "--help"]
        if args and args[0].strip("-") in COMMANDS and args[0] not in COMMANDS:
            error = _no_command(args[0], args[0].strip("-"))
            raise click.UsageError(str(error), ctx)
        return super().parse_args(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands in groups, without empty lines, so that they fit on a
        screen.
        """
        width = max(map(len, COMMANDS))
        for group, names in GROUPS.items():
            formatter.write(f"{group}\n")
            for name in names:
                command = self.get_command(ctx, name)
                assert command is not None
                about = command.get_short_help_str(formatter.width - width - 6)
                formatter.write(f"  {name:{width}}  {about}\n")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"provscan.cli.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and require values for its options."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise _no_command(args[0], instead_of(args[0]))
        name, command, rest = super().resolve_command(ctx, args)
        if name is None or command is None:
            return name, command, rest
        inner = command
        if isinstance(command, click.Group) and rest:
            inner = command.commands.get(rest[0], command)
        _require_values(inner, rest)
        ctx.meta[WORDS] = [name, *rest]
        return name, command, rest

    def main(self, *args: Any, **extra: Any) -> Any:
        with named_as_options():
            return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        # A file name may be invalid Unicode, and a terminal may not support all
        # characters.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            with ctx.obj or contextlib.nullcontext(), warnings.catch_warnings():
                warnings.showwarning = _warned
                return super().invoke(ctx)
        except click.ClickException as error:
            message = error.message + _new_option(error) + _meant(error)
            setattr(error, "message", without_secrets(message))  # noqa: B010 - only type checkers treat it as final
            raise
        except click.exceptions.Exit:
            raise
        except UsageError as error:
            raise _failed(error, WRONG_USAGE) from error
        except ProvscanError as error:
            raise _failed(error, _status(error)) from error
        except BrokenPipeError as error:
            # The interpreter flushes stdout when it exits, which would fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(PIPE_CLOSED) from error
        except OSError as error:
            raise _failed(error, _status(error), _os_error(error)) from error
        except (KeyboardInterrupt, click.Abort) as error:
            kept = getattr(error, "__notes__", None)
            message = "Interrupted" if kept else "Interrupted; no results were saved"
            raise _failed(error, INTERRUPTED, message) from error
        except Exception as error:
            if isinstance(error, MemoryError) or "can't start new thread" in str(error):
                message = "Out of memory. Reduce --workers"
                raise _failed(error, UNUSABLE, message) from error
            import traceback

            echo(traceback.format_exc(), err=True)
            message = (
                f"internal error, {type(error).__name__}: please report the lines above"
            )
            raise _failed(error, FAULT, message) from error


@click.group(
    "provscan", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="provscan", message="%(prog)s %(version)s")
def main() -> None:
    """Find licensed tweets in training data and in model outputs.

    \b
    provscan index corpus/          licensed tweets -> an index on disk
    provscan match dataset.jsonl    a dataset -> matches, a summary and a report
    """
