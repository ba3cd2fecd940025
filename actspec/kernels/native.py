"""Numba's compiler for kernels: the passes that their code needs, each of them run once.

Kernels are loops over numbers that call functions written in LLVM's terms, with nothing to inline, lift, rewrite or
fuse in Python, no variable that changes its type, and none that Numba's runtime has to keep: arrays are the caller's.
They raise nothing. What runs here beyond Numba's front end is one optimisation and one emission of machine code.

Loops work on four vectors at once. LLVM has them do so where they are short; in a long one, each operation waits for
the one before, and processors don't look far enough ahead to fill the time with the next vectors. Loops with a root are
left to LLVM: they wait for the one unit that takes roots, and more vectors would only fill the registers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, event, sigutils
from numba.core import ir as numba_ir
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.registry import cpu_target
from numba.core.typed_passes import (
    AnnotateTypes,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
)
from numba.core.untyped_passes import FixupArgs, IRProcessing, TranslateByteCode

from actspec.kernels import bypass, loops, wrappers

# mypy: disable-error-code="misc, no-untyped-call"
# Numba's classes and functions have no types.

_OPTIONS: Final = {
    "nopython": True,
    "nogil": True,
    "error_model": "numpy",
    "boundscheck": False,
    "debug": False,
    "_nrt": False,
    "no_cpython_wrapper": True,  # wrappers of our own
    "no_cfunc_wrapper": True,
}
_VECTORS: Final = 4
"""How many vectors a loop works on at once: 2 gain half as much, 8 run out of registers."""


class _Lowering(Lower):
    """Numba's, without what kernels have no use for: counts of references, places for a debugger, and for each operator
    another search for the types that its operands were found to have.
    """

    def lower_normal_function(self, fndesc: Any) -> None:
        super().lower_normal_function(fndesc)
        name, signature = _described(fndesc)
        wrappers.emit(self.context, self.module, self.function, signature, name)

    def lower_block(self, block: Any) -> None:
        self.pre_block(block)
        for inst in block.body:
            self.loc = inst.loc
            self.lower_inst(inst)
        self.post_block(block)

    def lower_inst(self, inst: Any) -> None:
        if isinstance(inst, numba_ir.Del):
            return
        if isinstance(inst, numba_ir.Assign) and not isinstance(inst.value, numba_ir.Arg):
            name = inst.target.name
            self.storevar(self.lower_assign(self.typeof(name), inst), name)
            return
        super().lower_inst(inst)
        back = isinstance(inst, numba_ir.Jump) and self.blkmap[inst.target].is_terminated  # a loop's last step
        if back and not any(map(_is_root, self.builder.block.instructions)):
            loops.tell(self.builder.block.terminator, interleave_count=_VECTORS)

    def lower_binop(self, resty: Any, expr: Any, op: Any) -> Any:
        signature = self.fndesc.calltypes[expr]
        given = []
        for each, wanted in zip((expr.lhs, expr.rhs), signature.args, strict=True):
            given.append(self.context.cast(self.builder, self.loadvar(each.name), self.typeof(each.name), wanted))
        implementation = self.context.get_function(*_operator(op, signature.args))
        result = implementation(self.builder, given)
        return self.context.cast(self.builder, result, signature.return_type, resty)

    def storevar(self, value: Any, name: str, argidx: int | None = None) -> None:  # noqa: ARG002  # as Numba calls it
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self.builder.store(value, self.getvar(name))

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:  # noqa: ARG002  # as Numba calls it
        return cgutils.alloca_once(self.builder, lltype, name=name)


def _described(fndesc: Any) -> tuple[str, wrappers.Signature]:
    """The name of a kernel's wrapper, and what the kernel gives and takes."""
    return fndesc.llvm_cpython_wrapper_name, (fndesc.restype, fndesc.argtypes)


@lru_cache(maxsize=4096)
def _operator(op: Any, args: tuple[Any, ...]) -> tuple[Any, Any]:
    """What an operator is for Numba, and its signature for operands of these types."""
    typing = _typing()
    function = typing.resolve_value_type(op)
    return function, function.get_call_type(typing, args, {})


def _is_root(instruction: Any) -> bool:
    called = instruction.callee if isinstance(instruction, ir.CallInstr) else None
    return isinstance(called, ir.Function) and called.name.startswith("llvm.sqrt")


@register_pass(mutates_CFG=True, analysis_only=False)
class _NativeLowering(NativeLowering):
    @property
    def lowering_class(self) -> type[Lower]:
        return _Lowering


_PASSES: Final = (
    TranslateByteCode,
    FixupArgs,
    IRProcessing,
    NopythonTypeInference,
    AnnotateTypes,
    _NativeLowering,
    NoPythonBackend,
)


def compiled(function: Callable[..., Any], signature: str) -> Any:
    """Numba's result for a function: its library is optimised, with a wrapper, and holds no machine code yet.

    Raises what Numba raises for a function that it can't compile.
    """
    arguments, returned = sigutils.normalize_signature(signature)
    flags: Any = Flags()
    cpu_target.options.parse_as_flags(flags, dict(_OPTIONS))
    flags.no_compile = True  # not yet
    context = cpu_target.target_context
    library = _Library(context.codegen(), function.__qualname__)
    library.streams = "stream" in function.__code__.co_names
    data = {"dispatcher": None, "args": arguments, "return_type": returned}
    with global_compiler_lock, event.trigger_event("numba:compile", data):  # an event for who counts compilations
        result = compile_extra(_typing(), context, function, arguments, returned, flags, {}, library, _Compiler)
        library.finalize()
    return result


def wrapper(result: Any) -> tuple[str, list[int]]:
    """The name of a kernel's wrapper, and how many axes each of its arguments has."""
    name, signature = _described(result.fndesc)
    return name, wrappers.ranks(signature)


def address(result: Any) -> int:
    """Where the wrapper of a kernel is that can't be linked from its object code alone, as long as the result lives."""
    result.library.emit()
    result.library.codegen.set_env(result.target_context.get_env_name(result.fndesc), result.environment)
    found: int = result.library.get_pointer_to_function(_described(result.fndesc)[0])
    return found


class _Typing(type(cpu_target.typing_context)):
    """Numba's typing, which remembers what it found: a kernel adds and multiplies the same types hundreds of times."""

    def resolve_function_type(self, func: Any, args: Sequence[Any], kws: Mapping[str, Any]) -> Any:
        if kws:
            return super().resolve_function_type(func, args, kws)
        return self._resolved(func, tuple(args))

    @lru_cache(maxsize=4096)  # noqa: B019  # there is one for the life of the process
    def _resolved(self, func: Any, args: tuple[Any, ...]) -> Any:
        return super().resolve_function_type(func, args, {})


@cache
def _typing() -> _Typing:
    context: Any = copy.copy(cpu_target.typing_context)  # which shares all that is registered, also from now on
    context.__class__ = _Typing
    typing: _Typing = context
    return typing


class _Compiler(CompilerBase):
    def define_pipelines(self) -> list[PassManager]:
        passes = PassManager("kernel")
        for each in _PASSES:
            passes.add_pass(each, each.__name__)
        passes.finalize()
        return [passes]


class _Library(JITCodeLibrary):
    streams = False
    """Whether its stores may be marked to go past the caches."""

    def _optimize_functions(self, module: Any) -> None:
        # The passes over functions are the first of those over modules, which come soon.
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        # Once: what Numba runs before is for reference counts and a library of functions on vectors.
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)
        if self.streams and (code := bypass.told(str(self._final_module))) is not None:
            self._final_module = llvm.parse_assembly(code)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def emit(self) -> None:
        super()._finalize_final_module()
