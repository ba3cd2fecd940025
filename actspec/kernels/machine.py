"""Arithmetic on the machine's numbers, as LLVM sees it: what vecmath's functions are written in.

A function of ``Value``s emits straight-line code where it is called; there are no branches, so LLVM can run it on
vectors. Every operation rounds on its own: nothing is fused or reordered unless ``fma`` says so.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

FLOATS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A number in a register: a float32 or float64, an integer as wide as one, or a truth value."""

    builder: ir.IRBuilder
    ir: ir.Value

    @property
    def is_double(self) -> bool:
        """Whether it is a float64, or an integer of 64 bits."""
        return self.ir.type in (ir.DoubleType(), ir.IntType(64))

    @property
    def is_float(self) -> bool:
        """Whether it is a floating-point number."""
        return isinstance(self.ir.type, (ir.FloatType, ir.DoubleType))

    def constant(self, number: float) -> Value:
        """A constant of this value's type, rounded to it."""
        return Value(self.builder, _constant(self.ir.type, number))

    def _with(self, name: str, other: Value | float, *, swapped: bool = False) -> Value:
        right = other if isinstance(other, Value) else self.constant(other)
        left, right = (right, self) if swapped else (self, right)
        return Value(self.builder, getattr(self.builder, name)(left.ir, right.ir))

    def _arithmetic(self, name: str, other: Value | float, *, swapped: bool = False) -> Value:
        return self._with(f"f{name}" if self.is_float else name, other, swapped=swapped)

    def __add__(self, other: Value | float) -> Value:
        return self._arithmetic("add", other)

    def __radd__(self, other: float) -> Value:
        return self._arithmetic("add", other, swapped=True)

    def __sub__(self, other: Value | float) -> Value:
        return self._arithmetic("sub", other)

    def __rsub__(self, other: float) -> Value:
        return self._arithmetic("sub", other, swapped=True)

    def __mul__(self, other: Value | float) -> Value:
        return self._arithmetic("mul", other)

    def __rmul__(self, other: float) -> Value:
        return self._arithmetic("mul", other, swapped=True)

    def __truediv__(self, other: Value | float) -> Value:
        return self._arithmetic("div", other)

    def __rtruediv__(self, other: float) -> Value:
        return self._arithmetic("div", other, swapped=True)

    def __neg__(self) -> Value:
        return Value(self.builder, self.builder.fneg(self.ir) if self.is_float else self.builder.neg(self.ir))

    def _compared(self, sign: str, other: Value | float) -> Value:
        right = other if isinstance(other, Value) else self.constant(other)
        if not self.is_float:
            return Value(self.builder, self.builder.icmp_signed(sign, self.ir, right.ir))
        compare = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
        return Value(self.builder, compare(sign, self.ir, right.ir))

    def __lt__(self, other: Value | float) -> Value:
        return self._compared("<", other)

    def __le__(self, other: Value | float) -> Value:
        return self._compared("<=", other)

    def __gt__(self, other: Value | float) -> Value:
        return self._compared(">", other)

    def __ge__(self, other: Value | float) -> Value:
        return self._compared(">=", other)

    def __eq__(self, other: Value | float) -> Value:  # type: ignore[override]  # as NumPy's arrays do
        return self._compared("==", other)

    def __ne__(self, other: Value | float) -> Value:  # type: ignore[override]  # as NumPy's arrays do
        return self._compared("!=", other)

    __hash__ = None  # type: ignore[assignment]  # as NumPy's arrays

    def __and__(self, other: Value | int) -> Value:
        return self._with("and_", other)

    def __or__(self, other: Value | int) -> Value:
        return self._with("or_", other)

    def __xor__(self, other: Value | int) -> Value:
        return self._with("xor", other)

    def __invert__(self) -> Value:
        return Value(self.builder, self.builder.not_(self.ir))

    def __lshift__(self, places: int) -> Value:
        return self._with("shl", places)

    def __rshift__(self, places: int) -> Value:
        """Shift right; the sign bit fills up, as Python does it."""
        return self._with("ashr", places)

    def shift_right_unsigned(self, places: int) -> Value:
        """Shift right; zeros fill up."""
        return self._with("lshr", places)

    def bits(self) -> Value:
        """The integer with the same bits as this float."""
        return Value(self.builder, self.builder.bitcast(self.ir, ir.IntType(64 if self.is_double else 32)))

    def as_float(self) -> Value:
        """The float with the same bits as this integer."""
        return Value(self.builder, self.builder.bitcast(self.ir, ir.DoubleType() if self.is_double else ir.FloatType()))

    def to_float64(self) -> Value:
        """The same number as a float64."""
        return self if self.is_double else Value(self.builder, self.builder.fpext(self.ir, ir.DoubleType()))

    def to_float32(self) -> Value:
        """The nearest float32."""
        return Value(self.builder, self.builder.fptrunc(self.ir, ir.FloatType())) if self.is_double else self

    def call(self, name: str, *others: Value | float) -> Value:
        """An intrinsic function of LLVM, such as ``rint``, on numbers of one type."""
        arguments = [self.ir, *(each.ir if isinstance(each, Value) else self.constant(each).ir for each in others)]
        kind = self.ir.type
        function = self.builder.module.declare_intrinsic(
            f"llvm.{name}", (kind,), ir.FunctionType(kind, [kind] * len(arguments))
        )
        return Value(self.builder, self.builder.call(function, arguments))


