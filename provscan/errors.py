"""Every error that provscan raises on purpose.

The tree mirrors the exit status of the commands: a :class:`UsageError` ends a command with status 2, an
:class:`UnusableError` with status 3. The library raises, only ``provscan.cli`` exits. ::

    ProvscanError
    ├── UsageError
    │   └── ParameterError
    └── UnusableError
        ├── InputError
        │   └── FieldNotFoundError
        ├── IndexFormatError
        ├── OutputError
        └── RecallError
"""


class ProvscanError(Exception):
    """Base of all errors that provscan raises on purpose."""


class UsageError(ProvscanError):
    """The call itself is wrong: an option, an argument, a combination of them."""


class ParameterError(UsageError, ValueError):
    """A parameter is out of its range, or contradicts the one stored in an index."""


class UnusableError(ProvscanError):
    """An input or an index can't be used."""


class InputError(UnusableError):
    """A dataset or corpus file can't be read."""


class FieldNotFoundError(InputError):
    """None of the records has the field that was asked for; the message lists the fields there are."""


class IndexFormatError(UnusableError):
    """An index folder is missing, of another version, incomplete or damaged."""


class OutputError(UnusableError):
    """A result could not be written: a full disk, a folder without permission, a foreign folder in the way."""


class RecallError(UnusableError):
    """A scan found none of the licensed texts that were planted in the dataset: its result would mean nothing."""
