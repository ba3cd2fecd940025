"""Short ways of kernels, which hold for blocks without large numbers: their results, and those beside large numbers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

import actspec
from actspec.kernels.codegen import BLOCK
from tests.support.amount import by_turns
from tests.support.vecmath import DTYPES, needs_wide, ulps


@pytest.mark.parametrize(("spec", "dtype"), by_turns(["sin", "cos", "snake", "squareplus(0.3)", "dish"], DTYPES))
def test_no_element_depends_on_others_that_take_the_long_way(spec: str, dtype: str) -> None:
    x = np.random.default_rng(3).normal(0, 20, 3 * BLOCK).astype(dtype)
    among = x.copy()
    among[[BLOCK // 2, 2 * BLOCK + 1]] = 1e35, np.nan
    act = actspec.parse(spec)
    same = np.isin(np.arange(x.size), [BLOCK // 2, 2 * BLOCK + 1], invert=True)
    for derived in (act, lambda x: act.vjp(x, np.ones_like(x))):
        np.testing.assert_array_equal(derived(among)[same], derived(x)[same])
        np.testing.assert_array_equal(derived(among[7:])[same[7:]], derived(x)[7:][same[7:]])
    in_place = among.copy()
    np.testing.assert_array_equal(act(in_place, out=in_place), act(among))


@needs_wide
@pytest.mark.parametrize("b", [4.0, 1.0, 0.3, 77.7, 2.0**-50, 2.0**55])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_short_way_of_squareplus_is_right_up_to_its_bound(b: float, dtype: str) -> None:
    random, bound = np.random.default_rng(4), np.sqrt((2**9 if dtype == "float32" else 2**24) * b)
    x = np.concatenate([-np.exp(random.uniform(np.log(bound) - 12, np.log(bound), 90_000)), [0.0, -0.0, bound, -bound]])
    x = np.concatenate([x, random.uniform(-bound, bound, 50_000), np.sqrt(b) * random.uniform(-8, 8, 50_000)])
    x = x.astype(dtype)
    wide, square = x.astype(np.longdouble), np.longdouble(np.dtype(dtype).type(b))
    root = np.sqrt(wide * wide + square)
    right = np.where(x < 0, square / 2 / (root + np.abs(wide)), (wide + root) / 2)
    for each in (x, np.append(x, np.asarray(1e15, dtype))):  # by the short way, and by either
        error = ulps(actspec.parse(f"squareplus({b!r})")(each)[: x.size], right)
        worst = int(np.argmax(error))
        assert error[worst] <= (4.0 if dtype == "float32" else 3.3), x[worst]  # 3.8 with the worst estimate of a root


@needs_wide
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_kernel_takes_the_long_way_where_a_block_has_a_large_number(dtype: str) -> None:
    x = np.random.default_rng(3).normal(0, 20, 5 * BLOCK + 7).astype(dtype)
    x[[BLOCK + 3, 3 * BLOCK - 1, -1]] = 1e22, np.nan, -np.inf
    wide = np.float64 if dtype == "float32" else np.longdouble
    with np.errstate(invalid="ignore"):
        right = np.sin(x.astype(wide))
    for y in (actspec.parse("sin")(x), actspec.parse("sin")(np.repeat(x, 2)[::2])):
        np.testing.assert_array_equal(np.isnan(y), np.isnan(right))
        assert ulps(y, right)[~np.isnan(y)].max() <= 2.8
