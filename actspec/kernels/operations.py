"""What generated kernels call: memory by address, sums that may be reordered, choices, and vecmath's functions."""

from __future__ import annotations

import math
import struct
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from actspec.graph.primitives import PRIMITIVES
from actspec.kernels import bypass, loops, machine
from actspec.kernels.codegen import BOUNDARY, SHORT_WAYS
from actspec.kernels.machine import FLOATS, Value, numba_function, select
from actspec.kernels.vecmath import errorfunctions, exponentials, logarithms, roots, trigonometric

_WORD = ir.IntType(8 * struct.calcsize("P"))

# mypy: disable-error-code="misc, untyped-decorator, no-untyped-def, no-untyped-call"
# Numba's decorators have no types.


@intrinsic
def pointer(_context, array):
    """The address of an array's first element."""

    def generate(context, builder, signature, values):
        return context.make_array(signature.args[0])(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), generate


@intrinsic
def advanced(_context, address, count):
    """The address some bytes further."""

    def generate(_target, builder, _signature, values):
        return _bytes_on(builder, values[0], values[1])

    return address(address, types.intp), generate


@intrinsic
def same(_context, first, second):
    """Whether two addresses are one."""

    def generate(_target, builder, _signature, values):
        return builder.icmp_unsigned("==", *(builder.ptrtoint(each, _WORD) for each in values))

    return types.boolean(first, second), generate


@intrinsic
def overlap(_context, first, second):
    """Whether two arrays whose elements lie side by side share memory, without being the same."""

    def generate(context, builder, signature, values):
        arrays = [make_array(kind)(context, builder, each) for kind, each in zip(signature.args, values, strict=True)]
        size = _WORD(context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype)))
        rows, n = cgutils.unpack_tuple(builder, arrays[0].shape)
        row = builder.mul(n, size)
        apart = []
        for each in arrays:
            row_step, step = cgutils.unpack_tuple(builder, each.strides)
            apart += [(rows, row_step, row), (n, step, size)]
        dense = ir.IntType(1)(1)
        for length, step, wanted in apart:  # the step of an axis of length one may be anything
            alone = builder.icmp_signed("==", length, _WORD(1))
            dense = builder.and_(dense, builder.or_(alone, builder.icmp_signed("==", step, wanted)))
        distance = builder.sub(*(builder.ptrtoint(each.data, _WORD) for each in arrays))
        negative = builder.icmp_signed("<", distance, _WORD(0))
        distance = builder.select(negative, builder.neg(distance), distance)
        differ = builder.icmp_signed("!=", distance, _WORD(0))
        meet = builder.icmp_signed("<", distance, builder.mul(rows, row))
        return builder.and_(dense, builder.and_(differ, meet))

    return types.boolean(first, second), generate


@intrinsic
def allocate(_context, count, real):
    """Room for some numbers of a type; ``release`` gives it back."""
    number = real.dtype

    def generate(context, builder, _signature, values):
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.IntType(8).as_pointer(), [_WORD]), "malloc"
        )
        size = context.get_abi_sizeof(context.get_data_type(number))
        place = builder.call(function, [builder.mul(values[0], _WORD(size))])
        return builder.bitcast(place, context.get_data_type(number).as_pointer())

    return types.CPointer(number)(types.intp, real), generate


@intrinsic
def release(_context, address):
    """Give back what ``allocate`` gave."""

    def generate(context, builder, _signature, values):
        byte = ir.IntType(8).as_pointer()
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [byte]), "free")
        builder.call(function, [builder.bitcast(values[0], byte)])
        return context.get_dummy_value()

    return types.void(address), generate


@intrinsic(prefer_literal=True)
def stack(_context, count, real):
    """Room on the stack for a fixed number of numbers."""
    number, length = real.dtype, count.literal_value

    def generate(context, builder, _signature, _values):
        place = cgutils.alloca_once(builder, context.get_data_type(number), size=length)
        place.align = _LINE
        return place

    return types.CPointer(number)(count, real), generate


@intrinsic
def aligned(_context, address):
    """The first address from here on where a cache line begins, of room with 64 bytes to spare."""

    def generate(_target, builder, signature, values):
        return _bytes_on(builder, values[0], _to_line(builder, values[0]))

    return address(address), generate


