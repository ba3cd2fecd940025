"""The ways from Python into kernels: two functions that CPython calls, for all kernels, in LLVM's terms.

``general`` takes what a kernel takes. ``short`` takes arrays like those that it is bound to, checks them, and calls a
kernel on a view of them: for small arrays, the way in is most of the time. Both read the fields of NumPy's arrays
themselves, whose places are part of NumPy's interface for C, and write a kernel's arguments as ``wrappers`` reads them.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Final

from llvmlite import ir
from numba.core import cgutils

from actspec.kernels.binding import HEADER, POINTER, GeneralWords, ShortWords
from actspec.kernels.wrappers import WORD

# mypy: disable-error-code="misc, no-untyped-call"
# Numba's functions have no types.

_INT: Final = ir.IntType(8 * ctypes.sizeof(ctypes.c_int))
_BIT: Final = ir.IntType(1)
_BYTE: Final = ir.IntType(8)

# Where CPython's objects, NumPy's arrays and its types have their fields, in bytes.
_TYPE: Final = HEADER - POINTER
_DATA, _RANK, _SHAPE, _STRIDES, _BASE, _DTYPE, _FLAGS = (HEADER + place * POINTER for place in range(7))

_BYTE_ORDER, _NUMBER = HEADER + POINTER + 2, HEADER + POINTER + 4
_SWAPPED: Final = ord(">" if sys.byteorder == "little" else "<")

_READABLE, _WRITABLE = 0x101, 0x501
"""NumPy's flags of C order at aligned addresses, without and with leave to write."""

_RELEASING: Final = 512
"""From how many elements on Python's lock is let go of; for fewer that takes longer than another thread would wait."""


def module() -> ir.Module:
    """The module of ``general`` and ``short``."""
    made = ir.Module("entries")
    # The linker puts addresses of functions beside what can be written, of which there has to be something.
    ir.GlobalVariable(made, WORD, "written").initializer = WORD(0)
    _emit_general(made)
    _emit_short(made, _emit_like(made))
    return made


class _Code:
    """The code of a function of words while it is written."""

    def __init__(self, module: ir.Module, name: str, arguments: int, result: Any) -> None:
        self.function = ir.Function(module, ir.FunctionType(result, [WORD] * arguments), name)
        self.arguments = self.function.args
        self.builder: Any = ir.IRBuilder(self.function.append_basic_block())
        self.failed = self.function.append_basic_block("failed")

    def load(self, address: Any, offset: int = 0, kind: Any = WORD) -> Any:
        """What is so many bytes after an address."""
        place = self.builder.add(address, WORD(offset))
        return self.builder.load(self.builder.inttoptr(place, kind.as_pointer()))

    def require(self, condition: Any) -> None:
        """Go on where it holds, else to ``failed``."""
        following = self.function.append_basic_block()
        self.builder.cbranch(condition, following, self.failed)
        self.builder.position_at_end(following)

    def require_equal(self, left: Any, right: Any) -> None:
        """Go on where two integers are equal, else to ``failed``."""
        self.require(self.builder.icmp_signed("==", left, right))

    def call(self, name: str, *arguments: Any, result: Any = WORD) -> Any:
        """Call a function of CPython."""
        kind = ir.FunctionType(result, [each.type for each in arguments])
        known = self.function.module.globals.get(name)
        return self.builder.call(known or ir.Function(self.function.module, kind, name), arguments)

    def call_at(self, address: Any, *arguments: Any) -> Any:
        """Call a function that is somewhere."""
        kind = ir.FunctionType(WORD, [each.type for each in arguments])
        return self.builder.call(self.builder.inttoptr(address, kind.as_pointer()), arguments)


class _Arguments:
    """A kernel's arguments while they are written, word by word."""

    def __init__(self, code: _Code, most: Any) -> None:
        self._code = code
        self._start = code.builder.alloca(WORD, most)
        self._count = code.builder.alloca(WORD)
        code.builder.store(WORD(0), self._count)

    def add(self, *words: Any) -> None:
        """Write words after those before."""
        builder = self._code.builder
        for word in words:
            count = builder.load(self._count)
            builder.store(word, builder.gep(self._start, [count]))
            builder.store(builder.add(count, WORD(1)), self._count)

    @property
    def address(self) -> Any:
        """Where they begin."""
        return self._code.builder.ptrtoint(self._start, WORD)


def _each(code: _Code, count: Any) -> Any:
    return cgutils.for_range(code.builder, count, intp=WORD)


def _emit_general(module: ir.Module) -> None:
    """The function that ``binding.general`` binds: an int, or TypeError where arguments aren't a kernel's."""
    code = _Code(module, "general", 3, WORD)
    builder = code.builder
    own, given, count = code.arguments
    told = code.load(own, _DATA)
    code.require_equal(count, code.load(told, GeneralWords.COUNT * POINTER))
    arguments = _Arguments(code, code.load(told, GeneralWords.WORDS * POINTER))
    with _each(code, count) as loop:
        offset = builder.mul(loop.index, WORD(POINTER))
        value = code.load(builder.add(given, offset))
        rank = code.load(builder.add(told, offset), GeneralWords.RANKS * POINTER)
        with builder.if_else(builder.icmp_signed("==", rank, WORD(0))) as (integer, array):
            with integer:
                arguments.add(code.call("PyLong_AsSsize_t", value))
            with array:
                ndarray = code.load(told, GeneralWords.NDARRAY * POINTER)
                is_array = code.call("PyType_IsSubtype", code.load(value, _TYPE), ndarray, result=_INT)
                code.require(builder.icmp_signed("!=", is_array, _INT(0)))
                code.require_equal(builder.sext(code.load(value, _RANK, _INT), WORD), rank)
                arguments.add(code.load(value, _DATA))
                for field in (_SHAPE, _STRIDES):
                    numbers = code.load(value, field)
                    with _each(code, rank) as axes:
                        arguments.add(code.load(builder.add(numbers, builder.mul(axes.index, WORD(POINTER)))))
    code.require_equal(code.call("PyErr_Occurred"), WORD(0))  # an integer that is none
    state = code.call("PyEval_SaveThread")
    result = code.call_at(code.load(told, GeneralWords.KERNEL * POINTER), arguments.address)
    code.call("PyEval_RestoreThread", state, result=ir.VoidType())
    builder.ret(code.call("PyLong_FromSsize_t", result))
    builder.position_at_end(code.failed)
    code.call("PyErr_BadArgument", result=_INT)
    builder.ret(WORD(0))