def fma(a: Value, b: Value | float, c: Value | float) -> Value:
    """``a*b + c``, rounded once."""
    return a.call("fma", b, c)


def select(condition: Value, yes: Value | float, no: Value | float) -> Value:
    """``yes`` where the condition holds, else ``no``; at least one of them is a Value."""
    left = yes if isinstance(yes, Value) else no.constant(yes)  # type: ignore[union-attr]  # as the docstring says
    right = no if isinstance(no, Value) else left.constant(no)
    return Value(condition.builder, condition.builder.select(condition.ir, left.ir, right.ir))


def at_least(x: Value, bound: float) -> Value:
    """x, or the bound where x is below it; NaN stays NaN."""
    return select(x < bound, bound, x)


def at_most(x: Value, bound: float) -> Value:
    """x, or the bound where x is above it; NaN stays NaN."""
    return select(x > bound, bound, x)


def maximum(a: Value, b: Value) -> Value:
    """The larger one of two numbers, or NaN if one is."""
    return select(a > b, a, select(a == a, b, a))


def minimum(a: Value, b: Value) -> Value:
    """The smaller one of two numbers, or NaN if one is."""
    return select(a < b, a, select(a == a, b, a))


def clamped(x: Value, least: float, greatest: float) -> Value:
    """The nearest number to x between two bounds; NaN stays NaN."""
    return at_most(at_least(x, least), greatest)


def rint(x: Value) -> Value:
    """The nearest whole number, half-way cases to even."""
    return x.call("rint")


def floor(x: Value) -> Value:
    """The greatest whole number that isn't above x."""
    return x.call("floor")


def sqrt(x: Value) -> Value:
    """The square root."""
    return x.call("sqrt")


def estimates_root(x: Value) -> bool:
    """Whether this machine has ``reciprocal_root`` for numbers of x's type."""
    return not x.is_double and str(llvm.get_process_triple()).startswith("x86_64")


def reciprocal_root(x: Value) -> Value:
    """``1/sqrt(x)`` of a normal float32 as x86 estimates it, off by at most ``1.5*2**-12`` of itself; NaN stays NaN.

    All lanes and single numbers have the same bits: vectors of 512 bits, whose estimate is another one, aren't used in
    a function that calls this.
    """
    builder, kind = x.builder, x.ir.type
    set.add(builder.function.attributes, _ESTIMATES)  # which knows no attributes with values
    root = builder.module.declare_intrinsic("llvm.sqrt", (kind,), ir.FunctionType(kind, [kind]))
    flags = ("afn", "arcp")
    divisor = builder.call(root, [x.ir], fastmath=flags)
    return Value(builder, builder.fdiv(x.constant(1.0).ir, divisor, flags=flags))


