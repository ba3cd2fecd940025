"""log and its relatives for kernels: how far from the exact numbers, and whether they run on vectors."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

pytest.importorskip("numba")

from actspec.kernels.vecmath import logarithms
from tests.support import assembly
from tests.support import vecmath as support
from tests.support.vecmath import WIDE, check_vectors_elsewhere, check_vectors_here, elsewhere, needs_wide

# The worst errors of all float32s and of many float64s, in units in the last place, rounded up.
ULPS = {
    "log": (1.0, 1.25),
    "log2": (1.4, 1.3),
    "log10": (1.5, 1.4),
    "log1p": (1.6, 1.85),
    "softplus": (1.85, 1.8),
    "log_sigmoid": (1.85, 1.8),
    "arcsinh": (1.45, 1.65),
    "arccosh": (1.9, 1.9),
    "arctanh": (1.6, 1.6),
    "cbrt": (1.4, 1.0),
}
CASES = [pytest.param(name, dtype, id=f"{name}-{dtype}") for name in ULPS for dtype in WIDE]


def computed(name: str, x: np.ndarray) -> np.ndarray:
    return support.computed(getattr(logarithms, name), x)


def points(dtype: str) -> np.ndarray:
    """All sizes of numbers, subnormal ones too, ranges where functions bend, and neighbourhoods of 1, -1 and steps."""
    random = np.random.default_rng(0)
    kind = np.finfo(dtype)
    unsigned = np.uint32 if dtype == "float32" else np.uint64
    anything = random.integers(0, 2**kind.bits, 60_000, dtype=unsigned).view(dtype)
    # NumPy warns of signalling NaNs.
    anything = anything[~np.isnan(anything)]
    tiny = float(kind.smallest_subnormal) * np.concatenate([np.arange(50), random.integers(0, 2**kind.nmant, 5_000)])
    ranges = [random.uniform(-bound, bound, 20_000) for bound in (1, 4, 20, 800)]
    # log's mantissas begin at sqrt(1/2), a hyperbolic function's k at 0.75 and 1.25, artanh's at 0.26.
    steps = [1, -1, 0.5**0.5, 2**0.5, 2**0.5 - 1, 0.5**0.5 - 1, 0.26, 0.75, 1.25, 2.0**60, 2.0**500]
    near = [
        each * (1 + random.choice([-1, 1], 4_000) * np.exp2(-random.uniform(0, kind.nmant, 4_000))) for each in steps
    ]
    specials = [0.0, np.inf, np.nan, kind.max, kind.smallest_normal, 1.0, 1 - kind.epsneg, 1 + kind.eps]
    with np.errstate(all="ignore"):
        rest = np.concatenate([*ranges, *near, tiny, specials]).astype(dtype)
    return np.concatenate([anything, rest, -rest])


def exact(name: str, x: np.ndarray) -> np.ndarray:
    v = x.astype(WIDE[str(x.dtype)])
    with np.errstate(all="ignore"):
        if name in ("softplus", "log_sigmoid"):
            sign = 1 if name == "softplus" else -1
            return sign * (np.maximum(sign * v, 0) + np.log1p(np.exp(-np.abs(v))))
        return getattr(np, name)(v)


def ulps(y: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The errors in units in the last place of the exact numbers, which are finite."""
    kind = np.finfo(y.dtype)
    _, exponent = np.frexp(expected)
    unit = np.ldexp(expected.dtype.type(1), np.maximum(exponent - 1, kind.minexp) - kind.nmant)
    return np.abs(y.astype(expected.dtype) - expected) / unit


