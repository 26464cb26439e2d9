"""All errors that provscan raises deliberately.

The hierarchy mirrors the exit status of the commands: a :class:`GateError` ends a
command with status 1, or 3 if the gate can't be decided, a :class:`UsageError` with
status 2, an :class:`UnusableError` with status 3. The library raises errors; only
``provscan.cli`` exits. ::

    ProvscanError
    ├── GateError
    ├── UsageError
    │   └── ParameterError
    └── UnusableError
        ├── InputError
        │   ├── FieldNotFoundError
        │   └── RecordNotFoundError
        ├── IndexFormatError
        ├── OutputError
        ├── RecallError
        ├── WorkerError
        └── ModelError
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# The keyword arguments that are options without a value.
SWITCHES = {"allow_unread", "append", "fix_encoding", "overwrite"}


class ProvscanError(Exception):
    """The base of all errors that provscan raises deliberately.

    Messages name options of the commands. In Python, ``str`` names the keyword
    arguments instead, or returns ``in_python`` if the advice of the message is a
    command; :func:`named_as_options` keeps the message.
    """

    _as_options = False

    def __init__(self, *args: Any, in_python: str | None = None) -> None:
        super().__init__(*args)
        self.in_python = in_python

    def __str__(self) -> str:
        text = super().__str__()
        if ProvscanError._as_options:
            return text
        return self.in_python or with_keywords(text)

    def add_note(self, note: str) -> None:
        super().add_note(note if ProvscanError._as_options else with_keywords(note))


_OPTION = re.compile(
    r"`[^`]*`|\b(?P<name>\w+) \(--(?P<same>[a-z-]+)\)"
    r"|(?<![\w-])--(?P<option>[a-z][a-z-]*)"
)


def with_keywords(message: str) -> str:
    """Return a message with the names of keyword arguments in place of options; what is
    in backquotes is a command and remains.
    """

    def keyword(found: re.Match[str]) -> str:
        if found[0].startswith("`"):
            return found[0]
        name = (found["same"] or found["option"]).replace("-", "_")
        if found["name"] and found["name"] != name:
            return f"{found['name']} ({name})"
        return f"{name}=True" if name in SWITCHES else name

    return _OPTION.sub(keyword, message)


@contextmanager
def named_as_options() -> Iterator[None]:
    """Let messages of errors name options, as a command prints them."""
    before, ProvscanError._as_options = ProvscanError._as_options, True
    try:
        yield
    finally:
        ProvscanError._as_options = before


class GateError(ProvscanError):
    """A gate, ``fail_above`` or ``fail_above_claimed``, does not pass; the run was
    written.

    Attributes
    ----------
    run
        The run, a :class:`provscan.Run`.
    kind
        "crossed" if a larger share of the records has findings or copies than the gate
        allows. Otherwise the gate can't be decided: "withheld" if the lower bound is
        withheld or the findings can't be judged, "incomplete" if text was not scanned.
    """

    def __init__(self, message: str, run: Any, kind: str) -> None:
        super().__init__(message)
        self.run = run
        self.kind = kind


class UsageError(ProvscanError):
    """The call is wrong: an option, an argument or a combination of them."""


class ParameterError(UsageError, ValueError, TypeError):
    """A parameter is out of range, has the wrong type, or contradicts a parameter of
    an index.
    """


class UnusableError(ProvscanError):
    """An input, an index, an output, a worker or a model can't be used, or a required
    number is not available.
    """


class InputError(UnusableError):
    """A dataset or corpus file can't be read."""


class FieldNotFoundError(InputError):
    """No record has the requested field; the message lists the existing fields."""


class RecordNotFoundError(InputError):
    """A run's datasets have no record at the requested position."""


class IndexFormatError(UnusableError):
    """An index folder is missing, has another version, is incomplete or is damaged."""


class OutputError(UnusableError):
    """A result can't be written: the disk is full, permission is missing, or a folder
    exists that provscan did not write.
    """


class RecallError(UnusableError):
    """A scan found none of the test copies that were planted in the dataset, so its
    result would be meaningless.
    """


class WorkerError(UnusableError):
    """A Ray cluster could not be started or reached."""


class ModelError(UnusableError):
    """A language model can't be queried: no endpoint answers, the key is refused, or
    there is no such model.
    """


@contextmanager
def duckdb_errors() -> Iterator[None]:
    """Raise KeyboardInterrupt after Ctrl-C during a query of DuckDB, and OSError if the
    disk is full. DuckDB raises errors of its own instead, even if Ctrl-C arrives in a
    Python function that it calls.
    """
    try:
        yield
    except Exception as error:
        message, kind = str(error).rstrip(": \n"), type(error)
        if kind.__module__ == "_duckdb" and os.strerror(errno.ENOSPC) in message:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        stopped = kind is RuntimeError or kind.__name__ == "InterruptException"
        if (stopped and "interrupted" in message.lower()) or (
            kind.__module__ == "_duckdb" and message.endswith("KeyboardInterrupt")
        ):
            raise KeyboardInterrupt from error
        raise