def _to_line(builder, address):
    return builder.and_(builder.neg(builder.ptrtoint(address, _WORD)), _WORD(_LINE - 1))


def _bytes_on(builder, address, count):
    place = builder.gep(builder.bitcast(address, ir.IntType(8).as_pointer()), [count])
    return builder.bitcast(place, address.type)


_LINE = 64


@intrinsic
def gather(_context, target, source, count, step):
    """Copy numbers that lie ``step`` bytes apart to a place where they are neighbours."""

    def generate(context, builder, signature, values):
        _copy(context, builder, signature, values, scattered="source")
        return context.get_dummy_value()

    return types.void(target, target, types.intp, types.intp), generate


@intrinsic
def scatter(_context, target, source, count, step):
    """Copy neighbours to places that lie ``step`` bytes apart."""

    def generate(context, builder, signature, values):
        _copy(context, builder, signature, values, scattered="target")
        return context.get_dummy_value()

    return types.void(target, target, types.intp, types.intp), generate


_TOGETHER = 8
"""How many numbers that lie apart are copied in a turn, as one vector on the side where they are neighbours."""


def _copy(context, builder, signature, values, *, scattered):
    target, source, count, step = values
    size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    near = builder.icmp_signed("==", step, step.type(size))
    with builder.if_else(near) as (then, otherwise):
        with then:
            cgutils.raw_memcpy(builder, target, source, count, size)
        with otherwise:
            copy = _gather if scattered == "source" else _scatter
            far, close = (source, target) if scattered == "source" else (target, source)
            whole = builder.and_(count, _WORD(-_TOGETHER))
            steps = [builder.mul(step, _WORD(number)) for number in range(_TOGETHER)]
            for start, stop, together in ((_WORD(0), whole, steps), (whole, count, steps[:1])):
                with loops.plain(builder, start, stop, len(together)) as index:
                    first = _bytes_on(builder, far, builder.mul(index, step))
                    copy(builder, [_bytes_on(builder, first, each) for each in together], builder.gep(close, [index]))


def _gather(builder, sources, target):
    kind = ir.VectorType(target.type.pointee, len(sources))
    vector = ir.Constant(kind, ir.Undefined)
    for number, each in enumerate(sources):
        vector = builder.insert_element(vector, builder.load(each, align=1), ir.IntType(32)(number))
    builder.store(vector, builder.bitcast(target, kind.as_pointer()), align=1)


def _scatter(builder, targets, source):
    kind = ir.VectorType(source.type.pointee, len(targets))
    vector = builder.load(builder.bitcast(source, kind.as_pointer()), align=1)
    for number, each in enumerate(targets):
        builder.store(builder.extract_element(vector, ir.IntType(32)(number)), each, align=1)


@intrinsic
def stream(_context, target, index, value):
    """``target[index] = value``, in a loop whose first number lies on a boundary."""

    def generate(context, builder, _signature, values):
        store = builder.store(values[2], builder.gep(values[0], [values[1]]))
        store.set_metadata("tbaa", bypass.mark(builder.module))
        return context.get_dummy_value()

    return types.void(target, types.intp, value), generate


@intrinsic
def settle(_context):
    """Wait until all that went past the caches can be seen by other threads."""

    def generate(context, builder, _signature, _values):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def touch(_context, bits, x):
    """The bits so far, and x's: what is read so comes into the caches, see ``touched``."""

    def generate(_target, builder, _signature, values):
        return builder.or_(values[0], builder.bitcast(values[1], values[0].type))

    return bits(bits, x), generate


@intrinsic
def touched(_context, bits):
    """Do nothing with bits that LLVM may not leave out."""

    def generate(context, builder, signature, values):
        kind = ir.FunctionType(ir.VoidType(), [values[0].type])
        builder.asm(kind, "", "r", values, side_effect=True)
        return context.get_dummy_value()

    return types.void(bits), generate


@intrinsic
def on_boundary(_context, address, step):
    """Whether an address, and others that are so many bytes apart, lie on boundaries."""

    def generate(_target, builder, _signature, values):
        bits = builder.or_(builder.ptrtoint(values[0], values[1].type), values[1])
        return builder.icmp_unsigned("==", builder.and_(bits, bits.type(BOUNDARY - 1)), bits.type(0))

    return types.boolean(address, types.intp), generate