@needs_wide
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_accuracy(name: str, dtype: str) -> None:
    x = points(dtype)
    y, right = computed(name, x), exact(name, x)
    finite = np.isfinite(right)
    np.testing.assert_array_equal(y[~finite], right[~finite].astype(dtype))
    np.testing.assert_array_equal(np.signbit(y[finite]), np.signbit(right[finite]))
    error = ulps(y[finite], right[finite])
    worst = int(np.argmax(error))
    assert error[worst] <= ULPS[name][dtype == "float64"], x[finite][worst]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_a_few_against_mpmath(name: str, dtype: str) -> None:
    formulas = {
        "log2": lambda v: mpmath.log(v) / mpmath.log(2),
        "softplus": lambda v: mpmath.log1p(mpmath.exp(v)),
        "log_sigmoid": lambda v: -mpmath.log1p(mpmath.exp(-v)),
        "arcsinh": mpmath.asinh,
        "arccosh": mpmath.acosh,
        "arctanh": mpmath.atanh,
        "cbrt": lambda v: mpmath.sign(v) * mpmath.cbrt(abs(v)),
    }
    x = points(dtype)[::1999].copy()
    x = x[np.isfinite(x) & np.isfinite(computed(name, x))]
    kind = np.finfo(dtype)
    assert len(x) > 20
    with mpmath.workdps(700):
        for value, result in zip(x.tolist(), computed(name, x).tolist(), strict=True):
            if name in ("softplus", "log_sigmoid") and abs(value) > 800:
                continue
            right = formulas.get(name, getattr(mpmath, name, None))(mpmath.mpf(value))
            exponent = mpmath.frexp(right)[1] - 1 if right else kind.minexp
            unit = mpmath.ldexp(1, max(int(exponent), int(kind.minexp)) - int(kind.nmant))
            assert abs(result - right) <= ULPS[name][dtype == "float64"] * unit, value


LOG = [(0, -np.inf), (-0.0, -np.inf), (1, 0), (-1e-30, np.nan), (np.inf, np.inf), (-np.inf, np.nan)]
ODD = [(0, 0), (-0.0, -0.0), (np.inf, np.inf), (-np.inf, -np.inf)]


@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("log", LOG),
        ("log2", LOG),
        ("log10", LOG),
        ("log1p", [(0, 0), (-0.0, -0.0), (-1, -np.inf), (-1.5, np.nan), (np.inf, np.inf), (-np.inf, np.nan)]),
        ("softplus", [(np.inf, np.inf), (-np.inf, 0), (-2e9, 0), (2.0**31, 2.0**31)]),
        ("log_sigmoid", [(np.inf, -0.0), (-np.inf, -np.inf), (2e9, -0.0), (-(2.0**31), -(2.0**31))]),
        ("arcsinh", ODD),
        ("arccosh", [(1, 0), (0.75, np.nan), (-2, np.nan), (np.inf, np.inf), (-np.inf, np.nan)]),
        ("arctanh", [(0, 0), (-0.0, -0.0), (1, np.inf), (-1, -np.inf), (1.25, np.nan), (-2, np.nan), (np.inf, np.nan)]),
        ("cbrt", [*ODD, (27, 3), (-8, -2)]),
    ],
)
def test_specials(name: str, cases: list[tuple[float, float]], dtype: str) -> None:
    x, right = np.array([*cases, (np.nan, np.nan)], dtype).T.copy()
    y = computed(name, x)
    np.testing.assert_array_equal(y, right)
    known = ~np.isnan(right)
    np.testing.assert_array_equal(np.signbit(y[known]), np.signbit(right[known]))


@pytest.mark.parametrize("name", ["log1p", "arcsinh", "arctanh"])
@pytest.mark.parametrize("dtype", WIDE)
def test_subnormals_are_their_own_result(name: str, dtype: str) -> None:
    x = (np.finfo(dtype).smallest_subnormal * np.arange(-1000, 1000)).astype(dtype)
    np.testing.assert_array_equal(computed(name, x), x)


@pytest.mark.parametrize("dtype", WIDE)
def test_logarithms_of_powers_are_whole(dtype: str) -> None:
    kind = np.finfo(dtype)
    powers = np.arange(kind.minexp - kind.nmant, kind.maxexp)
    np.testing.assert_array_equal(computed("log2", np.ldexp(1.0, powers).astype(dtype)), powers)
    # So many powers of 10 are floats.
    powers = np.arange(11 if dtype == "float32" else 23)
    np.testing.assert_array_equal(computed("log10", (10.0**powers).astype(dtype)), powers)


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_runs_on_vectors_here(name: str, dtype: str) -> None:
    check_vectors_here(getattr(logarithms, name), dtype)


@elsewhere
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_runs_on_vectors_elsewhere(name: str, dtype: str, target: assembly.Target) -> None:
    taken = check_vectors_elsewhere(getattr(logarithms, name), dtype, target)
    # What is left over at the loop's end is converted number by number, once.
    last = ["vcvttss2si"] if (name, dtype) == ("cbrt", "float32") and target is not assembly.NEON else []
    assert taken == last
