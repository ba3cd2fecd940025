"""Kernels' object code to functions: what a process does with each kernel, compiled or loaded.

A payload is object code, and the names that linking it takes: that of ``entries``, the first of which is linked, and
that of one kernel with its wrapper.
"""

from __future__ import annotations

import json
import platform
import struct
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import llvmlite.binding as llvm
import numpy.typing as npt
from numba.core import config
from numba.core.registry import cpu_target

from actspec.kernels import binding


class Kernel(NamedTuple):
    """A kernel: its function, which takes arrays and integers by position and checks no types of numbers, where its
    wrapper is, and what its code needs to live on.
    """

    function: Callable[..., Any]
    address: int
    needed: object = None

    def short(
        self, like: npt.NDArray[Any], inputs: int, view: Sequence[int], parameters: npt.NDArray[Any]
    ) -> Callable[..., Any]:
        """The function of so many arrays like another one, and of ``out``, as ``binding.short`` describes it."""
        return binding.short(_entries["short"], self.address, inputs + 1, like, view, parameters)


def packed(entries: bytes, code: bytes, wrapper: str, ranks: Sequence[int], externals: Sequence[str]) -> bytes:
    """A payload of object code, the name of the kernel's wrapper, how many axes the arguments have, and what other
    functions it calls.
    """
    facts = {"wrapper": wrapper, "ranks": ranks, "externals": externals, "entries": len(entries)}
    names = json.dumps(facts).encode()
    return len(names).to_bytes(4, "little") + names + entries + code


def linked(payload: bytes) -> Kernel | None:
    """The kernel in a payload; None where this process lacks something that it was linked with."""
    size = 4 + int.from_bytes(payload[:4], "little")
    names = json.loads(payload[4:size])
    if not all(map(llvm.address_of_symbol, names["externals"])):  # LLVM would end the process
        return None
    code = size + names["entries"]
    link_entries(payload[size:code])
    _link(payload[code:])
    address = _engine().get_function_address(names["wrapper"])
    return at(address, names["ranks"]) if address else None


def at(address: int, ranks: Sequence[int], needed: object = None) -> Kernel:
    """The kernel whose wrapper is at an address, as ``binding.general`` takes it."""
    return Kernel(binding.general(_entries["general"], address, ranks), address, needed)


def link_entries(code: bytes) -> None:
    """Link the object code of ``entries``, unless that is done."""
    if not _entries:
        _link(code)
        _entries.update({name: _engine().get_function_address(name) for name in ("general", "short")})


_entries: Final[dict[str, int]] = {}


def _link(code: bytes) -> None:
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()


@cache
def _engine() -> Any:
    """What links kernels, each of them in a block of memory with its constants."""
    codegen = cpu_target.target_context.codegen()
    nothing = llvm.parse_assembly(str(codegen._create_empty_module("kernels")))
    engine = llvm.create_mcjit_compiler(nothing, emitter(), use_lmm=_IN_ONE_BLOCK or None)
    if vars(config)["ENABLE_PROFILING"]:
        engine.enable_jit_events()
    return engine


# Numba's machine takes addresses to be anywhere: in every step of a loop, each constant's is loaded before the constant
# is. What lies in one block of memory needs no such care; LLVM links such code where files are ELF's.
_IN_ONE_BLOCK: Final = sys.platform == "linux" and platform.machine() == "x86_64" and struct.calcsize("P") == 8


@cache
def emitter() -> Any:
    """LLVM's target machine, which makes the object code that is linked here."""
    codegen = cpu_target.target_context.codegen()
    options = {"opt": vars(config)["OPT"]}
    codegen._customize_tm_options(options)
    if _IN_ONE_BLOCK:
        options |= {"reloc": "pic", "codemodel": "small"}
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(**options)