def _reordered(name: str) -> Any:
    @intrinsic
    def accumulate(_context, total, value):
        def generate(_target, builder, _signature, values):
            return getattr(builder, name)(*values, flags=("reassoc",))

        return (total(total, total), generate) if total == value and total in FLOATS else None

    return accumulate


@intrinsic
def add_product_to(_context, total, first, second):
    """``total + first*second``, rounded once where the machine can."""

    def generate(_target, builder, signature, values):
        kind = values[0].type
        function = builder.module.declare_intrinsic("llvm.fmuladd", (kind,), ir.FunctionType(kind, [kind] * 3))
        return builder.call(function, [values[1], values[2], values[0]], fastmath=("reassoc",))

    return (total(total, total, total), generate) if total == first == second and total in FLOATS else None


add_to = _reordered("fadd")
multiply_to = _reordered("fmul")


def _largest(a: Value, b: Value) -> Value:
    return a.call("maximum", b)


def _least(a: Value, b: Value) -> Value:
    return a.call("minimum", b)


largest_of = numba_function(_largest)
least_of = numba_function(_least)


@intrinsic
def size_bits(_context, x):
    """The bits of a magnitude, as an integer: they are in the order of magnitudes, NaN's above all."""

    def generate(_target, builder, _signature, values):
        return machine.absolute(Value(builder, values[0])).bits().ir

    return (types.int64 if x == types.float64 else types.int32)(x), generate


@intrinsic
def number_of(_context, bits):
    """The float whose bits these are."""

    def generate(_target, builder, _signature, values):
        return Value(builder, values[0]).as_float().ir

    return (types.float64 if bits == types.int64 else types.float32)(bits), generate


@intrinsic
def larger(_context, first, second):
    """The larger one of two integers."""

    def generate(_target, builder, _signature, values):
        one, other = (Value(builder, each) for each in values)
        return select(one > other, one, other).ir

    return first(first, second), generate


def _sum_error(a: Value, b: Value) -> Value:
    """What ``a + b`` loses by rounding (Knuth's two-sum); nothing where it is infinite."""
    total = a + b
    seen = total - a
    error = (a - (total - seen)) + (b - seen)
    return select(error == error, error, 0.0)  # NaN differs from itself


sum_error = numba_function(_sum_error)


def _product_error(a: Value, b: Value) -> Value:
    """What ``a*b`` loses by rounding; nothing where it is infinite."""
    product = a * b
    return select(machine.absolute(product) < math.inf, machine.fma(a, b, -product), 0.0)


product_error = numba_function(_product_error)


def _fmax(a: Value, b: Value) -> Value:
    return select(a >= b, a, select(b == b, b, a))


def _fmin(a: Value, b: Value) -> Value:
    return select(a <= b, a, select(b == b, b, a))


def _sign(x: Value) -> Value:
    return select(x > 0.0, x.constant(1.0), select(x < 0.0, x.constant(-1.0), x + 0.0))  # no zero has a sign


def _logaddexp(a: Value, b: Value) -> Value:
    apart = select(a == b, 0.0, a - b)  # equal infinities have no difference
    return machine.maximum(a, b) + logarithms.log1p(exponentials.falling_exp(-machine.absolute(apart)))


def _logaddexp2(a: Value, b: Value) -> Value:
    apart = select(a == b, 0.0, a - b)
    return machine.maximum(a, b) + logarithms.log1p(exponentials.exp2(-machine.absolute(apart))) * (1 / math.log(2))


maximum = numba_function(machine.maximum)
logaddexp = numba_function(_logaddexp)
logaddexp2 = numba_function(_logaddexp2)
minimum = numba_function(machine.minimum)
fmax = numba_function(_fmax)
fmin = numba_function(_fmin)
sign = numba_function(_sign)


def _ceil(x: Value) -> Value:
    return x.call("ceil")


def _trunc(x: Value) -> Value:
    return x.call("trunc")


floor = numba_function(machine.floor)
ceil = numba_function(_ceil)
trunc = numba_function(_trunc)
rint = numba_function(machine.rint)
sqrt = numba_function(machine.sqrt)
absolute = numba_function(machine.absolute)
copysign = numba_function(machine.copysign)


@intrinsic
def where(_context, condition, yes, no):
    """One of two numbers, by a truth value."""

    def generate(_target, builder, _signature, values):
        return builder.select(*values)

    return (yes(types.boolean, yes, yes), generate) if yes == no else None


