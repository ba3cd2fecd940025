"""Functions that NumPy lacks, for use in formulas and on arrays: stable at every x, and of x's own float type.

Some take an argument in two parts, ``z + rest``: ``rest`` is what z lost when it was rounded, which far out in a tail
is many units in the last place of the result. ``two_sum``, ``two_product`` and their kin make such pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from actspec.arrays import real_array

__all__ = [
    "dish",
    "erf",
    "erfc",
    "expm1_integral",
    "first_true",
    "gaussian",
    "gaussian_slope",
    "gelu",
    "gelu_slope",
    "gelu_tanh",
    "gelu_tanh_slope",
    "lisht",
    "lisht_slope",
    "log_sigmoid",
    "logistic_density",
    "normal_gate",
    "normal_gate_slope",
    "product_error",
    "representation_error",
    "scaled_tanh_slope",
    "sigmoid",
    "sigmoid_gate",
    "sigmoid_gate_slope",
    "silu",
    "silu_slope",
    "simplex_threshold",
    "sin_squared",
    "softplus",
    "squareplus",
    "squareplus_slope",
    "steady_squareplus",
    "steady_squareplus_slope",
    "steady_swish",
    "steady_swish_slope",
    "steady_tanh_slope",
    "stop_gradient",
    "swish",
    "tanh_shrink",
    "tanh_slope",
]

GELU_TANH_LINEAR = (1.5957691216057308, -9.96930880911092e-17)
"""The factor ``2*sqrt(2/pi)`` of x in the exponent of ``gelu_tanh``, and what the float has lost of it."""

GELU_TANH_CUBIC = (0.07135481627260025, -4.1218577217431825e-18)
"""The factor ``2*sqrt(2/pi)*0.044715`` of x**3 there, and what the float has lost of it."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _for_operands(function: Function) -> Function:
    """Hand the call to what stands for an array in a formula, as NumPy's own functions do."""

    @wraps(function)
    def dispatched(*args: Any, **kwargs: Any) -> Any:
        for each in args:
            if not isinstance(each, (np.ndarray, np.generic)) and hasattr(each, "__array_function__"):
                return each.__array_function__(dispatched, (type(each),), args, kwargs)
        return function(*args, **kwargs)

    return dispatched  # type: ignore[return-value]  # it takes what the function takes


@_for_operands
def gaussian(x: npt.ArrayLike) -> Any:
    """Gaussian ``exp(-x**2)``, in [0, 1], to the last digits of its tails.

    >>> float(gaussian(0.0)), float(gaussian(1e200))
    (1.0, 0.0)
    """
    near = np.minimum(np.maximum(_real(x), -40), 40)
    # The square of x is rounded, and exp makes much of it: the square of a coarse x is exact, the rest is small.
    coarse = np.rint(near * 64) / 64
    return np.exp(-coarse * coarse) * np.exp((coarse - near) * (coarse + near))


@_for_operands
def gaussian_slope(x: npt.ArrayLike) -> Any:
    """Derivative of the Gaussian ``-2*x*exp(-x**2)``, in [-0.86, 0.86], to the last digits of its tails.

    >>> float(gaussian_slope(0.0)), float(gaussian_slope(1e200))
    (-0.0, -0.0)
    """
    near = np.minimum(np.maximum(_real(x), -40), 40)
    coarse = np.rint(near * 64) / 64
    # 64 more keeps what x multiplies away from the smallest numbers of a type, which have few digits.
    tall = np.exp(64 - coarse * coarse) * np.exp((coarse - near) * (coarse + near))
    return tall * (near * -2) * math.exp(-64)


@_for_operands
def logistic_density(x: npt.ArrayLike) -> Any:
    """Density of the logistic distribution ``exp(-x)/(1 + exp(-x))**2``, the derivative of the sigmoid, in [0, 1/4].

    Equals scipy.stats.logistic.pdf.

    >>> float(logistic_density(0.0)), float(logistic_density(800.0))
    (0.25, 0.0)
    """
    small = np.exp(-np.abs(_real(x)))
    return small / ((1 + small) * (1 + small))


@_for_operands
def sigmoid(x: npt.ArrayLike) -> Any:
    """Logistic function ``1/(1 + exp(-x))``, in [0, 1]; equals scipy.special.expit.

    >>> float(sigmoid(0.0)), float(sigmoid(-800.0))
    (0.5, 0.0)
    """
    values = _real(x)
    z = np.exp(-np.abs(values))
    return np.where(values < 0, z, 1) / (1 + z)


