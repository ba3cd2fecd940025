"""A kernel's arguments in memory: the function beside each kernel that takes them from there, in LLVM's terms.

All kernels have wrappers of one type, so that one piece of code, ``entries``, is the way from Python into all of them.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba.core import types
from numba.np.arrayobj import make_array, populate_array

from actspec.kernels.binding import POINTER

# mypy: disable-error-code="misc, no-untyped-call"
# Numba's classes and functions have no types.

Signature = tuple[Any, tuple[Any, ...]]
"""What a kernel gives and takes, in Numba's types."""

WORD: Final = ir.IntType(8 * POINTER)


def ranks(signature: Signature) -> list[int]:
    """How many axes each argument has: 0 for an integer. TypeError for a kernel that Python has no way into."""
    returned, kinds = signature
    if returned not in (types.none, types.intp):
        raise TypeError(f"a kernel gives intp or nothing, not {returned}")
    for each in kinds:
        if not (isinstance(each, types.Array) or each == types.intp):
            raise TypeError(f"a kernel takes arrays and intp, not {each}")
    return [each.ndim if isinstance(each, types.Array) else 0 for each in kinds]


def emit(context: Any, module: Any, kernel: Any, signature: Signature, name: str) -> None:
    """Add the function of an address that calls a kernel, and gives what it gives, 0 for nothing.

    From that address on, there are words: an integer as it is, an array's address, its lengths and its steps in bytes.
    """
    returned, kinds = signature
    function = ir.Function(module, ir.FunctionType(WORD, [WORD.as_pointer()]), name)
    builder = ir.IRBuilder(function.append_basic_block())
    read = 0

    def take(count: int) -> list[Any]:
        nonlocal read
        read += count
        places = range(read - count, read)
        return [builder.load(builder.gep(function.args[0], [WORD(place)], inbounds=True)) for place in places]

    arguments = []
    for kind, rank in zip(kinds, ranks(signature), strict=True):
        (word,) = take(1)
        if rank:
            array = make_array(kind)(context, builder)
            itemsize = WORD(context.get_abi_sizeof(context.get_data_type(kind.dtype)))
            data = builder.inttoptr(word, array.data.type)
            populate_array(array, data, take(rank), take(rank), itemsize, meminfo=None)
            arguments.append(array._getvalue())
        else:
            arguments.append(word)
    _, result = context.call_conv.call_function(builder, kernel, returned, kinds, arguments)
    builder.ret(WORD(0) if returned == types.none else result)
