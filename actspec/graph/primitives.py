"""The table of primitives: for each function of NumPy that a kernel knows, how it prints there, costs and derives.

A function that isn't a primitive itself may be written in others (``_COMPOSED``); tracing, scheduling, code generation
and the tests all read these two tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from actspec import functions
from actspec.graph.expr import Expr, Graph, Node, Rank, number, truth
from actspec.graph.operand import Operand
from actspec.graph.simplify import minus, over
from actspec.graph.unfollowed import UnfollowedError

Partial = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Primitive:
    """One operation of kernels.

    ``code`` is how it prints, on its arguments' names; ``cost`` is about how many instructions it takes for a vector of
    numbers; ``takes_truth`` and ``gives_truth`` say where its arguments or result are truth values. ``partials`` are
    its derivatives by its arguments, each a function of the result and the arguments, or None for zero; none at all
    where every one is zero. ``shared`` are those where it depends on what is differentiated by through both arguments.
    """

    name: str
    code: str
    cost: int
    functions: tuple[Any, ...] = ()
    partials: tuple[Partial | None, ...] = ()
    shared: tuple[Partial, ...] = ()
    takes_truth: bool = False
    gives_truth: bool = False

    @property
    def arity(self) -> int:
        """The number of its arguments."""
        return 1 + max(place for place in range(6) if f"{{{place}}}" in self.code)


def _call(
    name: str,
    cost: int,
    *found: Any,
    by: Partial | tuple[Partial | None, ...] = (),
    shared: tuple[Partial, ...] = (),
    arity: int = 1,
) -> Primitive:
    arguments = ", ".join(f"{{{place}}}" for place in range(arity))
    return Primitive(name, f"{name}({arguments})", cost, found, by if isinstance(by, tuple) else (by,), shared)


def _compare(name: str, sign: str, function: Any) -> Primitive:
    return Primitive(name, f"{{0}} {sign} {{1}}", 1, (function,), gives_truth=True)


_LIBRARY = 200
"""The cost of a function that kernels take from the C library, number by number."""


def _extreme(wins: Callable[[Any, Any], Any]) -> dict[str, Any]:
    """The derivatives of the larger or the lesser of two values, of which the first ``wins``.

    A bound that is met counts as passed, as in PyTorch's relu; two values that are equal share evenly. NaN counts as x.
    """

    def alone(a: Any, b: Any) -> Any:
        return np.where(wins(b, a) | (a == b), 0.0, 1.0)

    def half(a: Any, b: Any) -> Any:
        return np.where(a == b, 0.5, np.where(wins(b, a), 0.0, 1.0))

    return {
        "by": (lambda y, a, b: alone(a, b), lambda y, a, b: alone(b, a)),
        "shared": (lambda y, a, b: half(a, b), lambda y, a, b: half(b, a)),
    }


def _root(y: Any, _x: Any) -> Any:
    """The derivative of a root; of what is taken together along a lane, a part of that is taken where it is zero."""
    slope = 0.5 / y
    return np.where(y == 0, 0.0, slope) if y.is_of_lanes else slope


def _by_exponent(y: Any, base: Any, _exponent: Any) -> Any:
    return np.where(y == 0, 0.0, y * np.log(base))


def _by_ordinate(_result: Any, y: Any, x: Any) -> Any:
    distance = np.hypot(x, y)
    return x / distance / distance


def _leg_over_hypot(y: Any, leg: Any, _other: Any) -> Any:
    return np.where(y == 0, 0.0, leg / y)


def _share(base: float) -> tuple[Partial, Partial]:
    """The derivatives of the logarithm of a sum of powers; equal infinities share evenly."""

    def of(a: Any, b: Any) -> Any:
        return np.where(a == b, 0.5, functions.sigmoid((a - b) * math.log(base)))

    return (lambda y, a, b: of(a, b), lambda y, a, b: of(b, a))


def _gate(name: str, cost: int, gate: Callable[..., Any], by_z: Partial) -> Primitive:
    """A function of ``z + rest`` times x; what z has lost by rounding isn't followed."""
    return _call(name, cost, gate, by=(lambda y, x, z, rest: gate(1.0, z, rest), by_z, None), arity=3)


def _steep(x: Any, beta: Any, rest: Any) -> tuple[Any, Any]:
    """``(beta + rest)*x`` in two parts."""
    return beta * x, functions.product_error(beta, x) + x * rest