@_for_operands
def log_sigmoid(x: npt.ArrayLike) -> Any:
    """Logarithm of the logistic function ``-log(1 + exp(-x))``, at most 0; equals scipy.special.log_expit.

    >>> float(log_sigmoid(-800.0))
    -800.0
    """
    values = _real(x)
    return np.minimum(values, 0) - np.log1p(np.exp(-np.abs(values)))


@_for_operands
def softplus(x: npt.ArrayLike) -> Any:
    """Smooth rectifier ``log(1 + exp(x))``, at least 0; equals numpy.logaddexp(x, 0).

    >>> float(softplus(800.0))
    800.0
    """
    values = _real(x)
    return np.maximum(values, 0) + np.log1p(np.exp(-np.abs(values)))


@_for_operands
def squareplus(x: npt.ArrayLike, b: Any) -> Any:
    """Algebraic smooth rectifier ``(x + sqrt(x**2 + b))/2``, without its cancellation.

    >>> float(squareplus(1.5, 4.0)), float(squareplus(-1e10, 4.0)), float(squareplus(-1.5, 0.0))
    (2.0, 1e-10, 0.0)
    """
    values = _real(x)
    size, height, root = _hypotenuse(values, b)
    mean = size / 2 + root / 2
    with np.errstate(invalid="ignore", divide="ignore", under="ignore"):
        bend = np.where(height < np.inf, height / 2 * (height / 2 / mean), np.inf)
    return (np.maximum(values, 0) + np.where(mean > 0, bend, 0))[()]


@_for_operands
def squareplus_slope(x: npt.ArrayLike, b: Any) -> Any:
    """Derivative of ``squareplus`` by x, in [0, 1].

    >>> float(squareplus_slope(0.0, 4.0)), float(squareplus_slope(np.inf, 4.0)), float(squareplus_slope(-1.5, 0.0))
    (0.5, 1.0, 0.0)
    """
    values = _real(x)
    size, height, root = _hypotenuse(values, b)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        below = height / root * (height / 2 / (size + root))
    below = np.where((root == 0) | (height == np.inf), 0.5, below)
    return np.where(values < 0, below, 1 - below)[()]


@_for_operands
def steady_squareplus(x: npt.ArrayLike, b: float) -> Any:
    """The same as ``squareplus`` for a b that is one number from 2**-60 to 2**60: formulas that call that get it.

    >>> float(steady_squareplus(1.5, 4.0))
    2.0
    """
    return squareplus(x, b)


@_for_operands
def steady_squareplus_slope(x: npt.ArrayLike, b: float) -> Any:
    """Derivative of ``steady_squareplus`` by x, in [0, 1].

    >>> float(steady_squareplus_slope(0.0, 4.0))
    0.5
    """
    return squareplus_slope(x, b)


@_for_operands
def dish(x: npt.ArrayLike) -> Any:
    """Product ``x*(1 + x/sqrt(1 + x**2))/2``, without its cancellation far below zero, where it is 1/(4*x).

    >>> float(dish(0.75)), float(dish(-1e8))
    (0.6, -2.5e-09)
    """
    values = _real(x)
    size = np.abs(values)
    near = np.minimum(size, 2.0**60)
    root = np.sqrt(near * near + 1)
    divisor = np.where(size > near, size, near * 2 * (near + root) + 2)
    return (np.where(values < 0, 0, values) - np.where(size > near, 0.25, near) / divisor)[()]


def _hypotenuse(x: Any, b: Any) -> tuple[Any, Any, Any]:
    """``abs(x)``, ``sqrt(b)`` and ``sqrt(x**2 + b)``, in the type of x."""
    with np.errstate(over="ignore"):
        height = np.sqrt(np.asarray(b).astype(x.dtype))
    return np.abs(x), height, np.hypot(x, height)


@_for_operands
def erf(x: npt.ArrayLike) -> Any:
    """Error function ``2/sqrt(pi) * integral of exp(-t**2) from 0 to x``, in [-1, 1]; equals scipy.special.erf.

    >>> round(float(erf(0.5)), 6)
    0.5205
    """
    return _elementwise(_ERF, x)


