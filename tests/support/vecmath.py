"""Kernels that call one of vecmath's functions on every element, and how far their results are from exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
from numba import njit

from actspec.kernels.machine import Value, numba_function

DTYPES = ("float32", "float64")


@cache
def loop(emit: Callable[..., Value], dtype: str) -> Any:
    function = numba_function(emit)

    @njit(f"void({dtype}[::1], {dtype}[::1])", nogil=True, error_model="numpy")
    def run(x: Any, y: Any) -> None:
        for i in range(x.shape[0]):
            y[i] = function(x[i])

    return run


def computed(emit: Callable[..., Value], x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    loop(emit, str(x.dtype))(x, y)
    return y


def all_sizes(dtype: str, count: int) -> np.ndarray:
    """Finite numbers of both signs and every exponent, subnormal ones too."""
    width = np.dtype(f"u{np.dtype(dtype).itemsize}")
    bits = np.random.default_rng(0).integers(0, np.iinfo(width).max, count, width, endpoint=True)
    x = bits.view(dtype)
    return x[np.isfinite(x)]


def ulps(y: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The errors in units in the last place of the exact numbers, which are in a wider type."""
    kind, wide = np.finfo(y.dtype), expected.dtype.type
    _, exponent = np.frexp(expected)
    unit = np.ldexp(wide(1), np.clip(exponent - 1, kind.minexp, kind.maxexp - 1) - kind.nmant)
    return np.abs(y.astype(wide) - expected) / unit


def ulps_mpmath(y: float, expected: Any, dtype: str) -> float:
    """The same of one number, against mpmath's."""
    kind = np.finfo(dtype)
    exponent = mpmath.frexp(expected)[1] - 1 if expected else kind.minexp
    unit = mpmath.ldexp(1, max(exponent, int(kind.minexp)) - int(kind.nmant))
    return float(abs(mpmath.mpf(y) - expected) / unit)
