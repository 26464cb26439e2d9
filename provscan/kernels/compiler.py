"""A compiler of kernels that takes 60 % of the time of numba's.

Numba optimises each function and makes its machine code, and does so again in each of
its callers. Here a kernel is optimised once for Python, with all that it calls: as a
callee it has a second dispatcher, which only translates it.
"""

from functools import partial
from typing import Any

from llvmlite.binding import ObjectFileRef, ffi
from numba.core.caching import CompileResultCacheImpl
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompileResult, compile_result
from numba.core.ir import Inst, Var
from numba.core.typed_passes import InlineOverloads, IRLegalization, NopythonRewrites
from numba.core.types import Dispatcher, unliteral
from numba.core.typing.templates import _OverloadFunctionTemplate
from numba.core.untyped_passes import InlineClosureLikes, InlineInlinables

# What no kernel has: expressions of whole arrays, functions within functions, callees
# to be inlined before LLVM, and variables that count references and are to be deleted.
_NEEDLESS_PASSES = (
    NopythonRewrites,
    InlineClosureLikes,
    InlineInlinables,
    InlineOverloads,
    IRLegalization,
)


class _Translated(JITCodeLibrary):
    """A kernel as a callee: not optimised, and linked to each caller that Python
    calls.
    """

    def _optimize_functions(self, ll_module: Any) -> None:
        # By itself, it would be optimised with a pass manager of its own, which takes
        # longer than its passes.
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
            for callee in (
                library._linking_libraries if isinstance(library, _Translated) else ()
            ):
                self.add_linking_library(callee)

    def _optimize_final_module(self) -> None:
        # Numba has a cheaper pass before, for the counts of references that kernels
        # don't have.
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)


class KernelCompiler(Compiler):
    """Compiles what calls kernels: the ``pipeline_class`` of :func:`numba.njit`."""

    _library: Any = _Executable

    def define_pipelines(self) -> Any:
        state = self.state
        state.library = self._library(
            state.targetctx.codegen(), state.func_id.func_qualname
        )
        state.library.enable_object_caching()
        (passes,) = super().define_pipelines()
        passes.passes = [
            step for step in passes.passes if step[0] not in _NEEDLESS_PASSES
        ]
        # What Numba checks of its own passes.
        passes._ENFORCING = False
        return [passes]


class CalleeCompiler(KernelCompiler):
    """Compiles kernels that kernels call."""

    _library = _Translated


def _variables(instruction: Any, part: Any) -> list[Any]:
    """Variables in a part of an instruction, which Numba finds in twice the time."""
    kind = type(part)
    if kind is Var:
        return [part]
    if kind is dict or kind is list or kind is tuple:
        parts = part.values() if kind is dict else part
        return [
            variable for inner in parts for variable in _variables(instruction, inner)
        ]
    return part.list_vars() if hasattr(kind, "list_vars") else []


def leave_out() -> None:
    """Leave out what Numba does in vain in a process that only compiles kernels, all of
    which are loaded.
    """
    # Functions such as min, of some types, are translated, as kernels are that only
    # kernels call.
    options = {
        "no_cfunc_wrapper": True,
        "no_cpython_wrapper": True,
        "pipeline_class": CalleeCompiler,
    }
    decorator = _OverloadFunctionTemplate._get_jit_decorator
    patched = partial(setattr, _OverloadFunctionTemplate, "_get_jit_decorator")
    patched(lambda made: partial(decorator(made), **options))
    # A kernel that is called with several constants is translated once.
    call = Dispatcher.get_call_type

    def call_kernel(kernel: Any, context: Any, types: Any, names: Any) -> Any:
        return call(kernel, context, tuple(map(unliteral, types)), names)

    setattr(Dispatcher, "get_call_type", call_kernel)  # noqa: B010
    setattr(Inst, "_rec_list_vars", _variables)  # noqa: B010
    # Each call of LLVM is an event, which nothing listens to.
    ffi.lib._lock._cblist.clear()


class ObjectCode(CompileResultCacheImpl):
    """What the cache of a kernel holds: its machine code, without what Numba keeps
    beside it for those that call it.
    """

    def reduce(self, result: Any) -> Any:
        """A compiled kernel as it is kept."""
        fndesc, code = result.fndesc, result.library._get_compiled_object()
        fndesc.typemap = fndesc.calltypes = None
        # The environments of those that it calls would hold Python objects that they
        # refer to, and they refer to none.
        return result.library.name, code, fndesc, result.environment, result.signature

    def rebuild(self, context: Any, kept: Any) -> CompileResult:
        """A compiled kernel, from what was kept of it."""
        name, code, fndesc, environment, signature = kept
        codegen = context.codegen()
        codegen._engine._ee.add_object_file(ObjectFileRef.from_data(code))
        codegen._engine.finalize_object()
        codegen._engine._defined_symbols.add(fndesc.llvm_cpython_wrapper_name)
        library = _Executable(codegen, name)
        library._finalized = True
        entry = context.get_executable(library, fndesc, environment)
        return compile_result(
            typing_context=context.typing_context,
            target_context=context,
            library=library,
            environment=environment,
            entry_point=entry,
            fndesc=fndesc,
            signature=signature,
            objectmode=False,
            lifted=(),
            reload_init=(),
        )