@_for_operands
def erfc(x: npt.ArrayLike) -> Any:
    """Complementary error function ``1 - erf(x)`` without its cancellation, in [0, 2]; equals scipy.special.erfc.

    >>> round(float(erfc(10.0)) * 1e45, 6)
    2.088488
    """
    return _elementwise(_ERFC, x)


@_for_operands
def expm1_integral(z: Any, x: Any, factor: Any, factor_rest: Any, slope: Any, slope_rest: Any) -> Any:
    """Line and bend ``factor*(expm1(z) - x) + slope*x``, the integral of ``factor*expm1 + slope`` where z is x.

    It may cross zero, where its terms cancel: float32 is computed in float64. Both factors have two parts.

    >>> round(float(expm1_integral(-2.0, -2.0, 0.5, 0.0, 0.25, 0.0)), 6)
    0.067668
    """
    *given, dtype = _same_type(z, x, factor, factor_rest, slope, slope_rest)
    z, x, factor, factor_rest, slope, slope_rest = map(np.float64, given)
    factor, slope = factor + factor_rest, slope + slope_rest
    # One factor of x, as at -inf the difference of two terms would be NaN.
    return (factor * np.expm1(z) + (slope - factor) * x).astype(dtype)[()]


@_for_operands
def stop_gradient(x: npt.ArrayLike) -> Any:
    """Identity ``x`` whose derivative counts as zero; equals jax.lax.stop_gradient.

    For what cancels out, such as the largest value that softmax subtracts, and for what isn't to be followed.

    >>> float(stop_gradient(0.5))
    0.5
    """
    return _real(x).copy()[()]


@_for_operands
def first_true(condition: npt.ArrayLike, axis: int = -1) -> Any:
    """Whether a condition holds here and at no earlier place along an axis: True once a row at the most.

    >>> first_true([[False, True, True], [False, False, False]]).tolist()
    [[False, True, False], [False, False, False]]
    """
    truths = np.asarray(condition).astype(np.bool_, copy=False)
    return truths & (np.cumsum(truths, axis=axis) == 1)


@_for_operands
def simplex_threshold(x: npt.ArrayLike, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False) -> Any:
    """Threshold ``t`` with ``sum(max(x - t, 0)) = 1`` along an axis, which projects a row on the probability simplex.

    It lies in [max(x) - 1, max(x)), and keeps the more digits the nearer to zero the largest value of a row is. Where
    differentiated, it changes by the mean change of the values above it.

    References: Michelot (1986). A finite algorithm for finding the projection of a point onto the canonical simplex.

    >>> float(simplex_threshold([0.5, 0.25, -3.0]))
    -0.125
    """
    values = _real(x)
    most = np.max(values, axis=axis, keepdims=True)
    below = values - most
    threshold, count = np.full_like(most, -1), np.full_like(most, np.inf)
    while np.any(count >= 0):  # from step to step, fewer values are above it; none are where there is NaN
        over = np.maximum(below - threshold, 0)
        met = np.sum(over > 0, axis=axis, keepdims=True)
        more = (np.sum(over, axis=axis, dtype=np.float64, keepdims=True) - 1) / np.maximum(met, 1)
        threshold = np.where(count >= 0, (threshold + more).astype(values.dtype), threshold)
        # A row that has stopped stays, as rounding may put a value above its threshold once more.
        count = np.where(met < count, met, -1)
    return most + threshold if keepdims else np.squeeze(most + threshold, axis)[()]


@_for_operands
def tanh_shrink(x: npt.ArrayLike) -> Any:
    """What tanh takes off, ``x - tanh(x)``, without its cancellation near zero, in (-inf, inf).

    >>> float(tanh_shrink(1e-100)), float(tanh_shrink(np.inf))
    (3.333333333333333e-301, inf)
    """
    values = _real(x)
    size = np.abs(values)
    # x*coth(x) - 1 by the series of the poles of coth.
    square = np.minimum(size, 1) ** 2
    total = np.zeros_like(square)
    for coefficient in _COTH:
        total = (total + coefficient) * square
    far = (size - 1) + 2 * sigmoid(-2 * size)
    return np.copysign(np.where(size < 1, size * (total / (1 + total)), far), values)[()]


