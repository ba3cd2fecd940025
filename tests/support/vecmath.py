"""Kernels that call one of vecmath's functions on every element, and how far their results are from exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from numba import njit

from actspec.kernels.machine import Value, numba_function
from tests.support import assembly

DTYPES = ("float32", "float64")

# Types with so many more bits that NumPy's functions in them are exact here.
WIDE = {"float32": np.float64, "float64": np.longdouble}
needs_wide = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="longdouble is no wider than float64")

elsewhere = pytest.mark.parametrize(
    "target", [assembly.AVX2, assembly.AVX512, assembly.NEON], ids=["avx2", "avx512", "neon"]
)


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


def check_vectors_here(emit: Callable[..., Value], dtype: str) -> None:
    """The kernel runs on this machine's vectors, and calls nothing."""
    (text,) = loop(emit, dtype).inspect_llvm().values()
    _check_vectors(assembly.assembly(assembly.without_wrappers(text)), dtype)


def check_vectors_elsewhere(emit: Callable[..., Value], dtype: str, target: assembly.Target) -> list[str]:
    """The same on another processor; returns the instructions that take numbers out of vectors one by one."""
    if not target.is_available:
        pytest.skip(f"this llvmlite doesn't know {target.triple}")
    code = assembly.assembly(assembly.loop_over(emit, dtype), target)
    _check_vectors(code, dtype)
    return assembly.lanes_taken_out(code)


def _check_vectors(code: str, dtype: str) -> None:
    assert assembly.called(code) == set()
    assert assembly.vector_bits(code, dtype)


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
