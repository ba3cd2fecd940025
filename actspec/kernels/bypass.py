"""Stores that go past the caches, for results that no cache holds: memory isn't read before it is written then.

LLVM makes vectors of a loop's numbers, but not where its stores are told to go past the caches, as machines do that
with aligned vectors alone. So such stores are marked in the loop, and what has become of them in the optimised code is
told then. Vectors of a loop begin where the loop begins: kernels see to it that this is a boundary.
"""

from __future__ import annotations

import re
from typing import Any

from llvmlite import ir

from actspec.kernels.codegen import BOUNDARY

# mypy: disable-error-code="no-untyped-call"
# llvmlite's classes have no types.

_WORD = ir.IntType(64)
_NAME = "past the caches"


def mark(module: Any) -> Any:
    """What LLVM keeps of a store where it makes a vector of it: an access of a type of its own, which changes nothing
    beside accesses of no type.
    """
    root = module.add_metadata([ir.MetaDataString(module, "actspec")])
    kind = module.add_metadata([ir.MetaDataString(module, _NAME), root, _WORD(0)])
    return module.add_metadata([kind, kind, _WORD(0)])


_KIND = re.compile(rf'^(!\d+) = !\{{!"{_NAME}"', re.MULTILINE)
_BLOCK = re.compile(r'^"?([\w.]+)"?:')
_STORE = r"^( +store <\d+ x (?:float|double)> .*), align \d+, !tbaa {}\b(.*)$"


def told(code: str) -> str | None:
    """Optimised code with the marked stores of its vectors told to go past the caches; None where there are none."""
    kind = _KIND.search(code)
    tag = kind and re.search(rf"^(!\d+) = !\{{{kind[1]}, {kind[1]}, i64 0\}}", code, re.MULTILINE)
    if not tag:
        return None
    lines, store, inside = code.split("\n"), re.compile(_STORE.format(tag[1])), False
    new = 1 + max(int(number) for number in re.findall(r"^!(\d+) = ", code, re.MULTILINE))
    for number, line in enumerate(lines):
        if block := _BLOCK.match(line):
            inside = block[1].startswith("vector.body")  # not what is left of a loop, which begins anywhere
        elif inside and (found := store.match(line)):
            lines[number] = f"{found[1]}, align {BOUNDARY}, !nontemporal !{new}{found[2]}"
    return "\n".join([*lines, f"!{new} = !{{i32 1}}", ""])