@_for_operands
def tanh_slope(x: npt.ArrayLike) -> Any:
    """Derivative of tanh ``1/cosh(x)**2``, in [0, 1], to the last digits of its tails.

    >>> float(tanh_slope(0.0)), float(tanh_slope(800.0))
    (1.0, 0.0)
    """
    return 4 * logistic_density(2 * _real(x))


@_for_operands
def lisht(x: npt.ArrayLike) -> Any:
    """Product ``x*tanh(x)``, in [0, inf).

    >>> float(lisht(-np.inf))
    inf
    """
    values = _real(x)
    return values * np.tanh(values)


@_for_operands
def lisht_slope(x: npt.ArrayLike) -> Any:
    """Derivative of ``lisht``, in [-1.2, 1.2].

    >>> float(lisht_slope(0.0)), float(lisht_slope(-np.inf))
    (0.0, -1.0)
    """
    values = _real(x)
    return np.tanh(values) + np.minimum(np.maximum(values, -40), 40) * tanh_slope(values)


@_for_operands
def sigmoid_gate(x: Any, z: Any, rest: Any = 0.0) -> Any:
    """Product ``x/(1 + exp(-(z + rest)))``, rounded once where it is subnormal, and 0 where z is -inf.

    >>> float(sigmoid_gate(-2.0, 0.0)), float(sigmoid_gate(-np.inf, -np.inf))
    (-1.0, -0.0)
    """
    x, z, rest, dtype = _gate_arguments(x, z, rest, 1300)
    share, lift = _lifted_share(z)
    below = np.where(z < -500, share, sigmoid(z))
    return _gated(x, below * (1 + rest * sigmoid(-z)), np.where(z < -500, lift, 1.0), z < -1300, dtype)


@_for_operands
def sigmoid_gate_slope(x: Any, z: Any, rest: Any = 0.0) -> Any:
    """Product of x and the logistic density at ``z + rest``, rounded once where it is subnormal, and 0 at infinite z.

    >>> float(sigmoid_gate_slope(-2.0, 0.0)), float(sigmoid_gate_slope(np.inf, np.inf))
    (-0.5, 0.0)
    """
    x, z, rest, dtype = _gate_arguments(x, z, rest, 1300)
    size = np.abs(z)
    share, lift = _lifted_share(-size)
    density = np.where(size > 500, share, logistic_density(z))
    return _gated(x, density * (1 - rest * np.tanh(z / 2)), np.where(size > 500, lift, 1.0), size > 1300, dtype)


@_for_operands
def sin_squared(x: npt.ArrayLike) -> Any:
    """Square of the sine ``sin(x)**2``, in [0, 1].

    >>> float(sin_squared(0.0)), float(sin_squared(np.pi / 2))
    (0.0, 1.0)
    """
    sine = np.sin(_real(x))
    return sine * sine


@_for_operands
def silu(x: npt.ArrayLike) -> Any:
    """Sigmoid linear unit ``x/(1 + exp(-x))``, which is ``sigmoid_gate(x, x)``.

    >>> float(silu(2.0)), float(silu(-np.inf))
    (1.7615941559557646, -0.0)
    """
    return sigmoid_gate(x, x)


@_for_operands
def silu_slope(x: npt.ArrayLike) -> Any:
    """Derivative of ``silu``, in [-0.0998, 1.0998].

    >>> float(silu_slope(0.0)), float(silu_slope(np.inf))
    (0.5, 1.0)
    """
    return sigmoid_gate(1.0, x) + sigmoid_gate_slope(x, x)


@_for_operands
def swish(x: npt.ArrayLike, beta: Any, rest: Any = 0.0) -> Any:
    """Sigmoid linear unit of some steepness, ``x/(1 + exp(-(beta + rest)*x))``; beta may differ from place to place.

    >>> float(swish(1.0, 2.0)), float(swish(-800.0, 2.0))
    (0.8807970779778823, -0.0)
    """
    return sigmoid_gate(x, *_steep(x, beta, rest))


def _steep(x: Any, beta: Any, rest: Any) -> tuple[Any, Any]:
    """``(beta + rest)*x`` in two parts."""
    z = beta * x
    return z, np.where(np.isfinite(z), product_error(beta, x) + x * rest, 0)


