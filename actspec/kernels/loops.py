"""Loops in LLVM's terms, and what LLVM is told of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

# mypy: disable-error-code="misc, no-untyped-call"
# LLVM's builders have no types.


def tell(branch: Any, **facts: bool | int | None) -> None:
    """Tell LLVM of the loop that a branch begins anew: names of metadata, "_" for ".", and values if they have any."""
    module = branch.module
    told = []
    for name, value in facts.items():
        kind = ir.IntType(1 if isinstance(value, bool) else 32)
        values = [] if value is None else [ir.Constant(kind, int(value))]
        told.append(module.add_metadata([ir.MetaDataString(module, f"llvm.loop.{name.replace('_', '.')}"), *values]))
    loop = ir.MDValue(module, (), str(len(module.metadata)))
    loop.operands = loop, *told  # it names itself, so that each loop has its own
    branch.set_metadata("llvm.loop", loop)


@contextmanager
def plain(builder: Any, start: Any, stop: Any, step: int) -> Iterator[Any]:
    """A loop that LLVM leaves as it is: to try for vectors, and to unroll what they leave, would take it as long as all
    the rest of a kernel.
    """
    before = builder.block
    check, body, after = (builder.append_basic_block(each) for each in ("check", "body", "after"))
    builder.branch(check)
    builder.position_at_end(check)
    index = builder.phi(start.type)
    index.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", index, stop), body, after)
    builder.position_at_end(body)
    yield index
    index.add_incoming(builder.add(index, start.type(step)), builder.block)
    tell(builder.branch(check), unroll_disable=None, vectorize_enable=False)
    builder.position_at_end(after)
