"""Functions that NumPy lacks, for use in formulas and on arrays: stable at every x, and of x's own float type."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt

from actspec.arrays import real_array

__all__ = [
    "erf",
    "erfc",
    "first_true",
    "gaussian",
    "gaussian_slope",
    "log_sigmoid",
    "logistic_density",
    "sigmoid",
    "simplex_threshold",
    "softplus",
    "stop_gradient",
]


def _for_operands(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hand the call to what stands for an array in a formula, as NumPy's own functions do."""

    @wraps(function)
    def dispatched(x: npt.ArrayLike, *args: Any, **kwargs: Any) -> Any:
        other = None if isinstance(x, (np.ndarray, np.generic)) else getattr(x, "__array_function__", None)
        if other is None:
            return function(x, *args, **kwargs)
        return other(dispatched, (type(x),), (x, *args), kwargs)

    return dispatched


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
def stop_gradient(x: npt.ArrayLike) -> Any:
    """Identity ``x`` whose derivative counts as zero; equals jax.lax.stop_gradient.

    For what cancels out, such as the largest value that softmax subtracts, and for what isn't to be followed.

    >>> float(stop_gradient(0.5))
    0.5
    """
    return _real(x)[()]


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
    threshold, count, moving = np.full_like(most, -1), np.inf, True
    while moving:  # from step to step, fewer values are above it; none are where there is NaN
        over = np.maximum(below - threshold, 0)
        met = np.sum(over > 0, axis=axis, keepdims=True)
        more = (np.sum(over, axis=axis, dtype=np.float64, keepdims=True) - 1) / np.maximum(met, 1)
        threshold = (threshold + more).astype(values.dtype)
        moving, count = bool(np.any(met < count)), met
    return most + threshold if keepdims else np.squeeze(most + threshold, axis)[()]


_ERF = np.frompyfunc(math.erf, 1, 1)
_ERFC = np.frompyfunc(math.erfc, 1, 1)


def _elementwise(function: np.ufunc, x: npt.ArrayLike) -> Any:
    values = _real(x)
    return np.asarray(function(values)).astype(values.dtype)[()]


def _real(x: npt.ArrayLike) -> Any:
    """Turn x into floats, as NumPy's own functions do."""
    values = real_array(x, "x")
    return values.astype(values.dtype.newbyteorder("=") if values.dtype.kind == "f" else np.float64, copy=False)