@intrinsic
def number(_context, condition, real):
    """1 for True, 0 for False."""
    kind = real.dtype

    def generate(context, builder, _signature, values):
        return builder.uitofp(values[0], context.get_value_type(kind))

    return kind(types.boolean, real), generate


def _of_truths(name: str) -> Any:
    @intrinsic
    def combined(_context, first, second):
        def generate(_target, builder, _signature, values):
            return getattr(builder, name)(*values)

        return types.boolean(types.boolean, types.boolean), generate

    return combined


both = _of_truths("and_")
either = _of_truths("or_")


@intrinsic
def opposite(_context, condition):
    """True for False, and the other way round."""

    def generate(_target, builder, _signature, values):
        return builder.not_(values[0])

    return types.boolean(types.boolean), generate


@intrinsic
def signbit(_context, x):
    """Whether the sign bit is set, -0 and negative NaN included."""

    def generate(_target, builder, _signature, values):
        return (Value(builder, values[0]).bits() < 0).ir

    return types.boolean(x), generate


def _library(name: str, arity: int) -> Any:
    """A function of the C library, number by number."""

    @intrinsic
    def one(_context, x):
        return x(x), _calling(name, x)

    @intrinsic
    def two(_context, x, y):
        return (x(x, x), _calling(name, x)) if x == y else None

    return one if arity == 1 else two


def _calling(name: str, kind: Any) -> Any:
    def generate(context, builder, _signature, values):
        number = context.get_value_type(kind)
        spelled = name if kind == types.float64 else f"{name}f"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(number, [number] * len(values)), spelled
        )
        return builder.call(function, values)

    return generate


power = _library("pow", 2)
fmod = _library("fmod", 2)


def _divided_down(quotient: bool) -> Any:
    """``floor_divide`` and ``remainder`` as NumPy defines them: the remainder has the sign of the divisor."""

    @intrinsic
    def divided(_context, x, y):
        def generate(context, builder, signature, values):
            a, b = (Value(builder, each) for each in values)
            rest = Value(builder, _calling("fmod", x)(context, builder, signature, values))
            other = (rest != 0.0) & ((b < 0.0) ^ (rest < 0.0))
            if not quotient:
                return select(other, rest + b, select(rest == 0.0, machine.copysign(rest, b), rest)).ir
            whole = select(other, (a - rest) / b - 1.0, (a - rest) / b)
            down = machine.floor(whole)
            rounded = select(whole - down > 0.5, down + 1.0, down)
            exact = a / b
            result = select(whole == 0.0, machine.copysign(whole.constant(0.0), exact), rounded)
            return select(b == 0.0, exact, result).ir

        return (x(x, x), generate) if x == y else None

    return divided


floor_divide = _divided_down(True)
remainder = _divided_down(False)

_VECMATH = (errorfunctions, exponentials, logarithms, roots, trigonometric)
_C_NAMES = {"arcsin": "asin", "arccos": "acos", "arctan2": "atan2"}


def _function(name: str) -> Any:
    """A function of vecmath, or of the C library where vecmath has none."""
    for module in _VECMATH:
        if hasattr(module, name):
            return numba_function(getattr(module, name))
    return _library(_C_NAMES[name], PRIMITIVES[name].arity)


for _name, _primitive in PRIMITIVES.items():
    if _primitive.code.startswith(f"{_name}(") and _name not in globals():
        globals()[_name] = _function(_name)


falling_exp = numba_function(exponentials.falling_exp)
for _name in SHORT_WAYS:
    globals()[f"near_{_name}"] = _function(f"near_{_name}")


@intrinsic
def expect(_context, address, count, wanted):
    """Ask for some bytes that are going to be read soon, where that is wanted; addresses may be any."""

    def generate(context, builder, _signature, values):
        byte = ir.IntType(8).as_pointer()
        number = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, number, number, number]), "llvm.prefetch.p0"
        )
        place = builder.bitcast(values[0], byte)
        stop = builder.select(values[2], builder.and_(values[1], _WORD(-_LINE)), _WORD(0))
        with loops.plain(builder, _WORD(0), stop, _LINE) as index:
            builder.call(function, [builder.gep(place, [index]), number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(address, types.intp, types.boolean), generate
