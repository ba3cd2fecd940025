"""erf and erfc for kernels: how far from the exact numbers, and whether they run on vectors."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

pytest.importorskip("numba")

from actspec.kernels.vecmath import errorfunctions
from tests.support import assembly
from tests.support.vecmath import (
    DTYPES,
    all_sizes,
    check_vectors_elsewhere,
    check_vectors_here,
    computed,
    elsewhere,
    ulps,
    ulps_mpmath,
)

# The worst errors of all float32s and of many float64s, in units in the last place, rounded up.
ULPS = {"erf": (1.02, 1.3), "erfc": (1.45, 1.8)}
CASES = [pytest.param(name, dtype, id=f"{name}-{dtype}") for name in ULPS for dtype in DTYPES]


def points(dtype: str, count: int) -> np.ndarray:
    """Every size, the curve, and the ends where erf becomes 1 and erfc subnormal, then 0."""
    random = np.random.default_rng(1)
    ends = (9.0, 10.2) if dtype == "float32" else (26.0, 27.5)
    bounds = [(-6, 6), (-1.1, 1.1), (0.9, 1.1), (3.8, 6.1), (0, ends[1]), ends]
    parts = [random.uniform(*each, count // 7) for each in bounds]
    return np.concatenate([all_sizes(dtype, count // 7), *parts]).astype(dtype)


@pytest.mark.parametrize("name", ULPS)
def test_accuracy_float32(name: str) -> None:
    x = points("float32", 200_000)
    exact = np.array([getattr(math, name)(each) for each in x.tolist()])
    error = ulps(computed(getattr(errorfunctions, name), x), exact)
    worst = int(np.argmax(error))
    assert error[worst] <= ULPS[name][0], x[worst]


@pytest.mark.parametrize("name", ULPS)
def test_accuracy_float64(name: str) -> None:
    x = points("float64", 14_000)
    y = computed(getattr(errorfunctions, name), x)
    with mpmath.workdps(40):
        for value, result in zip(x.tolist(), y.tolist(), strict=True):
            if abs(value) < 30:
                right = getattr(mpmath, name)(mpmath.mpf(value))
                assert ulps_mpmath(result, right, "float64") <= ULPS[name][1], value
            else:
                assert result == getattr(math, name)(value), value


@pytest.mark.parametrize("dtype", DTYPES)
def test_specials(dtype: str) -> None:
    greatest = np.finfo(dtype).max
    x = np.array([0.0, -0.0, np.inf, -np.inf, greatest, -greatest, np.nan], dtype)
    y = computed(errorfunctions.erf, x)
    np.testing.assert_array_equal(y, [0.0, -0.0, 1.0, -1.0, 1.0, -1.0, np.nan])
    np.testing.assert_array_equal(np.signbit(y[:2]), [False, True])
    y = computed(errorfunctions.erfc, x)
    np.testing.assert_array_equal(y, [1.0, 1.0, 0.0, 2.0, 0.0, 2.0, np.nan])
    assert not np.signbit(y[:-1]).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormal_arguments(dtype: str) -> None:
    x = (np.finfo(dtype).smallest_subnormal * np.arange(-1000, 1000)).astype(dtype)
    exact = x.astype(np.float64 if dtype == "float32" else np.longdouble) * (2 / np.sqrt(np.pi))
    assert ulps(computed(errorfunctions.erf, x), exact).max() <= 0.51
    np.testing.assert_array_equal(computed(errorfunctions.erfc, x), np.ones_like(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_tail_falls_to_the_smallest_subnormal(dtype: str) -> None:
    start, end = (9.3, 10.1) if dtype == "float32" else (26.6, 27.3)
    y = computed(errorfunctions.erfc, np.linspace(start, end, 100_000).astype(dtype))
    assert (np.diff(y) <= 0).all()
    assert y[-1] == 0 < y.max() < np.finfo(dtype).tiny
    assert y[y > 0].min() == np.finfo(dtype).smallest_subnormal


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_runs_on_vectors_here(name: str, dtype: str) -> None:
    check_vectors_here(getattr(errorfunctions, name), dtype)


@elsewhere
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_runs_on_vectors_elsewhere(name: str, dtype: str, target: assembly.Target) -> None:
    taken = check_vectors_elsewhere(getattr(errorfunctions, name), dtype, target)
    assert taken == []
