"""Kernels' sources to machine code, once per source and machine: kept in memory, and on disk for later processes.

What is kept on disk is the object code and a few names, so that loading a kernel is linking it: Numba's compiler stays
out of it, and nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import linecache
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources.abc import Traversable
from types import ModuleType
from typing import Final

import llvmlite.binding as llvm
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from actspec.kernels import disk_cache, link
from actspec.kernels.link import Kernel


@dataclass(frozen=True, slots=True)
class Counts:
    """How many kernels this process has compiled, and how many it has loaded from the disk instead."""

    compiled: int = 0
    loaded: int = 0


def load(source: str) -> Kernel:
    """Turn a kernel's module, as text, into a kernel.

    The module defines ``kernel`` and its ``signature`` in Numba's words. The same text gives the same kernel for the
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
        kernel = None if payload is None else link.linked(payload)
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
    """The kernel, and what to keep of it on disk; None where it can't be kept."""
    from actspec.kernels import native, objectcode  # bring along what of Numba only compiling takes

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
        payload = objectcode.payload(result)
        kernel = None if payload is None else link.linked(payload)
        return objectcode.in_place(result) if kernel is None else kernel, payload


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


if hasattr(os, "register_at_fork"):
    # A child has no thread but the one that forked: what another one was compiling would stay half done, and locked.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
