"""Each function of the tables of primitives, some of them in a kernel, against NumPy's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import actspec
from actspec import functions
from actspec.graph.primitives import FUNCTIONS, PRIMITIVES
from tests.support.amount import by_turns

DTYPES = ["float32", "float64"]

# How the functions that are no ufuncs are called on x and two numbers.
CALLS: dict[Any, Callable[[Any, Any, Any], Any]] = {
    np.where: lambda x, a, b: np.where(x > a, x, b),
    np.clip: lambda x, a, b: np.clip(x, np.fmin(a, b), np.fmax(a, b)),
    np.ndarray.clip: lambda x, a, b: x.clip(np.fmin(a, b), np.fmax(a, b)),
    np.copy: lambda x, *_: np.copy(x),
    np.ndarray.copy: lambda x, *_: x.copy(),
    np.ndarray.astype: lambda x, a, b: x.astype(x.dtype) + (x > a).astype(x.dtype) + (x - b).astype(bool),
    np.nan_to_num: lambda x, a, b: np.nan_to_num(x, nan=a, posinf=b),
    np.round: lambda x, *_: np.round(x),
    np.around: lambda x, *_: np.around(x),
    np.ndarray.round: lambda x, *_: x.round(-1),
    np.empty_like: lambda x, *_: np.copyto(y := np.empty_like(x), x) or y,
    np.fix: lambda x, *_: np.fix(x),
    np.zeros_like: lambda x, *_: np.zeros_like(x),
    np.ones_like: lambda x, *_: np.ones_like(x),
    np.full_like: lambda x, *_: np.full_like(x, 3.5),
} | {getattr(functions, name): lambda x, *_, name=name: getattr(functions, name)(x) for name in functions.__all__}
GATES = (functions.sigmoid_gate, functions.sigmoid_gate_slope, functions.normal_gate, functions.normal_gate_slope)
# The second part of an argument is half a unit in the last place of the first at most.
CALLS |= {
    gate: lambda x, a, b, gate=gate: gate(np.where(b > 1, x, b), x, x * a * (np.finfo(x.dtype).eps / 4))
    for gate in GATES
}
CALLS[functions.expm1_integral] = lambda x, a, _: functions.expm1_integral(np.minimum(x, 80), x, a, 0.0, 0.25, 0.0)
CALLS[functions.swish] = lambda x, a, _: functions.swish(x, a, 0.0)
CALLS[functions.squareplus] = lambda x, *_: functions.squareplus(x, 3.0)
CALLS[functions.squareplus_slope] = lambda x, *_: functions.squareplus_slope(x, 3.0)
CALLS[functions.steady_squareplus] = lambda x, *_: functions.steady_squareplus(x, 3.0)
CALLS[functions.steady_squareplus_slope] = lambda x, *_: functions.steady_squareplus_slope(x, 3.0)
CALLS[functions.steady_swish] = lambda x, *_: functions.steady_swish(x, -1.5, 0.0)
CALLS[functions.steady_swish_slope] = lambda x, *_: functions.steady_swish_slope(x, -1.5, 0.0)
CALLS[functions.scaled_tanh_slope] = lambda x, *_: functions.scaled_tanh_slope(x, 2.0**21, 0.0, 0.5)
CALLS[functions.steady_tanh_slope] = lambda x, *_: functions.steady_tanh_slope(x, -1.5, 0.0, 0.75)
CALLS[functions.product_error] = lambda x, a, _: functions.product_error(x, x * 0.3 + a)
CALLS[functions.representation_error] = lambda x, *_: functions.representation_error(0.1, x) * x

# These are of truth values; of numbers they would be of their bits.
OF_TRUTHS = {np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert}


def _title(function: Any) -> str:
    return getattr(function, "__qualname__", None) or function.__name__


NAMED = {_title(function): function for function in sorted(FUNCTIONS, key=_title)}
BINARY = [name for name, each in NAMED.items() if isinstance(each, np.ufunc) and each.nin == 2]
UNARY = [name for name in NAMED if name not in BINARY]


def call(function: Any, x: Any, a: Any, b: Any) -> Any:
    """The function of x, and of numbers where it takes more than one argument."""
    if function in CALLS:
        return CALLS[function](x, a, b)
    if function in OF_TRUTHS:
        return function(x > a) if function.nin == 1 else function(x > a, x != b)
    return function(x) if function.nin == 1 else _binary(function, x, a, b)


def _binary(function: np.ufunc, x: Any, a: Any, kind: Any) -> Any:
    """By ``kind``: the number ``a`` comes second (0) or first (1), or ``a`` times x does (2); all in one kernel."""
    return np.where(kind > 1, function(x, x * a), np.where(kind > 0, function(a, x), function(x, a)))


def _together(names: list[str]) -> dict[str, tuple[str, ...]]:
    """The functions that are in a kernel with each one, itself among them, which takes less time than a kernel each:
    some that are tried in one type, as every second one usually is.
    """
    turns = [names[turn :: len(DTYPES)] for turn in range(len(DTYPES))]
    parts = [tuple(turn[start : start + _BESIDE]) for turn in turns for start in range(0, len(turn), _BESIDE)]
    return {name: part for part in parts for name in part}


_BESIDE = 6
BESIDE = _together(UNARY) | _together(BINARY)


@cache
def several(names: tuple[str, ...]) -> type[actspec.Activation]:
    """An activation whose formula is one of some functions and nothing else: the one with the number ``which``."""

    class Several(actspec.Activation, register=False):
        a: float = 0.0
        b: float = 0.0
        which: float = 0.0

        def __call__(self, x):
            first, *others = (call(NAMED[name], x, self.a, self.b) for name in names)
            for number, other in enumerate(others, 1):
                first = np.where(self.which == number, other, first)
            return first

    return Several


def made(name: str, a: float, b: float) -> actspec.Activation:
    """An activation whose formula is a function of x and two numbers."""
    names = BESIDE[name]
    return several(names)(a, b, float(names.index(name)))


@cache
def spread(dtype: str) -> np.ndarray:
    """Numbers of all sizes and both signs, NaN, infinities, zeros and subnormals; a count that fills no vectors."""
    kind = np.dtype(dtype).type
    limits = np.finfo(kind)
    drawn = np.random.default_rng(5)
    positive = [
        *(0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 16.0, 88.5, 103.0, 709.5, 745.0, 1e4, 0.1, 0.25, 0.75, 0.9999, 1.0001),
        *(np.pi, np.pi / 2, 2 * np.pi, 1e-3, 1e-7, 1e-20, 1e-30, 1e10, 1e20, 1e30, 2**23 + 1, 2**31, 1e6 + 0.5),
        *(np.nan, np.inf, limits.max, limits.tiny, limits.smallest_subnormal, limits.tiny / 2, limits.eps),
        *np.exp(drawn.uniform(np.log(limits.tiny), np.log(limits.max), 40)),
        *drawn.uniform(0, 2, 60),
        *drawn.uniform(0, 30, 60),
    ]
    both = np.array(positive, kind)
    return np.concatenate([both, -both])


def wide(dtype: str) -> Any:
    """A type with enough more digits for a reference, or the type itself."""
    if dtype == "float32":
        return np.float64
    return np.longdouble if np.finfo(np.longdouble).nmant >= 63 else np.float64


# Defined by the type that they run in (the largest number, how far a quotient is rounded), or not for longdouble.
OWN_TYPE = {np.nan_to_num, np.floor_divide, np.remainder, np.fmod, *(getattr(functions, n) for n in functions.__all__)}


def expected(function: Any, x: np.ndarray, a: float, b: float) -> np.ndarray:
    dtype = x.dtype
    kind = dtype.type if function in OWN_TYPE else wide(dtype.name)
    # As arrays: power(-inf, 0.5) is inf, but NaN where NumPy sees that 0.5 is one number.
    first, second = (np.full(x.shape, each, kind) for each in (a, b))
    with np.errstate(all="ignore"):
        return np.asarray(call(function, x.astype(kind), first, second)).astype(dtype)


# NumPy's formula is some 4 units off itself where the square of x is large, or each of the two is 3 off.
OFF = {functions.normal_gate, functions.gelu, functions.squareplus_slope}
# Where the result cancels, a rounding of the arguments is more than one of the result: NumPy's own is as far off.
CANCELLING = {np.logaddexp, np.logaddexp2, functions.expm1_integral, functions.silu_slope, functions.gelu_slope}
CANCELLING |= {functions.gelu_tanh_slope, functions.steady_swish_slope}
# What of either sign is a zero of: NumPy's own answers differ from one loop of its to another.
ANY_ZERO = {
    functions.expm1_integral,
    functions.log_sigmoid,
    functions.silu_slope,
    functions.gelu_slope,
    functions.gelu_tanh_slope,
    functions.swish,
    functions.steady_swish,
    functions.steady_swish_slope,
    np.maximum,
    np.minimum,
    np.fmax,
    np.fmin,
    np.clip,
    np.ndarray.clip,
    np.hypot,
    np.float_power,
    np.power,
}


def assert_as_numpy(got: np.ndarray, want: np.ndarray, x: np.ndarray, function: Any, ulps: float, note: str) -> None:
    bad = np.isnan(got) != np.isnan(want)
    assert not bad.any(), f"{note}: {got[bad]} is not {want[bad]} at {x[bad]}"
    with np.errstate(all="ignore"):
        size = np.abs(want) if function not in CANCELLING else np.fmax(np.abs(want), np.abs(x))
        unit = np.maximum(np.spacing(size), np.finfo(want.dtype).smallest_subnormal)
        off = np.abs(got.astype(np.float64) - want) / unit.astype(np.float64)
    # The largest number and infinity are neighbours, to a rounding.
    off = np.where(got == want, 0, np.where(np.isnan(want), 0, np.where(np.isfinite(off), off, np.inf)))
    worst = np.argmax(off)
    assert off[worst] <= ulps, f"{note}: {got[worst]!r} is not {want[worst]!r} at {x[worst]!r}, {off[worst]:.3g} ulp"
    if function not in ANY_ZERO:
        bad = (want == 0) & (got == 0) & (np.signbit(got) != np.signbit(want))
        assert not bad.any(), f"{note}: {got[bad]} is not {want[bad]} at {x[bad]}"


def test_every_primitive_and_composed_function_is_called_here():
    of_primitives = {function for each in PRIMITIVES.values() for function in each.functions}
    assert of_primitives <= FUNCTIONS
    for function in FUNCTIONS:
        assert (isinstance(function, np.ufunc) and function.nin <= 2) != (function in CALLS), function


@pytest.mark.parametrize(("name", "dtype"), by_turns(UNARY, DTYPES))
def test_a_function_of_one_argument_is_numpys(name, dtype):
    function, x = NAMED[name], spread(dtype)
    explained = actspec.explain(made(name, 0.0, 0.0)).stages[0]
    assert explained.compiled, explained.reason
    for a, b in ((0.0, 1.5), (-2.0, 0.5)) if function in CALLS or function in OF_TRUTHS else ((0.0, 0.0),):
        limit = 6 if function in OFF else 4
        assert_as_numpy(made(name, a, b)(x), expected(function, x, a, b), x, function, limit, f"{name} {a} {b}")


# Numbers for one of the arguments; and factors for x, whose products are exact, zeros of both signs and NaN.
OTHERS = [0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -2.5, 1e-30, -1e30, 7.25, np.inf, -np.inf]
FACTORS = [1.0, -1.0, 0.0]


@pytest.mark.parametrize(("name", "dtype"), by_turns(BINARY, DTYPES))
def test_a_function_of_two_arguments_is_numpys(name, dtype):
    function, x = NAMED[name], spread(dtype)
    explained = actspec.explain(made(name, 0.0, 0.0)).stages[0]
    assert explained.compiled, explained.reason
    for kind, others in enumerate((OTHERS, OTHERS, FACTORS)):
        for other in others:
            a = float(np.dtype(dtype).type(other))
            want = expected(function, x, a, kind)
            assert_as_numpy(made(name, a, kind)(x), want, x, function, 4, f"{name} {a} {kind}")
