"""How kernels are compiled, and where their machine code is kept.

Numba stamps a cached function with the hash of its own source file, so an edited callee
in another file would leave stale machine code in its callers. Here every kernel is
stamped with one digest of the sources of all kernels, and each digest has a cache
folder of its own: beside the package where that can be written, else in the user's
cache folder, or below ``NUMBA_CACHE_DIR`` if it is set. Beside a package that can't be
written, kernels are still read. A cache that cannot be written or read, or that others
can write to, costs time, and never a run.
"""

import contextlib
import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable
from functools import cache, cached_property, partial, update_wrapper
from pathlib import Path
from typing import Any

from numba import config, njit, version_info
from numba._dispatcher import compute_fingerprint
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.options import DefaultOptions

from provscan.caches import make_folder, open_to_others, warn_once

# Numba counts references to an array, by an atomic addition and subtraction at each
# slice and each call of another kernel: in small kernels most of the time. Kernels make
# no arrays, and their caller holds those that it passes, so there is nothing to count.
# The switch has no public name: a numba without it counts, and is only slower.
_OPTIONS: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True}
if hasattr(DefaultOptions, "_nrt"):
    _OPTIONS["_nrt"] = False
_SOURCES = Path(__file__).parent
_PREFIX = "kernels-"
_FOLDER = re.compile(rf"{_PREFIX}[0-9a-f]{{16}}")
# Kernels are compiled by parts of numba that have no public names, where these are as
# in the versions from the first to below the second; others compile as numba does,
# which takes longer.
_FIRST, _BELOW = (0, 62), (0, 69)
_LOCK = threading.RLock()
_TYPES: dict[bytes, Any] = {}
# Cache folders that are kept: this version's and those used last before it.
_KEPT_FOLDERS = 3


@cache
def sources_digest() -> str:
    """Digest of the sources of all kernels, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    package = _SOURCES.parent
    # A room of its own may have a file of kernels.
    for path in sorted([*_SOURCES.rglob("*.py"), *package.glob("*/kernels.py")]):
        digest.update(
            str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0"
        )
    return digest.hexdigest()[:16]


@cache
def cache_folders() -> tuple[Path | None, Path | None]:
    """Folder in which the machine code of these sources is kept, and one in which it
    can only be read, if any.
    """
    if chosen := getattr(config, "CACHE_DIR", ""):
        parents = [Path(chosen)]
    else:
        user = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
        # In a container the user may have no home.
        parents = [
            _SOURCES / "__pycache__",
            *([user / "provscan"] if user.is_absolute() else []),
        ]
    readable = None
    for parent in parents:
        folder = parent / (_PREFIX + sources_digest())
        try:
            # Root compiles for all users of an installation.
            make_folder(folder, 0o755 if parent.is_relative_to(_SOURCES) else 0o700)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)
            written = True
        except OSError:
            written = False
        if (why := open_to_others(folder)) is not None:
            _warn(f"compiled kernels in {folder} are not used, because {why}")
        elif written:
            _remove_old(parent)
            return folder, readable
        elif readable is None and any(folder.glob("*.nbi")):
            readable = folder
    if readable is None:
        _warn(
            f"compiled kernels can't be kept in {' or '.join(map(str, parents))}: each "
            "process compiles them again"
        )
    return None, readable


def _remove_old(parent: Path) -> None:
    """Remove the machine code of other sources except that used last; files of others,
    and their folders, stay.
    """
    with contextlib.suppress(OSError):
        folders = [
            folder for folder in parent.iterdir() if _FOLDER.fullmatch(folder.name)
        ]
        for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime)[
            :-_KEPT_FOLDERS
        ]:
            for path in folder.glob("*.nb[ic]*"):
                path.unlink(missing_ok=True)
            folder.rmdir()


def _warn(message: str) -> None:
    warn_once(
        f"{message}. Set NUMBA_CACHE_DIR to a folder that you, and only you, can write "
        "to"
    )


class _Locator(_CacheLocator):
    folder: Path

    def __init__(self, function: Callable[..., Any]) -> None:
        self._py_file = function.__code__.co_filename
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(self.folder)

    def get_source_stamp(self) -> str:
        return sources_digest()

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "_Locator":
        return cls(py_func)


class _KernelCache(FunctionCache):
    """Numba's cache of one function, where a damaged or unwritable file is no error,
    and another one behind it.
    """

    def __init__(
        self, function: Callable[..., Any], folder: Path, further: Path | None = None
    ) -> None:
        # Numba makes one of each of these classes.
        locator = type("_Locator", (_Locator,), {"folder": folder})
        self._impl_class: Any = type(
            "_Implementation", (_kept_as(),), {"_locator_classes": (locator,)}
        )
        self._further = None if further is None else _KernelCache(function, further)
        super().__init__(function)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            # Numba's own method first loads what only compiling needs, which takes
            # longer than all the rest.
            found = None
            with self._guard_against_spurious_io_errors():
                found = self._load_overload(sig, target_context)
            return (
                self._further.load_overload(sig, target_context)
                if found is None and self._further
                else found
            )
        except Exception as error:  # unpickling a damaged file may raise anything
            _warn(
                f"compiled kernels in {self.cache_path} are damaged ({error!r}) and "
                "are compiled again"
            )
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except (
            Exception
        ) as error:  # a full disk, or an index file that was damaged meanwhile
            _warn(f"compiled kernels can't be kept in {self.cache_path} ({error!r})")
            self.disable()


def _type_of(find: Callable[[Any], Any], argument: Any) -> Any:
    """Numba's type of an argument, which it would find again for each kernel."""
    try:
        key = compute_fingerprint(argument)
    except NotImplementedError:
        return find(argument)
    if (found := _TYPES.get(key)) is None:
        found = _TYPES[key] = find(argument)
    return found


