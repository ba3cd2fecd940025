"""Kernels' sources to machine code, once per source and machine: kept in memory, and on disk for later processes.

What is kept on disk is the object code and a few names, so that loading a kernel is linking it: Numba's compiler stays
out of it, and nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import linecache
import os
import platform
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources.abc import Traversable
from types import ModuleType
from typing import Any, Final, NamedTuple

import llvmlite.binding as llvm
import numpy.typing as npt
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from actspec.kernels import binding, disk_cache, entries, native


class Kernel(NamedTuple):
    """A kernel's function of arrays and integers, where its wrapper is, and what its code needs to live on."""

    function: Callable[..., Any]
    address: int
    needed: object = None

    def short(
        self, like: npt.NDArray[Any], inputs: int, view: Sequence[int], parameters: npt.NDArray[Any]
    ) -> Callable[..., Any]:
        """The function of so many arrays like another one, and of ``out``, as ``binding.short`` describes it."""
        return binding.short(_ways["short"], self.address, inputs + 1, like, view, parameters)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many kernels this process has compiled, and how many it has loaded from the disk instead."""

    compiled: int = 0
    loaded: int = 0


def load(source: str) -> Kernel:
    """Turn a kernel's module, as text, into a function that takes its arguments by position and checks no types.

    The module defines ``kernel`` and its ``signature`` in Numba's words. The same text gives the same function for the
    life of the process; it is compiled unless a process before has done so. Safe from many threads at once, and in
    forked children. Raises what Python or Numba raise for a source that can't be compiled.
    """
    kernel = _kernels.get(source)
    if kernel is not None:
        return kernel
    with global_compiler_lock:  # Numba's: a lock of ours around it could be waited for the other way round
        kernel = _kernels.get(source)
        if kernel is not None:
            return kernel
        key = key_of(source)
        payload = disk_cache.read(key)
        kernel = None if payload is None else _linked(payload)
        if kernel is not None:
            _count(loaded=1)
            return _kernels.setdefault(source, kernel)
        kernel, payload = _compiled(key, source)
        _count(compiled=1)
        _kernels[source] = kernel
    # Files of ours that were edited meanwhile may not be those that were compiled.
    if payload is not None and _text_of_ours.__wrapped__() == _text_of_ours():
        disk_cache.write(key, source, payload)
    return kernel


def counts() -> Counts:
    """Tell compilations from loads, in this process."""
    return _counts


def key_of(source: str) -> str:
    """A hash, in hexadecimal digits, of a source and all else that its machine code depends on."""
    config.reload_config()  # type: ignore[no-untyped-call]  # as Numba's compiler does: the environment may be another
    settings = tuple((name, repr(getattr(config, name, None))) for name in _SETTINGS)
    machine = cpu_target.target_context.codegen().magic_tuple()
    facts = (source, settings, machine, _versions(), _text_of_ours())
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogatepass")).hexdigest()


_kernels: Final[dict[str, Kernel]] = {}
_ways: Final[dict[str, int]] = {}  # addresses of what CPython calls
_counts = Counts()

# What the environment can change in the code of a kernel; bounds checks, say, it can't.
_SETTINGS = (
    "CPU_FEATURES",
    "CPU_NAME",
    "DEBUG_JIT",
    "DEBUG_NRT",
    "ENABLE_AVX",
    "ENABLE_PROFILING",
    "LLVM_REFPRUNE_FLAGS",
    "LLVM_REFPRUNE_PASS",
    "LOOP_VECTORIZE",
    "OPT",
    "SLP_VECTORIZE",
    "USING_SVML",
)
# What the environment can't: all kernels are compiled, and none of them checks bounds.
_OVERRULED = {"DISABLE_JIT": 0, "BOUNDSCHECK": None, "EXTEND_VARIABLE_LIFETIMES": 0}


def _count(compiled: int = 0, loaded: int = 0) -> None:
    global _counts
    _counts = replace(_counts, compiled=_counts.compiled + compiled, loaded=_counts.loaded + loaded)


@cache
def _versions() -> tuple[object, ...]:
    names = ("actspec", "numba", "llvmlite", "numpy")
    packages = tuple(sys.modules[name].__version__ for name in names)
    python = (sys.version, sys.implementation.cache_tag, getattr(sys, "abiflags", ""), sys.platform)
    return (packages, llvm.llvm_version_info, python, struct.calcsize("P"))


@cache
def _text_of_ours() -> str:
    """A hash of every module beside this one: the code of some ends up in kernels, and to ask which isn't worth it."""
    total = hashlib.sha256()
    for name, text in _modules(importlib.resources.files("actspec.kernels")):
        total.update(repr((name, len(text))).encode())
        total.update(text)
    return total.hexdigest()


