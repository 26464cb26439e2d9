"""``python -m provscan`` is the same as ``provscan``."""

from __future__ import annotations

import atexit
import gc
import os
import sys

# Nothing is imported before Ctrl-C is taken care of: ``typing``, ``contextlib`` and
# ``signal`` take some milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType, TracebackType
else:
    import _signal as signal

# Seconds after which an interruption that came at a bad time is tried again.
AGAIN = 0.002
# An exception between two lines of these leaves half a module, a lock that is never
# free, or memory freed twice.
UNINTERRUPTIBLE = ("importlib", "numba", "llvmlite")
# Modules that are not imported, and the libraries for which they are not.
UNASKED = {
    "pandas": ("provscan", "pyarrow"),
    "coverage": ("numba",),
    "scipy": ("numba",),
    "yaml": ("numba",),
}
# For which Numba needs the last one.
NUMBA_CONFIG = ".numba_config.yaml"


def main() -> None:
    """Run the command line.

    Before a command has begun and after it has ended, Ctrl-C ends the program at once;
    in between it raises ``KeyboardInterrupt``, so that what is unfinished is put away.
    """
    _on_interruption(_exit)
    # As the interpreter ends, it gives signals back their default: they would kill it,
    # whatever a command's status.
    for number in (signal.SIGINT, signal.SIGTERM):
        atexit.register(signal.signal, number, signal.SIG_IGN)
    # The next file would be opened in place of a stream that is closed.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    # Modules are more than half of that, and stay; as the interpreter ends, it would
    # search all there is for cycles.
    gc.set_threshold(300_000)
    atexit.register(gc.freeze)
    # What there is of linear algebra is small: the threads for it, of NumPy and of
    # SciPy, would only wait and spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.meta_path[:0] = [_Unasked, _Later]
    from provscan.cli import main as commands

    commands(prog_name="provscan", obj=Interruptible())


class _Unasked:
    """What libraries import where it is installed, and no command uses: pandas, which
    Arrow asks whether a list is a series, coverage, to which Numba would report, SciPy,
    which it has for linear algebra, and yaml, in which it could be configured.

    Arrow asks from compiled code, whose caller is a module of provscan or of Arrow;
    other libraries may need both.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name not in UNASKED or (name == "yaml" and os.path.exists(NUMBA_CONFIG)):
            return
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and _package(frame) == "importlib":
            frame = frame.f_back
        if frame is not None and _package(frame) in UNASKED[name]:
            raise ModuleNotFoundError(name)


class _Later:
    """Parts of NumPy that SciPy names and no command uses are loaded when they are
    first used.

    ``numpy.ma`` is none of them: Numba uses it in any thread, and two threads that load
    a module like that at the same time get half of it (Python before 3.12.4).
    """

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        if name not in ("numpy.f2py", "numpy.polynomial", "numpy.testing"):
            return None
        from importlib.machinery import PathFinder
        from importlib.util import LazyLoader

        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def _package(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0]


class Interruptible:
    """A block in which an interruption raises ``KeyboardInterrupt``."""

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, _interrupt)
        _on_interruption(_interrupt)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _on_interruption(_exit)
        signal.signal(signal.SIGALRM, _exit)


def _on_interruption(handler: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        # A shell lets what it starts in the background ignore Ctrl-C.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)  # type: ignore[arg-type]


def _exit(number: int, frame: FrameType | None) -> None:
    os.write(2, b"provscan: Interrupted.\n")
    os._exit(130)


def _interrupt(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if _package(frame) in UNINTERRUPTIBLE:
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
            return
        frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