@_for_operands
def steady_swish(x: Any, beta: float, rest: float = 0.0) -> Any:
    """The same for a beta that is one number, of a size from 2**-20 to 2**20: formulas that call ``swish`` get it.

    >>> float(steady_swish(1.0, 2.0))
    0.8807970779778823
    """
    return swish(x, beta, rest)


@_for_operands
def steady_swish_slope(x: Any, beta: float, rest: float = 0.0) -> Any:
    """Derivative of ``steady_swish`` by x, in [-0.0998, 1.0998].

    >>> float(steady_swish_slope(0.0, 2.0))
    0.5
    """
    z, lost = _steep(x, beta, rest)
    return sigmoid_gate(1.0, z, lost) + sigmoid_gate_slope(z, z, lost)


@_for_operands
def scaled_tanh_slope(x: Any, inner: Any, rest: Any, outer: Any) -> Any:
    """Derivative by x of ``outer*tanh((inner + rest)*x)``, rounded once where it is subnormal.

    >>> float(scaled_tanh_slope(0.0, 2.0, 0.0, 3.0)), float(scaled_tanh_slope(500.0, 2.0, 0.0, 3.0))
    (6.0, 0.0)
    """
    z, lost = two_product((inner, rest), x)
    return sigmoid_gate_slope(4 * inner * outer, 2 * z, 2 * lost)


@_for_operands
def steady_tanh_slope(x: Any, inner: float, rest: float, outer: float) -> Any:
    """The same for factors that are one number each, inner of a size from 2**-20 to 2**20, and the product of both from
    2**-40 to 2**38: formulas that call ``scaled_tanh_slope`` get it.

    >>> float(steady_tanh_slope(0.0, 2.0, 0.0, 3.0))
    6.0
    """
    return scaled_tanh_slope(x, inner, rest, outer)


@_for_operands
def gelu(x: npt.ArrayLike) -> Any:
    """Gaussian error linear unit ``x*erfc(-x/sqrt(2))/2``, which is ``normal_gate(x, x)``.

    >>> round(float(gelu(1.0)), 6), float(gelu(-np.inf))
    (0.841345, -0.0)
    """
    return normal_gate(x, x)


@_for_operands
def gelu_slope(x: npt.ArrayLike) -> Any:
    """Derivative of ``gelu``, in [-0.129, 1.129].

    >>> float(gelu_slope(0.0)), float(gelu_slope(np.inf))
    (0.5, 1.0)
    """
    return normal_gate(1.0, x) + normal_gate_slope(x, x)


@_for_operands
def gelu_tanh(x: npt.ArrayLike) -> Any:
    """Gaussian error linear unit by tanh, ``x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))``, without its cancellation.

    >>> round(float(gelu_tanh(1.0)), 6), float(gelu_tanh(-np.inf))
    (0.841192, -0.0)
    """
    return sigmoid_gate(x, *_cubic(x))


@_for_operands
def gelu_tanh_slope(x: npt.ArrayLike) -> Any:
    """Derivative of ``gelu_tanh``, in [-0.129, 1.129].

    >>> float(gelu_tanh_slope(0.0)), float(gelu_tanh_slope(np.inf))
    (0.5, 1.0)
    """
    near = np.clip(_real(x), -30, 30)
    growth = near * (GELU_TANH_LINEAR[0] + 3 * GELU_TANH_CUBIC[0] * near * near)
    return sigmoid_gate(1.0, *_cubic(x)) + sigmoid_gate_slope(growth, *_cubic(x))


def _cubic(x: Any) -> tuple[Any, Any]:
    """``2*sqrt(2/pi)*(x + 0.044715*x**3)``, and what it lost; x counts as 30 beyond 30."""
    near = np.clip(_real(x), -30, 30)
    return two_product(two_sum(GELU_TANH_LINEAR, two_product(GELU_TANH_CUBIC, two_product(near, near))), near)


