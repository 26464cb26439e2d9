"""``python -m provscan`` is the same as ``provscan``."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType


def main() -> None:
    """Run the command line; before it has begun and after it has ended, Ctrl-C ends the program at once."""
    _on_interruption(_exit)
    from provscan.cli import main as commands

    _on_interruption(signal.default_int_handler)
    try:
        commands(prog_name="provscan")
    finally:
        _on_interruption(_exit)


def _on_interruption(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        # A shell lets what it starts in the background ignore Ctrl-C.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _exit(number: int, frame: FrameType | None) -> None:
    os.write(2, b"provscan: Interrupted.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
