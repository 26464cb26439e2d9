"""Every error that provscan raises on purpose.

The tree mirrors the exit status of the commands: a :class:`GateError` ends a command
with status 1, a :class:`UsageError` with status 2, an :class:`UnusableError` with
status 3. The library raises, only ``provscan.cli`` exits. ::

    ProvscanError
    ├── GateError
    ├── UsageError
    │   └── ParameterError
    └── UnusableError
        ├── InputError
        │   └── FieldNotFoundError
        ├── IndexFormatError
        ├── OutputError
        ├── RecallError
        ├── WorkerError
        └── ModelError
"""

from typing import Any


class ProvscanError(Exception):
    """Base of all errors that provscan raises on purpose."""


class GateError(ProvscanError):
    """More of the dataset holds licensed text than ``fail_above`` allows; the run was
    written.

    Attributes
    ----------
    run
        The run, a :class:`provscan.Run`.
    """

    def __init__(self, message: str, run: Any) -> None:
        super().__init__(message)
        self.run = run


class UsageError(ProvscanError):
    """The call itself is wrong: an option, an argument, a combination of them."""


class ParameterError(UsageError, ValueError, TypeError):
    """A parameter is out of its range, has a value of a wrong type, or contradicts the
    one stored in an index.
    """


class UnusableError(ProvscanError):
    """An input or an index can't be used."""


class InputError(UnusableError):
    """A dataset or corpus file can't be read."""


class FieldNotFoundError(InputError):
    """None of the records has the field that was asked for; the message lists the
    fields there are.
    """


class IndexFormatError(UnusableError):
    """An index folder is missing, of another version, incomplete or damaged."""


class OutputError(UnusableError):
    """A result could not be written: a full disk, a folder without permission, a
    foreign folder in the way.
    """


class RecallError(UnusableError):
    """A scan found none of the licensed texts that were planted in the dataset: its
    result would mean nothing.
    """


class WorkerError(UnusableError):
    """A worker process was ended by the system, or could not be started."""


class ModelError(UnusableError):
    """A language model can't be asked: no endpoint answers, the key is refused, there
    is no such model.
    """
