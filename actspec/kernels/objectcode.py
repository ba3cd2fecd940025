"""What Numba compiled to object code, which is linked in this process and, from the disk, in later ones."""

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.binding as llvm

from actspec.kernels import entries, link, native


def payload(result: Any) -> bytes | None:
    """The payload of what ``native.compiled`` gave; None where its code depends on more than names."""
    library = result.library
    environments = (result.environment, *result._find_referenced_environments())
    # Addresses in this process, Python objects, and functions to call first.
    if library.has_dynamic_globals or result.reload_init or any(each.consts for each in environments):
        return None
    wrapper, ranks = native.wrapper(result)
    module = library._final_module.clone()
    for each in (*module.functions, *module.global_variables):
        # The linker puts addresses of functions beside what can be written: some such thing has to stay.
        if not each.is_declaration and each.name not in (wrapper, result.environment.env_name):
            # Numba numbers what it compiles anew in each process: a function of one name may be another one there.
            each.linkage = "internal"
    externals = sorted({*_externals(module), *_externals(_entries_module())})
    return link.packed(_entries(), link.emitter().emit_object(module), wrapper, ranks, externals)


def _externals(module: Any) -> list[str]:
    """The names of what a module takes from elsewhere."""
    found = (each for each in (*module.functions, *module.global_variables) if each.is_declaration)
    return [each.name for each in found if not each.name.startswith("llvm.")]


def in_place(result: Any) -> link.Kernel:
    """The kernel of a result that has no payload, or can't be linked from it."""
    link.link_entries(_entries())
    return link.at(native.address(result), native.wrapper(result)[1], needed=result)


@cache
def _entries_module() -> Any:
    return llvm.parse_assembly(str(entries.module()))


@cache
def _entries() -> bytes:
    """The object code of ``entries``, which is kept with each kernel: the first one of a process brings it along."""
    code: bytes = link.emitter().emit_object(_entries_module())
    return code
