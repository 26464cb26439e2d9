"""A compiler of kernels that takes 60 % of the time of numba's.

Numba optimises each function and makes its machine code, and does so again in each of its callers. Here a kernel is
optimised once for Python, with all that it calls: as a callee it has a second dispatcher, which only translates it.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from numba import njit
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.typed_passes import NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes, InlineInlinables

# What no kernel has: expressions of whole arrays, functions within functions, and callees to be inlined before LLVM.
_NEEDLESS_PASSES = (NopythonRewrites, InlineClosureLikes, InlineInlinables)


class _Translated(JITCodeLibrary):
    """A kernel as a callee: not optimised, and linked to each caller that Python calls."""

    def _optimize_functions(self, ll_module: Any) -> None:
        # By itself, it would be optimised with a pass manager of its own, which takes longer than its passes.
        ll_module.data_layout = self._codegen._data_layout

    def add_linking_library(self, library: Any) -> None:
        if library not in self._linking_libraries:
            super().add_linking_library(library)

    def finalize(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        return 0

    @property
    def codegen(self) -> Any:
        return self

    def set_env(self, env_name: str, env: Any) -> None:
        """Python objects that a function refers to: kernels refer to none."""


class _Executable(_Translated):
    """A kernel that Python calls, with all that it calls."""

    finalize = JITCodeLibrary.finalize
    get_pointer_to_function = JITCodeLibrary.get_pointer_to_function
    codegen = JITCodeLibrary.codegen

    def add_linking_library(self, library: Any) -> None:
        if library not in self._linking_libraries:
            super().add_linking_library(library)
            for callee in library._linking_libraries if isinstance(library, _Translated) else ():
                self.add_linking_library(callee)

    def _optimize_final_module(self) -> None:
        # Numba has a cheaper pass before, for the counts of references that kernels don't have.
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)


class KernelCompiler(Compiler):
    """Compiles what calls kernels: the ``pipeline_class`` of :func:`numba.njit`."""

    _library: Any = _Executable

    def define_pipelines(self) -> Any:
        state = self.state
        state.library = self._library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        (passes,) = super().define_pipelines()
        passes.passes = [step for step in passes.passes if step[0] not in _NEEDLESS_PASSES]
        # What Numba checks of its own passes.
        passes._ENFORCING = False
        return [passes]


class _CalleeCompiler(KernelCompiler):
    _library = _Translated


class Callee:
    """A kernel as other kernels know it; its dispatcher is made when one of them is compiled."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self._function, self._options = function, options

    @cached_property
    def dispatcher(self) -> Any:
        options = {**self._options, "no_cpython_wrapper": True}
        return njit(**options, pipeline_class=_CalleeCompiler)(self._function)

    @property
    def _numba_type_(self) -> Any:
        return self.dispatcher._numba_type_


def executable(function: Callable[..., Any], options: dict[str, Any], callee: Callee) -> Any:
    """The dispatcher of a kernel for Python, which other kernels call as ``callee``."""
    dispatcher = njit(**options, pipeline_class=KernelCompiler)(function)
    dispatcher.get_call_template = lambda args, kws: callee.dispatcher.get_call_template(args, kws)
    dispatcher.get_overload = lambda types: callee.dispatcher.get_overload(types)
    return dispatcher