_ESTIMATES = '"prefer-vector-width"="256" "reciprocal-estimates"="sqrtf:0,vec-sqrtf:0"'
"""Let LLVM take the estimate where a flagged root is divided by, with no steps of Newton's method."""


def absolute(x: Value) -> Value:
    """The absolute value."""
    return x.call("fabs")


def copysign(x: Value, sign: Value) -> Value:
    """Give x the sign of another number."""
    return x.call("copysign", sign)


def polynomial(x: Value, coefficients: tuple[float, ...]) -> Value:
    """``c[0] + c[1]*x + c[2]*x**2 + ...`` by Horner's rule, each step rounded once."""
    total = x.constant(coefficients[-1])
    for each in reversed(coefficients[:-1]):
        total = fma(total, x, each)
    return total


def int32_to_float32(whole: Value) -> Value:
    """The float32 next to a 32-bit integer."""
    return Value(whole.builder, whole.builder.sitofp(whole.ir, ir.FloatType()))


def float32_to_int32(x: Value) -> Value:
    """A float32 without its fraction, as a 32-bit integer, which it has to fit."""
    return Value(x.builder, x.builder.fptosi(x.ir, ir.IntType(32)))


def split_polynomial(x: Value, coefficients: tuple[float, ...]) -> Value:
    """As ``polynomial``, the even and the odd powers apart: two chains of operations, half as long, side by side."""
    square = x * x
    return fma(x, polynomial(square, coefficients[1::2]), polynomial(square, coefficients[::2]))


def parted_polynomial(x: Value, coefficients: tuple[float, ...]) -> Value:
    """As ``split_polynomial``, with four chains: for long ones, which otherwise wait for each other's results."""
    square = x * x
    parts = [polynomial(square * square, coefficients[start::4]) for start in range(4)]
    return fma(square, fma(x, parts[3], parts[2]), fma(x, parts[1], parts[0]))


def lookup(table: tuple[float, ...], index: Value) -> Value:
    """The float of a table at an index, which is an integer as wide as the float and within the table."""
    kind = ir.DoubleType() if index.is_double else ir.FloatType()
    array = ir.Constant(ir.ArrayType(kind, len(table)), [_constant(kind, each) for each in table])
    module = index.builder.module
    name = f"table.{hashlib.sha256(str(array).encode()).hexdigest()}"
    if name not in module.globals:
        variable = ir.GlobalVariable(module, array.type, name)
        variable.linkage, variable.global_constant, variable.initializer = "internal", True, array
    address = index.builder.gep(module.globals[name], [index.ir.type(0), index.ir], inbounds=True)
    return Value(index.builder, index.builder.load(address))


def numba_function(emit: Callable[..., Value]) -> Any:
    """What kernels call: a function of ``Value``s as one of Numba's, for float32 and float64."""

    @wraps(emit)
    def typed(_typing_context: Any, *arguments: Any) -> Any:
        if not all(each == arguments[0] and each in FLOATS for each in arguments):
            return None

        def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return emit(*(Value(builder, each) for each in values)).ir

        return arguments[0](*arguments), generate

    # Numba reads the number of arguments off the signature.
    names = emit.__code__.co_varnames[: emit.__code__.co_argcount]
    scope: dict[str, Any] = {"typed": typed}
    exec(f"def {emit.__name__}(typingctx, {', '.join(names)}): return typed(typingctx, {', '.join(names)})", scope)  # noqa: S102  # names of our own functions' parameters
    function = scope[emit.__name__]
    function.__doc__ = emit.__doc__
    return intrinsic(function)


def _constant(kind: ir.Type, number: float) -> ir.Constant:
    if isinstance(kind, ir.FloatType):
        try:
            number = struct.unpack("f", struct.pack("f", number))[0]
        except OverflowError:
            number = float("inf") if number > 0 else -float("inf")
    return ir.Constant(kind, number)