def _modules(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if each.name.endswith((".py", ".pyc")):
            yield each.name, each.read_bytes()
        elif each.name != "__pycache__" and each.is_dir():
            yield from _modules(each)


def _compiled(key: str, source: str) -> tuple[Kernel, bytes | None]:
    """The function, and what to keep of it on disk; None where it can't be kept."""
    with _overruled():
        module = _module(key)
        file = f"<{module.__name__}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # for tracebacks
        # Numba looks the module up by its name.
        sys.modules[module.__name__] = module
        try:
            exec(compile(source, file, "exec", dont_inherit=True), vars(module))  # noqa: S102  # our own generated text
            result = native.compiled(module.kernel, module.signature)
        finally:
            del sys.modules[module.__name__]
        payload = _payload(result)
        kernel = None if payload is None else _linked(payload)
        if kernel is None:
            _link_ways(_ways_in())
            kernel = _kernel(native.address(result), native.wrapper(result)[1], needed=result)
        return kernel, payload


@contextmanager
def _overruled() -> Iterator[None]:
    before = {name: getattr(config, name) for name in _OVERRULED}
    vars(config).update(_OVERRULED)
    try:
        yield
    finally:
        vars(config).update(before)


def _module(key: str) -> ModuleType:
    # Its name is part of the names of all symbols, which no other kernel may share.
    return ModuleType(f"actspec_kernel_{key[:32]}", "A kernel that actspec generated.")


def _payload(result: Any) -> bytes | None:
    """Object code, with the names that linking it takes; None where it depends on more than names."""
    library = result.library
    environments = (result.environment, *result._find_referenced_environments())
    # Addresses in this process, Python objects, and functions to call first.
    if library.has_dynamic_globals or result.reload_init or any(each.consts for each in environments):
        return None
    wrapper, ranks = native.wrapper(result)
    module = library._final_module.clone()
    externals = []
    for each in (*module.functions, *module.global_variables):
        if each.is_declaration:
            externals += [each.name] * (not each.name.startswith("llvm."))
        # The linker puts addresses of functions beside what can be written: some such thing has to stay.
        elif each.name not in (wrapper, result.environment.env_name):
            # Numba numbers what it compiles anew in each process: a function of one name may be another one there.
            each.linkage = "internal"
    ways = _ways_in()
    code: bytes = _emitter().emit_object(module)
    names = json.dumps({"wrapper": wrapper, "ranks": ranks, "externals": externals, "ways": len(ways)}).encode()
    return len(names).to_bytes(4, "little") + names + ways + code


@cache
def _ways_in() -> bytes:
    """The object code of ``entries``, kept with each kernel: the first one of a process brings it along."""
    code: bytes = _emitter().emit_object(llvm.parse_assembly(str(entries.module())))
    return code


# Numba's machine takes addresses to be anywhere: in every step of a loop, each constant's is loaded before the constant
# is. What lies in one block of memory needs no such care; LLVM links such code where files are ELF's.
_IN_ONE_BLOCK: Final = sys.platform == "linux" and platform.machine() == "x86_64" and struct.calcsize("P") == 8


@cache
def _emitter() -> Any:
    """LLVM's target machine that makes machine code of kernels."""
    codegen = cpu_target.target_context.codegen()
    options = {"opt": vars(config)["OPT"]}
    codegen._customize_tm_options(options)
    if _IN_ONE_BLOCK:
        options |= {"reloc": "pic", "codemodel": "small"}
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(**options)


@cache
def _engine() -> Any:
    """What links kernels, each of them in a block of memory with its constants."""
    codegen = cpu_target.target_context.codegen()
    nothing = llvm.parse_assembly(str(codegen._create_empty_module("kernels")))
    engine = llvm.create_mcjit_compiler(nothing, _emitter(), use_lmm=_IN_ONE_BLOCK or None)
    if vars(config)["ENABLE_PROFILING"]:
        engine.enable_jit_events()
    return engine


def _linked(payload: bytes) -> Kernel | None:
    """The function in a payload; None where this process lacks something that it was linked with."""
    size = 4 + int.from_bytes(payload[:4], "little")
    names = json.loads(payload[4:size])
    if not all(map(llvm.address_of_symbol, names["externals"])):  # LLVM would end the process
        return None
    code = size + names["ways"]
    _link_ways(payload[size:code])
    _link(payload[code:])
    address = _engine().get_function_address(names["wrapper"])
    return _kernel(address, names["ranks"]) if address else None


def _link(code: bytes) -> None:
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()


def _link_ways(code: bytes) -> None:
    if not _ways:
        _link(code)
        _ways.update({name: _engine().get_function_address(name) for name in ("general", "short")})


def _kernel(address: int, ranks: Sequence[int], needed: object = None) -> Kernel:
    return Kernel(binding.general(_ways["general"], address, ranks), address, needed)


if hasattr(os, "register_at_fork"):
    # A child has no thread but the one that forked: what another one was compiling would stay half done, and locked.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