def own_compiler() -> Any:
    """The module that compiles kernels; None where Numba does."""
    if not _FIRST <= version_info.short < _BELOW:
        return None
    from provscan.kernels import compiler

    return compiler


def _kept_as() -> type[CompileResultCacheImpl]:
    """How compiled kernels are kept."""
    compiler = own_compiler()
    return CompileResultCacheImpl if compiler is None else compiler.ObjectCode


class Kernel:
    """A kernel, which Python and other kernels call; what either needs of Numba is made
    at the first call.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        update_wrapper(self, function)
        self.py_func, self._options = function, options

    def __call__(self, *arguments: Any) -> Any:
        return self.dispatcher(*arguments)

    @cached_property
    def dispatcher(self) -> Any:
        """Numba's, for Python."""
        # Of two threads that call a kernel first, one makes it: machine code can be
        # loaded once only.
        with _LOCK:
            if (made := self.__dict__.get("dispatcher")) is not None:
                return made
            compiler = own_compiler()
            options = {**self._options} | (
                {} if compiler is None else {"pipeline_class": compiler.KernelCompiler}
            )
            made = njit(**options)(self.py_func)
            # Numba would look for extensions in all packages that are installed:
            # kernels have types of its own only.
            made._compilation_chain_init_hook = lambda: None
            made.typeof_pyval = partial(_type_of, made.typeof_pyval)
            if folders := [folder for folder in cache_folders() if folder is not None]:
                made._cache = _KernelCache(self.py_func, *folders)
            self.__dict__["dispatcher"] = made
            return made

    @cached_property
    def _callee(self) -> Any:
        """Numba's dispatcher, for other kernels."""
        compiler = own_compiler()
        if compiler is None:
            return self.dispatcher
        options = {
            **self._options,
            "no_cpython_wrapper": True,
            "pipeline_class": compiler.CalleeCompiler,
        }
        return njit(**options)(self.py_func)

    @property
    def _numba_type_(self) -> Any:
        return self._callee._numba_type_


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a kernel: it makes no arrays and copies none by slices; views of those
    that it is given it may make.

    ``options`` are further ones of :func:`numba.njit`.
    """
    if function is None:
        return partial(kernel, **options)
    if getattr(config, "DISABLE_JIT", False):
        return function
    return Kernel(function, options | _OPTIONS)