def _swish_slope(_y: Any, x: Any, beta: Any, rest: Any) -> Any:
    z, lost = _steep(x, beta, rest)
    return functions.sigmoid_gate(1.0, z, lost) + functions.sigmoid_gate_slope(z, z, lost)


def _lisht_curve(_y: Any, x: Any) -> Any:
    return 2 * functions.tanh_slope(x) * (1 - x * np.tanh(x))


def _dish_slope(_y: Any, x: Any) -> Any:
    size = np.abs(x)
    near = np.minimum(size, 2.0**60)
    root = np.sqrt(1 + near * near)
    share, long, half = 1 / (root * root), np.maximum(root, size), 0.5 * near * root
    # The divisor doesn't overflow before the quotient vanishes.
    below = (0.5 - half) * share / (2.0**-33 * long * (long + size)) * 2.0**-33
    return np.where(x < 0, below, 0.5 + half * share * (1 + share))


def _squareplus_curve(_y: Any, x: Any, b: Any) -> Any:
    root = np.hypot(x, np.sqrt(b))
    return b / 2 / root / root / root


def _squareplus_by_b(_y: Any, x: Any, b: Any) -> Any:
    return 0.25 / np.hypot(x, np.sqrt(b))


def _squareplus_slope_by_b(_y: Any, x: Any, b: Any) -> Any:
    root = np.hypot(x, np.sqrt(b))
    return -0.25 * (x / root) / root / root


def _squareplus_and_slope(
    function: Callable[..., Any], cost: int, slope: Callable[..., Any], slope_cost: int
) -> tuple[Primitive, Primitive]:
    """``squareplus`` for every b, or for one that is steady, and its derivative by x."""
    by, slope_by = (lambda y, x, b: slope(x, b), _squareplus_by_b), (_squareplus_curve, _squareplus_slope_by_b)
    return (
        _call(function.__name__, cost, function, by=by, arity=2),
        _call(slope.__name__, slope_cost, slope, by=slope_by, arity=2),
    )


def _steady_swish_curve(_y: Any, x: Any, beta: Any, rest: Any) -> Any:
    z, lost = _steep(x, beta, rest)
    return functions.sigmoid_gate_slope(beta * (2 - z * np.tanh(z / 2)), z, lost)


def _swish_by_beta(_y: Any, x: Any, beta: Any, rest: Any) -> Any:
    return functions.sigmoid_gate_slope(x, *_steep(x, beta, rest)) * x


def _gelu_tanh_curve(_y: Any, x: Any) -> Any:
    linear, cubic = functions.GELU_TANH_LINEAR[0], functions.GELU_TANH_CUBIC[0]
    near = np.clip(x, -30, 30)  # beyond, the slope is as flat as can be
    z = near * (linear + cubic * near * near)
    steepness, growth = linear + 3 * cubic * near * near, 6 * cubic * near
    return functions.sigmoid_gate_slope(
        2 * steepness + near * (growth - steepness * steepness * np.tanh(z / 2)), z, 0.0
    )


_SHARES, _SHARES_OF_2 = _share(math.e), _share(2)
_LARGER, _LESSER = _extreme(lambda a, b: a > b), _extreme(lambda a, b: a < b)
_LN2, _LN10, _ERF_SLOPE = math.log(2), math.log(10), 2 / math.sqrt(math.pi)

