"""exp and its relatives for kernels: how far from the exact numbers, and whether they run on vectors."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from actspec.kernels.machine import numba_function
from actspec.kernels.vecmath import exponentials
from tests.support import assembly
from tests.support import vecmath as support
from tests.support.vecmath import WIDE, check_vectors_elsewhere, check_vectors_here, elsewhere, needs_wide

# The worst errors of all float32s and of many float64s, in units in the last place, rounded up.
ULPS = {
    "exp": (0.9, 0.95),
    "exp2": (0.95, 1.2),
    "expm1": (1.25, 1.25),
    "tanh": (1.9, 1.85),
    "sigmoid": (1.75, 1.75),
    "gaussian": (0.95, 0.95),
    "gaussian_slope": (1.9, 1.9),
    "logistic_density": (4.5, 3.05),
    "tanh_slope": (5.1, 3.1),
    "sinh": (1.6, 1.9),
    "cosh": (1.35, 1.25),
}
CASES = [pytest.param(name, dtype, id=f"{name}-{dtype}") for name in ULPS for dtype in WIDE]
SPECIALS = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-8, -1e-8, 1e-20, -1e-20, 0.5, -0.5, 0.35, -0.35]


def computed(name: str, x: np.ndarray) -> np.ndarray:
    return support.computed(getattr(exponentials, name), x)


def points(dtype: str) -> np.ndarray:
    """All sizes of numbers, ranges where functions bend, and edges of overflow and underflow."""
    random = np.random.default_rng(0)
    kind = np.finfo(dtype)
    edges = [np.log(float(kind.max)), np.log(float(kind.max)) + np.log(2), np.log(float(kind.smallest_subnormal))]
    edges += [kind.maxexp, kind.minexp - kind.nmant, np.sqrt(-edges[2]), 9.0, 17.3, 19.1, 37.4]
    sizes = np.ldexp(random.uniform(1, 2, 40_000), random.integers(kind.minexp - kind.nmant, kind.maxexp, 40_000))
    ranges = [random.uniform(-bound, bound, 30_000) for bound in (0.35, 1, 4, 20, -2 * edges[2])]
    near = [each * random.uniform(0.98, 1.02, 2_000) for each in edges]
    subnormal = float(kind.smallest_subnormal) * np.arange(-50.0, 50.0)
    x = np.concatenate([sizes, -sizes, *ranges, *near, *(-each for each in near), subnormal, SPECIALS])
    return x.astype(dtype)


def exact(name: str, x: np.ndarray) -> np.ndarray:
    wide = WIDE[str(x.dtype)]
    v = x.astype(wide)
    if name == "sigmoid":
        small = np.exp(-np.abs(v))
        return np.where(v < 0, small, wide(1)) / (1 + small)
    if name == "logistic_density":
        small = np.exp(-np.abs(v))
        return small / (1 + small) ** 2
    if name == "tanh_slope":
        return 4 * exact("logistic_density", 2 * x)
    if name == "gaussian_slope":
        return -2 * np.clip(v, -100, 100) * exact("gaussian", x)
    if name == "gaussian":
        # The square in two parts: the first has half the digits of x only, and is exact.
        v = np.clip(v, -100, 100)
        head = x.astype(np.float32).astype(wide).clip(-100, 100) if wide is np.longdouble else v
        rest = v - head
        return np.exp(-head * head) * np.exp(-rest * (v + head))
    return getattr(np, name)(v)


def ulps(y: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The errors in units in the last place of the exact numbers; infinity is the power of 2 after the greatest one."""
    kind = np.finfo(y.dtype)
    wide = expected.dtype.type
    limit = wide(2) ** kind.maxexp
    expected = np.clip(expected, -limit, limit)
    value = np.clip(y.astype(wide), -limit, limit)
    _, exponent = np.frexp(expected)
    unit = np.ldexp(wide(1), np.clip(exponent - 1, kind.minexp, kind.maxexp - 1) - kind.nmant)
    return np.abs(value - expected) / unit


@needs_wide
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_accuracy(name: str, dtype: str) -> None:
    x = points(dtype)
    x = x[~np.isnan(x)]
    with np.errstate(all="ignore"):
        error = ulps(computed(name, x), exact(name, x))
    worst = int(np.argmax(error))
    assert error[worst] <= ULPS[name][dtype == "float64"], x[worst]