def _emit_short(module: ir.Module, is_like: Any) -> None:
    """The function that ``binding.short`` binds."""
    code = _Code(module, "short", 3, WORD)
    builder = code.builder
    own, given, count = code.arguments
    words = code.load(own, _DATA)

    def told(word: ShortWords) -> Any:
        return code.load(words, word * POINTER)

    code.require_equal(count, told(ShortWords.COUNT))
    arguments = _Arguments(code, builder.add(builder.mul(count, WORD(5)), WORD(3)))
    last = builder.sub(count, WORD(1))

    def add(array: Any) -> None:
        arguments.add(
            code.load(array, _DATA),
            *map(told, (ShortWords.ROWS, ShortWords.LENGTH, ShortWords.ROW_STEP, ShortWords.STEP)),
        )

    with _each(code, last) as loop:
        value = code.load(builder.add(given, builder.mul(loop.index, WORD(POINTER))))
        code.require(builder.call(is_like, [value, words, WORD(_READABLE)]))
        add(value)
    out = code.load(builder.add(given, builder.mul(last, WORD(POINTER))))
    with builder.if_else(builder.icmp_signed("==", out, told(ShortWords.NONE))) as (new, old):
        with new:
            made = _emit_empty(code, words)
            after_new = builder.block
        with old:
            code.require(builder.call(is_like, [out, words, WORD(_WRITABLE)]))
            code.call("Py_IncRef", out, result=ir.VoidType())
            after_old = builder.block
    result = builder.phi(WORD)
    result.add_incoming(made, after_new)
    result.add_incoming(out, after_old)
    add(result)
    arguments.add(*map(told, (ShortWords.PARAMETERS, ShortWords.NUMBERS)), WORD(8))
    releases = builder.icmp_signed(">=", told(ShortWords.ELEMENTS), WORD(_RELEASING))
    state = builder.alloca(WORD)
    with builder.if_then(releases):
        builder.store(code.call("PyEval_SaveThread"), state)
    refused = code.call_at(told(ShortWords.KERNEL), arguments.address)
    with builder.if_then(releases):
        code.call("PyEval_RestoreThread", builder.load(state), result=ir.VoidType())
    with builder.if_then(builder.icmp_signed("!=", refused, WORD(0)), likely=False):
        code.call("Py_DecRef", result, result=ir.VoidType())
        builder.branch(code.failed)
    builder.ret(result)

    builder.position_at_end(code.failed)
    none = told(ShortWords.NONE)
    code.call("Py_IncRef", none, result=ir.VoidType())
    builder.ret(none)


def _emit_empty(code: _Code, words: Any) -> Any:
    """A new array; NULL, which Python takes for an error that is set, where there is no memory."""
    builder = code.builder
    dtype = code.load(words, ShortWords.DTYPE * POINTER)
    code.call("Py_IncRef", dtype, result=ir.VoidType())  # one reference is taken
    rank = builder.trunc(code.load(words, ShortWords.RANK * POINTER), _INT)
    shape = builder.add(words, WORD(ShortWords.SHAPE * POINTER))
    made = code.call_at(code.load(words, ShortWords.EMPTY * POINTER), rank, shape, dtype, _INT(0))
    with builder.if_then(builder.icmp_signed("==", made, WORD(0)), likely=False):
        builder.ret(made)
    return made


def _emit_like(module: ir.Module) -> Any:
    """The function of an object, words and flags for whether it is an array of the type and shape told, with them."""
    code = _Code(module, "like", 3, _BIT)
    code.function.linkage = "internal"
    builder = code.builder
    value, words, flags = code.arguments
    flags = builder.trunc(flags, _INT)
    code.require_equal(code.load(value, _TYPE), code.load(words, ShortWords.NDARRAY * POINTER))
    code.require_equal(builder.and_(code.load(value, _FLAGS, _INT), flags), flags)
    dtype = code.load(value, _DTYPE)
    number = builder.sext(code.load(dtype, _NUMBER, _INT), WORD)
    code.require_equal(number, code.load(words, ShortWords.TYPE_NUMBER * POINTER))
    code.require(builder.icmp_signed("!=", code.load(dtype, _BYTE_ORDER, _BYTE), _BYTE(_SWAPPED)))
    rank = builder.sext(code.load(value, _RANK, _INT), WORD)
    code.require_equal(rank, code.load(words, ShortWords.RANK * POINTER))
    shape = code.load(value, _SHAPE)
    with _each(code, rank) as loop:
        offset = builder.mul(loop.index, WORD(POINTER))
        code.require_equal(
            code.load(builder.add(shape, offset)), code.load(builder.add(words, offset), ShortWords.SHAPE * POINTER)
        )
    builder.ret(_BIT(1))
    builder.position_at_end(code.failed)
    builder.ret(_BIT(0))
    return code.function
