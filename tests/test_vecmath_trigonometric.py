"""sin, cos, tan and arctan for kernels: how far from the exact numbers, and whether they run on vectors."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

pytest.importorskip("numba")

from actspec.kernels.codegen import NEAR
from actspec.kernels.vecmath import trigonometric
from tests.support import assembly
from tests.support.vecmath import (
    DTYPES,
    all_sizes,
    check_vectors_elsewhere,
    check_vectors_here,
    computed,
    elsewhere,
    needs_wide,
    ulps,
    ulps_mpmath,
)

# The worst errors of all float32s and of many float64s, in units in the last place, rounded up.
ULPS = {"sin": (1.8, 1.3), "cos": (1.8, 1.3), "sin_squared": (1.1, 1.1), "tan": (1.6, 1.6), "arctan": (1.5, 1.6)}
NEAR_ULPS = {"sin": (2.8, 1.6), "cos": (2.8, 1.6), "sin_squared": (1.9, 1.9)}
MPMATH = {"arctan": mpmath.atan, "sin_squared": lambda x: mpmath.sin(x) ** 2}
NUMPY = {"sin_squared": lambda x: np.sin(x) ** 2}
CASES = [pytest.param(name, dtype, id=f"{name}-{dtype}") for name in ULPS for dtype in DTYPES]
# The float64 that is nearest to a multiple of pi/2, and others of its kind.
NEAR_MULTIPLES = {
    "float32": [2.0**127 * 1.9999999, 16367173 * 2.0**72, 11.0, 22.0, 355.0, 1.5707964, 3.1415927],
    "float64": [6381956970095103 * 2.0**797, 1.7976931348623157e308, np.pi, np.pi / 2, 355.0, 2.0**1023, 1e22],
}


def points(dtype: str, count: int) -> np.ndarray:
    """Every size, the curve, and the surroundings of multiples of pi/4."""
    random = np.random.default_rng(1)
    whole = np.concatenate([np.arange(count // 16), np.floor(np.exp(random.uniform(0, 20, count // 16)))])
    near = (whole * (np.pi / 4) * random.choice([-1, 1], whole.size)).astype(dtype)
    curve = [random.uniform(-bound, bound, count // 8) for bound in (0.8, 1.6, 10, 1e5)]
    return np.concatenate([all_sizes(dtype, count // 4), near, *curve, NEAR_MULTIPLES[dtype]]).astype(dtype)


@needs_wide
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_accuracy(name: str, dtype: str) -> None:
    x = points(dtype, 200_000)
    wide = np.float64 if dtype == "float32" else np.longdouble
    right = NUMPY.get(name, getattr(np, name, None))(x.astype(wide))
    error = ulps(computed(getattr(trigonometric, name), x), right)
    worst = int(np.argmax(error))
    assert error[worst] <= ULPS[name][dtype == "float64"], x[worst]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_a_few_against_mpmath(name: str, dtype: str) -> None:
    x = np.concatenate([points(dtype, 8_000)[::4], NEAR_MULTIPLES[dtype]]).astype(dtype)
    y = computed(getattr(trigonometric, name), x)
    with mpmath.workdps(40):
        for value, result in zip(x.tolist(), y.tolist(), strict=True):
            right = MPMATH.get(name, getattr(mpmath, name, None))(mpmath.mpf(value))
            assert ulps_mpmath(result, right, dtype) <= ULPS[name][dtype == "float64"], value


@needs_wide
@pytest.mark.parametrize("name", NEAR_ULPS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_short_way_is_right_up_to_its_bound(name: str, dtype: str) -> None:
    x = points(dtype, 200_000)
    whole = np.rint(np.exp(np.random.default_rng(2).uniform(0, np.log(NEAR[dtype]), 50_000)))
    x = np.concatenate([x, whole * (np.pi / 2), [NEAR[dtype]]]).astype(dtype)
    x = x[np.abs(x) <= NEAR[dtype]]
    wide = np.float64 if dtype == "float32" else np.longdouble
    right = NUMPY.get(name, getattr(np, name, None))(x.astype(wide))
    error = ulps(computed(getattr(trigonometric, f"near_{name}"), x), right)
    worst = int(np.argmax(error))
    assert error[worst] <= NEAR_ULPS[name][dtype == "float64"], x[worst]
    zeros = computed(getattr(trigonometric, f"near_{name}"), np.array([0.0, -0.0], dtype))
    np.testing.assert_array_equal(np.signbit(zeros), [False, name == "sin"])


@pytest.mark.parametrize("name", ULPS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_specials(name: str, dtype: str) -> None:
    y = computed(getattr(trigonometric, name), np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype))
    zeros = {"cos": [1.0, 1.0], "sin_squared": [0.0, 0.0]}.get(name, [0.0, -0.0])
    limits = [np.pi / 2, -np.pi / 2] if name == "arctan" else [np.nan] * 2
    np.testing.assert_array_equal(y, np.array([*zeros, *limits, np.nan], dtype))
    np.testing.assert_array_equal(np.signbit(y[:2]), np.signbit(zeros))


@pytest.mark.parametrize("name", ["sin", "tan", "arctan"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormals_are_their_own_result(name: str, dtype: str) -> None:
    x = (np.finfo(dtype).smallest_subnormal * np.arange(-1000, 1000)).astype(dtype)
    y = computed(getattr(trigonometric, name), x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(np.signbit(y), np.signbit(x))


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_runs_on_vectors_here(name: str, dtype: str) -> None:
    check_vectors_here(getattr(trigonometric, name), dtype)


@elsewhere
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_runs_on_vectors_elsewhere(name: str, dtype: str, target: assembly.Target) -> None:
    taken = check_vectors_elsewhere(getattr(trigonometric, name), dtype, target)
    # float64 looks up the bits of 2/pi, which takes an index out of a vector where there are no gathers.
    if name == "arctan" or dtype == "float32":
        assert taken == []