@_for_operands
def normal_gate(x: Any, z: Any, rest: Any = 0.0) -> Any:
    """Product of x and the normal distribution function ``erfc(-(z + rest)/sqrt(2))/2``, and 0 where z is -inf.

    Equals x*scipy.special.ndtr(z + rest), rounded once where it is subnormal.

    >>> float(normal_gate(-2.0, 0.0)), float(normal_gate(-np.inf, -np.inf))
    (-1.0, -0.0)
    """
    x, z, rest, dtype = _gate_arguments(x, z, rest, 60)
    near = np.clip(z, -60, 60)
    root = near * math.sqrt(0.5)
    # erfc(-root) is off by the rounding of root; beyond 26 a series counts.
    rounded = (near * near / 2 - root * root) + (product_error(near, near) / 2 - product_error(root, root))
    central = np.asarray(_ERFC(-root)).astype(np.float64) / 2 * np.exp(np.where(near < 0, -rounded, 0))
    inverse = 1 / np.minimum(near, -26) ** 2
    series = np.ones_like(inverse)
    for odd in range(17, 0, -2):
        series = 1 - odd * inverse * series
    tail, lift = _lifted_normal(near, rest)
    share = np.where(near < -26, tail * series / -np.minimum(near, -26), central + tail * lift * rest)
    return _gated(x, share, np.where(near < -26, lift, 1.0), near == -60, dtype)


@_for_operands
def normal_gate_slope(x: Any, z: Any, rest: Any = 0.0) -> Any:
    """Product of x and the normal density ``exp(-(z + rest)**2/2)/sqrt(2*pi)``, and 0 where z is infinite.

    It is rounded once where it is subnormal.

    >>> round(float(normal_gate_slope(-2.0, 0.0)), 6), float(normal_gate_slope(np.inf, np.inf))
    (-0.797885, 0.0)
    """
    x, z, rest, dtype = _gate_arguments(x, z, rest, 60)
    near = np.clip(z, -60, 60)
    return _gated(x, *_lifted_normal(near, rest), np.abs(near) == 60, dtype)


@_for_operands
def product_error(a: Any, b: Any) -> Any:
    """What rounding takes off a product: ``a*b`` less its nearest float, which is one itself; 0 where it is infinite.

    >>> 0.1 * 0.1, float(product_error(0.1, 0.1))
    (0.010000000000000002, -8.326672684688674e-19)
    """
    a, b, dtype = _same_type(a, b)
    product = (a * b).astype(np.float64)
    (first, first_exponent), (second, second_exponent) = np.frexp(np.float64(a)), np.frexp(np.float64(b))
    exponent = first_exponent + second_exponent
    # Halves of 26 bits, whose products are exact (T. J. Dekker, 1971).
    (high, low), (other, rest) = _halves(first), _halves(second)
    error = (high * other - np.ldexp(product, -exponent)) + high * rest + low * other + low * rest
    return np.where(np.isfinite(product), np.ldexp(error, exponent), 0).astype(dtype)[()]


@_for_operands
def representation_error(value: Any, x: Any, beside: Any = 0.0) -> Any:
    """What a parameter loses as a number of x's type: 0 in float64, and where it is an array itself, or another one is.

    That one's elements have lost as much already, and of two that lost the same the difference is the better.

    >>> float(representation_error(0.1, np.float32(2)))
    -1.4901161138336505e-09
    """
    numbers = {type(value), type(beside)} <= {int, float}
    return value - float(_real(x).dtype.type(value)) if numbers else 0.0


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """``a + b``, rounded, and what it lost (D. E. Knuth, *The Art of Computer Programming* 2, 4.2.2).

    Both may be such pairs themselves, or parameters, which count as declared, in float64.
    """
    (a, a_rest), (b, b_rest) = _pair(a, b), _pair(b, a)
    total = a + b
    seen = total - a
    return _unless_infinite(total, _plus((a - (total - seen)) + (b - seen), _plus(a_rest, b_rest)))


def two_difference(a: Any, b: Any) -> tuple[Any, Any]:
    """``a - b``, rounded, and what it lost; of what ``two_sum`` takes."""
    (a, a_rest), (b, b_rest) = _pair(a, b), _pair(b, a)
    total = a - b
    seen = total - a
    return _unless_infinite(total, _plus((a - (total - seen)) - (b + seen), _plus(a_rest, -b_rest)))


def two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """``a*b``, rounded, and what it lost; of what ``two_sum`` takes."""
    (a, a_rest), (b, b_rest) = _pair(a, b), _pair(b, a)
    rest = _plus(product_error(a, b), _plus(_times(a_rest, b), _times(b_rest, a)))
    return _unless_infinite(a * b, rest)


