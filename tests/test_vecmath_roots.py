"""dish and squareplus for kernels: how far from the exact numbers, on processors with other estimates of roots too, and
whether they run on vectors.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("numba")

from llvmlite import ir

from actspec.kernels import machine
from actspec.kernels.machine import Value
from actspec.kernels.vecmath import roots
from tests.support import assembly
from tests.support.vecmath import (
    DTYPES,
    WIDE,
    all_sizes,
    check_vectors_elsewhere,
    check_vectors_here,
    computed,
    elsewhere,
    needs_wide,
    ulps,
)

# How far any x86 processor's estimate of a reciprocal root may be off, of itself.
SPECIFIED = 1.5 * 2.0**-12
SQUARE = 4.0


def dish(x: Value) -> Value:
    return roots.dish(x)


def near_dish(x: Value) -> Value:
    return roots.near_dish(x)


def near_squareplus(x: Value) -> Value:
    return roots.near_steady_squareplus(x, x.constant(SQUARE))


NEAR = {dish: np.inf, near_dish: 2.0**60, near_squareplus: 2.0**4.5 * SQUARE**0.5}
# The worst errors, in units in the last place, with an exact root and with the worst estimate.
ULPS = {dish: (2.8, 4.1), near_dish: (2.8, 4.1), near_squareplus: (3.3, 3.6)}


def fresh(emit):
    """The same function, of which nothing is compiled yet."""

    def again(x: Value) -> Value:
        return emit(x)

    return again


def points(emit, dtype: str, count: int = 60_000) -> np.ndarray:
    random = np.random.default_rng(1)
    curve = [random.uniform(-bound, bound, count) for bound in (1, 10, 300)]
    x = np.concatenate([all_sizes(dtype, count), *curve, [0.0, -0.0, 2.0**60, -(2.0**60)]]).astype(dtype)
    return x[np.abs(x) <= NEAR[emit]]


def exact(emit, x: np.ndarray) -> np.ndarray:
    x = x.astype(WIDE[str(x.dtype)])
    square = SQUARE if emit is near_squareplus else 1.0
    root = np.sqrt(square + x * x)
    bend = square / 2 / (np.abs(x) + root)
    return np.maximum(x, 0) + (bend if emit is near_squareplus else -bend * (np.abs(x) / root))


@needs_wide
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emit", NEAR)
def test_accuracy(emit, dtype):
    x = points(emit, dtype)
    error = ulps(computed(emit, x), exact(emit, x))
    worst = int(np.argmax(error))
    assert error[worst] <= ULPS[emit][dtype == "float32"], x[worst]


@needs_wide
@pytest.mark.parametrize("off", [SPECIFIED, -SPECIFIED])
@pytest.mark.parametrize("emit", NEAR)
def test_the_worst_estimate_that_a_processor_may_give_is_good_enough(emit, off, monkeypatch):
    asked = []

    def estimate(x: Value) -> Value:
        asked.append(x)
        return 1.0 / machine.sqrt(x) * (1 + off)

    monkeypatch.setattr(roots, "estimates_root", lambda _x: True)
    monkeypatch.setattr(roots, "reciprocal_root", estimate)
    x = points(emit, "float32")
    assert ulps(computed(fresh(emit), x), exact(emit, x)).max() <= ULPS[emit][1]
    assert asked


@needs_wide
@pytest.mark.parametrize("emit", NEAR)
def test_a_processor_that_estimates_no_roots_takes_exact_ones(emit, monkeypatch):
    monkeypatch.setattr(roots, "estimates_root", lambda _x: False)
    x = points(emit, "float32")
    assert ulps(computed(fresh(emit), x), exact(emit, x)).max() <= ULPS[emit][0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_specials_of_dish(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    y = computed(dish, np.array([0.0, -0.0, np.inf, -np.inf, np.nan, tiny, -tiny], dtype))
    np.testing.assert_array_equal(y, np.array([0, 0, np.inf, 0, np.nan, tiny, 0], dtype))
    np.testing.assert_array_equal(np.signbit(y[[0, 1, 3, 6]]), [False, True, False, False])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emit", NEAR)
def test_runs_on_vectors_here(emit, dtype):
    check_vectors_here(emit, dtype)


@elsewhere
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emit", NEAR)
def test_runs_on_vectors_elsewhere(emit, dtype, target):
    assert check_vectors_elsewhere(emit, dtype, target) == []


@pytest.mark.skipif(
    not machine.estimates_root(Value(ir.IRBuilder(), ir.Constant(ir.FloatType(), 1.0))),
    reason="this processor estimates no roots",
)
@pytest.mark.parametrize("target", [assembly.AVX2, assembly.AVX512], ids=["avx2", "avx512"])
@pytest.mark.parametrize("emit", [near_dish, near_squareplus])
def test_all_elements_take_the_same_estimate_and_no_other_root(emit, target):
    code = assembly.assembly(assembly.loop_over(emit, "float32"), target)
    assert set(re.findall(r"\s(v?r?sqrt\w*)\s", code)) == {"vrsqrtps", "vrsqrtss"}  # and not vrsqrt14ps
    assert assembly.vector_bits(code, "float32") == {256}
