"""The command line: ``python -m provscan`` is the same as ``provscan``.

Ctrl-C, SIGTERM and SIGHUP, which a closed terminal sends, end the program with status
130. While a command runs, they raise KeyboardInterrupt, so that the command removes
unfinished output. Before and after that, there is no unfinished output, and they end
the program immediately.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

# Nothing else is imported before Ctrl-C is handled, since ``typing`` and ``signal``
# take several milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
else:
    import _signal as signal

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
# An exception inside these packages leaves a half-loaded module, a lock that is never
# released, or memory that is freed twice.
UNINTERRUPTIBLE = ("importlib", "numba", "llvmlite")
# Parameters of glibc's mallopt: the minimum size of blocks that are returned to the
# system immediately, and that of free memory at the end of the heap.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
# Minimum address space in bytes. With less, libraries abort the process.
ADDRESS_SPACE = 2 << 30
# Seconds between retries of an interruption that arrived inside one of them.
RETRY_SECONDS = 0.002


def main() -> None:
    """Run the command line."""
    _on_interruption(_exit)
    _require_address_space()
    # The interpreter restores the default handlers when it ends, which could change
    # the status of a finished command. The alarm retries an interruption.
    for number in (*INTERRUPTIONS, signal.SIGALRM):
        atexit.register(signal.signal, number, signal.SIG_IGN)
    # The system would give the descriptor of a closed stream to the next file that is
    # opened.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    # Searching all modules for garbage takes a tenth of a second, so collections are
    # rare, and there is none at exit.
    gc.set_threshold(300_000)
    atexit.register(gc.freeze)
    # Linear algebra is too small here to benefit from threads, which would only spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.meta_path.insert(0, _NoPandas)
    _keep_freed_memory()
    from provscan.cli import main as commands

    try:
        commands(prog_name="provscan", obj=Interruptible())
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            # The interpreter would wait for a thread that waits for a pipe.
            atexit._run_exitfuncs()
            os._exit(INTERRUPTED)
        raise


def _require_address_space() -> None:
    """End the program with status 3 if it may use too little address space."""
    from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit

    limit, _ = getrlimit(RLIMIT_AS)
    if limit != RLIM_INFINITY and limit < ADDRESS_SPACE:
        text = (
            f"provscan: The address space of this process is limited to {limit:,} "
            f"bytes, and at least {ADDRESS_SPACE:,} are needed: raise the limit with "
            "`ulimit -v`.\n"
        )
        os.write(2, text.encode())
        os._exit(3)


def _keep_freed_memory() -> None:
    """Let the C library keep memory that a batch frees for the next batch.

    By default, glibc returns large blocks to the system, which clears their pages
    before it provides them again.
    """
    from ctypes import CDLL

    library = CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        library.mallopt(M_TRIM_THRESHOLD, 128 << 20)


class _NoPandas:
    """An importer that hides pandas from Arrow.

    Arrow would import pandas, which takes a tenth of a second, although no command uses
    it. Packages that need pandas can import it.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "datasets":
            sys.meta_path.remove(_NoPandas)
        elif name == "pandas":
            raise ModuleNotFoundError(name)


class Interruptible:
    """A block in which an interruption raises KeyboardInterrupt."""

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, _interrupt)
        _on_interruption(_interrupt)

    def __exit__(self, *raised: object) -> None:
        _on_interruption(_exit)
        signal.signal(signal.SIGALRM, _exit)


def _on_interruption(handler: object) -> None:
    for number in INTERRUPTIONS:
        # A shell makes commands in the background ignore Ctrl-C, and nohup SIGHUP.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)  # type: ignore[arg-type]


def _exit(number: int, frame: FrameType | None) -> None:
    try:
        os.write(2, b"provscan: Interrupted.\n")
    finally:
        os._exit(INTERRUPTED)  # The terminal may be closed.


def _interrupt(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in UNINTERRUPTIBLE:
            # The timer repeats itself, since Python calls no handler for a signal that
            # arrives just before a blocking system call.
            signal.setitimer(signal.ITIMER_REAL, RETRY_SECONDS, RETRY_SECONDS)
            return
        frame = frame.f_back
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