def two_quotient(a: Any, b: Any) -> tuple[Any, Any]:
    """``a/b``, rounded, and what it lost; of what ``two_sum`` takes."""
    (a, a_rest), (b, b_rest) = _pair(a, b), _pair(b, a)
    quotient = a / b
    lost = _plus(product_error(quotient, b), _times(b_rest, quotient))
    return _unless_infinite(quotient, _plus((a - quotient * b) - lost, a_rest) * (1 / b))


def _pair(value: Any, other: Any) -> tuple[Any, Any]:
    """A number and what it lost, in the type of another one."""
    value, rest = value if isinstance(value, tuple) else (value, 0.0)
    other = other[0] if isinstance(other, tuple) else other
    return value, _plus(rest, representation_error(value, other))


def _plus(a: Any, b: Any) -> Any:
    return a if _is_zero(b) else b if _is_zero(a) else a + b


def _times(a: Any, b: Any) -> Any:
    return 0.0 if _is_zero(a) else a * b


def _is_zero(value: Any) -> bool:
    return isinstance(value, float) and value == 0


def _unless_infinite(value: Any, rest: Any) -> tuple[Any, Any]:
    return value, np.where(np.abs(value) < np.inf, rest, 0)


_ERF = np.frompyfunc(math.erf, 1, 1)
_ERFC = np.frompyfunc(math.erfc, 1, 1)


def _elementwise(function: np.ufunc, x: npt.ArrayLike) -> Any:
    values = _real(x)
    return np.asarray(function(values)).astype(values.dtype)[()]


def _real(x: npt.ArrayLike) -> Any:
    """Turn x into floats, as NumPy's own functions do."""
    values = real_array(x, "x")
    return values.astype(values.dtype.newbyteorder("=") if values.dtype.kind == "f" else np.float64, copy=False)


# 2*(-1)**(n + 1)*zeta(2*n)/pi**(2*n), the last one first.
_COTH = (
    2.499967277122081e-17,
    -2.4673688045172075e-16,
    2.4351954029183367e-15,
    -2.4034415333307705e-14,
    2.3721017400233653e-13,
    -2.3411706819824882e-12,
    2.3106432599002624e-11,
    -2.2805151204592183e-10,
    2.2507846516808994e-09,
    -2.2214608789979678e-08,
    2.1925947851873778e-07,
    -2.1644042808063972e-06,
    2.1377799155576935e-05,
    -0.00021164021164021165,
    0.0021164021164021165,
    -0.022222222222222223,
    0.3333333333333333,
)


def _same_type(*values: npt.ArrayLike) -> tuple[Any, ...]:
    """The values as floats of one type, which is that of the arrays among them, and this type."""
    given = [each if type(each) in (int, float) else _real(each) for each in values]
    dtype = np.result_type(*given)
    dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
    return *(np.asarray(each, dtype) for each in given), dtype


def _gate_arguments(x: Any, z: Any, rest: Any, limit: float) -> tuple[Any, ...]:
    """A gate's arguments in float64, and the type of its result; beyond the limit, where it is flat, no rest counts."""
    *given, dtype = _same_type(x, z, rest)
    x, z, rest = map(np.float64, given)
    return x, z, np.where(np.abs(z) < limit, rest, 0), dtype


def _lifted_share(z: Any) -> tuple[Any, float]:
    """``exp(z)``, for z below -500, times ``exp(500)``, so that it isn't subnormal, and what takes that back."""
    return np.exp(np.clip(z, -1300, -500) + 500), math.exp(-500)


def _lifted_normal(z: Any, rest: Any) -> tuple[Any, float]:
    """The normal density at ``z + rest``, times ``exp(500)``, and what takes that back."""
    square = z * z / 2
    raised = 500 - square
    rounded = ((500 - raised) - square) - product_error(z, z) / 2
    return np.exp(raised) * (1 + (rounded - z * rest)) / math.sqrt(2 * math.pi), math.exp(-500)


def _gated(x: Any, share: Any, lift: Any, nothing: Any, dtype: Any) -> Any:
    """``x*share*lift``, and 0 where there is nothing, even of an infinite x."""
    x = np.where(nothing & ~np.isnan(x), np.copysign(0.0, x), x)
    return (x * share * lift).astype(dtype)[()]


def _halves(mantissa: Any) -> tuple[Any, Any]:
    scaled = mantissa * (2.0**27 + 1)
    high = scaled - (scaled - mantissa)
    return high, mantissa - high