PRIMITIVES: dict[str, Primitive] = {
    each.name: each
    for each in (
        # arithmetic
        Primitive("add", "{0} + {1}", 1, (np.add,), (lambda y, a, b: 1.0, lambda y, a, b: 1.0)),
        Primitive("subtract", "{0} - {1}", 1, (np.subtract,), (lambda y, a, b: 1.0, lambda y, a, b: -1.0)),
        Primitive("multiply", "{0} * {1}", 1, (np.multiply,), (lambda y, a, b: b, lambda y, a, b: a)),
        Primitive("divide", "{0} / {1}", 4, (np.divide,), (lambda y, a, b: 1 / b, lambda y, a, b: minus(over(y, b)))),
        Primitive("negative", "-{0}", 1, (np.negative,), (lambda y, x: -1.0,)),
        _call("remainder", _LIBRARY, np.remainder, by=(lambda y, a, b: 1.0, lambda y, a, b: -(a // b)), arity=2),
        _call("floor_divide", _LIBRARY, np.floor_divide, arity=2),
        _call("fmod", _LIBRARY, np.fmod, by=(lambda y, a, b: 1.0, lambda y, a, b: -np.trunc(a / b)), arity=2),
        _call(
            "power",
            _LIBRARY,
            *(np.power, np.float_power),
            by=(lambda y, a, b: b * np.power(a, b - 1), _by_exponent),
            arity=2,
        ),
        _call("sqrt", 5, np.sqrt, by=_root),
        _call("cbrt", 30, np.cbrt, by=lambda y, x: 1 / (3 * y * y)),
        _call("absolute", 1, np.absolute, np.fabs, by=lambda y, x: np.where(x > 0, 1.0, np.where(x < 0, -1.0, 0.0))),
        _call("sign", 2, np.sign),
        _call(
            "copysign",
            1,
            np.copysign,
            by=(lambda y, a, b: np.where(np.signbit(y), -1.0, 1.0) * np.where(np.signbit(a), -1.0, 1.0), None),
            arity=2,
        ),
        _call("floor", 1, np.floor),
        _call("ceil", 1, np.ceil),
        _call("trunc", 1, np.trunc, np.fix),
        _call("rint", 1, np.rint),
        _call("maximum", 2, np.maximum, **_LARGER, arity=2),
        _call("minimum", 2, np.minimum, **_LESSER, arity=2),
        _call("fmax", 2, np.fmax, **_LARGER, arity=2),
        _call("fmin", 2, np.fmin, **_LESSER, arity=2),
        _call("hypot", 12, np.hypot, by=(_leg_over_hypot, lambda y, a, b: _leg_over_hypot(y, b, a)), arity=2),
        Primitive("stop_gradient", "{0}", 0, (functions.stop_gradient,)),
        # exponentials and logarithms
        _call("exp", 14, np.exp, by=lambda y, x: y),
        _call("exp2", 14, np.exp2, by=lambda y, x: y * _LN2),
        _call("expm1", 22, np.expm1, by=lambda y, x: np.exp(x)),
        _call("log", 20, np.log, by=lambda y, x: 1 / x),
        _call("log2", 20, np.log2, by=lambda y, x: 1 / (x * _LN2)),
        _call("log10", 20, np.log10, by=lambda y, x: 1 / (x * _LN10)),
        _call("log1p", 24, np.log1p, by=lambda y, x: 1 / (1 + x)),
        _call("logaddexp", 42, np.logaddexp, by=_SHARES, arity=2),
        _call("logaddexp2", 42, np.logaddexp2, by=_SHARES_OF_2, arity=2),
        # trigonometric and hyperbolic functions
        _call("sin", 50, np.sin, by=lambda y, x: np.cos(x)),
        _call("cos", 50, np.cos, by=lambda y, x: -np.sin(x)),
        _call("sin_squared", 40, functions.sin_squared, by=lambda y, x: np.sin(2 * x)),
        _call("tan", 60, np.tan, by=lambda y, x: 1 + y * y),
        _call("arcsin", 30, np.arcsin, by=lambda y, x: 1 / np.sqrt((1 - x) * (1 + x))),
        _call("arccos", 30, np.arccos, by=lambda y, x: -1 / np.sqrt((1 - x) * (1 + x))),
        _call("arctan", 30, np.arctan, by=lambda y, x: 1 / (1 + x * x)),
        _call("arctan2", 40, np.arctan2, by=(_by_ordinate, lambda r, y, x: -_by_ordinate(r, x, y)), arity=2),
        _call("sinh", 30, np.sinh, by=lambda y, x: np.cosh(x)),
        _call("cosh", 30, np.cosh, by=lambda y, x: np.sinh(x)),
        _call("tanh", 22, np.tanh, by=lambda y, x: functions.tanh_slope(x)),
        _call("tanh_slope", 22, functions.tanh_slope, by=lambda y, x: -2 * y * np.tanh(x)),
        _call("arcsinh", 40, np.arcsinh, by=lambda y, x: 1 / np.hypot(x, 1)),
        _call("arccosh", 40, np.arccosh, by=lambda y, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1))),
        _call("arctanh", 40, np.arctanh, by=lambda y, x: 1 / ((1 - x) * (1 + x))),
        # what NumPy lacks
        _call("sigmoid", 20, functions.sigmoid, by=lambda y, x: functions.logistic_density(x)),
        _call("logistic_density", 22, functions.logistic_density, by=lambda y, x: -y * np.tanh(x / 2)),
        _call("log_sigmoid", 40, functions.log_sigmoid, by=lambda y, x: functions.sigmoid(-x)),
        _call("softplus", 40, functions.softplus, by=lambda y, x: functions.sigmoid(x)),
        _call("gaussian", 20, functions.gaussian, by=lambda y, x: functions.gaussian_slope(x)),
        _call("gaussian_slope", 22, functions.gaussian_slope, by=lambda y, x: (4 * x * x - 2) * functions.gaussian(x)),
        _call("erf", 40, functions.erf, by=lambda y, x: _ERF_SLOPE * functions.gaussian(x)),
        _call("erfc", 50, functions.erfc, by=lambda y, x: -_ERF_SLOPE * functions.gaussian(x)),
        _call(
            "expm1_integral",
            50,
            functions.expm1_integral,
            by=(
                lambda y, z, x, factor, *_: factor * np.exp(z),
                lambda y, z, x, factor, lost, slope, _: slope - factor,
                lambda y, z, x, *_: np.expm1(z) - x,
                None,
                lambda y, z, x, *_: x,
                None,
            ),
            arity=6,
        ),
        _call("dish", 18, functions.dish, by=_dish_slope),
        _call("lisht", 22, functions.lisht, by=lambda y, x: functions.lisht_slope(x)),
        _call("lisht_slope", 26, functions.lisht_slope, by=_lisht_curve),
        _call("tanh_shrink", 30, functions.tanh_shrink, by=lambda y, x: np.tanh(x) * np.tanh(x)),
        *_squareplus_and_slope(functions.squareplus, 30, functions.squareplus_slope, 34),
        *_squareplus_and_slope(functions.steady_squareplus, 16, functions.steady_squareplus_slope, 18),
        _call("silu", 22, functions.silu, by=lambda y, x: functions.silu_slope(x)),
        _call(
            "silu_slope",
            24,
            functions.silu_slope,
            by=lambda y, x: functions.sigmoid_gate_slope(2 - x * np.tanh(x / 2), x, 0.0),
        ),
        _call("swish", 30, functions.swish, by=(_swish_slope, _swish_by_beta, None), arity=3),
        _call(
            "steady_swish",
            26,
            functions.steady_swish,
            by=(lambda y, *args: functions.steady_swish_slope(*args), None, None),
            arity=3,
        ),
        _call("steady_swish_slope", 28, functions.steady_swish_slope, by=(_steady_swish_curve, None, None), arity=3),
        _call(
            "steady_tanh_slope",
            26,
            functions.steady_tanh_slope,
            by=(lambda y, x, inner, *_: -2 * inner * y * np.tanh(inner * x), None, None, None),
            arity=4,
        ),
        _call("gelu", 40, functions.gelu, by=lambda y, x: functions.gelu_slope(x)),
        _call("gelu_slope", 40, functions.gelu_slope, by=lambda y, x: functions.normal_gate_slope(2 - x * x, x, 0.0)),
        _call("gelu_tanh", 28, functions.gelu_tanh, by=lambda y, x: functions.gelu_tanh_slope(x)),
        _call("gelu_tanh_slope", 32, functions.gelu_tanh_slope, by=_gelu_tanh_curve),
        _gate("sigmoid_gate", 26, functions.sigmoid_gate, lambda y, *args: functions.sigmoid_gate_slope(*args)),
        _gate("sigmoid_gate_slope", 28, functions.sigmoid_gate_slope, lambda y, x, z, rest: -y * np.tanh(z / 2)),
        _gate("normal_gate", 55, functions.normal_gate, lambda y, *args: functions.normal_gate_slope(*args)),
        _gate("normal_gate_slope", 26, functions.normal_gate_slope, lambda y, x, z, rest: -y * z),
        _call("product_error", 3, functions.product_error, arity=2),
        # truth values
        _compare("less", "<", np.less),
        _compare("less_equal", "<=", np.less_equal),
        _compare("greater", ">", np.greater),
        _compare("greater_equal", ">=", np.greater_equal),
        _compare("equal", "==", np.equal),
        _compare("not_equal", "!=", np.not_equal),
        Primitive("signbit", "signbit({0})", 1, (np.signbit,), gives_truth=True),
        Primitive("logical_and", "both({0}, {1})", 1, (np.logical_and,), takes_truth=True, gives_truth=True),
        Primitive("logical_or", "either({0}, {1})", 1, (np.logical_or,), takes_truth=True, gives_truth=True),
        Primitive("logical_not", "opposite({0})", 1, (np.logical_not,), takes_truth=True, gives_truth=True),
        Primitive("number", "number({0}, real)", 1, takes_truth=True),
        Primitive(
            "where",
            "where({0}, {1}, {2})",
            1,
            (np.where,),
            (None, lambda y, c, a, b: np.where(c, 1.0, 0.0), lambda y, c, a, b: np.where(c, 0.0, 1.0)),
        ),
    )
}


def _clip(x: Any, low: Any = None, high: Any = None, **bounds: Any) -> Any:
    low = bounds.pop("a_min", bounds.pop("min", low))
    high = bounds.pop("a_max", bounds.pop("max", high))
    if bounds:
        raise UnfollowedError(f"it clips with the option {next(iter(bounds))!r}")
    # At a bound it has x's derivative, as torch.clip; NaN is neither below nor above one.
    if low is not None:
        x = np.where(x < low, low, x) if _is_number(low) else np.maximum(x, low)
    if high is not None:
        x = np.where(x > high, high, x) if _is_number(high) else np.minimum(x, high)
    return x


def _is_number(bound: Any) -> bool:
    """Whether a bound is the same for all elements, and none of the data."""
    return not isinstance(bound, Expr) or bound.node.rank is Rank.SCALAR


def _power(base: Any, exponent: Any) -> Any:
    node, base = exponent.node, number(base)
    value = node.detail if node.op == "constant" else None
    if isinstance(value, float) and value in (-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0):
        if value == 0:
            return _filled(1.0)(base) if base.ndim else base.graph.constant(1.0)
        if value < 0:
            return 1 / base
        if value == 0.5:
            return np.sqrt(base)
        square = base * base
        return {1.0: base, 2.0: square, 3.0: square * base, 4.0: square * square}[value]
    return _made(base.graph, PRIMITIVES["power"], [number(base), number(exponent)])


def _heaviside(x: Any, middle: Any) -> Any:
    return np.where(x > 0, 1, np.where(x < 0, 0, np.where(x == 0, middle, x)))


def _nan_to_num(x: Any, copy: Any = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    most = float(np.finfo(x.dtype).max)
    y = np.where(x != x, nan, x)
    y = np.where(y == math.inf, most if posinf is None else posinf, y)
    y = np.where(y == -math.inf, -most if neginf is None else neginf, y)
    return y if copy else x.assign(y)


def _round(x: Any, decimals: int = 0) -> Any:
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return np.rint(x * scale) / scale
    return np.rint(x / scale) * scale if decimals else np.rint(x)


def _truth_only(name: str) -> Callable[..., Any]:
    def bitwise(*operands: Any) -> Any:
        if not all(each.node.truth for each in operands):
            raise UnfollowedError("it combines the bits of numbers")
        return _made(operands[0].graph, PRIMITIVES[name], list(operands))

    return bitwise


def _astype(x: Any, dtype: Any, **_options: Any) -> Any:
    if np.dtype(dtype) == x.graph.dtype:
        return number(x)
    if np.dtype(dtype) == np.bool_:
        return truth(x)
    raise UnfollowedError(f"it asks for another type, {np.dtype(dtype)}")


def _filled(value: float) -> Callable[..., Any]:
    def like(x: Any, dtype: Any = None, **_options: Any) -> Any:
        if dtype is not None and np.dtype(dtype) != x.graph.dtype:
            raise UnfollowedError(f"it asks for another type, {np.dtype(dtype)}")
        if dtype is None and not x.is_float:
            raise UnfollowedError("it makes an array like one of whole numbers or truth values")
        return x.filled(value)

    return like


def _representation_error(value: Any, x: Any, beside: Any = 0.0) -> Any:
    if isinstance(beside, Expr) and beside.node.rank is not Rank.SCALAR:
        return 0.0
    graph = (value if isinstance(value, Expr) else x).graph

    def lost(number: float) -> float:
        return number - float(graph.dtype.type(number))

    if not isinstance(value, Expr):
        return lost(value)
    if value.node.op == "parameter" and graph.dtype != np.float64:
        return graph.parameter(lost(graph.parameters[value.node.detail]))
    if value.node.op == "constant":
        return lost(value.node.detail)
    if value.node.rank is Rank.SCALAR and value.node.op != "parameter":
        raise UnfollowedError("it asks what a computed number has lost, and not a parameter")
    return 0.0


def _swish(x: Any, beta: Any, rest: Any = 0.0) -> Any:
    operands = [number(_lifted(x.graph, each)) for each in (x, beta, rest)]
    size = abs(_number_of(operands[1]))
    name = "steady_swish" if operands[0].node.rank is Rank.ELEMENT and 2.0**-20 <= size <= 2.0**20 else "swish"
    return _made(x.graph, PRIMITIVES[name], operands)


def _squareplus(x: Any, b: Any) -> Any:
    operands = [number(_lifted((x if isinstance(x, Expr) else b).graph, each)) for each in (x, b)]
    name = "steady_squareplus" if 2.0**-60 <= _number_of(operands[1]) <= 2.0**60 else "squareplus"
    return _made(operands[0].graph, PRIMITIVES[name], operands)


def _scaled_tanh_slope(x: Any, inner: Any, rest: Any, outer: Any) -> Any:
    operands = [number(_lifted(x.graph, each)) for each in (x, inner, rest, outer)]
    size, height = (abs(_number_of(operands[place])) for place in (1, 3))
    if operands[0].node.rank is Rank.ELEMENT and 2.0**-20 <= size <= 2.0**20 and 2.0**-40 <= size * height <= 2.0**38:
        return _made(x.graph, PRIMITIVES["steady_tanh_slope"], operands)
    z, lost = functions.two_product((inner, rest), x)
    return functions.sigmoid_gate_slope(4 * inner * outer, 2 * z, 2 * lost)


def _number_of(operand: Expr) -> float:
    """The number that a constant or a parameter is; NaN for all else."""
    node = operand.node
    if node.op == "parameter":
        return float(operand.graph.parameters[node.detail])
    return float(node.detail) if node.op == "constant" else math.nan


_COMPOSED: dict[Any, Callable[..., Any]] = {
    functions.scaled_tanh_slope: _scaled_tanh_slope,
    functions.swish: _swish,
    functions.squareplus: _squareplus,
    functions.representation_error: _representation_error,
    np.clip: _clip,
    np.ndarray.clip: _clip,
    np.positive: lambda x: x,
    np.copy: lambda x, **_options: x,
    np.ndarray.copy: lambda x, *_order, **_options: x,
    np.ndarray.astype: _astype,
    np.square: lambda x: number(x) * number(x),
    np.reciprocal: lambda x: 1 / x,
    np.power: _power,
    np.float_power: _power,
    np.heaviside: _heaviside,
    np.deg2rad: lambda x: x * (math.pi / 180),
    np.radians: lambda x: x * (math.pi / 180),
    np.rad2deg: lambda x: x * (180 / math.pi),
    np.degrees: lambda x: x * (180 / math.pi),
    np.isnan: lambda x: x != x,
    np.isinf: lambda x: np.absolute(x) == math.inf,
    np.isfinite: lambda x: np.absolute(x) < math.inf,
    np.logical_xor: lambda a, b: (truth(a) | truth(b)) & np.logical_not(truth(a) & truth(b)),
    np.bitwise_and: _truth_only("logical_and"),
    np.bitwise_or: _truth_only("logical_or"),
    np.bitwise_xor: lambda a, b: (a | b) & ~(a & b),
    np.invert: _truth_only("logical_not"),
    np.nan_to_num: _nan_to_num,
    np.round: _round,
    np.around: _round,
    np.ndarray.round: _round,
    np.conjugate: lambda x: x,
    np.zeros_like: _filled(0.0),
    np.ones_like: _filled(1.0),
    np.empty_like: _filled(0.0),
    np.full_like: lambda x, value, dtype=None, **options: _filled(value)(x, dtype, **options),
}

_BY_FUNCTION = {function: each for each in PRIMITIVES.values() for function in each.functions}

FUNCTIONS = frozenset(_BY_FUNCTION) | frozenset(_COMPOSED)
"""Every function that a kernel knows, by NumPy's name or by ours."""

_OF_TRUTHS = frozenset(
    {np.logical_not, np.invert, np.isnan, np.isinf, np.isfinite, np.square, np.conjugate, np.negative}
)
_OF_WHOLE = frozenset({np.floor_divide, np.remainder, np.fmod})
_ON_TRUTHS = {np.add: "logical_or", np.multiply: "logical_and", np.maximum: "logical_or", np.minimum: "logical_and"}
_NO_TRUTHS = frozenset({np.subtract, np.negative})


def _is_in_half_precision(function: Any, args: tuple[Any, ...]) -> bool:
    """Whether it is a function of one number that is given truth values."""
    alone = isinstance(function, np.ufunc) and function.nin == 1 and function not in _OF_TRUTHS
    return alone and isinstance(args[0], Expr) and args[0].node.truth and args[0].ndim > 0


def apply(graph: Graph, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operand for a function on operands and numbers; UnfollowedError where kernels don't know it."""
    name = getattr(function, "__name__", str(function))
    if isinstance(function, np.ufunc):
        if function.nout > 1:
            raise UnfollowedError(f"kernels have no {name}")
        if kwargs:
            raise UnfollowedError(f"it calls {name} with the option {next(iter(kwargs))!r}")
    if function is np.absolute and isinstance(args[0], Expr) and args[0].node.truth:
        return args[0]
    if _is_in_half_precision(function, args):
        raise UnfollowedError(f"it calls {name} of truth values, which NumPy computes in half precision")
    if function in _OF_WHOLE and not any(isinstance(each, Expr) and each.is_float for each in args):
        raise UnfollowedError(f"it calls {name} of whole numbers")
    if function in _COMPOSED:
        lifted = [_lifted(graph, each) if isinstance(function, np.ufunc) else each for each in args]
        return _COMPOSED[function](*lifted, **kwargs)
    primitive = _BY_FUNCTION.get(function)
    if primitive is None or kwargs or len(args) != primitive.arity:
        raise UnfollowedError(f"kernels have no {name}" + (" of these arguments" if primitive else ""))
    operands = [_lifted(graph, each) for each in args]
    truths = [each.node.truth for each in operands]
    if primitive.name == "where" and all(truths[1:]):
        met = truth(operands[0])
        return (met & operands[1]) | (~met & operands[2])
    if primitive.name == "where":
        return _made(graph, primitive, [truth(operands[0]), *map(number, operands[1:])])
    if all(truths) and function in _ON_TRUTHS:
        return _made(graph, PRIMITIVES[_ON_TRUTHS[function]], operands)
    if all(truths) and function in _NO_TRUTHS:
        raise TypeError(f"NumPy has no {name} of truth values")
    return _made(graph, primitive, list(map(truth if primitive.takes_truth else number, operands)))


def _made(graph: Graph, primitive: Primitive, operands: list[Expr]) -> Expr:
    """The operand for a primitive on operands, which have the kinds that it takes."""
    if primitive.name in ("maximum", "minimum") and operands[0].index == operands[1].index:
        return operands[0]
    nodes = [each.node for each in operands]
    rank = max(node.rank for node in nodes)
    features = {node.features for node in nodes if node.rank is Rank.ELEMENT}
    if len(features) > 1:
        raise UnfollowedError("it mixes features of different slices")
    made = Node(
        primitive.name,
        tuple(each.index for each in operands),
        rank=rank,
        truth=primitive.gives_truth,
        features=features.pop() if features else 0,
    )
    return Expr(graph, graph.add(made), max(each.ndim for each in operands))


def _lifted(graph: Graph, value: Any) -> Expr:
    """A formula's number as an operand of its graph."""
    if isinstance(value, Expr):
        if value.graph is not graph:
            raise UnfollowedError("it mixes this array with one of another call")
        return value
    if isinstance(value, Operand) or np.ndim(value) > 0:
        raise UnfollowedError("it uses an array of its own")
    if isinstance(value, (bool, np.bool_, int, float, np.number, np.ndarray)) and not isinstance(value, complex):
        plain = value.item() if isinstance(value, (np.number, np.ndarray)) else value
        if isinstance(plain, (bool, np.bool_, int, float)):
            return graph.constant(plain)
    raise UnfollowedError(f"it uses a value that is no number: {type(value).__name__}")
