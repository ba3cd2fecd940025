"""``actspec.functions`` against SciPy and mpmath: values, types, tails."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.special
import scipy.stats

import actspec
from actspec import functions

PEERS = {
    "sigmoid": scipy.special.expit,
    "log_sigmoid": scipy.special.log_expit,
    "softplus": lambda x: np.logaddexp(x, np.zeros_like(x)),
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "logistic_density": scipy.stats.logistic.pdf,
}


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_equal_scipys(name: str, dtype: type) -> None:
    x = np.concatenate([np.linspace(-800, 800, 4001), np.linspace(-12, 12, 4001)]).astype(dtype)
    y = getattr(functions, name)(x)
    assert y.dtype == dtype
    # SciPy's own tails of these are some 1e-13 off; mpmath decides below.
    tolerance = 1e-13 if name in ("erfc", "logistic_density") and dtype == np.float64 else 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(y, PEERS[name](x), rtol=tolerance, atol=np.finfo(dtype).tiny)


@pytest.mark.parametrize("name", [*PEERS, "gaussian"])
@pytest.mark.parametrize("wrong", [[1j], ["a"], [[1], [1, 2]], np.longdouble(1), np.ma.masked_array([1.0])])
def test_what_is_no_array_of_real_numbers_is_refused(name: str, wrong: object) -> None:
    with pytest.raises((TypeError, ValueError), match="x must be"):
        getattr(functions, name)(wrong)


@pytest.mark.parametrize("name", [*PEERS, "gaussian"])
def test_byte_swapped_arrays_give_native_ones(name: str) -> None:
    y = getattr(functions, name)(np.array([0.5, 1.0], ">f4"))
    assert y.dtype == np.float32
    assert y.dtype.isnative


@pytest.mark.parametrize("x", [-700.5, -37.25, -1e-9, 0.0, 1e-9, 0.75, 9.5, 37.25, 700.5])
def test_values_equal_the_definition(x: float) -> None:
    with mpmath.workdps(400):
        exact = {
            "sigmoid": 1 / (1 + mpmath.exp(-x)),
            "log_sigmoid": -mpmath.log1p(mpmath.exp(-x)),
            "softplus": mpmath.log1p(mpmath.exp(x)),
            "erf": mpmath.erf(x),
            "erfc": mpmath.erfc(x),
            "gaussian": mpmath.exp(-(mpmath.mpf(x) ** 2)),
            "gaussian_slope": -2 * x * mpmath.exp(-(mpmath.mpf(x) ** 2)),
            "logistic_density": mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2,
            "tanh_slope": mpmath.sech(x) ** 2,
        }
    for name, value in exact.items():
        assert getattr(functions, name)(x) == pytest.approx(float(value), rel=4e-16, abs=1e-320), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spread", [1e-6, 0.01, 1.0, 100.0])
def test_what_is_above_the_simplex_threshold_sums_to_one(spread: float, dtype: type) -> None:
    x = np.random.default_rng(3).normal(0, spread, (5, 4, 300)).astype(dtype)
    for axis in (-1, 0, (0, 2), None):
        t = functions.simplex_threshold(x, axis=axis, keepdims=True)
        assert t.dtype == dtype
        assert t.shape == np.max(x, axis=axis, keepdims=True).shape
        sums = np.sum(np.maximum(x - t, 0), axis=axis, dtype=np.float64)
        np.testing.assert_allclose(sums, 1, rtol=1e3 * np.finfo(dtype).eps * max(1, spread))
        np.testing.assert_array_equal(functions.simplex_threshold(x, axis), np.squeeze(t, axis))


def test_the_simplex_threshold_of_rows_of_all_kinds() -> None:
    # equal ones; one far above the others; masked ones; a row that is on the simplex already
    rows = np.array([[2, 2, 2, 2], [0, 50, 0, 0], [0, -np.inf, 0, -np.inf], [0.5, 0.25, 0.25, 0]])
    np.testing.assert_allclose(functions.simplex_threshold(rows, axis=1), [1.75, 49, -0.5, 0], rtol=1e-15)
    with np.errstate(all="ignore"):
        assert np.isnan(functions.simplex_threshold([[0, np.nan], [np.inf, 0], [-np.inf, -np.inf]], axis=1)).all()
    assert functions.simplex_threshold(3.0) == 2


def test_first_true_holds_once_at_the_most() -> None:
    x = np.random.default_rng(4).random((6, 7, 8)) < 0.3
    for axis in (0, 1, -1):
        places = np.argmax(x, axis=axis, keepdims=True)
        want = np.zeros_like(x)
        np.put_along_axis(want, places, np.take_along_axis(x, places, axis=axis), axis=axis)
        np.testing.assert_array_equal(functions.first_true(x, axis=axis), want)


@pytest.mark.parametrize("name", PEERS)
def test_any_array_like_is_taken(name: str) -> None:
    function = getattr(functions, name)
    assert function(0).dtype == np.float64
    assert function([0, 1]).dtype == np.float64
    assert np.shape(function(1.5)) == ()
    assert function(np.zeros((2, 0, 3), np.float32)).shape == (2, 0, 3)
    assert np.isnan(function(np.nan))
    assert not np.isnan(function([-np.inf, np.inf])).any()


# ---- in two parts


GATES = {
    "sigmoid_gate": lambda x, z: x / (1 + mpmath.exp(-z)),
    "sigmoid_gate_slope": lambda x, z: x * mpmath.exp(-z) / (1 + mpmath.exp(-z)) ** 2,
    "normal_gate": lambda x, z: x * mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
    "normal_gate_slope": lambda x, z: x * mpmath.npdf(z),
}


@pytest.mark.parametrize("name", GATES)
def test_gates_keep_their_digits_down_to_the_smallest_numbers(name: str) -> None:
    z = np.array([-751.5, -744.0, -710.25, -501.0, -38.4, -37.25, -26.5, -25.5, -3.0, -1e-9, 0.0, 0.75, 6.5, 40.0])
    rest = z * 1e-16
    found = getattr(functions, name)(z, z, rest)
    with mpmath.workdps(60):
        for each, lost, got in zip(z.tolist(), rest.tolist(), found.tolist(), strict=True):
            right = GATES[name](mpmath.mpf(each), mpmath.mpf(each) + mpmath.mpf(lost))
            assert got == pytest.approx(float(right), rel=1.2e-15, abs=1e-323), each


@pytest.mark.parametrize("name", GATES)
def test_gates_are_closed_where_their_argument_is_minus_infinity(name: str) -> None:
    gate = getattr(functions, name)
    assert gate(-np.inf, -np.inf) == 0
    assert np.isnan(gate(np.nan, -np.inf))
    assert np.isnan(gate(1.0, np.nan))
    assert gate(np.float32([1, 2]), np.float32([0, 0])).dtype == np.float32


@pytest.mark.parametrize("x", [0.0, 1e-300, -0.1, 3.7, -1e10, 2.0**80])
def test_pairs_lose_nothing(x: float) -> None:
    whole, rest = functions.two_product(0.3, x)
    assert Fraction(float(whole)) + Fraction(float(rest)) == pytest.approx(Fraction(0.3) * Fraction(x), rel=1e-30)
    whole, rest = functions.two_sum(0.3, x)
    assert Fraction(float(whole)) + Fraction(float(rest)) == Fraction(0.3) + Fraction(x)
    whole, rest = functions.two_difference(x, 0.3)
    assert Fraction(float(whole)) + Fraction(float(rest)) == Fraction(x) - Fraction(0.3)
    whole, rest = functions.two_quotient(x, 0.3)
    assert Fraction(float(whole)) + Fraction(float(rest)) == pytest.approx(Fraction(x) / Fraction(0.3), rel=1e-30)


def test_parameters_in_pairs_count_as_declared() -> None:
    with actspec.registry.scope():

        class Lost(actspec.Activation):
            """What ``(x - shift)*factor/divisor`` loses."""

            shift: float = 0.1
            factor: float = 0.7
            divisor: float = 0.3

            def __call__(self, x):
                apart = functions.two_product(self.factor, functions.two_difference(x, self.shift))
                return functions.two_quotient(apart, self.divisor)[1]

        act = actspec.parse("lost(0.3, 1.7, 0.9)")
        assert actspec.explain(act).stages[0].compiled
        x = np.float32([-3.5, -1e-3, 0.0, 0.1, 7.25, 1e20, np.inf, -np.inf])
        y = act(x)
        for each, got in zip(x[:-2].tolist(), y[:-2].tolist(), strict=True):
            exact = (Fraction(each) - Fraction(0.3)) * Fraction(1.7) / Fraction(0.9)
            whole = (np.float32(each) - np.float32(0.3)) * np.float32(1.7) / np.float32(0.9)
            assert Fraction(float(whole)) + Fraction(got) == pytest.approx(exact, rel=1e-13)
        assert (y[-2:] == 0).all()
        np.testing.assert_allclose(actspec.parse("lost(0.3, 1.7, ~0.9)").bind(features=1)(x[:1]).shape, (1,))
