"""dish for kernels: how far from the exact numbers, on processors with other estimates of roots too, and on vectors."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("numba")

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

DISHES = [roots.dish, roots.near_dish]
# How far any x86 processor's estimate of a reciprocal root may be off, of itself.
SPECIFIED = 1.5 * 2.0**-12


def points(dtype: str, count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    curve = [random.uniform(-bound, bound, count) for bound in (1, 10, 300)]
    return np.concatenate([all_sizes(dtype, count), *curve, [0.0, -0.0, 2.0**60, -(2.0**60)]]).astype(dtype)


def exact(x: np.ndarray) -> np.ndarray:
    x = x.astype(WIDE[str(x.dtype)])
    size = np.abs(x)
    return np.maximum(x, 0) - 0.5 / (size + np.sqrt(1 + size * size)) * (size / np.sqrt(1 + size * size))


@needs_wide
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emit", DISHES)
def test_accuracy(emit, dtype):
    x = points(dtype, 60_000)
    if emit is roots.near_dish:
        x = x[np.abs(x) <= 2.0**60]
    error = ulps(computed(emit, x), exact(x))
    worst = int(np.argmax(error))
    assert error[worst] <= 2.8, x[worst]


@needs_wide
@pytest.mark.parametrize("off", [SPECIFIED, -SPECIFIED])
def test_the_worst_estimate_that_a_processor_may_give_is_good_enough(off, monkeypatch):
    def estimate(x: Value) -> Value:
        return 1.0 / machine.sqrt(x) * (1 + off)

    monkeypatch.setattr(roots, "has_reciprocal_root", lambda: True)
    monkeypatch.setattr(roots, "reciprocal_root", estimate)

    def dish(x: Value) -> Value:  # one of its own, for compiled ones are kept
        return roots.dish(x)

    x = points("float32", 60_000)
    assert ulps(computed(dish, x), exact(x)).max() <= 4.1


@needs_wide
def test_processors_that_estimate_no_roots_take_exact_ones(monkeypatch):
    monkeypatch.setattr(roots, "has_reciprocal_root", lambda: False)

    def dish(x: Value) -> Value:
        return roots.dish(x)

    x = points("float32", 60_000)
    assert ulps(computed(dish, x), exact(x)).max() <= 2.6


@pytest.mark.parametrize("dtype", DTYPES)
def test_specials(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, tiny, -tiny], dtype)
    y = computed(roots.dish, x)
    np.testing.assert_array_equal(y, np.array([0, 0, np.inf, 0, np.nan, tiny, 0], dtype))
    np.testing.assert_array_equal(np.signbit(y[[0, 1, 3, 6]]), [False, True, False, False])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emit", DISHES)
def test_runs_on_vectors_here(emit, dtype):
    check_vectors_here(emit, dtype)


@elsewhere
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("emit", DISHES)
def test_runs_on_vectors_elsewhere(emit, dtype, target):
    assert check_vectors_elsewhere(emit, dtype, target) == []


@pytest.mark.skipif(not machine.has_reciprocal_root(), reason="this processor estimates no roots")
@pytest.mark.parametrize("target", [assembly.AVX2, assembly.AVX512], ids=["avx2", "avx512"])
def test_all_elements_take_the_same_estimate_and_no_other_root(target):
    code = assembly.assembly(assembly.loop_over(roots.near_dish, "float32"), target)
    assert set(re.findall(r"\s(v?r?sqrt\w*)\s", code)) == {"vrsqrtps", "vrsqrtss"}  # and not vrsqrt14ps
    assert assembly.vector_bits(code, "float32") == {256}