@pytest.mark.parametrize("dtype", WIDE)
def test_the_exponential_of_what_is_not_positive_has_the_bits_of_exp(dtype: str) -> None:
    x = points(dtype)
    x = x[~(x > 0)]
    np.testing.assert_array_equal(computed("falling_exp", x), computed("exp", x))


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_a_few_against_mpmath(name: str, dtype: str) -> None:
    formulas = {
        "exp2": lambda v: mpmath.mpf(2) ** v,
        "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)),
        "gaussian": lambda v: mpmath.exp(-v * v),
        "gaussian_slope": lambda v: -2 * v * mpmath.exp(-v * v),
        "logistic_density": lambda v: mpmath.exp(-abs(v)) / (1 + mpmath.exp(-abs(v))) ** 2,
        "tanh_slope": lambda v: mpmath.sech(v) ** 2,
    }
    x = np.concatenate([points(dtype)[::997], [-700.25, -87.0, -26.5, -9.7, 0.2, 9.3, 26.9, 700.25]]).astype(dtype)
    x = x[np.isfinite(x) & (np.abs(x) < 708)]
    kind = np.finfo(dtype)
    with mpmath.workdps(60):
        for value, result in zip(x.tolist(), computed(name, x).tolist(), strict=True):
            right = mpmath.mpf(0) if value == 0 else formulas.get(name, getattr(mpmath, name, None))(mpmath.mpf(value))
            if value == 0:
                right = mpmath.mpf(float(exact(name, np.zeros(1, dtype))[0]))
            if abs(right) >= float(kind.max):
                assert abs(result) >= float(kind.max)
                continue
            exponent = mpmath.frexp(right)[1] - 1 if right else kind.minexp
            unit = mpmath.ldexp(1, max(exponent, int(kind.minexp)) - int(kind.nmant))
            assert abs(result - right) <= ULPS[name][dtype == "float64"] * unit, value


@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize(
    ("name", "at_zero", "at_infinity", "at_minus_infinity"),
    [
        ("exp", 1.0, np.inf, 0.0),
        ("exp2", 1.0, np.inf, 0.0),
        ("expm1", None, np.inf, -1.0),
        ("tanh", None, 1.0, -1.0),
        ("sigmoid", 0.5, 1.0, 0.0),
        ("gaussian", 1.0, 0.0, 0.0),
        ("logistic_density", 0.25, 0.0, 0.0),
        ("tanh_slope", 1.0, 0.0, 0.0),
        ("sinh", None, np.inf, -np.inf),
        ("cosh", 1.0, np.inf, np.inf),
    ],
)
def test_specials(name: str, dtype: str, at_zero: float | None, at_infinity: float, at_minus_infinity: float) -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.finfo(dtype).max, np.finfo(dtype).min, np.nan], dtype)
    zeros = [0.0, -0.0] if at_zero is None else [at_zero] * 2
    right = np.array([*zeros, at_infinity, at_minus_infinity, at_infinity, at_minus_infinity, np.nan], dtype)
    y = computed(name, x)
    np.testing.assert_array_equal(y, right)
    np.testing.assert_array_equal(np.signbit(y[:-1]), np.signbit(right[:-1]))


@pytest.mark.parametrize("name", ["expm1", "tanh", "sinh"])
@pytest.mark.parametrize("dtype", WIDE)
def test_subnormals_are_their_own_result(name: str, dtype: str) -> None:
    x = (np.finfo(dtype).smallest_subnormal * np.arange(-1000, 1000)).astype(dtype)
    np.testing.assert_array_equal(computed(name, x), x)


@needs_wide
def test_exp_with_tail() -> None:
    x = np.random.default_rng(0).uniform(-700, 700, 10_000)
    high = x.astype(np.float32).astype(np.float64)
    # Halves of a float64's last digit, which the sum with ``high`` would lose.
    low = np.spacing(high) * np.random.default_rng(1).uniform(-0.5, 0.5, high.size)
    function = numba_function(exponentials.exp_with_tail)

    @njit("void(float64[::1], float64[::1], float64[::1])", error_model="numpy")
    def run(x: Any, low: Any, y: Any) -> None:
        for i in range(x.shape[0]):
            y[i] = function(x[i], low[i])

    y = np.empty_like(x)
    run(high, low, y)
    right = np.exp(high.astype(np.longdouble)) * (1 + low.astype(np.longdouble))
    assert ulps(y, right).max() <= 1.0
    run(np.array([np.inf, -np.inf, np.nan]), np.zeros(3), y[:3])
    np.testing.assert_array_equal(y[:3], [np.inf, 0.0, np.nan])


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_runs_on_vectors_here(name: str, dtype: str) -> None:
    check_vectors_here(getattr(exponentials, name), dtype)


@elsewhere
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_runs_on_vectors_elsewhere(name: str, dtype: str, target: assembly.Target) -> None:
    taken = check_vectors_elsewhere(getattr(exponentials, name), dtype, target)
    assert taken == []


@pytest.mark.parametrize("target", [assembly.HOST, assembly.AVX2], ids=["host", "avx2"])
def test_calls_are_seen(target: assembly.Target) -> None:
    if not target.is_available:
        pytest.skip(f"this llvmlite doesn't know {target.triple}")
    code = assembly.assembly(assembly.loop_over(lambda x: x.call("exp"), "float64"), target)
    assert "exp" in assembly.called(code)
    assert not assembly.vector_bits(code, "float64")
